"""The experiment on log2 fold changes at toy size, and the rule by which a single contrast gets its
terms.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.log2fc_go.cohorts import label_by_changed_genes
from experiments.log2fc_go.plan import FULL, list_shapes
from tests.small_experiment import run_small


@pytest.mark.slow
def test_the_small_version_measures_sweeps_searches_and_compares(
    store: str, tmp_path: Path
) -> None:
    kept = run_small("log2fc_go", tmp_path)
    headline = pd.read_csv(kept / "headline.tsv", sep="\t").iloc[0]
    assert 390 < headline["n_genes"] <= 400
    assert 0 < headline["pc_2"] <= headline["pc_1"] < 1
    sweeps = pd.read_csv(kept / "sweeps.tsv", sep="\t")
    assert set(sweeps["representation"]) == {"encoder", "plain", "pca", "chance"}
    assert set(sweeps["shape"]) == {"width 2", "width 12", "depth 3"}
    own = sweeps.pivot_table(index=["shape", "seed"], columns="representation", values="r2")
    assert (own["encoder"] >= own["pca"] - 1e-6).all(), "epoch 0 is PCA, and is scored"
    trials = pd.read_csv(kept / "search.tsv", sep="\t")
    assert trials.groupby("study").size().eq(3).all()
    scores = pd.read_csv(kept / "scores.tsv", sep="\t")
    assert scores["macro_ap"].between(0, 1).all()
    assert {
        "components.png",
        "sweeps.png",
        "search.png",
        "simulated_terms.png",
        "simulated_deletion.png",
    } <= {path.name for path in kept.glob("*.png")}


def test_a_contrast_has_the_terms_of_its_most_changed_genes() -> None:
    rng = np.random.default_rng(0)
    genes = [f"G{i}" for i in range(600)]
    sets = {
        "first": genes[:20],
        "second": genes[20:40],
        "never": genes[300:330],
        "too small": genes[:3],
    }
    changes = pd.DataFrame(
        rng.normal(size=(40, 600)), columns=genes, index=[f"patient{i}" for i in range(40)]
    )
    changes.iloc[:10, :20] += 6
    changes.iloc[5:15, 20:40] -= 6
    changes.iloc[0, 500] = np.nan
    table = label_by_changed_genes(changes, sets)
    assert list(table.columns) == ["first", "second"]
    assert table["first"].to_numpy().nonzero()[0].tolist() == list(range(10))
    assert table["second"].to_numpy().nonzero()[0].tolist() == list(range(5, 15))


def test_layers_halve_down_to_the_latents() -> None:
    shapes = list_shapes(FULL)
    assert shapes["width 500"] == {"hidden": "", "n_latent": 500}
    assert shapes["depth 1"] == {"hidden": "", "n_latent": 256}
    assert shapes["depth 4"] == {"hidden": "halving:256x3", "n_latent": 32}
    assert shapes["depth 10"] == {"hidden": "halving:256x9", "n_latent": 1}
