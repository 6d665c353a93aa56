"""All genes of the published compendium, sweeps of width and depth, searches, and what is predicted
of terms on test contrasts.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

from experiments.keeping import list_head, list_line, list_means
from experiments.log2fc_go.cohorts import list_cohorts, write_planted
from experiments.log2fc_go.figures import plot_components, plot_search, plot_sweeps
from experiments.log2fc_go.headline import measure
from experiments.log2fc_go.jobs import PLAIN, compare, search, train_point
from experiments.log2fc_go.plan import ANCHORED, FULL, SMALL, SPACE, UNANCHORED, Plan, list_shapes
from experiments.log2fc_go.terms import explain
from experiments.run import ExperimentRun
from genexp.evaluation.terms import Terms
from genexp.report.figures.terms import plot_deletion, plot_terms
from genexp.settings.values import parameter_names
from genexp.settings.verbs import TuneSettings

NAMES = {
    "encoder": "encoder, starts at PCA",
    PLAIN: "plain network, in genes",
    "pca": "PCA",
    "raw": "raw genes",
    "chance": "chance",
}


def run(experiment: ExperimentRun) -> None:
    """Headline, sweeps, searches, comparisons on test contrasts, and the genes behind terms."""
    plan = SMALL if experiment.small else FULL
    parts = {
        "headline": run_headline,
        "sweeps": run_sweeps,
        "search": run_searches,
        "results": run_comparisons,
        "terms": run_terms,
    }
    experiment.keep_lines({name: made(experiment, plan) for name, made in parts.items()})


def run_headline(experiment: ExperimentRun, plan: Plan) -> list[str]:
    """The whole compendium with all its genes; lines of two tables."""
    values = experiment.encoder_values(
        **plan.train_values(
            **ANCHORED, hidden=str(plan.hidden), n_latent=plan.n_latent, epochs=plan.epochs
        )
    )
    preprocess = {
        "cohort": plan.whole,
        "cache": str(experiment.cache),
        "min_detected": "0",
        "min_variance": "0",
    }
    whole = {
        "preprocess": preprocess,
        "values": values,
        "terms": write_planted(plan.whole, 0, experiment.cache),
        "seed": 0,
    }
    whole |= {"perplexity": plan.perplexity, "min_variance": 1.0}
    job = {
        "whole": whole,
        "n_steps": plan.n_steps,
        "repeats": plan.repeats,
        "apart": not experiment.small,
    }
    found = experiment.run_jobs(measure, {"headline": job}, workers=1)["headline"]
    figures, scores = found["figures"].iloc[0], found["scores"]
    experiment.keep_table("headline", found["figures"])
    experiment.keep_table("headline_scores", scores)
    experiment.keep_figure(
        "components",
        plot_components(found["map"], (figures["pc_1"], figures["pc_2"]), plan.perplexity),
    )
    return [*_list_figures(figures), "", *_list_scores(scores)]


def _list_figures(figures: pd.Series) -> list[str]:
    shown = {
        "contrasts trained on x genes": f"{figures['n_train']:,.0f} x {figures['n_genes']:,.0f}",
        "genes with a variance above 1": f"{figures['n_variable']:,.0f}",
        "simulate, filter, scale": (
            f"{figures['preprocess']:.0f} s, {_gib(figures['peak_preprocess'])}"
        ),
        "decomposition": f"{figures['decomposition']:.0f} s",
        "training": f"{figures['training']:.0f} s for {figures['epochs']:.0f} epochs",
        "fold to genes": f"{figures['fold']:.0f} s",
        "peak memory of the process, encoder made": _gib(figures["peak_encoder"]),
    }
    if "peak" in figures:
        shown["the same, judged on test contrasts and drawn"] = _gib(figures["peak"])
    if "step_genes" in figures:
        ratio = figures["step_genes"] / figures["step_rows"]
        shown["a step in the row space"] = (
            f"{figures['step_rows']:.2f} s, {_gib(figures['peak_steps_rows'])}"
        )
        shown["a step among genes"] = (
            f"{figures['step_genes']:.2f} s ({ratio:.1f} times as long), "
            f"{_gib(figures['peak_steps_genes'])}"
        )
    shown["variance of two principal components"] = f"{figures['pc_1']:.1%}, {figures['pc_2']:.1%}"
    return [*list_head(["what", "measured"]), *(list_line(item) for item in shown.items())]


def _gib(size: float) -> str:
    return f"{size / 2**30:.2f} GiB"


def _list_scores(scores: pd.DataFrame) -> list[str]:
    rows = [
        [NAMES[str(name)], *(_number(row.get(key)) for key in ("r2", "macro_ap"))]
        for name, row in scores.iterrows()
    ]
    return [*list_head(["", "R2, test", "macro AP of terms, test"]), *map(list_line, rows)]


def _number(value: float | None) -> str:
    return "" if value is None or pd.isna(value) else f"{value:.3f}"


def run_sweeps(experiment: ExperimentRun, plan: Plan) -> list[str]:
    """Every width and depth, with and without the path that starts at PCA, scored on validation
    contrasts; lines of a table.
    """
    folder, terms = (
        str(preprocess_part(experiment, plan, 0, "0").folder),
        write_planted(plan.part, 0, experiment.cache),
    )
    jobs: dict[str, dict[str, Any]] = {}
    for (shape, values), (way, own) in product(
        list_shapes(plan).items(), {"encoder": ANCHORED, PLAIN: UNANCHORED}.items()
    ):
        n_seeds = (
            plan.seeds if int(values["n_latent"]) <= plan.narrow or shape.startswith("depth") else 1
        )
        for seed in range(n_seeds):
            settled = experiment.encoder_values(**plan.train_values(**own, **values, epochs="30"))
            jobs[f"{shape}, {way}, seed {seed}"] = {
                "shape": shape,
                "way": way,
                "seed": seed,
                "values": settled,
                "terms": terms,
            }
    place = {"folder": folder, "cache": str(experiment.cache)}
    found = experiment.run_jobs(train_point, {name: {**place, **job} for name, job in jobs.items()})
    tables = []
    for name, made in found.items():
        own_rows = made["scores"].rename(index={"encoder": jobs[name]["way"]}).reset_index()
        tables.append(own_rows.assign(shape=jobs[name]["shape"], seed=jobs[name]["seed"]))
    table = pd.concat(tables, ignore_index=True)
    # PCA has no part in the two ways
    table = table.drop_duplicates(["shape", "seed", "representation"])
    experiment.keep_table("sweeps", table)
    experiment.keep_figure("sweeps", plot_sweeps(table))
    return _list_sweeps(table)


def _list_sweeps(table: pd.DataFrame) -> list[str]:
    ways = ("encoder", PLAIN, "pca")
    lines = list_head(
        ["network", *(f"R2, {way}" for way in ways), *(f"macro AP, {way}" for way in ways)]
    )
    for shape, rows in table.groupby("shape", sort=False):
        cells = [
            _spread(rows.loc[rows["representation"] == way, key])
            for key in ("r2", "macro_ap")
            for way in ways
        ]
        lines.append(list_line([shape, *cells]))
    return lines


def _spread(values: pd.Series) -> str:
    known = values.dropna()
    return (
        ""
        if known.empty
        else f"{known.mean():.3f}" + (f" ({known.std():.3f})" if len(known) > 1 else "")
    )


def run_searches(experiment: ExperimentRun, plan: Plan) -> list[str]:
    """Random search and TPE, with as many trials and the same seeds; lines of a table."""
    folder, jobs = str(preprocess_part(experiment, plan, 0, "0").folder), {}
    for sampler, seed in product(("random", "tpe"), range(plan.seeds)):
        settled = experiment.settle(
            **{**plan.train_values(epochs="10"), **SPACE, "n_trials": str(plan.n_trials)}
        )
        values = {
            name: value for name, value in settled.items() if name in parameter_names(TuneSettings)
        }
        jobs[f"{sampler}, study {seed}"] = {
            "folder": folder,
            "cache": str(experiment.cache),
            "values": {**values, "sampler": sampler, "seed": seed},
        }
    found = experiment.run_jobs(search, jobs)
    parts = [
        tables["trials"].reset_index().assign(sampler=name.split(",")[0], study=name)
        for name, tables in found.items()
    ]
    trials = pd.concat(parts, ignore_index=True)
    experiment.keep_table("search", trials)
    experiment.keep_figure("search", plot_search(trials))
    last = trials[trials["trial"] == trials["trial"].max()]
    lines = list_means(
        last, "sampler", {"best": f"lowest validation loss of {plan.n_trials} trials"}, digits=4
    )
    return [*lines, "", f"PCA of the size of the best trial: {_best_pca(trials):.4f}."]


def _best_pca(trials: pd.DataFrame) -> float:
    return float(trials.loc[trials["loss_val"].idxmin(), "loss_val_pca"])


def preprocess_part(experiment: ExperimentRun, plan: Plan, seed: int, min_variance: str) -> Any:
    """The smaller compendium of a seed, which makes it and splits it by series."""
    return experiment.preprocess(
        cohort=plan.part, seed=seed, min_variance=min_variance, min_detected="0"
    )


def run_comparisons(experiment: ExperimentRun, plan: Plan) -> list[str]:
    """Encoder, plain network, PCA and raw genes on test contrasts, over splits or compendia; lines
    of a table for each cohort.
    """
    jobs: dict[str, dict[str, Any]] = {}
    for cohort in list_cohorts(experiment, plan):
        for seed in range(cohort.n_splits):
            data = experiment.preprocess(**cohort.parameters, seed=seed)
            values = experiment.encoder_values(
                **plan.train_values(hidden="256", n_latent=cohort.n_latent)
            )
            ways = {"encoder": ANCHORED, PLAIN: {**UNANCHORED, "basis": "genes"}}
            given = {
                "seed": seed,
                "values": values,
                "ways": ways,
                "n_latent": cohort.n_latent,
                "terms": cohort.terms(seed),
            }
            jobs[f"{cohort.name}, split {seed}"] = {
                "folder": str(data.folder),
                "cache": str(experiment.cache),
                "cohort": cohort.name,
                **given,
            }
    found = experiment.run_jobs(compare, jobs)
    rows = [
        tables["scores"].reset_index().assign(cohort=jobs[name]["cohort"], seed=jobs[name]["seed"])
        for name, tables in found.items()
    ]
    table = pd.concat(rows, ignore_index=True)
    table["representation"] = table["representation"].map(NAMES)
    experiment.keep_table("scores", table)
    lines: list[str] = []
    for name, own in table.groupby("cohort", sort=False):
        columns = {
            "r2": "R2, test",
            "macro_ap": "macro AP of terms, test",
            "seconds": "seconds, one core",
        }
        lines += [
            f"**{name}**, {own['seed'].nunique()} splits:",
            "",
            *list_means(own, "representation", columns),
            "",
        ]
        means = own.groupby("representation", sort=False)["r2"].mean().dropna()
        experiment.say(
            f"{name}: R2 on test contrasts "
            + ", ".join(f"{way} {value:.3f}" for way, value in means.items())
        )
    return lines


def run_terms(experiment: ExperimentRun, plan: Plan) -> list[str]:
    """Every term of the first split of each cohort that has some, and the genes behind the best
    predicted; lines of a table.
    """
    jobs = {}
    for cohort in list_cohorts(experiment, plan):
        if terms := cohort.terms(0):
            folder = str(experiment.preprocess(**cohort.parameters, seed=0).folder)
            values = experiment.encoder_values(
                **plan.train_values(**ANCHORED, hidden="256", n_latent=cohort.n_latent)
            )
            jobs[cohort.key] = {
                "folder": folder,
                "cache": str(experiment.cache),
                "values": values,
                "seed": 0,
                "terms": terms,
            }
    lines = list_head(
        [
            "cohort, term",
            "order of the genes",
            "area of deletion (small is good)",
            "area of insertion (large is good)",
        ]
    )
    for key, tables in experiment.run_jobs(explain, jobs).items():
        for name in ("by_term", "areas"):
            experiment.keep_table(f"{key}_{name}", tables[name])
        experiment.keep_figure(
            f"{key}_terms",
            plot_terms(Terms(tables["scores"], tables["by_term"], pd.DataFrame(), {}, {})),
        )
        experiment.keep_figure(f"{key}_deletion", plot_deletion(tables["curves"]))
        for row in tables["areas"].itertuples():
            lines.append(
                list_line(
                    [f"{key}, {row.term}", row.order, f"{row.deletion:.2f}", f"{row.insertion:.2f}"]
                )
            )
    return lines
