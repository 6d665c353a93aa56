"""Several seeds in one encoder, and what they have in common."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from genexp.errors import ConfigError, TrainingError
from genexp.model.encoder import Encoder
from genexp.model.ensemble import align_latents
from genexp.preprocessing import Preprocessed
from genexp.settings.parse import parse_settings
from genexp.settings.training import ReplicationConfig
from genexp.settings.verbs import TrainSettings
from genexp.tracker import NullTracker
from genexp.training.ensemble import (
    build_ensemble,
    compare_seeds,
    find_recurring,
    match_units,
    measure_cca,
)
from genexp.training.seeds import Replicates, train_seeds
from tests.planted import make_preprocessed

SMALL = {"hidden": "24,12", "n_latent": "4", "epochs": "15", "minibatch": "32", "threads": "1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(tmp_path_factory.mktemp("cohorts"), labelled=True)


def train(data: Preprocessed, folder: Path, ensemble: bool = True, **values: str) -> Replicates:
    settings = parse_settings(
        TrainSettings, SMALL | {"cache": str(folder), "cohort": "planted"} | values
    )
    return train_seeds(
        data, settings, settings, ReplicationConfig(seeds=3, ensemble=ensemble), 0.2, NullTracker()
    )


@pytest.mark.parametrize("hidden", ["", "24", "24,12"])
@pytest.mark.parametrize("skip", ["pca", "none"])
def test_an_ensemble_is_the_mean_of_its_members(
    data: Preprocessed, tmp_path: Path, hidden: str, skip: str
) -> None:
    replicates = train(data, tmp_path, ensemble=False, hidden=hidden, skip=skip, epochs="3")
    members: list[Encoder] = [member.encoder for member in replicates.members]
    ensemble = build_ensemble(members, data)
    X, val = data.matrix("train"), np.asarray(data.matrix("val"))
    alignments = [align_latents(member.encoder(X), members[0].encoder(X)) for member in members]
    aligned = [
        alignment(member.encoder(val))
        for alignment, member in zip(alignments, members, strict=True)
    ]
    z = ensemble.encoder(val)
    np.testing.assert_allclose(z, np.mean(aligned, axis=0), atol=1e-4)
    turned_back = [(z - alignment.offset) @ alignment.rotation.T for alignment in alignments]
    rebuilt = [
        member.decoder(own.astype(np.float32))
        for member, own in zip(members, turned_back, strict=True)
    ]
    np.testing.assert_allclose(ensemble.decoder(z), np.mean(rebuilt, axis=0), atol=1e-4)


def test_an_ensemble_rebuilds_validation_rows_better_than_its_members_do_on_average(
    data: Preprocessed, tmp_path: Path
) -> None:
    replicates = train(data, tmp_path)
    assert replicates.encoder.card["ensemble"] == 3
    assert replicates.others == {}
    assert replicates.loss_val < np.mean(
        [member.fitted.val_losses.mean() for member in replicates.members]
    )
    replicates.encoder.save(tmp_path / "saved")
    val = np.asarray(data.matrix("val"))
    np.testing.assert_array_equal(
        Encoder.load(tmp_path / "saved").encoder(val), replicates.encoder.encoder(val)
    )


def test_alignment_undoes_a_rotation() -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 5))
    turned = z @ np.linalg.qr(rng.standard_normal((5, 5)))[0] + 3
    np.testing.assert_allclose(align_latents(z, turned)(z), turned, atol=1e-10)
    assert compare_seeds({0: z, 1: turned}).loc["0-1", "procrustes"] == pytest.approx(1)
    assert measure_cca(z, turned) == pytest.approx(1)
    assert measure_cca(z, rng.standard_normal((200, 5))) < 0.3


def test_units_are_matched_one_to_one_and_recurring_ones_are_named() -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((300, 3))
    other = np.column_stack(
        [rng.standard_normal(300), -z[:, 0], z[:, 1] + 0.1 * rng.standard_normal(300)]
    )
    np.testing.assert_allclose(match_units(z, other)[:2], [1, 0.99], atol=0.01)
    table = find_recurring({7: z, 8: other, 9: other[:, ::-1]}, 7, ["a", "b", "c"])
    assert table["recurs"].to_dict() == {"a": True, "b": True, "c": False}


def test_latents_that_cannot_be_turned_are_refused(data: Preprocessed, tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match="linear latents and outputs of affine layers were expected"
    ):
        train(data, tmp_path, kind="sparse", epochs="1")


def test_an_ensemble_of_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^ensemble=true needs two seeds or more; add seeds=5$"):
        parse_settings(TrainSettings, {"ensemble": "true"})
    with pytest.raises(ValidationError, match="needs two seeds or more"):
        ReplicationConfig(ensemble=True)
