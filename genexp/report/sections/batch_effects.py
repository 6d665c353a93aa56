"""Section of the report on batch effects."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from genexp.evaluation.batch_effects import ALPHA, BatchEffects
from genexp.evaluation.latents import DISPLAY
from genexp.report.html import render_paragraph, render_section, render_table

MIXING = {"ilisi": "iLISI", "kbet": "kBET", "clisi": "cLISI"}
APART = {"silhouette": "silhouette", "calinski_harabasz": "C.-Harabasz", "davies_bouldin": "D.-Bouldin"}
PREDICTED = {"balanced_accuracy": "accuracy", "macro_f1": "F1"}


def render_batch_effects(found: BatchEffects | None) -> str:
    """Section on the batches; the scores of the label stand beside theirs."""
    if found is None:
        said = "No batch was given, or too few test samples of them: see the notes of the verdict."
        return render_section("batch_effects", "Batch effects", render_paragraph(said))
    lead = (
        "Where latents are free of batch effects, batches are mixed and cannot be predicted, while labels stay apart. iLISI and cLISI: "
        "effective number of batches, and labels, among a sample's neighbours (1: one only). kBET: share of samples whose neighbours' "
        f"batches differ from those of all (p < {ALPHA}; 1: not mixed). Chance: the same with batches and labels permuted."
    )
    return render_section(
        "batch_effects",
        "Batch effects",
        render_paragraph(lead),
        render_paragraph(describe_confounding(found)),
        _render_scores(
            found,
            "Mixing among neighbours; balanced accuracy and macro F1 of a logistic regression. Test samples.",
            {**MIXING, **PREDICTED},
        ),
        _render_scores(
            found,
            "Batches, and labels, as clusters of the test samples: silhouette, Calinski-Harabasz, Davies-Bouldin (higher is less apart).",
            APART,
        ),
        _render_contingency(found.contingency),
    )


def describe_confounding(found: BatchEffects) -> str:
    """Say how far batch and label can be told apart at all."""
    if not math.isfinite(found.cramers_v):
        return f"{found.batch.nunique()} batches; without a label nothing says what biology is lost with them."
    return (
        f"Batch and label are associated with Cramér's V {found.cramers_v:.2f} (0: independent, 1: one gives the other). The more they "
        "are, the more a label that is predicted may be a batch that is recognised."
    )


def _render_scores(found: BatchEffects, caption: str, titles: dict[str, str]) -> str:
    columns = {
        column: f"{group}: {title}" if suffix else title
        for name, title in titles.items()
        for suffix, group in (("", ""), ("_batch", "batch"), ("_label", "label"))
        if (column := f"{name}{suffix}") in found.scores
    }
    rows = pd.concat([found.scores.rename(index=DISPLAY), found.chance.to_frame("chance").T])
    if not found.chance[list(columns)].notna().any():
        rows = rows.drop(index="chance")
    return render_table(caption, ["", *columns.values()], ([name, *map(float, row)] for name, *row in rows[list(columns)].itertuples()))


def _render_contingency(table: pd.DataFrame) -> str:
    def lines() -> Iterator[list[object]]:
        for label, *counts in table.itertuples():
            yield [label, *map(int, counts)]

    return render_table("Samples by label and batch, all parts.", ["", *table.columns], lines())
