"""Sections of the report on clusters, their stability and annotations, and on novel samples."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from genexp.evaluation.clusters.kmeans import Clustering
from genexp.evaluation.clusters.methods import N_RESAMPLES, SHARE, ClusterMethods, name_features
from genexp.evaluation.faithfulness import describe_faithfulness
from genexp.evaluation.novelty import Novelty
from genexp.evaluation.projection import Embeddings
from genexp.report.html import (
    render_paragraph,
    render_plot,
    render_section,
    render_table,
)
from genexp.report.sections.scores import render_scores
from genexp.report.wording import format_p
from genexp.verdict.evaluation import Evaluation


def render_clusters(evaluation: Evaluation) -> str:
    """Section on the clusters."""
    clustering = evaluation.results.require(Clustering)
    choice = render_plot(
        "plot-choice",
        "Choice of k",
        (
            "Silhouette over train samples by number of clusters; the dotted line marks the "
            "chosen number."
        ),
    )
    return render_section(
        "clusters",
        "Clusters",
        render_paragraph(
            f"k-means found {clustering.k} clusters in the train latents, without labels; "
            "test samples were assigned to them."
        ),
        render_scores(
            "Quality of the clusters, on test samples. Davies-Bouldin: lower is better.",
            clustering.scores,
        ),
        render_methods(evaluation.results.require(ClusterMethods)),
        (
            "<div "
            f'class="grid">{choice}{render_sizes(clustering, evaluation.results.require(ClusterMethods))}</div>'  # noqa: E501
        ),
    )


def render_methods(methods: ClusterMethods) -> str:
    """Table of the methods, with intervals and stability."""
    named = {"silhouette": "Silhouette [95 %]", "ari": "ARI [95 %]", "nmi": "NMI [95 %]"}
    quantities = {name: title for name, title in named.items() if name in methods.scores}
    headers = [
        "Method",
        "k",
        "Stability",
        *quantities.values(),
        "Calinski-Harabasz",
        "Davies-Bouldin",
    ]
    caption = (
        "Three clustering methods on the encoder's latents, scored on test samples; k by the "
        "silhouette on train samples. Stability: "
        f"adjusted Rand index with the clusters of {N_RESAMPLES} resamples of {SHARE:.0%} of "
        "the train samples (1: always the same)."
    )
    plain = ["calinski_harabasz", "davies_bouldin"]
    rows = (
        [
            name,
            int(row["k"]),
            float(row["stability"]),
            *(_join_interval(row, quantity) for quantity in quantities),
            *map(float, row[plain]),
        ]
        for name, row in methods.scores.iterrows()
    )
    text = (
        "All other sections use the clusters of k-means. The mixture has a variance for each "
        "latent and component; with Ward's tree a "
        "sample belongs to the cluster with the nearest centroid."
    )
    return render_table(caption, headers, rows) + render_paragraph(text)


def _join_interval(row: pd.Series, name: str) -> str:
    low, value, high = row[f"{name}_low"], row[name], row[f"{name}_high"]
    text = (
        f"{value:.3f} [{low:.3f}, {high:.3f}]"
        if math.isfinite(low)
        else f"{value:.3f}"
        if math.isfinite(value)
        else "–"
    )
    return text.replace("-", "−").replace(" ", "\N{NO-BREAK SPACE}")


def render_sizes(clustering: Clustering, methods: ClusterMethods) -> str:
    """Table of the clusters: sizes and enriched annotations."""

    def lines() -> Iterator[list[object]]:
        for cluster, *row in clustering.sizes.itertuples():
            yield [
                f"cluster {cluster}",
                *(int(n) for n in row),
                "; ".join(name_features(methods.features, cluster)) or "–",
            ]

    caption = (
        "Samples by cluster and part, and annotations enriched in a cluster (share or "
        "median inside and outside of it), on "
        f"{methods.features_of}; q < 0.05 after Benjamini and Hochberg over "
        f"{len(methods.features):,} tests."
    )
    return render_table(caption, ["", *clustering.sizes.columns, "Enriched annotations"], lines())


def describe_embedding(embeddings: Embeddings, name: str) -> str:
    """Caption of an embedding: its faithfulness."""
    return describe_faithfulness(embeddings.faithfulness, name) + "."


def render_novelty(novelty: Novelty | None, n_shown: int = 10) -> str:
    """Section on the test samples that are unlike the train samples."""
    if novelty is None:
        return render_section(
            "novelty",
            "Novelty",
            render_paragraph(
                "Not evaluated: too few validation samples, see the notes of the verdict."
            ),
        )
    table = novelty.samples.sort_values(["p", "error"], ascending=[True, False]).head(n_shown)
    n_novel = int(novelty.samples["novel"].sum())
    rows = (
        [
            sample,
            float(row.error),
            float(row.distance),
            *(format_p(p).removeprefix("= ") for p in (row.p, row.q)),
            "novel" if row.novel else "",
        ]
        for sample, row in table.iterrows()
    )
    text = (
        f"{n_novel:,} of {len(novelty.samples):,} test samples are novel at a false "
        "discovery rate of 5 %; "
        f"{(novelty.samples['p'] <= 0.05).mean():.1%} have p ≤ 0.05, 5 % are expected if no "
        "sample is novel. p values are conformal: "
        f"the rank of a sample's error and latent distance among {len(novelty.reference):,} "
        "validation samples. The smallest possible p is "
        f"{novelty.smallest_p:.2g}, so fewer than {novelty.fewest:,} novel samples cannot be "
        "detected. Early stopping used the validation "
        "samples, which makes p slightly too small."
    )
    caption = (
        f"The {len(table)} most novel test samples; error: mean squared, of scaled values; "
        "distance: Mahalanobis, of the latents."
    )
    headers = ["Sample", "Error", "Distance", "p", "q", "Novel"]
    return render_section(
        "novelty", "Novelty", render_paragraph(text), render_table(caption, headers, rows)
    )
