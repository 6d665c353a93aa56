"""The training loop: one device, arrays in memory, one synchronisation an epoch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, ReduceLROnPlateau
from tqdm import tqdm

from genexp.errors import TrainingError
from genexp.model.autoencoder import Autoencoder
from genexp.model.heads import Heads
from genexp.model.kind import Batch, Inputs, Kind, Pass
from genexp.model.kinds import KINDS
from genexp.settings.training import EncoderConfig
from genexp.tracker import NullTracker, Tracker
from genexp.training.basis import Basis
from genexp.training.checkpoint import Checkpoint
from genexp.training.steps import draw_steps, split_rows
from genexp.training.targets import Targets

STEPS_AN_EPOCH = 4
"""Steps that an epoch has at least: the minibatch shrinks on small cohorts."""
ROWS_AT_A_TIME = 4096
ANCHOR_RATE = 0.1
"""Learning rate of the linear paths that start at PCA, relative to the rest: Adam's first steps would shake them."""
NO_TARGETS = Targets()
HEAD_RATE = 10.0
"""Learning rate of heads and dispersions, relative to the rest: a handful of weights that have a long way to go."""


@dataclass(frozen=True)
class Fitted:
    """What a training gave, in the coordinates of its basis.

    Parameters
    ----------
    network : Autoencoder
        With the weights of the best epoch.
    history : DataFrame, indexed by epoch
        Epoch 0 being the untrained network: ``loss/train``, ``loss/val``, ``r2/val``, ``learning_rate``, and where the loss has several
        terms each of them, ``loss_kl/train``, ``loss_kl/val`` ...
    best_epoch : int
        Of the lowest ``loss/val``.
    val_losses : ndarray of float64, (n_val,)
        Squared error per gene of each validation row, at the best epoch.
    row_losses : ndarray of float64, (n_val,)
        Loss of each validation row at the best epoch: all terms that rows have.
    loss_pca : float
        Squared error per gene of PCA with as many components on validation rows.
    pruned_at : int or None
        Epoch at which the trial was stopped for being worse than earlier ones.
    """

    network: Autoencoder
    history: pd.DataFrame
    best_epoch: int
    val_losses: np.ndarray
    row_losses: np.ndarray
    loss_pca: float
    pruned_at: int | None = None

    @property
    def loss_val(self) -> float:
        """Validation loss at the best epoch, all terms."""
        return float(self.history["loss/val"][self.best_epoch])


