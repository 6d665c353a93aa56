"""Starting from a registered encoder: genes by name, layers that do not learn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genexp.errors import TrainingError
from genexp.model.encoder import Encoder
from genexp.preprocessing import Preprocessed
from genexp.settings.parse import parse_settings
from genexp.settings.verbs import TrainSettings
from genexp.tracker import NullTracker
from genexp.training.train import StartFrom, Trained, train_encoder
from tests.planted import make_preprocessed

SMALL = {
    "hidden": "24,12",
    "n_latent": "4",
    "epochs": "15",
    "minibatch": "32",
    "threads": "1",
    "cohort": "planted",
}


def train(
    data: Preprocessed, cache: Path, start_from: StartFrom | None = None, **values: str
) -> Trained:
    settings = parse_settings(TrainSettings, SMALL | {"cache": str(cache)} | values)
    return train_encoder(data, settings, settings, 0.2, NullTracker(), start_from=start_from)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(tmp_path_factory.mktemp("cohorts"))


@pytest.fixture(scope="module", params=["pca", "none"])
def source(
    request: pytest.FixtureRequest, data: Preprocessed, tmp_path_factory: pytest.TempPathFactory
) -> Encoder:
    return train(data, tmp_path_factory.mktemp("cache"), skip=request.param).encoder


def rename(source: Encoder, order: np.ndarray, names: list[str]) -> Encoder:
    """The same encoder as if it had been trained with its genes in another order and under other
    names.
    """

    def pick(network, inputs):  # type: ignore[no-untyped-def]
        first, last = (network.layers[0], network.layers[-1])
        if inputs:
            layers = (replace(first, weight=first.weight[:, order]), *network.layers[1:])
            path = network.shortcut and replace(
                network.shortcut, weight=network.shortcut.weight[:, order]
            )
        else:
            layers = (
                *network.layers[:-1],
                replace(last, weight=last.weight[order], bias=last.bias[order]),
            )
            path = network.shortcut and replace(
                network.shortcut,
                weight=network.shortcut.weight[order],
                bias=network.shortcut.bias[order],
            )
        return replace(network, layers=layers, shortcut=path)

    return replace(
        source, genes=names, encoder=pick(source.encoder, True), decoder=pick(source.decoder, False)
    )


def test_training_begins_where_the_encoder_stands(
    data: Preprocessed, source: Encoder, tmp_path: Path
) -> None:
    """Whatever the order of its genes, and with another minibatch norm or none."""
    order = np.random.default_rng(0).permutation(len(source.genes))
    shuffled = rename(source, order, [source.genes[j] for j in order])
    val = np.asarray(data.matrix("val"))
    expected = float(np.square(source.decoder(source.encoder(val)) - val).mean())
    went_on = train(data, tmp_path, StartFrom(shuffled), hidden="7")
    assert went_on.fitted.history["loss/val"][0] == pytest.approx(expected, rel=1e-4)
    assert went_on.fitted.loss_val <= expected * 1.0001


def test_genes_that_the_encoder_does_not_know_stand_at_their_mean(
    data: Preprocessed, source: Encoder, tmp_path: Path
) -> None:
    names = [f"other {j}" if j < 40 else name for j, name in enumerate(source.genes)]
    stranger = rename(source, np.arange(len(names)), names)
    began = train(data, tmp_path, StartFrom(stranger), epochs="1", learning_rate="1e-9").encoder
    np.testing.assert_array_equal(began.encoder.layers[0].weight[:, :40], 0)
    np.testing.assert_allclose(began.decoder(np.zeros((1, 4), np.float32))[0, :40], 0, atol=1e-4)


def test_frozen_layers_do_not_learn(data: Preprocessed, source: Encoder, tmp_path: Path) -> None:
    learnt = train(data, tmp_path, StartFrom(source, freeze=2), learning_rate="0.01").encoder
    for i, (before, after) in enumerate(
        zip(source.encoder.layers, learnt.encoder.layers, strict=True)
    ):
        assert np.allclose(before.weight, after.weight, atol=1e-6) == (i < 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"freeze": 9}, "the encoder has 3 layers"),
        ({"names": True}, "100 of the encoder's 400 genes are not in this cohort"),
    ],
)
def test_what_cannot_be_started_from_is_refused(
    data: Preprocessed, source: Encoder, tmp_path: Path, change: dict, message: str
) -> None:
    names = [
        f"other {j}" if j < 100 and "names" in change else name
        for j, name in enumerate(source.genes)
    ]
    with pytest.raises(TrainingError, match=message):
        train(
            data,
            tmp_path,
            StartFrom(rename(source, np.arange(400), names), change.get("freeze", 0)),
        )


def test_a_kind_with_layers_of_its_own_starts_from_nothing(
    data: Preprocessed, source: Encoder, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="kind=convolutional has layers of its own"):
        train(data, tmp_path, StartFrom(source), kind="convolutional")


def test_an_encoder_of_another_shape_is_refused(data: Preprocessed, tmp_path: Path) -> None:
    sparse = train(data, tmp_path, kind="sparse", epochs="1").encoder
    with pytest.raises(TrainingError, match="found kind=sparse"):
        train(data, tmp_path, StartFrom(sparse))
