"""The map that brings every study to one location and scale, gene by gene: the part of a correction that travels with an encoder.

Its text is part of every registered encoder (:mod:`genexp.tracking.registry`), so it imports nothing of genexp but
:mod:`genexp.preprocessing.shrinkage`, whose text is too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from genexp.preprocessing.shrinkage import Moments, Prior, shrink

MIN_GENES = 3
"""Genes that a prior is fitted on, at least."""
RELATIVE_RESOLUTION = 1e-5
"""A standard deviation below this share of the distance from the centre is rounding of float32."""


class StudyError(ValueError):
    """Samples without a study, or of one that cannot be corrected."""


@dataclass(frozen=True)
class Correction:
    """A value x of gene j in study s becomes ``gain[s, j] * x + offset[s, j]``; fitted by :func:`genexp.preprocessing.combat.fit_combat`.

    Parameters
    ----------
    studies : tuple of str, (n_studies,)
        Studies that it was fitted on.
    prior : {"none", "parametric", "nonparametric"}
        How location and scale of a study are shrunken over genes.
    unseen : {"refuse", "estimate"}
        Whether another study may come, and be estimated from its own samples.
    centre, spread : ndarray, (n_genes,)
        Mean, and standard deviation within studies, to which all studies are brought. A gene of spread 0 is left as it is.
    gain, offset : ndarray, (n_studies, n_genes)
        The map.
    """

    studies: tuple[str, ...]
    prior: Prior
    unseen: Literal["refuse", "estimate"]
    centre: np.ndarray
    spread: np.ndarray
    gain: np.ndarray
    offset: np.ndarray

    def apply(self, values: np.ndarray, study: np.ndarray) -> np.ndarray:
        """Correct rows (n_samples, n_genes) in place; NaN stays NaN.

        Raises
        ------
        StudyError
            A study of ``study`` (n_samples,) is none of ``studies``; :meth:`meet` it first.
        """
        place = pd.Index(self.studies).get_indexer(pd.Index(study))
        if (place < 0).any():
            raise StudyError(f"expected samples of the studies {_name(self.studies)}, found {_name(sorted(set(study[place < 0])))}")
        for found in np.unique(place):
            rows = place == found
            values[rows] = values[rows] * self.gain[found] + self.offset[found]
        return values

    def meet(self, study: np.ndarray, read: Callable[[np.ndarray], Iterable[np.ndarray]]) -> Correction:
        """Extend the correction by the studies that it was not fitted on.

        Such a study is estimated from its own samples alone, as ComBat estimates each: mean and variance of its genes, in units of
        the fitted ``centre`` and ``spread``, shrunken by a prior over its own genes. Neither a label nor another sample has a part
        in it. A gene that does not vary there is only shifted to the centre.

        Parameters
        ----------
        study : ndarray of str, (n_samples,)
            Study of every sample.
        read : callable
            Gives the values (n, n_genes) of samples at some places, block by block.

        Raises
        ------
        StudyError
            Unseen studies are refused, or one has fewer than two samples, or too few genes vary in it.
        """
        unseen = sorted(set(study) - set(self.studies))
        if not unseen:
            return self
        self._check_unseen(unseen, study)
        maps = [self._estimate(name, read(np.flatnonzero(study == name))) for name in unseen]
        gain, offset = (np.stack(arrays).astype(self.gain.dtype) for arrays in zip(*maps, strict=True))
        return replace(self, studies=(*self.studies, *unseen), gain=np.vstack([self.gain, gain]), offset=np.vstack([self.offset, offset]))

    def _check_unseen(self, unseen: Sequence[str], study: np.ndarray) -> None:
        if self.unseen == "refuse":
            raise StudyError(
                f"expected samples of the studies that the correction was fitted on, {_name(self.studies)}; found "
                f"{int(np.isin(study, unseen).sum())} samples of others: {_name(unseen)}. Leave them out, name samples by a study that is "
                "known, or preprocess with unseen_batch=estimate, which estimates a new study from its own samples"
            )
        few = [name for name in unseen if np.sum(study == name) < 2]
        if few:
            raise StudyError(f"expected two samples or more of a new study to estimate its location and scale; found one of {_name(few)}")

    def _estimate(self, name: str, blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Gain and offset (n_genes,) of a new study."""
        found = measure_moments(blocks, self.centre, self.spread)
        resolved = np.sqrt(found.variance) > RELATIVE_RESOLUTION * np.maximum(np.abs(found.mean), 1)
        varies = (self.spread > 0) & (found.n > 1) & resolved
        if varies.sum() < MIN_GENES:
            raise StudyError(f"expected a study in which {MIN_GENES} genes or more vary; found {varies.sum()} in {name}")
        location, squared = np.where(self.spread > 0, found.mean, 0), np.ones(len(self.centre))
        location[varies], squared[varies] = shrink(Moments(*(values[varies] for values in found)), self.prior)
        return make_map(self.centre, self.spread, location, squared)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Split into what JSON holds and what safetensors holds."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        return {name: value for name, value in values.items() if name not in arrays} | {"studies": list(self.studies)}, arrays

    @classmethod
    def from_parts(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Correction:
        """Undo :meth:`to_parts`."""
        values: dict[str, Any] = {**spec, **arrays}
        return cls(**values | {"studies": tuple(spec["studies"])})


def make_map(centre: np.ndarray, spread: np.ndarray, location: np.ndarray, squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset that take out a location and a squared scale, both in units of ``centre`` and ``spread``.

    ComBat's ``((x - centre) / spread - location) / sqrt(squared) * spread + centre`` as one affine map.
    """
    gain = 1 / np.sqrt(squared)
    return gain, centre * (1 - gain) - location * spread * gain


def measure_moments(blocks: Iterable[np.ndarray], centre: np.ndarray, spread: np.ndarray) -> Moments:
    """Moments of values (n, n_genes), NaN where missing, in units of ``centre`` and ``spread``; of a spread of 0 they mean nothing."""
    n, total, squares = np.zeros((3, len(centre)))
    unit = np.where(spread > 0, spread, 1)
    for values in blocks:
        standard = (values - centre.astype(np.float64)) / unit
        n += np.count_nonzero(~np.isnan(standard), axis=0)
        total += np.nansum(standard, axis=0)
        squares += np.nansum(np.square(standard, out=standard), axis=0)
    mean = total / np.maximum(n, 1)
    return Moments(n, mean, np.maximum(squares - n * mean**2, 0) / np.maximum(n - 1, 1))


def read_study(study: str | Iterable[str] | None, n_samples: int, known: Sequence[str]) -> np.ndarray:
    """Study of every sample (n_samples,) as text, from one for all or one for each.

    Raises
    ------
    StudyError
        None is given, or not one for each sample.
    """
    if study is None or (isinstance(study, str) and not study):
        raise StudyError(f"expected the study of the samples, because studies are corrected here; found none. Known are {_name(known)}")
    given = pd.Series([study] * n_samples if isinstance(study, str) else study, dtype=object)
    if len(given) != n_samples or given.isna().any():
        raise StudyError(f"expected a study for each of {n_samples} samples, found {len(given)} with {int(given.isna().sum())} missing")
    return given.astype(str).to_numpy(dtype=object)


def _name(names: Sequence[str]) -> str:
    """Count and first names, for a message."""
    return f"{len(names)} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"
