"""Counts as negative binomial draws around proportions of a library: the likelihood, its output and
its dispersions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

LN2 = math.log(2)
MIN_COUNT = 1e-2
"""Initial count of a gene in the common library, at least: a gene without counts would start at a
logit of minus infinity."""
SIZE_RANGE = (1e-2, 1e4)
"""Sizes (inverse dispersions) from which training may start: moments of few counts can be negative,
or as good as infinite."""
GATE_BIAS_INIT = -4.0
"""Initial logit of zero inflation: 2 % of zeros, so that training begins near the negative binomial
distribution."""


class CountOutput(nn.Module):
    """From logits of proportions to coordinates, and from coordinates to counts.

    Parameters
    ----------
    shift, scale : ndarray of float32, (n_genes,)
        Of the transform: scaled values are ``(log2(common_library share + 1) - shift) / scale``.
    origin : ndarray of float32, (n_genes,)
        Scaled values at which the coordinates are 0.
    common_library : float
        Of the transform.
    """

    shift: Tensor
    scale: Tensor
    origin: Tensor

    def __init__(
        self, shift: np.ndarray, scale: np.ndarray, origin: np.ndarray, common_library: float = 1e6
    ) -> None:
        super().__init__()
        self.common_library = common_library
        for name, values in (("shift", shift), ("scale", scale), ("origin", origin)):
            self.register_buffer(name, torch.from_numpy(np.array(values)), persistent=False)

    def forward(self, logits: Tensor) -> Tensor:
        """Coordinates (n, n_genes) of the proportions softmax(logits), logits (n, n_genes).

        In float32 also behind a bfloat16 pass: a softmax over thousands of genes sums terms that 8
        significant bits cannot hold.
        """
        share = logits.float().softmax(1)
        return (torch.log2(self.common_library * share + 1) - self.shift) / self.scale - self.origin

    def recover(self, x: Tensor, library: Tensor) -> Tensor:
        """Counts (n, n_genes) of float64 from coordinates (n, n_genes) and library sizes (n,).

        Exact for counts below some 300,000, up to which the coordinates' float32 tells neighbours
        apart; beyond, to six digits.
        """
        y = (x.double() + self.origin) * self.scale + self.shift
        return (
            (torch.expm1(LN2 * y) * library.double()[:, None] / self.common_library)
            .round()
            .clamp(min=0)
        )


class Dispersion(nn.Module):
    """Size (inverse dispersion) of every gene, and the logit of its zero inflation where counts
    have more zeros than their mean explains.

    Parameters
    ----------
    n_features, n_genes : int
        Of the decoder's last hidden layer, and of its output.
    by_sample : bool
        Whether a gene's size differs between samples.
    inflated : bool
        Whether zeros are inflated.
    """

    def __init__(self, n_features: int, n_genes: int, by_sample: bool, inflated: bool) -> None:
        super().__init__()
        self.log_size = nn.Parameter(torch.zeros(n_genes))
        self.by_sample = nn.Linear(n_features, n_genes, bias=False) if by_sample else None
        self.gate = nn.Linear(n_features, n_genes) if inflated else None
        for linear in (self.by_sample, self.gate):
            if linear is not None:
                nn.init.zeros_(linear.weight)
        if self.gate is not None:
            nn.init.constant_(self.gate.bias, GATE_BIAS_INIT)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Log sizes (n, n_genes), or (n_genes,) where samples share them, and logits of zero
        inflation (n, n_genes), if any.

        Parameters
        ----------
        features : Tensor of float32, (n, n_features)
        """
        log_size = (
            self.log_size if self.by_sample is None else self.log_size + self.by_sample(features)
        )
        return log_size, None if self.gate is None else self.gate(features)

    @torch.no_grad()
    def start(self, read: Callable[[], Iterable[tuple[Tensor, Tensor]]]) -> None:
        """Start at the moments of counts around their mean proportions: variance = mean + mean^2 /
        size.

        In float64, as sums of squared counts are large and their excess over the mean is small.

        Parameters
        ----------
        read : callable
            Yields counts (some, n_genes) of float64 and libraries (some,) of all rows, block by
            block; called twice.
        """
        total = torch.stack([counts.sum(0) for counts, _ in read()]).sum(0)
        squares, beyond = torch.zeros_like(total), torch.zeros_like(total)
        for counts, library in read():
            mean = library.double()[:, None] * (total / total.sum())
            squares += mean.square().sum(0)
            beyond += ((counts - mean).square() - mean).sum(0)
        self.log_size.copy_((squares / beyond.clamp(min=1e-12)).clamp(*SIZE_RANGE).log())


