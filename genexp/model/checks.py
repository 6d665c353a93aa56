"""Checks that values are on the scale that an encoder takes, as far as the name of the scale tells.

A scale has values that it cannot have, counts are whole, and logarithms are not.
:mod:`genexp.model.distribution` tells more. This file's text is part of every registered encoder,
so it imports nothing of genexp but what
is part of it, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from genexp.errors import name_some
from genexp.model.table import ExpressionError
from genexp.preprocessing.transform import measure_library

LINEAR = ("counts", "tpm", "norm_count")
LOGARITHMS = ("log2_norm_count", "log2_tpm", "log2_intensity")
MAX_LOG = 40.0
"""A base-2 logarithm above this is none: 2^40 is more than any sequencer counts."""
ROUNDING = 1e-5
STRAY = 1e-3
"""Share of a sample's values, and in any case one of them, that may lie outside of the bounds:
slips, which are named."""
MAX_TPM = 1.1e6
"""Total of a sample above which values are not per million."""


class Scale(NamedTuple):
    """Meaning of the values of a scale, their smallest and largest possible value, and the way to
    get them.
    """

    meaning: str
    low: float
    high: float
    advice: str


SCALES = {
    "counts": Scale(
        "counts of reads or molecules",
        0,
        np.inf,
        "Give the counts themselves, before normalisation and logarithm",
    ),
    "tpm": Scale(
        "transcripts per million, no logarithms",
        0,
        np.inf,
        "Give transcripts per million, before any logarithm",
    ),
    "norm_count": Scale(
        "normalised counts, no logarithms",
        0,
        np.inf,
        "Give the normalised values, before any logarithm",
    ),
    "log2_norm_count": Scale(
        "log2(x + 1) of normalised expression",
        0,
        MAX_LOG,
        "Normalise as in training, and take numpy.log2(x + 1) of what are no logarithms yet",
    ),
    "log2_tpm": Scale(
        "log2(TPM + a small number)",
        -20,
        MAX_LOG,
        "Take the logarithm as in training, such as numpy.log2(TPM + 0.001)",
    ),
    "log2_intensity": Scale(
        "log2 of an array's intensities", -20, MAX_LOG, "Take numpy.log2 of normalised intensities"
    ),
    "log2fc": Scale(
        "log2 fold changes, of both signs",
        -MAX_LOG,
        MAX_LOG,
        "Give log2 fold changes against the controls of each data set",
    ),
    "zscore": Scale(
        "z-scores by gene, of both signs",
        -np.inf,
        np.inf,
        "Standardise every gene over the samples, as in training",
    ),
    "zero_one": Scale(
        "values from 0 to 1", 0, 1, "Bring values to the range from 0 to 1, as in training"
    ),
}
UNKNOWN = Scale("a scale of its own", -np.inf, np.inf, "Give values as in training")


class ScaleError(ExpressionError):
    """Values on another scale than the encoder's."""


@dataclass(frozen=True)
class Rows:
    """Raw values of samples, with what one look at them gave.

    Parameters
    ----------
    raw : ndarray of float32, (n_samples, n_genes)
        In the order of the encoder's genes; NaN where absent or missing.
    samples : Index, (n_samples,)
    genes : sequence of str, (n_genes,)
    present : ndarray of int
        Places of the genes that the table has.
    scale : str
        The encoder's.
    low, high : ndarray, (n_samples,)
        Smallest and largest value; NaN in a sample without any.
    complete : bool
        Whether no value is NaN.
    """

    raw: np.ndarray
    samples: pd.Index
    genes: Sequence[str]
    present: np.ndarray
    scale: str
    low: np.ndarray
    high: np.ndarray
    complete: bool

    @classmethod
    def of(
        cls,
        raw: np.ndarray,
        samples: pd.Index,
        genes: Sequence[str],
        present: np.ndarray,
        scale: str,
    ) -> Rows:
        """Look at the values once."""
        low, high = raw.min(axis=1), raw.max(axis=1)
        complete = not np.isnan(low).any()
        if not complete:
            low, high = np.fmin.reduce(raw, axis=1), np.fmax.reduce(raw, axis=1)
        return cls(raw, samples, genes, present, scale, low, high, complete)

    @property
    def expected(self) -> Scale:
        """Meaning of the values of the encoder's scale."""
        return SCALES.get(self.scale, UNKNOWN)

    def refuse(self, rows: np.ndarray, found: str, advice: str = "") -> None:
        """Raise for the samples at some places (or of a mask), if there are any."""
        names = self.samples[rows]
        if len(names):
            raise ScaleError(
                f"this encoder takes {self.scale} ({self.expected.meaning}); found {found} "
                f"in {name_some(names)} of {len(self.raw)} "
                f"samples. {advice or self.expected.advice}"
            )


def spread_evenly(n: int, most: int) -> np.ndarray:
    """Places, at most so many, evenly spaced over n."""
    return np.linspace(0, n - 1, min(n, most)).astype(int)


