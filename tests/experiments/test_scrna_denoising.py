"""Single cells are denoised at toy size; what came out at full size stands beside the
experiment.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.scrna_denoising.plan import VARIANTS
from experiments.scrna_denoising.run import compare_zeros
from tests.small_experiment import run_small


@pytest.mark.slow
def test_cells_are_denoised_and_held_against_the_truth(store: str, tmp_path: Path) -> None:
    kept = run_small(
        "scrna_denoising", tmp_path, "--epochs", "3", "--hidden", "16", "--n_latent", "4"
    )
    results = pd.read_csv(kept / "results.tsv", sep="\t")
    assert set(results["representation"]) == {"counts", "PCA", *VARIANTS}
    assert results["correlation"].between(-1, 1).all()
    scored = results[results["representation"] != "counts"]
    assert np.isfinite(
        scored[["rmse", "bias", "library", "macro_f1", "ari", "r2"]].to_numpy()
    ).all()
    lost = results.set_index("dropout")["rmse_lost"]
    assert lost[0.0].isna().all()
    assert (lost[0.3] > 0).all()
    inflated = results[results["representation"] == "zero-inflated"].set_index("dropout")
    assert (inflated["called"] > 0).all()
    assert inflated.loc[0.0, "planted"] == 0 < inflated.loc[0.3, "planted"]
    assert pd.read_csv(kept / "scale.tsv", sep="\t")["seconds"].min() > 0
    assert {path.name for path in kept.glob("*.png")} == {"truth.png", "genes.png"}


def test_the_kinds_are_compared_on_the_same_cells() -> None:
    rows = []
    for seed, loss in ((1, 1.0), (2, 3.0)):
        shared = {"depth": 2.0, "dropout": 0.3, "seed": seed, "called": 0.0, "planted": 0.2}
        rows += [shared | {"representation": "negative binomial", "loss": loss}]
        rows += [shared | {"representation": "zero-inflated", "loss": loss - 0.5, "called": 0.1}]
    names = [
        "correlation",
        "rmse",
        "rmse_lost",
        "macro_f1",
        "called_rho",
        "size_rho",
        "size_log2_ratio",
    ]
    table = compare_zeros(pd.DataFrame(rows).assign(**dict.fromkeys(names, 0.0)))
    assert table["loss"].tolist() == [-0.5, -0.5]
    assert table["called"].tolist() == [0.1, 0.1], "its own, not a difference"
    assert set(table["cells"]) == {"depth 2, 30% lost"}
