"""Parts of the report on how firm the clusters are and what goes with them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from genexp.evaluation.cluster_methods import N_RESAMPLES, SHARE, ClusterMethods, name_features
from genexp.evaluation.faithfulness import describe_faithfulness
from genexp.evaluation.page import render_paragraph, render_table
from genexp.evaluation.results import Clustering, Embeddings

TABLES = {
    "cluster_methods": "k-means, Gaussian mixture and Ward's tree on the encoder's latents, test samples, with intervals",
    "cluster_methods_choice": "silhouette by number of clusters and method, train samples",
    "cluster_features": "annotations that go with a cluster, with p and q",
    "picture_faithfulness": "how far each picture of the latent can be believed",
}
"""What a table holds, for the list of downloads."""


def render_methods(methods: ClusterMethods) -> str:
    """Table of the methods, with intervals and stability."""
    named = {"silhouette": "Silhouette [95 %]", "ari": "ARI [95 %]", "nmi": "NMI [95 %]"}
    shown = {name: title for name, title in named.items() if name in methods.scores}
    headers = ["Method", "k", "Stability", *shown.values(), "Calinski-Harabasz", "Davies-Bouldin"]
    caption = (
        "Three ways to cluster the encoder's latents, on test samples; k by the silhouette on train samples. Stability: adjusted Rand "
        f"index with the clusters of {N_RESAMPLES} resamples of {SHARE:.0%} of the train samples (1: always the same)."
    )
    plain = ["calinski_harabasz", "davies_bouldin"]
    rows = (
        [name, int(row["k"]), float(row["stability"]), *(_join_interval(row, one) for one in shown), *map(float, row[plain])]
        for name, row in methods.scores.iterrows()
    )
    said = (
        "The clusters of k-means are used everywhere else. The mixture has a variance for each latent and component; the tree (Ward's "
        "criterion) gives a sample to the cluster whose centroid is nearest."
    )
    return render_table(caption, headers, rows) + render_paragraph(said)


def _join_interval(row: pd.Series, name: str) -> str:
    low, value, high = row[f"{name}_low"], row[name], row[f"{name}_high"]
    shown = f"{value:.3f} [{low:.3f}, {high:.3f}]" if math.isfinite(low) else f"{value:.3f}" if math.isfinite(value) else "–"
    return shown.replace("-", "−").replace(" ", "\N{NO-BREAK SPACE}")


def render_sizes(clustering: Clustering, methods: ClusterMethods) -> str:
    """Table of the clusters: their sizes and the annotations that go with them."""

    def lines() -> Iterator[list[object]]:
        for cluster, *row in clustering.sizes.itertuples():
            yield [f"cluster {cluster}", *(int(n) for n in row), "; ".join(name_features(methods.features, cluster)) or "–"]

    caption = (
        f"Samples by cluster and part, and the annotations that go with a cluster most: share or median inside against outside, on "
        f"{methods.features_of}; q < 0.05 after Benjamini and Hochberg over {len(methods.features):,} tests."
    )
    return render_table(caption, ["", *clustering.sizes.columns, "Goes with it"], lines())


def describe_picture(embeddings: Embeddings, name: str) -> str:
    """Caption of a map: how far it can be believed."""
    return describe_faithfulness(embeddings.faithfulness, name) + "."
