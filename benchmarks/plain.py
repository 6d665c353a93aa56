"""Code that a user would write without genexp: a DataLoader, Adam, all genes; and the same in
Optuna and in Lightning.

It needs torch alone (and optuna or lightning where they are measured), so that it also runs in the
peers' interpreter.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

MINIBATCH = 256
DROPOUT = 0.2
LEARNING_RATE = 1e-3


def build_plain(
    n_genes: int, hidden: Sequence[int], n_latent: int, dropout: float = DROPOUT
) -> nn.Sequential:
    """Linear, batch norm, ReLU and dropout for each hidden width, mirrored in the decoder."""

    def body(widths: list[int]) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths[:-1]):
            layers += [
                nn.Linear(n_in, n_out),
                nn.BatchNorm1d(n_out),
                nn.ReLU(),
                nn.Dropout(dropout),
            ]
        return [*layers, nn.Linear(widths[-2], widths[-1])]

    widths = [n_genes, *hidden, n_latent]
    return nn.Sequential(nn.Sequential(*body(widths)), nn.Sequential(*body(widths[::-1])))


class PlainTraining:
    """The loop of a tutorial, an epoch at a time, with the best weights kept aside."""

    def __init__(
        self,
        train: Tensor,
        val: Tensor,
        hidden: Sequence[int],
        n_latent: int,
        seed: int,
        **values: float,
    ) -> None:
        torch.manual_seed(seed)
        self.loader = DataLoader(TensorDataset(train), batch_size=MINIBATCH, shuffle=True)
        self.val = DataLoader(TensorDataset(val), batch_size=MINIBATCH)
        self.network = build_plain(train.shape[1], hidden, n_latent, values.get("dropout", DROPOUT))
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), lr=values.get("learning_rate", LEARNING_RATE)
        )
        self.best, self.best_weights = float("inf"), copy.deepcopy(self.network.state_dict())

    def epoch(self) -> float:
        """Train for an epoch; returns the validation loss, the mean squared error."""
        self.network.train()
        for (x,) in self.loader:
            self.optimiser.zero_grad()
            loss = nn.functional.mse_loss(self.network(x), x)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        self.network.eval()
        total = 0.0
        with torch.no_grad():
            for (x,) in self.val:
                total += nn.functional.mse_loss(self.network(x), x).item() * len(x)
        loss_val = total / len(self.val.dataset)  # type: ignore[arg-type]
        if loss_val < self.best:
            self.best, self.best_weights = loss_val, copy.deepcopy(self.network.state_dict())
        return loss_val

    def fit(self, epochs: int, patience: int) -> int:
        """Train until the validation loss has not fallen for ``patience`` epochs; returns the
        number of epochs.
        """
        since = done = 0
        while done < epochs and since < patience:
            before = self.best
            self.epoch()
            done, since = done + 1, 0 if self.best < before else since + 1
        return done


def load(path: str) -> Tensor:
    """Read a matrix into memory."""
    return torch.from_numpy(np.load(path))


def plain_epochs(
    train: str, val: str, hidden: list[int], n_latent: int
) -> Iterator[dict[str, Any]]:
    """Seconds and validation loss of each epoch; the faster of one thread and all of them, after an
    epoch with each.
    """
    training = PlainTraining(load(train), load(val), hidden, n_latent, seed=0)
    seconds = {}
    for threads in (torch.get_num_threads(), 1):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        loss = training.epoch()
        seconds[threads] = time.perf_counter() - start
        yield {"seconds": seconds[threads], "loss": loss, "threads": threads, "chosen": False}
    threads = min(seconds, key=lambda n: seconds[n])
    torch.set_num_threads(threads)
    while True:
        start = time.perf_counter()
        loss = training.epoch()
        yield {
            "seconds": time.perf_counter() - start,
            "loss": loss,
            "threads": threads,
            "chosen": True,
        }


def plain_trials(train: str, val: str, epochs: int, patience: int) -> Iterator[dict[str, Any]]:
    """Trials of a plain Optuna loop over the space that ``tune`` searches; each turn is a trial."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows, held = load(train), load(val)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    n_epochs = 0

    def objective(trial: optuna.Trial) -> float:
        nonlocal n_epochs
        n_layers = trial.suggest_int("n_layers", 1, 3)
        width, n_latent = (
            trial.suggest_int("n_hidden", 128, 1024, log=True),
            trial.suggest_int("n_latent", 8, 64, log=True),
        )
        hidden = [max(width // 2**i, n_latent) for i in range(n_layers)]
        training = PlainTraining(
            rows, held, hidden, n_latent, seed=0, dropout=trial.suggest_float("dropout", 0, 0.5)
        )
        n_epochs = training.fit(epochs, patience)
        return training.best

    while True:
        start = time.perf_counter()
        study.optimize(objective, n_trials=1)
        yield {
            "seconds": time.perf_counter() - start,
            "loss": study.trials[-1].value,
            "epochs": n_epochs,
        }


def lightning_epochs(
    train: str, val: str, hidden: list[int], n_latent: int, turns: int, burst: int = 2
) -> Iterator[dict[str, Any]]:
    """The same network in a Lightning module; each turn is a fit of a few epochs, timed from the
    end of one to the end of the next.
    """
    import lightning

    class Module(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self, n_genes: int) -> None:
            super().__init__()
            self.network = build_plain(n_genes, hidden, n_latent)
            self.ends: list[float] = []

        def training_step(self, batch: list[Tensor], _: int) -> Tensor:
            return nn.functional.mse_loss(self.network(batch[0]), batch[0])

        def validation_step(self, batch: list[Tensor], _: int) -> None:
            self.log("loss", nn.functional.mse_loss(self.network(batch[0]), batch[0]))

        def on_train_epoch_end(self) -> None:
            self.ends.append(time.perf_counter())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)

    rows, held = load(train), load(val)
    module = Module(rows.shape[1])
    for _ in range(turns):
        module.ends = []
        quiet = dict.fromkeys(
            ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
        )
        trainer = lightning.Trainer(max_epochs=burst + 1, accelerator="cpu", **quiet)
        loaders = [DataLoader(TensorDataset(x), MINIBATCH, shuffle=x is rows) for x in (rows, held)]
        trainer.fit(module, *loaders)
        yield {"seconds": float(np.median(np.diff(module.ends))), "version": lightning.__version__}
