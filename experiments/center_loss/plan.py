"""The methods that are compared, and at which sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SIZES = (20, 40)
"""Latents, as published; the third, 1,000, is cut to what a cohort allows."""
MOST = 1000
SETTINGS: dict[str, dict[str, Any]] = {
    f"{title}, weight {weight:g}": {"skip": skip, "head_weight": weight, "center_weight": weight}
    for skip, title, weights in (
        ("pca", "anchored at PCA", (1.0, 10.0)),
        ("none", "not anchored", (1.0, 100.0)),
    )
    for weight in weights
}
"""Settings of the centre loss: with the linear path that starts at PCA or, as published,
without; weights of cross-entropy and centre loss beside the squared error per gene. Chosen by how
well the label of validation samples is predicted."""
SEEDS, FEWER_SEEDS = 3, 2
"""Splits at the smallest size, and at other sizes and without a study."""
SPLIT = "60/15/25"
TRAINING = {"hidden": (128,), "epochs": 100, "batch_norm": True}
SMALL = {"epochs": 4, "hidden": (16,)}
SMALL_SIZES, SMALL_SEEDS, SMALL_SETTINGS = (4,), 2, 2


@dataclass(frozen=True)
class Method:
    """Method that integrates studies.

    Parameters
    ----------
    correction : {"none", "zscore", "combat"}
        Of the genes, before anything else.
    kind : {"", "deep", "center_loss"}
        Of the encoder; empty: principal components.
    """

    correction: str
    kind: str = ""

    @property
    def supervised(self) -> bool:
        """True if it learns the label."""
        return self.kind == "center_loss"


METHODS = {
    "nothing": Method("none"),
    "z-score by batch": Method("zscore"),
    "ComBat": Method("combat"),
    "plain autoencoder": Method("none", "deep"),
    "centre loss": Method("none", "center_loss"),
    "centre loss + ComBat": Method("combat", "center_loss"),
}
"""By name; the first three are principal components of corrected genes."""
GENES = {"none": "genes", "zscore": "genes, z-score by batch", "combat": "genes, ComBat"}
"""Names of the genes themselves, by their correction."""
