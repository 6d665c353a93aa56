"""The training loop: one device, arrays in memory, one synchronisation an epoch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import ReduceLROnPlateau
from tqdm import tqdm

from genexp.config import EncoderConfig
from genexp.errors import TrainingError
from genexp.model.autoencoder import Autoencoder
from genexp.tracker import NullTracker, Tracker
from genexp.training.basis import Basis
from genexp.training.checkpoint import Checkpoint

STEPS_AN_EPOCH = 4
"""Steps that an epoch has at least: the minibatch shrinks on small cohorts."""
ROWS_AT_A_TIME = 4096
ANCHOR_RATE = 0.1
"""Learning rate of the linear paths that start at PCA, relative to the rest: Adam's first steps would shake them."""
MIN_DELTA = 1e-5
"""Relative fall of the validation loss that counts as better."""


@dataclass(frozen=True)
class Fitted:
    """What a training gave, in the coordinates of its basis.

    Parameters
    ----------
    network : Autoencoder
        With the weights of the best epoch.
    history : DataFrame, indexed by epoch
        Epoch 0 being the untrained network: ``loss/train``, ``loss/val``, ``r2/val``, ``learning_rate``.
    best_epoch : int
    val_losses : ndarray of float64, (n_val,)
        Squared error per gene of each validation row, at the best epoch.
    loss_pca : float
        ``loss/val`` of PCA with as many components.
    pruned_at : int or None
        Epoch at which the trial was stopped for being worse than earlier ones.
    """

    network: Autoencoder
    history: pd.DataFrame
    best_epoch: int
    val_losses: np.ndarray
    loss_pca: float
    pruned_at: int | None = None

    @property
    def loss_val(self) -> float:
        """Validation loss at the best epoch."""
        return float(self.val_losses.mean())


class Validation:
    """Validation rows: their losses in gene space, the part outside the basis added back."""

    def __init__(self, basis: Basis, device: torch.device) -> None:
        self.x = as_tensor(basis.val, device)
        self.outside = as_tensor(basis.outside, device)
        self.n_genes = basis.n_genes
        self.power = float((self.x.double().square().sum(1) + self.outside).mean())

    def losses(self, x_hat: Tensor) -> Tensor:
        """Squared error per gene of each row, (n_val,) of float64."""
        return ((self.x - x_hat).square().sum(1, dtype=torch.float64) + self.outside) / self.n_genes

    def r2(self, loss: float) -> float:
        """Share of the squared distance from the train mean that is explained."""
        return 1 - loss * self.n_genes / self.power

    def loss_pca(self, principal: Tensor) -> float:
        """Mean loss of PCA with these axes (d, k)."""
        return float(self.losses((self.x @ principal) @ principal.T).mean())


def choose_device(config: EncoderConfig) -> torch.device:
    """Device of a training; ``auto`` takes a GPU when there is one."""
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise TrainingError("device=cuda: this machine has no usable CUDA device; use device=auto or device=cpu")
    device = torch.device("cuda" if available and config.device != "cpu" else "cpu")
    if config.precision == "bfloat16" and device.type == "cpu":
        raise TrainingError("precision=bfloat16 needs a GPU; use precision=float32 here")
    return device


def build_network(basis: Basis, config: EncoderConfig) -> Autoencoder:
    """Untrained network on the coordinates of a basis, anchored at PCA where the configuration says so."""
    principal = as_tensor(np.ascontiguousarray(basis.principal[:, : config.n_latent]), torch.device("cpu"))
    train = as_tensor(basis.train, torch.device("cpu"))
    power = float(train.square().sum(dtype=torch.float64)) / len(train)
    unit = math.sqrt(float((train @ principal).square().mean(dtype=torch.float64)))
    anchor = principal if config.anchor == "pca" else None
    return Autoencoder(train.shape[1], config.hidden, config.n_latent, config.dropout, config.batch_norm, power, anchor, unit)


