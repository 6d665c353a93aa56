"""Latents that are silent most of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from genexp.model.model_type import Minibatch, Pass
from genexp.model.types.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder

MIN_ACTIVITY = 1e-6
"""Distance of a mean activity from 0 and 1 at least: the divergence is infinite there, and its
gradient with it."""


class SparseParameters(Section):
    """Parameters of the sparse autoencoder."""

    sparsity: Literal["kl", "l1"] = Field(
        "kl",
        description="sparse: kl holds the mean activity of each latent at a target, l1 shrinks it",
    )
    sparsity_target: float = Field(
        0.1, gt=0, lt=1, description="sparse: mean activity of a latent that kl aims at"
    )
    sparsity_weight: float = Field(
        0.01,
        ge=0,
        description=(
            "sparse: weight of the penalty on activities, beside the squared error per gene"
        ),
    )


class Sparse(Deep):
    """Sigmoid latents with a penalty on their activities (Ng, CS294A lecture notes 2011).

    ``kl``: ``w sum_j KL(Bernoulli(t) || Bernoulli(mean_i z_ij))`` over the rows i of the minibatch,
    with target t and weight w. ``l1``: ``w mean_i sum_j z_ij``.
    """

    Parameters: ClassVar[type[Section]] = SparseParameters
    latent_activation = "sigmoid"

    def run(self, network: Autoencoder, minibatch: Minibatch) -> Pass:
        """Add the penalty on activities to the deep autoencoder's loss."""
        result = super().run(network, minibatch)
        return result.add(sparsity=self.config.sparsity_weight * self._penalise(result.z))

    def _penalise(self, z: Tensor) -> Tensor:
        if self.config.sparsity == "l1":
            return z.sum(1)
        return measure_sparsity(z.mean(0), self.config.sparsity_target)


def measure_sparsity(activity: Tensor, target: float) -> Tensor:
    """Sum over latents of the Kullback-Leibler divergence () between Bernoulli(t) and Bernoulli(a),
    activity a (n_latent,).

    ``KL = t log(t / a) + (1 - t) log((1 - t) / (1 - a))``.
    """
    activity = activity.clamp(MIN_ACTIVITY, 1 - MIN_ACTIVITY)
    return (
        target * (target / activity).log() + (1 - target) * ((1 - target) / (1 - activity)).log()
    ).sum()
