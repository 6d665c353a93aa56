"""Scale of values from robust statistics, and checks of a declared scale.

The largest value alone decides nothing: a typing error must not turn logarithms into counts. The
rules are in the documentation of file formats (``docs/formats.md``); where two readings are
possible and the difference matters, the user is asked for ``scale=``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genexp.errors import CohortError, name_some

MAX_LOG2 = 40.0
"""Largest possible log2 value of expression: 2^40 is more than any sequencer counts."""
FEW = 0.05
"""Share of the samples or genes below which their values may be a mistake."""
MIN_LOG2_TPM = -30.0
LN_2 = float(np.log(2))
N_ROWS, N_COLUMNS = 250, 1000
"""Numbers of evenly spaced samples and genes in the sketch."""
N_SUMMED = 10
"""Number of evenly spaced samples whose totals are compared."""
TYPO_SHARE = 1e-5
"""Share of the values (at least 3 of them) that may be typing errors, on either end."""
MAX_CODES = 0.3
"""Largest share of values that may be a code for missing ones."""
MIN_POSITIVE = 20
"""Smallest number of positive values that shows the scale of a sample."""
LOG2_OF = {"base 2": 1.0, "natural": 1 / LN_2, "base 10": float(np.log2(10))}
"""Factors that turn logarithms of a base into those to base 2."""
MIN_SLOPE = 0.6
"""Slope of log(standard deviation) on log(median) over the upper half of genes: 0.8 to 0.9 for
linear values of the real cohorts that the tests read, below 0.2 for their logarithms."""
N_FAR, FAR = 3, 50.0
"""Largest number of possible typing errors on a scale without a maximum, and the factor by which
they exceed all other values."""
LINEAR = ("counts", "tpm", "norm_count")
LOGARITHMIC = ("log2_norm_count", "log2_tpm", "log2_intensity")
SCALE_NAMES = {
    "counts": "counts",
    "tpm": "linear values per million (TPM or CPM)",
    "norm_count": "linear normalised values",
    "log2_norm_count": "log2(x + 1)",
    "log2_tpm": "log2 with an offset below 1",
    "log2_intensity": "log2 intensities of arrays",
    "log2fc": "log2 ratios",
    "zscore": "z-scores",
    "zero_one": "values from 0 to 1",
}
"""Scales, in words."""
RANGES = {
    "counts": (0.0, np.inf),
    "tpm": (0.0, np.inf),
    "norm_count": (0.0, np.inf),
    "log2_norm_count": (0.0, MAX_LOG2),
    "log2_tpm": (MIN_LOG2_TPM, MAX_LOG2),
    "log2_intensity": (MIN_LOG2_TPM, MAX_LOG2),
    "log2fc": (-MAX_LOG2, MAX_LOG2),
    "zscore": (-np.inf, np.inf),
    "zero_one": (0.0, 1.0 + 1e-4),
}
"""Smallest and largest value that a scale can have; rounding may carry shares a little above 1."""


@dataclass(frozen=True)
class Sketch:
    """Robust statistics of some values of a matrix, without missing and infinite ones.

    Parameters
    ----------
    n : int
        Number of values.
    low, high : float
        Quantiles beyond which a value may be a typing error.
    lower, median, upper : float
        Quantiles 0.01, 0.5 and 0.99.
    whole : float
        Share of whole numbers.
    negative, zero : float
        Shares of values below 0, and equal to 0.
    lowest_share : float
        Share of the values that are the most frequent one of the lowest hundredth.
    lowest : float
        That value.
    highest_share : float
        Share of the values that equal the largest but for typing errors.
    gene_median, gene_sd, gene_std : ndarray of float, (n_genes,)
        Median and standard deviation of each gene, the latter without regard to typing errors and
        with it.
    """

    n: int
    low: float
    high: float
    lower: float
    median: float
    upper: float
    whole: float
    negative: float
    zero: float
    lowest: float
    lowest_share: float
    highest_share: float
    gene_median: np.ndarray
    gene_sd: np.ndarray
    gene_std: np.ndarray


def _pick_evenly(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Positions of evenly spaced samples and genes."""
    rows, columns = (
        np.linspace(0, n - 1, min(n, limit)).astype(int)
        for n, limit in zip(shape, (N_ROWS, N_COLUMNS), strict=True)
    )
    return rows, columns


