"""Evaluations read back from their runs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run

from genexp.errors import RegistryError, name_some
from genexp.tracking.registry import download_artifact, training_run
from genexp.tracking.store import mlflow_errors, open_store
from genexp.verdict.compare import Logged
from genexp.verdict.tasks import list_task_scores

SAMPLES = {scores.table: f"evaluation/{scores.table}.tsv" for _, scores in list_task_scores()} | {
    "split": "preprocess/split.tsv"
}
"""Tables by sample, and their artifact paths in a run."""
MAX_RUNS = 1000
"""Largest number of evaluations of an experiment that are read, the latest first."""


def read_evaluations(names: Sequence[str]) -> list[Logged]:
    """Read evaluations with their tables by sample.

    Parameters
    ----------
    names : sequence of str
        Ids of runs of ``main``, ``tune`` or ``evaluate``, or registered encoders (``NAME/version``,
        ``NAME@alias``), which stand for the evaluation of their training run, else for their latest
        one by ``evaluate``.

    Raises
    ------
    RegistryError
        A run or encoder does not exist, or was never evaluated.
    """
    client = open_store()
    return [_read(client, name, _find_run(client, name), with_samples=True) for name in names]


def read_experiment(experiment: str) -> list[Logged]:
    """Read the verdicts of all finished evaluations of an experiment, the latest first.

    Raises
    ------
    RegistryError
        The experiment does not exist, or has no evaluations.
    """
    client = open_store()
    with mlflow_errors(f"experiment '{experiment}'"):
        stored = client.get_experiment_by_name(experiment)
        if stored is None:
            names = [other.name for other in client.search_experiments()]
            raise RegistryError(
                f"expected the name of an experiment; found '{experiment}'. Experiments: "
                f"{name_some(names)}"
            )
        if stored.lifecycle_stage == "deleted":
            raise RegistryError(
                f"experiment '{experiment}' was deleted; restore it with 'mlflow experiments "
                f"restore -x {stored.experiment_id}'"
            )
        evaluated = "attributes.status = 'FINISHED' and tags.verdict != ''"
        runs = client.search_runs(
            [stored.experiment_id],
            evaluated,
            max_results=MAX_RUNS,
            order_by=["attributes.start_time DESC"],
        )
    if not runs:
        raise RegistryError(
            f"expected evaluations in experiment '{experiment}'; found none that finished. "
            "Runs of main, tune and evaluate have an "
            "evaluation"
        )
    return [
        _read(client, run.info.run_name or run.info.run_id, run, with_samples=False) for run in runs
    ]


def _find_run(client: MlflowClient, name: str) -> Run:
    """Find the run of the evaluation that a name stands for."""
    run_id = name if re.fullmatch(r"[0-9a-f]{32}", name) else training_run(name)
    with mlflow_errors(f"run {run_id}"):
        run = client.get_run(run_id)
        if "verdict" in run.data.tags:
            return run
        everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
        evaluated = (
            f"tags.encoder_run = '{run_id}' and tags.verdict != '' and attributes.status = "
            "'FINISHED'"
        )
        later = client.search_runs(
            everywhere, evaluated, max_results=1, order_by=["attributes.start_time DESC"]
        )
    if not later:
        raise RegistryError(
            f"expected an encoder that was evaluated; found no evaluation of {name} (run "
            f"{run_id}). Runs of main and tune "
            "evaluate their encoder; evaluate an encoder of train with 'python -m genexp evaluate'"
        )
    return later[0]


def _read(client: MlflowClient, name: str, run: Run, with_samples: bool) -> Logged:
    tags, params = run.data.tags, run.data.params
    facts = {
        "encoder": tags.get("registered") or tags.get("encoder", ""),
        "run": run.info.run_id,
        "split": tags.get("split_hash", ""),
    }
    facts |= {"cohort": tags.get("cohort", ""), "kind": tags.get("kind") or params.get("kind", "")}
    facts |= {
        "n_latent": tags.get("n_latent") or params.get("n_latent", ""),
        "n_seeds": tags.get("n_seeds", "1"),
    }
    wanted = SAMPLES if with_samples else {}
    with tempfile.TemporaryDirectory() as folder:
        verdict = _read_table(
            download_artifact(run.info.run_id, "evaluation/verdict.tsv", Path(folder))
        ).reset_index()
        with mlflow_errors(f"the artifacts of run {run.info.run_id}"):
            available = {
                entry.path
                for part in ("evaluation", "preprocess")
                for entry in client.list_artifacts(run.info.run_id, part)
            }
        paths = {table: path for table, path in wanted.items() if path in available}
        samples = {
            table: _read_table(download_artifact(run.info.run_id, path, Path(folder)))
            for table, path in paths.items()
        }
    return Logged(name, facts, verdict, samples)


def _read_table(path: Path) -> pd.DataFrame:
    """Read a table with its first column as index, ids and labels as text."""
    table = pd.read_csv(path, sep="\t", dtype={0: str}, keep_default_na=False, na_values=[""])
    return table.set_index(table.columns[0])
