"""Heads on latents: labels and survival that a network of any model type learns in addition to its
reconstruction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from genexp.model.memory import GatedMemory
from genexp.model.target_names import POSITION, SUBJECT, SURVIVAL


class Heads(nn.Module):
    """A linear head for each label and one for survival.

    Latents are standardised by a batch norm without weights before them, so that a head's loss does
    not depend on their scale. With a memory heads read its state after a sample in place of the
    latents, and so the earlier samples of a subject too.

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
        self.classes = {name: tuple(values) for name, values in classes.items()}
        self.memory = GatedMemory(n_latent, n_state) if n_state else None
        n_read = n_state or n_latent
        self.labels = nn.ModuleList(nn.Linear(n_read, len(values)) for values in classes.values())
        for i, (name, values) in enumerate(classes.items()):
            self.register_buffer(f"weights_{i}", (weights or {}).get(name, torch.ones(len(values))))
        self.survival = nn.Linear(n_read, 1, bias=False) if survival else None
        # All classes are equally likely at first: random weights would give epoch 0 a loss that
        # depends on the seed.
        for linear in (*self.labels, *([self.survival] if self.survival is not None else [])):
            nn.init.zeros_(linear.weight)

    def measure_losses(
        self, z: Tensor, targets: Mapping[str, Tensor], weight: float
    ) -> dict[str, Tensor]:
        """Cross-entropy ``-log softmax(A z + a)_y`` of each label by row (n,), 0 where unknown, and
        Cox's loss (), times ``weight``.
        """
        read = self.standardise(z)
        if self.memory is not None:
            read = self.memory(read, targets[SUBJECT], targets[POSITION])
        measured = {}
        for i, (name, head) in enumerate(zip(self.classes, self.labels, strict=True)):
            codes, class_weights = targets[name], self.get_buffer(f"weights_{i}")
            # Class 0 stands in for an unknown one, and the factor 0 removes its loss: shapes stay
            # fixed.
            losses = nn.functional.cross_entropy(
                head(read), codes.clamp(min=0), weight=class_weights, reduction="none"
            )
            measured[name] = weight * losses * (codes >= 0)
        if self.survival is not None:
            risk = self.survival(read).squeeze(1)
            measured[SURVIVAL] = weight * measure_cox_loss(
                risk, targets["time_days"], targets["event"]
            )
        return measured


def measure_cox_loss(risk: Tensor, time: Tensor, event: Tensor) -> Tensor:
    """Negative log partial likelihood per death, with tied deaths after Efron (JASA 1977); 0
    without a death.

    ``-1/D sum_t sum_(l=0..m_t-1) [r_(t,l) - log(sum_(j at risk at t) exp(r_j) - l/m_t sum_(deaths j
    at t) exp(r_j))]`` over the D deaths, m_t of them at time t: the l-th death of a time leaves
    l/m_t of that time's deaths out of its risk set.

    Parameters
    ----------
    risk : Tensor of float32, (n,)
        Log relative hazards.
    time : Tensor of float32, (n,)
        Follow-up; NaN where it is unknown: such rows are excluded.
    event : Tensor of bool, (n,)
        Whether the event was observed.
    """
    is_followed = ~time.isnan()
    risk, time, event = risk[is_followed], time[is_followed], event[is_followed]
    if not bool(event.any()):
        return risk.sum() * 0
    _, group, counts = torch.unique(time, return_inverse=True, return_counts=True)
    # The likelihood depends on differences of risks only; less the largest one, no exponential
    # overflows.
    hazard = (risk - risk.detach().max()).exp()
    n_groups = len(counts)
    of_group = torch.zeros(n_groups, device=risk.device).index_add(0, group, hazard)
    of_deaths = torch.zeros(n_groups, device=risk.device).index_add(0, group, hazard * event)
    at_risk = of_group.flip(0).cumsum(0).flip(0)
    order = torch.argsort(group[event], stable=True)
    at = group[event][order]
    n_deaths = torch.bincount(at, minlength=n_groups)
    rank = torch.arange(len(at), device=at.device) - (n_deaths.cumsum(0) - n_deaths)[at]
    remaining = at_risk[at] - rank / n_deaths[at] * of_deaths[at]
    return (remaining.log().sum() - (risk - risk.detach().max())[event].sum()) / len(at)
