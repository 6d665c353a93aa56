"""Tables of scores by representation."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from genexp.evaluation.latents import DISPLAY
from genexp.report.html import (
    render_table,
)

QUANTITIES = {
    "macro_f1": "macro F1",
    "c_index": "C-index",
    "ari": "ARI",
    "nmi": "NMI",
    "mse": "MSE",
    "r2": "R²",
    "calinski_harabasz": "Calinski-Harabasz",
    "davies_bouldin": "Davies-Bouldin",
}
"""Printed names of columns."""


def render_scores(caption: str, scores: pd.DataFrame, skip: tuple[str, ...] = ()) -> str:
    """Table of scores, one row per representation."""
    table = scores.drop(columns=list(skip), errors="ignore")
    headers = [
        "",
        *(QUANTITIES.get(str(name), str(name).replace("_", " ")) for name in table.columns),
    ]
    names = [DISPLAY[str(name)] for name in table.index]
    counted = [name in ("k",) for name in table.columns]
    rows = [
        [name, *map(narrow, row, counted)]
        for name, row in zip(names, table.itertuples(index=False), strict=True)
    ]
    return render_table(caption, headers, rows)


def name_column(name: str) -> str:
    """``f1_pca`` -> ``F1 of PCA``, ``n_train`` -> ``n train``."""
    quantity, _, baseline = name.partition("_")
    return (
        f"{quantity.upper()} of {DISPLAY[baseline]}"
        if baseline in DISPLAY
        else name.replace("n_", "n ").replace("f1", "F1")
    )


def narrow(value: Any, count: bool) -> float | int:
    """Plain Python number of a value in a table: an integer for counts."""
    return int(value) if count and math.isfinite(value) else float(value)
