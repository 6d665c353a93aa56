"""Time and memory of an epoch on many cells."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch

from experiments.run import Job, Tables
from experiments.scrna_denoising.plan import READING, SHARED
from genexp.model.types import create_model_type
from genexp.preprocessing import preprocess_cohort
from genexp.preprocessing.store import load_preprocessed
from genexp.settings.parse import parse_settings
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracker import NullTracker
from genexp.training.basis import build_basis
from genexp.training.loop import fit_autoencoder
from genexp.training.targets import build_targets

EPOCHS = 1


def measure_scale(job: Job) -> Tables:
    """Seconds of an epoch on one core and peak memory [GiB] of preprocessing and of training, each
    a process of its own.

    The cohort is preprocessed in a folder that is new, so that it is not found there.
    """
    rows = {}
    spawn = get_context("spawn")
    with (
        TemporaryDirectory(dir=job["cache"]) as cache,
        ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool,
    ):
        folder, rows["preprocess"] = pool.submit(preprocess, job["cohort"], cache).result()
        for likelihood in ("negative_binomial", "zero_inflated"):
            rows[likelihood] = pool.submit(train_epochs, folder, likelihood).result()
    return {"scores": pd.DataFrame.from_dict(rows, orient="index")}


def preprocess(cohort: str, cache: str) -> tuple[str, dict[str, float]]:
    """Simulate and preprocess; gives the folder, seconds and peak."""
    settled = {**READING, "cohort": cohort, "cache": cache, "normalise": "log2_median"}
    start = time.process_time()
    data = preprocess_cohort(parse_settings(PreprocessSettings, settled), NullTracker())
    return str(data.folder), {"seconds": time.process_time() - start, "peak": _measure_peak()}


def train_epochs(folder: str, likelihood: str) -> dict[str, float]:
    """Train for some epochs; gives the processor's seconds of one, validation included, and the
    peak.
    """
    torch.set_num_threads(1)
    data, tracker = load_preprocessed(Path(folder)), Stamps()
    config = parse_settings(
        EncoderConfig,
        {**SHARED, "kind": "count", "likelihood": likelihood, "epochs": EPOCHS, "minibatch": 256},
    )
    model_type = create_model_type(config)
    basis = build_basis(data, "auto", config.n_latent, model_type.needs_genes)
    fit_autoencoder(basis, model_type, 0, tracker, targets=build_targets(data, model_type))
    return {"seconds": (tracker.ends[-1] - tracker.ends[0]) / EPOCHS, "peak": _measure_peak()}


class Stamps(NullTracker):
    """A tracker that notes the processor's time at the end of each epoch."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:  # noqa: ARG002
        """Note the time."""
        self.ends.append(time.process_time())


def _measure_peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
