"""One configuration trained several times: the same split, other initial weights, order and dropout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from genexp.config import EncoderConfig, RunConfig
from genexp.model.encoder import Encoder
from genexp.preprocess import Preprocessed
from genexp.tracker import Tracker
from genexp.training.train import Trained, log_training, train_encoder

SUMMARISED = ("loss/val_best", "r2/val_gain")
"""Metrics whose mean and standard deviation over seeds the parent run has."""


@dataclass(frozen=True)
class Replicates:
    """Trainings of one configuration, in the order of their seeds.

    Parameters
    ----------
    members : tuple of Trained, (n_seeds,)
    chosen : Trained
        The one of the lowest validation loss, the first of equals; test samples have no say.
    """

    members: tuple[Trained, ...]
    chosen: Trained

    @property
    def others(self) -> dict[int, Callable[[], Encoder]]:
        """How to build the encoders that were not chosen, by seed."""
        return {member.seed: member.build for member in self.members if member is not self.chosen}

    def table(self) -> pd.DataFrame:
        """One row a seed (index ``seed``): whether it was chosen, and the metrics of its training."""
        rows = [{"chosen": member is self.chosen, **member.metrics} for member in self.members]
        return pd.DataFrame(rows, index=pd.Index([member.seed for member in self.members], name="seed"))


def train_seeds(
    data: Preprocessed,
    config: EncoderConfig,
    run: RunConfig,
    n_seeds: int,
    max_missing: float,
    tracker: Tracker,
    card: dict[str, Any] | None = None,
) -> Replicates:
    """Train with the seeds ``run.seed``, ``run.seed + 1``, ... and choose on validation alone.

    The curves of the first one are those of the tracker's run, each further one has a nested run. Summary, figure and table of
    losses of the tracker's run are those of the chosen one.
    """
    train = partial(train_encoder, data, config, run, max_missing)
    members = [train(tracker, card)]
    for seed in range(run.seed + 1, run.seed + n_seeds):
        with tracker.child(f"seed {seed}") as child:
            child.set_tags({"training_seed": seed})
            members.append(train(child, card, seed))
    replicates = Replicates(tuple(members), min(members, key=lambda member: member.fitted.loss_val))
    if n_seeds > 1:
        log_replicates(replicates, tracker)
    return replicates


def log_replicates(replicates: Replicates, tracker: Tracker) -> None:
    """Log which seed was chosen, mean and standard deviation over seeds, and a table of them."""
    if replicates.chosen is not replicates.members[0]:
        log_training(replicates.chosen, tracker)
    table = replicates.table()
    tracker.set_tags({"training_seed": replicates.chosen.seed})
    for name in SUMMARISED:
        tracker.log_metrics({f"{name}_mean": float(np.mean(table[name])), f"{name}_sd": float(np.std(table[name], ddof=1))})
    tracker.log_table("training/seeds.tsv", table)
