"""Latents that are silent most of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from genexp.model.kind import Batch, Kind, Pass
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor


class SparseParameters(Section):
    """What the sparse kind has of its own."""

    sparsity: Literal["kl", "l1"] = Field("kl", description="sparse: kl holds the mean activity of each latent at a target, l1 shrinks it")
    sparsity_target: float = Field(0.1, gt=0, lt=1, description="sparse: mean activity of a latent that kl aims at")
    sparsity_weight: float = Field(0.01, ge=0, description="sparse: weight of the penalty on activities, beside the squared error per gene")


class Sparse(Kind):
    """Sigmoid latents with a penalty on their activities (Ng, CS294A lecture notes 2011).

    ``kl``: sum over latents of KL(target || mean activity over the minibatch); ``l1``: mean over rows of the sum of activities.
    """

    Parameters: ClassVar[type[Section]] = SparseParameters
    latent_activation = "sigmoid"

    def run(self, network: Any, batch: Batch) -> Pass:
        """As the deep kind, with the penalty."""
        made = super().run(network, batch)
        return Pass(made.z, made.x_hat, {**made.terms, "sparsity": self.config.sparsity_weight * self._penalise(made.z)})

    def _penalise(self, z: Tensor) -> Tensor:
        if self.config.sparsity == "l1":
            return z.sum(1)
        return measure_sparsity(z.mean(0), self.config.sparsity_target)


def measure_sparsity(activity: Tensor, target: float) -> Tensor:
    """Sum over latents of the Kullback-Leibler divergence () between Bernoulli(target) and Bernoulli(activity (n_latent,))."""
    activity = activity.clamp(1e-6, 1 - 1e-6)
    return (target * (target / activity).log() + (1 - target) * ((1 - target) / (1 - activity)).log()).sum()
