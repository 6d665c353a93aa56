"""The experiment on TCGA-BRCA at toy size, and how the full matrix of the Xena hub is
recognised.
"""

from pathlib import Path

import pandas as pd
import pytest

from experiments.tcga_brca.plan import list_cohorts
from experiments.tcga_brca.xena import MARKERS, N_GENES, N_SAMPLES, name_columns, recognise
from genexp.errors import ConfigError
from tests.small_experiment import run_small

GENES = [*MARKERS, *(f"GENE{i}" for i in range(N_GENES - len(MARKERS)))]
BARCODES = [f"TCGA-A{i % 10}-{i:04d}-01" for i in range(N_SAMPLES)]
CLINICAL = [
    "sampleID",
    "AJCC_Stage_nature2012",
    "OS_Time_nature2012",
    "OS_event_nature2012",
    "PAM50Call_RNAseq",
    "_PATIENT",
]


@pytest.mark.slow
def test_the_small_version_scores_every_variant_and_keeps_its_pictures(
    store: str, tmp_path: Path
) -> None:
    kept = run_small("tcga_brca", tmp_path)
    scores = pd.read_csv(kept / "scores.tsv", sep="\t")
    variants = {
        f"{shape}, {variant}"
        for shape in ("2048-512-32", "1024-512-32")
        for variant in ("as published", "anchored at PCA")
    }
    assert set(scores["encoder"]) == {"PCA", "all genes"} | variants
    assert scores.groupby("encoder")["seed"].nunique().eq(2).all()
    assert scores.loc[scores["encoder"] != "all genes", "r2"].between(-1, 1).all()
    assert {
        "convergence.png",
        "simulated_tsne.png",
        "simulated_umap.png",
        "simulated_reconstruction.png",
    } <= {path.name for path in kept.glob("*.png")}


def test_the_matrix_of_the_xena_hub_is_recognised_by_its_names_alone() -> None:
    assert recognise(GENES, BARCODES)
    assert not recognise(GENES[:-1], BARCODES)
    assert not recognise(GENES, [*BARCODES[:-1], "GSM1"])
    assert not recognise([f"X{gene}" for gene in GENES], BARCODES)


def test_columns_of_its_clinical_table_are_found_and_those_of_the_user_go_before() -> None:
    named = name_columns(CLINICAL, {})
    assert named == {
        "label": "PAM50Call_RNAseq",
        "group": "_PATIENT",
        "time": "OS_Time_nature2012",
        "event": "OS_event_nature2012",
    }
    assert (
        name_columns(CLINICAL, {"label": "AJCC_Stage_nature2012"})["label"]
        == "AJCC_Stage_nature2012"
    )


def test_without_patients_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="_PATIENT"):
        name_columns(["sampleID", "PAM50Call_RNAseq"], {})


def test_another_matrix_is_taken_as_it_is(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        1.5, index=pd.Index([f"GENE{i}" for i in range(30)], name="sample"), columns=BARCODES[:25]
    )
    rows.iloc[:, ::2] += 0.25
    rows.to_csv(tmp_path / "mine.tsv", sep="\t")
    assert list_cohorts({"cohort": str(tmp_path / "mine.tsv"), "label": "pam50"}, small=False) == {
        "mine": {}
    }
