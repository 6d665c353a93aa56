"""Transform from raw expression to the input of an encoder: the part of preprocessing that ships
with an encoder.

This file imports nothing of genexp but :mod:`genexp.preprocessing.correction`, because both are
part of every registered encoder (:mod:`genexp.tracking.registry`), which must load where genexp is
not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from genexp.preprocessing.correction import Correction, read_batch

ROWS_AT_A_TIME = 512
"""Number of rows that are transformed together, so that temporary copies stay small compared with
the matrix."""
HEAD = "correction."
"""Prefix of the correction's arrays among those of the transform."""
OF_COUNTS = ("log2_cpm", "log2_median")
"""Normalisations that scale counts to one library size."""


def measure_library(X: np.ndarray) -> np.ndarray:
    """Measure the library size (n_samples,) of counts (n_samples, n_genes): their sum over genes.

    The sum is in float64, because float32 loses counts above 2^24.
    """
    return np.asarray(np.nansum(X, axis=1, dtype=np.float64))


@dataclass(frozen=True)
class Transform:
    """Normalise, clip, correct, fill and scale; fitted by :mod:`genexp.preprocessing` on train
    samples alone.

    A value x of gene j becomes ``(c(clip(g(x))) - shift[j]) / spread[j]``, where g is the
    normalisation and c the correction of the sample's batch in gene j, if there is one.

    Parameters
    ----------
    normalise : {"none", "log2", "log2_cpm", "log2_median"}
        g(x) = x, log2(x + 1), or log2(common_library x / library + 1) with library the sum of a
        sample over these genes.
    clip : float or None
        Normalised values are cut to [-clip, clip].
    fill : ndarray of float32, (n_genes,)
        Mean over train samples of the normalised, clipped, corrected values; replaces missing
        values.
    shift, spread : ndarray of float32, (n_genes,)
        Location and (positive) scale.
    correction : Correction or None
        Correction of batches; with it, the batch of every sample is required.
    common_library : float
        Library size to which counts are scaled: a million, or for ``log2_median`` the median over
        train samples.
    """

    normalise: Literal["none", "log2", "log2_cpm", "log2_median"]
    clip: float | None
    fill: np.ndarray
    shift: np.ndarray
    spread: np.ndarray
    correction: Correction | None = None
    common_library: float = 1e6

    def normalise_rows(self, X: np.ndarray) -> np.ndarray:
        """Normalise and clip raw rows (n_samples, n_genes); NaN stays NaN."""
        values = np.array(X, dtype=np.float32)
        if self.normalise in OF_COUNTS:
            values *= (self.common_library / np.maximum(measure_library(values), 1e-12)).astype(
                np.float32
            )[:, None]
        if self.normalise != "none":
            values += 1
            np.log2(values, out=values)
        return values if self.clip is None else np.clip(values, -self.clip, self.clip, out=values)

    def extend_to_batches(
        self,
        batch: str | Iterable[str] | None,
        n_samples: int,
        read: Callable[[np.ndarray], np.ndarray],
    ) -> Transform:
        """Extend the correction to the batches of samples that are transformed together; unseen
        batches are estimated from them.

        Parameters
        ----------
        batch : str or iterable of str, (n_samples,)
            Batch of all samples, or of each.
        n_samples : int
            Number of samples.
        read : callable
            Function from indices of samples to raw rows (n, n_genes).

        Raises
        ------
        BatchError
            As :meth:`genexp.preprocessing.correction.Correction.extend_to_batches`; never without a
            correction of batches.
        """
        if self.correction is None:
            return self

        def blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
            for start in range(0, len(rows), ROWS_AT_A_TIME):
                yield self.normalise_rows(read(rows[start : start + ROWS_AT_A_TIME]))

        return replace(
            self,
            correction=self.correction.extend_to_batches(
                read_batch(batch, n_samples, self.correction.batches), blocks
            ),
        )

    def apply(self, X: np.ndarray, batch: str | Iterable[str] | None = None) -> np.ndarray:
        """Transform raw rows (n_samples, n_genes), NaN where missing, to float32 values without
        NaN.

        Parameters
        ----------
        X : ndarray, (n_samples, n_genes)
        batch : str or iterable of str, (n_samples,), optional
            Required where batches are corrected, otherwise unused.

        Raises
        ------
        BatchError
            As :meth:`extend_to_batches`.
        """
        correction = self.extend_to_batches(batch, len(X), lambda rows: X[rows]).correction
        names = None if correction is None else read_batch(batch, len(X), correction.batches)
        out = np.empty(X.shape, dtype=np.float32)
        for start in range(0, len(X), ROWS_AT_A_TIME):
            block = slice(start, start + ROWS_AT_A_TIME)
            values = self.normalise_rows(X[block])
            if correction is not None and names is not None:
                correction.apply(values, names[block])
            missing = np.isnan(values)
            if missing.any():
                values[missing] = np.broadcast_to(self.fill, values.shape)[missing]
            np.divide(values - self.shift, self.spread, out=out[block])
        return out

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Bring scaled values (n_samples, n_genes) back to the normalised scale; clipping and
        correction are not undone.
        """
        return values * self.spread + self.shift

    def to_parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Split into values for JSON and arrays for safetensors."""
        values = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name != "correction"
        }
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        spec = {name: value for name, value in values.items() if name not in arrays}
        if self.correction is not None:
            spec["correction"], corrections = self.correction.to_parts()
            arrays |= {f"{HEAD}{name}": value for name, value in corrections.items()}
        return spec, arrays

    @classmethod
    def from_parts(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Transform:
        """Undo :meth:`to_parts`."""
        values: dict[str, Any] = {**spec, **arrays}
        corrections = {
            name.removeprefix(HEAD): values.pop(name)
            for name in list(values)
            if name.startswith(HEAD)
        }
        correction = (
            Correction.from_parts(values.pop("correction"), corrections) if corrections else None
        )
        return cls(**values, correction=correction)
