"""The compendium of the published size with all its genes: memory and seconds, measured in
processes that do nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.sides import Side, read_peak, take_turns
from experiments.log2fc_go.jobs import predict_terms
from experiments.run import Job, Tables, represent
from genexp.evaluation.baselines import Representation
from genexp.evaluation.latents import RAW, PartLatents
from genexp.evaluation.reconstruction import evaluate_reconstruction
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed, load_preprocessed, preprocess_cohort
from genexp.settings.parse import parse_settings
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracker import NullTracker
from genexp.training.basis import Basis, build_basis
from genexp.training.build import build_model, load_rows
from genexp.training.loop import fit_autoencoder, train_epoch
from genexp.training.optimiser import build_optimiser
from genexp.training.targets import NO_TARGETS
from genexp.training.train import build_encoder

N_RAW = 500
"""Directions, at most, in which the raw genes are scored here."""
N_MAP = 50
"""Principal components that t-SNE sees."""


def measure(job: Job) -> Tables:
    """Preprocess, train and evaluate in one process; then time steps in the row space and among
    genes, each in another one.

    Returns
    -------
    dict of DataFrame
        ``figures`` (one row: seconds and bytes), ``scores`` (by representation), ``history``,
        ``map`` (train contrasts).
    """
    if not job["apart"]:
        return _collect(next(run_whole(**job["whole"])), {})
    made = take_turns({"whole": Side(run_whole, job["whole"])}, 1)["whole"][0]
    given = {"folder": made["folder"], "values": job["whole"]["values"], "n_steps": job["n_steps"]}
    sides = {basis: Side(time_steps, {**given, "basis": basis}) for basis in ("rows", "genes")}
    return _collect(made, take_turns(sides, job["repeats"]))


def _collect(made: dict[str, Any], steps: dict[str, list[dict[str, Any]]]) -> Tables:
    figures = {name: value for name, value in made.items() if isinstance(value, int | float)}
    for basis, turns in steps.items():
        figures[f"step_{basis}"] = float(np.median([turn["step"] for turn in turns]))
        figures[f"peak_steps_{basis}"] = max(turn["peak"] for turn in turns)
    return {
        "figures": pd.DataFrame([figures]),
        "scores": pd.DataFrame(made["scores"]).rename_axis("representation"),
        "history": pd.DataFrame(made["history"]).rename_axis("epoch"),
        "map": pd.DataFrame(made["map"]),
    }


def run_whole(
    preprocess: dict[str, str],
    values: dict[str, Any],
    terms: str,
    seed: int,
    perplexity: float,
    min_variance: float,
) -> Iterator[dict[str, Any]]:
    """From the raw compendium to test scores of one encoder, all of it once; ``peak_...`` are bytes
    held at most until then.
    """
    clock = Clock()
    data = preprocess_cohort(
        parse_settings(PreprocessSettings, {**preprocess, "seed": seed}), NullTracker()
    )
    made: dict[str, Any] = {
        "preprocess": clock.lap(),
        "peak_preprocess": read_peak(),
        "folder": str(data.folder),
    }
    made |= {"n_train": len(data.matrix("train")), "n_genes": len(data.var)}
    made["n_variable"] = int((data.var["variance"] > min_variance).sum())
    config = parse_settings(EncoderConfig, {**values, "threads": 1})
    torch.set_num_threads(1)
    basis = build_basis(data, "rows", config.n_latent)
    made["decomposition"] = clock.lap()
    fitted = fit_autoencoder(basis, create_model_type(config), seed)
    made |= {
        "training": clock.lap(),
        "epochs": len(fitted.history) - 1,
        "history": fitted.history.to_dict("list"),
    }
    encoder = build_encoder(fitted, basis, data, 0.2, {})
    made |= {"fold": clock.lap(), "peak_encoder": read_peak()}
    del fitted
    ways = [represent(encoder), *describe_row_space(data, basis, config.n_latent)]
    made["scores"] = score_ways(data, ways, np.asarray(basis.mean), terms)
    made["judging"] = clock.lap()
    made["map"], (made["pc_1"], made["pc_2"]) = draw_map(data, basis, perplexity, seed)
    made["picture"] = clock.lap()
    yield made


class Clock:
    """Seconds since the lap before."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last call."""
        before, self.start = self.start, time.perf_counter()
        return self.start - before


