"""The experiment on tumour and normal tissue at toy size, and the pieces whose mistakes no table
would show.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.tumor_normal.compare import delete, order_genes
from experiments.tumor_normal.genes import (
    compare_genes,
    find_known,
    list_leaders,
    pick_leaders,
    rank_genes,
)
from experiments.tumor_normal.other_types import draw_patients
from genexp.model.encoder import Affine, Network
from genexp.preprocessing.split import EXCLUDED
from tests.small_encoder import make_encoder
from tests.small_experiment import run_small


@pytest.mark.slow
def test_the_small_version_compares_models_genes_and_types(store: str, tmp_path: Path) -> None:
    kept = run_small("tumor_normal", tmp_path)
    scores = pd.read_csv(kept / "scores.tsv", sep="\t")
    models = {
        "feed-forward",
        "convolutional",
        "multi-task",
        "logistic regression",
        "logistic regression on PCA",
        "gradient boosting",
    }
    assert set(scores["model"]) == {*models, "logistic regression on a deep autoencoder"}
    assert scores["accuracy"].between(0.5, 1).all()
    assert scores["type_macro_f1"].notna().sum() == 3 * scores["split"].nunique()
    transfer = pd.read_csv(kept / "transfer.tsv", sep="\t")
    assert set(transfer["model"]) == {
        "as it is",
        "tuned",
        "tuned with frozen layers",
        "from scratch",
        "logistic regression",
    }
    assert {"confusion.png", "genes.png", "left_out.png", "transfer.png"} == {
        path.name for path in kept.glob("*.png")
    }


def make_obs(n: int) -> pd.DataFrame:
    """Two samples of each patient, but the last three have one."""
    rows = [(f"P{i}", kind) for i in range(n) for kind in ("tumor", "normal")] + [
        (f"Q{i}", "tumor") for i in range(3)
    ]
    obs = pd.DataFrame(rows, columns=["group", "label"], index=[f"S{j}" for j in range(len(rows))])
    return obs.astype({"label": "category"})


def test_more_known_patients_leave_the_test_samples_as_they_were_and_share_no_patient_with_them() -> (  # noqa: E501
    None
):
    obs = make_obs(20)
    splits = {n: draw_patients(obs, n, 8, seed=1) for n in (4, 8)}
    assert set(splits[4].index) == set(splits[8].index)
    assert splits[4].groupby("part")["group"].nunique().to_dict() == {
        "train": 3,
        "val": 1,
        EXCLUDED: 4,
    }
    assert splits[8].groupby("part")["group"].nunique().to_dict() == {"train": 6, "val": 2}
    for split in splits.values():
        assert not set(split["group"]) & set(obs.drop(index=split.index)["group"])
        assert split.groupby("group")["part"].nunique().eq(1).all()
        assert not split["group"].str.startswith("Q").any()
    assert not draw_patients(obs, 8, 8, seed=2).equals(splits[8])


def make_genes() -> pd.DataFrame:
    """Two splits of two methods that agree on TOP2A (up) and ALB (down), and not on the others."""
    rng = np.random.default_rng(0)
    names = [*(f"G{j}" for j in range(200)), "TOP2A", "ALB"]
    tables = {}
    for split in ("split 0", "split 1"):
        table = pd.DataFrame(
            rng.normal(size=(202, 2)),
            index=pd.Index(names, name="gene"),
            columns=["saliency", "t statistic"],
        )
        table.loc["TOP2A"], table.loc["ALB"] = 10, -9
        tables[split] = table
    return pd.concat(tables, names=["split"])


def test_leading_genes_are_those_of_the_lowest_mean_rank_with_their_direction() -> None:
    genes = make_genes()
    assert list_leaders(genes)[2].startswith("| saliency | TOP2A +, ALB −, ")
    assert rank_genes(genes["saliency"])[["TOP2A", "ALB"]].tolist() == [1, 2]
    assert find_known(genes)[:3] == [
        "| mean place among the genes | TOP2A |",
        "|---|---|",
        "| saliency | 1 |",
    ]
    assert find_known(genes.drop(index="TOP2A", level="gene")) == []
    kept = pick_leaders(genes)
    assert kept.loc["ALB"].tolist() == [-9, -9]
    assert 50 < len(kept) <= 100


def test_rankings_are_compared_between_splits_and_with_the_first_method_and_the_t_statistic() -> (
    None
):
    genes = make_genes()
    index = pd.MultiIndex.from_product(
        [["split 0", "split 1"], ["saliency", "t statistic", "random order"]],
        names=["split", "method"],
    )
    checks = pd.DataFrame(
        {
            "completeness_delta": [0.02, np.nan, np.nan, 0.04, np.nan, np.nan],
            "deletion": 0.1,
            "insertion": 0.9,
        },
        index,
    )
    head, _, saliency, t, random = compare_genes(genes, checks)
    assert head.startswith(
        "| method | between splits | top 50 shared | with saliency | with the t statistic |"
    )
    cells = [cell.strip() for cell in saliency.split("|")[1:-1]]
    assert cells[0] == "saliency"
    assert abs(float(cells[1])) < 0.3
    assert cells[3] == ""
    assert cells[5:] == ["0.030", "0.100", "0.900"]
    assert [cell.strip() for cell in t.split("|")[1:-1]][4:] == ["", "", "0.100", "0.900"]
    assert random == "| random order |  |  |  |  |  | 0.100 | 0.900 |"


def test_a_class_score_falls_at_once_when_its_genes_are_deleted_and_late_when_they_come_last() -> (
    None
):
    weight = np.zeros((1, 40), np.float32)
    weight[0, :4] = [4, 3, 2, 1]
    network = Network((Affine(weight, np.zeros(1, np.float32)),))
    encoder = replace(make_encoder(), encoder=network)
    X = np.ones((5, 40), np.float32)
    best = order_genes(weight[0])
    first, last = (
        delete(encoder, np.ones(1, np.float32), X, np.zeros(40, np.float32), [order])
        for order in (best, best[::-1])
    )
    assert best[:4].tolist() == [0, 1, 2, 3]
    assert first[0] < 0.1
    assert last[0] > 0.8
    assert first[1] > 0.9
    assert last[1] < 0.2
