"""Areas under curves: those of scikit-learn, for any weights and ties."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from genexp.evaluation.ranking import (
    draw_auroc,
    draw_average_precision,
    draw_column_mean,
    score_columns,
)


@pytest.mark.parametrize("ties", [False, True])
def test_areas_are_those_of_scikit_learn_weighted_or_not(ties: bool) -> None:
    rng = np.random.default_rng(0)
    member, score = rng.random(80) < 0.3, rng.normal(size=80)
    score = np.round(score + member, 0 if ties else 9)
    weights = rng.integers(0, 4, (5, 80)).astype(float)
    for draw, reference in (
        (draw_auroc, roc_auc_score),
        (draw_average_precision, average_precision_score),
    ):
        expected = [reference(member, score, sample_weight=w) for w in weights]
        np.testing.assert_allclose(draw(member, score, weights), expected, rtol=1e-12)


def test_areas_of_a_draw_without_members_are_not_defined() -> None:
    member, score = np.array([True, False, False]), np.array([0.9, 0.5, 0.1])
    weights = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 0.0]])
    assert np.isnan(draw_auroc(member, score, weights)).tolist() == [True, True]
    assert np.isnan(draw_average_precision(member, score, weights)).tolist() == [True, False]


def test_the_mean_over_columns_is_that_of_scikit_learn_with_weights_and_ties() -> None:
    rng = np.random.default_rng(3)
    truth, scores = rng.random((80, 3)) < [0.1, 0.5, 0.9], np.round(rng.normal(size=(80, 3)), 1)
    assert len(np.unique(scores)) < scores.size / 2, "there are ties"
    weights = rng.integers(0, 3, (4, 80)).astype(float)
    expected = [
        np.mean(
            [average_precision_score(truth[:, t], scores[:, t], sample_weight=w) for t in range(3)]
        )
        for w in weights
    ]
    assert draw_column_mean(draw_average_precision, truth, scores, weights) == pytest.approx(
        expected
    )
    assert score_columns(draw_average_precision, truth, scores) == pytest.approx(
        [average_precision_score(truth[:, t], scores[:, t]) for t in range(3)]
    )


def test_columns_that_a_draw_lacks_are_left_out_of_its_mean() -> None:
    truth, scores = (
        np.array([[True, False], [False, True], [False, False]]),
        np.array([[3.0, 1.0], [2.0, 3.0], [1.0, 2.0]]),
    )
    assert draw_column_mean(
        draw_average_precision, truth, scores, np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    ) == pytest.approx([1.0, np.nan], nan_ok=True)
