"""An encoder of 40 genes with random weights, and expression for it."""

import numpy as np
import pandas as pd

from genexp.model.encoder import Affine, Encoder, Network
from genexp.preprocessing.transform import Transform

N_GENES, N_LATENT = 40, 3


def make_encoder(seed: int = 0, data_fingerprint: str = "d1") -> Encoder:
    rng = np.random.default_rng(seed)
    fill, shift, spread = (rng.uniform(1, 2, N_GENES).astype(np.float32) for _ in range(3))

    def layer(n_in: int, n_out: int, activation: str) -> Affine:
        return Affine(
            rng.normal(size=(n_out, n_in)).astype(np.float32),
            rng.normal(size=n_out).astype(np.float32),
            activation,
        )

    return Encoder(
        genes=[f"GENE{i}" for i in range(N_GENES)],
        sources=[f"GENE{i}|{i}" for i in range(N_GENES)],
        scale="counts",
        duplicates="max_variance",
        transform=Transform("log2_cpm", None, fill, shift, spread),
        encoder=Network(
            (layer(N_GENES, 8, "relu"), layer(8, N_LATENT, "linear")),
            layer(N_GENES, N_LATENT, "linear"),
        ),
        decoder=Network((layer(N_LATENT, 8, "relu"), layer(8, N_GENES, "linear"))),
        card={"data_fingerprint": data_fingerprint, "split_hash": "s1"},
    )


def make_expression(seed: int = 1, n_samples: int = 5) -> pd.DataFrame:
    counts = np.random.default_rng(seed).poisson(50, (n_samples, N_GENES)).astype(np.float32)
    return pd.DataFrame(
        counts,
        index=[f"TCGA-{i}" for i in range(n_samples)],
        columns=[f"GENE{i}" for i in range(N_GENES)],
    )
