"""Map that brings every batch to one location and scale, gene by gene: the part of a correction
that ships with an encoder.

This file is part of every registered encoder (:mod:`genexp.tracking.registry`), so it imports only
:mod:`genexp.preprocessing.shrinkage` of genexp, which is also part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from genexp.preprocessing.shrinkage import Moments, Prior, shrink

MIN_GENES = 3
"""Smallest number of genes for fitting a prior."""
RELATIVE_RESOLUTION = 1e-5
"""Share of the distance from the centre below which a standard deviation is rounding of float32."""


class BatchError(ValueError):
    """Samples without a batch, or of a batch that cannot be corrected."""


@dataclass(frozen=True)
class Correction:
    """Affine map of genes by batch, fitted by :func:`genexp.preprocessing.combat.fit_combat`.

    A value x of gene j in batch s becomes ``gain[s, j] * x + offset[s, j]``.

    Parameters
    ----------
    batches : tuple of str, (n_batches,)
        Batches of the fit.
    prior : {"none", "parametric", "nonparametric"}
        Prior by which location and scale of a batch are shrunken over genes.
    unseen : {"refuse", "estimate"}
        Whether an unseen batch is refused, or estimated from its own samples.
    centre, spread : ndarray, (n_genes,)
        Mean, and standard deviation within batches, to which all batches are adjusted. A gene of
        spread 0 stays unchanged.
    gain, offset : ndarray, (n_batches, n_genes)
        The map.
    """

    batches: tuple[str, ...]
    prior: Prior
    unseen: Literal["refuse", "estimate"]
    centre: np.ndarray
    spread: np.ndarray
    gain: np.ndarray
    offset: np.ndarray

    def apply(self, values: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """Correct rows (n_samples, n_genes) in place; NaN stays NaN.

        Raises
        ------
        BatchError
            A batch of ``batch`` (n_samples,) is none of ``batches``; call :meth:`extend_to_batches`
            first.
        """
        index = pd.Index(self.batches).get_indexer(pd.Index(batch))
        if (index < 0).any():
            raise BatchError(
                f"expected samples of the batches {_name(self.batches)}, found "
                f"{_name(sorted(set(batch[index < 0])))}"
            )
        for i in np.unique(index):
            rows = index == i
            values[rows] = values[rows] * self.gain[i] + self.offset[i]
        return values

    def extend_to_batches(
        self, batch: np.ndarray, read: Callable[[np.ndarray], Iterable[np.ndarray]]
    ) -> Correction:
        """Extend the correction to batches that are not in the fit.

        Such a batch is estimated from its own samples alone, as ComBat estimates each: mean and
        variance of its genes, in units of the fitted ``centre`` and ``spread``, shrunken by a prior
        over its own genes. No label and no other sample is used. A gene that does not vary in the
        batch is only shifted to the centre.

        Parameters
        ----------
        batch : ndarray of str, (n_samples,)
            Batch of every sample.
        read : callable
            Function from indices of samples to their values (n, n_genes), block by block.

        Raises
        ------
        BatchError
            Unseen batches are refused, or one has fewer than two samples, or too few genes vary in
            it.
        """
        unseen = sorted(set(batch) - set(self.batches))
        if not unseen:
            return self
        self._check_unseen(unseen, batch)
        maps = [self._estimate(name, read(np.flatnonzero(batch == name))) for name in unseen]
        gain, offset = (
            np.stack(arrays).astype(self.gain.dtype) for arrays in zip(*maps, strict=True)
        )
        return replace(
            self,
            batches=(*self.batches, *unseen),
            gain=np.vstack([self.gain, gain]),
            offset=np.vstack([self.offset, offset]),
        )

    def _check_unseen(self, unseen: Sequence[str], batch: np.ndarray) -> None:
        if self.unseen == "refuse":
            raise BatchError(
                "expected samples of the batches of the fitted correction, "
                f"{_name(self.batches)}; found "
                f"{int(np.isin(batch, unseen).sum())} samples of other batches: "
                f"{_name(unseen)}. Exclude them, give the samples a fitted "
                "batch, "
                "or preprocess with unseen_batch=estimate, which estimates a new batch from "
                "its own samples"
            )
        few = [name for name in unseen if np.sum(batch == name) < 2]
        if few:
            raise BatchError(
                "expected two or more samples of a new batch, to estimate its location and "
                f"scale; found one of {_name(few)}"
            )

    def _estimate(self, name: str, blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Estimate gain and offset (n_genes,) of a new batch."""
        moments = measure_moments(blocks, self.centre, self.spread)
        resolved = np.sqrt(moments.variance) > RELATIVE_RESOLUTION * np.maximum(
            np.abs(moments.mean), 1
        )
        varies = (self.spread > 0) & (moments.n > 1) & resolved
        if varies.sum() < MIN_GENES:
            raise BatchError(
                f"expected a batch in which {MIN_GENES} or more genes vary; found "
                f"{varies.sum()} in {name}; exclude this batch"
            )
        location, squared = np.where(self.spread > 0, moments.mean, 0), np.ones(len(self.centre))
        location[varies], squared[varies] = shrink(
            Moments(*(values[varies] for values in moments)), self.prior
        )
        return make_map(self.centre, self.spread, location, squared)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Split into values for JSON and arrays for safetensors."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        return {name: value for name, value in values.items() if name not in arrays} | {
            "batches": list(self.batches)
        }, arrays

    @classmethod
    def from_parts(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Correction:
        """Undo :meth:`to_parts`."""
        values: dict[str, Any] = {**spec, **arrays}
        # the name in encoders that genexp 0.1 registered
        named = values.pop("studies", None) or values["batches"]
        return cls(**values | {"batches": tuple(named)})


def make_map(
    centre: np.ndarray, spread: np.ndarray, location: np.ndarray, squared: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute gain and offset that remove a location and a squared scale, both in units of
    ``centre`` and ``spread``.

    ComBat's ``((x - centre) / spread - location) / sqrt(squared) * spread + centre`` as one affine
    map.
    """
    gain = 1 / np.sqrt(squared)
    return gain, centre * (1 - gain) - location * spread * gain


def measure_moments(
    blocks: Iterable[np.ndarray], centre: np.ndarray, spread: np.ndarray
) -> Moments:
    """Compute moments of values (n, n_genes), NaN where missing, in units of ``centre`` and
    ``spread``; meaningless for a spread of 0.
    """
    n, total, squares = np.zeros((3, len(centre)))
    unit = np.where(spread > 0, spread, 1)
    for values in blocks:
        standard = (values - centre.astype(np.float64)) / unit
        n += np.count_nonzero(~np.isnan(standard), axis=0)
        total += np.nansum(standard, axis=0)
        squares += np.nansum(np.square(standard, out=standard), axis=0)
    mean = total / np.maximum(n, 1)
    return Moments(n, mean, np.maximum(squares - n * mean**2, 0) / np.maximum(n - 1, 1))


def read_batch(
    batch: str | Iterable[str] | None, n_samples: int, known: Sequence[str]
) -> np.ndarray:
    """Read the batch of every sample (n_samples,) as text, from one for all or one per sample.

    Raises
    ------
    BatchError
        No batch is given, or not one per sample.
    """
    if batch is None or (isinstance(batch, str) and not batch):
        raise BatchError(
            "expected the batch of the samples, which the correction needs; found none. "
            f"Known batches: {_name(known)}"
        )
    names = pd.Series([batch] * n_samples if isinstance(batch, str) else batch, dtype=object)
    if len(names) != n_samples or names.isna().any():
        raise BatchError(
            f"expected a batch for each of {n_samples} samples, found {len(names)} with "
            f"{int(names.isna().sum())} missing"
        )
    return names.astype(str).to_numpy(dtype=object)


def _name(names: Sequence[str]) -> str:
    """Format the count and the first names for a message."""
    return f"{len(names)} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"
