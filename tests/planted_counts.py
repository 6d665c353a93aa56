"""Small count cohorts with planted proportions and dispersions, made by the real pipeline."""

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd

from genexp.preprocessing import Preprocessed
from genexp.preprocessing.pipeline import preprocess_anndata
from genexp.settings.verbs import PreprocessSettings


def make_counts(
    n_samples: int,
    n_genes: int,
    size: np.ndarray,
    n_factors: int = 3,
    seed: int = 0,
    zeros: float = 0.0,
) -> np.ndarray:
    """Negative binomial counts (n_samples, n_genes) of sizes (n_genes,) around proportions of few
    factors; libraries differ fourfold.
    """
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, n_genes) + 0.5 * rng.standard_normal(
        (n_samples, n_factors)
    ) @ rng.standard_normal((n_factors, n_genes))
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    mean = share * n_genes * rng.uniform(100, 400, (n_samples, 1))
    counts = rng.negative_binomial(size, size / (size + mean))
    return np.where(rng.random(counts.shape) < zeros, 0, counts).astype(np.float32)


def preprocess_counts(
    folder: Path, counts: np.ndarray, scale: str = "counts", **settings: Any
) -> Preprocessed:
    """Split and scale counts (n_samples, n_genes)."""
    samples, genes = (
        [f"s{i:04d}" for i in range(len(counts))],
        [f"G{j:05d}" for j in range(counts.shape[1])],
    )
    obs = pd.DataFrame({"group": samples}, index=pd.Index(samples, name="sample_id"))
    var = pd.DataFrame({"source": genes, "entrez_id": ""}, index=pd.Index(genes, name="gene"))
    adata = anndata.AnnData(
        counts,
        obs=obs,
        var=var,
        uns={"scale": scale, "name": "counts", "digest": "0", "report": {}},
    )
    return preprocess_anndata(
        adata,
        PreprocessSettings(cohort="planted", **settings),
        folder / f"cohort{len(list(folder.iterdir()))}",
    )
