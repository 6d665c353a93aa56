"""Every real cohort of the shared folder reads as its README describes it."""

from pathlib import Path

import numpy as np
import pytest

from genexp.cohort import read_cohort
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig

OS = {"time": "OS_days", "event": "OS_event"}

COHORTS: dict[str, tuple[str, tuple[int, int], str, dict[str, str]]] = {
    "tcga_brca_rnaseq.parquet": (
        "samples",
        (1218, 909),
        "log2_norm_count",
        OS | {"label": "pam50"},
    ),
    "tcga_brca_agilent.parquet": (
        "samples",
        (589, 1492),
        "log2fc",
        OS | {"label": "pam50", "missing": "drop_gene"},
    ),
    "tcga_survival_zscores.parquet": ("patients", (4895, 1526), "zscore", OS | {"label": "cohort"}),
    "tcga_paired_tumor_normal.parquet": (
        "samples",
        (1058, 3556),
        "log2_tpm",
        OS
        | {
            "label": "cancer_type",
            "missing": "impute_mean",
            "where": "not (OS_event == 1 and OS_days.isna())",
        },
    ),
    "tcga_paired_log2fc.parquet": (
        "contrasts",
        (530, 3556),
        "log2fc",
        {"label": "cancer_type", "missing": "impute_mean"},
    ),
    "tcga_5cohorts_fulltranscriptome.tsv.gz": (
        "samples",
        (309, 20531),
        "log2_norm_count",
        OS | {"label": "cancer_type"},
    ),
    "tcga_toil_tpm_3cohorts.parquet": (
        "patients",
        (1013, 1577),
        "log2_tpm",
        OS | {"label": "cancer_type"},
    ),
    "tcga_pancan_50genes.parquet": (
        "samples",
        (8967, 50),
        "log2_norm_count",
        OS | {"where": "not (OS_event == 1 and OS_days.isna())"},
    ),
    "ccle_500x1000.parquet": ("samples", (500, 1000), "log2_intensity", {"label": "tissue"}),
    "ovarian_multistudy.parquet": (
        "samples",
        (416, 1494),
        "log2fc",
        OS | {"label": "study", "missing": "impute_mean"},
    ),
    "colorectal_multistudy.parquet": (
        "samples",
        (342, 4192),
        "log2_tpm",
        OS | {"label": "msi", "missing": "impute_mean"},
    ),
    "gse3143_breast.parquet": (
        "samples",
        (158, 8659),
        "log2_intensity",
        {"label": "er_level_0to3", "time": "OS_months", "event": "OS_event", "time_unit": "months"},
    ),
    "stargeo_disease_signatures.tsv.gz": (
        "contrasts",
        (49, 17714),
        "log2fc",
        {"missing": "impute_mean"},
    ),
}


@pytest.mark.parametrize("file", COHORTS)
def test_every_shared_cohort_reads_with_its_annotations(shared_data: Path, file: str) -> None:
    kind, shape, scale, options = COHORTS[file]
    obs = shared_data / f"{file.partition('.')[0]}_{kind}.tsv"
    cohort = read_cohort(CohortConfig(cohort=str(shared_data / file), obs=str(obs), **options))
    assert cohort.shape == shape
    assert cohort.uns["scale"] == scale
    assert cohort.X.dtype == np.float32
    assert cohort.uns["report"]["n_obs_unused"] == 0
    assert ("label" in cohort.obs) == ("label" in options)
    if "time" in options:
        known = cohort.obs[["time_days", "event"]].dropna()
        assert (known["time_days"] > 0).all()
        assert known["event"].isin([0, 1]).all()
        assert len(known) == cohort.uns["report"]["n_survival"] > 0


@pytest.mark.parametrize("file", [file for file in COHORTS if "tsv" in file])
def test_genes_in_rows_are_recognised_without_annotations(shared_data: Path, file: str) -> None:
    cohort = read_cohort(CohortConfig(cohort=str(shared_data / file), missing="impute_mean"))
    assert cohort.n_vars == COHORTS[file][1][1]


def test_the_full_transcriptome_keeps_what_the_readme_says(shared_data: Path) -> None:
    files = {"cohort": str(shared_data / "tcga_5cohorts_fulltranscriptome.tsv.gz")}
    files["obs"] = str(shared_data / "tcga_5cohorts_fulltranscriptome_samples.tsv")
    cohort = read_cohort(CohortConfig(**files, label="gender"))
    report = cohort.uns["report"]
    assert (report["n_question_mark"], report["duplicated"], report["n_groups"]) == (
        29,
        ["SLC35E2"],
        300,
    )
    assert report["classes"] == {"Female": 189, "Male": 120}
    levels = cohort.to_df()[["XIST", "RPS4Y1", "MLANA"]]
    female = cohort.obs["label"] == "Female"
    sex = (levels["XIST"] - levels["RPS4Y1"]).to_numpy()
    assert (sex[female][:, None] > sex[~female]).mean() == pytest.approx(1, abs=5e-4)  # AUC 1.000
    assert levels["MLANA"][cohort.obs["cancer_type"] == "UVM"].mean() == pytest.approx(
        15.4, abs=0.1
    )


@pytest.mark.parametrize(
    ("file", "n"), [("tcga_paired_tumor_normal", 2), ("tcga_pancan_50genes", 17)]
)
def test_deaths_without_a_time_are_refused_by_name(shared_data: Path, file: str, n: int) -> None:
    config = CohortConfig(
        cohort=str(shared_data / f"{file}.parquet"),
        obs=str(shared_data / f"{file}_samples.tsv"),
        missing="impute_mean",
        **OS,
    )
    with pytest.raises(CohortError, match=rf"no time \('OS_days'\): {n} \(TCGA-"):
        read_cohort(config)
