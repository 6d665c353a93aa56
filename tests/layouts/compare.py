"""Compare what was read with the right reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anndata
import numpy as np
import pandas as pd

MOST_LETTERS = 1000
"""Of a refusal."""


def compare(
    right: Mapping[str, Any], refusal: str, said: str, adata: anndata.AnnData | None
) -> list[str]:
    """What falls short, as texts.

    Parameters
    ----------
    right : mapping
        ``refuse``: the files are to be refused with one of these words. ``or_refuse``: they may be,
        beside the right reading. ``samples``, ``genes``, ``values``, ``scale``, ``n_samples``,
        ``n_genes``: of the matrix. ``label``, ``event``, ``time``, ``group``: annotations by
        sample. ``label_counts``, ``n_groups``. ``says``: words of which one must be said;
        ``silent``: words that must not.
    refusal : str
        Message of the refusal; empty if the files were read.
    said : str
        What was said of the reading.
    adata : AnnData or None
        What was read.
    """
    words = right.get("refuse") or right.get("or_refuse")
    if refusal:
        if not words:
            return [f"refused: {refusal}"]
        return [*_compare_refusal(refusal, words)]
    if "refuse" in right or adata is None:
        return [f"read, expected to be asked about {right.get('refuse')}"]
    return [
        *_compare_matrix(right, adata),
        *_compare_annotations(right, adata),
        *_compare_words(right, said),
    ]


def _compare_refusal(refusal: str, words: list[str]) -> list[str]:
    short = [f"a refusal of {len(refusal)} letters"] if len(refusal) > MOST_LETTERS else []
    if not any(word.lower() in refusal.lower() for word in words):
        short.append(f"refused without a word of {words}: {refusal}")
    return short


def _compare_matrix(right: Mapping[str, Any], adata: anndata.AnnData) -> list[str]:
    short = []
    names = {
        "samples": [str(name) for name in adata.obs_names],
        "genes": [str(name) for name in adata.var_names],
    }
    for side, found in names.items():
        wanted = right.get(side)
        if wanted is not None and sorted(found) != sorted(wanted):
            short.append(f"{len(found)} {side} ({found[:3]}), right {len(wanted)} ({wanted[:3]})")
        if right.get(f"n_{side}", len(found)) != len(found):
            short.append(f"{len(found)} {side}, right {right[f'n_{side}']}")
    if not short and "values" in right and len(set(right["genes"])) == len(right["genes"]):
        X = pd.DataFrame(np.asarray(adata.X, dtype=float), names["samples"], names["genes"]).loc[
            list(right["samples"]), list(right["genes"])
        ]
        wanted_values = np.asarray(right["values"], dtype=float)
        worst = np.nanmax(np.abs(X.to_numpy() - wanted_values) / (1 + np.abs(wanted_values)))
        if not worst <= right.get("tolerance", 1e-4):
            short.append(f"values differ by up to {worst:.3g}")
    scales = right.get("scale", adata.uns["scale"])
    if adata.uns["scale"] not in ([scales] if isinstance(scales, str) else scales):
        short.append(f"scale {adata.uns['scale']}, right {scales}")
    return short


def _compare_annotations(right: Mapping[str, Any], adata: anndata.AnnData) -> list[str]:
    short = []
    for key, column in (
        ("label", "label"),
        ("event", "event"),
        ("time", "time_days"),
        ("group", "group"),
    ):
        if key not in right:
            continue
        if column not in adata.obs:
            short.append(f"no column {column}")
            continue
        found = dict(zip(map(str, adata.obs_names), adata.obs[column], strict=True))
        tolerance = right.get("time_tolerance", 1e-6) if key == "time" else 1e-6
        wrong = [
            sample
            for sample, value in right[key].items()
            if not _is_close(found.get(sample), value, tolerance)
        ]
        if wrong:
            short.append(
                f"{key} wrong for {len(wrong)} of {len(right[key])}: "
                f"{found.get(wrong[0])!r}, right {right[key][wrong[0]]!r}"
            )
    if "label_counts" in right:
        counts = (
            {str(name): int(n) for name, n in adata.obs["label"].value_counts().items() if n}
            if "label" in adata.obs
            else {}
        )
        if counts != right["label_counts"]:
            short.append(f"labels {counts}, right {right['label_counts']}")
    if "n_groups" in right and adata.obs["group"].nunique() != right["n_groups"]:
        short.append(f"{adata.obs['group'].nunique()} groups, right {right['n_groups']}")
    return short


def _is_close(found: Any, right: Any, tolerance: float) -> bool:
    if isinstance(right, str):
        return str(found) == right
    if found is None or np.isnan(right):
        return found is not None and bool(pd.isna(found))
    return abs(float(found) - float(right)) <= tolerance


def _compare_words(right: Mapping[str, Any], said: str) -> list[str]:
    text = " ".join(said.split()).lower()
    short = []
    if "says" in right and not any(word.lower() in text for word in right["says"]):
        short.append(f"nothing said of {right['says']} in: {text}")
    short += [f"said {word!r}" for word in right.get("silent", ()) if word.lower() in text]
    return short
