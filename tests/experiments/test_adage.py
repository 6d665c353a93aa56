"""ADAGE at toy size, its ensembles, and the gene sets behind nodes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.adage.ensemble import combine
from experiments.adage.run import list_recurrence
from experiments.nodes import enrich_nodes, sign_nodes, weigh_nodes
from genexp.cli import main
from genexp.evaluation.baselines import Representation
from genexp.model.encoder import Affine, Encoder, Network
from genexp.preprocessing.transform import Transform
from genexp.training.ensemble import match_units
from tests.small_experiment import run_small

N_NODES, N_GENES = 4, 200


@pytest.mark.slow
def test_the_small_version_judges_every_method_and_counts_nodes_that_recur(
    store: str, tmp_path: Path
) -> None:
    kept = run_small("adage", tmp_path)
    scores = pd.read_csv(kept / "scores.tsv", sep="\t")
    assert set(scores["representation"]) == {
        "all genes",
        "PCA",
        "ICA",
        "ADAGE",
        "eADAGE",
        "deep from PCA",
    }
    r2 = scores.pivot(index="split", columns="representation", values="r2")
    np.testing.assert_allclose(r2["ICA"], r2["PCA"], atol=1e-5)
    assert (r2["ADAGE"] < r2["PCA"]).all()
    recurrence = pd.read_csv(kept / "recurrence.tsv", sep="\t").set_index("representation")
    assert recurrence.loc["PCA", "all"] == 1
    assert recurrence[["all", "pairs", "splits"]].stack().between(0, 1).all()
    assert {"recurrence.png", "nodes.png"} <= {path.name for path in kept.glob("*.png")}


def make_member(weight: np.ndarray, bias: np.ndarray, output: np.ndarray) -> Encoder:
    genes = [f"G{i}" for i in range(N_GENES)]
    transform = Transform(
        "none", None, *np.zeros((2, N_GENES), np.float32), np.ones(N_GENES, np.float32)
    )
    first, last = Affine(weight, bias, "sigmoid"), Affine(weight.T.copy(), output, "sigmoid")
    return Encoder(genes, genes, "zero_one", "mean", transform, Network((first,)), Network((last,)))


def draw_network(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weight = (
        rng.gamma(0.5, 0.3, (N_NODES, N_GENES)) * (rng.random((N_NODES, N_GENES)) < 0.2)
    ).astype(np.float32)
    return (
        weight,
        rng.normal(size=N_NODES).astype(np.float32),
        rng.normal(size=N_GENES).astype(np.float32),
    )


def test_an_ensemble_of_shuffled_and_mirrored_copies_is_the_network_itself() -> None:
    rng = np.random.default_rng(0)
    weight, bias, output = draw_network(rng)
    members = []
    for _ in range(3):
        order, sign = rng.permutation(N_NODES), rng.choice([-1.0, 1.0], N_NODES).astype(np.float32)
        turned = output + weight[order][sign < 0].sum(axis=0)
        members.append(
            make_member(
                weight[order] * sign[:, None], bias[order] * sign, turned.astype(np.float32)
            )
        )
    X, one, whole = (
        rng.random((50, N_GENES)),
        make_member(weight, bias, output),
        combine(members, N_NODES),
    )
    z, expected = whole.latents(X), one.encoder(X)
    assert whole.decode is not None
    assert match_units(z, expected).min() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(whole.decode(z), one.decoder(expected), atol=1e-5)


def test_the_gene_set_of_a_planted_node_is_found_and_no_other() -> None:
    rng = np.random.default_rng(1)
    genes = pd.Index([f"G{i}" for i in range(N_GENES)])
    loadings = 0.05 * rng.normal(size=(2, N_GENES))
    loadings[0, :12] += 2.0
    one = Representation("planted", lambda x: x @ np.linalg.pinv(loadings), lambda z: z @ loadings)
    X = rng.normal(size=(80, 2)) @ loadings
    weights = weigh_nodes(one, X, genes)
    signatures = sign_nodes(weights, one.latents(X), one.latents(X))
    sets = {
        "planted": list(genes[:15]),
        "other": list(genes[100:120]),
        "not measured": [f"H{i}" for i in range(30)],
    }
    found = enrich_nodes(signatures, sets)
    assert found[["node", "gene_set", "n_overlap"]].to_numpy().tolist() == [
        ["node_000", "planted", 12]
    ]
    assert found["q"].iloc[0] < 1e-6


def test_shares_that_were_not_measured_are_blank() -> None:
    rows = [{"cohort": "a", "representation": "PCA", "all": 1.0, "pairs": 1.0, "splits": 0.5}]
    rows.append({"cohort": "a", "representation": "eADAGE", "pairs": 0.25})
    assert list_recurrence(pd.DataFrame(rows))[2:] == [
        "| a | PCA | 100% | 100% | 50% |",
        "| a | eADAGE |  | 25% |  |",
    ]


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
                "adage",
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
