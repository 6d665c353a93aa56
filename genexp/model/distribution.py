"""Comparison of the distribution of a sample's genes with that of training, which tells natural
logarithms from those of base 2.

Over genes, values of one scale are distributed much alike in all samples, whatever their tissue.
Quantiles of a sample's genes are compared with those that the train means and standard deviations
foresee, which every encoder ships; where a sample fits far better as natural logarithms, say, it is
refused. Between real cohorts of one scale (RNA-seq of eight cohorts, arrays of two kinds, 200 to
20,500 genes, all or the most variable ones) no sample was.

This file's text is part of every registered encoder, so it imports nothing of genexp but what is
part of it, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genexp.model.checks import LINEAR, LOGARITHMS, MAX_LOG, Rows, spread_evenly
from genexp.preprocessing.transform import OF_COUNTS, Transform

SOME_ROWS, SOME_GENES, FEW_GENES = 32, 2000, 200
"""Samples and genes, at most, that are looked at, and genes without which nothing is."""
REFUSED = 0.1
"""Share of the samples from which what a single sample may show by accident is none."""
CENTRED = 1.0
"""Size of a typical train mean up to which values of both signs are expected."""
QUANTILES = np.linspace(0.02, 0.98, 49)
MIDDLE, LOW, HIGH = 24, 2, 46
"""Places of the median and of the 6th and 94th percentile among them."""
DENSE = 0.5
"""Share of a sample's genes above its smallest value, below which its quantiles are not those of
means, as in single cells."""
INFORMATIVE = 3.0
"""Doublings between low and high genes of training, at least, that something can be compared
with."""
NORMAL = np.array([-1.59, -0.97, -0.59, -0.28, 0, 0.28, 0.59, 0.97, 1.59])
"""Quantiles of the standard normal distribution that stand for a gene's values."""
TYPICAL_SD = 1.5
"""Standard deviation of a gene's logarithms where the encoder's scaling tells none."""
NEAR, NEARER = 1.5, 0.45
"""Doublings that a sample may be off after a conversion, and share of what it was off before, for
the conversion to be the right one."""
WIDTHS, USUAL_WIDTHS = (0.3, 3.3), (0.75, 1.4)
"""Distance between low and high genes, as a multiple of training's: limits beyond which a sample is
refused, and a word is said."""
USUAL_SHIFT = 2.5
"""Doublings between the levels of a table and of training up to which nothing is said."""


@dataclass(frozen=True)
class Conversion:
    """Another scale that a table may have, its conversion, and the conversion in words."""

    name: str
    convert: Callable[[np.ndarray], np.ndarray]
    advice: str


def _undo_logarithm(values: np.ndarray) -> np.ndarray:
    return np.exp2(np.minimum(values, MAX_LOG)) - 1


OF_LOGARITHMS = (
    Conversion("natural logarithms", lambda q: q / np.log(2), "divide them by numpy.log(2)"),
    Conversion("logarithms of base 10", lambda q: q / np.log10(2), "divide them by numpy.log10(2)"),
    Conversion(
        "no logarithms yet", lambda q: np.log2(np.maximum(q, 0) + 1), "take numpy.log2(x + 1)"
    ),
    Conversion("logarithms taken twice", _undo_logarithm, "take numpy.exp2(x) - 1"),
)
OF_SMALL_OFFSET = (
    Conversion(
        "log2(x + 1)",
        lambda q: np.log2(np.maximum(_undo_logarithm(q), 0) + 0.001),
        "take numpy.log2(numpy.exp2(x) - 1 + 0.001)",
    ),
)
"""Other values that are taken for ``log2_tpm``: its floor is low."""
OF_LINEAR = (
    Conversion("log2(x + 1)", _undo_logarithm, "take numpy.exp2(x) - 1"),
    Conversion("log(x + 1)", lambda q: _undo_logarithm(q) / np.log(2), "take numpy.expm1(x)"),
)
"""The same for linear scales; logarithms of values are compared there, too."""


def check_distribution(rows: Rows, transform: Transform) -> list[str]:
    """Refuse samples whose genes are distributed as another scale has them.

    Nothing is refused where few genes are there or detected, or where genes differ little. Where
    batches are corrected, raw values differ from batch to batch, and only signs are looked at.

    Parameters
    ----------
    rows : Rows
    transform : Transform
        Of the encoder.

    Returns
    -------
    list of str
        What is unusual, but no reason to refuse.

    Raises
    ------
    ScaleError
        A tenth of the samples or more are on another scale.
    """
    genes = rows.present[spread_evenly(len(rows.present), SOME_GENES)]
    measured = np.flatnonzero(~np.isnan(rows.low))
    if len(genes) < FEW_GENES or not len(measured):
        return []
    if rows.scale in ("log2fc", "zscore"):
        _refuse_one_sign(rows, transform.fill[genes])
    if transform.correction is not None or rows.scale not in (*LINEAR, *LOGARITHMS):
        return []
    expected, is_certain = _foresee(genes, rows.scale, transform)
    if expected[HIGH] - expected[LOW] < INFORMATIVE:
        return []
    places = measured[spread_evenly(len(measured), SOME_ROWS)]
    places = places[(rows.raw[np.ix_(places, genes)] > rows.low[places, None]).mean(axis=1) > DENSE]
    if not len(places):
        return []
    values = transform.normalise_rows(rows.raw[places])[:, genes]
    values = np.where(np.isnan(values), transform.fill[genes], values)
    found = np.quantile(_take_logarithm(values, rows.scale, transform), QUANTILES, axis=1).T
    _refuse_conversions(rows, places, found, expected, transform)
    notes = _assess_place(rows, places, found, expected)
    return notes if is_certain else []


