"""Checkpoints, from which interrupted trainings continue exactly."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SECONDS_BETWEEN = 5.0
SHARE_OF_TIME = 0.05
"""Writing checkpoints takes at most about this share of a training."""


@dataclass
class Progress:
    """Progress of a training.

    Parameters
    ----------
    history : list of dict
        Metrics of each epoch, 0 being the untrained network.
    best_epoch : int
    best_loss : float
        Validation loss at the best epoch.
    best_weights : dict
        State of the network at the best epoch.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1
    best_loss: float = float("inf")
    best_weights: dict[str, Tensor] = field(default_factory=dict)


class Checkpoint:
    """File with the state of a training; without a path nothing is stored.

    Parameters
    ----------
    path : Path or None
    parts : network, optimiser and schedule, by name
        Their states are written and restored, with those of the random generators.
    """

    def __init__(self, path: Path | None, **parts: Any) -> None:
        self.path, self.parts = path, parts
        self.due = time.monotonic() + SECONDS_BETWEEN

    def resume(self) -> Progress:
        """Restore the last state, if there is one of this network; else start afresh."""
        if self.path is None or not self.path.exists():
            return Progress()
        state = torch.load(self.path, weights_only=True)
        # A version whose network has other parts left it: its state means nothing here.
        if state["network"].keys() != self.parts["network"].state_dict().keys():
            return Progress()
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        # Last, because nothing may draw between here and the next epoch.
        torch.set_rng_state(state["random"])
        if state["random_cuda"]:
            torch.cuda.set_rng_state_all(state["random_cuda"])
        return Progress(**state["progress"])

    def save(self, progress: Progress) -> None:
        """Write the state, unless the last time is too near; a crash leaves the earlier file
        whole.
        """
        start = time.monotonic()
        if self.path is None or start < self.due:
            return
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"random": torch.get_rng_state(), "progress": vars(progress)}
        state["random_cuda"] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(self.path)
        end = time.monotonic()
        self.due = end + max(SECONDS_BETWEEN, (end - start) / SHARE_OF_TIME)

    def discard(self) -> None:
        """Delete the state of a finished training."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
