"""Section of the report on the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from genexp.report.html import (
    Html,
    draw_interval,
    render_paragraph,
    render_section,
    render_table,
    to_html,
)
from genexp.report.sections.seeds import describe_registered
from genexp.report.wording import (
    colour_outcome,
    format_difference,
    format_score,
    join_names,
    name_quantity,
)
from genexp.verdict.evaluation import Evaluation

NO_BREAK = "\N{NO-BREAK SPACE}"
"""Character that keeps an interval on one line."""


def render_verdict(evaluation: Evaluation) -> str:
    """Section with the verdict, its intervals and the notes."""
    table, summary = evaluation.comparison.rows, evaluation.summary
    lead = (
        f"On {summary['n_test']:,} test samples that neither training nor tuning used, compared "
        "with PCA of as many components: "
    )
    headers = [
        "Task and quantity",
        "Encoder [95 %]",
        "Baseline",
        "Encoder − baseline [95 %]",
        "worse | better",
        "Outcome",
    ]
    notes = "".join(f"<li>{to_html(note)}</li>" for note in evaluation.notes)
    return render_section(
        "verdict",
        "Verdict",
        render_paragraph(f"{lead}{evaluation.verdict}.", kind="lead"),
        "" if evaluation.seeds is None else render_paragraph(describe_registered(evaluation.seeds)),
        render_table(_caption_verdict(table), headers, _verdict_lines(table)) if len(table) else "",
        f'<ul class="notes" aria-label="Notes and exclusions">{notes}</ul>' if notes else "",
    )


def _caption_verdict(table: pd.DataFrame) -> str:
    rivals = join_names(table["baseline"].unique())
    return (
        f"Encoder compared with {rivals}, on the same test samples; intervals by paired bootstrap."
    )


def _verdict_lines(table: pd.DataFrame) -> Iterator[list[object]]:
    reach = max(
        [
            0.01,
            *(
                abs(number)
                for number in table[["low", "high", "difference"]].to_numpy().ravel()
                if math.isfinite(number)
            ),
        ]
    )
    for row in table.itertuples():
        chart = draw_interval(
            row.low, row.difference, row.high, (-reach, reach), colour_outcome(row.outcome)
        )
        outcome = Html(
            f'<span class="{to_html(row.outcome.split()[0])}">{to_html(row.outcome)}</span>'
        )
        score = (
            f"{format_score(row.encoder)} [{format_score(row.encoder_low)}, "
            f"{format_score(row.encoder_high)}]"
        ).replace(" ", NO_BREAK)
        task = f"{row.task}: {name_quantity(row.quantity)}"
        yield [
            task,
            score,
            f"{row.baseline} {format_score(row.baseline_score)}",
            format_difference(row).replace(" ", NO_BREAK),
            chart,
            outcome,
        ]
