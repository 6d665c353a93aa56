"""k-means on latents: fitted on train samples without labels, scored on test samples."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from genexp.errors import EvaluationError
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.task import EvaluationInputs, Result, SampleScores, Task, name_scores

SILHOUETTE_ROWS = 2000
"""Maximum number of train samples for the silhouette that chooses k: its cost is quadratic."""


@dataclass(frozen=True)
class ClusterScores(SampleScores):
    """Agreement of clusters with the label, or without a label the silhouette among the genes.

    Silhouettes among the latents of different representations cannot be compared; label and genes
    are the same for all.
    """

    table = "cluster_samples"

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Name of the rows: agreement needs labelled samples."""
        return "labelled test samples" if "label" in self.samples else "test samples"

    @property
    def quantity(self) -> str:
        """Name of the score as it is printed."""
        return "ARI with the label" if "label" in self.samples else "silhouette among genes"

    @property
    def metric(self) -> str:
        """Key of the score among the metrics."""
        return "cluster/ari" if "label" in self.samples else "cluster/silhouette"

    @property
    def representations(self) -> list[str]:
        """Representations whose latents were clustered."""
        return [
            str(name).removeprefix("cluster_")
            for name in self.samples
            if str(name).startswith("cluster_")
        ]

    def score(self, representation: str, weights: np.ndarray) -> np.ndarray:
        """Score (n_draws,)."""
        if "label" not in self.samples:
            return bootstrap_silhouette(self.samples, representation, weights)
        truth = self.samples["label"].astype(str).to_numpy()
        return bootstrap_ari(truth, self.samples[f"cluster_{representation}"].to_numpy(), weights)

    def matches(self, other: ClusterScores) -> bool:
        """Check that the labels are the same; silhouettes among different genes cannot be
        compared.
        """
        if "label" not in self.samples or "label" not in other.samples:
            return False
        return bool((self.samples["label"].astype(str) == other.samples["label"].astype(str)).all())

    @classmethod
    def read(cls, logged: pd.DataFrame) -> ClusterScores:
        """Scores of the labelled samples, of all where the table has no label."""
        return cls(logged[logged["label"].notna()] if "label" in logged else logged)


@dataclass(frozen=True)
class Clustering(Result):
    """k-means on the latents: k and centres from train samples without labels, scored on test
    samples.

    Parameters
    ----------
    k : int
        Number of clusters of the encoder's latents.
    choice : DataFrame, (n_tried, n_representations)
        Silhouette over train samples by number of clusters (index ``k``); the largest is chosen.
    assignments : Series of int, (n_samples,)
        Cluster 1..k of every sample by the encoder's latents; 1 is the largest on train samples.
        Index ``sample_id``.
    scores : DataFrame, (n_representations, 4 or 6)
        On test samples: ``k``, ``silhouette``, ``calinski_harabasz``, ``davies_bouldin``, and where
        there is a label ``ari`` and ``nmi`` on labelled test samples. NaN if all test samples are
        in one cluster.
    sizes : DataFrame, (k, 3)
        Samples per cluster (index ``cluster``) in ``train``, ``val``, ``test``.
    contingency : DataFrame or None, (n_classes, k)
        Labelled test samples by label (rows) and cluster (columns 1..k); None without a label.
    samples : DataFrame, (n_test, 2 * n_representations)
        Sample table of the test samples: ``label`` where the cohort has one, ``cluster_encoder``,
        ``silhouette_encoder`` (of these clusters among the genes: the space that all
        representations share), and the same two for each baseline.
    """

    k: int
    choice: pd.DataFrame
    assignments: pd.Series
    scores: pd.DataFrame
    sizes: pd.DataFrame
    contingency: pd.DataFrame | None
    samples: pd.DataFrame

    @property
    def metrics(self) -> dict[str, float]:
        """``cluster/k``, ``cluster/silhouette`` ..., and those of the baselines."""
        return name_scores("cluster", self.scores)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        tables = {
            "cluster_choice": self.choice,
            "cluster_scores": self.scores,
            "cluster_sizes": self.sizes,
            "cluster_samples": self.samples,
        }
        return (
            tables
            if self.contingency is None
            else {**tables, "cluster_contingency": self.contingency}
        )

    @property
    def scores_by_sample(self) -> ClusterScores:
        """ARI with the label where there is one, else the silhouette among the genes."""
        return ClusterScores.read(
            self.samples
            if "ari" in self.scores
            else self.samples.drop(columns="label", errors="ignore")
        )