class Validation:
    """Validation rows: their losses in gene space, the part outside the basis added back."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.power = float((batch.x.double().square().sum(1) + batch.outside).mean())

    def losses(self, x_hat: Tensor) -> Tensor:
        """Squared error per gene of each row, (n_val,) of float64."""
        return ((self.batch.x - x_hat).square().sum(1, dtype=torch.float64) + self.batch.outside) / self.batch.n_genes

    def r2(self, loss: float) -> float:
        """Share of the squared distance from the train mean that is explained."""
        return 1 - loss * self.batch.n_genes / self.power

    def loss_pca(self, principal: Tensor) -> float:
        """Mean loss of PCA with these axes (d, k)."""
        return float(self.losses((self.batch.x @ principal) @ principal.T).mean())


def choose_device(config: EncoderConfig) -> torch.device:
    """Device of a training; ``auto`` takes a GPU when there is one."""
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise TrainingError("device=cuda: this machine has no usable CUDA device; use device=auto or device=cpu")
    device = torch.device("cuda" if available and config.device != "cpu" else "cpu")
    if config.precision == "bfloat16" and device.type == "cpu":
        raise TrainingError("precision=bfloat16 needs a GPU; use precision=float32 here")
    return device


def build_network(basis: Basis, config: EncoderConfig, targets: Targets = NO_TARGETS) -> Autoencoder:
    """Untrained network on the coordinates of a basis, anchored at PCA where the configuration says so, with heads for the targets."""
    principal = as_tensor(np.ascontiguousarray(basis.principal[:, : config.n_latent]), torch.device("cpu"))
    train = as_tensor(basis.train, torch.device("cpu"))
    total = float(train.square().sum(dtype=torch.float64))
    squared = (train @ principal).square().sum(0, dtype=torch.float64)
    explained = float(squared.sum())
    inputs = Inputs(
        n_inputs=train.shape[1],
        n_genes=basis.n_genes,
        power=total / len(train),
        residual=(total - explained) / len(train) / basis.n_genes,
        principal=principal,
        unit=math.sqrt(explained / len(train) / config.n_latent),
        lengths=(squared / len(train)).sqrt().float(),
        genes=basis.genes,
        origin=basis.mean,
        transform=basis.transform,
        classes={name: len(classes) for name, classes in targets.classes.items()},
        survival=targets.survival,
    )
    kind = KINDS[config.kind](config)
    network = kind.build(inputs)
    if inputs.classes or inputs.survival:
        weights = {name: weigh_classes(targets.train[name], n) for name, n in inputs.classes.items()}
        balanced = weights if config.class_weights == "balanced" else None
        network.heads = Heads(config.n_latent, targets.classes, targets.survival, balanced, kind.n_state)
    return network


def weigh_classes(codes: np.ndarray, n_classes: int) -> Tensor:
    """Weights (n_classes,) of mean 1 over rows, so that classes weigh the same whatever their size; ``codes`` (n,) are -1 where unknown."""
    counts = np.bincount(codes[codes >= 0], minlength=n_classes)
    return torch.from_numpy((counts.sum() / n_classes / np.maximum(counts, 1)).astype(np.float32))


def build_batches(basis: Basis, targets: Targets, device: torch.device) -> tuple[Batch, Batch]:
    """All train rows and all validation rows."""
    directions = None if basis.directions is None else as_tensor(basis.directions, device)
    parts = []
    for rows, outside, known in ((basis.train, 0.0, targets.train), (basis.val, as_tensor(basis.outside, device), targets.val)):
        found = {name: as_tensor(values, device) for name, values in known.items()}
        parts.append(Batch(as_tensor(rows, device), basis.n_genes, outside, found, directions))
    return parts[0], parts[1]


def build_optimiser(network: Autoencoder, config: EncoderConfig) -> AdamW:
    """AdamW (Loshchilov & Hutter, ICLR 2019), slower on the linear paths of an anchored network and faster on heads."""
    groups: dict[float, list[Tensor]] = {1.0: []}
    for name, parameter in network.named_parameters():
        rate = ANCHOR_RATE if "shortcut" in name else HEAD_RATE if name.startswith(("heads.", "dispersion.")) else 1.0
        groups.setdefault(rate, []).append(parameter)
    rates = [{"params": parameters, "lr": rate * config.learning_rate} for rate, parameters in groups.items()]
    return AdamW(rates, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def build_schedule(optimiser: AdamW, config: EncoderConfig) -> ReduceLROnPlateau | LRScheduler:
    """How the learning rate falls."""
    if config.schedule == "plateau":
        return ReduceLROnPlateau(
            optimiser, factor=config.lr_factor, patience=config.lr_patience, threshold=config.min_delta, min_lr=config.lr_min
        )
    if config.schedule == "cosine":
        return CosineAnnealingLR(optimiser, config.epochs, eta_min=config.lr_min)
    return LambdaLR(optimiser, lambda _: 1.0)


def fit_autoencoder(
    basis: Basis,
    config: EncoderConfig,
    seed: int,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
    prune_above: Mapping[int, float] | None = None,
    progress_bar: bool = False,
    targets: Targets = NO_TARGETS,
    initialise: Callable[[Autoencoder], None] | None = None,
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
    targets : Targets
        What the kind's heads predict.
    initialise : callable, optional
        Called with the untrained network: gives it other weights to start from.

    Raises
    ------
    TrainingError
        The validation loss is no longer a number.
    """
    tracker = tracker or NullTracker()
    device = choose_device(config)
    torch.manual_seed(seed)
    kind = KINDS[config.kind](config)
    network = build_network(basis, config, targets)
    if initialise is not None:
        initialise(network)
    network.to(device)
    optimiser = build_optimiser(network, config)
    schedule = build_schedule(optimiser, config)
    train, val = build_batches(basis, targets, device)
    validation = Validation(val)
    loss_pca = validation.loss_pca(as_tensor(basis.principal[:, : config.n_latent], device))

    kept = Checkpoint(checkpoint, network=network, optimiser=optimiser, schedule=schedule)
    progress = kept.resume()
    for epoch, metrics in enumerate(progress.history):
        tracker.log_metrics(metrics, step=epoch)
    if progress.history:
        tracker.set_tags({"resumed_after_epoch": len(progress.history) - 1})
    else:
        kind.prepare(network.train(), train)
    pruned_at = None
    bar = tqdm(total=config.epochs, initial=max(len(progress.history) - 1, 0), desc="train", unit="epoch", disable=not progress_bar)
    with bar:
        for epoch in range(len(progress.history), config.epochs + 1):
            learning_rate = optimiser.param_groups[0]["lr"]
            terms_train = train_epoch(kind, network, optimiser, train, epoch) if epoch else score(kind, network, train, 0).terms
            made = score(kind, network, val, epoch)
            loss_val = check_finite(add_terms(made.terms, kind), epoch, learning_rate)
            if isinstance(schedule, ReduceLROnPlateau):
                schedule.step(loss_val)
            elif epoch:
                schedule.step()
            losses = validation.losses(made.x_hat)
            if is_better(loss_val, progress.best_loss, config.min_delta):
                progress.best_epoch, progress.best_loss = epoch, loss_val
                keep_weights(network, progress.best_weights)
            metrics = name_metrics(terms_train, made.terms, kind)
            metrics |= {"r2/val": validation.r2(float(losses.mean())), "learning_rate": learning_rate}
            progress.history.append(metrics)
            tracker.log_metrics(metrics, step=epoch)
            kept.save(progress)
            bar.set_postfix_str(f"loss {metrics['loss/train']:.4f}, val {loss_val:.4f}, best {progress.best_loss:.4f}, PCA {loss_pca:.4f}")
            bar.update(min(epoch, 1))
            if epoch - progress.best_epoch >= config.patience:
                break
            if prune_above and progress.best_loss > prune_above.get(epoch, math.inf):
                pruned_at = epoch
                break
    kept.discard()
    optimiser.zero_grad(set_to_none=True)
    network.load_state_dict(progress.best_weights)
    kind.finish(network.eval(), train)
    made = score(kind, network, val, progress.best_epoch)
    losses = validation.losses(made.x_hat)
    history = pd.DataFrame(progress.history).rename_axis("epoch")
    history.loc[progress.best_epoch, "r2/val"] = validation.r2(float(losses.mean()))
    return Fitted(network, history, progress.best_epoch, losses.cpu().numpy(), made.rows.cpu().numpy(), loss_pca, pruned_at)


