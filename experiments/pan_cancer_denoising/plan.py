"""The recipes, the cohorts, and how the published matrix is recognised."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.cohorts.truths import plant
from experiments.run import find_data

SHAPE, N_PARAMETERS = (10_459, 5_000), 1_005_100
"""Samples and genes of the published matrix, and parameters of the published network with its 100
units."""
N_UNITS = 100
BARCODE = re.compile(r"TCGA-\w{2}-\w{4}")
RECIPE: dict[str, Any] = {
    "split": "72/18/10",
    "scaling": "minmax",
    "n_top_genes": "5000",
    "normalise": "auto",
}
"""Genes of largest median absolute deviation, each from 0 to 1 on train samples; 9,413/1,046 with
20 % of the former for validation."""
PUBLISHED: dict[str, Any] = {
    **{
        "kind": "denoising",
        "hidden": "",
        "rectify": True,
        "output": "sigmoid",
        "skip": "none",
        "batch_norm": False,
        "dropout": 0,
    },
    **{
        "corruption": "mask",
        "corruption_level": 0.1,
        "minibatch": 50,
        "epochs": 10,
        "patience": 10,
        "learning_rate": 1e-3,
    },
    **{"weight_decay": 0, "schedule": "constant"},
}
PUBLISHED_NAME, OURS_NAME = "denoising as published", "deep from PCA"
LONG = {"epochs": 30}
ENCODERS: dict[str, dict[str, Any]] = {
    PUBLISHED_NAME: PUBLISHED,
    "denoising 30 epochs": PUBLISHED | LONG,
    "variational": PUBLISHED
    | LONG
    | {"kind": "variational", "reconstruction": "cross_entropy", "rectify": False},
    OURS_NAME: {"kind": "deep", "hidden": "256", "minibatch": 128, "epochs": 60},
}
"""Encoders by name; all but the last have one layer either way, rectified or Gaussian units and
sigmoid outputs."""
SMALL: dict[str, Any] = {"epochs": 3}
LINEAR = ("PCA", "ICA", "NMF")
SEEDS = 3


@dataclass(frozen=True)
class Cohort:
    """A cohort and what is tried on it.

    Parameters
    ----------
    values : mapping of str to str
        Parameters of ``preprocess``.
    sizes : tuple of int
        Numbers of latents.
    gene_sets : str
        GMT file.
    seeds : int
        Splits, each with trainings of its own.
    linear : tuple of str
        Methods without a network.
    encoders : mapping of str to mapping
        Parameters of training by name.
    """

    values: Mapping[str, str]
    sizes: tuple[int, ...]
    gene_sets: str
    seeds: int = SEEDS
    linear: tuple[str, ...] = LINEAR
    encoders: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: ENCODERS)


def list_cohorts(given: Mapping[str, str], small: bool, cache: Path) -> dict[str, Cohort]:
    """Cohorts by name; the user's own one alone where there is one.

    Raises
    ------
    ConfigError
        A real cohort is not there.
    """
    if "cohort" in given:
        return {
            "given": Cohort({}, (10, N_UNITS), given.get("gene_sets") or find_data("hallmark.gmt"))
        }
    if small:
        encoders = {name: {**values, **SMALL} for name, values in ENCODERS.items()}
        cohort = "simulated:240x300"
        values = {"cohort": cohort, "label": "subtype"}
        return {
            "simulated": Cohort(
                values, (2, 5), str(plant(cohort, cache)[1]), seeds=2, encoders=encoders
            )
        }
    return {
        name: Cohort(*parts) for name, parts in _list_real(find_data("hallmark.gmt")).items()
    } | {"simulated": _simulate(cache)}


def _list_real(gene_sets: str) -> dict[str, tuple[dict[str, str], tuple[int, ...], str]]:
    paired = {"group": "patient_id", "missing": "impute_mean", "label": "cancer_type"}
    zscores = {"group": "patient_id", "clip": "8", "label": "cohort"}
    return {
        "tumour and normal": (
            _name("tcga_paired_tumor_normal", "samples", **paired),
            (2, 10, N_UNITS, 200),
            gene_sets,
        ),
        "three cohorts": (
            _name("tcga_toil_tpm_3cohorts", "patients", label="cancer_type"),
            (N_UNITS,),
            gene_sets,
        ),
        "twelve cohorts": (
            _name("tcga_survival_zscores", "patients", **zscores),
            (N_UNITS,),
            gene_sets,
        ),
    }


def _name(stem: str, annotations: str, **values: str) -> dict[str, str]:
    return {
        "cohort": find_data(f"{stem}.parquet"),
        "obs": find_data(f"{stem}_{annotations}.tsv"),
        **values,
    }


def _simulate(cache: Path) -> Cohort:
    """A cohort of the published size: so many samples and genes that 5,000 are left when those that
    are silent are gone.
    """
    cohort = f"simulated:{SHAPE[0]}x6500"
    short = {PUBLISHED_NAME: PUBLISHED, OURS_NAME: ENCODERS[OURS_NAME] | {"epochs": 5}}
    return Cohort(
        {"cohort": cohort, "label": "subtype"},
        (N_UNITS,),
        str(plant(cohort, cache)[1]),
        1,
        LINEAR[:1],
        short,
    )


def recognise(samples: Sequence[str], n_genes: int) -> bool:
    """Check that samples and number of genes are those of the published matrix: TCGA barcodes, in
    its shape.
    """
    return (len(samples), n_genes) == SHAPE and all(map(BARCODE.match, map(str, samples)))
