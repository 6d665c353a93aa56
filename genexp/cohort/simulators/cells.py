"""Counts of single cells whose truths are known: types, programmes, dispersions, libraries, and
zeros that were planted on top.

A cell's log expression is a sum of what its family, its type and a few programmes add, some of
which act in one family only. Genes share the cell's library in proportion to their expression;
counts are drawn around these shares by a Gamma and a Poisson law, which together are negative
binomial with a size (inverse dispersion) of each gene. Drop-outs then set counts to zero, more
often the lower a gene is expressed. Splatter (Zappia, Phipson & Oshlack, Genome Biology 2017) has
the same parts; levels and effects here are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.cohort.simulators.bulk import on_grid, share_out

CELLS_SHAPE = (3000, 1000)
"""Cells and genes, the default."""
DEPTH = 2.0
"""Mean count of a gene in a cell, the default."""
DROPOUT = 0.2
"""Share of the counts above zero that are lost, the default."""

TYPES = {"A1": 0.28, "A2": 0.14, "B1": 0.2, "B2": 0.1, "C1": 0.18, "C2": 0.1}
"""Shares of the cell types; the letter is the family, whose two types are alike."""
N_PROGRAMMES = 6
GATED = {"A": 0, "B": 1, "C": 2}
"""Programmes that have further genes in one family: family -> programme."""

LEVEL_SD = 1.2
"""Spread of the genes' log expression."""
EFFECTS = {
    "family": (0.1, 0.9),
    "type": (0.04, 0.7),
    "programme": (0.08, 0.35),
    "gated": (0.08, 0.35),
}
"""Share of the genes that a feature moves, and the standard deviation of its effect on log
expression."""
LIBRARY_SD = 0.35
"""Spread of the log library size."""
SIZE, SIZE_SD = 3.0, 0.5
"""Median size (inverse dispersion) of a gene, and the spread of its logarithm."""
DROPOUT_SLOPE = 1.0
"""By how much the logit of a drop-out falls for one unit of log expression."""

ROWS_AT_A_TIME = 256
N_SAMPLED = 200
"""Cells in which the level of drop-outs is set."""


@dataclass(frozen=True)
class SimulatedCells:
    """Counts, their annotations, and what was planted.

    Parameters
    ----------
    X : ndarray of float32, (n_cells, n_genes)
        Counts.
    obs : DataFrame, (n_cells, 2)
        cell_type, family.
    genes : list of str, (n_genes,)
        Gene names, unique.
    expected : ndarray of float32, (n_cells, n_genes)
        Expected share of the library; a cell's shares sum to 1.
    lost : ndarray of bool, (n_cells, n_genes)
        Whether a count above zero was lost.
    truth : dict of DataFrame
        ``activities`` (n_cells, n_features), ``loadings`` (n_genes, n_features) on log expression,
        ``genes`` (level: log expression without features, size, dropout: mean probability over
        cells), ``cells`` (library: expected sum of counts before drop-outs).
    """

    X: np.ndarray
    obs: pd.DataFrame
    genes: list[str]
    expected: np.ndarray
    lost: np.ndarray
    truth: dict[str, pd.DataFrame]


def simulate_cells(
    n_cells: int = CELLS_SHAPE[0],
    n_genes: int = CELLS_SHAPE[1],
    seed: int = 0,
    depth: float = DEPTH,
    dropout: float = DROPOUT,
) -> SimulatedCells:
    """Simulate single cells; the same arguments give the same values.

    Parameters
    ----------
    n_cells, n_genes : int
        Shape.
    seed : int
        Of everything that is drawn.
    depth : float
        Mean count of a gene in a cell, before drop-outs.
    dropout : float
        Share of the counts above zero that are lost; below 1. The other counts do not depend on it.
    """
    rng = np.random.Generator(np.random.SFC64(seed))
    obs = _draw_types(n_cells, rng)
    activities = _draw_activities(obs, rng)
    genes = [f"SIM{i:0{len(str(n_genes))}d}" for i in range(1, n_genes + 1)]
    loadings = _draw_loadings(activities, genes, rng)
    table = pd.DataFrame({"level": on_grid(rng.normal(0, LEVEL_SD, n_genes))}, index=genes)
    table["size"] = on_grid(SIZE * np.exp(rng.normal(0, SIZE_SD, n_genes)))
    library = on_grid(
        depth * n_genes * np.exp(rng.normal(-(LIBRARY_SD**2) / 2, LIBRARY_SD, n_cells))
    )
    expected = _share_library(activities, loadings, table["level"])
    X = _draw_counts(expected, library, table["size"], rng)
    lost, table["dropout"] = _draw_dropouts(X, expected * np.float32(depth * n_genes), dropout, rng)
    X[lost] = 0
    truth = {
        "activities": activities,
        "loadings": loadings,
        "genes": table,
        "cells": pd.DataFrame({"library": library}, index=obs.index),
    }
    return SimulatedCells(X, obs, genes, expected, lost, truth)


