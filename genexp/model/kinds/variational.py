"""Latents that are distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from genexp.model.kind import Batch, Inputs, Kind, Pass
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder

LOGVAR_RANGE = (-12.0, 6.0)
START = -8.0
"""Log variance of the latents at the start: small beside their mean, so that training begins at the anchor."""


class VariationalParameters(Section):
    """What the variational kind has of its own."""

    beta: float = Field(1.0, ge=0, description="variational: weight of the KL term; 1 is the evidence bound of a Gaussian likelihood")
    warm_up: int = Field(20, ge=0, description="variational: epochs over which the weight of the KL term rises from 0")
    free_bits: float = Field(0.0, ge=0, description="variational: nats of each latent that the KL term leaves free")


class Variational(Kind):
    """Gaussian latents and a Gaussian likelihood (Kingma & Welling, ICLR 2014; beta: Higgins et al., ICLR 2017).

    The likelihood's variance is the squared error per gene that PCA leaves on train rows, s2; times 2 s2 / n_genes the
    evidence bound is ``|x - x_hat|^2 / n_genes + beta * 2 s2 / n_genes * KL``, so the first term is that of every kind. Cross-entropy
    is a negative log likelihood itself (of Bernoulli genes): the factor is 1 / n_genes there. Free bits: Kingma et al., NeurIPS 2016.
    Validation and the shipped encoder take the mean.
    """

    Parameters: ClassVar[type[Section]] = VariationalParameters

    def build(self, inputs: Inputs) -> Autoencoder:
        """The deep network with a layer for log variances."""
        import torch
        from torch import nn

        network = super().build(inputs)
        network.spread = nn.Linear(self.hidden[-1] if self.hidden else inputs.n_inputs, self.config.n_latent)
        nn.init.zeros_(network.spread.weight)
        nn.init.constant_(network.spread.bias, START)
        unit = 1.0 if self.config.reconstruction == "cross_entropy" else 2 * inputs.residual
        network.register_buffer("nats", torch.tensor(unit / inputs.n_genes))
        return network

    def run(self, network: Any, batch: Batch) -> Pass:
        """Sample latents while training; the terms are the squared error and the divergence from a standard Gaussian."""
        import torch

        features = network.encoder[:-1](batch.x)
        mu = network.encoder[-1](features)
        if network.encoder_shortcut is not None:
            mu = mu + network.encoder_shortcut(batch.x)
        logvar = network.spread(features).clamp(*LOGVAR_RANGE)
        z = mu + torch.randn_like(mu) * (logvar / 2).exp() if network.training else mu
        x_hat = network.decode(z)
        warmth = min(1.0, batch.epoch / self.config.warm_up) if network.training and self.config.warm_up else 1.0
        weight = self.config.beta * network.nats * warmth
        divergence = measure_divergence(mu, logvar).clamp(min=self.config.free_bits).sum(1)
        return Pass(mu, x_hat, {"reconstruction": self.measure(network, x_hat, batch), "kl": weight * divergence})


def measure_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) by row and latent (n, n_latent), in nats."""
    return (mu.square() + logvar.exp() - 1 - logvar) / 2
