"""A small cohort in the form that preprocessing expects."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from genexp.preprocessing import Preprocessed
from genexp.preprocessing.pipeline import preprocess_anndata
from genexp.settings.verbs import PreprocessSettings

N_SAMPLES, N_GENES = 120, 60


def make_cohort(scale: str = "log2_norm_count", seed: int = 0) -> AnnData:
    """Small cohort to the contract: three labels, some patients with two samples, gene 0..9 silent
    in most samples.
    """
    rng = np.random.default_rng(seed)
    counts = rng.negative_binomial(
        5, 5 / (5 + rng.gamma(2, 60, size=N_GENES)), size=(N_SAMPLES, N_GENES)
    ).astype(np.float32)
    counts[:, :10] *= rng.random((N_SAMPLES, 10)) < 0.02
    X = counts if scale == "counts" else np.log2(counts + 1)
    names = [f"GENE{j}" for j in range(N_GENES)]
    obs = pd.DataFrame(
        {
            "group": [f"patient{i // 2 if i < 20 else i}" for i in range(N_SAMPLES)],
            "label": pd.Categorical(
                [None if i % 10 == 9 else "abc"[i % 3] for i in range(N_SAMPLES)]
            ),
        },
        index=pd.Index([f"sample{i}" for i in range(N_SAMPLES)], name="sample_id"),
    )
    var = pd.DataFrame(
        {"source": [f"{name}|{j}" for j, name in enumerate(names)], "entrez_id": ""}, index=names
    )
    return AnnData(
        np.ascontiguousarray(X),
        obs=obs,
        var=var,
        uns={"scale": scale, "name": "toy", "digest": "0" * 16, "report": {}},
    )


def preprocess(adata: AnnData, tmp_path: Path, **values: Any) -> Preprocessed:
    """Preprocess into a folder of its own."""
    number = len(list(tmp_path.iterdir()))
    return preprocess_anndata(adata, PreprocessSettings(**values), tmp_path / f"cohort{number}")


def rows_of(adata: AnnData, data: Preprocessed, part: str) -> np.ndarray:
    """Raw rows of a part, all genes."""
    return np.asarray(adata[data.split.index[data.split["part"] == part]].X)