def build_optimiser(network: Autoencoder, config: EncoderConfig) -> AdamW:
    """AdamW (Loshchilov & Hutter, ICLR 2019), slower on the linear paths of an anchored network."""
    anchored = [p for name, p in network.named_parameters() if "shortcut" in name]
    others = [p for name, p in network.named_parameters() if "shortcut" not in name]
    groups: list[dict[str, Any]] = [{"params": others}]
    if anchored:
        groups.append({"params": anchored, "lr": config.learning_rate * ANCHOR_RATE})
    return AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def fit_autoencoder(
    basis: Basis,
    config: EncoderConfig,
    seed: int,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
    prune_above: Mapping[int, float] | None = None,
    progress_bar: bool = False,
) -> Fitted:
    """Train until the validation loss stops falling, and give back the best epoch.

    Epoch 0, the untrained network (PCA where anchored), is scored like every other and can win.

    Parameters
    ----------
    basis : Basis
    config : EncoderConfig
    seed : int
        Of the initial weights, the order of rows and the dropout.
    tracker : Tracker, optional
        Receives the curves while they grow.
    checkpoint : Path, optional
        Where to keep the state; a training that finds one continues it exactly.
    prune_above : mapping of epoch to loss, optional
        Stop at that epoch if the best validation loss so far is above.
    progress_bar : bool
        Show a bar with the losses and the time left.

    Raises
    ------
    TrainingError
        The validation loss is no longer a number.
    """
    tracker = tracker or NullTracker()
    device = choose_device(config)
    torch.manual_seed(seed)
    network = build_network(basis, config).to(device)
    optimiser = build_optimiser(network, config)
    schedule = ReduceLROnPlateau(optimiser, factor=config.lr_factor, patience=config.lr_patience, threshold=MIN_DELTA)
    rows = as_tensor(basis.train, device)
    validation = Validation(basis, device)
    loss_pca = validation.loss_pca(as_tensor(basis.principal[:, : config.n_latent], device))

    kept = Checkpoint(checkpoint, network=network, optimiser=optimiser, schedule=schedule)
    progress = kept.resume()
    for epoch, metrics in enumerate(progress.history):
        tracker.log_metrics(metrics, step=epoch)
    if progress.history:
        tracker.set_tags({"resumed_after_epoch": len(progress.history) - 1})
    pruned_at = None
    bar = tqdm(total=config.epochs, initial=max(len(progress.history) - 1, 0), desc="train", unit="epoch", disable=not progress_bar)
    with bar:
        for epoch in range(len(progress.history), config.epochs + 1):
            learning_rate = optimiser.param_groups[0]["lr"]
            loss_train = train_epoch(network, optimiser, rows, config, basis.n_genes) if epoch else mean_loss(network, rows, basis.n_genes)
            losses = validation.losses(reconstruct(network, validation.x))
            loss_val = check_finite(float(losses.mean()), epoch, learning_rate)
            schedule.step(loss_val)
            if loss_val < progress.best_loss * (1 - MIN_DELTA):
                progress.best_epoch, progress.best_losses = epoch, losses.cpu()
                keep_weights(network, progress.best_weights)
            metrics = {"loss/train": loss_train, "loss/val": loss_val, "r2/val": validation.r2(loss_val), "learning_rate": learning_rate}
            progress.history.append(metrics)
            tracker.log_metrics(metrics, step=epoch)
            kept.save(progress)
            bar.set_postfix_str(f"loss {loss_train:.4f}, val {loss_val:.4f}, best {progress.best_loss:.4f}, PCA {loss_pca:.4f}")
            bar.update(min(epoch, 1))
            if epoch - progress.best_epoch >= config.patience:
                break
            if prune_above and progress.best_loss > prune_above.get(epoch, math.inf):
                pruned_at = epoch
                break
    kept.discard()
    optimiser.zero_grad(set_to_none=True)
    network.load_state_dict(progress.best_weights)
    history = pd.DataFrame(progress.history).rename_axis("epoch")
    return Fitted(network.eval(), history, progress.best_epoch, progress.best_losses.numpy(), loss_pca, pruned_at)


def as_tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """Bring an array to a device. On the CPU it shares memory with the array, a memory map for instance: nobody may write to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array).to(device)


def train_epoch(network: Autoencoder, optimiser: AdamW, rows: Tensor, config: EncoderConfig, n_genes: int) -> float:
    """One pass over the train rows in random order; returns the mean loss on the way."""
    network.train()
    n_steps = max(round(len(rows) / config.minibatch), min(STEPS_AN_EPOCH, len(rows) // 2), 1)
    total = torch.zeros((), dtype=torch.float64, device=rows.device)
    for chosen in torch.randperm(len(rows)).to(rows.device).tensor_split(n_steps):
        total += train_step(network, optimiser, rows[chosen], config, n_genes)
    return float(total) / (len(rows) * n_genes)


def train_step(network: Autoencoder, optimiser: AdamW, x: Tensor, config: EncoderConfig, n_genes: int) -> Tensor:
    """Change the weights by one minibatch; returns its squared error, not waited for."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        x_hat = network(x)
    squared_error = (x_hat.float() - x).square().sum()
    optimiser.zero_grad(set_to_none=True)
    (squared_error / (len(x) * n_genes)).backward()
    optimiser.step()
    return squared_error.detach()


def keep_weights(network: Autoencoder, kept: dict[str, Tensor]) -> None:
    """Copy the state of the network into ``kept``, in place where it holds one."""
    for name, value in network.state_dict().items():
        if name in kept:
            kept[name].copy_(value)
        else:
            kept[name] = value.clone()


@torch.no_grad()
def reconstruct(network: Autoencoder, x: Tensor) -> Tensor:
    """Reconstruct rows without dropout, with the running statistics of batch norm."""
    network.eval()
    return torch.cat([network(part) for part in torch.split(x, ROWS_AT_A_TIME)])


def mean_loss(network: Autoencoder, x: Tensor, n_genes: int) -> float:
    """Squared error per gene over rows that lie in the basis."""
    return float((x - reconstruct(network, x)).square().sum(dtype=torch.float64)) / (len(x) * n_genes)


def check_finite(loss: float, epoch: int, learning_rate: float) -> float:
    """Give back the loss, or refuse to go on with one that is not a number."""
    if not math.isfinite(loss):
        raise TrainingError(
            f"the validation loss is {loss} at epoch {epoch}, where a number was expected: "
            f"lower learning_rate (now {learning_rate:g}), or tame heavy tails with clip"
        )
    return loss
