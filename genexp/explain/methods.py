"""Attribution methods, by their name in the configuration.

Saliency is the gradient of the target at the sample itself; the other methods distribute the change
of the target from a baseline to the sample over the genes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from genexp.explain.attribution import (
    Baseline,
    Method,
    TargetAttribution,
    average_gradients,
    choose_baselines,
    integrate_gradients,
    pull_to_genes,
)
from genexp.model.encoder import Network

N_BASELINES = 16
"""Number of train samples that are baselines of expected gradients."""
STEPS_EACH = 8
"""Points on the path from each of them (midpoint rule)."""


def find_saliency(
    network: Network, X: np.ndarray, baseline: np.ndarray, weights: np.ndarray
) -> Iterator[TargetAttribution]:
    """Saliency (Simonyan, Vedaldi and Zisserman, arXiv:1312.6034, 2013): the gradient of a target
    at each sample, target by target.

    Parameters
    ----------
    network : Network
        Genes to latents.
    X : ndarray of float32, (n, n_genes)
    baseline : ndarray
        Not used: the gradient is that at the sample.
    weights : ndarray of float32, (n_targets, n_latent)

    Yields
    ------
    TargetAttribution
        One for each target, in units of the target per unit of the gene; gradients do not add up to
        anything, so ``delta`` is NaN.
    """
    here = network.layers[0].map(X)
    gradients = average_gradients(network.layers, here, here, n_steps=1)
    for weight in weights:
        slopes = pull_to_genes(network, weight, gradients)
        yield TargetAttribution(slopes, slopes.mean(axis=0), float("nan"))


def expect_gradients(
    network: Network, X: np.ndarray, baselines: np.ndarray, weights: np.ndarray
) -> Iterator[TargetAttribution]:
    """Expected gradients (Erion et al., Nature Machine Intelligence 2021), an estimate of SHAP
    values, target by target.

    EG_j(x) = mean over baselines b and t in (0, 1) of (x_j - b_j) * the gradient at b + t (x - b).
    Erion et al. draw t; here the path from every baseline has ``STEPS_EACH`` steps. EG is therefore
    the mean of integrated gradients, and adds up to the difference of the target from its mean over
    the baselines.

    Parameters
    ----------
    network : Network
        Genes to latents.
    X : ndarray of float32, (n, n_genes)
    baselines : ndarray of float32, (n_baselines, n_genes)
        Train samples.
    weights : ndarray of float32, (n_targets, n_latent)

    Yields
    ------
    TargetAttribution
        One for each target.
    """
    first = network.layers[0]
    starts, end = first.map(baselines), first.map(X)
    gradients = [
        average_gradients(network.layers, start[None], end, STEPS_EACH) for start in starts
    ]
    change = network(X) - network(baselines).mean(axis=0)
    for weight in weights:
        values, slope = np.zeros(X.shape, dtype=np.float32), np.zeros(X.shape[1])
        for baseline, gradient in zip(baselines, gradients, strict=True):
            slopes = pull_to_genes(network, weight, gradient)
            slope += slopes.mean(axis=0) / len(baselines)
            values += slopes * (X - baseline) / np.float32(len(baselines))
        yield TargetAttribution.of(values, slope, change @ weight)


def choose_none(X_train: np.ndarray, obs: pd.DataFrame, seed: int) -> tuple[Baseline, ...]:
    """Placeholder for the baseline of a method without one."""
    return (Baseline(np.zeros(X_train.shape[1], dtype=np.float32), ""),)


def draw_baselines(X_train: np.ndarray, obs: pd.DataFrame, seed: int) -> tuple[Baseline, ...]:
    """``N_BASELINES`` random train samples, and as many others; half of the samples each where
    there are few.
    """
    n = min(N_BASELINES, len(X_train) // 2)
    rows = np.random.default_rng(seed).permutation(len(X_train))
    first, second = np.sort(rows[:n]), np.sort(rows[n : 2 * n])
    return Baseline(np.array(X_train[first]), f"{n} train samples"), Baseline(
        np.array(X_train[second]), f"{n} other train samples"
    )


METHODS: Mapping[str, Method] = {
    "integrated_gradients": Method("integrated gradients", integrate_gradients, choose_baselines),
    "saliency": Method("saliency", find_saliency, choose_none),
    "expected_gradients": Method("expected gradients", expect_gradients, draw_baselines),
}
"""Methods by name."""
