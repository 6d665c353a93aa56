"""The built model of one training: a model type and its network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genexp.model.autoencoder import Autoencoder
from genexp.model.model_type import Minibatch, ModelType, Pass


@dataclass(frozen=True)
class BuiltModel:
    """A model type with the network that it built, constructed once per training and passed on.

    Parameters
    ----------
    model_type : ModelType
    network : Autoencoder
    """

    model_type: ModelType
    network: Autoencoder

    @property
    def config(self) -> Any:
        """Settings of the network and of the training."""
        return self.model_type.config

    def run(self, minibatch: Minibatch) -> Pass:
        """Encode and decode a minibatch; losses of the model type, of the heads, and the L1 penalty
        on the first layer.
        """
        result = self.model_type.run(self.network, minibatch)
        losses = dict(result.losses)
        if self.network.heads is not None:
            losses |= self.network.heads.measure_losses(
                result.z, minibatch.targets, self.config.head_weight
            )
        if self.config.l1:
            # Per gene, as the squared error is: one weight means the same on cohorts of different
            # numbers of genes.
            losses["l1"] = (
                self.config.l1 * self.network.first_weights().abs().sum() / minibatch.n_genes
            )
        return Pass(result.z, result.x_hat, losses)

    def is_monitored(self, loss: str) -> bool:
        """Tell whether early stopping counts a loss: its gradient reaches the latents."""
        return loss not in self.model_type.detached_losses

    def sum_monitored(self, losses: Mapping[str, float]) -> float:
        """Sum the losses that early stopping counts."""
        return sum(value for name, value in losses.items() if self.is_monitored(name))
