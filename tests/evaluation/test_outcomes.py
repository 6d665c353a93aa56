"""Continuous outcomes: planted ones are found, noise is not, and numbers are those of
scikit-learn.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score

from genexp.errors import EvaluationError
from genexp.evaluation.bootstrap import draw_weights
from genexp.evaluation.folds import draw_group_folds
from genexp.evaluation.latents import PartLatents
from genexp.evaluation.outcomes import (
    Outcomes,
    choose_ridge_penalty,
    draw_r2,
    evaluate_outcomes,
    predict_ridge,
    read_outcome,
)
from genexp.evaluation.task import Skipped
from genexp.report.figures.outcomes import plot_outcomes
from tests.planted_latents import make_latents, make_obs


def plant_age(part: str, n: int, seed: int, noise: float = 5.0) -> PartLatents:
    """Age that follows the first of four latents, and a column that follows none; every tenth age
    is unknown.
    """
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 4))
    age = 60 + 10 * z[:, 0] + noise * rng.normal(size=n)
    age[::10] = np.nan
    return make_latents(part, make_obs(part, n, age=age, luck=rng.normal(size=n)), z)


def evaluate(
    train: PartLatents, test: PartLatents, names: tuple[str, ...] = ("age", "luck")
) -> Outcomes:
    result = evaluate_outcomes(
        train, test, names, draw_weights(test.obs["group"].to_numpy(), 0), seed=0
    )
    assert isinstance(result, Outcomes)
    return result


def test_a_planted_outcome_is_found_and_noise_is_not() -> None:
    scores = evaluate(plant_age("train", 300, 0), plant_age("test", 200, 1)).scores.set_index(
        "representation", append=True
    )
    age, luck = scores.loc[("age", "encoder")], scores.loc[("luck", "encoder")]
    assert age["r2"] == pytest.approx(0.8, abs=0.06), "100 of the variance of 125 can be explained"
    assert age["r2_low"] < age["r2"] < age["r2_high"]
    assert age["mae"] < 0.6 * age["mae_mean"]
    assert luck["r2"] < 0.05
    assert abs(luck["spearman"]) < 0.2
    assert luck["penalty"] == 10.0, "the largest: nothing can be predicted"
    assert age["n_test"] == 180


def test_scores_are_those_of_scikit_learn() -> None:
    train, test = plant_age("train", 200, 0), plant_age("test", 100, 1)
    result = evaluate(train, test, ("age",))
    table = result.samples.dropna()
    truth, predicted = table["truth: age"], table["encoder: age"]
    metrics = result.metrics
    assert metrics["outcome_age/r2"] == pytest.approx(r2_score(truth, predicted))
    assert metrics["outcome_age/mae"] == pytest.approx(mean_absolute_error(truth, predicted))
    assert metrics["outcome_age/spearman"] == pytest.approx(spearmanr(truth, predicted).statistic)
    assert metrics["outcomes/r2"] == metrics["outcome_age/r2"]
    assert metrics["outcome_age/r2_pca"] == metrics["outcome_age/r2"], "the same latents"
    weights = np.random.default_rng(0).integers(0, 3, (4, len(table))).astype(float)
    expected = [r2_score(truth, predicted, sample_weight=w) for w in weights]
    np.testing.assert_allclose(draw_r2(truth.to_numpy(), predicted.to_numpy(), weights), expected)


@pytest.mark.parametrize("n_columns", [5, 80])
def test_ridge_is_that_of_scikit_learn_in_either_form(n_columns: int) -> None:
    rng = np.random.default_rng(0)
    z, y, new = (
        rng.normal(size=(40, n_columns)),
        rng.normal(size=40),
        rng.normal(size=(7, n_columns)),
    )
    alpha = 40 * 0.1 * np.square(z - z.mean(axis=0)).mean()
    np.testing.assert_allclose(
        predict_ridge(z, y, new, 0.1), Ridge(alpha=alpha).fit(z, y).predict(new), rtol=1e-8
    )


def test_test_samples_change_nothing_that_is_fitted() -> None:
    train, test = plant_age("train", 100, 0), plant_age("test", 60, 1)
    wild = replace(test, obs=test.obs.assign(age=test.obs["age"] * 100))
    before, after = evaluate(train, test, ("age",)), evaluate(train, wild, ("age",))
    pd.testing.assert_series_equal(before.scores["penalty"], after.scores["penalty"])
    pd.testing.assert_series_equal(before.samples["encoder: age"], after.samples["encoder: age"])


def test_folds_keep_groups_together_and_the_largest_penalty_wins_a_tie() -> None:
    groups = np.repeat([f"p{i}" for i in range(30)], 2)
    folds = draw_group_folds(groups, 5, 0)
    assert (folds[::2] == folds[1::2]).all()
    assert set(folds) == {0, 1, 2, 3, 4}
    assert choose_ridge_penalty(np.zeros((60, 2)), np.arange(60.0), folds) == 10.0


def test_columns_that_are_no_numbers_are_refused_with_what_to_do() -> None:
    obs = make_obs("train", 30, stage=["I", "II", "III"] * 10, dead=[0, 1] * 15)
    for name, message in (
        ("stage", "expected numbers; found 3"),
        ("dead", "label="),
        ("weight", "expected a column of the annotations"),
    ):
        with pytest.raises(EvaluationError, match=message):
            read_outcome(obs, name)


def test_an_outcome_that_few_know_is_left_out_with_a_note() -> None:
    train, test = plant_age("train", 100, 0), plant_age("test", 60, 1)
    few = replace(test, obs=test.obs.assign(age=test.obs["age"].where(np.arange(60) < 5)))
    weights = draw_weights(few.obs["group"].to_numpy(), 0)
    skipped = evaluate_outcomes(train, few, ("age",), weights, seed=0)
    assert isinstance(skipped, Skipped)
    assert skipped.notes == (
        "Outcome age: 90 train and 4 test samples have a value; 20 and 10 are needed.",
    )
    both = evaluate_outcomes(train, few, ("age", "luck"), weights, seed=0)
    assert isinstance(both, Outcomes)
    assert set(both.scores.index) == {"luck"}
    assert len(both.notes) == 1


def test_words_among_the_values_of_test_samples_are_named() -> None:
    train, test = plant_age("train", 100, 0), plant_age("test", 60, 1)
    worded = test.obs.astype({"age": object})
    worded.loc[worded.index[[3, 7]], "age"] = "unknown"
    result = evaluate(train, replace(test, obs=worded), ("age",))
    assert result.notes == (
        "Outcome age: in place of numbers, test samples have 1 (unknown); these samples were left "
        "out.",
    )
    assert result.scores["n_test"].tolist()[0] == 52


def test_the_figure_has_a_panel_for_each_outcome() -> None:
    figure = plot_outcomes(evaluate(plant_age("train", 100, 0), plant_age("test", 60, 1)))
    assert [axes.get_xlabel() for axes in figure.axes] == ["age, true", "luck, true"]
    assert "R² 0." in figure.axes[0].get_title(loc="left")
