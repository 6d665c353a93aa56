"""Networks of model types that have more than an encoder and a decoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from genexp.model.autoencoder import Autoencoder, Parts
from genexp.model.counts import LN2, MIN_COUNT, CountOutput, Dispersion

LOGVAR_RANGE = (-12.0, 6.0)
"""Range of log variances: their exponential neither vanishes nor overflows in float32, also where
training goes astray."""
LOGVAR_INIT = -8.0
"""Initial log variance of the latents: small compared with their mean, so that training begins at
PCA."""


class VariationalAutoencoder(Autoencoder):
    """An autoencoder with a layer for the log variances of its latents.

    Parameters
    ----------
    parts : Parts
    n_features, n_latent : int
        Width of the encoder's last hidden layer, and of the latents.
    kl_scale : float
        Factor that brings nats to the unit of the reconstruction loss.
    """

    kl_scale: Tensor

    def __init__(self, parts: Parts, n_features: int, n_latent: int, kl_scale: float) -> None:
        super().__init__(parts)
        self.log_variance = nn.Linear(n_features, n_latent)
        nn.init.zeros_(self.log_variance.weight)
        nn.init.constant_(self.log_variance.bias, LOGVAR_INIT)
        self.register_buffer("kl_scale", torch.tensor(kl_scale))

    def encode_distribution(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances, (n, n_latent) each, of the latents of rows (n, n_inputs)."""
        features = self.encoder[:-1](x)
        mu: Tensor = self.encoder[-1](features)
        if self.encoder_shortcut is not None:
            mu = mu + self.encoder_shortcut(x)
        return mu, self.log_variance(features).clamp(*LOGVAR_RANGE)


class CenterLossAutoencoder(Autoencoder):
    """An autoencoder with a centre (n_classes, n_latent) for each class, which moves without
    gradients.
    """

    centers: Tensor

    def __init__(self, parts: Parts, n_classes: int, n_latent: int) -> None:
        super().__init__(parts)
        self.register_buffer("centers", torch.zeros(n_classes, n_latent))

    def standardise(self, z: Tensor) -> Tensor:
        """Standardise latents (n, n_latent) as the heads do."""
        assert self.heads is not None
        standardised: Tensor = self.heads.standardise(z)
        return standardised


class CountAutoencoder(Autoencoder):
    """An autoencoder whose decoder gives logits of proportions, with the dispersions of genes.

    Parameters
    ----------
    parts : Parts
    output : CountOutput
    by_sample, inflated : bool
        Whether a gene's dispersion differs between samples, and whether zeros are inflated.
    """

    def __init__(self, parts: Parts, output: CountOutput, by_sample: bool, inflated: bool) -> None:
        super().__init__(parts)
        last = self.last_decoder_layer()
        assert isinstance(last, nn.Linear)
        self.output = output
        self.dispersion = Dispersion(last.in_features, last.out_features, by_sample, inflated)

    @property
    def count_output(self) -> CountOutput:
        """The output, by its type."""
        assert isinstance(self.output, CountOutput)
        return self.output

    @torch.no_grad()
    def start_at(self, fill: np.ndarray) -> None:
        """Let logits start at the mean proportions: ``fill`` (n_genes,) are train means of
        log2(common_library share + 1).

        The skip connection, made for scaled values, starts in logits: d log(share) is about ln 2
        times d log2, and a scaled value times the gene's scale is a difference of log2.
        """
        last = self.last_decoder_layer()
        logits = torch.expm1(LN2 * torch.from_numpy(fill)).clamp(min=MIN_COUNT).log()
        last.bias.copy_(logits - logits.logsumexp(0))
        if self.decoder_shortcut is not None:
            self.decoder_shortcut.weight.mul_(LN2 * self.count_output.scale[:, None])

    def decode_logits(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of proportions (n, n_genes) and the decoder's last hidden layer (n, n_features),
        of latents (n, n_latent).
        """
        features: Tensor = self.decoder[:-1](z)
        logits: Tensor = self.decoder[-1](features)
        if self.decoder_shortcut is not None:
            logits = logits + self.decoder_shortcut(z)
        return logits, features
