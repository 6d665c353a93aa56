"""The last step of a decoder whose genes have a range: an activation of each gene, and the losses
that go with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn

from genexp.errors import TrainingError, name_some

if TYPE_CHECKING:
    from genexp.model.training_data import TrainingData

Activation = Literal["sigmoid", "softplus"]
RANGES: dict[str, tuple[float, float]] = {"sigmoid": (0.0, 1.0), "softplus": (0.0, np.inf)}
"""Values that an activation can reach."""
ROUNDING = 1e-5
"""Distance by which rounding may bring scaled values outside a range."""
EDGE = 1e-3
"""Distance of an initial mean from the end of a range, at least: at the end itself the activation
has no gradient."""
MIN_PROBABILITY = 1e-6
"""Smallest probability of which cross-entropy takes the logarithm: sigmoids saturate at 0 and 1 in
float32."""


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
        """Values (n_genes,) whose activations are the genes' means, those at the end of the range
        moved inside.
        """
        if self.name == "sigmoid":
            return self.origin.clamp(EDGE, 1 - EDGE).logit()
        return self.origin.clamp(min=EDGE).expm1().log()

    def measure_cross_entropy(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Mean over genes of -(t log p + (1 - t) log(1 - p)), by row (n,); t and p are x and x_hat
        (n, n_genes) from 0 to 1.

        Held-out values beyond the range of the train samples count as its end.
        """
        p = (x_hat.float() + self.origin).clamp(MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        t = (x + self.origin).clamp(0, 1)
        return -(t * p.log() + (1 - t) * (-p).log1p()).mean(1)


def check_range(name: str, data: TrainingData) -> None:
    """Refuse scaled train values that an activation cannot reach.

    Raises
    ------
    TrainingError
        Values lie outside its range.
    """
    low, high = RANGES[name]
    X = data.matrix("train")
    lowest, highest = X.min(axis=0), X.max(axis=0)
    outside = (lowest < low - ROUNDING) | (highest > high + ROUNDING)
    if outside.any():
        advice = {
            "sigmoid": "take scaling=minmax, or",
            "softplus": "take scaling=minmax, scaling=none on values from 0, or",
        }[name]
        raise TrainingError(
            f"output={name}: scaled values from {low:g} to {high:g} were expected; "
            f"{name_some(data.var.index[outside])} of "
            f"{len(outside)} genes have others, from {lowest.min():g} to {highest.max():g}; "
            f"{advice} output=linear"
        )
