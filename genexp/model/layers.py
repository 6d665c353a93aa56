"""Layers: faster versions of torch's own on a CPU, masks, convolutions, propagations and tied
weights.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn


class Linear(nn.Linear):
    """An affine layer whose products are oneDNN's on a CPU, where torch itself takes MKL's.

    On an AMD processor with AVX-512 oneDNN did 150 GFLOP/s on a core and MKL 85. Gradients of
    gradients are not there.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (n, n_in) to rows (n, n_out)."""
        return self.map_by(self.weight, x)

    def map_by(self, weight: Tensor, x: Tensor) -> Tensor:
        """Map rows by weights (n_out, n_in) and the layer's bias."""
        is_fast = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        if is_fast and x.device.type == "cpu" and x.dtype == torch.float32:
            return nn.functional.linear(x.to_mkldnn(), weight, self.bias).to_dense()
        return nn.functional.linear(x, weight, self.bias)


class Masked(Linear):
    """An affine layer with some of the connections of another one; the others' weights are 0 and
    stay so.

    Parameters
    ----------
    linear : Linear
        Untrained; its weights are taken, larger where a unit has few connections, so that outputs
        are of the same size.
    mask : Tensor of bool, (n_out, n_in)
        Weights that exist.
    """

    mask: Tensor

    def __init__(self, linear: nn.Linear, mask: Tensor) -> None:
        super().__init__(linear.in_features, linear.out_features)
        self.register_buffer("mask", mask.float(), persistent=False)
        # Weights grow as connections become fewer, which keeps the variance; a unit without any
        # must not divide by 0.
        share = self.mask.mean(1, keepdim=True).clamp(min=1 / linear.in_features)
        with torch.no_grad():
            self.weight.copy_(linear.weight * self.mask / share.sqrt())
            self.bias.copy_(linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (n, n_in) to rows (n, n_out)."""
        return self.map_by(self.weight * self.mask, x)


class GeneConvolution(nn.Module):
    """Rectified patterns in windows along ordered genes; zeros, which are the genes' means, fill
    the last window.

    Parameters
    ----------
    order : Tensor of int64, (n_genes,)
        Indices of the genes, first to last.
    channels, kernel, stride : int
        Patterns, genes of a window, and genes from one window to the next.
    power : float
        Mean square of a gene.
    batch_norm : bool
        Whether each pattern is normalised over windows and rows.
    """

    order: Tensor

    def __init__(
        self, order: Tensor, channels: int, kernel: int, stride: int, power: float, batch_norm: bool
    ) -> None:
        super().__init__()
        self.register_buffer("order", order)
        self.conv = nn.Conv1d(1, channels, kernel, stride)
        self.norm = nn.BatchNorm1d(channels) if batch_norm else None
        nn.init.normal_(self.conv.weight, std=math.sqrt(2 / (kernel * power)))
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        n_windows = -(-(len(order) - kernel) // stride) + 1
        self.n_padded = (n_windows - 1) * stride + kernel - len(order)
        self.n_outputs = channels * n_windows

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (n, n_genes) to rows (n, channels * n_windows)."""
        y = self.conv(nn.functional.pad(x[:, self.order], (0, self.n_padded))[:, None])
        y = y if self.norm is None else self.norm(y)
        return nn.functional.relu(y).flatten(1)


class Propagation(nn.Module):
    """Rows times a symmetric sparse matrix."""

    matrix: Tensor

    def __init__(self, matrix: sparse.coo_array) -> None:
        super().__init__()
        index = torch.from_numpy(np.stack([matrix.row, matrix.col]).astype(np.int64))
        values = torch.from_numpy(matrix.data)
        tensor = torch.sparse_coo_tensor(
            index, values, matrix.shape, is_coalesced=True, check_invariants=True
        )
        self.register_buffer("matrix", tensor, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (n, n_genes) to rows (n, n_genes)."""
        return torch.sparse.mm(self.matrix, x.T).T


class Dropout(nn.Dropout):
    """Dropout by float32 draws; torch's mask draws doubles, which takes three times as long."""

    def forward(self, x: Tensor) -> Tensor:
        """Zero each value with probability ``p`` and scale the others by 1/(1-p), while
        training.
        """
        if not self.training or not self.p:
            return x
        return x * torch.rand_like(x).ge_(self.p).mul_(1 / (1 - self.p))


class Tied(nn.Module):
    """An affine layer with the transposed weights of another one, and a bias of its own."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        # a tuple, so that the other's weights are not counted as this layer's
        self._source = (linear,)
        self.bias = nn.Parameter(torch.zeros(linear.in_features))

    @property
    def weight(self) -> Tensor:
        """Weights (n_out, n_in)."""
        return self._source[0].weight.T

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (n, n_in) to rows (n, n_out)."""
        return nn.functional.linear(x, self.weight, self.bias)
