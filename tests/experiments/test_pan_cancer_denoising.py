"""The pan-cancer experiment at toy size, the published matrix and network, and independent
components.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.ica import fit_ica
from experiments.pan_cancer_denoising.plan import N_PARAMETERS, PUBLISHED_NAME, SHAPE, recognise
from experiments.pan_cancer_denoising.readme import list_scores
from experiments.pan_cancer_denoising.run import check_parameters
from genexp.cli import main
from genexp.errors import TrainingError
from genexp.evaluation.baselines import fit_pca
from genexp.training.ensemble import match_units
from tests.planted import make_expression
from tests.small_experiment import run_small

BARCODES = [f"TCGA-{i % 90 + 10}-{i:04d}-01" for i in range(SHAPE[0])]


@pytest.mark.slow
def test_the_small_version_scores_every_method_and_looks_into_the_published_network(
    store: str, tmp_path: Path
) -> None:
    kept = run_small("pan_cancer_denoising", tmp_path)
    scores = pd.read_csv(kept / "scores.tsv", sep="\t")
    assert set(scores["k"]) == {2, 5}
    assert scores.groupby(["representation", "k"])["seed"].nunique().eq(2).all()
    errors = scores.groupby(["representation", "k"])["mse"].mean()
    assert errors["ICA"].to_numpy() == pytest.approx(errors["PCA"].to_numpy(), rel=1e-6)
    assert (errors["deep from PCA"] <= errors["PCA"] * 1.02).all()
    published = scores[(scores["representation"] == PUBLISHED_NAME) & (scores["k"] == 5)]
    assert (published["parameters"] == 11 * published["n_genes"] + 5).all()
    assert len(pd.read_csv(kept / "simulated_units.tsv", sep="\t")) == 5
    assert {"sizes.png", "simulated_features.png", "simulated_genes.png"} <= {
        path.name for path in kept.glob("*.png")
    }


def test_the_published_matrix_is_recognised_by_shape_and_names() -> None:
    assert recognise(BARCODES, SHAPE[1])
    assert not recognise(BARCODES, SHAPE[1] - 1)
    assert not recognise(BARCODES[:-1], SHAPE[1])
    assert not recognise([*BARCODES[:-1], "GSM123456"], SHAPE[1])


def test_the_run_holds_the_published_network_to_its_number_of_parameters() -> None:
    row = {
        "representation": PUBLISHED_NAME,
        "k": 100,
        "n_genes": SHAPE[1],
        "parameters": N_PARAMETERS,
    }
    others = {"parameters": 7, "n_genes": 300}
    check_parameters(pd.DataFrame([row, row | others]))
    with pytest.raises(TrainingError, match="expected to have 1005100 parameters, found 1005200"):
        check_parameters(pd.DataFrame([row | {"parameters": N_PARAMETERS + 100}]))


def test_the_lowest_error_of_a_row_is_bold_and_what_was_not_tried_is_blank() -> None:
    rows = [
        {"cohort": "a", "k": 2, "seed": seed, "representation": "PCA", "mse": 0.002 + seed / 1000}
        for seed in range(2)
    ]
    rows += [
        {"cohort": "a", "k": 2, "seed": seed, "representation": "NMF", "mse": 0.004}
        for seed in range(2)
    ]
    rows.append({"cohort": "b", "k": 2, "seed": 0, "representation": "NMF", "mse": 0.0044})
    assert list_scores(pd.DataFrame(rows))[2:] == [
        "| a | 2 | **2.50 (0.71)** | 4.00 (0.00) |",
        "| b | 2 |  | **4.40** |",
    ]


def test_ica_rebuilds_what_pca_rebuilds() -> None:
    X = make_expression(90, 120)
    pca, ica = fit_pca(X[:60], 6), fit_ica(X[:60], 6, seed=0)
    assert pca.decode is not None
    assert ica.decode is not None
    np.testing.assert_allclose(
        ica.decode(ica.latents(X[60:])), pca.decode(pca.latents(X[60:])), atol=1e-4
    )


def test_ica_finds_planted_sources_that_pca_mixes() -> None:
    rng = np.random.default_rng(0)
    sources = rng.laplace(size=(2000, 4))
    X = (sources @ rng.normal(size=(4, 40)) + 0.05 * rng.normal(size=(2000, 40))).astype(np.float32)
    assert match_units(fit_ica(X, 4, seed=0).latents(X), sources).min() > 0.97
    assert match_units(fit_pca(X, 4).latents(X), sources).min() < 0.9


def test_gene_sets_of_other_names_are_refused_before_training(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = tmp_path / "others.gmt"
    sets.write_text(
        "SET\tno genes of this cohort\t" + "\t".join(f"OTHER{i}" for i in range(20)) + "\n"
    )
    places = ["--cache", str(tmp_path / "cache"), "--experiment_name", "gene sets"]
    assert (
        main(
            [
                "main",
                "--experiment",
                "pan_cancer_denoising",
                "--cohort",
                "simulated:60x80",
                "--gene_sets",
                str(sets),
                *places,
            ]
        )
        == 2
    )
    assert "the largest of 1 sets has 0" in " ".join(capsys.readouterr().err.split())