def describe_row_space(data: Preprocessed, basis: Basis, n_latent: int) -> list[Representation]:
    """PCA, and the leading directions that stand for the raw genes, from the decomposition that is
    there already.
    """
    n_raw = min(N_RAW, basis.train.shape[1])
    wide = build_basis(data, "rows", n_raw)
    assert wide.directions is not None
    axes, mean = np.asarray(wide.directions) @ wide.principal, np.asarray(wide.mean)
    lengths = np.square(np.asarray(wide.train) @ wide.principal).sum(dtype=np.float64)
    raw = axes * np.float32(np.sqrt(n_latent * len(wide.train) / lengths))
    leading = axes[:, :n_latent]
    return [
        Representation(
            "pca", lambda x: (x - mean) @ leading, lambda z: z.astype(np.float32) @ leading.T + mean
        ),
        Representation(RAW, lambda x: (x - mean) @ raw, None),
    ]


def score_ways(
    data: Preprocessed, ways: list[Representation], mean: np.ndarray, terms: str
) -> dict[str, dict[str, float]]:
    """R2 and macro average precision on test contrasts, which are opened once."""
    X_test, obs_test = data.access_test()
    test = PartLatents("test", obs_test, {one.name: one.latents(X_test) for one in ways})
    train = PartLatents(
        "train", data.obs("train"), {one.name: one.latents(data.matrix("train")) for one in ways}
    )
    rebuilt = evaluate_reconstruction(ways, X_test, mean, test, data.var.index).scores["r2"]
    return {"r2": rebuilt.to_dict(), "macro_ap": predict_terms([train, test], terms)}


def draw_map(
    data: Preprocessed, basis: Basis, perplexity: float, seed: int
) -> tuple[dict[str, list[Any]], tuple[float, float]]:
    """Two principal components and a t-SNE of ``N_MAP`` of them, of the train contrasts; shares of
    the variance of the former.
    """
    from openTSNE import TSNE

    rows = np.asarray(basis.train)
    scores = rows @ basis.principal[:, :N_MAP]
    placed = TSNE(perplexity=min(perplexity, (len(rows) - 1) / 3), n_jobs=1, random_state=seed).fit(
        scores
    )
    shares = np.square(scores).sum(axis=0) / np.square(rows).sum()
    obs = data.obs("train")
    table = {
        "pc_1": scores[:, 0].tolist(),
        "pc_2": scores[:, 1].tolist(),
        "tsne_1": placed[:, 0].tolist(),
        "tsne_2": placed[:, 1].tolist(),
    }
    return table | {name: obs[name].astype(str).tolist() for name in ("leading_term", "tissue")}, (
        float(shares[0]),
        float(shares[1]),
    )


def time_steps(
    folder: str, values: dict[str, Any], n_steps: int, basis: str
) -> Iterator[dict[str, Any]]:
    """Seconds of a training step of 256 contrasts, turn by turn, in the row space or among genes;
    the decomposition is there.
    """
    torch.set_num_threads(1)
    data, config = (
        load_preprocessed(Path(folder)),
        parse_settings(EncoderConfig, {**values, "threads": 1}),
    )
    built = build_basis(data, "rows", config.n_latent)
    if basis == "genes":
        assert built.directions is not None
        principal = np.asarray(built.directions) @ built.principal
        among = {
            "train": data.matrix("train"),
            "val": data.matrix("val"),
            "principal": principal,
            "directions": None,
        }
        built = replace(
            built,
            name="genes",
            outside=np.zeros(len(data.matrix("val"))),
            mean=np.zeros(len(data.var), np.float32),
            **among,
        )
    model = build_model(built, create_model_type(config))
    optimiser = build_optimiser(model.network, config)
    whole, _ = load_rows(built, NO_TARGETS, torch.device("cpu"))
    rows = whole.pick(torch.arange(min(config.minibatch * n_steps, len(whole.x))))
    train_epoch(model, optimiser, whole.pick(torch.arange(min(config.minibatch, len(whole.x)))), 1)
    while True:
        clock = Clock()
        train_epoch(model, optimiser, rows, 1)
        yield {"step": clock.lap() / n_steps}
