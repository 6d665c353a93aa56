"""A compendium of log2 fold changes whose truths are known: terms, the genes of each, and the
contrasts in which each is active.

It is made as compendia of public experiments are. A contrast belongs to a series (one laboratory,
one model, one tissue), and the contrasts of a series share most of their direction: a programme or
a few, each of which moves some terms (sets of genes that overlap, as those of the Gene Ontology
do). A gene answers by a saturating curve, and not at all in a tissue where it is silent, so that
the answer is no linear one. Most genes change little, and the noise has heavy tails.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

COMPENDIUM_SHAPE = (7130, 48978)
"""Contrasts and genes of the mouse compendium made from DEE2, the default."""
GENES_A_TERM = 400
"""One term for so many genes, within ``N_TERMS``."""
N_TERMS = (20, 96)
TERM_SIZE = (0.002, 0.02)
"""Smallest and largest term, as shares of the genes; at least ``MIN_TERM`` genes."""
MIN_TERM = 12
N_TISSUES = 6
SILENT = 0.3
"""Share of the genes that a tissue does not express."""
CONTRASTS_A_SERIES = 8
"""Mean number of contrasts of a series."""
TERMS_A_PROGRAMME, PROGRAMMES_A_SERIES = (2, 5), (1, 3)
"""Least and largest number; there is one programme for three terms."""
EXTRA = 0.25
"""Share of the contrasts in which one further term is active, which the series does not share."""
SATURATION, LIMIT = 6.0, 12.0
"""log2 fold changes at which an answer is saturated, and beyond which none is estimated."""
NOISY, NOISE = 0.05, 4.0
"""Share of the values whose noise is wider, and how many times."""
CALM = 0.6
"""Noise of the genes of terms, relative to that of others: terms are known of genes that are
expressed well."""
SMALL = 0.15
"""Changes of this size are drawn to 0, as shrunken estimates are."""
ROWS_AT_A_TIME = 128


@dataclass(frozen=True)
class SimulatedCompendium:
    """log2 fold changes, their annotations, and what was planted.

    Parameters
    ----------
    X : ndarray of float32, (n_contrasts, n_genes)
        log2 fold changes.
    obs : DataFrame, (n_contrasts, 3)
        ``series``, ``tissue`` and ``leading_term`` (the term of the series' direction that changes
        most).
    genes : list of str, (n_genes,)
        Gene names, unique.
    truth : dict of DataFrame
        ``terms`` (n_contrasts, n_terms; bool): whether a term is active; ``activities`` (the same
        shape; signed), ``members`` (n_genes, n_terms; float32): log2 fold change of a gene, before
        saturation, per unit of activity.
    """

    X: np.ndarray
    obs: pd.DataFrame
    genes: list[str]
    truth: dict[str, pd.DataFrame]


def simulate_compendium(
    n_contrasts: int = COMPENDIUM_SHAPE[0], n_genes: int = COMPENDIUM_SHAPE[1], seed: int = 0
) -> SimulatedCompendium:
    """Simulate a compendium; the same arguments give the same values.

    The matrix is filled block by block: beside it there are two blocks of ``ROWS_AT_A_TIME`` rows
    and the terms.

    Parameters
    ----------
    n_contrasts, n_genes : int
    seed : int
        Of everything that is drawn.
    """
    obs, truth = plant_compendium(n_contrasts, n_genes, seed)
    X = _fill(truth, obs["tissue"].to_numpy(), np.random.Generator(np.random.SFC64([seed, 1])))
    return SimulatedCompendium(X, obs, list(truth["members"].index), truth)


def plant_compendium(
    n_contrasts: int, n_genes: int, seed: int
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Draw everything but the values: annotations and truth of :class:`SimulatedCompendium`."""
    rng = np.random.Generator(np.random.SFC64([seed, 0]))
    genes = pd.Index([f"GENE{i:0{len(str(n_genes))}d}" for i in range(1, n_genes + 1)], name="gene")
    index = pd.Index(
        [f"CONTRAST{i:0{len(str(n_contrasts))}d}" for i in range(1, n_contrasts + 1)],
        name="sample_id",
    )
    members = _draw_members(n_genes, rng)
    terms = [f"TERM:{i:04d}" for i in range(1, members.shape[1] + 1)]
    series, activities = _draw_contrasts(n_contrasts, len(terms), rng)
    tissues = np.array([f"tissue {i}" for i in range(1, N_TISSUES + 1)])[
        rng.integers(0, N_TISSUES, series.max() + 1)
    ]
    table = pd.DataFrame(activities, index=index, columns=terms)
    leading = table.abs().groupby(series).mean().idxmax(axis=1)[series].to_numpy()
    obs = pd.DataFrame(
        {
            "series": [f"SERIES{i:04d}" for i in series],
            "tissue": tissues[series],
            "leading_term": leading,
        },
        index=index,
    )
    return obs, {
        "terms": table != 0,
        "activities": table,
        "members": pd.DataFrame(members, index=genes, columns=terms),
    }


