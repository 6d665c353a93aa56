"""Sizes and cohorts of the benchmarks."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genexp.preprocessing import Preprocessed, preprocess_cohort
from genexp.settings.parse import parse_settings
from genexp.settings.verbs import PreprocessSettings
from genexp.tracker import NullTracker

REAL = Path(os.environ.get("GENEXP_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""Folder of the real cohorts."""
PEERS, SCVI = (
    Path(__file__).parents[1] / name / "bin" / "python"
    for name in (".venv-peers", ".venv-peers-scvi")
)
"""Interpreters of the peers: scvi-tools needs an anndata that autoencodix forbids. Without them
Lightning is left out."""


@dataclass(frozen=True)
class Plan:
    """Sizes; the defaults are what ``make bench`` measures, tests take tiny ones.

    Parameters
    ----------
    folder : Path
        Where cohorts are cached between runs.
    n_samples, n_genes : int
        Shape of the simulated cohort.
    hidden, n_latent : tuple of int, int
        Widths of the networks that are timed.
    plain_epochs : int
        Epochs of the plain loop.
    repeats : int
        Turns of what is repeated.
    n_trials, plain_trials : int
        Trials of a study, and how many of the plain one are run.
    trial_epochs : int
        Epochs of a trial at most, on both sides.
    n_splits : int
        Splits of the quality benchmark.
    epochs : int
        Longest training where early stopping decides.
    apart : bool
        Whether sides have processes of their own.
    """

    folder: Path
    n_samples: int = 1218
    n_genes: int = 20531
    hidden: tuple[int, ...] = (2048, 512)
    n_latent: int = 32
    plain_epochs: int = 25
    repeats: int = 3
    n_trials: int = 20
    plain_trials: int = 4
    trial_epochs: int = 60
    n_splits: int = 5
    epochs: int = 200
    apart: bool = True
    variants: tuple[str, ...] = ()

    def simulated(self) -> Preprocessed:
        """Simulated cohort with 85 % of the samples to train on; only genes that do not vary are
        lost.
        """
        shape = f"simulated:{self.n_samples}x{self.n_genes}"
        return self.preprocess(cohort=shape, split="85/10/5", min_detected=0, min_sample_detected=0)

    def preprocess(self, **values: Any) -> Preprocessed:
        """Preprocess, or find what an earlier benchmark preprocessed."""
        return preprocess_cohort(
            parse_settings(PreprocessSettings, {"cache": str(self.folder), **values}), NullTracker()
        )


class Stamps(NullTracker):
    """A tracker that notes when each epoch ended and its validation loss."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.ends: list[float] = []
        self.losses: list[float] = []

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        """Note the time of an epoch."""
        if step is not None:
            self.ends.append(time.perf_counter() - self.start)
            self.losses.append(metrics["loss/val"])
