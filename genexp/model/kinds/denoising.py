"""Rows are corrupted, and rebuilt as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from genexp.model.kind import Batch, Kind, Pass
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor


class DenoisingParameters(Section):
    """What the denoising kind has of its own; the stacked kind uses it too."""

    corruption: Literal["gaussian", "mask", "swap"] = Field(
        "gaussian",
        description="denoising, stacked: gaussian adds noise, mask sets genes to their mean, swap takes a gene's value from another sample",
    )
    corruption_level: float = Field(
        0.5, ge=0, description="denoising, stacked: standard deviation of the noise in those of a gene, or share of the values that change"
    )
    rectify: bool = Field(False, description="denoising: rectified latents, as in BioBombe; they cannot start at PCA")


class Denoising(Kind):
    """Corrupted in training only, with the clean row as target (Vincent et al., ICML 2008)."""

    Parameters: ClassVar[type[Section]] = DenoisingParameters

    @property
    def activation(self) -> str:
        """Rectified where the configuration says so."""
        return "relu" if self.config.rectify else super().activation

    def run(self, network: Any, batch: Batch) -> Pass:
        """As the deep kind, from corrupted rows while training."""
        x = corrupt(batch, self.config) if network.training else batch.x
        z = network.encode(x)
        x_hat = network.decode(z)
        return Pass(z, x_hat, {"reconstruction": self.measure(network, x_hat, batch)})


def corrupt(batch: Batch, config: Any, unit: Tensor | float = 1.0) -> Tensor:
    """Corrupted coordinates (n, n_inputs); ``unit`` is the standard deviation of a value.

    Gaussian noise is the same in any orthonormal coordinates; masks and swaps are drawn in genes and what comes of them is projected.
    Genes that a mask leaves are divided by their share, as dropout has it, so that a clean row is what the network expects.
    """
    import torch

    if config.corruption == "gaussian":
        return batch.x + config.corruption_level * unit * torch.randn_like(batch.x)
    x = batch.x if batch.directions is None else batch.x @ batch.directions.T
    changed = torch.rand_like(x) < config.corruption_level
    other = x[torch.randperm(len(x), device=x.device)] if config.corruption == "swap" else 0.0
    x = torch.where(changed, other, x if config.corruption == "swap" else x / (1 - config.corruption_level))
    return x if batch.directions is None else x @ batch.directions
