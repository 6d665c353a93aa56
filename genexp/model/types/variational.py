"""Latents that are distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from genexp.model.model_type import Inputs, Minibatch, Pass
from genexp.model.types.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder
    from genexp.model.networks import VariationalAutoencoder


class VariationalParameters(Section):
    """Parameters of the variational autoencoder."""

    beta: float = Field(
        1.0,
        ge=0,
        description=(
            "variational: weight of the KL term; 1 is the evidence bound of a Gaussian likelihood"
        ),
    )
    warm_up: int = Field(
        20,
        ge=0,
        description="variational: epochs over which the weight of the KL term rises from 0",
    )
    free_bits: float = Field(
        0.0, ge=0, description="variational: nats of each latent that the KL term leaves free"
    )


class Variational(Deep):
    """Gaussian latents and a Gaussian likelihood (Kingma & Welling, ICLR 2014; beta: Higgins et
    al., ICLR 2017).

    ``z ~ N(mu(x), exp(logvar(x)))`` and ``x ~ N(x_hat(z), s2)``, where the variance s2 is the
    squared error per gene that PCA leaves on train rows. The negative evidence bound, times 2 s2 /
    n_genes, is ::

        loss = |x - x_hat|^2 / n_genes + beta * (2 s2 / n_genes) * KL(N(mu, exp(logvar)) || N(0, 1))

    so the first term is that of every model type. Cross-entropy is a negative log likelihood itself
    (of Bernoulli genes): the factor is 1 / n_genes there. Free bits: Kingma et al., NeurIPS 2016.
    Validation and the shipped encoder take the mean mu.
    """

    Parameters: ClassVar[type[Section]] = VariationalParameters

    def build(self, inputs: Inputs) -> VariationalAutoencoder:
        """Build the deep network with a layer for log variances."""
        from genexp.model.networks import VariationalAutoencoder

        scale = 1.0 if self.config.reconstruction == "cross_entropy" else 2 * inputs.residual
        n_features = self.hidden[-1] if self.hidden else inputs.n_inputs
        network = VariationalAutoencoder(
            self.build_parts(inputs), n_features, self.config.n_latent, scale / inputs.n_genes
        )
        self.add_output(network, inputs)
        return network

    def run(self, network: Autoencoder, minibatch: Minibatch) -> Pass:
        """Sample latents while training; the losses are the squared error and the divergence from a
        standard Gaussian.
        """
        import torch

        from genexp.model.networks import VariationalAutoencoder

        assert isinstance(network, VariationalAutoencoder)
        mu, logvar = network.encode_distribution(minibatch.x)
        z = mu + torch.randn_like(mu) * (logvar / 2).exp() if network.training else mu
        x_hat = network.decode(z)
        # Full weight in validation at every epoch: with a weight that rises, later epochs would be
        # worse for no other reason.
        rise = (
            min(1.0, minibatch.epoch / self.config.warm_up)
            if network.training and self.config.warm_up
            else 1.0
        )
        kl_weight = self.config.beta * network.kl_scale * rise
        divergence = measure_divergence(mu, logvar).clamp(min=self.config.free_bits).sum(1)
        return Pass(
            mu,
            x_hat,
            {
                "reconstruction": self.measure_reconstruction(network, x_hat, minibatch),
                "kl": kl_weight * divergence,
            },
        )


def measure_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) = (mu^2 + exp(logvar) - 1 - logvar) / 2 by row and latent
    (n, n_latent), in nats.
    """
    return (mu.square() + logvar.exp() - 1 - logvar) / 2
