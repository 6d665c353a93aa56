"""Saliency and expected gradients are those of captum, add up where they must, and find planted
genes; a user chooses them by name.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genexp.explain.attribution import (
    Attribution,
    attribute_genes,
    compare_rankings,
    integrate_gradients,
)
from genexp.explain.explanation import explain_encoder
from genexp.explain.methods import (
    METHODS,
    N_BASELINES,
    draw_baselines,
    expect_gradients,
    find_saliency,
)
from genexp.model.encoder import Affine, Network
from genexp.report.figures.genes import plot_attribution
from genexp.report.sections.genes import describe_attribution_methods, render_attribution
from tests.explain.test_attribution import K, P, make_network, make_rows
from tests.planted_latents import make_latents, make_obs
from tests.small_encoder import N_GENES, make_encoder

EACH = np.eye(K, dtype=np.float32)
NOTHING = np.zeros(P, np.float32)


def as_function(network: Network) -> Callable[[Any], Any]:
    """The same network in torch, in gene space."""
    torch = pytest.importorskip("torch")

    def forward(x: Any) -> Any:
        y = x
        for layer in network.layers:
            assert isinstance(layer, Affine)
            y = y @ torch.tensor(layer.weight).T + torch.tensor(layer.bias)
            y = torch.relu(y) if layer.activation == "relu" else y
        return (
            y
            if network.shortcut is None
            else y
            + x @ torch.tensor(network.shortcut.weight).T
            + torch.tensor(network.shortcut.bias)
        )

    return forward


@pytest.mark.parametrize("widths", [(), (16,), (16, 8)])
@pytest.mark.parametrize("shortcut", [True, False])
def test_saliency_is_that_of_captum(widths: tuple[int, ...], shortcut: bool) -> None:
    torch, attr = pytest.importorskip("torch"), pytest.importorskip("captum.attr")
    network, X = make_network(widths, shortcut), make_rows(6)
    method = attr.Saliency(as_function(network))
    for k, found in enumerate(find_saliency(network, X, NOTHING, EACH)):
        expected = method.attribute(torch.tensor(X, requires_grad=True), target=k, abs=False)
        np.testing.assert_allclose(found.values, expected.numpy(), atol=1e-5)


def test_saliency_is_the_change_of_the_target_by_a_small_step_of_a_gene() -> None:
    network, X, step = make_network(), make_rows(5).astype(np.float64), 1e-4
    found = next(iter(find_saliency(network, X.astype(np.float32), NOTHING, EACH)))
    for gene in (0, 7, 29):
        moved = X + step * np.eye(P)[gene]
        np.testing.assert_allclose(
            (network(moved)[:, 0] - network(X)[:, 0]) / step, found.values[:, gene], atol=1e-3
        )


def test_expected_gradients_are_the_mean_of_captums_integrated_gradients_over_the_baselines() -> (
    None
):
    torch, attr = pytest.importorskip("torch"), pytest.importorskip("captum.attr")
    network, X, baselines = make_network(), make_rows(6), make_rows(5, seed=2)
    method = attr.IntegratedGradients(as_function(network))
    for k, found in enumerate(expect_gradients(network, X, baselines, EACH)):
        each = [
            method.attribute(
                torch.tensor(X), torch.tensor(b[None]), target=k, n_steps=8, method="riemann_middle"
            )
            for b in baselines
        ]
        np.testing.assert_allclose(
            found.values, torch.stack(each).mean(0).detach().numpy(), atol=2e-5
        )


def test_expected_gradients_are_those_of_captums_gradient_shap_up_to_its_draws() -> None:
    """GradientShap draws baselines and places on the way: 20,000 draws leave a standard error of
    about 0.01 here.
    """
    torch, attr = pytest.importorskip("torch"), pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    network, X, baselines = make_network(), make_rows(3), make_rows(5, seed=2)
    found = next(iter(expect_gradients(network, X, baselines, EACH)))
    shap = attr.GradientShap(as_function(network))
    expected = shap.attribute(
        torch.tensor(X), torch.tensor(baselines), n_samples=20000, stdevs=0.0, target=0
    )
    np.testing.assert_allclose(found.values, expected.detach().numpy(), atol=0.05)
    assert np.corrcoef(found.values.ravel(), expected.detach().numpy().ravel())[0, 1] > 0.999


def test_expected_gradients_add_up_to_the_distance_from_the_mean_over_the_baselines() -> None:
    network, X, baselines = make_network(), make_rows(20), make_rows(N_BASELINES, seed=2)
    for k, found in enumerate(expect_gradients(network, X, baselines, EACH)):
        change = network(X)[:, k] - network(baselines)[:, k].mean()
        assert np.abs(found.values.sum(axis=1) - change).mean() < 0.02 * np.abs(change).mean()
        assert found.delta == pytest.approx(
            np.abs(found.values.sum(axis=1) - change).mean() / np.abs(change).mean(), rel=1e-2
        )


def test_from_one_baseline_expected_gradients_are_integrated_gradients() -> None:
    network, X, start = make_network((), shortcut=False), make_rows(), make_rows(1, seed=2)
    for one, other in zip(
        expect_gradients(network, X, start, EACH),
        integrate_gradients(network, X, start[0], EACH),
        strict=True,
    ):
        np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def attribute(name: str, network: Network, X: np.ndarray, train: np.ndarray) -> Attribution:
    targets = pd.DataFrame(EACH, index=pd.Index([f"latent_{k}" for k in range(K)], name="target"))
    genes = pd.Index([f"G{j}" for j in range(X.shape[1])])
    method, obs = METHODS[name], make_obs("train", len(train))
    return attribute_genes(
        network,
        X,
        make_obs("test", len(X)),
        method,
        method.choose(train, obs, 0),
        targets,
        genes,
        0,
    )


@pytest.mark.parametrize("name", METHODS)
def test_every_method_finds_the_genes_that_drive_a_latent_and_their_direction(name: str) -> None:
    weight = np.full((K, 200), 0.01, dtype=np.float32)
    weight[0, :3], weight[0, 3:5] = 1.0, -1.0
    network = Network((Affine(weight, np.zeros(K, np.float32)),))
    found = attribute(name, network, make_rows(30, 200), make_rows(60, 200, seed=3))
    top = found.top_genes("latent_0", 5)
    assert set(top.index) == {"G0", "G1", "G2", "G3", "G4"}
    assert set(top.index[top < 0]) == {"G3", "G4"}


def test_a_gradient_has_no_baseline_to_be_checked_against() -> None:
    network, X, train = make_network(), make_rows(40), make_rows(60, seed=3)
    saliency, expected = (
        attribute(name, network, X, train) for name in ("saliency", "expected_gradients")
    )
    assert saliency.checks[["completeness_delta", "rho_baselines"]].isna().all().all()
    assert saliency.way == "saliency of 40 test samples"
    assert expected.checks.notna().all().all()
    assert expected.checks["completeness_delta"].max() < 0.05
    assert expected.way == "expected gradients of 40 test samples from 16 train samples"


def test_methods_agree_on_the_genes_of_a_network_more_than_networks_do() -> None:
    X, train = make_rows(40, 300), make_rows(60, 300, seed=3)
    networks = [make_network(n_genes=300, seed=seed) for seed in (0, 1)]
    first = [attribute(name, networks[0], X, train).size["latent_0"] for name in METHODS]
    other = attribute("integrated_gradients", networks[1], X, train).size["latent_0"]
    assert compare_rankings(np.stack(first))[0] > 0.5
    assert abs(compare_rankings(np.stack([first[0], other]))[0]) < 0.2


def test_baselines_of_expected_gradients_are_two_disjoint_draws_of_train_samples() -> None:
    X = make_rows(50)
    first, second = draw_baselines(X, make_obs("train", 50), 0)
    rows = [{tuple(row) for row in one.values} for one in (first, second)]
    assert len(rows[0]) == len(rows[1]) == N_BASELINES
    assert not rows[0] & rows[1]
    assert rows[0] | rows[1] <= {tuple(row) for row in X}
    few = draw_baselines(X[:7], make_obs("train", 7), 0)
    assert [len(one.values) for one in few] == [3, 3]


@pytest.mark.parametrize(("name", "metrics"), [("saliency", 1), ("expected_gradients", 3)])
def test_the_method_that_was_asked_for_is_named_in_report_and_picture(
    name: str, metrics: int
) -> None:
    encoder, rows = (
        make_encoder(),
        {part: make_rows(40, N_GENES, seed) for seed, part in enumerate(("train", "test"))},
    )
    train, test = (
        make_latents(part, make_obs(part, 40), {"encoder": encoder.encoder(X).astype(float)})
        for part, X in rows.items()
    )
    explanation = explain_encoder(encoder, rows, train, test, None, None, None, name, 0)
    said = f"{METHODS[name].title} of 40 test samples"
    assert said in "".join(describe_attribution_methods(explanation))
    assert said.capitalize() in render_attribution(explanation)
    assert said in plot_attribution(explanation.attribution).get_supxlabel()
    assert len(explanation.metrics) == metrics
    assert np.isfinite(list(explanation.metrics.values())).all()
