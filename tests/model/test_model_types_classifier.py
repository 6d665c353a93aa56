"""The classifier with either body: what each is trained in, shipped as and refused for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from genexp.errors import TrainingError
from genexp.model.encoder import Affine, Convolution
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed
from genexp.report.provenance import drop_other_kinds
from genexp.settings.parse import parse_settings
from genexp.settings.search import SearchSpace
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import TrainSettings
from genexp.tracker import NullTracker
from genexp.training.basis import Basis, build_basis
from genexp.training.loop import Fitted, fit_autoencoder
from genexp.training.targets import build_targets
from genexp.training.train import StartFrom, train_encoder
from genexp.tuning.space import list_leaves
from tests.planted import make_preprocessed
from tests.shipped import check_shipped
from tests.small_encoder import make_encoder

SMALL = {
    "kind": "classifier",
    "hidden": (24,),
    "n_latent": 4,
    "epochs": 30,
    "minibatch": 32,
    "channels": 3,
    "kernel": 12,
    "stride": 6,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(
        tmp_path_factory.mktemp("cohorts"), n_samples=160, n_genes=120, labelled=True
    )


def fit(data: Preprocessed, **values: object) -> tuple[Fitted, Basis]:
    config = EncoderConfig(**SMALL | values)
    model_type = create_model_type(config)
    basis = build_basis(data, "auto", 4, model_type.needs_genes)
    return fit_autoencoder(basis, model_type, 0, targets=build_targets(data, model_type)), basis


def test_a_convolutional_body_is_trained_on_genes_and_a_feed_forward_one_in_their_span(
    data: Preprocessed,
) -> None:
    bodies = {
        body: create_model_type(EncoderConfig(kind="classifier", body=body))
        for body in ("feed_forward", "convolutional")
    }
    assert bodies["feed_forward"].needs_genes == ""
    assert bodies["convolutional"].needs_genes == "its windows lie along genes"


@pytest.mark.parametrize(
    ("body", "first"), [("feed_forward", Affine), ("convolutional", Convolution)]
)
def test_either_body_learns_the_label_and_ships(
    data: Preprocessed, tmp_path: Path, body: str, first: type
) -> None:
    fitted, _ = fit(data, body=body)
    losses = fitted.history["loss_label/train"]
    assert losses.min() < 0.7 * losses.iloc[0]
    assert np.isfinite(fitted.history.to_numpy()).all()
    basis = build_basis(data, "genes", 4)
    config = EncoderConfig(**SMALL | {"body": body, "epochs": 2})
    model_type = create_model_type(config)
    encoder, _ = check_shipped(
        fit_autoencoder(basis, model_type, 0, targets=build_targets(data, model_type)),
        basis,
        data,
        tmp_path,
    )
    assert isinstance(encoder.encoder.layers[0], first)


def test_heads_alone_say_when_to_stop_though_a_decoder_watches(data: Preprocessed) -> None:
    """The decoder starts at PCA and gets worse as latents leave it, whatever becomes of the
    label.
    """
    fitted, _ = fit(data, skip="pca", head_weight=0.01)
    history = fitted.history
    np.testing.assert_allclose(history["loss/val"], history["loss_label/val"], rtol=1e-12)
    change = history.iloc[5] - history.iloc[0]
    assert change["loss_reconstruction/val"] > -change["loss/val"] > 0, (
        "their sum rises, and would have stopped at the start"
    )
    assert fitted.loss_val < 0.8 * history["loss/val"].iloc[0]
    assert fitted.row_losses.mean() == pytest.approx(fitted.loss_val, rel=1e-6)


def test_the_decoder_of_an_anchored_classifier_is_the_least_squares_one_in_the_end(
    data: Preprocessed,
) -> None:
    fitted, basis = fit(data, skip="pca")
    with torch.no_grad():
        train, val = (torch.from_numpy(np.array(rows)) for rows in (basis.train, basis.val))
        z = fitted.network.encode(train).double().numpy()
        best = (
            np.column_stack([z, np.ones(len(z))])
            @ np.linalg.lstsq(np.column_stack([z, np.ones(len(z))]), basis.train, rcond=None)[0]
        )
        np.testing.assert_allclose(fitted.network(train).numpy(), best, atol=1e-3)
        losses = (
            (fitted.network(val) - val).square().sum(1).double().numpy() + basis.outside
        ) / basis.n_genes
    np.testing.assert_allclose(fitted.val_losses, losses, rtol=1e-4)
    power = (np.square(basis.val).sum(1) + basis.outside).mean()
    assert fitted.history["r2/val"][fitted.best_epoch] == pytest.approx(
        1 - losses.mean() * basis.n_genes / power, rel=1e-3
    )


def test_windows_that_do_not_fit_are_refused_for_that_body_only(data: Preprocessed) -> None:
    build_targets(data, create_model_type(EncoderConfig(**SMALL | {"kernel": 4000})))
    with pytest.raises(
        TrainingError, match="kernel=4000: windows of at most the cohort's 120 genes"
    ):
        build_targets(
            data,
            create_model_type(EncoderConfig(**SMALL | {"kernel": 4000, "body": "convolutional"})),
        )


def test_a_convolutional_body_starts_from_no_encoder(data: Preprocessed, tmp_path: Path) -> None:
    values = {"kind": "classifier", "body": "convolutional", "cache": str(tmp_path), "threads": "1"}
    settings = parse_settings(TrainSettings, values)
    with pytest.raises(TrainingError, match="kind=classifier has layers of its own"):
        train_encoder(
            data, settings, settings, 0.2, NullTracker(), start_from=StartFrom(make_encoder())
        )


@pytest.mark.parametrize(("body", "acts"), [("feed_forward", False), ("convolutional", True)])
def test_parameters_of_windows_act_where_there_are_windows(body: str, acts: bool) -> None:
    """In a search, and on the report's list of settings."""
    space = SearchSpace(kind="classifier", body=body, kernel="8..64")
    assert ("kernel" in list_leaves(space, "classifier")) is acts
    listed = drop_other_kinds(
        {"kind": "classifier", "body": body, "kernel": "12", "beta": "1", "n_latent": "4"}
    )
    assert ("kernel" in listed) is acts
    assert {"body", "n_latent"} <= set(listed)
    assert "beta" not in listed
