"""Section of the report on the label."""

from __future__ import annotations

import math

import pandas as pd

from genexp.evaluation.discrimination import Discrimination
from genexp.evaluation.latents import DISPLAY
from genexp.evaluation.probe import Probe
from genexp.report.html import (
    render_paragraph,
    render_plot,
    render_section,
    render_table,
)
from genexp.report.sections.scores import name_column, narrow, render_scores
from genexp.verdict.evaluation import Evaluation


def render_probe(evaluation: Evaluation) -> str:
    """Section on the label."""
    probe = evaluation.results.get_result(Probe)
    if probe is None:
        return render_section(
            "label",
            "Label",
            render_paragraph(
                "No label was given, or too few samples have one: see the notes of the verdict."
            ),
        )
    discrimination = evaluation.results.get_result(Discrimination)
    counted = [str(name).startswith("n_") for name in probe.per_class.columns]
    rows = ([name, *map(narrow, row, counted)] for name, *row in probe.per_class.itertuples())
    headers = [
        "Class",
        *(name_column(str(name)) for name in probe.per_class.columns),
    ]
    confusion = (
        "Test samples of each true label (row) by predicted label: counts, coloured by share."
    )
    return render_section(
        "label",
        "Label",
        render_paragraph(
            "A logistic regression on the latents, the probe, was fitted on train samples "
            "and scored on test samples."
        ),
        render_scores("Prediction of the label, on test samples.", probe.scores, skip=("C",)),
        render_plot("plot-confusion", "Confusion matrix", confusion),
        render_table("By class, on test samples.", headers, rows),
        "" if discrimination is None else _render_discrimination(discrimination),
    )


def _render_discrimination(result: Discrimination) -> str:
    rows = (
        [
            DISPLAY[str(name)],
            *(_join(row, quantity) for quantity in ("auroc", "auprc")),
            float(row["brier"]),
        ]
        for name, row in result.scores.iterrows()
    )
    by_class = (
        [
            name,
            int(row["n_test"]),
            float(row["prevalence"]),
            float(row["auroc"]),
            float(row["auprc"]),
        ]
        for name, row in result.per_class.iterrows()
    )
    caption = (
        "Each class against the rest, on test samples: mean area under the ROC curve (0.5 is "
        "chance) and under the precision-recall curve "
        "(the prevalence is chance), and the Brier score of the probabilities (lower is better)."
    )
    return (
        render_table(caption, ["", "AUROC [95 %]", "AUPRC [95 %]", "Brier score"], rows)
        + render_plot(
            "plot-roc",
            "ROC curves",
            "True positive rate by false positive rate, each class against the rest, encoder.",
        )
        + render_table(
            "By class against the rest, encoder.",
            ["Class", "n test", "prevalence", "AUROC", "AUPRC"],
            by_class,
        )
    )


def _join(row: pd.Series, quantity: str) -> str:
    numbers = [row[quantity], row[f"{quantity}_low"], row[f"{quantity}_high"]]
    value, low, high = (f"{number:.3f}" if math.isfinite(number) else "–" for number in numbers)
    return f"{value} [{low}, {high}]".replace(" ", "\N{NO-BREAK SPACE}")
