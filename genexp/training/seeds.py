"""One configuration trained several times: the same split, other initial weights, order and
dropout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from genexp.model.encoder import Encoder
from genexp.preprocessing import Preprocessed
from genexp.settings.tracking import RunConfig
from genexp.settings.training import EncoderConfig, ReplicationConfig
from genexp.tracker import Tracker
from genexp.training.ensemble import build_ensemble, compare_seeds, find_recurring
from genexp.training.figures import plot_recurring
from genexp.training.train import StartFrom, Trained, log_training, train_encoder

SUMMARISED = ("loss/val_best", "r2/val_gain")
"""Metrics whose mean and standard deviation over seeds the parent run has."""


@dataclass(frozen=True)
class Replicates:
    """Trainings of one configuration, in the order of their seeds.

    Parameters
    ----------
    members : tuple of Trained, (n_seeds,)
    chosen : Trained
        The one of the lowest validation loss, the first of equals; test samples are not accessed.
    encoder : Encoder
        That of the chosen one, or the ensemble of all.
    loss_val : float
        Its squared error per gene over validation rows.
    """

    members: tuple[Trained, ...]
    chosen: Trained
    encoder: Encoder
    loss_val: float

    @property
    def others(self) -> dict[int, Callable[[], Encoder]]:
        """Functions that build the encoders that were not chosen, by seed; none with an ensemble,
        which contains them.
        """
        if self.encoder is not self.chosen.encoder:
            return {}
        return {member.seed: member.build for member in self.members if member is not self.chosen}

    def table(self) -> pd.DataFrame:
        """One row per seed (index ``seed``): whether it was chosen, and the metrics of its
        training.
        """
        rows = [{"chosen": member is self.chosen, **member.metrics} for member in self.members]
        return pd.DataFrame(
            rows, index=pd.Index([member.seed for member in self.members], name="seed")
        )


def train_seeds(
    data: Preprocessed,
    config: EncoderConfig,
    run: RunConfig,
    replication: ReplicationConfig,
    max_missing: float,
    tracker: Tracker,
    card: dict[str, Any] | None = None,
    start_from: StartFrom | None = None,
) -> Replicates:
    """Train with the seeds ``run.seed``, ``run.seed + 1``, ... and choose on validation alone.

    The curves of the first one are those of the tracker's run, each further one has a nested run.
    Summary, figure and table of losses of the tracker's run are those of the chosen one.
    """
    train = partial(train_encoder, data, config, run, max_missing, start_from=start_from)
    members = [train(tracker, card)]
    for seed in range(run.seed + 1, run.seed + replication.seeds):
        with tracker.child(f"seed {seed}") as child:
            child.set_tags({"training_seed": seed})
            members.append(train(child, card, seed))
    chosen = min(members, key=lambda member: member.fitted.loss_val)
    encoder, loss_val = chosen.encoder, float(chosen.fitted.val_losses.mean())
    if replication.ensemble:
        encoder = build_ensemble(
            [chosen.encoder, *(member.build() for member in members if member is not chosen)], data
        )
        loss_val = measure_loss(encoder, data.matrix("val"))
    replicates = Replicates(tuple(members), chosen, encoder, loss_val)
    if replication.seeds > 1:
        log_replicates(replicates, tracker)
    return replicates


def measure_loss(encoder: Encoder, X: np.ndarray) -> float:
    """Squared error per gene over scaled rows (n, n_genes)."""
    return float(
        np.square(encoder.decoder(encoder.encoder(np.asarray(X))) - X, dtype=np.float64).mean()
    )


def log_replicates(replicates: Replicates, tracker: Tracker) -> None:
    """Log which seed was chosen, mean and standard deviation over seeds, a table of them, and the
    agreement of their latents.
    """
    if replicates.chosen is not replicates.members[0]:
        log_training(replicates.chosen, tracker)
    table = replicates.table()
    tracker.set_tags({"training_seed": replicates.chosen.seed})
    for name in SUMMARISED:
        tracker.log_metrics(
            {
                f"{name}_mean": float(np.mean(table[name])),
                f"{name}_sd": float(np.std(table[name], ddof=1)),
            }
        )
    tracker.log_table("training/seeds.tsv", table)
    latents = {member.seed: member.latents for member in replicates.members}
    pairs, recurring = (
        compare_seeds(latents),
        find_recurring(latents, replicates.chosen.seed, replicates.encoder.latents),
    )
    tracker.log_table("training/seed_pairs.tsv", pairs)
    tracker.log_table("training/recurring_latents.tsv", recurring)
    tracker.log_metrics(
        {f"seeds/{name}": float(pairs[name].mean()) for name in pairs}
        | {"seeds/recurring": float(recurring["recurs"].mean())}
    )
    tracker.log_figure("figures/seeds.png", plot_recurring(recurring, pairs))
    if replicates.encoder is not replicates.chosen.encoder:
        tracker.log_metrics({"loss/val_ensemble": replicates.loss_val})
