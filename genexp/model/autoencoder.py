"""The autoencoder network, in whatever coordinates it is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from genexp.model.counts import CountOutput
from genexp.model.heads import Heads
from genexp.model.layers import Dropout, Linear, Tied
from genexp.model.output import GeneOutput

OUTPUT_GAIN = 0.1
"""Standard deviation of an untrained output, in units of its input: it starts near the mean of the
data."""


ACTIVATIONS: dict[str, list[nn.Module]] = {
    "linear": [],
    "relu": [nn.ReLU()],
    "sigmoid": [nn.Sigmoid()],
}
"""Modules that may follow the last layer of an encoder."""


@dataclass(frozen=True)
class Parts:
    """Parts of an autoencoder.

    Parameters
    ----------
    encoder, decoder : Sequential
        From rows (n, n_inputs) to latents (n, n_latent) and back.
    principal : Tensor of float32, (n_inputs, n_latent), or None
        Principal axes from which linear skip connections start; None: there are none.
    unit : float
        Scale of the latents of skip connections: the root mean square of the principal components.
    """

    encoder: nn.Sequential
    decoder: nn.Sequential
    principal: Tensor | None = None
    unit: float = 1.0


def draw_linear(n_in: int, n_out: int, power: float) -> Linear:
    """Affine layer with He-normal weights (He et al., ICCV 2015) for inputs of mean squared length
    ``power``.

    ``W ~ N(0, 2 / power)``: the length takes the place of the number of inputs. It is the same on
    standardised genes, and unchanged by a rotation, so training in the row space starts from the
    same distribution as training on genes.
    """
    linear = Linear(n_in, n_out)
    nn.init.normal_(linear.weight, std=math.sqrt(2 / power))
    nn.init.zeros_(linear.bias)
    return linear


def build_body(
    widths: Sequence[int],
    dropout: float,
    batch_norm: bool,
    power_in: float,
    power_out: float,
    activation: str = "linear",
) -> nn.Sequential:
    """Linear, batch norm, ReLU and dropout for each hidden width, and a last linear layer with an
    activation.

    The input has the mean squared length ``power_in``. The output starts at ``OUTPUT_GAIN`` of the
    standard deviation that gives rows of mean squared length ``power_out``, except for rectified
    and sigmoid latents, which would be almost constant.
    """
    layers: list[nn.Module] = []
    # A rectified unit behind He-normal weights has mean square 1, so a layer's output has a mean
    # squared length of its width.
    powers = [power_in, *map(float, widths[1:])]
    for (n_in, n_out), power in zip(pairwise(widths[:-1]), powers, strict=False):
        layers += [
            draw_linear(n_in, n_out, power),
            *([nn.BatchNorm1d(n_out)] if batch_norm else []),
            nn.ReLU(),
            Dropout(dropout),
        ]
    last = Linear(widths[-2], widths[-1])
    gain = OUTPUT_GAIN if activation == "linear" else 1.0
    nn.init.normal_(
        last.weight, std=gain * math.sqrt(power_out / widths[-1] / powers[len(widths) - 2])
    )
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last, *ACTIVATIONS[activation])


class Autoencoder(nn.Module):
    """``z = f(x) + L x``, ``x_hat = g(z) + M z``; without skip connections L and M are absent.

    PCA-initialised, L and M start as the principal axes and the last layers of f and g at zero, so
    the untrained network *is* PCA.

    Parameters
    ----------
    parts : Parts

    Attributes
    ----------
    encoder, decoder : Sequential
    encoder_shortcut, decoder_shortcut : Linear or None
        The linear skip connections L and M.
    unit : float
    output : GeneOutput, CountOutput or None
        Last step from the decoder's values to rows; set by the model type.
    units : tuple of str
        Names of the first layer's units, where they have names; set by the model type.
    heads : Heads or None
        Heads on the latents; set where targets are predicted.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.encoder, self.decoder, self.unit = parts.encoder, parts.decoder, parts.unit
        self.encoder_shortcut: nn.Linear | None = None
        self.decoder_shortcut: nn.Linear | None = None
        self.output: GeneOutput | CountOutput | None = None
        self.units: tuple[str, ...] = ()
        self.heads: Heads | None = None
        if parts.principal is not None:
            self._add_skip_connections(parts.principal, parts.unit)

    def _add_skip_connections(self, principal: Tensor, unit: float) -> None:
        n_inputs, n_latent = principal.shape
        self.encoder_shortcut = Linear(n_inputs, n_latent, bias=False)
        self.decoder_shortcut = Linear(n_latent, n_inputs, bias=False)
        with torch.no_grad():
            # Latents have a root mean square of about 1 in this unit, the scale for which the
            # decoder's layers are drawn.
            self.encoder_shortcut.weight.copy_(principal.T / unit)
            self.decoder_shortcut.weight.copy_(principal * unit)
            for body in (self.encoder, self.decoder):
                list(body.parameters())[-2].zero_()

    @torch.no_grad()
    def add_output(self, output: GeneOutput) -> None:
        """End the decoder with an activation, and let its last bias start at the genes' means."""
        self.output = output
        self.last_decoder_layer().bias.copy_(output.invert_mean())

    def encode(self, x: Tensor) -> Tensor:
        """Latents (n, n_latent) of rows (n, n_inputs)."""
        z: Tensor = self.encoder(x)
        return z if self.encoder_shortcut is None else z + self.encoder_shortcut(x)

    def decode(self, z: Tensor) -> Tensor:
        """Rows (n, n_inputs) from latents (n, n_latent)."""
        x_hat: Tensor = self.decoder(z)
        x_hat = x_hat if self.decoder_shortcut is None else x_hat + self.decoder_shortcut(z)
        return self.end(x_hat)

    def end(self, x_hat: Tensor) -> Tensor:
        """Rows (n, n_inputs) from the values of the decoder's layers."""
        return x_hat if self.output is None else self.output(x_hat)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct rows."""
        return self.decode(self.encode(x))

    def first_weights(self) -> Tensor:
        """Weights (n_units, n_inputs) of the encoder's first layer."""
        return next(module.weight for module in self.encoder if isinstance(module, nn.Linear))

    def last_encoder_weight(self) -> Tensor:
        """Weights (n_latent, n_units) of the layer that ends an encoder of linear latents."""
        last = self.encoder[-1]
        assert isinstance(last, nn.Linear)
        return last.weight

    def last_decoder_layer(self) -> nn.Linear | Tied:
        """Affine layer that ends the decoder."""
        last = self.decoder[-1]
        assert isinstance(last, (nn.Linear, Tied))
        return last

    def hidden_maps(self) -> list[tuple[Tensor, Tensor, Tensor | float, Tensor | float]]:
        """Weight, bias, gain and shift of each hidden layer of the encoder: batch norm as the
        affine map of its running statistics.
        """
        maps: list[tuple[Tensor, Tensor, Tensor | float, Tensor | float]] = []
        for module in list(self.encoder.children())[:-1]:
            if isinstance(module, nn.Linear):
                maps.append((module.weight, module.bias, 1.0, 0.0))
            elif isinstance(module, nn.BatchNorm1d):
                assert module.running_mean is not None
                assert module.running_var is not None
                gain = module.weight * torch.rsqrt(module.running_var + module.eps)
                maps[-1] = (*maps[-1][:2], gain, module.bias - gain * module.running_mean)
        return maps