def sketch_values(X: np.ndarray) -> Sketch:
    """Compute the sketch of evenly spaced samples and genes of X (n_samples, n_genes)."""
    sampled = X[np.ix_(*_pick_evenly(X.shape))]
    sampled[~np.isfinite(sampled)] = np.nan
    # sorted once: shares and quantiles become look-ups
    values = np.sort(sampled[~np.isnan(sampled)])
    if not len(values):
        raise CohortError("the matrix has no values: all are missing")
    n_typos = min(max(3, int(TYPO_SHARE * len(values))), len(values) // 20)
    body = values[n_typos : len(values) - n_typos] if n_typos else values
    lowest, lowest_share = _find_floor(values)
    genes = sampled[:, np.isfinite(sampled).sum(axis=0) >= 2]
    gene_median, gene_sd, gene_std = _describe_genes(
        genes if genes.size else np.zeros((1, 1), dtype=np.float32)
    )
    lower, median, upper = (
        float(body[round(share * (len(body) - 1))]) for share in (0.01, 0.5, 0.99)
    )
    return Sketch(
        n=len(values),
        low=float(body[0]),
        high=float(body[-1]),
        lower=lower,
        median=median,
        upper=upper,
        whole=float((body == np.rint(body)).mean()),
        negative=_share_between(body, -np.inf, 0.0),
        zero=_share_between(body, 0.0, np.nextafter(np.float32(0), np.float32(1))),
        lowest=lowest,
        lowest_share=lowest_share,
        highest_share=_share_between(values, body[-1] - 1e-4, body[-1] + 1e-4),
        gene_median=gene_median,
        gene_sd=gene_sd,
        gene_std=gene_std,
    )


def _find_floor(values: np.ndarray) -> tuple[float, float]:
    """Find the most frequent value among the lowest hundredth of sorted values, and its share of
    all.
    """
    lowest, counts = np.unique(values[: max(len(values) // 100, 1)].round(4), return_counts=True)
    floor = float(lowest[counts.argmax()])
    return floor, _share_between(values, floor - 1e-4, floor + 1e-4)


def _share_between(values: np.ndarray, start: float, stop: float) -> float:
    """Share of sorted values from ``start`` on and below ``stop``."""
    first, last = np.searchsorted(values, np.array([start, stop], dtype=values.dtype))
    return float(last - first) / len(values)


def _describe_genes(genes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure each gene's median, its standard deviation from the quantiles 0.16 and 0.84 (robust
    to typing errors), and the usual one.
    """
    n = np.isfinite(genes).sum(axis=0)
    # missing values last; faster than a quantile that skips them gene by gene
    ordered = np.sort(np.ascontiguousarray(genes.T))
    low, median, high = (
        ordered[np.arange(len(n)), np.rint(share * (n - 1)).astype(int)]
        for share in (0.16, 0.5, 0.84)
    )
    sd, std = (high - low) / 2, np.nanstd(genes.astype(np.float64), axis=0)
    return median, np.where(sd > 0, sd, std), std


@dataclass(frozen=True)
class ScaleGuess:
    """Inferred scale, with the reason and notes."""

    scale: str
    reason: str
    factor: float = 1.0
    notes: tuple[str, ...] = ()


def infer_scale(
    X: np.ndarray,
    hint: str = "",
    says: str = "",
    samples: Sequence[str] = (),
    genes: Sequence[str] = (),
    sketch: Sketch | None = None,
) -> ScaleGuess:
    """Infer the scale of a matrix.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_genes)
        NaN where missing.
    hint : str
        Scale stated by the file, empty if none; ``ln_norm_count`` for natural logarithms.
    says : str
        Source of that scale, for messages.
    samples, genes : sequence of str, optional
        Names of the samples and genes, for messages.
    sketch : Sketch, optional
        Sketch of X, if it exists already.

    Returns
    -------
    ScaleGuess
        ``factor`` is for multiplying the values: 1 / ln 2 for natural logarithms.

    Raises
    ------
    CohortError
        Two scales are possible.
    """
    sketch = sketch or sketch_values(X)
    if hint == "ln_norm_count":
        _check_hint(sketch, hint, says)
        return ScaleGuess(
            "log2_norm_count",
            f"{says} says that they are natural logarithms; they are divided by ln 2",
            1 / LN_2,
        )
    if hint:
        _check_hint(sketch, hint, says)
        return ScaleGuess(hint, f"{says} says so")
    if sketch.negative * sketch.n >= 1 and sketch.low < 0:
        _refuse_few_negative(sketch)
        return _infer_signed(sketch)
    if sketch.high <= 1.0 + 1e-4 and sketch.whole < 0.999:
        return ScaleGuess("zero_one", f"values from {sketch.low:.3g} to {sketch.high:.3g}")
    if sketch.whole >= 0.995:
        return _infer_whole(sketch)
    _refuse_codes(X, sketch)
    _refuse_mixture(X, sketch, samples)
    if _is_linear(sketch):
        _refuse_few(X, samples, "samples")
        _refuse_few(X.T, genes, "genes")
    return _infer_positive(X, sketch)


def _refuse_few_negative(sketch: Sketch) -> None:
    """Refuse a few values below 0 among logarithms whose floor is 0: typing errors, or an offset
    that would put the floor below 0.
    """
    if (
        sketch.median > 1
        and sketch.high <= MAX_LOG2
        and sketch.zero > 0.005
        and sketch.negative < sketch.zero / 5
    ):
        raise CohortError(
            f"{_span(sketch)}: {sketch.zero:.1%} are 0, as in log2(x + 1), but "
            f"{sketch.negative:.2%} are below 0; correct or empty these, "
            "or say scale=log2_tpm if they are logarithms with an offset below 1"
        )


def _check_hint(sketch: Sketch, hint: str, says: str) -> None:
    """Refuse values that contradict the scale stated by the file."""
    is_log = hint in (*LOGARITHMIC, "ln_norm_count")
    if (is_log and sketch.high > MAX_LOG2) or (
        hint in LINEAR and sketch.whole < 0.9 and not _is_linear(sketch)
    ):
        raise CohortError(
            f"{says} says that the values are {SCALE_NAMES.get(hint, 'natural logarithms')}, "
            f"but {_span(sketch)} ({sketch.whole:.0%} "
            "whole numbers) contradict it; say scale=counts (or what they are), or layer= "
            "where the file has layers"
        )


def _span(sketch: Sketch) -> str:
    return f"values from {sketch.low:.4g} to {sketch.high:.4g}"


def _refuse_codes(X: np.ndarray, sketch: Sketch) -> None:
    """Refuse one large number among logarithms, a code for missing values: 999, 9999."""
    if sketch.high <= MAX_LOG2:
        return
    sampled = X[np.ix_(*_pick_evenly(X.shape))]
    large = sampled[sampled > MAX_LOG2]
    if len(large) > MAX_CODES * sampled.size or len(np.unique(large)) > 1:
        return
    raise CohortError(
        f"{len(large)} values are {large[0]:g} and all others at most "
        f"{sampled[sampled <= MAX_LOG2].max():g}: a number for missing values? "
        "Empty these, or say scale= if they are values"
    )


def _refuse_mixture(X: np.ndarray, sketch: Sketch, samples: Sequence[str]) -> None:
    """Refuse a mixture of samples on a logarithmic and on a linear scale."""
    if sketch.high <= MAX_LOG2:
        return
    rows, columns = _pick_evenly(X.shape)
    positive = X[np.ix_(rows, columns)].astype(np.float64)
    positive[~(np.isfinite(positive) & (positive > 0))] = np.nan
    rows, positive = (
        part[np.isfinite(positive).sum(axis=1) >= MIN_POSITIVE] for part in (rows, positive)
    )
    if not len(rows):
        return
    median, upper = np.nanquantile(positive, [0.5, 0.99], axis=1)
    is_log = (upper <= MAX_LOG2) & (upper <= 6 * median)
    if not is_log.any() or is_log.all() or upper[~is_log].min() < 10 * upper[is_log].max():
        return
    few, kind = (is_log, "logarithmic") if is_log.sum() < len(rows) / 2 else (~is_log, "linear")
    names = [samples[i] if len(samples) else f"number {i + 1}" for i in rows[few]]
    raise CohortError(
        f"{few.sum()} of {len(rows)} samples look {kind}, the others do not: "
        f"{name_some(names)}; bring all to one scale, leave some "
        "out with "
        "where=, or say scale= if all are on one"
    )


def _refuse_few(X: np.ndarray, names: Sequence[str], what: str) -> None:
    """Refuse values (a sample or gene per row) of which only a few rows are linear while the others
    are logarithmic.
    """
    rows, columns = _pick_evenly(X.shape)
    values = X[np.ix_(rows, columns)]
    counts = np.isfinite(values).sum(axis=1)
    rows, values = rows[counts >= 2], values[counts >= 2]
    if not len(rows):
        return
    is_odd = _describe_genes(values.T)[0] > MAX_LOG2
    if not 0 < is_odd.mean() <= FEW or _is_linear(sketch_values(values[~is_odd])):
        return
    odd_names = [names[i] if len(names) else f"number {i + 1}" for i in rows[is_odd]]
    raise CohortError(
        f"{is_odd.sum()} of {len(rows)} {what} have values above {MAX_LOG2:g}, all others "
        f"look logarithmic: {name_some(odd_names)}; "
        "correct them or leave them out, or say scale= if all are on one scale"
    )


def _infer_whole(sketch: Sketch) -> ScaleGuess:
    """Infer the scale of whole numbers: counts, or rounded logarithms."""
    high = sketch.gene_median >= 5
    dispersion = (
        np.median(sketch.gene_sd[high] ** 2 / sketch.gene_median[high])
        if high.sum() >= MIN_POSITIVE
        else np.inf
    )
    # counts vary at least as much as a Poisson distribution
    if sketch.high <= 25 and dispersion < 0.8:
        raise CohortError(
            f"whole numbers {_span(sketch)} with median {sketch.median:g} are either counts "
            "of very low depth or rounded logarithms; say "
            "scale=counts or scale=log2_norm_count"
        )
    if sketch.high <= 1:
        return ScaleGuess(
            "counts",
            "whole numbers 0 and 1",
            notes=("All values are 0 or 1: check that these are counts.",),
        )
    return ScaleGuess("counts", f"whole numbers from {sketch.low:g} to {sketch.high:g}")


def _infer_positive(X: np.ndarray, sketch: Sketch) -> ScaleGuess:
    """Infer the scale of values that are not whole and not negative: linear values, or
    logarithms.
    """
    reason = _span(sketch)
    if _is_linear(sketch):
        totals = np.nansum(
            X[np.linspace(0, len(X) - 1, min(len(X), 100)).astype(int)], axis=1, dtype=np.float64
        )
        if abs(np.median(totals) / 1e6 - 1) < 0.02 and np.std(totals) < 0.02e6:
            return ScaleGuess("tpm", f"{reason}; samples sum to a million")
        rounded = sketch.whole > 0.5
        return ScaleGuess(
            "norm_count",
            f"{reason}, linear, {'partly ' if rounded else 'not '}whole numbers",
            notes=(
                (
                    f"These are expected counts ({sketch.whole:.0%} whole) or normalised ones: "
                    "they are treated as linear, log2(x + 1)."
                ),
            ),
        )
    base = _find_base(X)
    if base in ("natural", "base 10"):
        reason += (
            f"; without the logarithm of x + 1 every sample sums to one total for {base} "
            "logarithms, which become those to base 2"
        )
        return ScaleGuess("log2_norm_count", reason, LOG2_OF[base])
    if not base and _is_proportional(sketch):
        raise CohortError(
            f"{reason} are small enough for logarithms, but spread as linear ones do: genes "
            "vary in proportion to their medians; "
            "say scale=norm_count (linear) or scale=log2_norm_count"
        )
    if sketch.zero < 0.001 and sketch.lowest_share < 0.01 and sketch.lower > 0.5:
        if sketch.high < 3 and 0.7 < sketch.median < 1.4:
            raise CohortError(
                f"{reason} around {sketch.median:.3g} may be ratios or logarithms; take log2 "
                "of ratios (scale=log2fc), or say "
                "scale=log2_norm_count or scale=log2_intensity"
            )
        if sketch.lower > 1.5:
            return ScaleGuess(
                "log2_intensity",
                (
                    f"{reason}, hardly any zero or low one, as background-corrected intensities "
                    "have it"
                ),
            )
    sums = "; 2^x - 1 sums to one total in every sample" if base == "base 2" else ""
    return ScaleGuess("log2_norm_count", f"{reason}, {sketch.zero:.0%} zeros{sums}")


def _is_linear(sketch: Sketch) -> bool:
    """Check whether values are too large for logarithms, or have a tail as linear ones have, far
    above the 0.99 quantile.
    """
    centre = max(float(np.median(sketch.gene_median)), sketch.median, 0.05)
    return sketch.upper > MAX_LOG2 or (
        sketch.high > 25 and sketch.upper > 12 * centre and sketch.high > 2 * sketch.upper
    )


def _is_proportional(sketch: Sketch) -> bool:
    """Check whether genes vary in proportion to their medians, over a wide range of these, as
    linear values do; logarithms vary alike.
    """
    median, sd = (
        values[(sketch.gene_median > 0) & (sketch.gene_sd > 0)]
        for values in (sketch.gene_median, sketch.gene_sd)
    )
    upper = median >= np.median(median) if len(median) else np.zeros(0, dtype=bool)
    if upper.sum() < MIN_POSITIVE or sketch.upper < 12 * np.median(median):
        return False
    slope = np.polyfit(np.log(median[upper]), np.log(sd[upper]), 1)[0]
    return bool(slope > MIN_SLOPE)


def _find_base(X: np.ndarray) -> str:
    """Find the base of logarithms of x + 1 whose inverse sums to one total in every sample: a key
    of ``LOG2_OF``, or empty.
    """
    sampled = X[np.linspace(0, len(X) - 1, min(len(X), N_SUMMED)).astype(int)]
    if len(sampled) < 5 or np.isnan(sampled).any():
        return ""
    spread = {}
    for base, factor in LOG2_OF.items():
        totals = (
            np.exp2(np.minimum(sampled * np.float32(factor), MAX_LOG2)).sum(
                axis=1, dtype=np.float64
            )
            - sampled.shape[1]
        )
        spread[base] = float(np.std(totals) / np.mean(totals)) if np.mean(totals) > 0 else np.inf
    best, second = sorted(spread, key=lambda base: spread[base])[:2]
    # quantile-normalised samples have one total in every base, except for rounding
    return best if spread[best] < 0.01 and spread[second] > max(3 * spread[best], 1e-3) else ""


def _infer_signed(sketch: Sketch) -> ScaleGuess:
    """Infer the scale of values of both signs: logarithms with an offset below 1, log2 ratios or
    z-scores.
    """
    centre = float(np.median(sketch.gene_median))
    low_sd, sd, high_sd = np.quantile(sketch.gene_sd, [0.1, 0.5, 0.9])
    reason = (
        f"{_span(sketch)}; genes have median {centre:.2g} and standard deviation {sd:.2g} "
        f"({low_sd:.2g} to {high_sd:.2g} for 8 in 10)"
    )
    if sketch.whole > 0.995 and sketch.high > MAX_LOG2:
        raise CohortError(
            f"whole numbers look like counts, but {sketch.negative:.2%} are negative (from "
            f"{sketch.low:g}); correct them, or say scale="
        )
    if sketch.high > MAX_LOG2 and centre > 1 and -sketch.low < 0.05 * sketch.upper:
        raise CohortError(
            f"{reason}: linear values with a few below 0, as of arrays after background "
            "correction, or a mistake; set these to 0, take "
            "logarithms, or say scale="
        )
    std = sketch.gene_std[sketch.gene_std > 0]
    if len(std) and abs(centre) < 0.5 and (abs(std - 1) < 0.2).mean() > 0.8:
        return ScaleGuess(
            "zscore",
            f"{_span(sketch)}; genes have median {centre:.2g} and standard deviations near 1",
        )
    low_gene, high_gene = np.quantile(sketch.gene_median, [0.05, 0.95])
    # ratios are symmetric around 0
    is_expression = centre > 1 or high_gene > max(3.0, 3 * abs(low_gene))
    floor = (
        sketch.lowest_share > 0.005
        and sketch.lowest < 0
        and 3 * sketch.highest_share < sketch.lowest_share
    )  # values cut at both ends have no floor
    if is_expression or (
        floor and sketch.lowest <= sketch.low + 0.01 and sketch.lowest_share > 0.01
    ):
        of_floor = (
            f"; the lowest value, {sketch.lowest:.4g}, occurs in {sketch.lowest_share:.1%}"
            if floor
            else ""
        )
        return ScaleGuess("log2_tpm", reason + of_floor)
    alike = 0.5 <= sd <= 2 and high_sd < 2.5 * low_sd
    return ScaleGuess(
        "zscore" if alike or sketch.high > MAX_LOG2 or sketch.low < -MAX_LOG2 else "log2fc", reason
    )


def check_scale(sketch: Sketch, scale: str) -> None:
    """Refuse values that a scale cannot have; single ones may be typing errors, which
    :func:`find_outliers` names.
    """
    low, high = RANGES[scale]
    remedy = "declare the scale that the file has, or correct the file"
    if sketch.low < low or sketch.high > high:
        negative = f", {sketch.negative:.2%} of them negative" if sketch.low < low == 0 else ""
        raise CohortError(
            f"scale={scale} means values from {low:g} to {high:g}; found "
            f"{_span(sketch)}{negative}: {remedy}"
        )
    if scale == "counts" and sketch.high < MAX_LOG2 and sketch.whole < 0.9:
        raise CohortError(
            f"scale=counts expects whole, or at least linear, numbers; found {_span(sketch)} "
            f"that are not whole: logarithms? {remedy}"
        )
    if scale in ("log2fc", "zscore") and sketch.low >= 0:
        raise CohortError(
            f"scale={scale} means values of both signs; found {_span(sketch)}: {remedy}"
        )


def _find_gap(X: np.ndarray) -> float:
    """Find the absolute value that at most ``N_FAR`` values exceed, each by a factor of at least
    ``FAR``; infinity without such values.
    """
    extremes = np.abs(np.stack([np.fmin.reduce(X, axis=1), np.fmax.reduce(X, axis=1)])).max(axis=0)
    rows = np.argsort(-np.nan_to_num(extremes))[: N_FAR + 1]
    values = np.sort(np.abs(X[rows][np.isfinite(X[rows])]))[::-1][: N_FAR + 1]
    gaps = np.flatnonzero(values[:-1] > FAR * np.maximum(values[1:], 1.0))
    return float(values[gaps[-1] + 1]) if len(gaps) else np.inf


def find_outliers(
    X: np.ndarray, scale: str, samples: list[str], genes: list[str], extremes: tuple[float, float]
) -> str:
    """Warn of values that the scale cannot have, such as one 999 among logarithms, or far from all
    others; may be empty.

    ``extremes`` are the smallest and the largest value of X.
    """
    low, high = RANGES[scale]
    if not np.isfinite(high):
        high = _find_gap(X)
        low = max(low, -high)
    if low <= extremes[0] and extremes[1] <= high:
        return ""
    cells = np.argwhere((low > X) | (high < X))
    if not len(cells):
        return ""
    listed = name_some(
        (f"{X[i, j]:g} in sample {samples[i]}, gene {genes[j]}" for i, j in cells), 3
    )
    what = "value that is" if len(cells) == 1 else "values that are"
    reason = "impossible on this scale" if np.isfinite(RANGES[scale][1]) else "far from all others"
    return (
        f"Warning: {what} {reason}, {listed}; correct or empty "
        f"{'it' if len(cells) == 1 else 'them'}."
    )