def _foresee(genes: np.ndarray, scale: str, transform: Transform) -> tuple[np.ndarray, bool]:
    """Quantiles (n_quantiles,) over some genes that a sample on the scale has, and whether the
    genes' deviations are known.

    ``scaling=zscore`` ships the standard deviation of a gene and ``minmax`` its range, some four of
    them; ``none`` ships nothing.
    """
    mean, spread = (
        transform.fill[genes].astype(np.float64),
        transform.spread[genes].astype(np.float64),
    )
    # deviations of linear values are none of their logarithms
    if scale in LINEAR and transform.normalise == "none":
        return np.quantile(_take_logarithm(mean, scale, transform), QUANTILES), False
    is_standardised = np.array_equal(transform.shift, transform.fill)
    sd = (
        spread
        if is_standardised
        else spread / 4
        if transform.shift.any()
        else np.full_like(spread, TYPICAL_SD)
    )
    floor = mean.min() if scale in ("log2_tpm", "log2_intensity") else 0.0
    return np.quantile(
        np.maximum(mean[:, None] + sd[:, None] * NORMAL, floor), QUANTILES
    ), is_standardised


def _refuse_one_sign(rows: Rows, mean: np.ndarray) -> None:
    """Refuse samples without a negative value where the train means (some genes,) stand around
    0.
    """
    one_sided = (rows.low >= 0) & (rows.high > 0)
    if np.median(np.abs(mean)) < CENTRED and one_sided.mean() >= REFUSED:
        rows.refuse(one_sided, "no negative value")


def _take_logarithm(values: np.ndarray, scale: str, transform: Transform) -> np.ndarray:
    """Normalised values as logarithms, whatever the normalisation."""
    return (
        np.log2(np.maximum(values, 0) + 1)
        if scale in LINEAR and transform.normalise == "none"
        else values
    )


def _list_conversions(scale: str, transform: Transform) -> tuple[Conversion, ...]:
    if scale in LOGARITHMS:
        return OF_LOGARITHMS + OF_SMALL_OFFSET * (scale == "log2_tpm")
    return () if transform.normalise in OF_COUNTS else OF_LINEAR


def _refuse_conversions(
    rows: Rows, places: np.ndarray, found: np.ndarray, expected: np.ndarray, transform: Transform
) -> None:
    """Refuse samples whose quantiles (n, n_quantiles) come far nearer to those of training
    (n_quantiles,) when they are converted.
    """
    conversions = _list_conversions(rows.scale, transform)
    nearest = np.minimum(NEAR, NEARER * np.abs(found - expected).mean(axis=1))
    likely = np.full(len(found), -1)
    for i, conversion in enumerate(conversions):
        distance = np.abs(conversion.convert(found) - expected).mean(axis=1)
        likely[distance < nearest] = i
        nearest = np.minimum(nearest, distance)
    if (likely >= 0).mean() >= REFUSED:
        conversion = conversions[Counter(likely[likely >= 0].tolist()).most_common(1)[0][0]]
        looked = "" if len(places) == len(rows.raw) else f", of {len(places)} looked at,"
        rows.refuse(
            places[likely >= 0],
            f"values distributed as those of {conversion.name}{looked}",
            f"If that is what they are, {conversion.advice}",
        )


def _assess_place(
    rows: Rows, places: np.ndarray, found: np.ndarray, expected: np.ndarray
) -> list[str]:
    """Refuse samples whose level or width is impossible, and say where they are unusual."""
    shift = found[:, MIDDLE] - expected[MIDDLE]
    width = (found[:, HIGH] - found[:, LOW]) / (expected[HIGH] - expected[LOW])
    beyond = (found[:, MIDDLE] < expected[LOW] - NEAR) | (found[:, MIDDLE] > expected[HIGH] + NEAR)
    # another unit moves genes, and leaves their differences
    unusual = (width < USUAL_WIDTHS[0]) | (width > USUAL_WIDTHS[1])
    impossible = (beyond & unusual) | (width < WIDTHS[0]) | (width > WIDTHS[1])
    typical, usual = float(np.median(shift)), float(np.median(width))
    said = (
        f"on the logarithmic scale the median gene stands {typical:+.1f} from that of training, "
        f"and genes differ {usual:.2f} times as much"
    )
    if impossible.mean() >= REFUSED:
        rows.refuse(places[impossible], f"values of another scale ({said})")
    if abs(typical) > USUAL_SHIFT or not USUAL_WIDTHS[0] < usual < USUAL_WIDTHS[1]:
        return [
            f"values are distributed unlike those of training: {said}. Another unit (TPM, "
            "counts per million), another logarithm and "
            "another platform do that; latents mean little where the scale is not that of training"
        ]
    return []
