"""Deletion: a planted gene's deletion takes the score away at once, in the order that attribution
and regression give.
"""

import numpy as np
import pandas as pd
import pytest

from genexp.evaluation.baselines import Representation, fit_raw
from genexp.evaluation.latents import ENCODER, RAW
from genexp.evaluation.terms import Terms, evaluate_terms
from genexp.explain.deletion import (
    ATTRIBUTION,
    LINEAR,
    RANDOM,
    SHARES,
    Deletion,
    evaluate_deletion,
    rank,
    trace_order,
    weigh_raw,
)
from genexp.model.encoder import Affine, Encoder, Network
from genexp.preprocessing.transform import Transform
from genexp.report.figures.terms import plot_deletion
from genexp.report.sections.terms import render_terms
from tests.outcomes import unpack
from tests.planted_latents import make_latents, make_obs

N_GENES, PLANTED = 400, 7


def plant(part: str, n: int, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Rows of noise, with one gene that is the term."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, N_GENES)).astype(np.float32)
    has = rng.random(n) < 0.3
    X[:, PLANTED] = np.where(has, 4, 0) + 0.2 * X[:, PLANTED]
    return X, pd.DataFrame({"planted": has}, index=make_obs(part, n).index)


def make_encoder() -> Encoder:
    """Latents: the planted gene through a rectifier, and the sums of the first and the last
    genes.
    """
    first = np.zeros((3, N_GENES), np.float32)
    first[0, PLANTED], first[1, 20:60], first[2, 300:] = 1, 0.1, 0.1
    layers = (
        Affine(first, np.zeros(3, np.float32), "relu"),
        Affine(np.eye(3, dtype=np.float32), np.zeros(3, np.float32)),
    )
    names = [f"G{j}" for j in range(N_GENES)]
    transform = Transform(
        "none", None, *np.zeros((2, N_GENES), np.float32), np.ones(N_GENES, np.float32)
    )
    return Encoder(
        names,
        names,
        "zscore",
        "mean",
        transform,
        Network(layers),
        Network((Affine(first.T, np.zeros(N_GENES, np.float32)),)),
    )


@pytest.fixture(scope="module")
def evaluated() -> tuple[Terms, Deletion]:
    rows, tables, parts, encoder = {}, [], [], make_encoder()
    for part, n, seed in (("train", 200, 0), ("test", 80, 1)):
        rows[part], table = plant(part, n, seed)
        tables.append(table)
    raw = fit_raw(rows["train"], 3, 0)
    for part, n in (("train", 200), ("test", 80)):
        z = {
            one.name: one.latents(rows[part])
            for one in (Representation(ENCODER, encoder.encoder, None), raw)
        }
        parts.append(make_latents(part, make_obs(part, n), z))
    terms, _ = unpack(evaluate_terms(*parts, pd.concat(tables), seed=0))
    assert terms is not None
    return terms, evaluate_deletion(encoder, rows, terms, *parts, seed=0)


def test_deleting_the_planted_gene_takes_the_score_away_at_once(
    evaluated: tuple[Terms, Deletion],
) -> None:
    _, deletion = evaluated
    curves = deletion.curves.set_index(["order", "share"])
    first = SHARES[SHARES * N_GENES >= 1][0]
    assert abs(curves.loc[(ATTRIBUTION, first), "deletion"]) < 0.1
    assert curves.loc[(ATTRIBUTION, first), "insertion"] > 0.9
    assert curves.loc[(RANDOM, first), "deletion"] > 0.9
    areas = deletion.areas.set_index("order")
    assert areas.loc[ATTRIBUTION, "deletion"] < areas.loc[RANDOM, "deletion"] - 0.2
    assert areas.loc[ATTRIBUTION, "insertion"] > areas.loc[RANDOM, "insertion"] + 0.2
    assert areas.loc[LINEAR, "deletion"] < areas.loc[RANDOM, "deletion"]


def test_curves_begin_with_all_genes_and_end_without_any(evaluated: tuple[Terms, Deletion]) -> None:
    _, deletion = evaluated
    for _, own in deletion.curves.groupby(["term", "order"]):
        assert own["deletion"].iloc[[0, -1]].tolist() == pytest.approx([1, 0], abs=1e-5)
        assert own["insertion"].iloc[[0, -1]].tolist() == pytest.approx([0, 1], abs=1e-5)


def test_a_linear_score_falls_by_the_genes_that_are_deleted() -> None:
    weight, x = np.arange(1.0, 101.0), np.ones((2, 100), np.float32)
    order = rank(weight)
    assert order[0] == 99
    left = trace_order(lambda rows: rows @ weight, x, np.zeros(100, np.float32), order)
    counts = np.round(SHARES * 100).astype(int)
    assert left[:, 0] == pytest.approx([weight[: 100 - n].sum() / weight.sum() for n in counts])
    assert left.sum(axis=1) == pytest.approx(np.ones(len(SHARES)))


def test_weights_of_raw_genes_are_those_of_the_directions_that_stand_for_them() -> None:
    X = np.random.default_rng(0).normal(size=(40, 90)).astype(np.float32)
    raw, mean = fit_raw(X, 5, 0), X.mean(axis=0)
    z = raw.latents(X)
    weights = pd.DataFrame(np.random.default_rng(1).normal(size=(1, z.shape[1])), index=["t"])
    genes = weigh_raw(X, mean, z, weights)["t"]
    score = z @ weights.to_numpy()[0]
    assert np.corrcoef((X - mean) @ genes, score)[0, 1] == pytest.approx(1, abs=1e-6)


def test_the_picture_and_the_section_show_every_order(evaluated: tuple[Terms, Deletion]) -> None:
    terms, deletion = evaluated
    figure = plot_deletion(deletion.curves)
    assert len(figure.axes[0].get_lines()) == 3
    text = render_terms(terms, deletion)
    assert "raw logistic regression" in text
    assert set(deletion.metrics) >= {
        "terms/deletion_area_attribution",
        "terms/insertion_area_random",
    }


def test_raw_is_needed_for_the_order_of_a_regression_only(
    evaluated: tuple[Terms, Deletion],
) -> None:
    terms, deletion = evaluated
    assert RAW in terms.weights
    assert set(deletion.areas["order"]) == {ATTRIBUTION, LINEAR, RANDOM}
