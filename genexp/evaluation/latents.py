"""Latents by part of the split and by representation.

A *representation* is the encoder (``"encoder"``), a baseline with as many components on the same
rows (``"pca"``, ``"nmf"``, ``"random"``: a random projection) or the genes themselves (``"raw"``).
Tables called ``scores`` have one row per representation (index ``representation``). A *sample
table* has the index ``sample_id``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

ENCODER = "encoder"
"""Name of the encoder among the representations."""


RAW = "raw"
"""Name of the genes themselves among the representations: as many columns as directions of the
train samples, and no decoder."""


DISPLAY = {
    ENCODER: "encoder",
    "pca": "PCA",
    "nmf": "NMF",
    "random": "random projection",
    RAW: "raw genes",
}
"""Names of the representations as they are printed."""


@dataclass(frozen=True)
class PartLatents:
    """Latents of one part of the split; reconstructions are not kept.

    Parameters
    ----------
    part : {"train", "val", "test"}
        Name of the part.
    obs : DataFrame, (n_samples, ...)
        Sample table of the annotations, in the order of the rows of every array here.
    z : mapping of str to ndarray of float64, (n_samples, n_latent)
        Latents by representation.
    """

    part: str
    obs: pd.DataFrame
    z: Mapping[str, np.ndarray]
