"""Train and judge an encoder for each cohort; keep verdicts, figures and numbers beside the README."""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from PIL import Image

from experiments.cohorts.plan import DATA, SETTINGS, Cohort, list_cohorts
from experiments.cohorts.readme import write_readme
from experiments.cohorts.truths import check_genes, check_hazards, plant
from genexp.cli import main as run_genexp
from genexp.cohort.simulate import SimulatedCohort
from genexp.tracking.registry import download_artifact

HERE = Path(__file__).parent
METRICS = (
    *("r2/test", "r2/test_pca", "probe/macro_f1", "probe/macro_f1_pca", "cluster/k", "cluster/ari", "cluster/nmi", "cluster/stability"),
    *("survival/c_index", "survival/c_index_pca", "survival/ipcw_c_index", "survival/auc", "survival/integrated_brier"),
    *("survival/increment_over_clinical", "survival/random_genes_as_good", "survival/random_projections_as_good"),
    *("survival/hazard_ratio_high_low", "survival/permutation_p_risk_group", "novelty/share", "novelty/share_p05"),
    *("attribution/completeness_delta", "attribution/rho_seeds"),
)
"""Metrics that are written down, where a cohort has them."""
MAX_PICTURE = 150_000
"""Bytes of a kept picture."""
N_GENES = 10
"""Leading genes that are written down."""


def main(arguments: list[str] | None = None) -> int:
    """Run cohorts by name, all without a name."""
    parser = argparse.ArgumentParser(prog="python -m experiments.cohorts.run", description=__doc__)
    parser.add_argument("cohorts", nargs="*", metavar="COHORT", help=f"of {', '.join(list_cohorts())}; without one: all")
    parser.add_argument("--folder", type=Path, default=Path(".genexp/cohorts"), help="store, cache and artifacts of these runs")
    parser.add_argument("--out", type=Path, default=HERE, help="where results.tsv, figures and README.md lie")
    parser.add_argument("--simulated", default="simulated", help="the simulated cohort: simulated[:SAMPLESxGENES]")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="parameters of main other than the experiment's")
    given = parser.parse_args(arguments)
    known = list_cohorts(given.simulated)
    if unknown := [name for name in given.cohorts if name not in known]:
        parser.error(f"expected cohorts of {', '.join(known)}; found {', '.join(unknown)}")
    settings = SETTINGS | dict(text.split("=", 1) for text in given.set)
    for name in given.cohorts or known:
        if known[name].simulated or DATA.is_dir():
            run_cohort(name, known[name], settings, given.folder.absolute(), given.out)
        else:
            print(f"{name}: left out, its data are not in {DATA} (set GENEXP_DATA)")
    return 0


