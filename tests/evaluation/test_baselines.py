"""Baselines are what they are called: checked against scikit-learn, SciPy and models on all
genes.
"""

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.decomposition import NMF
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances

from genexp.evaluation.baselines import (
    BASELINES,
    fit_nmf,
    fit_pca,
    fit_random,
    fit_raw,
    solve_nonnegative,
)
from genexp.survival.cox import fit_cox, fit_wide_cox, likelihood_of_risk, partial_likelihood

N_GENES, N_LATENT = 400, 4


def make_rows(n: int, seed: int) -> np.ndarray:
    """Scaled rows (n, N_GENES) of four non-negative factors with noise."""
    factors = np.random.default_rng(seed).gamma(1.0, size=(n, N_LATENT))
    genes = np.random.default_rng(99).gamma(0.5, size=(N_LATENT, N_GENES))
    rows = factors @ genes + 0.1 * np.random.default_rng(seed + 1).normal(size=(n, N_GENES))
    return ((rows - 2) / 1.5).astype(np.float32)


def r2(one, train, X):
    return (
        1
        - np.square(X - one.decode(one.latents(X))).sum() / np.square(X - train.mean(axis=0)).sum()
    )


def test_weights_are_those_of_scipys_nonnegative_least_squares():
    rng = np.random.default_rng(0)
    genes, rows = rng.random((5, 30)), rng.normal(size=(7, 30))
    found = solve_nonnegative(genes @ genes.T, genes @ rows.T, np.zeros((5, 7)), n_sweeps=500)
    np.testing.assert_allclose(found.T, [nnls(genes.T, row)[0] for row in rows], atol=1e-6)


def test_nmf_rebuilds_held_out_rows_as_well_as_scikit_learns():
    train, test = make_rows(90, 0), make_rows(40, 5)
    floor = train.min(axis=0)
    theirs = NMF(N_LATENT, init="nndsvda", max_iter=1000, tol=1e-5).fit(train - floor)
    rebuilt = theirs.transform(np.maximum(test - floor, 0)) @ theirs.components_ + floor
    reference = 1 - np.square(test - rebuilt).sum() / np.square(test - train.mean(axis=0)).sum()
    ours = fit_nmf(train, N_LATENT, seed=0)
    assert (ours.latents(test) >= 0).all()
    assert r2(ours, train, test) > reference - 0.01
    np.testing.assert_array_equal(
        ours.latents(test), fit_nmf(train, N_LATENT, seed=0).latents(test)
    )


def test_random_projection_is_decoded_by_least_squares_of_the_train_rows():
    train = make_rows(90, 0)
    found = fit_random(train, N_LATENT, seed=0)
    z, centred = found.latents(train), train - train.mean(axis=0)
    best = z @ np.linalg.lstsq(z, centred, rcond=None)[0] + train.mean(axis=0)
    np.testing.assert_allclose(found.decode(z), best, atol=1e-4)
    assert r2(found, train, make_rows(40, 5)) < r2(
        fit_pca(train, N_LATENT), train, make_rows(40, 5)
    )


def test_a_probe_on_raw_genes_is_the_one_on_all_genes():
    train, test = make_rows(60, 0), make_rows(40, 5)
    labels = np.where(train[:, :5].sum(axis=1) > np.median(train[:, :5].sum(axis=1)), "a", "b")
    raw = fit_raw(train, N_LATENT, 0)
    centre = train.mean(axis=0)
    factor = N_LATENT / np.square(train - centre).sum() * len(train)
    in_span = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(raw.latents(train), labels)
    on_genes = LogisticRegression(C=factor, tol=1e-8, max_iter=5000).fit(train - centre, labels)
    np.testing.assert_allclose(
        in_span.predict_proba(raw.latents(test)), on_genes.predict_proba(test - centre), atol=1e-3
    )


def test_raw_genes_keep_their_distances():
    train, test = make_rows(60, 0), make_rows(10, 5)
    raw = fit_raw(train, N_LATENT, 0)
    genes, found = pairwise_distances(train), pairwise_distances(raw.latents(train))
    factor = genes[0, 1] / found[0, 1]
    np.testing.assert_allclose(found * factor, genes, rtol=1e-3, atol=1e-3)
    nearest = pairwise_distances(raw.latents(test), raw.latents(train)).argsort(axis=1)
    np.testing.assert_array_equal(nearest, pairwise_distances(test, train).argsort(axis=1))
    assert np.square(raw.latents(train)).sum(axis=1).mean() == pytest.approx(N_LATENT, rel=1e-3)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_takes_fewer_samples_than_components(name):
    train = make_rows(12, 0)[:, :30]
    found = BASELINES[name](train, 20, 0)
    z = found.latents(make_rows(5, 3)[:, :30])
    assert np.isfinite(z).all()
    assert found.decode is None or np.isfinite(found.decode(z)).all()


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_takes_fewer_genes_than_samples_and_components(name):
    train = make_rows(60, 0)[:, :6]
    z = BASELINES[name](train, 8, 0).latents(train)
    assert np.isfinite(z).all()


def make_follow_up(n: int, n_columns: int):
    """Covariates and tied follow-up that depends on the first of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, n_columns))
    time = np.ceil(rng.exponential(10 * np.exp(-X[:, 0])))
    return X, time, rng.random(n) < 0.6


def test_likelihood_of_risk_and_its_slope_are_those_of_the_regression():
    X, time, event = make_follow_up(80, 3)
    beta = np.array([0.5, -0.2, 0.1])
    value, gradient, _ = partial_likelihood(X, time, event, beta)
    found, slope = likelihood_of_risk(X @ beta, time, event)
    assert found == pytest.approx(value)
    np.testing.assert_allclose(X.T @ slope, gradient, atol=1e-9)


@pytest.mark.parametrize("penalty", [0.003, 1.0])
def test_regression_on_many_columns_is_that_of_newton(penalty):
    X, time, event = make_follow_up(80, 150)
    np.testing.assert_allclose(
        fit_wide_cox(X, time, event, penalty),
        fit_cox(X, time, event, penalty).coefficients,
        atol=1e-4,
    )
