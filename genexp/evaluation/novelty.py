"""Test samples that are unlike the train samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.reconstruction import Reconstruction
from genexp.evaluation.task import EvaluationInputs, Result, Skipped, Task
from genexp.model.encoder import Encoder
from genexp.model.novelty import Calibration, assess_novelty, calibrate_novelty, measure_distances

MIN_CALIBRATION = 19
"""Fewest validation samples for a p-value of 0.05."""


@dataclass(frozen=True)
class Novelty(Result):
    """Distance of each test sample from the train samples.

    Parameters
    ----------
    samples : DataFrame, (n_test, 7)
        From :func:`genexp.model.novelty.assess_novelty`.
    reference : DataFrame, (n_val, 2)
        ``error`` and ``distance`` of the validation samples.
    smallest_p : float
        Smallest p-value that this number of validation samples can give.
    """

    samples: pd.DataFrame
    reference: pd.DataFrame
    smallest_p: float

    @property
    def metrics(self) -> dict[str, float]:
        """Share of novel samples at a false discovery rate of 5 %, and share with p of at most 0.05
        (5 % where nothing is novel).
        """
        return {
            "novelty/share": float(self.samples["novel"].mean()),
            "novelty/share_p05": float((self.samples["p"] <= 0.05).mean()),
        }

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        return {"novelty": self.samples}

    @property
    def fewest(self) -> int:
        """Fewest novel samples that can be found: with fewer, p-values no smaller than
        ``smallest_p`` cannot pass the correction.
        """
        return int(np.ceil(round(self.smallest_p * len(self.samples) / 0.05, 9)))


def evaluate_novelty(
    encoder: Encoder,
    rows: Mapping[str, np.ndarray],
    test: PartLatents,
    reconstruction: Reconstruction,
    seed: int,
) -> Novelty | Skipped:
    """Compare error and distance of test samples with those of the validation samples.

    Parameters
    ----------
    encoder : Encoder
        Its calibration is used; an encoder without one is calibrated here.
    rows : mapping of str to ndarray of float32, (n, n_genes)
        Scaled rows of ``train`` and ``val``.
    test : PartLatents
    reconstruction : Reconstruction
        Squared errors of the same test samples.
    seed : int
    """
    n_val = len(rows["val"])
    if n_val < MIN_CALIBRATION:
        return Skipped(
            (
                (
                    f"No novelty: {n_val} validation samples; {MIN_CALIBRATION} are needed for a "
                    "p-value of 0.05."
                ),
            )
        )
    calibration = Calibration.of(encoder) or calibrate_novelty(
        encoder.encoder, encoder.decoder, rows["train"], rows["val"], seed
    )
    errors = reconstruction.samples[ENCODER].to_numpy() / len(encoder.genes)
    distances = measure_distances(test.z[ENCODER], calibration.mean, calibration.precision)
    samples = assess_novelty(calibration, np.column_stack([errors, distances]), test.obs.index)
    reference = pd.DataFrame(calibration.scores, columns=["error", "distance"])
    return Novelty(samples, reference, calibration.smallest_p)


class NoveltyTask(Task):
    """Test samples that are unlike the train samples."""

    name = "novelty"
    title = "Novelty"
    one_thread = False
    metrics: ClassVar = {
        "novelty/share": "share of test samples that are novel at a false discovery rate of 5 %",
        "novelty/share_p05": (
            "share of test samples with p of at most 0.05; 5 % where nothing is novel"
        ),
    }
    tables: ClassVar = {"novelty": "error, distance and p-values of every test sample"}

    def evaluate(self, inputs: EvaluationInputs) -> Novelty | Skipped:
        """Compare test samples with the validation samples."""
        X = {part: inputs.X[part] for part in ("train", "val")}
        return evaluate_novelty(
            inputs.encoder, X, inputs.test, inputs.results.require(Reconstruction), inputs.seed
        )