def run_cohort(name: str, cohort: Cohort, settings: Mapping[str, str], folder: Path, out: Path) -> None:
    """Run ``main`` on a cohort in a store of its own; put what came out into ``out``."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["MLFLOW_TRACKING_URI"] = uri = f"sqlite:///{folder / 'mlflow.db'}"
    parameters = {**settings, **cohort.parameters, "cache": str(folder / "cache"), "experiment": "cohorts", "name": name, "run_name": name}
    planted = None
    if cohort.simulated:
        planted, sets = plant(cohort.parameters["cohort"], folder)
        parameters["gene_sets"] = str(sets)
    start = time.perf_counter()
    if code := run_genexp(["main", *(text for key, value in parameters.items() for text in (f"--{key}", value))]):
        raise SystemExit(code)
    seconds, run = time.perf_counter() - start, _latest(MlflowClient(uri, uri), name)
    rows = [_row("tag", "leakage", text=run.data.tags["leakage"]), _row("metric", "seconds", seconds), *_collect(run, cohort)]
    if planted is not None:
        rows += _check(planted, run)
    keep_results(out / "results.tsv", name, rows)
    for figure in cohort.figures:
        keep_picture(fetch(run, f"figures/{figure}.png"), out / f"{name}_{figure}.png")
    write_readme(out / "README.md", pd.read_csv(out / "results.tsv", sep="\t", keep_default_na=False, na_values=[""]))


def _latest(client: MlflowClient, name: str) -> Run:
    experiment = client.get_experiment_by_name("cohorts")
    assert experiment is not None
    wanted = f"attributes.run_name = '{name}' and attributes.status = 'FINISHED'"
    return client.search_runs([experiment.experiment_id], wanted, max_results=1, order_by=["attributes.start_time DESC"])[0]


def fetch(run: Run, path: str) -> bytes:
    """Bytes of an artifact."""
    with tempfile.TemporaryDirectory() as folder:
        return download_artifact(run.info.run_id, path, Path(folder)).read_bytes()


def _table(run: Run, name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(fetch(run, f"evaluation/{name}.tsv")), sep="\t", index_col=0)


def _row(kind: str, name: str, value: float = float("nan"), **further: object) -> dict[str, object]:
    return {"kind": kind, "name": name, "value": value, **further}


def _collect(run: Run, cohort: Cohort) -> Iterator[dict[str, object]]:
    """Verdicts, metrics and leading genes of a run, as rows of the results."""
    for task, one in _table(run, "verdict").iterrows():
        interval = {"low": one["encoder_low"], "high": one["encoder_high"], "beside": one["baseline"], "outcome": one["outcome"]}
        yield _row("verdict", f"{task}: {one['quantity']}", one["encoder"], **interval, text=one["sentence"])
    for name in METRICS:
        if name in run.data.metrics:
            yield _row("metric", name, run.data.metrics[name])
    if "survival/c_index" in run.data.metrics:
        for model, one in _table(run, "survival_increments").iterrows():
            yield _row("increment", str(model), one["increment"], low=one["low"], high=one["high"], text=one["sentence"])
    if cohort.target:
        strength = _table(run, "attribution_genes")[cohort.target]
        top = strength.loc[strength.abs().nlargest(N_GENES).index]
        yield from (_row("gene", gene, value, text=f"rank {rank} of {cohort.target}") for rank, (gene, value) in enumerate(top.items(), 1))


def _check(planted: SimulatedCohort, run: Run) -> Iterator[dict[str, object]]:
    """What was planted beside what was found."""
    for subtype, one in check_genes(planted, _table(run, "attribution_genes")).iterrows():
        text = f"{one['same_sign']:.0%} of the leading genes in the planted direction; value: their planted effect over that of all genes"
        yield _row("planted genes", str(subtype), one["times"], text=text)
    latents, parts = _table(run, "latent"), _table(run, "embeddings")["part"]
    for name, one in check_hazards(planted, latents, parts.loc[latents.index]).iterrows():
        best = f"{one['best']:.3f} [{one['best_low']:.3f}, {one['best_high']:.3f}]"
        text = f"planted {one['planted']:.3f}; from the planted activities themselves {best}"
        if name != "age":
            text += f"; reading and truth correlate at {one['correlation']:.4f} on test samples"
        outcome = "covered" if one["covered"] else "missed"
        yield _row("planted hazard", str(name), one["estimate"], low=one["low"], high=one["high"], outcome=outcome, text=text)


def keep_results(path: Path, cohort: str, rows: list[dict[str, object]]) -> None:
    """Put the rows of a cohort in the place of its earlier ones."""
    columns = ["cohort", "kind", "name", "value", "low", "high", "beside", "outcome", "text"]
    before = pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""]).to_dict("records") if path.exists() else []
    kept = [row for row in before if row["cohort"] != cohort] + [{"cohort": cohort, **row} for row in rows]
    table = pd.DataFrame(kept).reindex(columns=columns)
    order = {name: place for place, name in enumerate(list_cohorts())}
    table = table.sort_values("cohort", key=lambda names: names.map(order), kind="stable")
    table.to_csv(path, sep="\t", index=False, float_format="%.6g")


def keep_picture(png: bytes, path: Path) -> None:
    """Write a picture in 256 colours, made smaller until it has at most ``MAX_PICTURE`` bytes."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    width = min(picture.width, 1400)
    while True:
        small = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
        held = io.BytesIO()
        small.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(held, "PNG", optimize=True)
        if len(held.getvalue()) <= MAX_PICTURE:
            path.write_bytes(held.getvalue())
            return
        width = round(width * 0.85)


if __name__ == "__main__":
    raise SystemExit(main())
