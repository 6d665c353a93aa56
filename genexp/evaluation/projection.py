"""2-D embeddings of the latents: t-SNE, UMAP and PCA, fitted on train samples; the other samples
are embedded into them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.clusters.kmeans import Clustering
from genexp.evaluation.faithfulness import measure_faithfulness, name_faithfulness
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.task import EvaluationInputs, Result, Task

UMAP_ROWS = 2000
"""Maximum number of train samples of UMAP: exact neighbours cost quadratic time, approximate ones a
minute of compilation."""


@dataclass(frozen=True)
class Embeddings(Result):
    """Two-dimensional embeddings of the latents, fitted on train samples; the others are embedded
    into them.

    Parameters
    ----------
    coordinates : DataFrame, (n_samples, 9)
        Sample table of all samples (train, val, test in this order): ``part``; ``label``
        (categorical, NaN where unlabelled or where the cohort has no label); ``cluster`` (int,
        1..k); ``tsne_1``, ``tsne_2``, ``umap_1``, ``umap_2``, ``pca_1``, ``pca_2`` (float).
    explained_variance : ndarray of float64, (2,)
        Shares of the latent's variance over train samples along ``pca_1`` and ``pca_2``.
    perplexity : float
        Perplexity of t-SNE after clipping to (n_train - 1) / 3.
    faithfulness : DataFrame, (3, 4)
        Faithfulness of each embedding, from
        :func:`genexp.evaluation.faithfulness.measure_faithfulness`.
    """

    coordinates: pd.DataFrame
    explained_variance: np.ndarray
    perplexity: float
    faithfulness: pd.DataFrame

    @property
    def metrics(self) -> dict[str, float]:
        """``picture/trustworthiness_tsne``, ``picture/neighbours_test_umap`` ..."""
        return name_faithfulness(self.faithfulness)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        return {"embeddings": self.coordinates, "picture_faithfulness": self.faithfulness}


def embed_latents(
    parts: Sequence[PartLatents], assignments: pd.Series, perplexity: float, seed: int
) -> Embeddings:
    """Embed the encoder's latents in two dimensions by t-SNE, UMAP and PCA.

    Parameters
    ----------
    parts : sequence of PartLatents
        train, val, test.
    assignments : Series of int
        Cluster by sample id.
    perplexity : float
        Of t-SNE; at most a third of the train samples.
    seed : int
    """
    train, others = parts[0].z[ENCODER], np.concatenate([part.z[ENCODER] for part in parts[1:]])
    perplexity = min(perplexity, (len(train) - 1) / 3)
    pca, explained = place_by_pca(train, others)
    start = pca[: len(train)]
    start = start + 1e-4 * start.std() * np.random.default_rng(seed).normal(
        size=start.shape
    )  # noise: with a single latent all starts lie on a line, which t-SNE cannot leave
    embeddings = {
        "tsne": place_by_tsne(train, others, start, perplexity, seed),
        "umap": place_by_umap(train, others, start, seed),
        "pca": pca,
    }
    coordinates = _describe_samples(parts, assignments)
    for name, points in embeddings.items():
        coordinates[f"{name}_1"], coordinates[f"{name}_2"] = points.T
    return Embeddings(
        coordinates,
        explained,
        perplexity,
        measure_faithfulness(parts, coordinates, list(embeddings), seed),
    )


def place_by_pca(train: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n_train + n_others, 2) on the two largest axes of the train latents, and the shares
    (2,) of variance along them.
    """
    mean = train.mean(axis=0)
    _, singular, axes = np.linalg.svd(train - mean, full_matrices=False)
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    scores = (np.concatenate([train, others]) - mean) @ axes[:2].T
    missing = 2 - scores.shape[1]
    shares = np.square(singular) / np.square(singular).sum()
    return np.pad(scores, ((0, 0), (0, missing))), np.pad(shares[:2], (0, missing))


def place_by_tsne(
    train: np.ndarray, others: np.ndarray, start: np.ndarray, perplexity: float, seed: int
) -> np.ndarray:
    """t-SNE of train latents, started at their principal components; others are embedded without
    moving these (Poličar et al. 2024).
    """
    from openTSNE import TSNE
    from openTSNE.initialization import rescale

    fitted = TSNE(
        perplexity=perplexity, initialization=rescale(start), random_state=seed, n_jobs=1
    ).fit(train)
    # Few neighbours, as openTSNE recommends for new samples: many would pull a sample between
    # groups
    placed = fitted.transform(others, perplexity=min(5.0, perplexity))
    return np.concatenate([np.asarray(fitted), np.asarray(placed)])


def place_by_umap(
    train: np.ndarray, others: np.ndarray, start: np.ndarray, seed: int
) -> np.ndarray:
    """UMAP of (at most ``UMAP_ROWS``) train latents, started at their principal components; others
    are embedded into it.
    """
    UMAP = _import_umap()
    fits = np.zeros(len(train) + len(others), dtype=bool)
    fits[np.random.default_rng(seed).permutation(len(train))[:UMAP_ROWS]] = True
    anchors = fits[: len(train)]
    init = 10 * start[anchors] / np.abs(start).max()  # the extent of UMAP's own initialisation
    fitted = UMAP(
        n_neighbors=min(15, int(anchors.sum()) - 1), init=init, random_state=seed, n_jobs=1
    ).fit(train[anchors])
    placed = np.empty((len(fits), 2))
    placed[fits] = fitted.embedding_
    placed[~fits] = fitted.transform(np.concatenate([train[~anchors], others]))
    return placed


def _import_umap() -> Any:
    """Import UMAP, with its compiled functions cached on disk where possible: each process would
    compile them for half a minute.
    """
    from numba.core.dispatcher import Dispatcher

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import UMAP, layouts, umap_
    functions = {
        function
        for module in (layouts, umap_)
        for function in vars(module).values()
        if isinstance(function, Dispatcher)
    }
    with suppress(RuntimeError):  # numba finds no folder to write to
        for function in functions:
            function.enable_caching()
    return UMAP


def _describe_samples(parts: Sequence[PartLatents], assignments: pd.Series) -> pd.DataFrame:
    """Sample table with part, label and cluster; the label's categories are those of all parts."""
    tables = []
    for part in parts:
        label = (
            part.obs["label"].astype(object)
            if "label" in part.obs
            else pd.Series(np.nan, index=part.obs.index, dtype=object)
        )
        tables.append(pd.DataFrame({"part": part.part, "label": label}, index=part.obs.index))
    samples = pd.concat(tables).rename_axis("sample_id")
    samples["label"] = pd.Categorical(samples["label"].map(str, na_action="ignore"))
    return samples.assign(cluster=assignments.loc[samples.index])


class EmbeddingsTask(Task):
    """t-SNE, UMAP and PCA of the encoder's latents."""

    name = "embeddings"
    title = "Embeddings"
    metrics: ClassVar = {
        "picture/trustworthiness_*": (
            "trustworthiness of a 2-D embedding: its neighbours are neighbours among the latents "
            "too; 1 is best"
        ),
        "picture/neighbours_*": (
            "share of the nearest neighbours among the latents that are also neighbours in a 2-D "
            "embedding"
        ),
    }
    tables: ClassVar = {
        "embeddings": "part, label, cluster and 2-D coordinates of every sample",
        "picture_faithfulness": "faithfulness of each 2-D embedding to the latents",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Embeddings:
        """Embed the encoder's latents."""
        return embed_latents(
            inputs.all_parts,
            inputs.results.require(Clustering).assignments,
            inputs.config.perplexity,
            inputs.seed,
        )
