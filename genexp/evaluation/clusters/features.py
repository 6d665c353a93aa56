"""Annotations enriched in a cluster: each level of a category and each number, compared with the
samples of the other clusters.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

OUTCOME = ("time_days", "event")
"""Annotations of the outcome: tested, but never used to describe a cluster, since a rank test of
times ignores censoring."""
MAX_LEVELS = 20
"""Columns with more levels are names, not classes."""
MIN_KNOWN, MIN_LEVEL = 10, 3
"""Fewest samples with a known value, and fewest samples of a level, for a test."""
COLUMNS = [
    "cluster",
    "feature",
    "kind",
    "level",
    "outcome",
    "n_inside",
    "n_known",
    "inside",
    "outside",
    "p",
    "q",
]


def find_features(obs: pd.DataFrame, clusters: np.ndarray) -> pd.DataFrame:
    """Test every annotation against every cluster.

    Parameters
    ----------
    obs : DataFrame, (n_samples, ...)
        Annotations; identifiers, constants, copies of another column and columns with almost only
        unique values are excluded.
    clusters : ndarray of int, (n_samples,)
        Cluster of each sample.

    Returns
    -------
    DataFrame
        Columns ``cluster``, ``feature``, ``kind`` (``category``, ``number``), ``level`` (empty for
        numbers), ``outcome`` (True for survival), ``n_inside`` (samples of the cluster with a known
        value), ``n_known``, ``inside`` and ``outside`` (share of the level, or median, in the
        cluster and in the others), ``p`` (category: twice the smaller tail of Fisher's exact test,
        at most 1; number: Wilcoxon's rank-sum test) and ``q`` (Benjamini & Hochberg 1995, over all
        rows); sorted by p. Samples count as independent, even those of one patient.
    """
    from scipy.stats import false_discovery_control

    rows = [
        row
        for feature, values in _choose_columns(obs)
        for row in _test_column(feature, values, clusters)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["q"] = false_discovery_control(table["p"].to_numpy(dtype=float)) if len(table) else []
    return table.sort_values(["p", "cluster", "feature"], kind="stable").reset_index(drop=True)


def _choose_columns(obs: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """Columns that can be tested. Among copies the outcome's name is kept first and the name
    ``label`` last.
    """
    seen: set[bytes] = set()
    for column in sorted(
        map(str, obs.columns), key=lambda name: (name not in OUTCOME, name == "label")
    ):
        if column == "group":
            continue
        values = obs[column].dropna()
        n_levels = values.nunique()
        is_name = not _is_number(values) and n_levels > min(MAX_LEVELS, len(values) / 2)
        if len(values) < MIN_KNOWN or n_levels < 2 or is_name:
            continue
        content = _write_content(obs[column])
        if content not in seen:
            seen.add(content)
            yield column, obs[column]


def _write_content(values: pd.Series) -> bytes:
    """Bytes that are equal for copies of a column: the values of numbers, the partition of the
    samples for categories.
    """
    if _is_number(values.dropna()):
        return values.to_numpy(dtype=float, na_value=np.nan).tobytes()
    return (
        pd.factorize(values.astype(object).map(str, na_action="ignore"))[0]
        .astype(np.int64)
        .tobytes()
    )


def _is_number(values: pd.Series) -> bool:
    """Numbers of more than two values; truth values and 0 / 1 are categories."""
    kind = values.dtype
    return (
        pd.api.types.is_numeric_dtype(kind)
        and not pd.api.types.is_bool_dtype(kind)
        and values.nunique() > 2
    )


def _test_column(
    feature: str, values: pd.Series, clusters: np.ndarray
) -> Iterator[dict[str, object]]:
    mask = values.notna().to_numpy()
    members, values = clusters[mask], values[mask]
    test = _test_number if _is_number(values) else _test_levels
    for cluster in np.unique(members):
        inside = members == cluster
        if not inside.all():
            fixed = {"cluster": int(cluster), "feature": feature, "outcome": feature in OUTCOME}
            yield from (
                fixed | {"n_inside": int(inside.sum()), "n_known": len(members)} | row
                for row in test(values, inside)
            )


def _test_levels(values: pd.Series, inside: np.ndarray) -> Iterator[dict[str, object]]:
    from scipy.stats import hypergeom

    texts = values.astype(str).to_numpy()
    levels, counts = np.unique(texts, return_counts=True)
    for level, count in zip(levels, counts, strict=True):
        if count < MIN_LEVEL:
            continue
        n_inside = int((texts[inside] == level).sum())
        null = hypergeom(len(texts), count, int(inside.sum()))
        p = min(1.0, 2 * min(float(null.sf(n_inside - 1)), float(null.cdf(n_inside))))
        outside = (count - n_inside) / (~inside).sum()
        yield {
            "kind": "category",
            "level": str(level),
            "inside": n_inside / inside.sum(),
            "outside": outside,
            "p": p,
        }


def _test_number(values: pd.Series, inside: np.ndarray) -> Iterator[dict[str, object]]:
    from scipy.stats import mannwhitneyu

    numbers = values.to_numpy(dtype=float)
    p = float(mannwhitneyu(numbers[inside], numbers[~inside], method="asymptotic").pvalue)
    yield {
        "kind": "number",
        "level": "",
        "inside": float(np.median(numbers[inside])),
        "outside": float(np.median(numbers[~inside])),
        "p": p,
    }