def evaluate_clusters(
    parts: Sequence[PartLatents], max_clusters: int, seed: int, X_test: np.ndarray | None = None
) -> Clustering:
    """Cluster the latents of each representation, without scaling them; k is chosen by the
    silhouette on train samples.

    Parameters
    ----------
    parts : sequence of PartLatents
        train, val, test.
    max_clusters : int
        Numbers from 2 to this one are tried, as far as there are train samples.
    seed : int
        Of the k-means starts and of the subsample.
    X_test : ndarray of float32, (n_test, n_genes), optional
        Test rows. Clusters of different representations are compared by their silhouettes among the
        genes, the space that all share.
    """
    train, test = parts[0], parts[-1]
    choice, assigned = {}, {}
    for name in train.z:
        choice[name], centres = choose_clusters(train.z[name], max_clusters, seed)
        assigned[name] = {part.part: assign_clusters(part.z[name], centres) for part in parts}
    on_test = {name: clusters["test"] for name, clusters in assigned.items()}
    scores = pd.DataFrame(
        {
            name: score_clusters(test.z[name], on_test[name], test.obs.get("label"))
            for name in on_test
        }
    ).T
    scores.insert(
        0, "k", pd.Series({name: silhouettes.idxmax() for name, silhouettes in choice.items()})
    )
    k = int(scores.loc[ENCODER, "k"])
    assignments = pd.concat(
        [pd.Series(assigned[ENCODER][part.part], part.obs.index) for part in parts]
    ).rename("cluster")
    return Clustering(
        k=k,
        choice=pd.DataFrame(choice),
        assignments=assignments.rename_axis("sample_id"),
        scores=scores.rename_axis("representation"),
        sizes=_count_sizes(assigned[ENCODER], k),
        contingency=_cross_with_label(on_test[ENCODER], test.obs.get("label"), k),
        samples=_describe_samples(test, on_test, X_test),
    )


def choose_clusters(z: np.ndarray, max_clusters: int, seed: int) -> tuple[pd.Series, np.ndarray]:
    """Silhouette by number of clusters (index ``k``), and the centres (k, n_latent) of the best,
    largest cluster first.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances, silhouette_score

    n_distinct = len(np.unique(z, axis=0))
    if n_distinct < 3:
        raise EvaluationError(
            f"expected latents that differ between samples; found {n_distinct} distinct "
            f"latents of {len(z)} train samples. "
            "The encoder has collapsed: train it with a smaller learning rate or less weight decay"
        )
    sample = np.random.default_rng(seed).permutation(len(z))[:SILHOUETTE_ROWS]
    distances = pairwise_distances(z[sample])
    silhouettes, fits = {}, {}
    for k in range(2, min(max_clusters, n_distinct - 1) + 1):
        fits[k] = KMeans(k, n_init=10, random_state=seed).fit(z)
        labels = fits[k].labels_[sample]
        silhouettes[k] = (
            silhouette_score(distances, labels, metric="precomputed")
            if 1 < len(set(labels)) < len(sample)
            else -1.0
        )
    choice = pd.Series(silhouettes, name="silhouette").rename_axis("k")
    best = fits[int(choice.idxmax())]
    return choice, best.cluster_centers_[np.argsort(-np.bincount(best.labels_), kind="stable")]


def assign_clusters(z: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Nearest centre of each row (n,), counted from 1."""
    from scipy.spatial.distance import cdist

    return cdist(z, centres).argmin(axis=1) + 1


def score_clusters(
    z: np.ndarray, clusters: np.ndarray, label: pd.Series | None
) -> dict[str, float]:
    """Score clusters on the latents (never on a 2-D embedding) and by agreement with the label; NaN
    where undefined.
    """
    from sklearn import metrics

    defined = 1 < len(set(clusters)) < len(z)
    scores = {
        index: float(getattr(metrics, f"{index}_score")(z, clusters)) if defined else np.nan
        for index in ("silhouette", "calinski_harabasz", "davies_bouldin")
    }
    if label is None or label.notna().sum() < 2:
        return scores
    labelled = label.notna().to_numpy()
    truth, members = label[labelled].astype(str).to_numpy(), clusters[labelled]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return scores | {
            "ari": float(metrics.adjusted_rand_score(truth, members)),
            "nmi": float(metrics.normalized_mutual_info_score(truth, members)),
        }


def _count_sizes(assigned: dict[str, np.ndarray], k: int) -> pd.DataFrame:
    counts = {
        part: np.bincount(clusters, minlength=k + 1)[1:] for part, clusters in assigned.items()
    }
    return pd.DataFrame(counts, index=pd.RangeIndex(1, k + 1, name="cluster"))


