"""From a preprocessed cohort to an encoder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genexp.errors import TrainingError
from genexp.model.autoencoder import Autoencoder
from genexp.model.encoder import Encoder
from genexp.model.fold import fold_heads, fold_network
from genexp.model.model_type import SQUARED_ERROR, ModelType
from genexp.model.novelty import calibrate_novelty
from genexp.model.transfer import describe_shape, transfer_weights
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed
from genexp.settings.tracking import RunConfig
from genexp.settings.training import EncoderConfig
from genexp.settings.values import hash_values, section_values
from genexp.tracker import Tracker
from genexp.training.basis import Basis, build_basis
from genexp.training.build import as_tensor
from genexp.training.figures import plot_history
from genexp.training.loop import ROWS_AT_A_TIME, Fitted, fit_autoencoder
from genexp.training.targets import build_targets
from genexp.training.threads import choose_threads


@dataclass(frozen=True)
class Trained:
    """A finished training and its encoder.

    Parameters
    ----------
    seed : int
        Of initial weights, order and dropout.
    fitted : Fitted
        In the coordinates of the basis.
    metrics : dict of str to float
        As :func:`summarise` gives them.
    latents : ndarray of float32, (n_train, n_latent)
        Latents of the train samples.
    build : callable
        Maps the weights back to gene space, lazily: there the network is many times larger, and of
        several only the best is needed.
    """

    seed: int
    fitted: Fitted
    metrics: dict[str, float]
    latents: np.ndarray
    build: Callable[[], Encoder]

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder, built once and kept."""
        return self.build()


@dataclass(frozen=True)
class StartFrom:
    """An encoder to start from, and the number of its layers that do not learn."""

    source: Encoder
    freeze: int = 0

    def check(self, model_type: ModelType) -> None:
        """Refuse model types that cannot take an encoder's weights.

        Raises
        ------
        TrainingError
            The model type has layers that no encoder has, or latents or an output that are not
            linear.
        """
        kind = model_type.config.kind
        if reason := model_type.gene_wise:
            raise TrainingError(
                f"init: kind={kind} has layers of its own ({reason}); start another kind "
                "from an encoder"
            )
        if model_type.activation != "linear" or model_type.config.output != "linear":
            raise TrainingError(
                "init: linear latents and output were expected, as an encoder to start from "
                f"has; kind={kind} has {model_type.activation} "
                f"latents here and output={model_type.config.output}"
            )

    def initialise(self, data: Preprocessed, basis: Basis) -> Callable[[Autoencoder], None]:
        """Function that gives an untrained network the encoder's weights."""
        genes, mean = data.var.index.tolist(), np.asarray(basis.mean)
        return lambda network: transfer_weights(network, self.source, genes, mean, self.freeze)


def train_encoder(
    data: Preprocessed,
    config: EncoderConfig,
    run: RunConfig,
    max_missing: float,
    tracker: Tracker,
    card: dict[str, Any] | None = None,
    seed: int | None = None,
    start_from: StartFrom | None = None,
) -> Trained:
    """Train on a preprocessed cohort, and log curves, figure and metrics.

    ``seed`` decides initial weights, order and dropout, ``run.seed`` where it is not given; the
    split is that of ``data`` either way. An interrupted training of the same configuration on the
    same data continues at its checkpoint.
    """
    seed = run.seed if seed is None else seed
    if start_from is not None:
        config = config.model_copy(update=describe_shape(start_from.source))
    model_type = create_model_type(config)
    if start_from is not None:
        start_from.check(model_type)
    start = time.perf_counter()
    targets = build_targets(data, model_type)
    basis = build_basis(data, config.basis, config.n_latent, model_type.needs_genes)
    # Timing draws weights and dropout; the seed is set after it, so that the threads measured do
    # not change what is learnt.
    tracker.set_tags(
        {
            "basis": basis.name,
            "basis.reason": basis.reason,
            "threads": choose_threads(basis, model_type, targets),
        }
    )
    initialise = None if start_from is None else start_from.initialise(data, basis)
    began = (
        None
        if start_from is None
        else [start_from.source.card.get("training_fingerprint"), start_from.freeze]
    )
    fingerprint = hash_values(
        [section_values(config, EncoderConfig), data.fingerprint, seed, began]
    )
    fitted = fit_autoencoder(
        basis,
        model_type,
        seed,
        tracker,
        checkpoint=Path(run.cache) / "checkpoints" / f"{fingerprint}.pt",
        progress_bar=sys.stderr.isatty(),
        targets=targets,
        initialise=initialise,
    )
    metrics = summarise(fitted) | {"train/seconds": time.perf_counter() - start}
    facts: dict[str, Any] = {
        "training_fingerprint": fingerprint,
        "config": section_values(config, EncoderConfig),
        "basis": basis.name,
    }
    facts |= {"seed": run.seed, "training_seed": seed, "metrics": metrics}
    trained = Trained(
        seed,
        fitted,
        metrics,
        encode_rows(fitted, basis.train),
        partial(build_encoder, fitted, basis, data, max_missing, facts | (card or {})),
    )
    log_training(trained, tracker)
    return trained


