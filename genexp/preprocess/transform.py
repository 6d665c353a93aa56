"""From raw expression to the values that an encoder sees: the part of preprocessing that travels with an encoder.

This file imports nothing of genexp, because its text is part of every registered encoder
(:mod:`genexp.tracking.registry`), which must load where genexp is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

ROWS_AT_A_TIME = 512
"""Rows that are transformed together, so that temporary copies stay small beside the matrix."""


def measure_library(X: np.ndarray) -> np.ndarray:
    """Library size (n_samples,) of counts (n_samples, n_genes): their sum over these genes, in float64."""
    return np.asarray(np.nansum(X, axis=1, dtype=np.float64))


@dataclass(frozen=True)
class Transform:
    """Normalise, clip, fill and scale; fitted by :mod:`genexp.preprocess` on train samples alone.

    A value x of gene j becomes ``(clip(g(x)) - shift[j]) / spread[j]``, where g is the normalisation.

    Parameters
    ----------
    normalise : {"none", "log2", "log2_cpm"}
        g(x) = x, log2(x + 1), or log2(10^6 x / library + 1) with library the sum of a sample over these genes.
    clip : float or None
        Normalised values are cut to [-clip, clip].
    fill : ndarray of float32, (n_genes,)
        Mean over train samples of the normalised, clipped values: stands for missing values.
    shift, spread : ndarray of float32, (n_genes,)
        Location and (positive) scale.
    """

    normalise: Literal["none", "log2", "log2_cpm"]
    clip: float | None
    fill: np.ndarray
    shift: np.ndarray
    spread: np.ndarray

    def normalise_rows(self, X: np.ndarray) -> np.ndarray:
        """Normalise and clip raw rows (n_samples, n_genes); NaN stays NaN."""
        values = np.array(X, dtype=np.float32)
        if self.normalise == "log2_cpm":
            values *= (1e6 / np.maximum(measure_library(values), 1e-12)).astype(np.float32)[:, None]
        if self.normalise != "none":
            values += 1
            np.log2(values, out=values)
        return values if self.clip is None else np.clip(values, -self.clip, self.clip, out=values)

    def apply(self, X: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Transform raw rows (n_samples, n_genes), NaN where missing, to float32 values without NaN."""
        out = np.empty(X.shape, dtype=np.float32) if out is None else out
        for start in range(0, len(X), ROWS_AT_A_TIME):
            block = slice(start, start + ROWS_AT_A_TIME)
            values = self.normalise_rows(X[block])
            missing = np.isnan(values)
            if missing.any():
                values[missing] = np.broadcast_to(self.fill, values.shape)[missing]
            np.divide(values - self.shift, self.spread, out=out[block])
        return out

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Bring scaled values (n_samples, n_genes) back to the normalised scale; clipping is not undone."""
        return values * self.spread + self.shift

    def to_parts(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Split into what JSON holds and what safetensors holds."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        return {name: value for name, value in values.items() if name not in arrays}, arrays
