"""The training loop: one device, arrays in memory, one synchronisation per epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from tqdm import tqdm

from genexp.errors import TrainingError
from genexp.model.autoencoder import Autoencoder
from genexp.model.built_model import BuiltModel
from genexp.model.model_type import Minibatch, ModelType
from genexp.settings.training import EncoderConfig
from genexp.tracker import NullTracker, Tracker
from genexp.training.basis import Basis
from genexp.training.build import as_tensor, build_model, load_rows
from genexp.training.checkpoint import Checkpoint, Progress
from genexp.training.optimiser import build_optimiser, build_schedule
from genexp.training.steps import draw_steps, split_rows
from genexp.training.targets import NO_TARGETS, Targets

STEPS_AN_EPOCH = 4
"""Steps of an epoch at least, for which the minibatch shrinks on small cohorts: patience and
schedule count epochs, and an epoch of one step would end a training after as many steps as the
patience has epochs."""
ROWS_AT_A_TIME = 4096
"""Rows that are scored together: large enough for full speed, small enough for a wide hidden layer
to fit into memory."""


@dataclass(frozen=True)
class Fitted:
    """Outcome of a training, in the coordinates of its basis.

    Parameters
    ----------
    model : BuiltModel
        Its network has the weights of the best epoch.
    history : DataFrame, indexed by epoch
        Epoch 0 being the untrained network: ``loss/train``, ``loss/val``, ``r2/val``,
        ``learning_rate``, and where there are several losses each of them, ``loss_kl/train``,
        ``loss_kl/val`` ...
    best_epoch : int
        Of the lowest ``loss/val``.
    val_losses : ndarray of float64, (n_val,)
        Squared error per gene of each validation row, at the best epoch.
    row_losses : ndarray of float64, (n_val,)
        Monitored loss of each validation row at the best epoch: all losses that rows have.
    loss_pca : float
        Squared error per gene of PCA with as many components on validation rows.
    pruned_at : int or None
        Epoch at which the trial was stopped for being worse than earlier ones.
    """

    model: BuiltModel
    history: pd.DataFrame
    best_epoch: int
    val_losses: np.ndarray
    row_losses: np.ndarray
    loss_pca: float
    pruned_at: int | None = None

    @property
    def network(self) -> Autoencoder:
        """The network, with the weights of the best epoch."""
        return self.model.network

    @property
    def loss_val(self) -> float:
        """Monitored validation loss at the best epoch."""
        return float(self.history["loss/val"][self.best_epoch])


class Validation:
    """Validation rows: their squared errors in gene space, the part outside the basis added back.

    In float64, as epochs and trials are told apart by differences of a thousandth, and R2 is a
    difference from 1.
    """

    def __init__(self, rows: Minibatch) -> None:
        self.rows = rows
        self.power = float((rows.x.double().square().sum(1) + rows.outside).mean())

    def losses(self, x_hat: Tensor) -> Tensor:
        """Squared error per gene of each row, (n_val,) of float64."""
        return (
            (self.rows.x - x_hat).square().sum(1, dtype=torch.float64) + self.rows.outside
        ) / self.rows.n_genes

    def r2(self, loss: float) -> float:
        """Share of the squared distance from the train mean that is explained: ``1 - sum |x -
        x_hat|^2 / sum |x|^2``.
        """
        return 1 - loss * self.rows.n_genes / self.power

    def loss_pca(self, principal: Tensor) -> float:
        """Mean loss of PCA with these axes (d, k)."""
        return float(self.losses((self.rows.x @ principal) @ principal.T).mean())


def choose_device(config: EncoderConfig) -> torch.device:
    """Device of a training; ``auto`` takes a GPU when there is one."""
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise TrainingError(
            "device=cuda: this machine has no usable CUDA device; use device=auto or device=cpu"
        )
    device = torch.device("cuda" if available and config.device != "cpu" else "cpu")
    if config.precision == "bfloat16" and device.type == "cpu":
        raise TrainingError("precision=bfloat16 needs a GPU; use precision=float32 here")
    return device


def fit_autoencoder(
    basis: Basis,
    model_type: ModelType,
    seed: int,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
    prune_above: Mapping[int, float] | None = None,
    progress_bar: bool = False,
    targets: Targets = NO_TARGETS,
    initialise: Callable[[Autoencoder], None] | None = None,
) -> Fitted:
    """Train until the validation loss stops falling, and return the best epoch.

    Epoch 0, the untrained network, is evaluated like every other and can win: with skip connections
    it is PCA, so no training ends worse than PCA on validation rows.

    Parameters
    ----------
    basis : Basis
    model_type : ModelType
        Constructed once for this training.
    seed : int
        Of the initial weights, the order of rows and the dropout.
    tracker : Tracker, optional
        Receives the curves while they grow.
    checkpoint : Path, optional
        File of the training's state; a training that finds one continues it exactly.
    prune_above : mapping of epoch to loss, optional
        Stop at that epoch if the best validation loss so far is higher.
    progress_bar : bool
        Show a bar with the losses and the time left.
    targets : Targets
        Targets that the heads predict.
    initialise : callable, optional
        Called with the untrained network: gives it other weights to start from.

    Raises
    ------
    TrainingError
        The validation loss is no longer a number.
    """
    training = _Training(basis, model_type, seed, targets, initialise, checkpoint)
    training.begin(tracker or NullTracker())
    with _show_progress(
        model_type.config.epochs, len(training.progress.history), progress_bar
    ) as bar:
        pruned_at = training.continue_to_end(tracker or NullTracker(), prune_above or {}, bar)
    return training.finish(pruned_at)


class _Training:
    """State of one training between its epochs."""

    def __init__(
        self,
        basis: Basis,
        model_type: ModelType,
        seed: int,
        targets: Targets,
        initialise: Callable[[Autoencoder], None] | None,
        checkpoint: Path | None,
    ) -> None:
        self.config = model_type.config
        device = choose_device(self.config)
        # One generator for everything random, in this order: initial weights, pretraining, then per
        # epoch the order of rows, and per step
        # dropout and noise. A seed therefore gives the same training on every machine with the same
        # torch, also from a checkpoint.
        torch.manual_seed(seed)
        # Weights are drawn on the CPU and moved, because a GPU's generator would draw others.
        self.model = build_model(basis, model_type, targets)
        if initialise is not None:
            initialise(self.model.network)
        self.model.network.to(device)
        self.optimiser = build_optimiser(self.model.network, self.config)
        self.schedule: ReduceLROnPlateau | LRScheduler = build_schedule(self.optimiser, self.config)
        self.train, val = load_rows(basis, targets, device)
        self.validation = Validation(val)
        self.loss_pca = self.validation.loss_pca(
            as_tensor(basis.principal[:, : self.config.n_latent], device)
        )
        self.checkpoint = Checkpoint(
            checkpoint, network=self.model.network, optimiser=self.optimiser, schedule=self.schedule
        )
        self.progress = Progress()

    def begin(self, tracker: Tracker) -> None:
        """Continue at the checkpoint, whose epochs are logged again, or prepare the network for
        epoch 0.
        """
        self.progress = self.checkpoint.resume()
        for epoch, metrics in enumerate(self.progress.history):
            tracker.log_metrics(metrics, step=epoch)
        if self.progress.history:
            tracker.set_tags({"resumed_after_epoch": len(self.progress.history) - 1})
        else:
            self.model.model_type.prepare(self.model.network.train(), self.train)

    def continue_to_end(
        self, tracker: Tracker, prune_above: Mapping[int, float], bar: tqdm
    ) -> int | None:
        """Run the remaining epochs; the epoch at which the training was pruned, or None."""
        progress = self.progress
        for epoch in range(len(progress.history), self.config.epochs + 1):
            metrics = self.run_epoch(epoch)
            progress.history.append(metrics)
            tracker.log_metrics(metrics, step=epoch)
            self.checkpoint.save(progress)
            losses = (
                f"loss {metrics['loss/train']:.4f}, val {metrics['loss/val']:.4f}, best "
                f"{progress.best_loss:.4f}"
            )
            bar.set_postfix_str(f"{losses}, PCA {self.loss_pca:.4f}")
            bar.update(min(epoch, 1))
            # Patience counts from the best epoch, 0 included: a network that never beats PCA stops
            # after as many epochs.
            if epoch - progress.best_epoch >= self.config.patience:
                return None
            # The best loss so far, not the latest: one bad epoch is noise.
            if progress.best_loss > prune_above.get(epoch, math.inf):
                return epoch
        return None

    def run_epoch(self, epoch: int) -> dict[str, float]:
        """Train one epoch, evaluate it, and keep its weights where it is the best so far; epoch 0
        is evaluated only.
        """
        learning_rate = self.optimiser.param_groups[0]["lr"]
        train_losses = (
            train_epoch(self.model, self.optimiser, self.train, epoch)
            if epoch
            else score(self.model, self.train, 0).losses
        )
        scored = score(self.model, self.validation.rows, epoch)
        loss_val = check_finite(self.model.sum_monitored(scored.losses), epoch, learning_rate)
        if isinstance(self.schedule, ReduceLROnPlateau):
            # Epoch 0 counts: a plateau at PCA's loss is a plateau.
            self.schedule.step(loss_val)
        elif epoch:
            self.schedule.step()
        squared_errors = self.validation.losses(scored.x_hat)
        if is_better(loss_val, self.progress.best_loss, self.config.min_delta):
            self.progress.best_epoch, self.progress.best_loss = epoch, loss_val
            keep_weights(self.model.network, self.progress.best_weights)
        metrics = name_metrics(train_losses, scored.losses, self.model)
        return metrics | {
            "r2/val": self.validation.r2(float(squared_errors.mean())),
            "learning_rate": learning_rate,
        }

    def finish(self, pruned_at: int | None) -> Fitted:
        """Restore the best epoch, complete its network, and evaluate it once more."""
        self.checkpoint.discard()
        self.optimiser.zero_grad(set_to_none=True)
        progress, model = self.progress, self.model
        model.network.load_state_dict(progress.best_weights)
        model.model_type.finish(model.network.eval(), self.train)
        scored = score(model, self.validation.rows, progress.best_epoch)
        squared_errors = self.validation.losses(scored.x_hat)
        history = pd.DataFrame(progress.history).rename_axis("epoch")
        # A model type may have replaced its decoder at the end: R2 is that of the network that is
        # shipped.
        history.loc[progress.best_epoch, "r2/val"] = self.validation.r2(
            float(squared_errors.mean())
        )
        losses = (squared_errors.cpu().numpy(), scored.rows.cpu().numpy())
        return Fitted(model, history, progress.best_epoch, *losses, self.loss_pca, pruned_at)


def _show_progress(n_epochs: int, n_evaluated: int, visible: bool) -> tqdm:
    """Bar over the epochs after epoch 0."""
    return tqdm(
        total=n_epochs,
        initial=max(n_evaluated - 1, 0),
        desc="train",
        unit="epoch",
        disable=not visible,
    )


def train_epoch(
    model: BuiltModel, optimiser: AdamW, train: Minibatch, epoch: int
) -> dict[str, float]:
    """One pass over the train rows in random order; returns the mean of each loss on the way."""
    model.network.train()
    n_rows = len(train.x)
    n_steps = max(round(n_rows / model.config.minibatch), min(STEPS_AN_EPOCH, n_rows // 2), 1)
    total: dict[str, Tensor] = {}
    for rows in draw_steps(n_rows, n_steps, train.targets.get(model.model_type.block)):
        for name, value in train_step(
            model, optimiser, train.pick(rows.to(train.x.device), epoch)
        ).items():
            total[name] = total.get(name, 0) + value * (len(rows) / n_rows)
    # Tensors until here: reading a value waits for the GPU, and one wait per epoch costs nothing.
    return {name: float(value) for name, value in total.items()}


def train_step(model: BuiltModel, optimiser: AdamW, minibatch: Minibatch) -> dict[str, Tensor]:
    """Change the weights by one minibatch; returns its losses, not waited for."""
    # Only the forward pass is in bfloat16: weights, gradients and moments stay float32, and so do
    # sums over genes (measure_squared_error).
    with torch.autocast(
        minibatch.x.device.type, torch.bfloat16, enabled=model.config.precision == "bfloat16"
    ):
        result = model.run(minibatch)
    means = {name: loss.mean() for name, loss in result.losses.items()}
    optimiser.zero_grad(set_to_none=True)
    torch.stack(list(means.values())).sum().backward()  # type: ignore[no-untyped-call]
    if model.config.clip_gradient is not None:
        torch.nn.utils.clip_grad_norm_(model.network.parameters(), model.config.clip_gradient)
    optimiser.step()
    model.model_type.end_step(model.network, minibatch, result.z)
    return {name: mean.detach() for name, mean in means.items()}


@dataclass(frozen=True)
class Scored:
    """Reconstructions (n, n_inputs), mean losses, and the monitored loss of each row (n,): the sum
    of those that rows have.
    """

    x_hat: Tensor
    losses: dict[str, float]
    rows: Tensor


@torch.no_grad()
def score(model: BuiltModel, rows: Minibatch, epoch: int) -> Scored:
    """Evaluate without dropout or noise, with the running statistics of batch norm.

    Means over rows are in float64, so that they do not depend on how the rows are cut into parts.
    """
    model.network.eval()
    n_rows = len(rows.x)
    split = [
        index.to(rows.x.device)
        for index in split_rows(n_rows, ROWS_AT_A_TIME, rows.targets.get(model.model_type.block))
    ]
    parts = [model.run(rows.pick(index, epoch)) for index in split]
    shares = [len(part.z) / n_rows for part in parts]
    losses = {
        name: sum(
            share * float(part.losses[name].mean(dtype=torch.float64))
            for share, part in zip(shares, parts, strict=True)
        )
        for name in parts[0].losses
    }
    monitored = [
        [
            loss.double()
            for name, loss in part.losses.items()
            if loss.ndim and model.is_monitored(name)
        ]
        for part in parts
    ]
    by_row = torch.cat([torch.stack(part).sum(0) for part in monitored])
    back = torch.cat(split).argsort()
    return Scored(torch.cat([part.x_hat for part in parts])[back], losses, by_row[back])


def name_metrics(
    train: Mapping[str, float], val: Mapping[str, float], model: BuiltModel
) -> dict[str, float]:
    """Losses of an epoch under their names: the monitored sum, and each loss where there are
    several.
    """
    metrics = {"loss/train": model.sum_monitored(train), "loss/val": model.sum_monitored(val)}
    for name in train if len(train) > 1 else ():
        metrics |= {f"loss_{name}/train": train[name], f"loss_{name}/val": val[name]}
    return metrics


def keep_weights(network: Autoencoder, kept: dict[str, Tensor]) -> None:
    """Copy the state of the network into ``kept``, in place where it holds one: no second copy is
    allocated in each better epoch.
    """
    for name, value in network.state_dict().items():
        if name in kept:
            kept[name].copy_(value)
        else:
            kept[name] = value.clone()


def is_better(loss: float, best: float, min_delta: float) -> bool:
    """Tell whether a loss is below the best so far by more than the relative ``min_delta``: smaller
    gains do not renew the patience.

    Relative to the absolute value, as log likelihoods may be negative.
    """
    return best == math.inf or loss < best - min_delta * abs(best)


def check_finite(loss: float, epoch: int, learning_rate: float) -> float:
    """Return the loss, or refuse to continue with one that is not a number."""
    if not math.isfinite(loss):
        raise TrainingError(
            f"the validation loss is {loss} at epoch {epoch}, where a number was expected: "
            f"lower learning_rate (now {learning_rate:g}), or tame heavy tails with clip"
        )
    return loss
