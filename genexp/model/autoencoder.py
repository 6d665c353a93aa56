"""The deep autoencoder, in whatever coordinates it is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from genexp.model.heads import Heads
from genexp.model.layers import Dropout, Linear

OUTPUT_GAIN = 0.1
"""Standard deviation of an untrained output, in units of its input: it starts near the mean of the data."""


ACTIVATIONS: dict[str, list[nn.Module]] = {"linear": [], "relu": [nn.ReLU()], "sigmoid": [nn.Sigmoid()]}
"""What may follow the last layer of an encoder."""


def draw_linear(n_in: int, n_out: int, power: float) -> Linear:
    """Affine layer with He-normal weights (He et al., ICCV 2015) for inputs of mean squared length ``power``.

    The length takes the place of the number of inputs: the same on standardised genes, and unchanged by rotation.
    """
    linear = Linear(n_in, n_out)
    nn.init.normal_(linear.weight, std=math.sqrt(2 / power))
    nn.init.zeros_(linear.bias)
    return linear


def build_body(
    widths: Sequence[int], dropout: float, batch_norm: bool, power_in: float, power_out: float, activation: str = "linear"
) -> nn.Sequential:
    """Linear, batch norm, ReLU and dropout for each hidden width, and a last linear layer with an activation.

    The input has the mean squared length ``power_in``. The output starts at ``OUTPUT_GAIN`` of the standard deviation that gives
    rows of mean squared length ``power_out``, but for rectified latents, which would be as good as silent.
    """
    layers: list[nn.Module] = []
    powers = [power_in, *map(float, widths[1:])]
    for (n_in, n_out), power in zip(pairwise(widths[:-1]), powers, strict=False):
        layers += [draw_linear(n_in, n_out, power), *([nn.BatchNorm1d(n_out)] if batch_norm else []), nn.ReLU(), Dropout(dropout)]
    last = Linear(widths[-2], widths[-1])
    gain = OUTPUT_GAIN if activation == "linear" else 1.0
    nn.init.normal_(last.weight, std=gain * math.sqrt(power_out / widths[-1] / powers[len(widths) - 2]))
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last, *ACTIVATIONS[activation])


class Autoencoder(nn.Module):
    """``z = body(x) + L x``, ``x_hat = body(z) + M z``; without an anchor the linear paths L and M are absent.

    A kind may set ``output``, a last step from what the decoder gives to rows, and ``units``, names of the first layer's units.

    Anchored at PCA, L and M start as the principal axes and the bodies' last layers at zero, so the untrained
    network *is* PCA.

    Parameters
    ----------
    encoder, decoder : Sequential
        From rows (n, n_inputs) to latents (n, n_latent) and back.
    principal : Tensor of float32, (n_inputs, n_latent), or None
        Principal axes to start from; None: no anchor.
    unit : float
        Scale of the latents where anchored: the root mean square of the principal components.
    """

    def __init__(self, encoder: nn.Sequential, decoder: nn.Sequential, principal: Tensor | None = None, unit: float = 1.0) -> None:
        super().__init__()
        self.encoder, self.decoder, self.unit = encoder, decoder, unit
        self.encoder_shortcut: nn.Linear | None = None
        self.decoder_shortcut: nn.Linear | None = None
        self.output: nn.Module | None = None
        self.units: tuple[str, ...] = ()
        self.heads: Heads | None = None
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
        x_hat = x_hat if self.decoder_shortcut is None else x_hat + self.decoder_shortcut(z)
        return self.end(x_hat)

    def end(self, x_hat: Tensor) -> Tensor:
        """Rows (n, n_inputs) from what the decoder's layers give."""
        return x_hat if self.output is None else self.output(x_hat)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct rows."""
        return self.decode(self.encode(x))

    def first_weights(self) -> Tensor:
        """Weights (n_units, n_inputs) of the encoder's first layer."""
        return next(module.weight for module in self.encoder if isinstance(module, nn.Linear))

    def hidden_maps(self) -> list[tuple[Tensor, Tensor, Tensor | float, Tensor | float]]:
        """Weight, bias, gain and shift of each hidden layer of the encoder: batch norm as the affine map of its running statistics."""
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
