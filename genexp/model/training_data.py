"""Facts about a preprocessed cohort that a model type may ask for before it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from genexp.preprocessing.transform import Transform


class TrainingData(Protocol):
    """Train and validation samples; :class:`genexp.preprocessing.Preprocessed` is one.

    A protocol, because settings contain the parameters of the model types and preprocessing imports
    settings: a model type that imported preprocessing would close a circle. Test samples are no
    part of it.
    """

    @property
    def scale(self) -> str:
        """Value scale of the raw cohort."""

    @property
    def var(self) -> pd.DataFrame:
        """Genes (n_genes, ...) in matrix order; index gene name."""

    @property
    def transform(self) -> Transform:
        """From raw expression to scaled genes."""

    def matrix(self, part: Literal["train", "val"]) -> np.ndarray:
        """Scaled values (n, n_genes) of float32."""

    def obs(self, part: Literal["train", "val"]) -> pd.DataFrame:
        """Annotations (n, ...) in the order of the matrix."""