def _cross_with_label(clusters: np.ndarray, label: pd.Series | None, k: int) -> pd.DataFrame | None:
    if label is None or not label.notna().any():
        return None
    table = pd.crosstab(label.astype(object).to_numpy(), clusters)
    return table.reindex(columns=range(1, k + 1), fill_value=0).rename_axis(
        index="label", columns="cluster"
    )


def _describe_samples(
    test: PartLatents, on_test: dict[str, np.ndarray], X: np.ndarray | None
) -> pd.DataFrame:
    from sklearn.metrics import pairwise_distances, silhouette_samples

    columns: dict[str, np.ndarray] = {}
    shared = None if X is None else pairwise_distances(X)
    for name, clusters in on_test.items():
        columns[f"cluster_{name}"], columns[f"silhouette_{name}"] = (
            clusters,
            np.full(len(clusters), np.nan),
        )
        if 1 < len(set(clusters)) < len(clusters):
            distances = pairwise_distances(test.z[name]) if shared is None else shared
            # rounding leaves tiny distances, which silhouettes refuse
            np.fill_diagonal(distances, 0)
            columns[f"silhouette_{name}"] = silhouette_samples(
                distances, clusters, metric="precomputed"
            )
    table = pd.DataFrame(columns, index=test.obs.index)
    return (
        table
        if "label" not in test.obs
        else table.assign(label=test.obs["label"].astype(object).map(str, na_action="ignore"))
    )


def bootstrap_silhouette(samples: pd.DataFrame, name: str, weights: np.ndarray) -> np.ndarray:
    """Mean of the silhouettes (n_draws,), each computed once, when test samples count ``weights``
    (n_draws, n_test) times.
    """
    return (weights @ samples[f"silhouette_{name}"].to_numpy()) / weights.sum(axis=1)


def bootstrap_ari(truth: np.ndarray, clusters: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute the adjusted Rand index (n_draws,) when samples count ``weights`` (n_draws, n) times;
    NaN without a pair.

    Pairs of a sample and its own copy are not counted: they would always agree.
    Hubert & Arabie, Journal of Classification 1985, equation 5, over the pairs (w_i w_j, i != j).
    """
    rows, columns = (np.unique(values, return_inverse=True)[1] for values in (truth, clusters))
    cells = np.unique(np.stack([rows, columns]), axis=1, return_inverse=True)[1]

    def pairs(code: np.ndarray) -> np.ndarray:
        member = np.eye(code.max() + 1)[code]
        return (np.square(weights @ member) - np.square(weights) @ member).sum(axis=1)

    both, of_rows, of_columns = pairs(cells), pairs(rows), pairs(columns)
    all_pairs = pairs(np.zeros(len(rows), dtype=int))
    expected = np.divide(
        of_rows * of_columns, all_pairs, out=np.full(len(weights), np.nan), where=all_pairs > 0
    )
    highest = (of_rows + of_columns) / 2
    return np.divide(
        both - expected, highest - expected, out=np.ones_like(both), where=highest != expected
    )


class ClusterTask(Task):
    """k-means on the latents of every representation."""

    name = "clustering"
    title = "Clusters"
    scores = ClusterScores
    metrics: ClassVar = {
        "cluster/k": "number of clusters, by the silhouette on train samples",
        "cluster/silhouette": (
            "mean silhouette of the test samples among the latents; higher is better"
        ),
        "cluster/calinski_harabasz": (
            "variance between clusters over variance within, test samples; higher is better"
        ),
        "cluster/davies_bouldin": (
            "mean similarity of each cluster and its most similar one, test samples; lower is "
            "better"
        ),
        "cluster/ari": (
            "adjusted Rand index of clusters and label, labelled test samples; 1 is agreement, 0 "
            "chance"
        ),
        "cluster/nmi": (
            "normalised mutual information of clusters and label, labelled test samples; 0 to 1"
        ),
    }
    tables: ClassVar = {
        "cluster_choice": "silhouette by number of clusters, train samples",
        "cluster_scores": "quality of the clusters, test samples",
        "cluster_sizes": "samples by cluster and part",
        "cluster_samples": "cluster, label and silhouette among the genes of every test sample",
        "cluster_contingency": "test samples by label and cluster",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Clustering:
        """Cluster the latents of every representation."""
        return evaluate_clusters(
            inputs.all_parts, inputs.config.max_clusters, inputs.seed, inputs.X["test"]
        )
