"""Alternatives to k-means on the encoder's latents, the stability of each method, and annotations
enriched in the clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.clusters.features import find_features
from genexp.evaluation.clusters.kmeans import (
    SILHOUETTE_ROWS,
    Clustering,
    assign_clusters,
    bootstrap_ari,
    bootstrap_silhouette,
    score_clusters,
)
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.task import EvaluationInputs, Result, Task

KMEANS, MIXTURE, WARD = "k-means", "Gaussian mixture", "Ward"
"""Methods as they are printed; the clusters of k-means are used everywhere else."""
FIT_ROWS = 2000
"""Maximum number of train samples for mixture, tree and resamples: the cost of the tree is
quadratic."""
N_RESAMPLES, SHARE = 20, 0.8
"""Number of resamples of the train samples, without replacement, and their relative size."""
MAX_CONSENSUS = 400
"""Maximum number of train samples in the consensus matrix."""

Assign = Callable[[np.ndarray], np.ndarray]
"""From latents (n, n_latent) to clusters (n,), counted from 1."""


@dataclass(frozen=True)
class ClusterMethods(Result):
    """Three ways to cluster the encoder's latents: fitted on train samples without labels, scored
    on test samples.

    Parameters
    ----------
    scores : DataFrame, (3, 9 or 15)
        Index ``method``: ``k``; ``silhouette_train``, by which k was chosen; ``stability`` (mean
        adjusted Rand index on the train samples between the full fit and those on resamples); on
        test samples ``silhouette``, ``calinski_harabasz``, ``davies_bouldin`` and, where there is a
        label, ``ari`` and ``nmi``; ``_low`` and ``_high`` of silhouette, ARI and NMI: 95 %,
        bootstrap over groups.
    choice : DataFrame, (n_tried, 3)
        Silhouette over train samples by number of clusters (index ``k``) and method.
    consensus : DataFrame, (n_shown, n_shown)
        Share of the resamples with both train samples in which k-means puts them together (Monti et
        al., Machine Learning 2003); NaN where there is none. Rows and columns are in order of
        ``clusters``.
    clusters : Series of int, (n_shown,)
        Cluster of those samples.
    features : DataFrame
        From :func:`genexp.evaluation.clusters.features.find_features`, on ``features_of``.
    features_of : str
        ``test samples`` or, where those are few, ``all samples``.
    """

    scores: pd.DataFrame
    choice: pd.DataFrame
    consensus: pd.DataFrame
    clusters: pd.Series
    features: pd.DataFrame
    features_of: str

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        features = self.features.set_index("cluster")
        return {
            "cluster_methods": self.scores,
            "cluster_methods_choice": self.choice,
            "cluster_features": features,
        }

    @property
    def metrics(self) -> dict[str, float]:
        """Stability of k-means, and scores of the other methods."""
        scores = {"cluster/stability": self.scores.loc[KMEANS, "stability"]}
        for method, suffix in ((MIXTURE, "mixture"), (WARD, "ward")):
            row = self.scores.loc[method]
            scores |= {
                f"cluster/{name}_{suffix}": row[name]
                for name in ("k", "silhouette", "ari", "nmi", "stability")
                if name in row.index
            }
        return {name: float(value) for name, value in scores.items()}


def compare_methods(
    parts: Sequence[PartLatents], clustering: Clustering, weights: np.ndarray, seed: int
) -> ClusterMethods:
    """Cluster the encoder's latents by each method, k chosen by the silhouette on train samples.

    Parameters
    ----------
    parts : sequence of PartLatents
        train, val, test.
    clustering : Clustering
        Result of k-means.
    weights : ndarray of float64, (n_draws, n_test)
        Bootstrap draws, from :func:`genexp.evaluation.bootstrap.draw_weights`.
    seed : int
        Of starts, resamples and subsamples.
    """
    train, test = parts[0].z[ENCODER], parts[-1]
    rng = np.random.default_rng(seed)  # one stream, drawn from in the order of the methods
    z = train[np.sort(rng.permutation(len(train))[:FIT_ROWS])]
    choice = {KMEANS: clustering.choice[ENCODER]}
    choice |= {
        method: _try_numbers(fit, z, list(clustering.choice.index), seed)
        for method, fit in FITS.items()
        if method != KMEANS
    }
    rows = {}
    for method, fit in FITS.items():
        k = int(choice[method].idxmax())
        if method == KMEANS:
            assignments = clustering.assignments
            full, on_test = (
                assignments.loc[parts[0].obs.index].to_numpy(),
                assignments.loc[test.obs.index].to_numpy(),
            )
        else:
            assign = fit(z, k, seed)
            full, on_test = assign(train), assign(test.z[ENCODER])
        stability = measure_stability(fit, train, full, k, rng)
        rows[method] = {"k": k, "silhouette_train": choice[method].max(), "stability": stability}
        rows[method] |= _score_test(test, on_test, weights)
    consensus, clusters = find_consensus(
        train, clustering.assignments.loc[parts[0].obs.index], clustering.k, rng
    )
    described, of = _choose_described(parts)
    return ClusterMethods(
        scores=pd.DataFrame(rows).T.rename_axis("method"),
        choice=pd.DataFrame(choice).rename_axis("k"),
        consensus=consensus,
        clusters=clusters,
        features=find_features(described, clustering.assignments.loc[described.index].to_numpy()),
        features_of=of,
    )


def fit_kmeans(z: np.ndarray, k: int, seed: int) -> Assign:
    """Fit k-means with few starts, since there are many resamples."""
    from sklearn.cluster import KMeans

    centres = KMeans(k, n_init=2, random_state=seed).fit(z).cluster_centers_
    return lambda rows: assign_clusters(rows, centres)


def fit_mixture(z: np.ndarray, k: int, seed: int) -> Assign:
    """Fit a Gaussian mixture with diagonal covariances: train samples are too few for full ones."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    # The floor keeps a component on a few equal samples from a variance of 0
    floor = 1e-4 * float(z.var(axis=0).mean()) + 1e-12
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture = GaussianMixture(
            k, covariance_type="diag", reg_covar=floor, n_init=1, random_state=seed
        ).fit(z)
    return lambda rows: np.asarray(mixture.predict(rows)) + 1


