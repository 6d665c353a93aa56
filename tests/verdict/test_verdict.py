"""Baselines, reconstruction and the verdict's words and intervals."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from genexp.evaluation.baselines import Representation, fit_pca
from genexp.evaluation.bootstrap import draw_weights
from genexp.evaluation.reconstruction import bootstrap_r2, evaluate_reconstruction
from genexp.verdict.verdict import name_outcome
from tests.planted_latents import make_latents, make_obs


@pytest.mark.parametrize("shape", [(40, 3000), (200, 30)])
def test_pca_is_exact_by_either_way(shape):
    X = np.random.default_rng(0).normal(loc=3, size=shape).astype(np.float32)
    ours, theirs = fit_pca(X, 5), PCA(5, svd_solver="full").fit(X.astype(np.float64))
    np.testing.assert_allclose(np.abs(ours.encode(X)), np.abs(theirs.transform(X)), atol=1e-8)
    np.testing.assert_allclose(
        ours.decode(ours.encode(X)), theirs.inverse_transform(theirs.transform(X)), atol=1e-8
    )


def test_pca_of_few_samples_stops_at_their_rank():
    X = np.random.default_rng(0).normal(size=(6, 50)).astype(np.float32)
    pca = fit_pca(X, 32)
    assert pca.encode(X).shape == (6, 5)
    np.testing.assert_allclose(pca.decode(pca.encode(X)), X, atol=1e-6)


def rebuild(X, guesses):
    """Reconstruction of rows by fixed guesses, one for each representation."""
    ways = [
        Representation(name, encode=lambda x: x, decode=lambda z, guess=guess: guess)
        for name, guess in guesses.items()
    ]
    test = make_latents(
        "test", make_obs("test", len(X)), {name: np.zeros((len(X), 1)) for name in guesses}
    )
    return evaluate_reconstruction(
        ways, X, np.zeros(X.shape[1]), test, pd.Index([f"G{j}" for j in range(X.shape[1])])
    )


def test_reconstruction_scores_are_those_of_their_formula():
    X = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]])
    found = rebuild(
        X, {"encoder": np.array([[1.0, 0.0, 1.0], [3.0, 0.0, 0.0]]), "pca": np.zeros((2, 3))}
    )
    assert found.scores.loc["encoder"].to_dict() == pytest.approx({"mse": 5 / 6, "r2": 1 - 5 / 14})
    assert found.scores.loc["pca", "r2"] == 0
    assert found.genes["r2"].tolist()[:2] == [1, 0]
    assert np.isnan(found.genes.loc["G2", "r2"])
    assert found.worst_genes(1).index[0] == "G1"
    assert found.samples["encoder"].tolist() == [5, 0]
    assert bootstrap_r2(
        found.samples, "encoder", np.array([[1.0, 1.0], [0.0, 2.0]])
    ).tolist() == pytest.approx([1 - 5 / 14, 1])


def test_draws_take_whole_groups_and_repeat_by_seed():
    groups = np.array(["p1", "p1", "p2", "p3"])
    weights = draw_weights(groups, seed=0)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 1:].sum(axis=1) == 3).all()
    assert (weights == draw_weights(groups, seed=0)).all()
    assert (weights != draw_weights(groups, seed=1)).any()


def test_one_group_gives_no_draw():
    assert draw_weights(np.array(["p1", "p1"]), seed=0).shape == (0, 2)


@pytest.mark.parametrize(
    ("difference", "low", "high", "word"),
    [
        (0.02, 0.01, 0.03, "better than PCA"),
        (-0.02, -0.03, -0.01, "worse than PCA"),
        (0.02, -0.01, 0.05, "no different from PCA"),
        (1e-6, 9e-7, 2e-6, "no different from PCA"),
        (0.02, np.nan, np.nan, "undefined"),
    ],
)
def test_words_follow_the_interval(difference, low, high, word):
    assert name_outcome(difference, low, high, "PCA") == word
