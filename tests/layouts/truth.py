"""The small cohort that every layout is a layout of: 36 samples of 36 patients x 60 genes, with
labels and survival.

All values are simulated; gene symbols are real names. ``E`` is log2(normalised count + 1), ``C``
whole counts, both samples x genes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def words(text: str) -> list[str]:
    """Names that blanks separate."""
    return text.split()


N, G = 36, 60
rng = np.random.default_rng(11)
GENES = words(
    "A1BG ACTB AGR2 ALDOA APOE AURKB B2M BAX BCL2 CALD1 CCNB1 CD3E CD8A CDH1 CDK4 COL1A1 "
    "CXCL10 CYP1B1 DCN EGFR "
    "ERBB3 ESR1 FN1 FOXA1 GATA3 GBP1 GZMK HLA-DRA HSPA8 IGFBP5 IL7R ITGB4 KRT5 KRT18 LAMB1 "
    "LUM MAPT MCM6 MKI67 MMP9 "
    "MT-CO1 MUC1 NDUFA4 PGR PIGR POSTN PSMB9 PTPRC RPL13 RPS6 S100A9 SCGB2A2 SLC2A1 SOX10 "
    "STAT1 TFF3 TIMP1 TPM2 VIM "
    "XBP1"
)
ENSEMBL = [f"ENSG{13 * i + 100000457:011d}" for i in range(G)]
IDS = [f"LU-{i + 101}" for i in range(N)]
LABEL = np.array(["basal", "luminal", "normal-like"] * (N // 3))
EVENT = rng.integers(0, 2, N)
DAYS = rng.integers(30, 3000, N)
_mean = rng.normal(7, 2.5, G)
# genes that are hardly expressed give zeros, as in every matrix of counts and their logarithms
_mean[7::12] = 0.4
_log = _mean + rng.normal(0, 1, (N, G)) + 2 * ((LABEL[:, None] == "basal") & (np.arange(G) < 20))
_log -= 2 * ((LABEL[:, None] == "luminal") & (np.arange(G) >= 40))
E = pd.DataFrame(
    np.where(_log < 0.3, 0, np.clip(_log, 0, 15)).round(3),
    index=pd.Index(IDS, name="sample"),
    columns=GENES,
)
C = (2**E - 1).round().astype(int)
OBS = pd.DataFrame({"sample": IDS, "type": LABEL, "OS": EVENT, "OS.time": DAYS})
LOG2 = ["log2_norm_count", "log2_tpm", "log2_intensity"]
"""Logarithms to base 2 of which only the unit differs."""


def expect(
    values: pd.DataFrame = E, samples: Iterable[object] | None = None, genes: Iterable[object] | None = None,  # noqa: E501
    scale: str | Sequence[str] = "log2_norm_count", **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """Right reading: names in any order, values by name, and more as
    :func:`tests.layouts.compare.compare` lists it.
    """
    samples = values.index if samples is None else samples
    genes = values.columns if genes is None else genes
    return {
        "samples": [str(name) for name in samples],
        "genes": [str(name) for name in genes],
        "scale": scale,
        "values": np.asarray(values, dtype=float),
        **more,
    }


def by_sample(values: Iterable[Any], samples: Iterable[object] = IDS) -> dict[str, Any]:
    """Column of annotations by sample."""
    return {str(sample): value for sample, value in zip(samples, values, strict=True)}


def log2_like(n_samples: int, n_genes: int, seed: int = 0) -> np.ndarray:
    """Values like log2(x + 1): zeros, and a tail to about 14."""
    x = np.random.default_rng(seed).gamma(3, 1.3, (n_samples, n_genes))
    return np.where(x < 0.8, 0, np.clip(x, 0, 14)).round(3)


def frame(values: np.ndarray, samples: Sequence[str], genes: Sequence[str]) -> pd.DataFrame:
    """Samples x genes."""
    return pd.DataFrame(values, index=list(samples), columns=list(genes))


def tsv(table: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write a table separated by tabs."""
    table.to_csv(path, sep="\t", **options)


def write_obs(folder: Path, table: pd.DataFrame = OBS, name: str = "obs.tsv") -> None:
    """Write annotations without row names."""
    tsv(table, folder / name, index=False)
