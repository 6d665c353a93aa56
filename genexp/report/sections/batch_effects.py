"""Section of the report on batch effects."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from genexp.evaluation.batch_effects import ALPHA, BatchEffects
from genexp.evaluation.latents import DISPLAY
from genexp.report.html import render_paragraph, render_section, render_table

MIXING = {"ilisi": "iLISI", "kbet": "kBET", "clisi": "cLISI"}
APART = {
    "silhouette": "silhouette",
    "calinski_harabasz": "C.-Harabasz",
    "davies_bouldin": "D.-Bouldin",
}
PREDICTED = {"balanced_accuracy": "accuracy", "macro_f1": "F1"}


def render_batch_effects(effects: BatchEffects | None) -> str:
    """Section on batch effects, with the scores of the label for comparison."""
    if effects is None:
        lack = (
            "No batch column was given, or too few test samples have a batch: see the notes of "
            "the verdict."
        )
        return render_section("batch_effects", "Batch effects", render_paragraph(lack))
    lead = (
        "Without batch effects, batches are mixed and cannot be predicted, while labels stay "
        "separate. iLISI and cLISI: effective number "
        "of batches, and of labels, among the neighbours of a sample (1: only one). kBET: "
        "share of samples whose neighbours have an "
        f"unusual mix of batches (p < {ALPHA}; 1: not mixed). Chance: the same scores with "
        "permuted batches and labels."
    )
    return render_section(
        "batch_effects",
        "Batch effects",
        render_paragraph(lead),
        render_paragraph(describe_association(effects)),
        _render_scores(
            effects,
            (
                "Mixing among neighbours; balanced accuracy and macro F1 of a logistic "
                "regression. Test samples."
            ),
            {**MIXING, **PREDICTED},
        ),
        _render_scores(
            effects,
            (
                "Separation of batches, and of labels, on test samples: silhouette, "
                "Calinski-Harabasz, Davies-Bouldin (higher: less separate)."
            ),
            APART,
        ),
        _render_contingency(effects.contingency),
    )


def describe_association(effects: BatchEffects) -> str:
    """Describe how far batch and label are confounded."""
    if not math.isfinite(effects.cramers_v):
        return (
            f"{effects.batch.nunique()} batches. Without a label the biology that is removed "
            "with batch effects cannot be measured."
        )
    return (
        f"Association of batch and label: Cramér's V {effects.cramers_v:.2f} (0: "
        "independent, 1: one determines the other). The higher it "
        "is, the more a predicted label may only be a recognised batch."
    )


def _render_scores(effects: BatchEffects, caption: str, titles: dict[str, str]) -> str:
    columns = {
        column: f"{group}: {title}" if suffix else title
        for name, title in titles.items()
        for suffix, group in (("", ""), ("_batch", "batch"), ("_label", "label"))
        if (column := f"{name}{suffix}") in effects.scores
    }
    rows = pd.concat([effects.scores.rename(index=DISPLAY), effects.chance.to_frame("chance").T])
    if not effects.chance[list(columns)].notna().any():
        rows = rows.drop(index="chance")
    return render_table(
        caption,
        ["", *columns.values()],
        ([name, *map(float, row)] for name, *row in rows[list(columns)].itertuples()),
    )


def _render_contingency(table: pd.DataFrame) -> str:
    def lines() -> Iterator[list[object]]:
        for label, *counts in table.itertuples():
            yield [label, *map(int, counts)]

    return render_table("Samples by label and batch, all parts.", ["", *table.columns], lines())
