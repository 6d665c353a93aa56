"""Discrimination and calibration of the label: equal to scikit-learn, and chance where the label is
noise.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from genexp.evaluation.bootstrap import draw_weights
from genexp.evaluation.discrimination import (
    Discrimination,
    evaluate_discrimination,
    restore_frequencies,
)
from genexp.evaluation.latents import PartLatents
from genexp.evaluation.probe import Probe, evaluate_probe
from genexp.evaluation.task import Skipped
from genexp.report.figures.discrimination import plot_discrimination
from tests.planted_latents import make_latents, make_obs, plant_classes


def evaluate(train: PartLatents, test: PartLatents) -> Discrimination:
    probe = evaluate_probe(train, test, seed=0)
    assert isinstance(probe, Probe)
    weights = draw_weights(test.obs["group"].to_numpy(), 0)
    result = evaluate_discrimination(train, test, probe, weights)
    assert isinstance(result, Discrimination)
    return result


def test_scores_are_those_of_the_logged_probabilities() -> None:
    result = evaluate(
        plant_classes("train", 200, 0, distance=1.5), plant_classes("test", 120, 1, distance=1.5)
    )
    truth, probabilities = result.truth, result.probabilities
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert result.scores.loc["encoder", "auroc"] == pytest.approx(
        roc_auc_score(truth, probabilities, multi_class="ovr")
    )
    one_hot = pd.get_dummies(truth)[list(probabilities)].to_numpy()
    assert result.scores.loc["encoder", "auprc"] == pytest.approx(
        average_precision_score(one_hot, probabilities)
    )
    assert result.metrics["probe/brier"] == pytest.approx(
        np.square(probabilities - one_hot).sum(axis=1).mean()
    )
    row = result.scores.loc["encoder"]
    assert 0.6 < row["auroc_low"] < row["auroc"] < row["auroc_high"] < 1
    assert result.scores.loc["encoder", "auroc"] == result.scores.loc["pca", "auroc"], (
        "the same latents"
    )


def test_frequencies_come_back_so_that_probabilities_are_calibrated() -> None:
    """With classes of unequal size and one latent that is noise, the best prediction is the
    frequency of each class.
    """
    rng = np.random.default_rng(0)
    parts = []
    for part, n in (("train", 600), ("test", 600)):
        label = rng.choice(["common", "rare"], n, p=[0.9, 0.1])
        parts.append(make_latents(part, make_obs(part, n, label=label), rng.normal(size=(n, 2))))
    result = evaluate(*parts)
    assert result.probabilities["rare"].mean() == pytest.approx(0.1, abs=0.03)
    assert result.scores.loc["encoder", "brier"] == pytest.approx(2 * 0.1 * 0.9, abs=0.04)
    assert 0.4 < result.scores.loc["encoder", "auroc"] < 0.6
    np.testing.assert_allclose(
        restore_frequencies(np.array([[0.5, 0.5]]), np.array([0.9, 0.1])), [[0.9, 0.1]]
    )


def test_calibration_has_groups_of_equal_size_in_order() -> None:
    result = evaluate(
        plant_classes("train", 200, 0, distance=2), plant_classes("test", 100, 1, distance=2)
    )
    table = result.calibration.loc[["a"]]
    assert table["n"].sum() == len(result.truth)
    assert table["predicted"].is_monotonic_increasing
    assert (table["n"] * table["observed"]).sum() == pytest.approx((result.truth == "a").sum())


def test_a_class_without_test_samples_has_no_curve_and_one_class_alone_gives_none() -> None:
    train, test = plant_classes("train", 200, 0), plant_classes("test", 60, 1)
    few = PartLatents(
        "test",
        test.obs.assign(label=test.obs["label"].astype(object).where(test.obs["label"] != "c")),
        test.z,
    )
    result = evaluate(train, few)
    assert np.isnan(result.per_class.loc["c", "auroc"])
    assert np.isfinite(result.scores.loc["encoder", "auroc"])
    alone = PartLatents("test", test.obs.assign(label="a"), test.z)
    probe = evaluate_probe(train, alone, seed=0)
    assert isinstance(probe, Probe)
    skipped = evaluate_discrimination(
        train, alone, probe, draw_weights(alone.obs["group"].to_numpy(), 0)
    )
    assert isinstance(skipped, Skipped)
    assert skipped.notes == ("No ROC curves: all labelled test samples are of one class (a).",)


def test_the_figure_has_a_curve_for_each_class_that_ends_at_the_corner() -> None:
    result = evaluate(
        plant_classes("train", 200, 0, distance=1.5), plant_classes("test", 120, 1, distance=1.5)
    )
    roc, precision, _ = plot_discrimination(result).axes
    curves = roc.lines[1:]
    assert [line.get_label().split(":")[0] for line in curves] == ["a", "b", "c"]
    for line, name in zip(curves, "abc", strict=True):
        x, y = line.get_xdata(), line.get_ydata()
        assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
        assert np.trapezoid(y, x) == pytest.approx(result.per_class.loc[name, "auroc"])
    assert len(precision.lines) == 3
