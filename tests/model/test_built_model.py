"""The built model of a training: one model type, one network, and the losses that early stopping
counts.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from genexp.model.model_type import ModelType
from genexp.model.networks import CenterLossAutoencoder, VariationalAutoencoder
from genexp.model.types import MODEL_TYPES, create_model_type
from genexp.model.types.deep import Deep
from genexp.preprocessing import Preprocessed
from genexp.settings.tracking import RunConfig
from genexp.settings.training import EncoderConfig
from genexp.tracker import NullTracker
from genexp.training.basis import build_basis
from genexp.training.build import build_model, load_rows
from genexp.training.targets import build_targets
from genexp.training.train import train_encoder
from tests.planted import make_preprocessed

SMALL = {"hidden": (16,), "n_latent": 4, "epochs": 2, "minibatch": 32}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(tmp_path_factory.mktemp("cohorts"), labelled=True)


def test_a_training_constructs_its_model_type_once(
    data: Preprocessed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constructed = []

    class Counted(Deep):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            constructed.append(self)

    monkeypatch.setitem(MODEL_TYPES, "deep", Counted)
    trained = train_encoder(
        data, EncoderConfig(**SMALL), RunConfig(cache=str(tmp_path)), 0.2, NullTracker()
    )
    assert constructed == [trained.fitted.model.model_type]


def test_the_base_of_model_types_is_abstract_and_every_one_is_its_child() -> None:
    assert all(issubclass(model_type, ModelType) for model_type in MODEL_TYPES.values())
    with pytest.raises(TypeError, match="abstract"):
        ModelType(EncoderConfig())  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("kind", "network"),
    [("variational", VariationalAutoencoder), ("center_loss", CenterLossAutoencoder)],
)
def test_networks_with_further_parts_are_classes_of_their_own(
    data: Preprocessed, kind: str, network: type
) -> None:
    model_type = create_model_type(EncoderConfig(**SMALL, kind=kind))
    model = build_model(build_basis(data, "auto", 4), model_type, build_targets(data, model_type))
    assert type(model.network) is network


def test_early_stopping_counts_no_loss_whose_gradient_stops_at_the_latents(
    data: Preprocessed,
) -> None:
    model_type = create_model_type(EncoderConfig(**SMALL, kind="classifier", head_weight=1.0))
    basis, targets = build_basis(data, "auto", 4), build_targets(data, model_type)
    model = build_model(basis, model_type, targets)
    assert model.network.heads is not None
    # heads start at 0, where their gradient reaches no latent
    torch.nn.init.eye_(model.network.heads.labels[0].weight)
    losses = model.run(load_rows(basis, targets, torch.device("cpu"))[0]).losses
    for name, loss in losses.items():
        model.network.zero_grad()
        loss.mean().backward(retain_graph=True)
        reached = any(
            p.grad is not None and bool(p.grad.abs().sum() > 0)
            for p in model.network.encoder.parameters()
        )
        assert model.is_monitored(name) == reached == (name == "label")
    assert model.sum_monitored({"label": 2.0, "reconstruction": 3.0}) == 2.0
