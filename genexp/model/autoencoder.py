"""The deep autoencoder, in whatever coordinates it is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from genexp.model.layers import Dropout, Linear

OUTPUT_GAIN = 0.1
"""Standard deviation of an untrained output, in units of its input: it starts near the mean of the data."""


def build_body(widths: Sequence[int], dropout: float, batch_norm: bool, power_in: float, power_out: float) -> nn.Sequential:
    """Linear, batch norm, ReLU and dropout for each hidden width, and a last linear layer.

    Hidden weights start He-normal (He et al., ICCV 2015), where the first layer takes the mean squared length of its
    input, ``power_in``, for the number of its inputs: the same on standardised genes, and unchanged by rotation.
    The output starts at ``OUTPUT_GAIN`` of the standard deviation that gives rows of mean squared length ``power_out``.
    """
    layers: list[nn.Module] = []
    powers = [power_in, *map(float, widths[1:])]
    for (n_in, n_out), power in zip(pairwise(widths[:-1]), powers, strict=False):
        linear = Linear(n_in, n_out)
        nn.init.normal_(linear.weight, std=math.sqrt(2 / power))
        nn.init.zeros_(linear.bias)
        layers += [linear, *([nn.BatchNorm1d(n_out)] if batch_norm else []), nn.ReLU(), Dropout(dropout)]
    last = Linear(widths[-2], widths[-1])
    nn.init.normal_(last.weight, std=OUTPUT_GAIN * math.sqrt(power_out / widths[-1] / powers[len(widths) - 2]))
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


class Autoencoder(nn.Module):
    """``z = body(x) + L x``, ``x_hat = body(z) + M z``; without an anchor the linear paths L and M are absent.

    Anchored at PCA, L and M start as the principal axes and the bodies' last layers at zero, so the untrained
    network *is* PCA.

    Parameters
    ----------
    n_inputs : int
        Coordinates of a row.
    hidden : sequence of int
        Widths of the encoder's hidden layers; the decoder mirrors them.
    n_latent : int
    dropout : float
    batch_norm : bool
    power : float
        Mean squared length of the train rows.
    principal : Tensor of float32, (n_inputs, n_latent), or None
        Principal axes to start from; None: no anchor.
    unit : float
        Scale of the latents where anchored: the root mean square of the principal components.
    """

    def __init__(
        self,
        n_inputs: int,
        hidden: Sequence[int],
        n_latent: int,
        dropout: float,
        batch_norm: bool = True,
        power: float = 1.0,
        principal: Tensor | None = None,
        unit: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder = build_body([n_inputs, *hidden, n_latent], dropout, batch_norm, power, float(n_latent))
        self.decoder = build_body([n_latent, *reversed(hidden), n_inputs], dropout, batch_norm, float(n_latent), power)
        self.encoder_shortcut: nn.Linear | None = None
        self.decoder_shortcut: nn.Linear | None = None
        if principal is not None:
            self._anchor(principal, unit)

    def _anchor(self, principal: Tensor, unit: float) -> None:
        n_inputs, n_latent = principal.shape
        self.encoder_shortcut = Linear(n_inputs, n_latent, bias=False)
        self.decoder_shortcut = Linear(n_latent, n_inputs, bias=False)
        with torch.no_grad():
            self.encoder_shortcut.weight.copy_(principal.T / unit)
            self.decoder_shortcut.weight.copy_(principal * unit)
            for body in (self.encoder, self.decoder):
                list(body.parameters())[-2].zero_()

    def encode(self, x: Tensor) -> Tensor:
        """Latents (n, n_latent) of rows (n, n_inputs)."""
        z: Tensor = self.encoder(x)
        return z if self.encoder_shortcut is None else z + self.encoder_shortcut(x)

    def decode(self, z: Tensor) -> Tensor:
        """Rows (n, n_inputs) from latents (n, n_latent)."""
        x_hat: Tensor = self.decoder(z)
        return x_hat if self.decoder_shortcut is None else x_hat + self.decoder_shortcut(z)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct rows."""
        return self.decode(self.encode(x))
