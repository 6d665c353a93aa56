"""Section of the report on survival: curves, scores of the risk, risk groups, calibration,
increments and null models.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import pandas as pd

from genexp.evaluation.latents import DISPLAY
from genexp.palette import ENCODER, MUTED
from genexp.report.figures.curves import describe_curves, rank_latents
from genexp.report.figures.survival import describe_risk_groups, name_time
from genexp.report.html import (
    draw_interval,
    render_paragraph,
    render_plot,
    render_section,
    render_table,
)
from genexp.report.wording import format_p
from genexp.survival.groups import N_PERMUTATIONS
from genexp.survival.prognosis import Prognosis
from genexp.survival.regression import Survival
from genexp.survival.scores import DAYS_PER_YEAR, NOBODY
from genexp.verdict.evaluation import Evaluation


def render_survival(evaluation: Evaluation) -> str:
    """Section on survival."""
    survival, prognosis = (
        evaluation.results.get_result(Survival),
        evaluation.results.get_result(Prognosis),
    )
    if survival is None or prognosis is None:
        return render_section(
            "survival",
            "Survival",
            render_paragraph(
                "No survival was given, or too few patients have it: see the notes of the verdict."
            ),
        )
    patients = survival.patients[survival.patients["part"] == "test"]
    counted = f"{len(patients):,} test patients, {int(patients['event'].sum()):,} events"
    return render_section(
        "survival",
        "Survival",
        render_plot(
            "plot-kaplan_meier", "Survival by cluster", f"{counted}; {describe_curves(survival)}."
        ),
        render_at_risk(patients, "cluster"),
        render_prognosis(survival, prognosis),
        _render_cox(survival),
    )


def _render_cox(survival: Survival) -> str:
    top = rank_latents(survival.cox, 10)
    reach = (math.log(min([0.8, *top["low"]])), math.log(max([1.25, *top["high"]])))

    def lines() -> Iterator[list[object]]:
        for row in top.itertuples():
            low, ratio, high = (
                math.log(number) for number in (row.low, row.hazard_ratio, row.high)
            )
            chart = draw_interval(low, ratio, high, reach, ENCODER if row.q < 0.05 else MUTED)
            p, q = (format_p(number).removeprefix("= ") for number in (row.p, row.q))
            yield [
                row.Index,
                f"{row.hazard_ratio:.2f} [{row.low:.2f}, {row.high:.2f}]",
                chart,
                p,
                q,
            ]

    caption = (
        "Latents with the strongest association: hazard ratio per standard deviation, each "
        "latent alone, train patients."
    )
    return render_table(
        caption,
        ["Latent", "Hazard ratio [95 %]", "better | worse survival (log scale)", "p", "q"],
        lines(),
    )


NAMES = {
    "c_index": "Harrell's C-index",
    "ipcw_c_index": "Uno's C-index",
    "integrated_brier": "integrated Brier score",
    "auc": "AUC",
}
"""Printed names of scores."""


def render_prognosis(survival: Survival, prognosis: Prognosis) -> str:
    """Parts of the survival section on the risk score."""
    patients = prognosis.patients[prognosis.patients["part"] == "test"]
    return "".join(
        [
            _render_scores(survival.quality),
            render_plot(
                "plot-risk_groups",
                "Survival by predicted risk",
                (
                    f"{_capitalise(describe_risk_groups(prognosis))}; groups are tertiles of "
                    "train patients."
                ),
            ),
            render_at_risk(patients, "risk_group"),
            _render_calibration(prognosis),
            _render_groups(prognosis.groups),
            _render_increments(prognosis.increments),
            _render_nulls(prognosis),
        ]
    )


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


def render_at_risk(patients: pd.DataFrame, by: str) -> str:
    """Table of the patients at risk by year, for each ``cluster`` or ``risk_group``."""
    years = range(0, min(int(patients["time_days"].max() / DAYS_PER_YEAR), 10) + 1)
    rows = (
        [
            f"cluster {group}" if by == "cluster" else f"{group} risk",
            *(int((members["time_days"] >= year * DAYS_PER_YEAR).sum()) for year in years),
            int(members["event"].sum()),
        ]
        for group, members in patients.groupby(by, observed=True)
    )
    return render_table(
        "Patients at risk by year, and total number of events.",
        ["", *(f"{year} y" for year in years), "events"],
        rows,
    )


def _interval(*numbers: float, digits: int = 3) -> str:
    """Write ``value [low, high]``, or ``low to high``, on one line; a dash if they are
    undefined.
    """
    if not all(map(math.isfinite, numbers)):
        return "–"
    *value, low, high = (f"{round(number, digits) + 0.0:.{digits}f}" for number in numbers)
    text = f"{value[0]} [{low}, {high}]" if value else f"{low} to {high}"
    return text.replace("-", "−").replace(" ", "\N{NO-BREAK SPACE}")


def _render_scores(quality: pd.DataFrame) -> str:
    """Table of the scores (columns) by representation (rows)."""
    headings = [
        _name_score(quantity, time)
        for quantity, time in quality[["quantity", "time_days"]]
        .drop_duplicates()
        .itertuples(index=False)
    ]
    table = quality.assign(
        heading=[
            _name_score(*row) for row in quality[["quantity", "time_days"]].itertuples(index=False)
        ],
        text=[_interval(*row) for row in quality[["value", "low", "high"]].itertuples(index=False)],
    ).pivot(index="representation", columns="heading", values="text")
    names = [name for name in [*DISPLAY, NOBODY] if name in table.index]
    rows = [
        [
            DISPLAY.get(name, "no latents: one survival curve for all"),
            *(text if isinstance(text, str) else "–" for text in table.loc[name, headings]),
        ]
        for name in names
    ]
    caption = (
        "Scores of the risk on test patients, with 95 % intervals. Uno's C-index, Brier "
        "score and AUC are weighted for "
        "censoring. A lower Brier score is better; compare it with that of one survival "
        "curve for all patients (last row)."
    )
    return render_table(caption, ["", *headings], rows)


def _name_score(quantity: str, time: float) -> str:
    if quantity == "c_index":
        return NAMES[quantity]
    return f"{NAMES[quantity]}, {'at' if quantity == 'auc' else 'up to'} {name_time(time)}"


def _render_calibration(prognosis: Prognosis) -> str:
    if not len(prognosis.calibration):
        return ""
    rows = (
        [
            f"{group} risk",
            int(row["n"]),
            int(row["events"]),
            float(row["predicted"]),
            _interval(row["observed"], row["low"], row["high"]),
        ]
        for group, row in prognosis.calibration.iterrows()
    )
    when = name_time(prognosis.horizon)
    caption = (
        f"Calibration: predicted and observed (Kaplan-Meier) survival of test patients at {when}."
    )
    return render_table(
        caption, ["", "patients", f"events by {when}", "predicted", "observed [95 %]"], rows
    )


def _render_groups(groups: pd.DataFrame) -> str:
    names = {"cluster": "clusters of the latents", "risk_group": "predicted risk"}
    rows = (
        [
            names[str(name)],
            int(row["n_groups"]),
            *(
                format_p(p).removeprefix("= ") if math.isfinite(p) else "–"
                for p in row[["log_rank_p", "permutation_p"]]
            ),
            _interval(row["hazard_ratio"], row["low"], row["high"], digits=2),
        ]
        for name, row in groups.iterrows()
    )
    caption = (
        "Differences in survival between groups of test patients. The permutation p is from "
        f"{N_PERMUTATIONS:,} permutations of survival "
        "over patients; the hazard ratio compares high with low predicted risk."
    )
    return render_table(
        caption, ["Groups by", "groups", "log-rank p", "permutation p", "Hazard ratio [95 %]"], rows
    )


def _render_increments(increments: pd.DataFrame) -> str:
    if not len(increments):
        return ""
    reach = max(
        0.01,
        *(
            abs(number)
            for number in increments[["low", "high"]].to_numpy().ravel()
            if math.isfinite(number)
        ),
    )

    def lines() -> Iterator[list[object]]:
        for row in increments.to_dict("records"):
            colour = ENCODER if row["low"] > 0 or row["high"] < 0 else MUTED
            chart = draw_interval(
                row["low"], row["increment"], row["high"], (-reach, reach), colour
            )
            indices = [
                _interval(*(row[model + end] for end in ("", "_low", "_high")))
                for model in ("covariates", "latents", "both")
            ]
            yield [
                row["known"],
                *indices,
                _interval(row["increment"], row["low"], row["high"]),
                chart,
            ]

    sentences = ". ".join(sentence[0].upper() + sentence[1:] for sentence in increments["sentence"])
    caption = (
        "Gain of the latents over covariates: C-index on test patients, differences by paired "
        "bootstrap."
    )
    headers = [
        "Covariates",
        "covariates alone",
        "latents alone",
        "both",
        "Gain by the latents [95 %]",
        "worse | better",
    ]
    return render_paragraph(re.sub(r"-(?=\d)", "−", f"{sentences}.")) + render_table(
        caption, headers, lines()
    )


def _render_nulls(prognosis: Prognosis) -> str:
    counts = prognosis.nulls.groupby("kind")["c_index"].size()
    rows = (
        [
            f"{counts[kind]} × {kind}",
            float(row["median"]),
            _interval(row["low"], row["high"]),
            f"{row['as_good']:.0%}",
        ]
        for kind, row in prognosis.places.iterrows()
    )
    caption = (
        f"Null models instead of the latents (C-index {prognosis.c_index:.3f}): as many "
        "random genes, or random projections, each with a "
        "Cox regression of its own. If many are as good, most genes carry information on the risk."
    )
    return render_table(
        caption, ["", "median C-index", "5 % to 95 %", "as good as the latents"], rows
    )


def describe_survival_methods(prognosis: Prognosis) -> list[str]:
    """Sentences for the methods paragraph."""
    sentences = [
        (
            "In addition to Harrell's C: Uno's C, Graf's integrated Brier score (survival curves "
            "by Breslow's baseline of the train patients)"
        ),
        (
            "and the cumulative/dynamic AUC, weighted by the train patients' censoring curve, up "
            "to the last day on which a tenth of them"
        ),
        "are uncensored. Risk groups: tertiles of the train patients' risk.",
    ]
    if len(prognosis.increments):
        sentences.append(
            "Increments: Cox regressions; age, stage and proliferation have a hundredth of "
            "the penalty of the latents."
        )
    return sentences
