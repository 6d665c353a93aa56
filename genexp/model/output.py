"""The last step of a decoder whose genes have a range: an activation of each gene, and the losses that go with it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from genexp.errors import TrainingError, name_some
from genexp.preprocessing import Preprocessed

Activation = Literal["sigmoid", "softplus"]
RANGES: dict[str, tuple[float, float]] = {"sigmoid": (0.0, 1.0), "softplus": (0.0, np.inf)}
"""Values that an activation can reach."""
ROUNDING = 1e-5
"""How far scaled values may lie outside by rounding."""
EDGE = 1e-3
"""How near to the end of a range a gene's mean may be where the decoder starts."""
LEAST = 1e-6
"""Smallest probability that cross-entropy takes the logarithm of."""


class GeneOutput(nn.Module):
    """From a decoder's values to coordinates, which are genes less their train means.

    Parameters
    ----------
    name : {"sigmoid", "softplus"}
        1 / (1 + exp(-y)), or log(1 + exp(y)).
    origin : ndarray of float32, (n_genes,)
        Scaled values at which the coordinates are 0.
    """

    origin: Tensor

    def __init__(self, name: Activation, origin: np.ndarray) -> None:
        super().__init__()
        self.name = name
        self.register_buffer("origin", torch.from_numpy(np.array(origin)), persistent=False)

    def forward(self, y: Tensor) -> Tensor:
        """Coordinates (n, n_genes) of the decoder's values (n, n_genes)."""
        return (y.sigmoid() if self.name == "sigmoid" else nn.functional.softplus(y)) - self.origin

    def invert_mean(self) -> Tensor:
        """Values (n_genes,) that stand for the genes' means, those at the end of the range moved inside."""
        if self.name == "sigmoid":
            return self.origin.clamp(EDGE, 1 - EDGE).logit()
        return self.origin.clamp(min=EDGE).expm1().log()

    def measure_cross_entropy(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Mean over genes of -(t log p + (1 - t) log(1 - p)), by row (n,); t and p are x and x_hat (n, n_genes) from 0 to 1.

        Held-out values beyond the range of the train samples count as its end.
        """
        p = (x_hat.float() + self.origin).clamp(LEAST, 1 - LEAST)
        t = (x + self.origin).clamp(0, 1)
        return -(t * p.log() + (1 - t) * (-p).log1p()).mean(1)


@torch.no_grad()
def add_output(network: Any, name: Activation, origin: np.ndarray) -> None:
    """Give a network's decoder its activation, and its last bias the values at which it starts: the genes' means."""
    network.output = GeneOutput(name, origin)
    network.decoder[-1].bias.copy_(network.output.invert_mean())


def check_range(name: str, data: Preprocessed) -> None:
    """Refuse scaled train values that an activation cannot reach.

    Raises
    ------
    TrainingError
        Values lie outside its range.
    """
    low, high = RANGES[name]
    X = data.matrix("train")
    least, most = X.min(axis=0), X.max(axis=0)
    outside = (least < low - ROUNDING) | (most > high + ROUNDING)
    if outside.any():
        advice = {"sigmoid": "take scaling=minmax, or", "softplus": "take scaling=minmax, scaling=none on values from 0, or"}[name]
        raise TrainingError(
            f"output={name}: scaled values from {low:g} to {high:g} were expected; {name_some(data.var.index[outside])} of "
            f"{len(outside)} genes have others, from {least.min():g} to {most.max():g}; {advice} output=linear"
        )
