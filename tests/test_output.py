"""Rebuilt genes with a range: the activation, its losses, what it is refused on, and its way to a
shipped encoder.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from genexp.errors import ConfigError, TrainingError
from genexp.model.encoder import Affine
from genexp.model.model_type import Inputs
from genexp.model.output import GeneOutput
from genexp.model.types import MODEL_TYPES, create_model_type
from genexp.preprocessing import Preprocessed
from genexp.settings.parse import parse_settings
from genexp.settings.tracking import RunConfig
from genexp.settings.training import EncoderConfig
from genexp.tracker import NullTracker
from genexp.training.basis import Basis, build_basis
from genexp.training.ensemble import build_ensemble
from genexp.training.loop import Fitted, fit_autoencoder
from genexp.training.targets import build_targets
from genexp.training.train import StartFrom, Trained, train_encoder
from tests.planted import make_preprocessed
from tests.planted_counts import make_counts, preprocess_counts
from tests.shipped import check_shipped

SMALL = {
    "hidden": (16,),
    "n_latent": 4,
    "epochs": 25,
    "patience": 25,
    "minibatch": 32,
    "learning_rate": 0.01,
}
SMALL |= {"pretrain_epochs": 10, "warm_up": 0, "kernel": 16, "stride": 8}
NEED_MORE = ("count", "graph", "recurrent")
"""Kinds that need counts, a graph, or subjects in their order."""
BIOBOMBE = {
    "kind": "denoising",
    "hidden": (),
    "rectify": True,
    "output": "sigmoid",
    "corruption": "mask",
    "corruption_level": 0.1,
}
ADAGE = {"kind": "stacked", "hidden": (), "output": "sigmoid", "reconstruction": "cross_entropy"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    """Genes from 0 to 1 on train rows."""
    return make_preprocessed(
        tmp_path_factory.mktemp("cohorts"), n_genes=150, labelled=True, scaling="minmax"
    )


@pytest.fixture(scope="module")
def standardised(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(tmp_path_factory.mktemp("cohorts"), n_genes=150)


def fit(data: Preprocessed, **values: object) -> tuple[Fitted, Basis]:
    config = EncoderConfig(**SMALL | values)
    model_type = create_model_type(config)
    basis = build_basis(data, config.basis, config.n_latent, model_type.needs_genes)
    return fit_autoencoder(
        basis, model_type, seed=0, targets=build_targets(data, model_type)
    ), basis


def train(
    data: Preprocessed, cache: Path, start_from: StartFrom | None = None, **values: object
) -> Trained:
    config, run = EncoderConfig(**SMALL | {"threads": 1} | values), RunConfig(cache=str(cache))
    return train_encoder(
        data,
        config,
        run,
        0.2,
        NullTracker(),
        {"config": {"kind": config.kind}},
        start_from=start_from,
    )


@pytest.mark.parametrize("kind", [kind for kind in MODEL_TYPES if kind not in NEED_MORE])
def test_every_kind_ships_a_decoder_that_stays_in_range(
    data: Preprocessed, tmp_path: Path, kind: str
) -> None:
    fitted, basis = fit(data, kind=kind, output="sigmoid")
    assert basis.name == "genes"
    assert kind == "stacked" or fitted.history["r2/val"][0] == pytest.approx(0, abs=0.15)
    assert fitted.history["r2/val"].max() > 0.1
    encoder, z = check_shipped(fitted, basis, data, tmp_path)
    rebuilt = encoder.decoder(100 * z)
    assert rebuilt.min() >= 0
    assert rebuilt.max() <= 1


def test_softplus_rebuilds_what_has_no_upper_end(tmp_path: Path) -> None:
    data = make_preprocessed(tmp_path, n_genes=150, scaling="none", clip="60", min_detected="0")
    assert data.matrix("train").min() < 0
    with pytest.raises(
        TrainingError, match="output=softplus: scaled values from 0 to inf were expected"
    ):
        fit(data, output="softplus")
    counts = preprocess_counts(tmp_path, make_counts(120, 30, np.full(30, 2.0)), scaling="none")
    fitted, basis = fit(counts, output="softplus")
    assert fitted.history["r2/val"].max() > 0.1
    encoder, z = check_shipped(fitted, basis, counts, tmp_path)
    assert encoder.decoder(-100 * z).min() >= 0
    assert encoder.decoder(100 * z).max() > counts.matrix("train").max()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"output": "sigmoid"},
            r"scaled values from 0 to 1 were expected; 150 \(G00000, .*\) of 150 genes have others, from .* take scaling=minmax",  # noqa: E501
        ),
        ({"output": "softplus"}, "scaled values from 0 to inf were expected; 150 "),
        ({"output": "sigmoid", "kind": "convolutional"}, "scaled values from 0 to 1"),
        (
            {"output": "sigmoid", "kind": "count"},
            "kind=count reconstructs proportions by a softmax of its own, found output=sigmoid",
        ),
        (
            {"output": "sigmoid", "basis": "rows"},
            "output=sigmoid acts on each gene; use basis=auto",
        ),
    ],
)
def test_outputs_that_do_not_suit_are_refused(
    standardised: Preprocessed, values: dict[str, str], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        fit(standardised, **values)


@pytest.mark.parametrize("output", ["linear", "softplus"])
def test_cross_entropy_is_refused_without_sigmoid(output: str) -> None:
    with pytest.raises(
        ConfigError,
        match=f"reconstruction=cross_entropy: output=sigmoid was expected, found output={output}",
    ):
        parse_settings(EncoderConfig, {"reconstruction": "cross_entropy", "output": output})


def test_a_range_is_no_start_for_transfer_or_ensembles(
    data: Preprocessed, standardised: Preprocessed, tmp_path: Path
) -> None:
    source, squashed = (
        train(data, tmp_path, epochs=1).encoder,
        train(data, tmp_path, output="sigmoid", epochs=1).encoder,
    )
    for values in (
        {"output": "sigmoid"},
        {"kind": "denoising", "rectify": True},
        {"kind": "vanilla"},
    ):
        with pytest.raises(TrainingError, match="init: linear latents and output were expected"):
            train(data, tmp_path, StartFrom(source), **values)
    with pytest.raises(TrainingError, match="init: an encoder of rectified affine layers"):
        train(data, tmp_path, StartFrom(squashed))
    with pytest.raises(TrainingError, match="ensemble=true: linear latents and outputs"):
        build_ensemble([squashed, squashed], data)


def test_cross_entropy_is_torch_s_and_values_beyond_the_range_count_as_its_end() -> None:
    rng = np.random.default_rng(0)
    origin, t = (
        rng.random(7).astype(np.float32),
        torch.from_numpy(rng.random((5, 7)).astype(np.float32)),
    )
    y = torch.from_numpy(rng.normal(0, 3, (5, 7)).astype(np.float32))
    output = GeneOutput("sigmoid", origin)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(y, t, reduction="none").mean(1)
    torch.testing.assert_close(
        output.measure_cross_entropy(output(y), t - output.origin), expected, atol=1e-5, rtol=1e-4
    )
    beyond = output.measure_cross_entropy(output(y), torch.ones(5, 7) + 3)
    torch.testing.assert_close(
        beyond, output.measure_cross_entropy(output(y), torch.ones(5, 7) - output.origin)
    )


@pytest.mark.parametrize("activation", ["sigmoid", "softplus"])
def test_shipped_activations_and_their_slopes_are_torch_s(activation: str) -> None:
    y = np.linspace(-90, 90, 181, dtype=np.float32)[None]
    layer = Affine(np.eye(181, dtype=np.float32), np.zeros(181, np.float32), activation)
    t = torch.from_numpy(y.copy()).double().requires_grad_()
    expected = t.sigmoid() if activation == "sigmoid" else torch.nn.functional.softplus(t)
    expected.sum().backward()
    np.testing.assert_allclose(layer(y), expected.detach(), atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(layer.slope(y), t.grad, atol=1e-6)
    assert layer(y).dtype == np.float32


def test_the_published_loss_trains_tied_layers_and_pca_s_error_does_not_stand_beside_it(
    data: Preprocessed, tmp_path: Path
) -> None:
    trained = train(data, tmp_path, **ADAGE)
    history = trained.fitted.history
    assert history["loss/val"].min() < history["loss/val"][0]
    assert history["r2/val"].max() > 0.1
    assert "loss/val_pca" not in trained.metrics
    assert (
        "loss/val_pca"
        in train(data, tmp_path, **ADAGE | {"reconstruction": "squared_error"}).metrics
    )
    first, last = trained.encoder.encoder.layers[0], trained.encoder.decoder.layers[0]
    np.testing.assert_array_equal(first.weight, last.weight.T)


def test_the_published_pan_cancer_autoencoder_has_its_1005100_parameters() -> None:
    config = EncoderConfig(**BIOBOMBE | {"n_latent": 100, "batch_norm": False})
    inputs = Inputs(
        5000,
        5000,
        power=100.0,
        residual=0.01,
        principal=torch.zeros(5000, 100),
        unit=1.0,
        origin=np.full(5000, 0.5, np.float32),
    )
    network = create_model_type(config).build(inputs)
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_005_100
    assert [type(module).__name__ for module in network.encoder] == ["Linear", "ReLU"]
    assert network(torch.zeros(1, 5000)).abs().max() < 0.1


def test_rectified_denoising_latents_are_from_zero_and_others_are_as_before(
    data: Preprocessed, tmp_path: Path
) -> None:
    fitted, basis = fit(data, **BIOBOMBE)
    _, z = check_shipped(fitted, basis, data, tmp_path)
    assert z.min() == 0
    assert (
        fit(data, kind="denoising", epochs=1, basis="genes")[0]
        .network.encode(torch.from_numpy(np.array(basis.val)))
        .min()
        < 0
    )