def _draw_types(n_cells: int, rng: np.random.Generator) -> pd.DataFrame:
    kinds = np.repeat(list(TYPES), share_out(n_cells, np.array(list(TYPES.values()))))
    names = pd.Index(
        [f"C{i:0{len(str(n_cells))}d}" for i in range(1, n_cells + 1)], name="sample_id"
    )
    obs = pd.DataFrame({"cell_type": rng.permutation(kinds)}, index=names)
    return obs.assign(family=obs["cell_type"].str[0])


def _draw_activities(obs: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Activities (n_cells, n_features): families and types as 0 and 1, programmes of standard
    deviation 1, and those gated by family.
    """
    programmes = on_grid(rng.normal(size=(len(obs), N_PROGRAMMES)))
    features = {f"family {name}": obs["family"] == name for name in GATED} | {
        f"type {name}": obs["cell_type"] == name for name in TYPES
    }
    features |= {f"programme {k}": programmes[:, k] for k in range(N_PROGRAMMES)}
    features |= {
        f"gated {k} in {name}": programmes[:, k] * (obs["family"] == name)
        for name, k in GATED.items()
    }
    return pd.DataFrame(features, index=obs.index).astype(float)


def _draw_loadings(
    activities: pd.DataFrame, genes: list[str], rng: np.random.Generator
) -> pd.DataFrame:
    """Effects (n_genes, n_features) on log expression."""
    share, sd = np.array([EFFECTS[feature.split()[0]] for feature in activities]).T
    shape = (len(genes), activities.shape[1])
    effects = np.where(rng.random(shape) < share, rng.normal(size=shape) * sd, 0)
    return pd.DataFrame(on_grid(effects), index=genes, columns=activities.columns)


def _share_library(
    activities: pd.DataFrame, loadings: pd.DataFrame, level: pd.Series
) -> np.ndarray:
    """Shares (n_cells, n_genes) of the library: exp(log expression), divided by its sum."""
    shares = np.empty((len(activities), len(loadings)), dtype=np.float32)
    for start in range(0, len(shares), ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        expression = np.exp(activities.to_numpy()[block] @ loadings.to_numpy().T + level.to_numpy())
        shares[block] = expression / expression.sum(axis=1, keepdims=True)
    return shares


def _draw_counts(
    expected: np.ndarray, library: np.ndarray, size: pd.Series, rng: np.random.Generator
) -> np.ndarray:
    """Counts (n_cells, n_genes), Poisson, whose rates are Gamma distributed: of mean ``library *
    expected``, and the genes' sizes.
    """
    X, sizes = np.empty_like(expected), size.to_numpy(np.float32)
    for start in range(0, len(X), ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        mean = expected[block] * library[block, None].astype(np.float32)
        X[block] = rng.poisson(
            rng.standard_gamma(np.broadcast_to(sizes, mean.shape), dtype=np.float32) / sizes * mean
        )
    return X


def _draw_dropouts(
    X: np.ndarray, level: np.ndarray, dropout: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw which counts above zero are lost (n_cells, n_genes), and return the mean probability of
    each gene (n_genes,).

    The probability is logistic in the log of ``level``, the expected count at the mean library.
    """
    lost, total = np.zeros(X.shape, dtype=bool), np.zeros(X.shape[1])
    shift = _find_shift(X, level, dropout) if dropout else -np.inf
    for start in range(0, len(X), ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        drawn = rng.random(X[block].shape, dtype=np.float32)
        if dropout:
            probability = _lose(level[block], shift)
            lost[block] = (drawn < probability) & (X[block] > 0)
            total += probability.sum(axis=0, dtype=np.float64)
    return lost, total / len(X)


def _lose(level: np.ndarray, shift: float) -> np.ndarray:
    """Probability of a drop-out: sigmoid(shift - slope * log(level))."""
    return 1 / (1 + np.exp(DROPOUT_SLOPE * np.log(level) - np.float32(shift)))


def _find_shift(X: np.ndarray, level: np.ndarray, dropout: float) -> float:
    """Shift at which the planted share of the counts above zero is lost, in evenly spaced cells, by
    bisection.
    """
    rows = np.linspace(0, len(X) - 1, min(N_SAMPLED, len(X))).astype(int)
    seen = level[rows][X[rows] > 0].astype(np.float64)
    low, high = -20.0, 20.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if _lose(seen, middle).mean() < dropout else (low, middle)
    return float(on_grid(np.array(low)))
