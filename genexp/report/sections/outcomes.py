"""Section on continuous outcomes."""

from __future__ import annotations

from collections.abc import Iterator

from genexp.evaluation.latents import DISPLAY
from genexp.evaluation.outcomes import Outcomes
from genexp.report.html import render_paragraph, render_section, render_table
from genexp.verdict.evaluation import Evaluation


def render_outcomes(evaluation: Evaluation) -> str:
    """Section on continuous outcomes."""
    result = evaluation.results.get_result(Outcomes)
    if result is None:
        text = (
            "No continuous outcome was named, or too few samples have a value: name columns of "
            "numbers with outcomes=."
        )
        return render_section("outcomes", "Continuous outcomes", render_paragraph(text))
    caption = (
        "Prediction on test samples. R² is 0 for the mean of the test samples and 1 at best; "
        "the mean absolute error is in units of the "
        "outcome, with that of the train mean for comparison."
    )
    headers = [
        "Outcome",
        "From",
        "n test",
        "R² [95 %]",
        "Rank correlation",
        "Mean absolute error",
        "of the train mean",
    ]
    return render_section(
        "outcomes",
        "Continuous outcomes",
        render_paragraph(
            "Ridge regressions were fitted to the latents of train samples, with the penalty "
            "chosen by cross-validation."
        ),
        render_table(caption, headers, _list_rows(result)),
    )


def _list_rows(result: Outcomes) -> Iterator[list[object]]:
    for outcome, row in result.scores.iterrows():
        interval = f"{row['r2']:.3f} [{row['r2_low']:.3f}, {row['r2_high']:.3f}]".replace(
            "-", "−"
        ).replace(" ", "\N{NO-BREAK SPACE}")
        numbers = (float(row[quantity]) for quantity in ("spearman", "mae", "mae_mean"))
        yield [outcome, DISPLAY[row["representation"]], int(row["n_test"]), interval, *numbers]