def _draw_members(n_genes: int, rng: np.random.Generator) -> np.ndarray:
    """Weights (n_genes, n_terms) of float32: 0 outside a term; every second term has half of its
    genes from the one before.
    """
    n_terms = int(np.clip(n_genes // GENES_A_TERM, *N_TERMS))
    low, high = np.log(np.maximum(np.array(TERM_SIZE) * n_genes, [MIN_TERM, 2 * MIN_TERM]))
    sizes = np.exp(rng.uniform(low, high, n_terms)).astype(int)
    members, before = np.zeros((n_genes, n_terms), dtype=np.float32), np.empty(0, dtype=int)
    for term, size in enumerate(sizes):
        shared = rng.permutation(before)[: size // 2] if term % 2 else before[:0]
        own = np.union1d(shared, rng.choice(n_genes, size - len(shared), replace=False))
        members[own, term] = rng.choice([-1, 1], len(own), p=[0.2, 0.8]) * rng.gamma(
            4, 0.4, len(own)
        )
        before = own
    return members


def _draw_contrasts(
    n_contrasts: int, n_terms: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Series (n_contrasts,) and activities of the terms (n_contrasts, n_terms), of float32: 0 where
    a term is not active.
    """
    n_series, n_programmes = max(n_contrasts // CONTRASTS_A_SERIES, 10), n_terms // 3
    series = np.sort(
        np.concatenate([np.arange(n_series), rng.integers(0, n_series, n_contrasts - n_series)])
    )
    programmes = _draw_rows(
        n_programmes, n_terms, TERMS_A_PROGRAMME, np.full(n_terms, 1 / n_terms), rng
    )
    popularity = rng.dirichlet(np.full(n_programmes, 2.0))
    direction = (
        _draw_rows(n_series, n_programmes, PROGRAMMES_A_SERIES, popularity, rng) @ programmes
    )
    dose = rng.uniform(0.4, 1.4, n_contrasts) * rng.choice([-1, 1], n_contrasts, p=[0.2, 0.8])
    activities = (
        direction[series] * dose[:, None] * np.exp(rng.normal(0, 0.3, (n_contrasts, n_terms)))
    )
    further = np.flatnonzero(rng.random(n_contrasts) < EXTRA)
    activities[further, rng.integers(0, n_terms, len(further))] += rng.choice([-1, 1], len(further))
    return series, activities.astype(np.float32)


def _draw_rows(
    n: int,
    n_columns: int,
    counts: tuple[int, int],
    popularity: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Rows (n, n_columns) with a few signed values each, in columns drawn by their popularity."""
    rows = np.zeros((n, n_columns))
    for row in rows:
        columns = rng.choice(
            n_columns, rng.integers(counts[0], counts[1] + 1), replace=False, p=popularity
        )
        row[columns] = rng.choice([-1, 1], len(columns)) * rng.uniform(0.6, 1.6, len(columns))
    return rows


def _fill(
    truth: dict[str, pd.DataFrame], tissue: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """log2 fold changes (n_contrasts, n_genes): saturated answers of the genes that a tissue
    expresses, and noise.
    """
    activities, members = truth["activities"].to_numpy(), truth["members"].to_numpy()
    names, tissue_of = np.unique(tissue, return_inverse=True)
    expressed = rng.random((len(names), len(members)), dtype=np.float32) >= SILENT
    spread = np.exp(rng.normal(-0.75, 0.75, len(members))).astype(np.float32)
    spread[members.any(axis=1)] *= CALM
    quality = np.exp(rng.normal(0, 0.25, len(activities))).astype(np.float32)
    X = np.empty((len(activities), len(members)), dtype=np.float32)
    for start in range(0, len(X), ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        change = activities[block] @ members.T
        np.tanh(np.divide(change, SATURATION, out=change), out=change)
        change *= SATURATION
        noise = rng.standard_normal(change.shape, dtype=np.float32)
        noise[rng.random(change.shape, dtype=np.float32) < NOISY] *= NOISE
        noise *= spread * quality[block, None]
        change += noise
        change *= expressed[tissue_of[block]]
        np.clip(change, -LIMIT, LIMIT, out=change)
        np.subtract(change, np.clip(change, -SMALL, SMALL, out=noise), out=X[block])
    return X