def as_tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """Bring an array to a device. On the CPU it shares memory with the array, a memory map for instance: nobody may write to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array).to(device)


def train_epoch(kind: Kind, network: Autoencoder, optimiser: AdamW, train: Batch, epoch: int) -> dict[str, float]:
    """One pass over the train rows in random order; returns the mean of each term of the loss on the way."""
    network.train()
    n_rows = len(train.x)
    n_steps = max(round(n_rows / kind.config.minibatch), min(STEPS_AN_EPOCH, n_rows // 2), 1)
    total: dict[str, Tensor] = {}
    for chosen in draw_steps(n_rows, n_steps, train.targets.get(kind.together)):
        for name, value in train_step(kind, network, optimiser, train.pick(chosen.to(train.x.device), epoch)).items():
            total[name] = total.get(name, 0) + value * (len(chosen) / n_rows)
    return {name: float(value) for name, value in total.items()}


def train_step(kind: Kind, network: Autoencoder, optimiser: AdamW, batch: Batch) -> dict[str, Tensor]:
    """Change the weights by one minibatch; returns the terms of its loss, not waited for."""
    with torch.autocast(batch.x.device.type, torch.bfloat16, enabled=kind.config.precision == "bfloat16"):
        made = run(kind, network, batch)
    means = {name: term.mean() for name, term in made.terms.items()}
    optimiser.zero_grad(set_to_none=True)
    torch.stack(list(means.values())).sum().backward()  # type: ignore[no-untyped-call]
    if kind.config.clip_gradient is not None:
        torch.nn.utils.clip_grad_norm_(network.parameters(), kind.config.clip_gradient)
    optimiser.step()
    kind.end_step(network, batch, made.z)
    return {name: mean.detach() for name, mean in means.items()}


def run(kind: Kind, network: Autoencoder, batch: Batch) -> Pass:
    """Terms of the kind, and of the heads."""
    made = kind.run(network, batch)
    terms = dict(made.terms)
    if network.heads is not None:
        terms |= network.heads.terms(made.z, batch.targets, kind.config.head_weight)
    if kind.config.l1:
        terms["l1"] = kind.config.l1 * network.first_weights().abs().sum() / batch.n_genes
    return Pass(made.z, made.x_hat, terms)


@dataclass(frozen=True)
class Scored:
    """Reconstructed rows (n, n_inputs), the means of the terms of the loss, and the loss of each row (n,).

    Of a row's loss are the terms that rows have and the encoder feels.
    """

    x_hat: Tensor
    terms: dict[str, float]
    rows: Tensor


@torch.no_grad()
def score(kind: Kind, network: Autoencoder, batch: Batch, epoch: int) -> Scored:
    """Run without dropout or noise, with the running statistics of batch norm."""
    network.eval()
    n_rows = len(batch.x)
    split = [rows.to(batch.x.device) for rows in split_rows(n_rows, ROWS_AT_A_TIME, batch.targets.get(kind.together))]
    parts = [run(kind, network, batch.pick(rows, epoch)) for rows in split]
    shares = [len(part.z) / n_rows for part in parts]
    terms = {
        name: sum(share * float(part.terms[name].mean(dtype=torch.float64)) for share, part in zip(shares, parts, strict=True))
        for name in parts[0].terms
    }
    felt = [[term.double() for name, term in part.terms.items() if term.ndim and name not in kind.aside] for part in parts]
    losses = [torch.stack(one).sum(0) for one in felt]
    back = torch.cat(split).argsort()
    return Scored(torch.cat([part.x_hat for part in parts])[back], terms, torch.cat(losses)[back])


def add_terms(terms: Mapping[str, float], kind: Kind) -> float:
    """The loss by which epochs are kept: the terms that the encoder feels."""
    return sum(value for name, value in terms.items() if name not in kind.aside)


def name_metrics(train: Mapping[str, float], val: Mapping[str, float], kind: Kind) -> dict[str, float]:
    """Losses of an epoch under their names: what epochs are kept by, and each term where there are several."""
    metrics = {"loss/train": add_terms(train, kind), "loss/val": add_terms(val, kind)}
    for name in train if len(train) > 1 else ():
        metrics |= {f"loss_{name}/train": train[name], f"loss_{name}/val": val[name]}
    return metrics


def keep_weights(network: Autoencoder, kept: dict[str, Tensor]) -> None:
    """Copy the state of the network into ``kept``, in place where it holds one."""
    for name, value in network.state_dict().items():
        if name in kept:
            kept[name].copy_(value)
        else:
            kept[name] = value.clone()


def is_better(loss: float, best: float, min_delta: float) -> bool:
    """Whether a loss is below the best so far by more than the relative ``min_delta``."""
    return best == math.inf or loss < best - min_delta * abs(best)


def check_finite(loss: float, epoch: int, learning_rate: float) -> float:
    """Give back the loss, or refuse to go on with one that is not a number."""
    if not math.isfinite(loss):
        raise TrainingError(
            f"the validation loss is {loss} at epoch {epoch}, where a number was expected: "
            f"lower learning_rate (now {learning_rate:g}), or tame heavy tails with clip"
        )
    return loss
