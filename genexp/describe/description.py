"""Description of a file and its annotations: facts, questions, and the next command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from genexp.describe.roles import Candidate
from genexp.settings.cohort import CohortConfig
from genexp.settings.section import format_value
from genexp.settings.values import list_choices, parameter_names

PARAMETERS = tuple(parameter_names(CohortConfig))
ANSWER = re.compile(rf"\b({'|'.join(PARAMETERS)})=(\"[^\"]*\"|'[^']*'|\w[\w.+|-]*(?<=\w))?")
"""A parameter with its value, as messages write it: ``rows=samples|genes``, ``where="not age <
40"``, ``scale=``."""
BLANK = {
    "layer": "LAYER",
    "sample_id": "COLUMN",
    "label": "COLUMN",
    "time": "COLUMN",
    "event": "COLUMN",
    "batch": "COLUMN",
    "group": "COLUMN",
}
"""Placeholders of values that only the user knows."""
MAX_ANSWERS = 4


@dataclass(frozen=True)
class Question:
    """A question of the reader before it reads the cohort.

    Parameters
    ----------
    text : str
        Message of the reader.
    answers : tuple of (str, str)
        Parameters and values that answer it.
    assumed : mapping of str to str
        The answer that the description assumes; empty: the question is open.
    """

    text: str
    answers: tuple[tuple[str, str], ...] = ()
    assumed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ValueStatistics:
    """Statistics of the values, for figures.

    Parameters
    ----------
    scale : str
        Value scale; empty if unknown.
    sampled : ndarray of float32, (k,)
        Values of evenly spaced samples and genes, without missing ones.
    samples : list of str, (n_samples,)
    statistics : DataFrame, (n_samples, 8)
        Result of :func:`genexp.cohort.samples.measure_samples`.
    unusual : dict of str to ndarray of int
        Result of :func:`genexp.cohort.samples.find_unusual_samples`.
    missing_by_gene : ndarray of float, (n_genes,)
        Share of the samples.
    batch : Series of str, (n_samples,) or None
        The likeliest batch, if any.
    """

    scale: str
    sampled: np.ndarray
    samples: list[str]
    statistics: pd.DataFrame
    unusual: dict[str, np.ndarray]
    missing_by_gene: np.ndarray
    batch: pd.Series | None = None


@dataclass(frozen=True)
class Description:
    """Description of a file of expression values and its annotations.

    Parameters
    ----------
    name : str
        Name of the cohort.
    headline : str
        One sentence: shape and scale, as far as they are known.
    facts : dict of str to tuple of str
        Sentences by topic: file, way round, samples, genes, scale, missing values, annotations,
        patients.
    candidates : tuple of Candidate
        Columns that could be label, time, event, batch or patient.
    endpoints : tuple of str
        Survival by pairs of time and event.
    columns : tuple of (str, str)
        Every column of annotations, with its values in a few words.
    warnings : tuple of str
        Warnings.
    questions : tuple of Question
    commands : tuple of tuple of str
        Next command lines, in the parts of :func:`write_command`.
    values : ValueStatistics or None
    """

    name: str
    headline: str
    facts: dict[str, tuple[str, ...]]
    candidates: tuple[Candidate, ...] = ()
    endpoints: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    values: ValueStatistics | None = None

    @property
    def is_open(self) -> bool:
        """True if a question has no answer yet."""
        return any(not question.assumed for question in self.questions)


def find_answers(text: str, config: CohortConfig) -> tuple[tuple[str, str], ...]:
    """Find the parameters and values that a message asks for, without those that repeat the
    configuration.
    """
    answers: dict[tuple[str, str], None] = {}
    for name, value in ANSWER.findall(text):
        if value and value.strip("\"'") == format_value(getattr(config, name)):
            continue
        choices = value.split("|") if not value.startswith(('"', "'")) else [value[1:-1]]
        answers |= {(name, choice): None for choice in choices}
    complete = {name for name, value in answers if value}
    blank = {
        name: BLANK.get(name) or "|".join(list_choices(CohortConfig, name)) or "VALUE"
        for name, _ in answers
    }
    return tuple(
        (name, value or blank[name]) for name, value in answers if value or name not in complete
    )[:MAX_ANSWERS]


def write_command(verb: str, parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Write the parts of a command line, quoted for a shell: the verb, then each parameter with its
    value.
    """
    parts = [f"python -m genexp {verb}"]
    for name, value in parameters.items():
        parts.append(
            shlex.quote(f"--{name}={value}")
            if value.startswith("-")
            else f"--{name} {shlex.quote(value)}"
        )
    return tuple(parts)


def list_given(config: CohortConfig) -> dict[str, str]:
    """List the parameters of a cohort that differ from their default, as a user would type them."""
    given = {name: format_value(getattr(config, name)) for name in PARAMETERS}
    defaults = {name: format_value(CohortConfig.model_fields[name].default) for name in PARAMETERS}
    return {
        name: value for name, value in given.items() if name == "cohort" or value != defaults[name]
    }
