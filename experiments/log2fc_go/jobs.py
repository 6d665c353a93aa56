"""Jobs, each in a process of its own: one point of a sweep, one study, one comparison on test
samples.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from experiments.run import Job, Tables, represent, train
from genexp.cohort.terms import read_terms
from genexp.evaluation.baselines import Representation, fit_pca, fit_raw
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.reconstruction import evaluate_reconstruction
from genexp.evaluation.task import Skipped
from genexp.evaluation.terms import evaluate_terms
from genexp.preprocessing import Preprocessed, load_preprocessed
from genexp.settings.parse import parse_settings
from genexp.settings.verbs import TuneSettings
from genexp.training.basis import build_basis
from genexp.training.train import encode_rows
from genexp.tuning.study import run_study
from genexp.tuning.tune import fingerprint_study, study_folder

PARTS: tuple[Literal["train", "val"], ...] = ("train", "val")
PLAIN = "plain"
"""The network without a path that starts at PCA, trained on genes."""


def train_point(job: Job) -> Tables:
    """Train one network of a sweep, and score it on validation samples, beside PCA of as many
    components.
    """
    data = load_preprocessed(Path(job["folder"]))
    start = time.perf_counter()
    trained = train(data, job["seed"], job["cache"], basis="rows", **job["values"])
    seconds, fitted = time.perf_counter() - start, trained.fitted
    basis = build_basis(data, "rows", trained.latents.shape[1])
    z = {
        ENCODER: (trained.latents, encode_rows(fitted, basis.val)),
        "pca": (np.asarray(basis.train) @ basis.principal, np.asarray(basis.val) @ basis.principal),
    }
    r2 = {
        ENCODER: float(fitted.history["r2/val"][fitted.best_epoch]),
        "pca": trained.metrics["r2/val_pca"],
    }
    parts = [
        PartLatents(
            part, data.obs(part), {name: both[place].astype(np.float64) for name, both in z.items()}
        )
        for place, part in enumerate(PARTS)
    ]
    scores = pd.DataFrame({"r2": r2, "macro_ap": predict_terms(parts, job["terms"])}).rename_axis(
        "representation"
    )
    scores.loc[ENCODER, ["best_epoch", "seconds"]] = fitted.best_epoch, seconds
    return {"scores": scores, "history": fitted.history}


def predict_terms(parts: list[PartLatents], path: str) -> dict[str, float]:
    """Macro average precision by representation: fitted on the first part, scored on the second;
    chance is among them.
    """
    table = read_terms(path, [sample for part in parts for sample in part.obs.index])
    with threadpool_limits(1):
        terms = evaluate_terms(parts[0], parts[1], table, seed=0)
    if isinstance(terms, Skipped):
        return dict.fromkeys([*parts[0].z, "chance"], float("nan"))
    return {**terms.scores["macro_ap"], "chance": terms.chance}


def search(job: Job) -> Tables:
    """Search as ``tune`` does, one trial after the other; every trial is a row."""
    data = load_preprocessed(Path(job["folder"]))
    settings = parse_settings(
        TuneSettings,
        {"workers": 1, "threads": 1, "prune": "false", "cache": job["cache"], **job["values"]},
    )
    study = run_study(
        data,
        settings,
        study_folder(data, settings),
        fingerprint_study(data, settings),
        lambda *_: None,
    )
    table = study.table()[
        ["n_latent", "hidden", "dropout", "learning_rate", "loss_val", "loss_val_pca", "seconds"]
    ]
    return {"trials": table.assign(best=table["loss_val"].cummin())}


def compare(job: Job) -> Tables:
    """Score encoder, plain network, PCA, the raw genes on test samples, which are opened once; all
    is fitted on train samples.
    """
    data, terms = load_preprocessed(Path(job["folder"])), job["terms"]
    rows = {"train": (data.matrix("train"), data.obs("train")), "test": data.access_test()}
    X = rows["train"][0]
    ways, seconds = train_ways(data, job)
    ways += [fit_pca(X, job["n_latent"], 0), fit_raw(X, job["n_latent"], 0)]
    parts = [
        PartLatents(part, obs, {one.name: one.latents(values) for one in ways})
        for part, (values, obs) in rows.items()
    ]
    rebuilt = evaluate_reconstruction(
        ways, rows["test"][0], X.mean(axis=0, dtype=np.float64), parts[1], data.var.index
    )
    found = {"r2": rebuilt.scores["r2"].to_dict(), "seconds": seconds}
    if terms:
        found["macro_ap"] = predict_terms(parts, terms)
    return {"scores": pd.DataFrame(found).rename_axis("representation")}


def train_ways(data: Preprocessed, job: Job) -> tuple[list[Representation], dict[str, float]]:
    """Train each configuration of the job (``ways``: values by name); ways to and from latents, and
    seconds.
    """
    ways, seconds = [], {}
    configurations: Mapping[str, Mapping[str, str]] = job["ways"]
    for name, values in configurations.items():
        start = time.perf_counter()
        trained = train(data, job["seed"], job["cache"], **{**job["values"], **values})
        seconds[name] = time.perf_counter() - start
        ways.append(represent(trained.encoder, name))
    return ways, seconds
