"""Training: the span is exact, epoch 0 is PCA, interruption changes nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from genexp.cores import count_cores
from genexp.errors import TrainingError
from genexp.model.fold import fold_network
from genexp.model.model_type import Inputs
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed
from genexp.settings.training import EncoderConfig
from genexp.training import checkpoint
from genexp.training.basis import EXACT_UP_TO, Basis, build_basis, choose_basis
from genexp.training.build import as_tensor, build_model
from genexp.training.loop import fit_autoencoder
from genexp.training.threads import choose_threads
from tests.planted import make_preprocessed

SMALL = EncoderConfig(hidden=(32, 16), n_latent=4, epochs=12, patience=12, minibatch=32)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(tmp_path_factory.mktemp("cohorts"))


@pytest.fixture(scope="module")
def span(data: Preprocessed) -> Basis:
    return build_basis(data, "rows", 8)


def pca_loss(train: np.ndarray, val: np.ndarray, k: int) -> float:
    mean = train.mean(axis=0)
    axes = np.linalg.svd((train - mean).astype(np.float64), full_matrices=False)[2][:k].T
    centred = val - mean
    return float(np.square(centred - centred @ axes @ axes.T).mean())


def test_span_directions_are_orthonormal_and_hold_every_train_row(
    data: Preprocessed, span: Basis
) -> None:
    assert span.directions is not None
    gram = span.directions.T @ span.directions
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)
    train = data.matrix("train")
    np.testing.assert_allclose(span.train @ span.directions.T + span.mean, train, atol=1e-4)


def test_the_part_of_held_out_rows_outside_the_span_is_added_back(
    data: Preprocessed, span: Basis
) -> None:
    inside = np.square(span.val).sum(axis=1)
    total = np.square(data.matrix("val") - span.mean).sum(axis=1)
    np.testing.assert_allclose(inside + span.outside, total, rtol=1e-4)
    assert np.median(span.outside / total) > 0.01


@pytest.mark.parametrize("basis", ["rows", "genes"])
def test_untrained_anchored_network_equals_pca_in_gene_space(
    data: Preprocessed, basis: str
) -> None:
    fitted = fit_autoencoder(build_basis(data, basis, 4), create_model_type(SMALL), seed=0)
    expected = pca_loss(data.matrix("train"), data.matrix("val"), 4)
    assert fitted.history["loss/val"][0] == pytest.approx(expected, rel=1e-5)
    assert fitted.loss_pca == pytest.approx(expected, rel=1e-5)


def test_epoch_zero_can_win(span: Basis) -> None:
    hopeless = EncoderConfig(hidden=(32,), n_latent=4, learning_rate=1.0, epochs=3, minibatch=32)
    fitted = fit_autoencoder(span, create_model_type(hopeless), seed=0)
    assert fitted.best_epoch == 0
    assert fitted.loss_val == pytest.approx(fitted.loss_pca, rel=1e-6)


def test_an_anchored_network_learns_what_pca_cannot(span: Basis) -> None:
    fitted = fit_autoencoder(
        span,
        create_model_type(
            EncoderConfig(hidden=(64,), n_latent=4, epochs=60, minibatch=32, dropout=0)
        ),
        seed=0,
    )
    assert fitted.loss_val < 0.9 * fitted.loss_pca


@pytest.mark.parametrize("skip", ["pca", "none"])
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("hidden", [(), (32,), (32, 16)])
def test_folded_network_equals_the_trained_one(
    data: Preprocessed, span: Basis, skip: str, batch_norm: bool, hidden: tuple
) -> None:
    config = EncoderConfig(
        hidden=hidden, n_latent=4, epochs=3, minibatch=32, skip=skip, batch_norm=batch_norm
    )
    network = fit_autoencoder(span, create_model_type(config), seed=0).network
    encoder, decoder = fold_network(network, np.asarray(span.mean), span.directions)
    with torch.no_grad():
        z = network.encode(torch.from_numpy(span.val.copy()))
        x_hat = network.decode(z).numpy() @ span.directions.T + span.mean
    found = encoder(data.matrix("val"))
    np.testing.assert_allclose(found, z.numpy(), atol=1e-5 * max(1, float(z.abs().max())))
    np.testing.assert_allclose(
        decoder(found), x_hat, atol=1e-5 * max(1, float(np.abs(x_hat).max()))
    )


def test_span_and_genes_reach_the_same_held_out_loss(data: Preprocessed) -> None:
    config = EncoderConfig(
        hidden=(64,), n_latent=4, epochs=300, patience=30, minibatch=32, dropout=0
    )
    losses = [
        fit_autoencoder(build_basis(data, basis, 4), create_model_type(config), seed=0).loss_val
        for basis in ("rows", "genes")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.15)


@pytest.mark.parametrize("scaling", ["zscore", "none"])
@pytest.mark.parametrize("name", ["genes", "rows"])
def test_rows_are_mapped_from_disk_and_never_copied(
    tmp_path: Path, name: str, scaling: str
) -> None:
    """Any number of workers then share one copy, that of the file system."""
    basis = build_basis(make_preprocessed(tmp_path, scaling=scaling), name, 4)
    for rows in (basis.train, basis.val):
        assert isinstance(rows, np.memmap)
        assert as_tensor(rows, torch.device("cpu")).data_ptr() == rows.ctypes.data
    np.testing.assert_allclose(basis.train.mean(axis=0), 0, atol=1e-4)


def test_interrupted_training_continues_exactly(
    span: Basis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit_autoencoder(span, create_model_type(SMALL), seed=3)
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE_OF_TIME", 1e9)

    class Interrupting:
        def log_metrics(self, metrics: dict, step: int | None = None) -> None:
            if step == 7:
                raise KeyboardInterrupt

    path = tmp_path / "state.pt"
    with pytest.raises(KeyboardInterrupt):
        fit_autoencoder(
            span, create_model_type(SMALL), seed=3, tracker=Interrupting(), checkpoint=path
        )  # type: ignore[arg-type]
    assert path.exists()
    resumed = fit_autoencoder(span, create_model_type(SMALL), seed=3, checkpoint=path)
    assert resumed.history.equals(whole.history)
    np.testing.assert_array_equal(resumed.val_losses, whole.val_losses)
    assert not path.exists()


def test_the_checkpoint_of_another_network_is_passed_over(span: Basis, tmp_path: Path) -> None:
    path, model_type = tmp_path / "state.pt", create_model_type(SMALL)
    torch.save({"network": {"encoder.spread.weight": torch.zeros(2)}}, path)
    assert fit_autoencoder(span, model_type, seed=3, checkpoint=path).history.equals(
        fit_autoencoder(span, model_type, seed=3).history
    )


def test_a_trial_that_is_worse_than_earlier_ones_is_stopped(span: Basis) -> None:
    fitted = fit_autoencoder(span, create_model_type(SMALL), seed=0, prune_above={5: 0.0})
    assert fitted.pruned_at == 5
    assert len(fitted.history) == 6


def test_training_takes_the_span_only_where_it_pays() -> None:
    assert choose_basis("auto", 850, 20531)[0] == "rows"
    assert choose_basis("auto", 850, 909)[0] == "genes"
    assert choose_basis("auto", 7000, 50)[0] == "genes"
    assert choose_basis("auto", EXACT_UP_TO + 1, 60000)[0] == "genes"
    assert choose_basis("rows", 850, 909) == ("rows", "asked for")


def test_more_latents_than_the_data_allow_are_refused(data: Preprocessed) -> None:
    with pytest.raises(TrainingError, match="n_latent=200 is more than the data allow"):
        build_basis(data, "auto", 200)


def test_as_many_latents_as_genes_are_taken(tmp_path: Path) -> None:
    data = make_preprocessed(tmp_path, n_samples=200, n_genes=40)
    fitted = fit_autoencoder(
        build_basis(data, "genes", 40),
        create_model_type(SMALL.model_copy(update={"n_latent": 40})),
        seed=0,
    )
    assert fitted.loss_pca == pytest.approx(0, abs=1e-9)


def test_divergence_is_an_error_with_advice(span: Basis) -> None:
    wild = EncoderConfig(
        hidden=(8,),
        n_latent=2,
        learning_rate=1.0,
        skip="none",
        batch_norm=False,
        epochs=50,
        minibatch=32,
    )
    broken = Basis(
        span.name,
        "",
        span.train * np.float32(1e30),
        span.val * np.float32(1e30),
        span.outside,
        span.mean,
        None,
        span.principal,
    )
    with pytest.raises(TrainingError, match="lower learning_rate"):
        fit_autoencoder(broken, create_model_type(wild), seed=0)


def test_untrained_network_without_anchor_starts_near_the_mean(span: Basis) -> None:
    fitted = fit_autoencoder(
        span,
        create_model_type(
            EncoderConfig(hidden=(64, 32), n_latent=8, skip="none", epochs=1, minibatch=32)
        ),
        seed=0,
    )
    assert -0.1 < fitted.history["r2/val"][0] < 0.1


def test_published_network_has_its_parameters() -> None:
    inputs = Inputs(5000, 5000, 5000.0, 1.0, torch.zeros(5000, 100), 1.0)
    network = create_model_type(EncoderConfig(kind="vanilla", n_latent=100)).build(inputs)
    assert sum(p.numel() for p in network.parameters()) == 1_005_100


def test_threads_are_measured_or_taken_as_configured(span: Basis) -> None:
    assert choose_threads(span, create_model_type(SMALL.model_copy(update={"threads": 1}))) == 1
    assert choose_threads(span, create_model_type(SMALL)) in range(1, count_cores() + 1)
    torch.set_num_threads(1)


def test_the_first_layer_is_as_if_drawn_in_gene_space(span: Basis) -> None:
    torch.manual_seed(0)
    weight = (
        build_model(span, create_model_type(EncoderConfig(hidden=(512,), n_latent=4)))
        .network.encoder[0]
        .weight
    )
    assert float(weight.detach().std()) == pytest.approx(np.sqrt(2 / 400), rel=0.05)
