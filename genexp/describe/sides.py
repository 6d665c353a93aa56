"""Samples with their annotations, and genes by name, where the orientation is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from genexp.cohort.annotations import add_canonical_columns, empty_missing_words, find_types
from genexp.cohort.columns import as_text
from genexp.cohort.orientation import Orientation
from genexp.cohort.read import (
    OpenedCohort,
    annotate_samples,
    check_samples,
    describe_genes,
    list_named_columns,
)
from genexp.cohort.sides import Sides, find_sides
from genexp.describe.description import Question
from genexp.describe.inquiry import Inquiry
from genexp.describe.roles import Candidate, find_candidates, list_role_columns
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig

MAX_COLOURS = 8
"""Largest number of batches that a figure colours."""
WITHOUT_CANONICAL: tuple[dict[str, object], ...] = (
    {"label": ""},
    {"time": "", "event": ""},
    {"batch": ""},
    {"order": ""},
    {"group": ""},
    {"label": "", "time": "", "event": "", "batch": "", "order": "", "group": ""},
)
"""Parameters that are dropped where a column named by the user cannot be read."""


@dataclass(frozen=True)
class Samples:
    """Kept samples, and their annotations.

    Parameters
    ----------
    obs, texts : DataFrame, (n_samples, ...)
        Annotations with numbers recognised, and as texts. Rows are those of the annotation table
        where it could not be joined.
    own : DataFrame, (n_samples, ...)
        The same as ``obs``, or the annotations in the file where the table could not be joined;
        indexed by sample id.
    kept : ndarray of int, (n_samples,)
        Positions among the samples of the file.
    """

    obs: pd.DataFrame = field(default_factory=pd.DataFrame)
    texts: pd.DataFrame = field(default_factory=pd.DataFrame)
    own: pd.DataFrame = field(default_factory=pd.DataFrame)
    kept: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def is_joined(self) -> bool:
        """True if annotations are those of the samples."""
        return self.obs is self.own

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Columns that could be label, time, event, batch or patient."""
        return find_candidates(self.obs)

    @property
    def batch(self) -> pd.Series | None:
        """Batch of the samples by the first likely column with few values; None without such a
        column.
        """
        columns = [
            name
            for name in list_role_columns(self.candidates, "batch")
            if self.texts[name].nunique() <= MAX_COLOURS
        ]
        return (
            as_text(self.texts[columns[0]]).rename(columns[0])
            if columns and self.is_joined
            else None
        )


def find_samples(opened: OpenedCohort, orientation: Orientation, inquiry: Inquiry) -> Sides | None:
    """Separate samples and genes from other rows and columns; of samples with one name, only the
    first is described.
    """

    def find(config: CohortConfig, said: list[str]) -> Sides:
        named = list_named_columns(config, opened.annotations)
        return find_sides(opened.table, orientation.genes_in_rows, named, config.metadata, said)

    sides = inquiry.ask("Set aside", find)
    if sides is None:
        return None
    try:
        check_samples(sides.samples)
        return sides
    except CohortError as error:
        inquiry.add_question(str(error))
    first = np.flatnonzero(~pd.Index(sides.samples).duplicated())
    samples = [sides.samples[i] for i in first]
    return replace(
        sides,
        samples=samples,
        sample_positions=sides.sample_positions[first],
        obs=sides.obs.iloc[first],
    )


def join_samples(opened: OpenedCohort, sides: Sides, inquiry: Inquiry) -> Samples:
    """Join annotations; where that fails, keep both apart."""

    def join(
        config: CohortConfig, said: list[str]
    ) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
        return annotate_samples(opened, sides, config, said)[:3]

    joined = inquiry.ask(
        "Annotations",
        join,
        {"unmatched": "drop"},
        {"where": ""},
        {"unmatched": "drop", "where": ""},
    )
    if joined is None:
        _leave_rows_out(inquiry)
        config = inquiry.config.model_copy(update={"where": ""})
        own, _, kept, _ = annotate_samples(replace(opened, annotations=None), sides, config, [])
        inquiry.add_facts(
            "Annotations",
            "The table could not be joined to the samples; its columns are described separately.",
        )
        texts = empty_missing_words(opened.annotations, config.missing_words)[0]
        return Samples(find_types(texts), texts, own, kept)
    obs, texts, kept = joined
    if (
        inquiry.config.unmatched == "drop"
        and inquiry.questions
        and 2 * len(kept) < len(sides.samples)
    ):
        last = inquiry.questions.pop()  # an answer that drops most samples is not proposed
        inquiry.questions.append(Question(last.text, last.answers))
    if not len(obs.columns):
        inquiry.add_facts("Annotations", "None: give a table of the samples with --obs FILE.")
    return Samples(obs, texts, obs, kept)


def _leave_rows_out(inquiry: Inquiry) -> None:
    """Remove the advice on rows=samples|genes from the last question, because the orientation is
    known by now.
    """
    last = inquiry.questions.pop()
    inquiry.questions.append(
        replace(last, answers=tuple(answer for answer in last.answers if answer[0] != "rows"))
    )


def name_genes(sides: Sides, inquiry: Inquiry) -> pd.Index:
    """Name the genes, with dates repaired where they are unambiguous."""

    def name(config: CohortConfig, said: list[str]) -> pd.Index:
        return describe_genes(sides, config, said)[0].index

    genes = inquiry.ask(
        "Genes",
        name,
        {"date_genes": "repair"},
        {"date_genes": "keep"},
        {"duplicates": "max_variance"},
    )
    return pd.Index(sides.genes) if genes is None else genes


def read_canonical(samples: Samples, inquiry: Inquiry) -> pd.DataFrame:
    """Read label, survival, batch and patients as named by the user, without those that cannot be
    read.
    """

    def add(config: CohortConfig, said: list[str]) -> pd.DataFrame:
        texts = samples.texts if samples.is_joined else samples.own
        return add_canonical_columns(samples.own, config, texts, said)[0]

    canonical = inquiry.ask("Annotations", add, *WITHOUT_CANONICAL)
    return samples.own if canonical is None else canonical
