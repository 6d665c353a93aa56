"""The graph kind: gene sets as units, edges as a propagation, and what becomes of both in a shipped
encoder.
"""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from genexp.errors import TrainingError
from genexp.model.graph import connect_sets, normalise_edges
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed
from genexp.settings.training import EncoderConfig
from genexp.training.basis import Basis, build_basis
from genexp.training.loop import Fitted, fit_autoencoder
from genexp.training.targets import build_targets
from genexp.training.threads import choose_threads
from genexp.training.train import build_encoder
from tests.planted import make_preprocessed
from tests.shipped import check_shipped

SMALL = {
    "kind": "graph",
    "hidden": (32, 16),
    "n_latent": 4,
    "epochs": 15,
    "minibatch": 32,
    "learning_rate": 3e-3,
    "dropout": 0.0,
}
SETS = {f"SET{i}": [f"G{j:05d}" for j in range(8 * i, 8 * i + 20)] for i in range(24)}
"""Overlapping sets of the first 204 of 250 genes."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(tmp_path_factory.mktemp("cohorts"), n_genes=250)


@pytest.fixture
def gmt(tmp_path: Path) -> str:
    return write(tmp_path / "sets.gmt", [[name, "", *genes] for name, genes in SETS.items()])


@pytest.fixture
def edges(tmp_path: Path) -> str:
    drawn = np.random.default_rng(0).integers(0, 250, (600, 2))
    return write(tmp_path / "edges.tsv", [[f"G{a:05d}", f"G{b:05d}"] for a, b in drawn])


def write(path: Path, lines: list[list[str]]) -> str:
    path.write_text("".join("\t".join(fields) + "\n" for fields in lines))
    return str(path)


def fit(data: Preprocessed, graph: str, **values: object) -> tuple[Fitted, Basis]:
    config = EncoderConfig(**SMALL | {"graph": graph} | values)
    basis = build_basis(data, "auto", config.n_latent, "its graph is one of genes")
    model_type = create_model_type(config)
    return fit_autoencoder(
        basis, model_type, seed=0, targets=build_targets(data, model_type)
    ), basis


@pytest.mark.parametrize("mask_decoder", [False, True])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_weights_outside_a_set_stay_zero_through_training_and_folding(
    data: Preprocessed, gmt: str, batch_norm: bool, mask_decoder: bool
) -> None:
    fitted, basis = fit(data, gmt, batch_norm=batch_norm, mask_decoder=mask_decoder)
    names, members = connect_sets(SETS, basis.genes)
    encoder = build_encoder(fitted, basis, data, 0.2, {})
    for weight in (
        fitted.network.encoder[0].weight.detach().numpy(),
        encoder.encoder.layers[0].weight,
    ):
        assert weight.shape == (24, 250)
        assert (weight[~members] == 0).all()
        assert (weight[members] != 0).all()
    mirrored = encoder.decoder.layers[-1].weight
    assert (mirrored[~members.T] == 0).all() == mask_decoder
    assert (mirrored[members.T] != 0).all()
    assert encoder.encoder.shortcut is None, "no path past the sets"
    assert tuple(encoder.card["units"]) == names == tuple(SETS)


def test_a_training_reads_its_file_once(data: Preprocessed, gmt: str) -> None:
    model_type = create_model_type(EncoderConfig(**SMALL | {"graph": gmt, "epochs": 1}))
    targets = build_targets(data, model_type)
    Path(gmt).unlink()
    basis = build_basis(data, "auto", 4, model_type.needs_genes)
    assert choose_threads(basis, model_type, targets) >= 1
    assert fit_autoencoder(basis, model_type, seed=0, targets=targets).network.units == tuple(SETS)


def test_gene_sets_learn_and_ship(data: Preprocessed, gmt: str, tmp_path: Path) -> None:
    fitted, basis = fit(data, gmt, epochs=60)
    assert fitted.history["r2/val"][fitted.best_epoch] > 0.2
    check_shipped(fitted, basis, data, tmp_path)


@pytest.mark.parametrize("skip", ["pca", "none"])
@pytest.mark.parametrize("hidden", [(), (32, 16)])
def test_edges_learn_and_ship(
    data: Preprocessed, edges: str, tmp_path: Path, hidden: tuple, skip: str
) -> None:
    fitted, basis = fit(data, edges, hidden=hidden, skip=skip)
    assert fitted.history["r2/val"][fitted.best_epoch] > 0.2
    check_shipped(fitted, basis, data, tmp_path)


def test_the_normalised_adjacency_is_that_of_the_paper() -> None:
    """D^-1/2 (A + I) D^-1/2 is I minus the normalised Laplacian of the graph with loops, which
    networkx gives.
    """
    genes = list("abcdef")
    edges = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "c"), ("a", "b"), ("d", "b"), ("e", "?")]
    looped = nx.Graph(
        [(a, b) for a, b in edges if "?" not in (a, b)] + [(gene, gene) for gene in genes]
    )
    adjacency = nx.to_numpy_array(looped, nodelist=genes)
    degree = adjacency.sum(axis=1)
    expected = adjacency / np.sqrt(np.outer(degree, degree))
    found = normalise_edges(edges, genes).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (found[4:, 4:] == np.eye(2)).all(), "genes without edges stay as they are"


def test_small_sets_are_left_out() -> None:
    names, members = connect_sets(
        SETS | {"TINY": ["G00001", "G00002", "G9"]}, [f"G{j:05d}" for j in range(250)]
    )
    assert names == tuple(SETS)
    assert members.sum(axis=1).tolist() == [20] * 24


def test_files_that_do_not_fit_are_refused(data: Preprocessed, tmp_path: Path) -> None:
    foreign = write(
        tmp_path / "foreign.gmt", [["A", "", *(f"ENSG{j}" for j in range(90)), "G00001"]]
    )
    alien = write(tmp_path / "alien.tsv", [["x", "y"]])
    single = write(
        tmp_path / "single.gmt",
        [["A", "", "G00001", "G00002", "G00003"], ["B", "", "G00001", "G00002"]],
    )
    narrow = write(tmp_path / "narrow.tsv", [["G00001"]])
    cases = {
        "": "kind=graph needs graph=PATH",
        str(tmp_path / "no.gmt"): "graph: expected a GMT file.* found no file",
        foreign: "9 genes or more .* found 1 of the file's 91 and the cohort's 250.*ENSG",
        alien: "found 0 of the file's 2",
        single: "at least two sets with 3 .* of 2 sets 1 have so many, the largest 3",
        narrow: "two gene names.*fewer than two fields",
    }
    for path, message in cases.items():
        with pytest.raises(TrainingError, match=message):
            build_targets(data, create_model_type(EncoderConfig(**SMALL | {"graph": path})))
