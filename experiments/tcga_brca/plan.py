"""The recipe as published, what stands beside it, and the cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.run import find_data
from experiments.tcga_brca.xena import name_columns, recognise
from genexp.cohort import read_cohort
from genexp.files.source import open_source
from genexp.formats import Request, open_annotations
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings

RECIPE: dict[str, Any] = {
    "split": "85/15",
    "scaling": "zscore",
    "dropout": 0.2,
    "batch_norm": True,
    "minibatch": 256,
    "patience": 10,
}
"""Linear, batch norm, ReLU, dropout 0.2, He normal, Adam, early stopping; 85/15 stratified by
subtype, here grouped by patient too."""
SHAPES: dict[str, dict[str, Any]] = {
    "2048-512-32": {"hidden": "2048,512", "n_latent": 32},
    "1024-512-32": {"hidden": "1024,512", "n_latent": 32},
}
VARIANTS: dict[str, dict[str, Any]] = {
    "as published": {"skip": "none"},
    "anchored at PCA": {"skip": "pca"},
}
SURVIVAL = {"time": "OS_days", "event": "OS_event"}
REPORT = {"perplexity": "30", **RECIPE, **SHAPES["2048-512-32"]}
"""The one training of each cohort that gets the whole report."""
SMALL: dict[str, Any] = {"hidden": "32,16", "n_latent": 6, "epochs": 4}


def list_cohorts(given: Mapping[str, str], small: bool) -> dict[str, dict[str, str]]:
    """Cohorts by name: those of the experiment, or the user's own one with the columns that the
    Xena hub has.

    Raises
    ------
    ConfigError
        A real cohort is not there, or the Xena matrix comes without its patients.
    """
    if "cohort" in given:
        return _read_given(given)
    if small:
        return {"simulated": {"cohort": "simulated:200x400", "label": "subtype", **SURVIVAL}}
    real = {
        "cohort": find_data("tcga_brca_rnaseq.parquet"),
        "obs": find_data("tcga_brca_rnaseq_samples.tsv"),
        "label": "pam50",
    }
    return {
        "real, 909 genes": real | SURVIVAL,
        "simulated, 20,531 genes": {"cohort": "simulated", "label": "subtype", **SURVIVAL},
    }


def _read_given(given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    own = {
        name: value
        for name, value in given.items()
        if name in CohortConfig.model_fields and name not in ("label", "time", "event")
    }
    adata = read_cohort(parse_settings(CohortConfig, own))
    if not recognise(adata.var["source"], adata.obs_names):
        return {str(adata.uns["name"]): {}}
    columns: list[str] = []
    if given.get("obs"):
        with open_source(given["obs"], given.get("s3_endpoint", "")) as path:
            columns = list(open_annotations(path, Request("obs")).columns)
    return {"Xena HiSeqV2": name_columns(columns, given)}
