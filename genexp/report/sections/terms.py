"""Section of the report on terms: their prediction, and deletion curves of its genes."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from genexp.evaluation.latents import DISPLAY
from genexp.evaluation.terms import Terms
from genexp.explain.deletion import Deletion
from genexp.report.html import render_paragraph, render_section, render_table

N_SHOWN = 20
"""Number of terms in the table."""


def render_terms(terms: Terms | None, deletion: Deletion | None) -> str:
    """Section on terms."""
    if terms is None:
        return render_section(
            "terms",
            "Terms",
            render_paragraph(
                "No terms were given: give a table of 0 and 1 by sample and term with terms=PATH."
            ),
        )
    text = (
        f"A logistic regression for each of {len(terms.by_term)} terms, fitted on the "
        "latents of train samples, with one penalty for all, "
        "chosen by grouped cross-validation. A random ranking has a mean average precision "
        f"of {terms.chance:.3f}, the prevalence."
    )
    scores = ([DISPLAY[str(name)], float(row["macro_ap"])] for name, row in terms.scores.iterrows())
    best = terms.by_term.loc[terms.name_best(N_SHOWN)]
    named = {column: _name_column(column) for column in best if str(column).startswith("ap")}
    title = (
        f"The {len(best)} terms with the largest gain over chance: average precision on test "
        "samples."
    )
    return render_section(
        "terms",
        "Terms",
        render_paragraph(text),
        render_table(
            "Mean average precision over terms, on test samples.", ["", "Macro AP"], scores
        ),
        render_table(
            title, ["Term", "n train", "n test", "Prevalence", *named.values()], _list_terms(best)
        ),
        "" if deletion is None else _render_deletion(deletion),
    )


def _name_column(column: object) -> str:
    _, _, baseline = str(column).partition("_")
    return f"AP of {DISPLAY[baseline]}" if baseline else "AP"


def _list_terms(table: pd.DataFrame) -> Iterator[list[object]]:
    for name, row in table.iterrows():
        yield [
            name,
            int(row["n_train"]),
            int(row["n_test"]),
            *(float(value) for value in row.drop(["n_train", "n_test"])),
        ]


def _render_deletion(deletion: Deletion) -> str:
    caption = (
        "Genes are set to their train mean in an order found on train samples, and the score "
        "of test samples with the term is predicted "
        "again. Area under the curve of the remaining score: deletion (lower is better) and "
        "insertion (higher is better)."
    )
    rows = (
        [row.term, row.order, float(row.deletion), float(row.insertion)]
        for row in deletion.areas.itertuples()
    )
    return render_table(caption, ["Term", "Order of the genes", "Deletion", "Insertion"], rows)


def describe_terms(terms: Terms | None) -> list[str]:
    """Sentences for the methods paragraph."""
    if terms is None:
        return []
    return [
        (
            f"Terms: {len(terms.by_term)} logistic regressions with one penalty, by grouped "
            "cross-validation on train samples; average"
        ),
        "precision on test samples.",
    ]
