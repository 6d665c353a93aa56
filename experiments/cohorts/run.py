"""Train and evaluate an encoder for each cohort; keep verdicts, figures and numbers beside the
README.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pandas as pd
from mlflow.entities import Run

from experiments.cohorts.plan import SETTINGS, SMALL, SMALL_COHORT, Cohort, list_cohorts
from experiments.cohorts.readme import list_tables
from experiments.cohorts.truths import check_genes, check_hazards, plant
from experiments.run import DATA, ExperimentRun, fetch
from genexp.cohort.simulators.bulk import SimulatedCohort

METRICS = (
    *(
        "r2/test",
        "r2/test_pca",
        "probe/macro_f1",
        "probe/macro_f1_pca",
        "cluster/k",
        "cluster/ari",
        "cluster/nmi",
        "cluster/stability",
    ),
    *(
        "survival/c_index",
        "survival/c_index_pca",
        "survival/ipcw_c_index",
        "survival/auc",
        "survival/integrated_brier",
    ),
    *(
        "survival/increment_over_clinical",
        "survival/random_genes_as_good",
        "survival/random_projections_as_good",
    ),
    *(
        "survival/hazard_ratio_high_low",
        "survival/permutation_p_risk_group",
        "novelty/share",
        "novelty/share_p05",
    ),
    *("attribution/completeness_delta", "attribution/rho_seeds"),
)
"""Metrics that are written down, where a cohort has them."""
N_GENES = 10
"""Leading genes that are written down."""


def run(experiment: ExperimentRun) -> None:
    """Train and evaluate every cohort that is present, each in a nested run; results of earlier
    cohorts stay until they are replaced.
    """
    cohorts = list_cohorts(SMALL_COHORT if experiment.small else "simulated")
    if not DATA.is_dir():
        experiment.say(
            f"only the simulated cohort: the real ones are not in {DATA} (set GENEXP_DATA)"
        )
    results = pd.DataFrame()
    for name, cohort in cohorts.items():
        if cohort.simulated or (DATA.is_dir() and not experiment.small):
            results = add_results(results, name, run_cohort(experiment, name, cohort))
    experiment.keep_table("results", results)
    experiment.keep_lines(list_tables(results))


def run_cohort(experiment: ExperimentRun, name: str, cohort: Cohort) -> list[dict[str, object]]:
    """Run ``main`` on a cohort; what came out, as rows of the results. Pictures are kept."""
    parameters = {**SETTINGS, **(SMALL if experiment.small else {}), **cohort.parameters}
    planted = None
    if cohort.simulated:
        planted, sets = plant(cohort.parameters["cohort"], experiment.cache)
        parameters["gene_sets"] = str(sets)
    start = time.perf_counter()
    made = experiment.run_main(name, **parameters)
    seconds, client = time.perf_counter() - start, experiment.tracker.client
    client_run = client.get_run(made)
    rows = [
        _row("tag", "leakage", text=client_run.data.tags["leakage"]),
        _row("metric", "seconds", seconds),
        *_collect(client_run, cohort),
    ]
    if planted is not None:
        rows += _check(planted, client_run)
    experiment.keep_figures_of(made, cohort.figures, name)
    experiment.say(f"{name}: {client_run.data.tags['verdict']}")
    return rows


def _table(run: Run, name: str) -> pd.DataFrame:
    return pd.read_csv(
        io.BytesIO(fetch(run.info.run_id, f"evaluation/{name}.tsv")), sep="\t", index_col=0
    )


def _row(kind: str, name: str, value: float = float("nan"), **further: object) -> dict[str, object]:
    return {"kind": kind, "name": name, "value": value, **further}


def _collect(run: Run, cohort: Cohort) -> Iterator[dict[str, object]]:
    """Verdicts, metrics and leading genes of a run, as rows of the results."""
    for task, one in _table(run, "verdict").iterrows():
        interval = {
            "low": one["encoder_low"],
            "high": one["encoder_high"],
            "beside": one["baseline"],
            "outcome": one["outcome"],
        }
        yield _row(
            "verdict",
            f"{task}: {one['quantity']}",
            one["encoder"],
            **interval,
            text=one["sentence"],
        )
    for name in METRICS:
        if name in run.data.metrics:
            yield _row("metric", name, run.data.metrics[name])
    if "survival/c_index" in run.data.metrics:
        for model, one in _table(run, "survival_increments").iterrows():
            yield _row(
                "increment",
                str(model),
                one["increment"],
                low=one["low"],
                high=one["high"],
                text=one["sentence"],
            )
    if cohort.target:
        strength = _table(run, "attribution_genes")[cohort.target]
        top = strength.loc[strength.abs().nlargest(N_GENES).index]
        yield from (
            _row("gene", gene, value, text=f"rank {rank} of {cohort.target}")
            for rank, (gene, value) in enumerate(top.items(), 1)
        )


def _check(planted: SimulatedCohort, run: Run) -> Iterator[dict[str, object]]:
    """Planted effects and those that were found."""
    for subtype, one in check_genes(planted, _table(run, "attribution_genes")).iterrows():
        text = (
            f"{one['same_sign']:.0%} of the leading genes in the planted direction; value: their "
            "planted effect over that of all genes"
        )
        yield _row("planted genes", str(subtype), one["times"], text=text)
    latents, parts = _table(run, "latent"), _table(run, "embeddings")["part"]
    for name, one in check_hazards(planted, latents, parts.loc[latents.index]).iterrows():
        best = f"{one['best']:.3f} [{one['best_low']:.3f}, {one['best_high']:.3f}]"
        text = f"planted {one['planted']:.3f}; from the planted activities themselves {best}"
        if name != "age":
            text += f"; reading and truth correlate at {one['correlation']:.4f} on test samples"
        outcome = "covered" if one["covered"] else "missed"
        yield _row(
            "planted hazard",
            str(name),
            one["estimate"],
            low=one["low"],
            high=one["high"],
            outcome=outcome,
            text=text,
        )


def add_results(table: pd.DataFrame, cohort: str, rows: list[dict[str, object]]) -> pd.DataFrame:
    """The table with the rows of one more cohort."""
    columns = ["cohort", "kind", "name", "value", "low", "high", "beside", "outcome", "text"]
    added = [*table.to_dict("records"), *({"cohort": cohort, **row} for row in rows)]
    return pd.DataFrame(added).reindex(columns=columns)
