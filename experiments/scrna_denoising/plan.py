"""Simulated cohorts and the trainings on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SHARED = {"hidden": (128,), "n_latent": 12, "minibatch": 128, "epochs": 200, "patience": 15}
"""Parameters of every encoder; PCA has as many components as there are latents."""
VARIANTS: dict[str, dict[str, Any]] = {
    "plain autoencoder": {"skip": "none"},
    "deep": {},
    "negative binomial": {"kind": "count"},
    "zero-inflated": {"kind": "count", "likelihood": "zero_inflated"},
    "unanchored negative binomial": {"kind": "count", "skip": "none"},
}
"""Encoders by name, as parameters beside the defaults and the shared ones."""
READING = {
    "scale": "counts",
    "label": "cell_type",
    "min_detected": 0.02,
    "min_sample_detected": 0.0,
}
"""Settings of the reading: a good cell may have zeros in half of its genes."""
NORMALISATION = "log2_median"


@dataclass(frozen=True)
class Cells:
    """A simulated cohort: its shape, the mean count of a gene, the share of the counts that are
    lost, and its seed.
    """

    n_cells: int
    n_genes: int
    depth: float
    dropout: float
    seed: int

    @property
    def name(self) -> str:
        """``depth2_dropout0.3_seed1``."""
        return f"depth{self.depth:g}_dropout{self.dropout:g}_seed{self.seed}"


@dataclass(frozen=True)
class Plan:
    """Size of the experiment."""

    n_cells: int
    n_genes: int
    depths: tuple[float, ...]
    dropouts: tuple[float, ...]
    seeds: tuple[int, ...]
    scale: tuple[int, int]

    def list_cells(self) -> list[Cells]:
        """Every cohort."""
        cases = [(depth, dropout) for dropout in self.dropouts for depth in self.depths]
        return [
            Cells(self.n_cells, self.n_genes, *case, seed) for case in cases for seed in self.seeds
        ]


FULL = Plan(1200, 400, (0.5, 2.0, 8.0), (0.0, 0.3), (1, 2, 3), (50_000, 2_000))
SMALL = Plan(150, 60, (4.0,), (0.0, 0.3), (1,), (200, 60))
