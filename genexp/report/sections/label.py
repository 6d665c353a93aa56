"""Section on the label."""

from __future__ import annotations

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
        return render_section("label", "Label", render_paragraph("No label was given, or too little of it: see the notes of the verdict."))
    counted = [str(name).startswith("n_") for name in probe.per_class.columns]
    rows = ([name, *map(narrow, row, counted)] for name, *row in probe.per_class.itertuples())
    headers = [
        "Class",
        *(name_column(str(name)) for name in probe.per_class.columns),
    ]
    confusion = "Test samples of each true label (row) by predicted label: counts, coloured by share."
    return render_section(
        "label",
        "Label",
        render_paragraph("A logistic regression learnt the label from the latents of train samples and was asked about test samples."),
        render_scores("Prediction of the label, on test samples.", probe.scores, skip=("C",)),
        render_plot("plot-confusion", "Confusion matrix", confusion),
        render_table("By class, on test samples.", headers, rows),
    )
