"""Orientation of a table: samples or genes in rows, by evidence and never by which side is
longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import pandas as pd

from genexp.errors import CohortError
from genexp.formats import Table
from genexp.names.likeness import is_gene_column, is_sample_column, measure_likeness
from genexp.names.vocabulary import GENE_TITLES, SAMPLE_TITLES

STRONG, MODERATE, WEAK = 5, 4, 2
CERTAIN = 10
MIN_LEAD = 2
"""Smallest lead in weight of one orientation: one weak sign alone decides, two signs of equal
weight do not."""


@dataclass(frozen=True)
class Evidence:
    """One reason for an orientation.

    Parameters
    ----------
    genes_in_rows : bool
        The orientation that it supports.
    weight : int
    text : str
        The reason, for messages: ``row names are gene symbols (TP53)``.
    """

    genes_in_rows: bool
    weight: int
    text: str


@dataclass(frozen=True)
class Orientation:
    """Orientation of a table, with the reasons for and against it."""

    genes_in_rows: bool
    reasons: tuple[str, ...]
    against: tuple[str, ...] = ()


def find_orientation(
    table: Table,
    rows: str,
    named: Collection[str],
    count_matches: Callable[[list[str]], int] | None = None,
) -> Orientation:
    """Decide the orientation of a table.

    Parameters
    ----------
    table : Table
    rows : {"auto", "samples", "genes"}
        Orientation given by the user.
    named : collection of str
        Columns that parameters name, such as the label.
    count_matches : callable, optional
        Function that counts the names that are samples in the annotation table.

    Raises
    ------
    CohortError
        The evidence is too weak or contradictory; ``rows`` decides.
    """
    evidence = [*_weigh_file(table, named), *_weigh_names(table)]
    if count_matches is not None:
        evidence += _weigh_annotations(table, count_matches)
    votes = {
        side: sum(sign.weight for sign in evidence if sign.genes_in_rows is side)
        for side in (True, False)
    }
    if rows != "auto":
        stated = rows == "genes"
        against = [
            sign.text
            for sign in evidence
            if sign.genes_in_rows is not stated and sign.weight >= MODERATE
        ]
        return Orientation(stated, (f"rows={rows} is stated",), tuple(against))
    genes_in_rows = votes[True] > votes[False]
    lead, lost = abs(votes[True] - votes[False]), min(votes.values())
    if lead < MIN_LEAD or (lost >= MODERATE and lead < lost):
        raise _describe_doubt(table, evidence)
    return Orientation(
        genes_in_rows,
        tuple(sign.text for sign in evidence if sign.genes_in_rows is genes_in_rows),
        tuple(
            sign.text
            for sign in evidence
            if sign.genes_in_rows is not genes_in_rows and sign.weight >= MODERATE
        ),
    )


def _weigh_file(table: Table, named: Collection[str]) -> list[Evidence]:
    """Weigh the evidence of the format, the headings and the columns of annotations."""
    evidence = []
    if table.genes_in_rows is not None:
        evidence.append(
            Evidence(
                table.genes_in_rows,
                CERTAIN,
                (
                    f"the format ({table.format}) has "
                    f"{'genes' if table.genes_in_rows else 'samples'} in rows"
                ),
            )
        )
    for title in named:
        if title in table.row_annotations.columns:
            evidence.append(
                Evidence(False, CERTAIN, f"a parameter names the column {title!r} of the file")
            )
        elif title in table.column_annotations.columns or title in table.rows:
            evidence.append(
                Evidence(True, CERTAIN, f"a parameter names the row {title!r} of the file")
            )
    if not table.named_rows:
        evidence.append(Evidence(False, MODERATE, "rows have no names, which genes would have"))
    heading = table.heading.strip()
    is_gene, is_sample = (
        titles.fullmatch(heading) is not None for titles in (GENE_TITLES, SAMPLE_TITLES)
    )
    if heading and is_gene != is_sample:
        # Xena and others head a column of genes with 'sample', so that word says little
        weight = MODERATE if is_gene else 1 if heading.lower() in ("sample", "samples") else WEAK
        evidence.append(Evidence(is_gene, weight, f"the heading of row names is {heading!r}"))
    for frame, in_rows in ((table.row_annotations, True), (table.column_annotations, False)):
        titles = [str(title) for title in frame.columns]
        of_genes = [
            title for title in titles if is_gene_column(title) and not is_sample_column(title)
        ]
        of_samples = [
            title for title in titles if is_sample_column(title) and not is_gene_column(title)
        ]
        side = "columns" if in_rows else "rows"
        if of_genes and not of_samples:
            evidence.append(
                Evidence(in_rows, MODERATE, f"{side} such as {of_genes[0]!r} describe genes")
            )
        elif of_samples and not of_genes:
            evidence.append(
                Evidence(
                    not in_rows, MODERATE, f"{side} such as {of_samples[0]!r} describe samples"
                )
            )
    return evidence


def _weigh_names(table: Table) -> list[Evidence]:
    """Weigh the form of the names along both sides."""
    evidence = []
    for names, in_rows, side in ((table.rows, True, "row"), (table.columns, False, "column")):
        if in_rows and not table.named_rows:
            continue
        likeness, example = measure_likeness(names), names[len(names) // 2]
        if likeness.gene_ids >= 0.5:
            evidence.append(
                Evidence(in_rows, STRONG, f"{side} names are identifiers of genes ({example})")
            )
        elif likeness.sample_ids >= 0.5:
            evidence.append(
                Evidence(
                    not in_rows, STRONG, f"{side} names are identifiers of samples ({example})"
                )
            )
        elif likeness.symbols + likeness.gene_ids >= 0.6 and likeness.families >= 0.05:
            evidence.append(
                Evidence(in_rows, MODERATE, f"{side} names are gene symbols ({example})")
            )
        elif likeness.generic_samples >= 0.6:
            evidence.append(
                Evidence(not in_rows, WEAK, f"{side} names look like samples ({example})")
            )
        elif likeness.symbols >= 0.6:
            evidence.append(
                Evidence(in_rows, 1, f"{side} names look a little like gene symbols ({example})")
            )
    return evidence


def _weigh_annotations(table: Table, count_matches: Callable[[list[str]], int]) -> list[Evidence]:
    """Weigh the matches of both sides with the annotation table."""
    evidence = []
    for names, in_rows, side in ((table.rows, True, "row"), (table.columns, False, "column")):
        n_matches = count_matches(names)
        if n_matches and (not in_rows or table.named_rows):
            share = n_matches / len(names)
            # a single name may be that of a sample by chance
            weight = CERTAIN if share >= 0.5 else MODERATE if share >= 0.1 else 1
            evidence.append(
                Evidence(
                    not in_rows,
                    weight,
                    f"{n_matches} of {len(names)} {side} names are ids of the annotations",
                )
            )
    return evidence


def _describe_doubt(table: Table, evidence: list[Evidence]) -> CohortError:
    reasons = [
        (
            f"for {'genes' if genes_in_rows else 'samples'} in rows: "
            f"{'; '.join(texts) if texts else 'nothing'}"
        )
        for genes_in_rows in (True, False)
        for texts in [[sign.text for sign in evidence if sign.genes_in_rows is genes_in_rows][:3]]
    ]
    return CohortError(
        f"it is not clear whether rows are genes or samples: the table has {len(table.rows)} "
        f"rows ({', '.join(table.rows[:3])}, ...) and "
        f"{len(table.columns)} columns ({', '.join(table.columns[:3])}, ...). Found "
        f"{'. Found '.join(reasons)}. Say rows=genes or "
        "rows=samples"
    )


def describe_sides(orientation: Orientation) -> str:
    """Sentence about which way round the table is, and why."""
    side = "rows" if orientation.genes_in_rows else "columns"
    reasons = ", ".join(orientation.reasons[:2])
    against = (
        f" This contradicts: {', '.join(orientation.against[:2])}." if orientation.against else ""
    )
    return f"Genes are in {side}: {reasons}.{against}"


def empty_side(n: int) -> pd.DataFrame:
    """Annotations of a side that has none."""
    return pd.DataFrame(index=range(n))