def fit_ward(z: np.ndarray, k: int, seed: int) -> Assign:
    """Agglomerative clustering by Ward's criterion; a sample belongs to the cluster whose centroid
    is nearest.
    """
    return _cut_tree(z, _grow_tree(z), k)


def _grow_tree(z: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import linkage

    return np.asarray(linkage(z, "ward"))


def _cut_tree(z: np.ndarray, tree: np.ndarray, k: int) -> Assign:
    from scipy.cluster.hierarchy import fcluster

    clusters = fcluster(tree, k, "maxclust")
    centres = np.stack([z[clusters == cluster].mean(axis=0) for cluster in np.unique(clusters)])
    return lambda rows: assign_clusters(rows, centres)


FITS: dict[str, Callable[[np.ndarray, int, int], Assign]] = {
    KMEANS: fit_kmeans,
    MIXTURE: fit_mixture,
    WARD: fit_ward,
}
"""Methods, each fitted by (latents, k, seed)."""


def _try_numbers(
    fit: Callable[[np.ndarray, int, int], Assign], z: np.ndarray, numbers: Sequence[int], seed: int
) -> pd.Series:
    """Silhouette over (at most ``SILHOUETTE_ROWS``) train samples by number of clusters."""
    from sklearn.metrics import pairwise_distances, silhouette_score

    sample = z[:SILHOUETTE_ROWS]
    distances = pairwise_distances(sample)
    tree = _grow_tree(z) if fit is fit_ward else None
    silhouettes = {}
    for k in numbers:
        labels = (fit(z, k, seed) if tree is None else _cut_tree(z, tree, k))(sample)
        silhouettes[k] = (
            silhouette_score(distances, labels, metric="precomputed")
            if 1 < len(set(labels)) < len(sample)
            else -1.0
        )
    return pd.Series(silhouettes)


def _score_test(test: PartLatents, clusters: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Scores on test samples, with bootstrap intervals of silhouette, ARI and NMI."""
    from sklearn.metrics import silhouette_samples

    z, label = test.z[ENCODER], test.obs.get("label")
    scores = score_clusters(z, clusters, label)
    defined = 1 < len(set(clusters)) < len(z)
    samples = pd.DataFrame(
        {"silhouette_own": silhouette_samples(z, clusters) if defined else np.full(len(z), np.nan)}
    )
    draws = {"silhouette": bootstrap_silhouette(samples, "own", weights)}
    if "ari" in scores and label is not None:
        labelled = label.notna().to_numpy()
        truth, members = label[labelled].astype(str).to_numpy(), clusters[labelled]
        draws["ari"] = bootstrap_ari(truth, members, weights[:, labelled])
        draws["nmi"] = bootstrap_nmi(truth, members, weights[:, labelled])
    for name, values in draws.items():
        finite = values[np.isfinite(values)]
        scores[f"{name}_low"], scores[f"{name}_high"] = (
            np.quantile(finite, [0.025, 0.975]) if len(finite) else (np.nan, np.nan)
        )
    return scores


def bootstrap_nmi(truth: np.ndarray, clusters: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute normalised mutual information (n_draws,), with the mean of the entropies, when
    samples count ``weights`` times.

    A draw repeats samples, and copies of a sample agree, so the information of a draw is too high.
    The draws are therefore shifted to have the value of the samples as they are as their mean.
    """
    rows, columns = (np.unique(values, return_inverse=True)[1] for values in (truth, clusters))
    cells = np.unique(np.stack([rows, columns]), axis=1, return_inverse=True)[1]

    def entropy(code: np.ndarray, counts: np.ndarray) -> np.ndarray:
        totals = counts.sum(axis=1, keepdims=True)
        share = np.divide(
            counts @ np.eye(code.max() + 1)[code],
            totals,
            out=np.zeros((len(counts), code.max() + 1)),
            where=totals > 0,
        )
        return np.asarray(-(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1))

    def information(counts: np.ndarray) -> np.ndarray:
        first, second, both = (entropy(code, counts) for code in (rows, columns, cells))
        return np.divide(
            2 * (first + second - both),
            first + second,
            out=np.ones(len(counts)),
            where=first + second > 0,
        )

    if not len(weights) or not len(truth):
        return np.full(len(weights), np.nan)
    draws = np.where(weights.sum(axis=1) > 0, information(weights), np.nan)
    as_they_are = information(np.ones((1, len(truth))))[0]
    return np.asarray(np.clip(draws - np.nanmean(draws) + as_they_are, 0, 1))


def measure_stability(
    fit: Callable[[np.ndarray, int, int], Assign],
    train: np.ndarray,
    full: np.ndarray,
    k: int,
    rng: np.random.Generator,
) -> float:
    """Mean adjusted Rand index, over all train samples, between the clusters ``full`` and those of
    fits on resamples.
    """
    from sklearn.metrics import adjusted_rand_score

    indices = []
    for seed, rows in enumerate(_draw_resamples(len(train), rng)):
        z = train[rows]
        if len(np.unique(z, axis=0)) > k:
            indices.append(adjusted_rand_score(full, fit(z, k, seed)(train)))
    return float(np.mean(indices)) if indices else float("nan")


def _draw_resamples(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    size = min(int(SHARE * n), FIT_ROWS)
    return [rng.choice(n, size, replace=False) for _ in range(N_RESAMPLES)]


def find_consensus(
    train: np.ndarray, clusters: pd.Series, k: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.Series]:
    """Consensus matrix: share of resamples in which k-means puts two train samples together.

    It has at most ``MAX_CONSENSUS`` samples, in order of their cluster.

    Parameters
    ----------
    train : ndarray of float64, (n_train, n_latent)
    clusters : Series of int, (n_train,)
        Clusters of the full fit.
    k : int
    rng : Generator
    """
    picked = np.sort(rng.permutation(len(train))[:MAX_CONSENSUS])
    together, both = np.zeros((len(picked), len(picked))), np.zeros((len(picked), len(picked)))
    for seed, rows in enumerate(_draw_resamples(len(train), rng)):
        if len(np.unique(train[rows], axis=0)) <= k:
            continue
        drawn = np.isin(picked, rows)
        member = np.eye(k + 1)[fit_kmeans(train[rows], k, seed)(train[picked])] * drawn[:, None]
        together += member @ member.T
        both += np.outer(drawn, drawn)
    consensus = np.divide(together, both, out=np.full_like(both, np.nan), where=both > 0)
    order = _order_samples(consensus, clusters.iloc[picked].to_numpy())
    ordered = clusters.iloc[picked[order]]
    return pd.DataFrame(
        consensus[np.ix_(order, order)], index=ordered.index, columns=ordered.index
    ), ordered


def _order_samples(consensus: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Order by cluster; within a cluster samples of similar consensus are neighbours (average
    linkage).
    """
    from scipy.cluster.hierarchy import leaves_list, linkage

    consensus = np.nan_to_num(consensus)
    order = []
    for cluster in np.unique(clusters):
        rows = np.flatnonzero(clusters == cluster)
        order.append(
            rows[leaves_list(linkage(consensus[rows], "average"))] if len(rows) > 1 else rows
        )
    return np.concatenate(order)


def _choose_described(parts: Sequence[PartLatents], enough: int = 30) -> tuple[pd.DataFrame, str]:
    """Annotations of the test samples, or of all samples where those are fewer than ``enough``."""
    test = parts[-1].obs
    return (
        (test, "test samples")
        if len(test) >= enough
        else (pd.concat([_plain(part.obs) for part in parts]), "all samples")
    )


def _plain(obs: pd.DataFrame) -> pd.DataFrame:
    """Turn categories into texts, since the categories of the parts may differ."""
    return obs.apply(
        lambda column: (
            column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column
        )
    )


def name_features(
    features: pd.DataFrame, cluster: Any, n: int = 4, level: float = 0.05
) -> list[str]:
    """Describe what is enriched in a cluster, strongest first: ``subtype: Basal (83 % inside, 4 %
    outside)``; each feature once.
    """
    enriched = features[
        (features["cluster"] == cluster) & (features["q"] < level) & ~features["outcome"]
    ]
    enriched = (
        enriched[(enriched["kind"] == "number") | (enriched["inside"] > enriched["outside"])]
        .drop_duplicates("feature")
        .head(n)
    )
    return [
        f"{row.feature}: {row.level} ({row.inside:.0%} inside, {row.outside:.0%} outside)"
        if row.kind == "category"
        else f"{row.feature}: median {row.inside:.3g} inside, {row.outside:.3g} outside"
        for row in enriched.itertuples()
    ]


class ClusterMethodsTask(Task):
    """Alternatives to k-means on the encoder's latents, and annotations enriched in the
    clusters.
    """

    name = "cluster_methods"
    title = "Clustering methods"
    metrics: ClassVar = {
        "cluster/stability": (
            "mean adjusted Rand index between k-means on all train samples and on resamples of "
            "them; 1 is stable"
        ),
        "cluster/*_mixture": "the same quantity by a Gaussian mixture",
        "cluster/*_ward": "the same quantity by Ward's tree",
    }
    tables: ClassVar = {
        "cluster_methods": (
            "k-means, Gaussian mixture and Ward's tree on the encoder's latents, test samples, "
            "with intervals"
        ),
        "cluster_methods_choice": "silhouette by number of clusters and method, train samples",
        "cluster_features": "annotations enriched in a cluster, with p and q",
    }

    def evaluate(self, inputs: EvaluationInputs) -> ClusterMethods:
        """Cluster the encoder's latents by each method."""
        return compare_methods(
            inputs.all_parts, inputs.results.require(Clustering), inputs.weights, inputs.seed
        )
