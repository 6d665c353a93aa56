"""Clusters: planted ones are found, k is chosen without labels, nothing is fitted on test rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from genexp.errors import EvaluationError
from genexp.evaluation.clusters.kmeans import bootstrap_ari, choose_clusters, evaluate_clusters
from tests.planted_latents import make_latents, make_obs, plant_classes


@pytest.fixture(scope="module")
def planted():
    return [
        plant_classes(part, n, seed)
        for seed, (part, n) in enumerate([("train", 200), ("val", 40), ("test", 60)])
    ]


def test_planted_clusters_are_found_and_their_number_too(planted):
    found = evaluate_clusters(planted, max_clusters=8, seed=0)
    assert found.k == 3
    assert found.scores.loc["encoder", "ari"] == 1
    assert found.scores.loc["encoder", "nmi"] == pytest.approx(1)
    assert found.scores.loc["encoder", "silhouette"] > 0.5
    assert found.choice["encoder"].idxmax() == 3
    assert list(found.choice.index) == list(range(2, 9))


def test_clusters_cover_all_samples_and_the_largest_on_train_is_number_one(planted):
    found = evaluate_clusters(planted, max_clusters=5, seed=0)
    assert len(found.assignments) == 300
    assert found.sizes["train"].is_monotonic_decreasing
    assert found.sizes.sum().to_dict() == {"train": 200, "val": 40, "test": 60}
    assert found.contingency is not None
    assert found.contingency.to_numpy().sum() == planted[2].obs["label"].notna().sum()


def test_labels_do_not_choose_the_clusters(planted):
    shuffled = [
        make_latents(part.part, part.obs.assign(label=part.obs["label"].to_numpy()[::-1]), part.z)
        for part in planted
    ]
    found = evaluate_clusters(planted, 6, seed=0), evaluate_clusters(shuffled, 6, seed=0)
    pd.testing.assert_series_equal(found[0].assignments, found[1].assignments)
    assert found[1].scores.loc["encoder", "ari"] < 0.1


def test_corrupted_test_rows_leave_the_clusters_of_others_unchanged(planted):
    wild = [*planted[:2], make_latents("test", planted[2].obs, np.square(planted[2].z["encoder"]))]
    before, after = evaluate_clusters(planted, 6, seed=0), evaluate_clusters(wild, 6, seed=0)
    pd.testing.assert_frame_equal(before.choice, after.choice)
    pd.testing.assert_series_equal(before.assignments[:240], after.assignments[:240])
    assert before.scores.loc["encoder", "silhouette"] != after.scores.loc["encoder", "silhouette"]


def test_cohort_without_label_has_no_agreement(planted):
    blind = [make_latents(part.part, part.obs.drop(columns="label"), part.z) for part in planted]
    found = evaluate_clusters(blind, 4, seed=0)
    assert found.contingency is None
    assert list(found.scores.columns) == ["k", "silhouette", "calinski_harabasz", "davies_bouldin"]


def test_indices_are_undefined_when_test_samples_fall_into_one_cluster(planted):
    same = make_latents("test", make_obs("test", 5), np.tile(planted[0].z["encoder"][:1], (5, 1)))
    found = evaluate_clusters([*planted[:2], same], 4, seed=0)
    assert found.scores[["silhouette", "calinski_harabasz", "davies_bouldin"]].isna().all(axis=None)


def test_collapsed_encoder_is_refused():
    with pytest.raises(EvaluationError, match="found 1 distinct latents of 50 train samples"):
        choose_clusters(np.zeros((50, 4)), 5, seed=0)


def test_agreement_in_a_bootstrap_equals_scikit_learn_and_ignores_copies():
    rng = np.random.default_rng(0)
    truth, clusters = rng.integers(0, 3, 80).astype(str), rng.integers(1, 5, 80)
    once = np.ones((1, 80))
    assert bootstrap_ari(truth, clusters, once)[0] == pytest.approx(
        adjusted_rand_score(truth, clusters)
    )
    draws = rng.multinomial(80, np.full(80, 1 / 80), size=500).astype(float)
    assert (
        abs(bootstrap_ari(truth, clusters, draws).mean() - adjusted_rand_score(truth, clusters))
        < 0.005
    )
    assert np.isnan(bootstrap_ari(truth, clusters, np.zeros((1, 80)))[0])


def test_partitions_are_compared_among_the_genes_that_all_representations_share(planted):
    """A representation that shrinks its clusters to points has a silhouette near 1 in its own
    space, and gains nothing by it here.
    """
    train, val, test = planted
    rng = np.random.default_rng(0)
    genes = np.hstack([test.z["encoder"], rng.normal(size=(60, 200))])
    own = {part.part: np.asarray(part.z["encoder"]) for part in planted}
    found = evaluate_clusters(planted, 4, 0, genes).samples
    points = [
        make_latents(part.part, part.obs, np.round(own[part.part] / 100, 0) + 1e-3 * own[part.part])
        for part in (train, val, test)
    ]
    shrunk = evaluate_clusters(points, 4, 0, genes).samples
    same = adjusted_rand_score(found["cluster_encoder"], shrunk["cluster_encoder"])
    assert same == 1
    np.testing.assert_allclose(found["silhouette_encoder"], shrunk["silhouette_encoder"])
    expected = silhouette_samples(genes, found["cluster_encoder"])
    np.testing.assert_allclose(found["silhouette_encoder"], expected, atol=1e-6)
