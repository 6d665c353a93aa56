"""The experiment on centre loss at toy size, on a simulated cohort of three studies."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.center_loss.jobs import permute_labels, relabel
from experiments.center_loss.pairs import find_partners, rank_partners
from experiments.center_loss.plan import METHODS
from experiments.center_loss.run import choose_settings, keep_chosen
from genexp.evaluation.latents import PartLatents
from tests.planted import make_preprocessed
from tests.small_experiment import run_small


@pytest.mark.slow
def test_the_small_version_judges_every_method_on_held_out_samples(
    store: str, tmp_path: Path
) -> None:
    kept = run_small("center_loss", tmp_path)
    scores = pd.read_csv(kept / "scores.tsv", sep="\t")
    assert {"genes", "genes, ComBat", *METHODS} <= set(scores["method"])
    means = (
        scores[scores["n_latent"] == 4]
        .groupby("method")[["balanced_accuracy_batch", "silhouette_batch"]]
        .mean()
    )
    assert means.loc["nothing", "balanced_accuracy_batch"] > 0.7
    assert means.loc["ComBat", "balanced_accuracy_batch"] < 0.5
    assert means.loc["ComBat", "silhouette_batch"] < 0.05 < means.loc["nothing", "silhouette_batch"]
    left_out = pd.read_csv(kept / "left_out.tsv", sep="\t")
    assert left_out["balanced_accuracy"].between(0, 1).all()
    assert set(left_out["method"]) == set(METHODS)
    null = pd.read_csv(kept / "null.tsv", sep="\t")
    assert null.groupby("row").size().to_dict() == {
        f"{labels} {part}": 4 for labels in ("true", "permuted") for part in ("train", "held-out")
    }
    assert {path.stem for path in kept.glob("*.png")} == {"prediction", "null", "maps"}


def test_permuted_labels_are_the_same_labels_of_other_samples(tmp_path: Path) -> None:
    data = make_preprocessed(tmp_path, labelled=True)
    other = relabel(data)
    assert other.fingerprint != data.fingerprint
    for part in ("train", "val"):
        true, permuted = data.obs(part)["label"], other.obs(part)["label"]
        assert sorted(true) == sorted(permuted)
        assert (true.astype(str) != permuted.astype(str)).any()
    obs = pd.DataFrame({"label": ["a", None, "b", "a", None, "b"]})
    assert permute_labels(obs)["label"].isna().tolist() == obs["label"].isna().tolist()


def test_partners_are_ranked_among_the_samples_of_the_other_platform() -> None:
    pair = pd.Series(["p1", "p2", "p3", "p1", "p2", "p3", None, "alone"], index=list("abcdefgh"))
    assert find_partners(pair).tolist() == [3, 4, 5, 0, 1, 2, -1, -1]
    obs = pd.DataFrame({"pair": pair, "batch": ["one"] * 3 + ["other"] * 3 + ["one", "other"]})
    met = np.array([0.0, 10, 20, 0.1, 10.1, 20.1, 50, 60])[:, None]
    apart = met + 1000 * (obs["batch"] == "other").to_numpy()[:, None]
    found = rank_partners(PartLatents("test", obs, {"met": met, "apart": apart}), "met")
    assert found["partner_rank"] == found["partner_first"] == 1
    assert found["partner_chance"] == pytest.approx(2.5)  # of 4 samples of the other platform
    shifted = rank_partners(PartLatents("test", obs, {"apart": apart}), "apart")
    assert shifted["partner_first"] == 0


def test_settings_are_chosen_by_validation_samples_alone() -> None:
    rows = [
        ("x", "centre loss", "weak", 0.5, 0.9),
        ("x", "centre loss", "strong", 0.7, 0.1),
        ("x", "nothing", "", 0.9, 0.3),
    ]
    scores = pd.DataFrame(
        rows, columns=["cohort", "method", "setting", "macro_f1_val", "balanced_accuracy_label"]
    ).assign(row="encoder")
    chosen = choose_settings(scores)
    assert chosen == {("x", "centre loss"): "strong"}
    assert keep_chosen(scores, chosen)["setting"].tolist() == ["strong", ""]
