"""Heads on latents: labels and survival that a network of any kind learns beside its reconstruction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from genexp.model.kind import PLACE, SUBJECT, SURVIVAL
from genexp.model.memory import GatedMemory


class Heads(nn.Module):
    """A linear head for each label and one for survival.

    Latents are standardised by a batch norm without weights before them, so that a head's term does not depend on their scale. With a
    memory heads read its state after a sample in place of the latents, and so the earlier samples of a subject too.

    Parameters
    ----------
    n_latent : int
    classes : mapping of str to sequence of str
        Classes by label.
    survival : bool
        Whether to predict a log relative hazard.
    weights : mapping of str to Tensor, (n_classes,)
        Weight of each class by label; 1 where a label is not named.
    n_state : int
        Units of the memory; 0: there is none.
    """

    def __init__(
        self,
        n_latent: int,
        classes: Mapping[str, Sequence[str]],
        survival: bool,
        weights: Mapping[str, Tensor] | None = None,
        n_state: int = 0,
    ) -> None:
        super().__init__()
        self.standardise = nn.BatchNorm1d(n_latent, affine=False)
        self.classes = {name: tuple(own) for name, own in classes.items()}
        self.memory = GatedMemory(n_latent, n_state) if n_state else None
        n_read = n_state or n_latent
        self.labels = nn.ModuleList(nn.Linear(n_read, len(own)) for own in classes.values())
        for i, (name, own) in enumerate(classes.items()):
            self.register_buffer(f"weights_{i}", (weights or {}).get(name, torch.ones(len(own))))
        self.survival = nn.Linear(n_read, 1, bias=False) if survival else None
        for linear in (*self.labels, *([self.survival] if self.survival is not None else [])):
            nn.init.zeros_(linear.weight)

    def terms(self, z: Tensor, targets: Mapping[str, Tensor], weight: float) -> dict[str, Tensor]:
        """Cross-entropy of each label by row (n,), 0 where it is unknown, and Cox's loss (), each times ``weight``."""
        read = self.standardise(z)
        if self.memory is not None:
            read = self.memory(read, targets[SUBJECT], targets[PLACE])
        terms = {}
        for i, (name, head) in enumerate(zip(self.classes, self.labels, strict=True)):
            truth = targets[name]
            share = self.get_buffer(f"weights_{i}")
            losses = nn.functional.cross_entropy(head(read), truth.clamp(min=0), weight=share, reduction="none")
            terms[name] = weight * losses * (truth >= 0)
        if self.survival is not None:
            risk = self.survival(read).squeeze(1)
            terms[SURVIVAL] = weight * measure_cox_loss(risk, targets["time_days"], targets["event"])
        return terms


def measure_cox_loss(risk: Tensor, time: Tensor, event: Tensor) -> Tensor:
    """Negative log partial likelihood per death, with tied deaths as Efron has them (JASA 1977); 0 without a death.

    The l-th of m deaths at a time leaves l/m of that time's deaths out of its risk set, l = 0 .. m - 1.

    Parameters
    ----------
    risk : Tensor of float32, (n,)
        Log relative hazards.
    time : Tensor of float32, (n,)
        Follow-up; NaN where it is not known: such rows are left out.
    event : Tensor of bool, (n,)
        Whether the event was seen.
    """
    known = ~time.isnan()
    risk, time, event = risk[known], time[known], event[known]
    if not bool(event.any()):
        return risk.sum() * 0
    _, group, counts = torch.unique(time, return_inverse=True, return_counts=True)
    hazard = (risk - risk.detach().max()).exp()
    n_groups = len(counts)
    of_group = torch.zeros(n_groups, device=risk.device).index_add(0, group, hazard)
    of_deaths = torch.zeros(n_groups, device=risk.device).index_add(0, group, hazard * event)
    at_risk = of_group.flip(0).cumsum(0).flip(0)
    order = torch.argsort(group[event], stable=True)
    at = group[event][order]
    n_deaths = torch.bincount(at, minlength=n_groups)
    place = torch.arange(len(at), device=at.device) - (n_deaths.cumsum(0) - n_deaths)[at]
    remaining = at_risk[at] - place / n_deaths[at] * of_deaths[at]
    return (remaining.log().sum() - (risk - risk.detach().max())[event].sum()) / len(at)
