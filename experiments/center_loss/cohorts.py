"""The cohorts: several studies, several platforms, or one study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.run import DATA, find_data

STUDIES, LABELS = ("A", "B", "C"), ("x", "y", "z")
SHARES = np.array([[0.6, 0.25, 0.15], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]])
"""Simulated studies (rows) have more samples of one label than of the others."""
N_FACTORS = 12


@dataclass(frozen=True)
class Cohort:
    """A cohort and what is asked of it.

    Parameters
    ----------
    parameters : mapping of str to str
        Parameters of ``preprocess``.
    left_out : tuple of str
        Studies that are left out in turn: those with several labels. Empty: there is one study, and
        nothing to correct.
    paired : bool
        Whether the same tumours are measured twice: the column ``pair`` names them.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    paired: bool = False

    @property
    def several(self) -> bool:
        """True if there are several studies."""
        return bool(self.left_out)


def list_cohorts(cache: Path, small: bool) -> dict[str, Cohort]:
    """Cohorts by name: the simulated one, and at full size those that are in the folder of real
    cohorts.
    """
    if small:
        return {"simulated": _simulated(cache / "center_loss_small", 150, 80, STUDIES[:1])}
    simulated = {"simulated": _simulated(cache / "center_loss", 400, 600, STUDIES)}
    if not DATA.is_dir():
        return simulated
    return simulated | {
        "ovarian": _ovarian(),
        "colorectal": _colorectal(),
        "breast, two platforms": _breast(cache),
        "cell lines": _cell_lines(),
    }


def _real(stem: str, **parameters: str) -> dict[str, str]:
    places = {"cohort": find_data(f"{stem}.parquet"), "obs": find_data(f"{stem}_samples.tsv")}
    return {**places, "missing": "impute_mean", **parameters}


def _ovarian() -> Cohort:
    """Histology of tumours of five studies, two of them of two-colour arrays; healthy tissue and
    one study have none.
    """
    where = (
        "not histological_type in ['mix', 'other', 'undifferentiated'] and sample_type != "
        "'cellline'"
    )
    parameters = _real("ovarian_multistudy", label="histological_type", batch="study", where=where)
    return Cohort(parameters, ("GSE51088", "GSE6822", "GSE8842"))


def _colorectal() -> Cohort:
    """Microsatellite instability in seven studies; three have both."""
    parameters = _real(
        "colorectal_multistudy", label="msi", batch="study", where="sample_type == 'tumor'"
    )
    return Cohort(parameters, ("GSE24549.GPL5175", "GSE24550.GPL5175", "GSE27544"))


def _cell_lines() -> Cohort:
    """Tissues of which there are ten cell lines or more, in one study."""
    counts = pd.read_csv(find_data("ccle_500x1000_samples.tsv"), sep="\t")["tissue"].value_counts()
    return Cohort(
        _real(
            "ccle_500x1000", label="tissue", where=f"tissue in {sorted(counts.index[counts >= 10])}"
        )
    )


def _breast(cache: Path) -> Cohort:
    """Tumours and normal tissue of one set of patients by RNA sequencing and by microarray, on the
    genes that both measured.
    """
    folder = cache / "center_loss_breast"
    tables, annotations = [], []
    for platform in ("rnaseq", "agilent"):
        tables.append(pd.read_parquet(find_data(f"tcga_brca_{platform}.parquet")))
        obs = pd.read_csv(find_data(f"tcga_brca_{platform}_samples.tsv"), sep="\t")[
            ["sample", "patient_id", "sample_type", "pam50"]
        ]
        annotations.append(
            obs.assign(study=platform, pair=obs["patient_id"] + " " + obs["sample_type"])
        )
    X, obs = pd.concat(tables, join="inner"), pd.concat(annotations)
    obs["pair"] = obs["pair"].where(obs["pair"].duplicated(keep=False))
    return Cohort(
        {**_write(X, obs, folder), "label": "pam50", "missing": "impute_mean"},
        ("rnaseq", "agilent"),
        paired=True,
    )


def _simulated(folder: Path, n_samples: int, n_genes: int, left_out: tuple[str, ...]) -> Cohort:
    """Labels that are apart along planted factors, in studies that shift and stretch every gene on
    their own.
    """
    rng = np.random.default_rng(0)
    study = rng.integers(len(STUDIES), size=n_samples)
    label = np.array([rng.choice(len(LABELS), p=SHARES[s]) for s in study])
    factors = rng.normal(size=(n_samples, N_FACTORS)) + 2 * np.eye(len(LABELS), N_FACTORS)[label]
    X = factors @ rng.normal(scale=0.4, size=(N_FACTORS, n_genes)) + rng.normal(
        scale=0.7, size=(n_samples, n_genes)
    )
    X = (
        8
        + rng.normal(size=(len(STUDIES), n_genes))[study]
        + X * rng.lognormal(sigma=0.2, size=(len(STUDIES), n_genes))[study]
    )
    ids = [f"sample{i}" for i in range(n_samples)]
    table = pd.DataFrame(
        X.astype(np.float32), pd.Index(ids, name="sample"), [f"GENE{j}" for j in range(n_genes)]
    )
    obs = pd.DataFrame(
        {"sample": ids, "study": np.array(STUDIES)[study], "kind": np.array(LABELS)[label]}
    )
    return Cohort({**_write(table, obs, folder), "label": "kind"}, left_out)


def _write(table: pd.DataFrame, obs: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Write a matrix and its annotations; the parameters that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / "expression.parquet")
    obs.to_csv(folder / "samples.tsv", sep="\t", index=False)
    places = {"cohort": str(folder / "expression.parquet"), "obs": str(folder / "samples.tsv")}
    return {**places, "batch": "study"}
