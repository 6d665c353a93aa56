"""The small cohort whose right reading is known: 36 samples of 18 patients x 60 genes, log2(x + 1),
with labels and survival.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.layouts.truth import words

N_SAMPLES = 36
GENES = words(
    "TSPAN6 TNMD DPM1 SCYL3 FIRRM FGR CFH FUCA2 GCLC NFYA STPG1 NIPAL3 LAS1L ENPP4 SEMA3F "
    "CFTR ANKIB1 CYP51A1 KRIT1 RAD52 "
    "MYH16 BAD LAP3 CD99 HS3ST1 AOC1 WNT16 HECW1 MAD1L1 LASP1 SNX11 TMEM176A M6PR KLHL13 "
    "CYP26B1 ICA1 DBNDD1 ALS2 CASP10 CFLAR "
    "TFPI NDUFAF7 RBM5 MTMR7 SLC7A2 ARF5 SARM1 POLDIP2 PLXND1 AK2 CD38 FKBP4 KDM1A RBM6 "
    "CAMKK1 RECQL VPS50 HSPB6 ARHGAP33 NDUFAB1"
)
SAMPLES = [f"TCGA-AA-{i // 2:04d}-{'01' if i % 2 == 0 else '11'}" for i in range(N_SAMPLES)]
"""A tumour and a normal sample of each patient."""


def make_truth() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values (samples x genes, three decimals), and annotations: ``sample``, ``type``, ``OS``,
    ``OS.time``, ``patient``, all as text.
    """
    rng = np.random.default_rng(20261128)
    label = np.array(["A", "B", "C"] * (N_SAMPLES // 3))
    base = rng.normal(7, 2.5, len(GENES))
    # genes that are hardly expressed: zeros, as in every matrix of counts and their logarithms
    base[5::12] = 0.5
    values = base + rng.normal(0, 1, (N_SAMPLES, len(GENES)))
    values += 2 * (label[:, None] == "A") * (np.arange(len(GENES)) < 20) - 2 * (
        label[:, None] == "B"
    ) * (np.arange(len(GENES)) >= 40)
    values = np.where(values < 0.3, 0, np.clip(values, 0, 15)).round(3)
    annotations = pd.DataFrame(
        {
            "sample": SAMPLES,
            "type": label,
            "OS": rng.integers(0, 2, N_SAMPLES),
            "OS.time": rng.integers(30, 3000, N_SAMPLES),
            "patient": [sample[:12] for sample in SAMPLES],
        }
    )
    return pd.DataFrame(values, index=SAMPLES, columns=GENES), annotations.astype(str)
