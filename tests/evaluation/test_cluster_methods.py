"""Mixture and tree compared with k-means, stability, annotations of clusters, and faithfulness of
2-D embeddings.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from genexp.evaluation.bootstrap import draw_weights
from genexp.evaluation.clusters.features import find_features
from genexp.evaluation.clusters.kmeans import evaluate_clusters
from genexp.evaluation.clusters.methods import (
    ClusterMethods,
    bootstrap_nmi,
    compare_methods,
    name_features,
)
from genexp.evaluation.faithfulness import measure_faithfulness
from genexp.evaluation.latents import PartLatents
from tests.planted_latents import make_latents, make_obs, plant_classes

SIZES = (("train", 200), ("val", 40), ("test", 60))


def compare(parts: list[PartLatents], seed: int = 0) -> ClusterMethods:
    weights = draw_weights(parts[-1].obs["group"].to_numpy(), seed)
    return compare_methods(parts, evaluate_clusters(parts, 6, seed), weights, seed)


@pytest.fixture(scope="module")
def planted() -> list[PartLatents]:
    return [plant_classes(part, n, seed) for seed, (part, n) in enumerate(SIZES)]


@pytest.fixture(scope="module")
def found(planted: list[PartLatents]) -> ClusterMethods:
    return compare(planted)


def test_each_method_finds_planted_clusters_and_their_number(found: ClusterMethods) -> None:
    assert found.scores["k"].tolist() == [3, 3, 3]
    assert (found.scores["ari"] > 0.95).all()
    assert (found.scores["stability"] > 0.95).all()
    assert (found.choice.idxmax() == 3).all()


def test_intervals_hold_their_value(found: ClusterMethods) -> None:
    for name in ("silhouette", "ari", "nmi"):
        low, value, high = (
            found.scores[column] for column in (f"{name}_low", name, f"{name}_high")
        )
        assert (low <= value + 1e-12).all()
        assert (value <= high + 1e-12).all()


def test_clusters_of_noise_are_not_stable(found: ClusterMethods) -> None:
    rng = np.random.default_rng(3)
    noise = compare(
        [make_latents(part, make_obs(part, n), rng.normal(size=(n, 8))) for part, n in SIZES]
    )
    assert (noise.scores["stability"] < 0.7).all()
    assert np.nanmean(noise.consensus) < np.nanmean(found.consensus) + 0.2
    assert "ari" not in noise.scores


def test_pairs_of_one_planted_cluster_are_always_together_and_others_never(
    found: ClusterMethods,
) -> None:
    same = found.clusters.to_numpy()[:, None] == found.clusters.to_numpy()
    consensus = found.consensus.to_numpy()
    assert np.nanmean(consensus[same]) > 0.99
    assert np.nanmean(consensus[~same]) < 0.01
    assert found.clusters.is_monotonic_increasing
    assert (found.consensus.index == found.clusters.index).all()


def test_corrupted_test_rows_change_neither_choice_nor_stability(
    planted: list[PartLatents], found: ClusterMethods
) -> None:
    wild = [*planted[:2], make_latents("test", planted[2].obs, np.square(planted[2].z["encoder"]))]
    after = compare(wild)
    pd.testing.assert_frame_equal(after.choice, found.choice)
    pd.testing.assert_series_equal(after.scores["stability"], found.scores["stability"])
    pd.testing.assert_frame_equal(after.consensus, found.consensus)
    assert after.scores.loc["Ward", "silhouette"] != found.scores.loc["Ward", "silhouette"]


def test_mutual_information_in_a_bootstrap_equals_scikit_learn_and_stays_there() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 90).astype(str)
    clusters = np.where(rng.random(90) < 0.6, truth.astype(int), rng.integers(0, 4, 90)) + 1
    expected = normalized_mutual_info_score(truth, clusters)
    draws = bootstrap_nmi(
        truth, clusters, rng.multinomial(90, np.full(90, 1 / 90), size=400).astype(float)
    )
    assert draws.mean() == pytest.approx(expected, abs=1e-3)
    assert bootstrap_nmi(truth, clusters, np.ones((1, 90)))[0] == pytest.approx(expected)
    assert bootstrap_nmi(truth, clusters, np.empty((0, 90))).shape == (0,)


def annotate(n: int = 120) -> tuple[pd.DataFrame, np.ndarray]:
    """Cluster 1 is mostly Basal and old; stage is noise; names, constants and copies are there
    too.
    """
    rng = np.random.default_rng(1)
    clusters = np.repeat([1, 2, 3], n // 3)
    subtype = np.where(
        (clusters == 1) & (rng.random(n) < 0.9), "Basal", rng.choice(["LumA", "LumB"], n)
    )
    columns = {
        "subtype": subtype,
        "label": pd.Categorical(subtype),
        "age": rng.normal(50, 8, n) + 15 * (clusters == 1),
    }
    columns |= {
        "stage": rng.choice(list("abc"), n),
        "barcode": [f"b{i}" for i in range(n)],
        "cohort": "one",
    }
    columns |= {"time_days": rng.exponential(500, n), "event": rng.integers(0, 2, n).astype(float)}
    return make_obs("test", n, **columns), clusters


def test_planted_annotations_lead_their_cluster_and_noise_does_not() -> None:
    table = find_features(*annotate())
    assert table.loc[0, ["cluster", "feature", "level"]].tolist() == [1, "subtype", "Basal"]
    assert set(table.loc[table["q"] < 0.001, "feature"]) == {"subtype", "age"}
    assert (table.loc[table["feature"] == "stage", "q"] > 0.05).all()
    assert set(table["feature"]) == {"subtype", "age", "stage", "time_days", "event"}
    assert set(table.loc[table["outcome"], "feature"]) == {"time_days", "event"}
    said = name_features(table, 1)
    assert said[0].startswith("subtype: Basal (")
    assert said[1].startswith("age: median 6")
    assert any(text.startswith("subtype: Lum") for text in name_features(table, 3))


def test_annotation_of_shuffled_clusters_is_found_no_more_often_than_chance() -> None:
    obs, clusters = annotate()
    rng = np.random.default_rng(0)
    assert (
        sum((find_features(obs, rng.permutation(clusters))["q"] < 0.05).any() for _ in range(20))
        <= 4
    )


def test_category_is_tested_by_both_tails_of_fishers_exact_test() -> None:
    values = np.array(["x"] * 12 + ["y"] * 18)
    clusters = np.array([1] * 10 + [2] * 2 + [1] * 5 + [2] * 13)
    row = (
        find_features(make_obs("test", 30, kind=values), clusters)
        .query("cluster == 1 and level == 'x'")
        .iloc[0]
    )
    tails = [
        fisher_exact([[10, 5], [2, 13]], alternative).pvalue for alternative in ("greater", "less")
    ]
    assert row["p"] == pytest.approx(2 * min(tails))
    assert (row["inside"], row["outside"]) == pytest.approx((10 / 15, 2 / 15))


def test_trustworthiness_equals_scikit_learn(planted: list[PartLatents]) -> None:
    z = planted[0].z["encoder"]
    places = pd.DataFrame(
        np.concatenate([part.z["encoder"][:, :2] for part in planted]), columns=["cut_1", "cut_2"]
    )
    table = measure_faithfulness(planted, places, ["cut"], seed=0)
    assert table.loc["cut", "trustworthiness"] == pytest.approx(
        trustworthiness(z, z[:, :2], n_neighbors=15)
    )
    assert 0 < table.loc["cut", "neighbours_test"] < 1


def test_a_perfect_picture_is_trusted_and_a_random_one_is_not(planted: list[PartLatents]) -> None:
    flat = [make_latents(part.part, part.obs, part.z["encoder"][:, :2]) for part in planted]
    places = pd.DataFrame(
        np.concatenate([part.z["encoder"] for part in flat]), columns=["same_1", "same_2"]
    )
    places[["noise_1", "noise_2"]] = np.random.default_rng(0).normal(size=places.shape)
    table = measure_faithfulness(flat, places, ["same", "noise"], seed=0)
    assert (table.loc["same"] == 1).all()
    assert (table.loc["noise", ["trustworthiness", "trustworthiness_test"]] < 0.6).all()
    assert (table.loc["noise", ["neighbours", "neighbours_test"]] < 0.2).all()


def test_permuted_labels_leave_agreement_at_chance(planted: list[PartLatents]) -> None:
    """Mean over 20 permutations within 2 standard errors of what the same clusters have with labels
    that are drawn anew.
    """
    clusters = evaluate_clusters(planted, 6, seed=0).samples["cluster_encoder"].to_numpy()
    labelled = planted[-1].obs["label"].notna().to_numpy()
    truth, clusters, rng = (
        planted[-1].obs["label"][labelled].astype(str).to_numpy(),
        clusters[labelled],
        np.random.default_rng(5),
    )
    assert adjusted_rand_score(truth, clusters) == 1
    for score in (adjusted_rand_score, normalized_mutual_info_score):
        chance = (
            np.mean([score(rng.permutation(truth), clusters) for _ in range(500)])
            if score is normalized_mutual_info_score
            else 0.0
        )
        found = [score(rng.permutation(truth), clusters) for _ in range(20)]
        assert abs(np.mean(found) - chance) < 2 * np.std(found, ddof=1) / np.sqrt(20)
