"""Build a description from a configuration: the steps of reading, as far as they succeed."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from genexp.cohort.annotations import empty_missing_words, find_types
from genexp.cohort.ids import count_matches
from genexp.cohort.orientation import Orientation, describe_sides, find_orientation
from genexp.cohort.read import (
    MIN_SAMPLES,
    OpenedCohort,
    fill_defaults,
    fill_values,
    is_simulated,
    list_named_columns,
    open_cohort,
)
from genexp.cohort.scale import SCALE_NAMES
from genexp.cohort.sides import Sides
from genexp.describe.description import Description, ValueStatistics, list_given, write_command
from genexp.describe.facts import (
    describe_bytes,
    describe_file,
    describe_genes_found,
    describe_samples,
    describe_values,
)
from genexp.describe.inquiry import Inquiry
from genexp.describe.roles import summarise_column
from genexp.describe.sides import Samples, find_samples, join_samples, name_genes, read_canonical
from genexp.describe.suggest import describe_confounding, describe_endpoints, suggest_parameters
from genexp.describe.values import describe_matrix, look_at_samples, look_for_leaks
from genexp.errors import CohortError, name_some
from genexp.files.source import read_name
from genexp.settings.cohort import CohortConfig

TOPICS = (
    "File",
    "Way round",
    "Set aside",
    "Samples",
    "Genes",
    "Scale",
    "Missing values",
    "Annotations",
    "Patients",
)
"""Topics of the facts, in their order."""
MAX_PEEK = 200
"""Number of rows and columns whose values are described while their orientation is unknown."""


def describe_cohort(config: CohortConfig, seed: int = 0) -> Description:
    """Describe a file of expression values and its annotations.

    Parameters
    ----------
    config : CohortConfig
        Cohort, and parameters of its reading.
    seed : int
        Seed of a simulated cohort.

    Returns
    -------
    Description
        Facts, and the questions of the reader.

    Raises
    ------
    CohortError
        The file does not exist.
    """
    inquiry = Inquiry(fill_defaults(config))
    without_obs = [{"obs": ""}] if config.obs else []
    with ExitStack() as files:
        opened = inquiry.ask(
            "File",
            lambda config, said: files.enter_context(open_cohort(config, seed)),
            *without_obs,
        )
        if opened is None:
            return _describe_unread(inquiry, config)
        path = None if is_simulated(config.cohort) else Path(config.cohort).expanduser()
        inquiry.add_facts(
            "File", *describe_file(opened.table, path, opened.annotations), *opened.table.notes
        )
        orientation = inquiry.ask("Way round", partial(_orient, opened))
        sides = None if orientation is None else find_samples(opened, orientation, inquiry)
        return (
            _describe_undecided(opened, inquiry, config)
            if sides is None
            else _describe_sides(opened, sides, inquiry, config)
        )


def _orient(opened: OpenedCohort, config: CohortConfig, said: list[str]) -> Orientation:
    table = opened.annotations
    matches = None if table is None else partial(count_matches, table, sample_id=config.sample_id)
    orientation = find_orientation(
        opened.table, config.rows, list_named_columns(config, table), matches
    )
    said.append(describe_sides(orientation))
    return orientation


def _describe_unread(inquiry: Inquiry, given: CohortConfig) -> Description:
    """Describe a file that no format reads."""
    path = Path(given.cohort).expanduser()
    if not path.exists():
        raise CohortError(inquiry.questions[0].text)
    inquiry.add_facts("File", *describe_bytes(path))
    return _finish(inquiry, given, "not read", Samples())


def _describe_undecided(opened: OpenedCohort, inquiry: Inquiry, given: CohortConfig) -> Description:
    """Describe a table of unknown orientation: its values, and the annotations separately."""
    table = opened.table
    rows, columns = (
        np.linspace(0, n - 1, min(n, MAX_PEEK)).astype(int)
        for n in (len(table.rows), len(table.columns))
    )
    part = inquiry.ask("Scale", lambda config, said: table.values.read(rows, columns))
    sampled = np.empty(0) if part is None else part[np.isfinite(part)]
    values = None
    if len(sampled):
        inquiry.add_facts("Scale", describe_values(sampled))
        values = ValueStatistics("", sampled, [], pd.DataFrame(), {}, np.empty(0))
    samples = Samples()
    if opened.annotations is not None:
        texts = empty_missing_words(opened.annotations, inquiry.config.missing_words)[0]
        samples = Samples(find_types(texts), texts)
    headline = (
        f"{len(table.rows):,} rows x {len(table.columns):,} columns; it is unclear which of them "
        "are samples"
    )
    return _finish(inquiry, given, headline, samples, values=values)


def _describe_sides(
    opened: OpenedCohort, sides: Sides, inquiry: Inquiry, given: CohortConfig
) -> Description:
    """Describe a file with known samples and genes."""
    samples = join_samples(opened, sides, inquiry)
    genes = name_genes(sides, inquiry)
    shape = f"{len(samples.own):,} samples x {len(genes):,} genes"
    inquiry.facts["Samples"] = [describe_samples(list(samples.own.index), len(sides.samples))]
    X = inquiry.ask("Scale", lambda config, said: fill_values(opened.table, sides, samples.kept))
    if X is None:
        return _finish(inquiry, given, f"{shape}, whose values cannot be read", samples)
    inquiry.facts["Genes"] = [*describe_genes_found(genes, X), *inquiry.facts.get("Genes", [])]
    if len(repeated := genes[genes.duplicated()].unique()):
        inquiry.warnings.append(
            f"Genes that occur more than once: {name_some(repeated)}; "
            f"duplicates={inquiry.config.duplicates} decides."
        )
    if len(samples.own) < MIN_SAMPLES:
        after = " after where" if inquiry.config.where else ""
        inquiry.add_question(
            f"found {len(samples.own)} samples{after}; expected {MIN_SAMPLES} or more"
        )
    canonical = read_canonical(samples, inquiry)
    X, scale, by_gene = describe_matrix(X, canonical, genes, opened.table, inquiry)
    if not np.isfinite(X).any():
        return _finish(inquiry, given, f"{shape}, all values missing", samples)
    suggested = suggest_parameters(samples.obs, samples.candidates, inquiry.config)
    if samples.is_joined:
        look_for_leaks(X, canonical, samples, genes, scale, suggested, inquiry)
        inquiry.warnings += describe_confounding(samples.texts, samples.candidates)
    values = look_at_samples(X, canonical, scale, by_gene, samples.batch, inquiry)
    return _finish(
        inquiry,
        given,
        f"{shape}, {SCALE_NAMES[scale]}" if scale else f"{shape} of unknown scale",
        samples,
        suggested,
        values,
    )


def _finish(
    inquiry: Inquiry,
    given: CohortConfig,
    headline: str,
    samples: Samples,
    suggested: dict[str, str] | None = None,
    values: ValueStatistics | None = None,
) -> Description:
    return Description(
        given.cohort if is_simulated(given.cohort) else read_name(given.cohort),
        headline,
        {topic: tuple(inquiry.facts[topic]) for topic in TOPICS if inquiry.facts.get(topic)},
        tuple(samples.candidates),
        describe_endpoints(samples.obs, samples.candidates, inquiry.config),
        tuple((str(name), summarise_column(samples.obs[name])) for name in samples.obs.columns),
        tuple(inquiry.warnings),
        tuple(inquiry.questions),
        _write_commands(inquiry, given, suggested or {}),
        values,
    )


def _write_commands(
    inquiry: Inquiry, given: CohortConfig, suggested: dict[str, str]
) -> tuple[tuple[str, ...], ...]:
    """Write the next command lines: describe with an answer while a question is open, else
    preprocess and tune.
    """
    parameters = list_given(given)
    still_open = [question for question in inquiry.questions if not question.assumed]
    if still_open:
        answers = dict.fromkeys(answer for question in still_open for answer in question.answers)
        return tuple(
            write_command("describe", parameters | {name: value}) for name, value in answers
        )
    for question in inquiry.questions:
        parameters |= question.assumed
    return tuple(write_command(verb, parameters | suggested) for verb in ("preprocess", "tune"))
