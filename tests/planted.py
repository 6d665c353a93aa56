"""Small cohorts with known structure, made by the real pipeline."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from genexp.preprocessing import Preprocessed
from genexp.preprocessing.pipeline import preprocess_anndata
from genexp.settings.verbs import PreprocessSettings


def make_expression(
    n_samples: int, n_genes: int, n_factors: int = 4, seed: int = 0, noise: float = 0.5
) -> np.ndarray:
    """Curved low-dimensional structure with noise (n_samples, n_genes): more than PCA can hold in
    as many dimensions.
    """
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n_samples, n_factors))
    features = np.hstack([factors, np.square(factors), np.tanh(2 * factors)])
    signal = features @ rng.standard_normal((features.shape[1], n_genes))
    return (8 + signal + noise * rng.standard_normal(signal.shape)).astype(np.float32)


def make_preprocessed(
    folder: Path,
    n_samples: int = 120,
    n_genes: int = 400,
    seed: int = 0,
    labelled: bool = False,
    **settings: str,
) -> Preprocessed:
    """A planted cohort, split and scaled; ``labelled`` adds a label and survival that follow two
    genes.
    """
    X = make_expression(n_samples, n_genes, seed=seed)
    samples = [f"s{i:04d}" for i in range(n_samples)]
    genes = [f"G{j:05d}" for j in range(n_genes)]
    obs = pd.DataFrame({"group": samples}, index=pd.Index(samples, name="sample_id"))
    if labelled:
        score = X[:, 0] - X[:, 0].mean()
        obs["label"] = pd.Categorical(np.where(score > 0, "high", "low"))
        hazard = np.exp((X[:, 1] - X[:, 1].mean()) / X[:, 1].std())
        obs["time_days"] = np.ceil(
            1000 * np.random.default_rng(seed).exponential(size=n_samples) / hazard
        )
        obs["event"] = 1.0
    var = pd.DataFrame({"source": genes, "entrez_id": ""}, index=pd.Index(genes, name="gene"))
    adata = anndata.AnnData(
        X,
        obs=obs,
        var=var,
        uns={"scale": "log2fc", "name": "planted", "digest": f"{seed}", "report": {}},
    )
    return preprocess_anndata(
        adata,
        PreprocessSettings(cohort="planted", **settings),
        folder / f"planted-{n_samples}x{n_genes}-{seed}",
    )
