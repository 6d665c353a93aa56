"""What is left of batches in latents is seen, and its removal too."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from genexp.evaluation.batch_effects import BatchEffects, evaluate_batch_effects, measure_cramers_v
from genexp.evaluation.latents import PartLatents
from genexp.evaluation.mixing import (
    Neighbours,
    find_neighbours,
    measure_lisi,
    measure_mixing,
    weigh_distances,
)
from genexp.evaluation.probe import evaluate_probe
from genexp.report.figures.draw import draw_figures
from genexp.report.page import render_report
from genexp.verdict.evaluation import Evaluation
from tests.outcomes import unpack
from tests.small_evaluation import make_evaluation

BATCHES, LABELS = ("GSE1", "GSE2", "GSE3"), ("ser", "endo", "clear")


def make_parts(
    shift: float, n: int = 300, seed: int = 0, unlabelled: float = 0.1
) -> list[PartLatents]:
    """Latents in which batches are ``shift`` apart, and labels 3, along directions of their own;
    label and batch are independent.
    """
    rng = np.random.default_rng(seed)
    batch, label = rng.integers(3, size=n), rng.integers(3, size=n)
    z = rng.normal(size=(n, 8))
    z[:, :3] += 3 * np.eye(3)[label]
    z[:, 3:6] += shift * np.eye(3)[batch]
    obs = pd.DataFrame(
        {
            "batch": np.array(BATCHES)[batch],
            "label": np.array(LABELS)[label],
            "group": np.arange(n).astype(str),
        }
    )
    obs["label"] = obs["label"].where(rng.random(n) >= unlabelled)
    obs.index = pd.Index([f"sample{i}" for i in range(n)], name="sample_id")
    bounds = {
        "train": slice(0, n // 2),
        "val": slice(n // 2, 5 * n // 8),
        "test": slice(5 * n // 8, n),
    }
    return [
        PartLatents(part, obs[rows], {"encoder": z[rows], "pca": z[rows, :3]})
        for part, rows in bounds.items()
    ]


def judge(parts: list[PartLatents]) -> BatchEffects:
    found, notes = unpack(
        evaluate_batch_effects(parts, unpack(evaluate_probe(parts[0], parts[-1], 0))[0], seed=0)
    )
    assert notes == []
    assert found is not None
    return found


def test_a_planted_shift_of_batches_is_seen_and_its_removal_too() -> None:
    apart, removed = judge(make_parts(shift=6)), judge(make_parts(shift=0))
    with_shift, without = apart.scores.loc["encoder"], removed.scores.loc["encoder"]
    assert with_shift["silhouette_batch"] > 0.4
    assert with_shift["kbet"] > 0.95
    assert with_shift["ilisi"] < 1.1
    assert with_shift["balanced_accuracy_batch"] > 0.95
    assert abs(without["silhouette_batch"]) < 0.05
    assert without["kbet"] < 0.1
    assert without["ilisi"] == pytest.approx(removed.chance["ilisi"], abs=0.1)
    assert without["balanced_accuracy_batch"] < 0.5
    without_batch = apart.scores.loc["pca"]
    assert without_batch["ilisi"] > 2
    for one in (with_shift, without):
        assert one["balanced_accuracy_label"] > 0.8
        assert one["clisi"] < removed.chance["clisi"] - 0.3


def test_chance_is_what_permuted_batches_and_labels_give() -> None:
    chance = judge(make_parts(shift=6)).chance
    assert chance["balanced_accuracy_batch"] == chance["macro_f1_label"] == pytest.approx(1 / 3)
    assert 2.2 < chance["ilisi"] < 3
    assert chance["kbet"] < 0.1
    assert np.isnan(chance["silhouette_batch"])


def test_order_of_the_rows_does_not_matter() -> None:
    parts = make_parts(shift=2)
    order = np.random.default_rng(1).permutation(len(parts[-1].obs))
    test = PartLatents(
        "test", parts[-1].obs.iloc[order], {name: z[order] for name, z in parts[-1].z.items()}
    )
    pd.testing.assert_frame_equal(judge(parts).scores, judge([*parts[:2], test]).scores)


def test_unlabelled_samples_and_samples_of_unknown_batch_are_left_out() -> None:
    parts = make_parts(shift=2)
    test = parts[-1]
    extra = pd.DataFrame(
        {"batch": [np.nan] * 5, "label": "ser", "group": list("abcde")},
        index=[f"extra{i}" for i in range(5)],
    )
    z = {name: np.concatenate([z, np.full((5, z.shape[1]), 50.0)]) for name, z in test.z.items()}
    wider = judge([*parts[:2], PartLatents("test", pd.concat([test.obs, extra]), z)])
    columns = [name for name in wider.scores if not name.endswith("_label")]
    pd.testing.assert_frame_equal(wider.scores[columns], judge(parts).scores[columns])
    assert wider.contingency["(unknown)"].sum() == 5
    known = judge(parts).samples
    assert known["clisi_encoder"].isna().sum() == test.obs["label"].isna().sum() > 0
    assert known["ilisi_encoder"].notna().all()


def test_without_a_label_only_batches_are_scored() -> None:
    parts = [
        PartLatents(part.part, part.obs.drop(columns="label"), part.z)
        for part in make_parts(shift=2)
    ]
    found, _ = unpack(evaluate_batch_effects(parts, None, seed=0))
    assert found is not None
    assert not [name for name in found.scores if "label" in name or name == "clisi"]
    assert list(found.contingency.index) == ["all"]
    chance = {f"batch_effect/{name}_chance": value for name, value in found.chance.dropna().items()}
    assert {
        name: value for name, value in found.metrics.items() if name.endswith("_chance")
    } == chance
    assert "batch_effect/cramers_v" not in found.metrics


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (["GSE1"] * 300, "of 1 (GSE1); 10 samples of at least two batches"),
        ([None] * 300, "no test sample has a batch"),
    ],
)
def test_a_note_says_why_batch_effects_are_not_evaluated(
    batch: list[str | None], said: str
) -> None:
    parts = [
        PartLatents(part.part, part.obs.assign(batch=batch[: len(part.obs)]), part.z)
        for part in make_parts(shift=2)
    ]
    found, notes = unpack(evaluate_batch_effects(parts, None, seed=0))
    assert found is None
    assert said in notes[0]


def test_a_cohort_without_batches_is_skipped() -> None:
    parts = [
        PartLatents(part.part, part.obs.drop(columns="batch"), part.z)
        for part in make_parts(shift=2)
    ]
    assert unpack(evaluate_batch_effects(parts, None, seed=0)) == (None, [])


def test_lisi_is_one_where_groups_are_apart_and_their_number_where_they_are_mixed() -> None:
    # one of each batch at every place
    line = np.repeat(np.arange(90.0), 3)[:, None] + np.tile([0.0, 0.01, 0.02], 90)[:, None]
    mixed = measure_lisi(find_neighbours(line, 3), np.tile(list("abc"), 90))
    assert mixed.min() > 2.9
    apart = line + 1e4 * np.tile([0, 1, 2], 90)[:, None]
    np.testing.assert_allclose(measure_lisi(find_neighbours(apart, 3), np.tile(list("abc"), 90)), 1)


def test_lisi_is_the_inverse_of_simpsons_index_of_weighed_neighbours() -> None:
    neighbours = Neighbours(np.array([[1, 2, 3]]), np.array([[0.5, 0.3, 0.2]]))
    assert measure_lisi(neighbours, np.array(list("aabb")))[0] == pytest.approx(
        1 / (0.5**2 + 0.5**2)
    )
    assert measure_lisi(neighbours, np.array(list("aabc")))[0] == pytest.approx(
        1 / (0.5**2 + 0.3**2 + 0.2**2)
    )


def test_lisi_equals_that_of_its_authors() -> None:
    """``compute_lisi`` of harmonypy 0.0.10, perplexity 30, on the same points; its bisection stops
    at 1e-5.
    """
    i = np.arange(300)
    X = np.column_stack([np.sin(i * 1.7) + (i % 3), np.cos(i * 2.3), np.sin(i * i * 0.011)])
    lisi = measure_lisi(find_neighbours(X, 3), np.array(list("abc"))[i % 3])
    np.testing.assert_allclose(
        lisi[:5], [2.031514, 2.008842, 2.031143, 1.228407, 2.210488], atol=1e-5
    )
    assert lisi.mean() == pytest.approx(2.034735, abs=1e-5)


def test_weights_have_the_perplexity_that_is_asked_for_whatever_the_unit() -> None:
    distances = np.sort(np.random.default_rng(0).gamma(2, size=(20, 60)), axis=1)
    weights = weigh_distances(distances, perplexity=20)
    np.testing.assert_allclose(np.exp(-(weights * np.log(weights)).sum(axis=1)), 20, rtol=1e-6)
    np.testing.assert_allclose(weigh_distances(1000 * distances, perplexity=20), weights, rtol=1e-6)
    np.testing.assert_allclose(weigh_distances(np.zeros((2, 60)), perplexity=20), 1 / 60)


def test_mixing_is_pearsons_chi_squared_of_the_neighbours_counts() -> None:
    """Four a and six b of ten neighbours where half of all samples are a: chi2 = 2 (1^2 / 5) = 0.4
    with one degree of freedom.
    """
    groups = np.array(list("ab") * 10)
    others = np.array([[2, 4, 6, 8, 1, 3, 5, 7, 9, 11]])
    p = measure_mixing(Neighbours(others, np.ones((1, 10))), groups)
    assert p[0] == pytest.approx(0.5270893, abs=1e-6)  # R 4.2: pchisq(0.4, 1, lower.tail = FALSE)
    all_a = np.array([[2, 4, 6, 8, 10, 12, 14, 16, 18, 0]])
    # pchisq(10, 1)
    assert measure_mixing(Neighbours(all_a, np.ones((1, 10))), groups)[0] == pytest.approx(
        0.001565402, abs=1e-8
    )


def test_mixed_batches_are_rejected_at_about_the_level_of_the_test() -> None:
    rng = np.random.default_rng(0)
    rates = []
    for _ in range(30):
        z, groups = rng.normal(size=(300, 5)), rng.choice(list("abc"), 300, p=[0.2, 0.3, 0.5])
        rates.append((measure_mixing(find_neighbours(z, 3), groups) < 0.05).mean())
    assert 0.02 < np.mean(rates) < 0.06


def test_cramers_v_is_that_of_the_table() -> None:
    """The table [[20, 10], [5, 15]] has chi2 = 8.3333 (R 4.2: chisq.test(correct = FALSE)), so V =
    sqrt(8.3333 / 50).
    """
    one = pd.Series([*("a" * 30 + "b" * 20), None])
    other = pd.Series([*("x" * 20 + "y" * 10 + "x" * 5 + "y" * 15), "x"])
    assert measure_cramers_v(one, other) == pytest.approx((8.333333 / 50) ** 0.5)
    assert measure_cramers_v(other, one) == pytest.approx(measure_cramers_v(one, other))
    assert measure_cramers_v(one, one.map({"a": "2", "b": "1"})) == pytest.approx(1)
    assert np.isnan(measure_cramers_v(one, pd.Series(["x"] * 51)))


def judge_evaluation(labels: tuple[str, ...]) -> Evaluation:
    """An evaluation of made-up latents whose samples are of three batches."""
    evaluation = make_evaluation(labels=labels)
    table, batches = (
        evaluation.results["embeddings"].coordinates,
        np.array(["GSE1", "<b>GSE2</b>", "TCGA_$A"]),
    )
    batch = pd.Series(batches[np.arange(len(table)) % 7 % 3], table.index, name="batch").where(
        np.arange(len(table)) % 11 > 0
    )
    parts = []
    for part, own in table.groupby("part", sort=False):
        obs = pd.DataFrame({"batch": batch[own.index], "group": own.index}, index=own.index).assign(
            **({"label": own["label"]} if labels else {})
        )
        parts.append(
            PartLatents(str(part), obs, {"encoder": evaluation.latents.loc[own.index].to_numpy()})
        )
    effects = evaluate_batch_effects(parts, evaluation.results.get("probe"), seed=0)
    return replace(evaluation, results=evaluation.results.add("batch_effects", effects))


@pytest.mark.parametrize("labels", [("LumA", "LumB", "Basal"), ()])
def test_report_and_picture_say_what_is_left_of_the_batches(labels: tuple[str, ...]) -> None:
    evaluation = judge_evaluation(labels)
    html = render_report(evaluation)
    assert "iLISI" in html
    assert "&lt;b&gt;GSE2&lt;/b&gt;" in html
    assert "<b>GSE2</b>" not in html
    assert ("Cramér" in html) == bool(labels)
    assert 'name="by" value="batch"' in html
    assert 'download="batch_effect_scores.tsv"' in html
    assert "figures/batch_effects.png" in [name for name, _ in draw_figures(evaluation)]
