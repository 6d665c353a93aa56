"""Reconstruction of clean rows from corrupted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from genexp.model.model_type import Minibatch, Pass
from genexp.model.types.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder


class DenoisingParameters(Section):
    """Parameters of the denoising autoencoder; the stacked one uses them too."""

    corruption: Literal["gaussian", "mask", "swap"] = Field(
        "gaussian",
        description=(
            "denoising, stacked: gaussian adds noise, mask sets genes to their mean, swap takes "
            "a gene's value from another sample"
        ),
    )
    corruption_level: float = Field(
        0.5,
        ge=0,
        description=(
            "denoising, stacked: standard deviation of the noise in those of a gene, or share of "
            "the values that change"
        ),
    )
    rectify: bool = Field(
        False, description="denoising: rectified latents, as in BioBombe; they cannot start at PCA"
    )


class Denoising(Deep):
    """Rows are corrupted in training only, with the clean row as target (Vincent et al., ICML
    2008).

    ``loss = |x - g(f(x~))|^2 / n_genes`` with x~ drawn around x: Gaussian noise, masked or swapped
    genes.
    """

    Parameters: ClassVar[type[Section]] = DenoisingParameters

    @property
    def activation(self) -> str:
        """Rectified where the configuration asks for it."""
        return "relu" if self.config.rectify else super().activation

    def run(self, network: Autoencoder, minibatch: Minibatch) -> Pass:
        """Encode corrupted rows while training, clean ones in evaluation."""
        x = corrupt(minibatch, self.config) if network.training else minibatch.x
        z = network.encode(x)
        x_hat = network.decode(z)
        return Pass(
            z, x_hat, {"reconstruction": self.measure_reconstruction(network, x_hat, minibatch)}
        )


def corrupt(minibatch: Minibatch, config: Any, std: Tensor | float = 1.0) -> Tensor:
    """Corrupt coordinates (n, n_inputs); ``std`` is the standard deviation of a value.

    Gaussian noise is the same in any orthonormal coordinates, so it is drawn in those of training.
    Masks and swaps are drawn in genes and the result is projected back. Genes that a mask keeps are
    divided by the share kept (inverted-dropout scaling), so that the mean of a row's first layer is
    that of a clean row, which is what the network gets in evaluation.
    """
    import torch

    if config.corruption == "gaussian":
        return minibatch.x + config.corruption_level * std * torch.randn_like(minibatch.x)
    x = minibatch.x if minibatch.directions is None else minibatch.x @ minibatch.directions.T
    changed = torch.rand_like(x) < config.corruption_level
    other = x[torch.randperm(len(x), device=x.device)] if config.corruption == "swap" else 0.0
    x = torch.where(
        changed, other, x if config.corruption == "swap" else x / (1 - config.corruption_level)
    )
    return x if minibatch.directions is None else x @ minibatch.directions