@torch.no_grad()
def encode_rows(fitted: Fitted, rows: np.ndarray) -> np.ndarray:
    """Latents (n, n_latent) of rows in the coordinates of training."""
    device = next(fitted.network.parameters()).device
    parts = torch.split(as_tensor(rows, device), ROWS_AT_A_TIME)
    return torch.cat([fitted.network.encode(part) for part in parts]).cpu().numpy()


def log_training(trained: Trained, tracker: Tracker) -> None:
    """Log the summary of a training, its losses as a figure and as a table."""
    tracker.log_metrics(trained.metrics)
    fitted = trained.fitted
    tracker.log_figure(
        "figures/loss.png",
        plot_history(
            fitted.history.reset_index(), trained.metrics.get("loss/val_pca"), fitted.best_epoch
        ),
    )
    tracker.log_table("training/history.tsv", fitted.history)


def summarise(fitted: Fitted) -> dict[str, float]:
    """Metrics of the best epoch compared with PCA's, under the names that every run has; PCA's loss
    where the loss is a squared error.
    """
    model_type = fitted.model.model_type
    squared_error = (
        model_type.loss == SQUARED_ERROR and model_type.config.reconstruction == "squared_error"
    )
    best = fitted.history.loc[fitted.best_epoch]
    r2_pca = 1 - (1 - best["r2/val"]) * fitted.loss_pca / fitted.val_losses.mean()
    return {
        "loss/val_best": fitted.loss_val,
        "epoch/best": float(fitted.best_epoch),
        **({"loss/val_pca": fitted.loss_pca} if squared_error else {}),
        "r2/val_pca": float(r2_pca),
        "r2/val_gain": float(best["r2/val"] - r2_pca),
    }


def build_encoder(
    fitted: Fitted, basis: Basis, data: Preprocessed, max_missing: float, card: dict[str, Any]
) -> Encoder:
    """Fold the network back to genes and join it with the transform and the calibration of novelty:
    the encoder that is registered.
    """
    encoder, decoder = fold_network(fitted.network, np.asarray(basis.mean), basis.directions)
    calibration = calibrate_novelty(
        encoder, decoder, data.matrix("train"), data.matrix("val"), seed=0
    )
    provenance = {
        "cohort": data.name,
        "data_fingerprint": data.fingerprint,
        "split_hash": data.split_hash,
    }
    return Encoder(
        genes=data.var.index.tolist(),
        sources=data.var["source"].tolist(),
        scale=data.scale,
        duplicates=data.report["policies"]["duplicates"],
        transform=data.transform,
        encoder=encoder,
        decoder=decoder,
        max_missing=max_missing,
        card=provenance
        | card
        | ({"units": list(fitted.network.units)} if fitted.network.units else {}),
        calibration=calibration.to_arrays(),
        heads=fold_heads(fitted.network.heads),
    )