def measure_log_likelihood(
    counts: Tensor, log_mean: Tensor, log_size: Tensor, gate: Tensor | None = None
) -> Tensor:
    """Log probabilities (n, n_genes) of counts under a negative binomial distribution,
    zero-inflated where a gate is given.

    With mean m and size s the variance is m + m^2 / s. A gate g adds zeros with probability
    sigmoid(g) (Lambert, Technometrics 1992).

    Parameters
    ----------
    counts : Tensor of float64, (n, n_genes)
        In float64, because log gamma functions of large counts differ by little.
    log_mean : Tensor of float64, (n, n_genes)
    log_size : Tensor of float64, (n, n_genes) or (n_genes,)
    gate : Tensor of float64, (n, n_genes), or None
    """
    log_probability: Tensor = _NegativeBinomial.apply(counts, log_mean, log_size)  # type: ignore[no-untyped-call]
    if gate is None:
        return log_probability
    kept = log_probability - nn.functional.softplus(gate)
    return torch.where(counts > 0, kept, torch.logaddexp(kept, -nn.functional.softplus(-gate)))


class _NegativeBinomial(torch.autograd.Function):
    """Log probabilities with their derivatives written out: a third of the time that autograd
    takes, as gamma functions are taken once.

    At a count of 0, as most of a single cell's are, the gamma functions cancel and are not taken at
    all. With mean m, size s and count k the derivative by log m is s (k - m) / (m + s), that by log
    s is s (log s - log(m + s) + digamma(k + s) - digamma(s)) less the former.
    """

    @staticmethod
    def forward(ctx: Any, counts: Tensor, log_mean: Tensor, log_size: Tensor) -> Tensor:
        log_total, index = (
            torch.logaddexp(log_mean, log_size),
            counts.flatten().nonzero().squeeze(1),
        )
        ctx.save_for_backward(counts, log_mean, log_size, log_total, index)
        size = log_size.exp()
        k, s = counts.flatten()[index], _pick(size, counts, index)
        ways = torch.lgamma(k + s) - torch.lgamma(k + 1) - _pick(torch.lgamma(size), counts, index)
        log_probability = size * (log_size - log_total) + counts * (log_mean - log_total)
        log_probability.view(-1).index_add_(0, index, ways)
        return log_probability

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[None, Tensor, Tensor]:
        counts, log_mean, log_size, log_total, index = ctx.saved_tensors
        size, log_rest = log_size.exp(), log_size - log_total
        by_mean = counts * log_rest.exp() - size * (log_mean - log_total).exp()
        by_size = size * log_rest - by_mean
        k, s = counts.flatten()[index], _pick(size, counts, index)
        by_size.view(-1).index_add_(
            0, index, s * (torch.digamma(k + s) - _pick(torch.digamma(size), counts, index))
        )
        by_size *= upstream[0]
        return None, by_mean * upstream[0], by_size.sum_to_size(log_size.shape)


def _pick(values: Tensor, like: Tensor, index: Tensor) -> Tensor:
    """Values (n, n_genes) or (n_genes,) at indices of the flat matrix ``like`` (n, n_genes)."""
    return values.flatten()[index] if values.shape == like.shape else values[index % len(values)]
