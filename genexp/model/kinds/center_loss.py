"""Latents of a class lie near its centre."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from genexp.model.kind import LABEL, Batch, Inputs, Kind, Pass
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder


class CenterLossParameters(Section):
    """What the centre-loss kind has of its own."""

    center_weight: float = Field(0.1, ge=0, description="center_loss: weight of the distance to the class's centre, per latent")
    center_rate: float = Field(0.5, gt=0, le=1, description="center_loss: how far a centre moves towards its class in a step")


class CenterLoss(Kind):
    """Reconstruction, cross-entropy and centre loss (Wen et al., ECCV 2016), each a mean over samples.

    Latents are standardised before their distance is taken, so that shrinking them all gains nothing. A centre moves as the paper has
    it: by ``rate * sum(c - z) / (1 + n)`` over the n samples of its class.
    """

    Parameters: ClassVar[type[Section]] = CenterLossParameters
    heads = (LABEL,)

    def build(self, inputs: Inputs) -> Autoencoder:
        """The deep network with a centre for each class of the label."""
        import torch

        network = super().build(inputs)
        network.register_buffer("centers", torch.zeros(inputs.classes[LABEL], self.config.n_latent))
        return network

    def run(self, network: Any, batch: Batch) -> Pass:
        """As the deep kind, with the distance to centres."""
        made = super().run(network, batch)
        distance = measure_distance(network.heads.standardise(made.z), batch.targets[LABEL], network.centers)
        return Pass(made.z, made.x_hat, {**made.terms, "center": self.config.center_weight * distance})

    def end_step(self, network: Any, batch: Batch, z: Tensor) -> None:
        """Move the centres."""
        move_centers(network.centers, network.heads.standardise(z).detach(), batch.targets[LABEL], self.config.center_rate)


def measure_distance(z: Tensor, label: Tensor, centers: Tensor) -> Tensor:
    """Mean over latents of the squared distance to the own class's centre, by row (n,); 0 where the label (-1) is unknown."""
    return (z - centers[label.clamp(min=0)]).square().mean(1) * (label >= 0)


def move_centers(centers: Tensor, z: Tensor, label: Tensor, rate: float) -> None:
    """Move centres (n_classes, n_latent) in place towards the latents of their classes; the order of rows does not matter."""
    import torch

    known = label >= 0
    member = torch.nn.functional.one_hot(label[known], len(centers)).to(z.dtype)
    n = member.sum(0)[:, None]
    centers.sub_(rate * (n * centers - member.T @ z[known]) / (1 + n))
