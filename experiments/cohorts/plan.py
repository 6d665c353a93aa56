"""The cohorts, and the training and evaluation of an encoder for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.run import DATA

SETTINGS = {"seeds": "3", "hidden": "512", "n_latent": "32"}
"""The same for every cohort unless it says otherwise: nothing was tuned."""
SMALL = {"epochs": "3", "threads": "1", "seeds": "2", "hidden": "16", "n_latent": "8"}
SMALL_COHORT = "simulated:200x400"
SURVIVAL = {"time": "OS_days", "event": "OS_event"}


@dataclass(frozen=True)
class Cohort:
    """A cohort and what is asked of it.

    Parameters
    ----------
    parameters : mapping of str to str
        Parameters of ``main``.
    figures : tuple of str
        Pictures that are kept beside the README.
    target : str
        Target whose leading genes are written down; empty: none.
    """

    parameters: Mapping[str, str]
    figures: tuple[str, ...] = ("verdict", "tsne", "risk_groups")
    target: str = ""

    @property
    def simulated(self) -> bool:
        """True if its truths are known."""
        return self.parameters["cohort"].startswith("simulated")


def _real(stem: str, suffix: str, annotations: str, **parameters: str) -> dict[str, str]:
    places = {
        "cohort": str(DATA / f"{stem}{suffix}"),
        "obs": str(DATA / f"{stem}_{annotations}.tsv"),
    }
    return {**places, "gene_sets": str(DATA / "hallmark.gmt"), **SURVIVAL, **parameters}


def _zscores(cohort: str) -> Cohort:
    """One cancer of the compendium of z-scores, whose tails are heavy; its patients have no
    subtype.
    """
    parameters = {"where": f"cohort == '{cohort}'", "clip": "8", "group": "patient_id"}
    return Cohort(
        _real("tcga_survival_zscores", ".parquet", "patients", **parameters),
        ("verdict", "risk_groups", "increments"),
    )


def list_cohorts(simulated: str = "simulated") -> dict[str, Cohort]:
    """Every cohort by name; ``simulated`` is that one's ``cohort`` parameter."""
    five = ("tcga_5cohorts_fulltranscriptome", ".tsv.gz", "samples")
    return {
        "simulated": Cohort({"cohort": simulated}),
        "brca": Cohort(_real("tcga_brca_rnaseq", ".parquet", "samples", label="pam50")),
        "cancer_types": Cohort(_real(*five, label="cancer_type")),
        "sex": Cohort(
            _real(*five, label="gender"), ("verdict", "tsne", "attribution"), "class Female"
        ),
        "sex_96": Cohort(
            _real(*five, label="gender", n_latent="96"), ("verdict", "attribution"), "class Female"
        ),
        **{name.lower(): _zscores(name) for name in ("BLCA", "LUAD", "LIHC", "GBMLGG")},
    }
