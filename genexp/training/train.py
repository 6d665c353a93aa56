"""From a preprocessed cohort to an encoder."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genexp.config import EncoderConfig, RunConfig, hash_values, section_values
from genexp.model.encoder import Encoder
from genexp.model.fold import fold_network
from genexp.model.kinds import KINDS
from genexp.model.novelty import calibrate_novelty
from genexp.preprocess import Preprocessed
from genexp.tracker import Tracker
from genexp.training.basis import Basis, build_basis
from genexp.training.figures import plot_history
from genexp.training.loop import Fitted, fit_autoencoder
from genexp.training.targets import build_targets
from genexp.training.threads import choose_threads


@dataclass(frozen=True)
class Trained:
    """An encoder and how its training went."""

    encoder: Encoder
    fitted: Fitted
    metrics: dict[str, float]


def train_encoder(
    data: Preprocessed, config: EncoderConfig, run: RunConfig, max_missing: float, tracker: Tracker, card: dict[str, Any] | None = None
) -> Trained:
    """Train on a preprocessed cohort, fold the network back to genes, and log curves, figure and metrics.

    An interrupted training of the same configuration on the same data continues at its checkpoint.
    """
    start = time.perf_counter()
    targets = build_targets(data, config)
    basis = build_basis(data, config.basis, config.n_latent, KINDS[config.kind].needs_genes)
    tracker.set_tags({"basis": basis.name, "basis.reason": basis.reason, "threads": choose_threads(basis, config, targets)})
    fingerprint = hash_values([section_values(config, EncoderConfig), data.fingerprint, run.seed])
    fitted = fit_autoencoder(
        basis,
        config,
        run.seed,
        tracker,
        checkpoint=Path(run.cache) / "checkpoints" / f"{fingerprint}.pt",
        progress_bar=sys.stderr.isatty(),
        targets=targets,
    )
    metrics = summarise(fitted, basis) | {"train/seconds": time.perf_counter() - start}
    tracker.log_metrics(metrics)
    history = fitted.history
    tracker.log_figure("figures/loss.png", plot_history(history.reset_index(), fitted.loss_pca, fitted.best_epoch))
    tracker.log_table("training/history.tsv", history)
    made = {"training_fingerprint": fingerprint, "config": section_values(config, EncoderConfig), "seed": run.seed, "basis": basis.name}
    encoder = build_encoder(fitted, basis, data, max_missing, made | {"metrics": metrics} | (card or {}))
    return Trained(encoder, fitted, metrics)


def summarise(fitted: Fitted, basis: Basis) -> dict[str, float]:
    """Figures of the best epoch, beside PCA's, under the metric names that every run has."""
    best = fitted.history.loc[fitted.best_epoch]
    r2_pca = 1 - (1 - best["r2/val"]) * fitted.loss_pca / fitted.val_losses.mean()
    return {
        "loss/val_best": fitted.loss_val,
        "epoch/best": float(fitted.best_epoch),
        "loss/val_pca": fitted.loss_pca,
        "r2/val_pca": float(r2_pca),
        "r2/val_gain": float(best["r2/val"] - r2_pca),
    }


def build_encoder(fitted: Fitted, basis: Basis, data: Preprocessed, max_missing: float, card: dict[str, Any]) -> Encoder:
    """Fold the network back to genes and join it with the transform and what novelty is judged by: the contract that is registered."""
    encoder, decoder = fold_network(fitted.network, np.asarray(basis.mean), basis.directions)
    calibration = calibrate_novelty(encoder, decoder, data.matrix("train"), data.matrix("val"), seed=0)
    provenance = {"cohort": data.name, "data_fingerprint": data.fingerprint, "split_hash": data.split_hash}
    return Encoder(
        genes=data.var.index.tolist(),
        sources=data.var["source"].tolist(),
        scale=data.scale,
        duplicates=data.report["policies"]["duplicates"],
        transform=data.transform,
        encoder=encoder,
        decoder=decoder,
        max_missing=max_missing,
        card=provenance | card,
        calibration=calibration.to_arrays(),
    )
