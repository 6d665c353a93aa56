"""Section of the report on the encoder's own heads."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from genexp.evaluation.latents import DISPLAY, ENCODER
from genexp.report.html import render_paragraph, render_plot, render_section, render_table
from genexp.verdict.heads import HEAD, HeadResults, LabelHead


def render_heads(heads: HeadResults | None) -> str:
    """Section on the heads."""
    if heads is None:
        text = (
            "The encoder has no heads of its own; train some with heads=label,survival (or other "
            "columns of the annotations)."
        )
        return render_section("heads", "Heads", render_paragraph(text))
    text = (
        "Heads are part of the encoder: they were trained together with its latents and are "
        "registered with it. They are compared with "
        "regressions fitted afterwards on the same train samples, with a penalty chosen by "
        "cross-validation."
    )
    parts = [part for index, head in enumerate(heads.labels) for part in _render_label(index, head)]
    if heads.risk is not None:
        caption = (
            "Log relative hazard of the survival head, on test patients: C-index, intervals by "
            "bootstrap over patients."
        )
        rows = [
            [name_predictor(str(name), "Cox"), _join(row.c_index, row.low, row.high)]
            for name, row in heads.risk.iterrows()
        ]
        parts.append(render_table(caption, ["Predicted by", "C-index [95 %]"], rows))
    return render_section("heads", "Heads", render_paragraph(text), *parts)


def name_predictor(name: str, regression: str = "logistic") -> str:
    """Printed name of a predictor."""
    if name == HEAD:
        return "the head"
    return f"{regression} regression on {'the same latents' if name == ENCODER else DISPLAY[name]}"


def _render_label(index: int, head: LabelHead) -> Iterator[str]:
    n_test = f"{len(head.predictions):,} test samples"
    headers = [
        "Predicted by",
        "Macro F1 [95 %]",
        "Accuracy",
        "Balanced accuracy (mean recall)",
        "Mean precision",
    ]
    rows = (
        [
            name_predictor(str(name)),
            _join(row.macro_f1, row.macro_f1_low, row.macro_f1_high),
            *(
                float(row[quantity])
                for quantity in ("accuracy", "balanced_accuracy", "macro_precision")
            ),
        ]
        for name, row in head.scores.iterrows()
    )
    memory = ", also from the earlier samples of a subject" if head.remembers else ""
    yield render_table(
        (
            f"Head of {head.name}{memory}, on {n_test}; means over classes, intervals by "
            "bootstrap over groups."
        ),
        headers,
        rows,
    )
    hint = f"{n_test}: true class (row) by the head's class; counts, coloured by share."
    yield render_plot(
        f"plot-confusion-head-{index}", f"Confusion matrix of the head of {head.name}", hint
    )
    caption = (
        f"Head of {head.name} by class, on test samples; the other F1 are those of logistic "
        "regressions on latents, PCA ..."
    )
    yield render_table(caption, _list_columns(head.per_class), _list_classes(head.per_class))


def _list_columns(per_class: pd.DataFrame) -> list[str]:
    predictors = [name.removeprefix("f1_") for name in per_class if name.startswith("f1_")]
    return ["Class", "n train", "n test", "precision", "recall", *map(_name_f1, predictors)]


def _name_f1(predictor: str) -> str:
    return (
        "F1"
        if predictor == HEAD
        else f"F1 of {'latents' if predictor == ENCODER else DISPLAY[predictor]}"
    )


def _list_classes(per_class: pd.DataFrame) -> Iterator[list[object]]:
    for name, n_train, n_test, *scores in per_class.itertuples():
        yield [name, int(n_train), int(n_test), *map(float, scores)]


def _join(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]".replace(" ", "\N{NO-BREAK SPACE}")
