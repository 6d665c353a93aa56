"""Latents near the centre of their class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from genexp.model.model_type import Inputs, Minibatch, Pass
from genexp.model.target_names import LABEL
from genexp.model.types.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder
    from genexp.model.networks import CenterLossAutoencoder


class CenterLossParameters(Section):
    """Parameters of the autoencoder with centre loss."""

    center_weight: float = Field(
        0.1,
        ge=0,
        description="center_loss: weight of the distance to the class's centre, per latent",
    )
    center_rate: float = Field(
        0.5,
        gt=0,
        le=1,
        description="center_loss: how far a centre moves towards its class in a step",
    )


class CenterLoss(Deep):
    """Reconstruction, cross-entropy and centre loss (Wen et al., ECCV 2016), each a mean over
    samples.

    ``loss = |x - x_hat|^2 / n_genes + head_weight * cross_entropy + w |z - c_y|^2 / n_latent`` with
    the centre c_y of the row's class y. Latents are standardised before their distance is taken, so
    that shrinking them all gains nothing. A centre moves as in the paper, by ``rate * sum(c - z) /
    (1 + n)`` over the n samples of its class.
    """

    Parameters: ClassVar[type[Section]] = CenterLossParameters
    heads = (LABEL,)

    def build(self, inputs: Inputs) -> CenterLossAutoencoder:
        """Build the deep network with a centre for each class of the label."""
        from genexp.model.networks import CenterLossAutoencoder

        network = CenterLossAutoencoder(
            self.build_parts(inputs), inputs.classes[LABEL], self.config.n_latent
        )
        self.add_output(network, inputs)
        return network

    def run(self, network: Autoencoder, minibatch: Minibatch) -> Pass:
        """Add the distance to centres to the deep autoencoder's loss."""
        from genexp.model.networks import CenterLossAutoencoder

        assert isinstance(network, CenterLossAutoencoder)
        result = super().run(network, minibatch)
        distance = measure_distance(
            network.standardise(result.z), minibatch.targets[LABEL], network.centers
        )
        return result.add(center=self.config.center_weight * distance)

    def end_step(self, network: Autoencoder, minibatch: Minibatch, z: Tensor) -> None:
        """Move the centres."""
        from genexp.model.networks import CenterLossAutoencoder

        assert isinstance(network, CenterLossAutoencoder)
        move_centers(
            network.centers,
            network.standardise(z).detach(),
            minibatch.targets[LABEL],
            self.config.center_rate,
        )


def measure_distance(z: Tensor, label: Tensor, centers: Tensor) -> Tensor:
    """Mean over latents of the squared distance to the centre of the row's class (n,); 0 where the
    label (-1) is unknown.
    """
    # Index 0 stands in for an unknown label, and the factor 0 removes what it gives: shapes stay
    # fixed.
    return (z - centers[label.clamp(min=0)]).square().mean(1) * (label >= 0)


def move_centers(centers: Tensor, z: Tensor, label: Tensor, rate: float) -> None:
    """Move centres (n_classes, n_latent) in place towards the latents of their classes; the order
    of rows does not matter.
    """
    import torch

    is_labelled = label >= 0
    member = torch.nn.functional.one_hot(label[is_labelled], len(centers)).to(z.dtype)
    n = member.sum(0)[:, None]
    centers.sub_(rate * (n * centers - member.T @ z[is_labelled]) / (1 + n))
