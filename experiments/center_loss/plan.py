"""The methods that are compared, and at which sizes."""

from __future__ import annotations

from dataclasses import dataclass

SIZES = (20, 40)
"""Latents, as published; the third, 1,000, is cut to what a cohort allows."""
MOST = 1000
WEIGHTS = (0.1, 1.0, 10.0)
"""Weights of cross-entropy and centre loss beside the squared error per gene; chosen by the label of validation samples."""
SEEDS = 3
SPLIT = "60/15/25"
TRAINING = {"hidden": (128,), "epochs": 100, "batch_norm": True}
SMALL = {"epochs": 4, "hidden": (16,)}
SMALL_SIZES, SMALL_WEIGHTS, SMALL_SEEDS = (4,), (1.0, 10.0), 2


@dataclass(frozen=True)
class Method:
    """How studies are brought together.

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
        """Whether it learns the label."""
        return self.kind == "center_loss"


METHODS = {
    "nothing": Method("none"),
    "z-score by study": Method("zscore"),
    "ComBat": Method("combat"),
    "plain autoencoder": Method("none", "deep"),
    "centre loss": Method("none", "center_loss"),
    "centre loss + ComBat": Method("combat", "center_loss"),
}
"""By name; the first three are principal components of corrected genes."""
GENES = {"none": "genes", "zscore": "genes, z-score by study", "combat": "genes, ComBat"}
"""Names of the genes themselves, by their correction."""
