"""The cohort, the models, and how much of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.run import find_data

CLASSIFIER = {
    "kind": "classifier",
    "hidden": "128",
    "n_latent": "32",
    "skip": "none",
    "head_weight": "10",
    "epochs": "100",
}
"""The guide's network: layers, batch norm, ReLU, dropout 0.2, softmax, and nothing of PCA."""
NETWORKS = {
    "feed-forward": {},
    "convolutional": {"body": "convolutional"},
    "multi-task": {"heads": "TYPE"},
}
"""Networks by name; TYPE stands for the cohort's column of types."""
AUTOENCODER = {"kind": "deep", "hidden": "128", "n_latent": "32", "epochs": "100"}
"""Trained without the label; a logistic regression reads its latents."""
TRANSFER = {**CLASSIFIER, "n_latent": "4", "batch_norm": "false"}
"""Batch size for a few patients."""


@dataclass(frozen=True)
class Plan:
    """Size of the experiment.

    Parameters
    ----------
    cohort : mapping of str to str
        Parameters of the cohort; its label is tumour or normal.
    type_column : str
        What else is known of every sample: the cancer; types of it are left out in turn.
    left_out : tuple of str
        Types that a classifier of the others is tried on.
    transfer : tuple of str
        Types to which it is also tuned.
    n_patients : tuple of int
        Patients of such a type that are known, in turn; one in four of them says when to stop.
    n_seeds, n_repeats : int
        Splits of the whole cohort; draws of the patients of a type.
    """

    cohort: Mapping[str, str]
    type_column: str
    left_out: tuple[str, ...]
    transfer: tuple[str, ...]
    n_patients: tuple[int, ...]
    n_seeds: int
    n_repeats: int


SHARED = {"label": "sample_type", "group": "patient_id", "min_detected": "0.2"}


def choose_plan(small: bool) -> Plan:
    """The real cohort, or for the small version a simulated one in which stages stand for
    cancers.
    """
    if small:
        cohort = {"cohort": "simulated:400x300", "where": "sample_type != 'metastatic'", **SHARED}
        return Plan(cohort, "stage", ("Stage I",), ("Stage III",), (4,), n_seeds=2, n_repeats=1)
    stem = "tcga_paired_tumor_normal"
    cohort = {
        "cohort": find_data(f"{stem}.parquet"),
        "obs": find_data(f"{stem}_samples.tsv"),
        "missing": "impute_mean",
        **SHARED,
    }
    cancers = ("BRCA", "THCA", "LUAD", "PRAD", "LUSC", "LIHC", "HNSC", "COAD", "KIRP", "STAD")
    return Plan(cohort, "cancer_type", cancers, cancers[-4:], (4, 8, 16), n_seeds=5, n_repeats=2)