def check_facts(rows: Rows) -> list[str]:
    """Refuse values that cannot be on the encoder's scale.

    Returns
    -------
    list of str
        What is odd, but no reason to refuse.

    Raises
    ------
    ExpressionError
        A value is infinite.
    ScaleError
        Values are on another scale.
    """
    _check_infinite(rows)
    notes = _check_bounds(rows)
    flat = rows.samples[rows.low == rows.high]
    if len(flat) and len(rows.present) > 1:
        notes.append(
            f"all genes have the same value in {name_some(flat)} of {len(rows.raw)} samples"
        )
    if rows.scale == "counts":
        _check_not_small(rows)
    elif rows.scale in LOGARITHMS:
        _check_not_whole(rows)
    elif rows.scale == "tpm":
        rows.refuse(measure_library(rows.raw) > MAX_TPM, "totals above a million, as counts have,")
    return notes


def _check_infinite(rows: Rows) -> None:
    infinite = np.flatnonzero(np.isinf(rows.low) | np.isinf(rows.high))
    if len(infinite):
        places = [
            f"{rows.genes[int(np.isinf(rows.raw[i]).argmax())]} of {rows.samples[i]}"
            for i in infinite
        ]
        raise ExpressionError(
            f"finite numbers were expected; found infinite ones in {name_some(places)} of "
            f"{len(rows.raw)} samples: was a logarithm taken "
            "of 0? Take it of x + 1, or put NaN where a value is not known"
        )


def _check_bounds(rows: Rows) -> list[str]:
    """Refuse samples with many values that the scale cannot have; name the values where they are
    few.
    """
    low, high = rows.expected.low - ROUNDING, rows.expected.high + ROUNDING
    suspects = np.flatnonzero((rows.low < low) | (rows.high > high))
    if not len(suspects):
        return []
    values = rows.raw[suspects]
    outside = (values < low) | (values > high)
    # a logarithm of a negative value is none, so linear scales take no slip
    stray = (
        0
        if rows.scale in LINEAR
        else np.maximum(1, STRAY * np.count_nonzero(~np.isnan(values), axis=1))
    )
    span = (
        f"values from {np.nanmin(values):.4g} to {np.nanmax(values):.4g} ({rows.expected.low:g} "
        f"to {rows.expected.high:g} are possible)"
    )
    rows.refuse(suspects[outside.sum(axis=1) > stray], span)
    places = [
        f"{values[i, j]:.4g} in {rows.genes[j]} of {rows.samples[suspects[i]]}"
        for i, j in np.argwhere(outside)
    ]
    return [
        f"values that {rows.scale} cannot have: {name_some(places)}; correct them, or put NaN there"
    ]


def _seem_whole(rows: Rows) -> np.ndarray:
    """True where the largest value of a sample and those of some genes are whole numbers
    (n_samples,).
    """
    some = rows.raw[:, rows.present[spread_evenly(len(rows.present), 64)]]
    return (np.isnan(some) | (some == np.rint(some))).all(axis=1) & (
        (rows.high == np.rint(rows.high)) | np.isnan(rows.high)
    )


def _check_not_small(rows: Rows) -> None:
    """Refuse samples of broken numbers none of which is large, but for a slip; estimated counts are
    broken, too, and large.
    """
    some = rows.raw[:, rows.present[spread_evenly(len(rows.present), 64)]]
    suspects = np.flatnonzero(~_seem_whole(rows) & ~(some > MAX_LOG).any(axis=1))
    large = np.count_nonzero(rows.raw[suspects] > MAX_LOG, axis=1)
    rows.refuse(
        suspects[large <= STRAY * len(rows.present)],
        "small numbers that are not whole, as logarithms are,",
    )


def _check_not_whole(rows: Rows) -> None:
    """Refuse samples all of whose values are whole; 0 and 1 alone are no counts yet."""
    suspects = np.flatnonzero(_seem_whole(rows) & (rows.high >= 2))
    values = rows.raw[suspects]
    rows.refuse(
        suspects[(np.isnan(values) | (values == np.rint(values))).all(axis=1)],
        "whole numbers, as counts are,",
    )


def check_annotated(uns: Mapping[str, Any], scale: str) -> None:
    """Refuse an AnnData whose ``uns`` says that its values are on another scale.

    Raises
    ------
    ScaleError
        ``uns["scale"]`` is another one, or ``uns["log1p"]`` tells of natural logarithms where those
        of base 2 are expected.
    """
    stated, logged = uns.get("scale"), uns.get("log1p")
    expected = SCALES.get(scale, UNKNOWN)
    if isinstance(stated, str) and stated in SCALES and stated != scale:
        raise ScaleError(
            f"this encoder takes {scale} ({expected.meaning}); uns['scale'] of the AnnData "
            f"is {stated}. {expected.advice}"
        )
    base = logged.get("base") if isinstance(logged, Mapping) else 2
    if stated != scale and scale in LOGARITHMS and base != 2:
        raise ScaleError(
            f"this encoder takes {scale} ({expected.meaning}); uns['log1p'] of the AnnData "
            f"tells of logarithms of base {base or 'e'}. If "
            "that is so, divide X by numpy.log(2), and delete uns['log1p'] in any case"
        )
