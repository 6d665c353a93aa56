"""The convolutional kind: the order of genes, and windows along it in training, shipping and
attribution.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genexp.errors import TrainingError
from genexp.explain.attribution import integrate_gradients
from genexp.model.encoder import Convolution
from genexp.model.gene_order import order_by_correlation
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed
from genexp.settings.training import EncoderConfig
from genexp.training.basis import Basis, build_basis
from genexp.training.build import build_model
from genexp.training.loop import Fitted, fit_autoencoder
from genexp.training.targets import build_targets
from genexp.training.train import build_encoder
from tests.planted import make_preprocessed
from tests.shipped import check_shipped

SMALL = {
    "kind": "convolutional",
    "hidden": (24,),
    "n_latent": 4,
    "epochs": 12,
    "minibatch": 32,
    "channels": 3,
    "kernel": 12,
    "stride": 5,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(tmp_path_factory.mktemp("cohorts"), n_genes=200)


def build(data: Preprocessed) -> Basis:
    return build_basis(data, "auto", 4, "its windows lie along genes")


def fit(data: Preprocessed, seed: int = 0, **values: object) -> tuple[Fitted, Basis]:
    config, basis = EncoderConfig(**SMALL | values), build(data)
    model_type = create_model_type(config)
    return fit_autoencoder(basis, model_type, seed, targets=build_targets(data, model_type)), basis


@pytest.mark.parametrize("scaling", ["zscore", "minmax"])
@pytest.mark.parametrize("gene_order", ["correlation", "given", "shuffled"])
@pytest.mark.parametrize(
    "values", [{}, {"batch_norm": False, "skip": "none", "hidden": (), "kernel": 7, "stride": 7}]
)
def test_the_shipped_encoder_equals_the_trained_one(
    tmp_path: Path, gene_order: str, values: dict, scaling: str
) -> None:
    data = make_preprocessed(tmp_path, n_genes=200, scaling=scaling)
    fitted, basis = fit(data, gene_order=gene_order, epochs=3, **values)
    assert np.isfinite(fitted.history.to_numpy()).all()
    check_shipped(fitted, basis, data, tmp_path)


def test_convolutions_learn(data: Preprocessed) -> None:
    fitted, _ = fit(data, skip="none", epochs=80, dropout=0.0, learning_rate=3e-3)
    assert fitted.history["r2/val"][fitted.best_epoch] > 0.3


def test_epoch_zero_equals_pca(data: Preprocessed) -> None:
    basis = build(data)
    network = build_model(basis, create_model_type(EncoderConfig(**SMALL))).network.eval()
    x, principal = (
        torch.from_numpy(np.array(basis.val)),
        torch.from_numpy(np.array(basis.principal)),
    )
    torch.testing.assert_close(network(x), x @ principal @ principal.T, atol=1e-3, rtol=1e-4)


def test_the_shuffled_order_is_that_of_the_seed(data: Preprocessed) -> None:
    first, again, other = (
        fit(data, seed, gene_order="shuffled", epochs=1)[0].network.encoder[0].order
        for seed in (0, 0, 1)
    )
    assert first.tolist() == again.tolist() != other.tolist()
    assert sorted(first.tolist()) == list(range(200))


def test_genes_that_move_together_become_neighbours(tmp_path: Path) -> None:
    """Six planted blocks, mixed over the cohort, are contiguous again: a neighbour is of the same
    block but at some six borders.
    """
    rng = np.random.default_rng(0)
    block = rng.permutation(np.repeat(np.arange(6), 40))
    factors = rng.standard_normal((300, 6))
    X = factors[:, block] + 0.3 * rng.standard_normal((300, 240))
    _, lengths, axes = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    order = order_by_correlation((axes[:8] * lengths[:8, None]).T)
    assert sorted(order) == list(range(240))
    assert (block[order][1:] != block[order][:-1]).sum() <= 20
    assert (block[1:] != block[:-1]).sum() > 180


def test_the_order_reads_train_rows_alone(data: Preprocessed) -> None:
    basis = build(data)
    order = build_model(basis, create_model_type(EncoderConfig(**SMALL))).network.encoder[0].order
    changed = (
        build_model(
            replace(basis, val=basis.val * 0 + 7), create_model_type(EncoderConfig(**SMALL))
        )
        .network.encoder[0]
        .order
    )
    assert order.tolist() == changed.tolist() != list(range(200))


@pytest.mark.parametrize(
    ("n_genes", "kernel", "stride"), [(20, 5, 3), (21, 5, 5), (20, 20, 1), (19, 4, 2)]
)
def test_the_numpy_convolution_and_its_gradient_are_torch_s(
    n_genes: int, kernel: int, stride: int
) -> None:
    rng = np.random.default_rng(0)
    weight, bias = (
        rng.standard_normal((3, kernel)).astype(np.float32),
        rng.standard_normal(3).astype(np.float32),
    )
    order, origin = rng.permutation(n_genes), rng.standard_normal(n_genes).astype(np.float32)
    layer = Convolution(order, origin, weight, bias, stride)
    rows = rng.standard_normal((4, n_genes)).astype(np.float32)
    x = torch.from_numpy(rows.copy()).requires_grad_()
    n_padded = (layer.n_windows - 1) * stride + kernel - n_genes
    assert 0 <= n_padded < stride
    line = torch.nn.functional.pad((x - torch.from_numpy(origin))[:, order], (0, n_padded))[:, None]
    expected = torch.nn.functional.conv1d(
        line, torch.from_numpy(weight)[:, None], torch.from_numpy(bias), stride
    ).flatten(1)
    np.testing.assert_allclose(layer.map(rows), expected.detach(), atol=1e-5)
    gradient = rng.standard_normal(expected.shape).astype(np.float32)
    expected.backward(torch.from_numpy(gradient))
    np.testing.assert_allclose(layer.pull(gradient), x.grad, atol=1e-5)


def test_attribution_through_windows_is_complete(data: Preprocessed) -> None:
    fitted, basis = fit(data)
    network = build_encoder(fitted, basis, data, 0.2, {}).encoder
    X = np.array(data.matrix("val"))
    found = list(integrate_gradients(network, X, X.mean(axis=0), np.eye(4, dtype=np.float32)))
    change = network(X) - network(X.mean(axis=0)[None])
    for k, one in enumerate(found):
        np.testing.assert_allclose(
            one.values.sum(axis=1), change[:, k], atol=0.05 * np.abs(change).max()
        )
        assert one.delta < 0.02


def test_windows_that_do_not_fit_are_refused(data: Preprocessed) -> None:
    with pytest.raises(
        TrainingError, match="kernel=300: windows of at most the cohort's 200 genes"
    ):
        build_targets(data, create_model_type(EncoderConfig(**SMALL | {"kernel": 300})))
    with pytest.raises(TrainingError, match="stride=13: at most kernel=12"):
        build_targets(data, create_model_type(EncoderConfig(**SMALL | {"stride": 13})))
