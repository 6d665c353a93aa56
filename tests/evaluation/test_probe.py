"""The probe: planted classes are read, permuted ones are not, rare and absent ones are handled."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from genexp.evaluation.probe import bootstrap_macro_f1, evaluate_probe
from tests.outcomes import unpack
from tests.planted_latents import make_latents, make_obs, plant_classes


def relabel(part, label):
    return make_latents(part.part, part.obs.assign(label=pd.Categorical(label)), part.z)


def test_planted_classes_are_read_from_the_latents():
    probe, notes = unpack(
        evaluate_probe(plant_classes("train", 200, 0), plant_classes("test", 80, 1), seed=0)
    )
    assert notes == []
    assert probe.scores.loc["encoder", "macro_f1"] > 0.98
    assert probe.classes == ("a", "b", "c")
    assert probe.per_class["n_train"].sum() == 180
    assert len(probe.predictions) == 72


def test_scores_equal_scikit_learn():
    probe, _ = unpack(
        evaluate_probe(
            plant_classes("train", 200, 0, distance=1.5),
            plant_classes("test", 80, 1, distance=1.5),
            seed=0,
        )
    )
    truth, found = probe.predictions["truth"], probe.predictions["encoder"]
    assert probe.scores.loc["encoder", "macro_f1"] == pytest.approx(
        f1_score(truth, found, average="macro")
    )
    assert probe.scores.loc["encoder", "balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(truth, found)
    )
    assert probe.confusion.to_numpy().sum() == len(truth)
    assert probe.confusion.loc["a", "b"] == ((truth == "a") & (found == "b")).sum()


@pytest.mark.slow
def test_permuted_labels_give_chance_level():
    planted, scores = plant_classes("train", 90, 0), []
    train = make_latents("train", planted.obs, {"encoder": planted.z["encoder"]})
    for seed in range(20):
        permuted = relabel(
            train, train.obs["label"].to_numpy()[np.random.default_rng(seed).permutation(90)]
        )
        probe, _ = unpack(evaluate_probe(permuted, plant_classes("test", 60, 100 + seed), seed=0))
        scores.append(probe.scores.loc["encoder", "balanced_accuracy"])
    assert abs(np.mean(scores) - 1 / 3) < 2 * np.std(scores) / np.sqrt(20) + 0.02


@pytest.mark.slow
def test_permuted_labels_give_the_macro_f1_that_the_same_predictions_have_with_any_labels():
    """Over 20 permutations of the train labels, the mean gain over shuffled test labels is within 2
    standard errors of 0.
    """
    planted, test, gains = plant_classes("train", 90, 0), plant_classes("test", 60, 1), []
    train = make_latents("train", planted.obs, {"encoder": planted.z["encoder"]})
    for seed in range(20):
        rng = np.random.default_rng(seed)
        permuted = relabel(train, train.obs["label"].to_numpy()[rng.permutation(90)])
        probe, _ = unpack(evaluate_probe(permuted, test, seed=0))
        truth, found = (
            probe.predictions["truth"].to_numpy(),
            probe.predictions["encoder"].to_numpy(),
        )
        chance = np.mean(
            [f1_score(rng.permutation(truth), found, average="macro") for _ in range(50)]
        )
        gains.append(probe.scores.loc["encoder", "macro_f1"] - chance)
    assert abs(np.mean(gains)) < 2 * np.std(gains, ddof=1) / np.sqrt(20)


def test_class_with_one_train_sample_or_none_is_left_out_with_a_note():
    train, test = plant_classes("train", 100, 0), plant_classes("test", 40, 1)
    train_label, test_label = train.obs["label"].astype(object), test.obs["label"].astype(object)
    train_label.iloc[0], test_label.iloc[0], test_label.iloc[1] = "rare", "rare", "new"
    probe, notes = unpack(
        evaluate_probe(relabel(train, train_label), relabel(test, test_label), seed=0)
    )
    assert notes == ["Probe: classes with fewer than 2 train samples were excluded: 2 (new, rare)."]
    assert probe.classes == ("a", "b", "c")


def test_class_without_test_samples_counts_for_no_average():
    train, test = plant_classes("train", 100, 0), plant_classes("test", 60, 1)
    probe, _ = unpack(
        evaluate_probe(
            train,
            relabel(test, test.obs["label"].astype(object).where(test.obs["label"] != "c")),
            seed=0,
        )
    )
    assert np.isnan(probe.per_class.loc["c", "f1"])
    assert probe.per_class.loc["c", "n_test"] == 0
    assert probe.scores.loc["encoder", "macro_f1"] > 0.98


def test_single_class_or_no_labelled_test_sample_is_a_note():
    train, test = plant_classes("train", 40, 0), plant_classes("test", 40, 1)
    assert unpack(
        evaluate_probe(relabel(train, ["a"] * 40), relabel(test, ["a"] * 40), seed=0)
    ) == (
        None,
        ["No probe: 1 classes with 2 or more train samples, 40 test samples of them."],
    )
    assert unpack(evaluate_probe(train, relabel(test, [None] * 40), seed=0))[0] is None


def test_cohort_without_label_is_silently_skipped():
    part = make_latents("train", make_obs("train", 5), np.zeros((5, 3)))
    assert unpack(evaluate_probe(part, part, seed=0)) == (None, [])


def test_classes_of_two_samples_can_be_probed():
    train, test = plant_classes("train", 60, 0), plant_classes("test", 30, 1)
    few = train.obs["label"].astype(object).where(train.obs["label"].astype(object).eq("a"))
    few.iloc[[3, 5]] = "b"
    probe, _ = unpack(evaluate_probe(relabel(train, few), test, seed=0))
    assert probe.per_class.loc["b", "n_train"] == 2


def test_corrupted_test_rows_leave_the_probe_unchanged():
    train, test = (
        plant_classes("train", 150, 0, distance=1.5),
        plant_classes("test", 60, 1, distance=1.5),
    )
    other_rows = np.concatenate([test.z["encoder"][:30], 1e3 * test.z["encoder"][30:]])
    before, _ = unpack(evaluate_probe(train, test, seed=0))
    after, _ = unpack(evaluate_probe(train, make_latents("test", test.obs, other_rows), seed=0))
    untouched = [name for name in before.predictions.index if int(name.removeprefix("test")) < 30]
    pd.testing.assert_frame_equal(
        before.predictions.loc[untouched], after.predictions.loc[untouched]
    )
    assert before.scores["C"].equals(after.scores["C"])


def test_macro_f1_in_a_bootstrap_is_that_of_repeated_samples():
    rng = np.random.default_rng(0)
    truth, found, weights = (
        rng.choice(list("abc"), 50),
        rng.choice(list("abc"), 50),
        rng.integers(0, 3, 50),
    )
    often = np.repeat(np.arange(50), weights)
    expected = f1_score(truth[often], found[often], average="macro")
    assert bootstrap_macro_f1(truth, found, weights[None].astype(float))[0] == pytest.approx(
        expected
    )
    assert np.isnan(bootstrap_macro_f1(truth, found, np.zeros((1, 50)))[0])
