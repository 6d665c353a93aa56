"""Values of a cohort: missing ones, scale, genes that are annotations, and unusual samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from genexp.cohort.check import check_values
from genexp.cohort.columns import as_text
from genexp.cohort.read import check_leaks, check_matrix
from genexp.cohort.safety import find_leaks
from genexp.cohort.samples import (
    describe_near_duplicates,
    describe_unusual,
    find_near_duplicates,
    find_unusual_samples,
    measure_samples,
)
from genexp.describe.description import ValueStatistics
from genexp.describe.facts import describe_missing, describe_values, sample_values
from genexp.describe.inquiry import Inquiry
from genexp.describe.roles import list_role_columns
from genexp.describe.sides import Samples
from genexp.errors import CohortError, name_some
from genexp.formats import Table
from genexp.settings.cohort import CohortConfig

MAX_LABELS = 5
"""Largest number of further likely labels that are tested for genes that separate their classes
perfectly."""
WHOLE = 0.8
"""Share of unusual samples from which a batch is unusual as a whole."""
FEW = 0.1
"""Share of genes with missing values below which dropping them is proposed rather than imputing."""


def describe_matrix(
    X: np.ndarray, obs: pd.DataFrame, genes: pd.Index, table: Table, inquiry: Inquiry
) -> tuple[np.ndarray, str, np.ndarray]:
    """Describe missing values and the scale.

    Returns
    -------
    X : ndarray of float32, (n_samples, n_genes)
        Values as read, infinite ones as missing.
    scale : str
        Value scale; empty if unknown.
    by_gene : ndarray of float, (n_genes,)
        Share of the samples that each gene lacks.
    """
    sentences, by_gene = describe_missing(X)
    inquiry.add_facts("Missing values", *sentences)

    def check(config: CohortConfig, said: list[str]) -> np.ndarray:
        return check_values(X, list(obs.index), genes, config.missing)[0]

    def scale_values(config: CohortConfig, said: list[str]) -> tuple[np.ndarray, str]:
        return check_matrix(X, obs, genes, table, config, said)[:2]

    answer = "drop_gene" if (by_gene > 0).mean() < FEW else "impute_mean"
    if inquiry.ask("Missing values", check, {"missing": answer}) is None:
        X[~np.isfinite(X)] = np.nan
        inquiry.config = inquiry.config.model_copy(update={"missing": "impute_mean"})
    sampled = sample_values(X)
    if not len(sampled):
        return X, "", by_gene
    scaled = inquiry.ask("Scale", scale_values)
    X, scale = (X, "") if scaled is None else scaled
    inquiry.add_facts("Scale", describe_values(sample_values(X)))
    return X, scale, by_gene


def look_for_leaks(
    X: np.ndarray,
    obs: pd.DataFrame,
    samples: Samples,
    genes: pd.Index,
    scale: str,
    suggested: Mapping[str, str],
    inquiry: Inquiry,
) -> None:
    """Look for genes that are annotations, or that separate the classes of a column perfectly."""
    named = {
        name: as_text(samples.texts[column])
        for name, column in suggested.items()
        if name in ("label", "event", "batch")
    }
    said: list[str] = []
    try:
        check_leaks(X, genes, obs.assign(**named), scale, inquiry.config, said)
    except CohortError as error:
        inquiry.add_question(_name_columns(str(error), suggested))
    inquiry.add_facts("Genes", *(_name_columns(sentence, suggested) for sentence in said))
    others = [
        name
        for name in list_role_columns(samples.candidates, "label")
        if name not in suggested.values()
    ][:MAX_LABELS]
    leaks = find_leaks(
        X, list(genes), obs[[]], {name: as_text(samples.texts[name]) for name in others}
    )
    inquiry.warnings += [f"Gene {leak.gene} {leak.text}." for leak in leaks]


def _name_columns(text: str, suggested: Mapping[str, str]) -> str:
    """Replace parameters in a text by the columns that are only proposed for them."""
    for name, column in suggested.items():
        text = text.replace(f"of {name!r}", f"of {column!r}")
    return text


def look_at_samples(
    X: np.ndarray,
    obs: pd.DataFrame,
    scale: str,
    by_gene: np.ndarray,
    batch: pd.Series | None,
    inquiry: Inquiry,
) -> ValueStatistics:
    """Measure the samples; unusual ones and near-duplicates become warnings."""
    samples = [str(name) for name in obs.index]
    statistics = measure_samples(X, scale)
    unusual = find_unusual_samples(statistics, scale)
    inquiry.warnings += [
        *describe_unusual(statistics, unusual, samples, scale),
        *_name_batches(unusual["level"], batch),
    ]
    groups = obs["group"].astype(str).tolist() if "group" in obs else samples
    inquiry.warnings += filter(
        None, [describe_near_duplicates(find_near_duplicates(X, scale), samples, groups)]
    )
    return ValueStatistics(scale, sample_values(X), samples, statistics, unusual, by_gene, batch)


def _name_batches(unusual: np.ndarray, batch: pd.Series | None) -> list[str]:
    """Describe the batches of the unusual samples, where these are whole batches."""
    if batch is None or not len(unusual):
        return []
    shares = batch.iloc[unusual].value_counts() / batch.value_counts()
    whole = [str(name) for name, share in shares.items() if share > WHOLE]
    if not whole or batch.iloc[unusual].isin(whole).mean() < WHOLE:
        return []
    advice = "bring all batches to one scale first, or use one batch alone"
    return [f"These samples of another level are of {batch.name!r} {name_some(whole)}: {advice}."]
