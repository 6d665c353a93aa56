"""A type that a classifier never saw: how it fares there as it is, and tuned on a few patients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.run import Job, Tables, train
from experiments.tumor_normal.compare import Rows, predict_with, tabulate
from genexp.cohort import read_cohort
from genexp.evaluation.classifiers import (
    CLASSIFIERS,
    Classified,
    Probabilities,
    fit_raw_logistic,
    score_probabilities,
)
from genexp.model.encoder import Encoder
from genexp.preprocessing import Preprocessed, load_preprocessed
from genexp.preprocessing.pipeline import apply_transform
from genexp.preprocessing.split import EXCLUDED
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings
from genexp.training.train import StartFrom

NO_SPLIT = pd.DataFrame({"part": [], "group": []}, dtype=object)
WAYS = {"tuned": 0, "tuned with frozen layers": 2}
"""Layers of the given encoder that do not learn, by what is done with it."""
VALIDATION = 4
"""One in so many of the known patients says when to stop."""


def leave_out(job: Job) -> Tables:
    """Scores of every model of the other types on all samples of the one that was left out."""
    others, seed = load_preprocessed(Path(job["folder"])), job["seed"]
    rows = Rows(np.asarray(others.matrix("train")), others.obs("train"))
    fitted = {
        "feed-forward": predict_with(train(others, seed, job["cache"], **job["network"]).encoder)
    }
    fitted |= {name: rows.fit(name, seed) for name in CLASSIFIERS}
    X_test, obs_test = place(others, job, NO_SPLIT).access_test()
    truth = obs_test["label"].astype(str)
    return {
        "scores": tabulate(
            {
                name: score_probabilities(truth, f(X_test), rows.classes)
                for name, f in fitted.items()
            }
        )
    }


def tune_to(job: Job) -> Tables:
    """Scores on the same patients of a type: of a classifier of the others, of that one tuned on a
    few patients, of models from scratch.
    """
    others, seed = load_preprocessed(Path(job["folder"])), job["seed"]
    source = train(others, seed, job["cache"], **job["network"]).encoder
    tables = []
    for n in job["n_patients"]:
        data = place(
            others, job, draw_patients(read_type(job).obs, n, max(job["n_patients"]), seed)
        )
        judged = judge(list_ways(data, source, job, seed), data)
        table = tabulate(judged)
        tables.append(
            table.assign(model=table.index, n_patients=n).set_index(table.index + f" {n} patients")
        )
    return {"scores": pd.concat(tables)}


def list_ways(data: Preprocessed, source: Encoder, job: Job, seed: int) -> dict[str, Probabilities]:
    """Ways to use a few patients; the first uses none."""
    fitted = {"as it is": predict_with(source)}
    for name, freeze in WAYS.items():
        made = train(data, seed, job["cache"], StartFrom(source, freeze), **job["network"])
        fitted[name] = predict_with(made.encoder)
    fitted["from scratch"] = predict_with(train(data, seed, job["cache"], **job["network"]).encoder)
    known = pd.concat([data.obs("train"), data.obs("val")])
    X = np.concatenate([data.matrix("train"), data.matrix("val")])
    fitted["logistic regression"] = fit_raw_logistic(
        X, known["label"].astype(str).to_numpy(), known["group"].astype(str).to_numpy(), seed
    )
    return fitted


def judge(fitted: dict[str, Probabilities], data: Preprocessed) -> dict[str, Classified]:
    """Score each way on the patients of the type that no way has seen."""
    X_test, obs_test = data.access_test()
    truth = obs_test["label"].astype(str)
    return {
        name: score_probabilities(truth, predict(X_test), sorted(set(truth)))
        for name, predict in fitted.items()
    }


def read_type(job: Job) -> Any:
    """The samples of the type as they are in the file."""
    known = CohortConfig.model_fields
    values = {name: value for name, value in job["cohort"].items() if name in known}
    return read_cohort(
        parse_settings(CohortConfig, values | {"where": job["where"]}), seed=job["seed"]
    )


def place(others: Preprocessed, job: Job, split: pd.DataFrame) -> Preprocessed:
    """The samples of the type in the genes and the scaling of the others; those that ``split`` does
    not name are test samples.
    """
    cohort = read_type(job)
    places = cohort.var.index.get_indexer(others.var.index)
    placed = apply_transform(
        np.ascontiguousarray(np.asarray(cohort.X)[:, places]),
        cohort.obs,
        split,
        others.var,
        others.transform,
        name=f"{others.name} {job['type']}",
        scale=others.scale,
        cache=job["cache"],
    )
    return replace(placed, report=placed.report | {"policies": others.report["policies"]})


def draw_patients(obs: pd.DataFrame, n: int, n_most: int, seed: int) -> pd.DataFrame:
    """Split of a type: ``n`` patients with samples of both classes are known, and a quarter of them
    validate.

    ``n_most - n`` more are left out, so that the test samples, which are all others, are the same
    whatever ``n``.
    """
    both = obs.groupby("group", observed=True)["label"].nunique()
    drawn = np.random.default_rng(seed).permutation(sorted(both.index[both == 2]))[:n_most]
    n_val = max(n // VALIDATION, 1)
    part = (
        dict.fromkeys(drawn, EXCLUDED)
        | dict.fromkeys(drawn[: n - n_val], "train")
        | dict.fromkeys(drawn[n - n_val : n], "val")
    )
    chosen = obs[obs["group"].isin(part)]
    return pd.DataFrame(
        {"part": chosen["group"].astype(object).map(part), "group": chosen["group"]},
        index=chosen.index,
    )
