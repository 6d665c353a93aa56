"""The count kind: its likelihood, its dispersions, and its way to a shipped encoder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import nbinom

from genexp.errors import ConfigError, TrainingError
from genexp.model.counts import CountOutput, measure_log_likelihood
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import TuneSettings
from genexp.training.basis import Basis, build_basis
from genexp.training.build import load_rows
from genexp.training.loop import Fitted, fit_autoencoder
from genexp.training.targets import build_targets
from genexp.tuning.study import run_study
from tests.planted_counts import make_counts, preprocess_counts
from tests.shipped import check_shipped

N_SAMPLES, N_GENES = 400, 60
SIZE = np.geomspace(1, 30, N_GENES)
SMALL = {
    "kind": "count",
    "hidden": (32,),
    "n_latent": 3,
    "epochs": 60,
    "minibatch": 64,
    "dropout": 0.0,
    "learning_rate": 3e-3,
}


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    return make_counts(N_SAMPLES, N_GENES, SIZE)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, counts: np.ndarray) -> Preprocessed:
    return preprocess_counts(tmp_path_factory.mktemp("counts"), counts)


@pytest.fixture(scope="module")
def fitted(data: Preprocessed) -> tuple[Fitted, Basis]:
    return fit(data)


def fit(data: Preprocessed, **values: object) -> tuple[Fitted, Basis]:
    config = EncoderConfig(**SMALL | values)
    basis = build_basis(data, "auto", config.n_latent, "each gene has a likelihood of its own")
    model_type = create_model_type(config)
    return fit_autoencoder(
        basis, model_type, seed=0, targets=build_targets(data, model_type)
    ), basis


def draw_cases() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    counts = np.concatenate([np.zeros(200), rng.integers(1, 50, 200), rng.integers(1e5, 5e6, 200)])
    return counts, np.exp(rng.uniform(-3, 14, 600)), np.exp(rng.uniform(-3, 7, 600))


def test_the_negative_binomial_likelihood_is_scipy_s() -> None:
    counts, mean, size = draw_cases()
    found = measure_log_likelihood(
        *(torch.from_numpy(values) for values in (counts, np.log(mean), np.log(size)))
    )
    np.testing.assert_allclose(
        found, nbinom.logpmf(counts, size, size / (size + mean)), rtol=1e-7, atol=1e-7
    )


def test_zeros_are_inflated_as_by_hand() -> None:
    counts, mean, size = draw_cases()
    gate = np.random.default_rng(1).normal(0, 3, 600)
    found = measure_log_likelihood(
        *(torch.from_numpy(values) for values in (counts, np.log(mean), np.log(size), gate))
    )
    inflation, plain = 1 / (1 + np.exp(-gate)), nbinom.pmf(counts, size, size / (size + mean))
    expected = np.where(counts == 0, inflation + (1 - inflation) * plain, (1 - inflation) * plain)
    certain = expected > 1e-300
    np.testing.assert_allclose(
        found.numpy()[certain], np.log(expected[certain]), rtol=1e-7, atol=1e-7
    )
    assert certain.mean() > 0.7


def test_the_derivatives_are_those_of_differences() -> None:
    counts = torch.tensor([[0.0, 1.0, 7.0], [0.0, 0.0, 300.0]], dtype=torch.float64)
    log_mean = torch.randn(
        2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()
    for shape in ((3,), (2, 3)):
        log_size = (
            torch.linspace(-1, 2, 3, dtype=torch.float64).expand(shape).clone().requires_grad_()
        )
        assert torch.autograd.gradcheck(
            lambda m, s: measure_log_likelihood(counts, m, s), (log_mean, log_size)
        )


@pytest.mark.parametrize("normalise", ["log2_cpm", "log2_median"])
@pytest.mark.parametrize("scaling", ["zscore", "minmax", "none"])
def test_counts_are_recovered_exactly_from_scaled_rows_and_the_library(
    tmp_path: Path, scaling: str, normalise: str
) -> None:
    counts = make_counts(60, 30, np.full(30, 2.0))
    counts[:, 0] *= 1000
    assert counts.max() > 1_000_000
    data = preprocess_counts(tmp_path, counts, scaling=scaling, normalise=normalise)
    rows = {part: counts[(data.split["part"] == part).to_numpy()] for part in ("train", "val")}
    basis = build_basis(data, "genes", 3)
    batches = load_rows(
        basis, build_targets(data, create_model_type(EncoderConfig(**SMALL))), torch.device("cpu")
    )
    output = CountOutput(
        data.transform.shift, data.transform.spread, basis.mean, data.transform.common_library
    )
    for batch, expected in zip(batches, rows.values(), strict=True):
        found, large = output.recover(batch.x, batch.targets["library"]).numpy(), expected > 300_000
        np.testing.assert_array_equal(found[~large], expected[~large])
        np.testing.assert_allclose(found[large], expected[large], rtol=1e-6)


def test_the_library_is_that_of_the_kept_genes_and_of_counts_alone(
    tmp_path: Path, counts: np.ndarray
) -> None:
    silent = np.concatenate([counts, np.zeros((len(counts), 5), np.float32)], axis=1)
    silent[0, -1] = 1000
    data = preprocess_counts(tmp_path, silent)
    assert len(data.var) == N_GENES
    assert (
        data.obs("train")["library"].tolist()
        == counts[(data.split["part"] == "train").to_numpy()].sum(axis=1, dtype=float).tolist()
    )
    assert "library" in data.access_test()[1]
    assert "library" not in preprocess_counts(
        tmp_path, np.log2(counts + 1), scale="log2_norm_count"
    ).obs("train")


def test_what_is_not_counts_is_refused(tmp_path: Path, counts: np.ndarray) -> None:
    config = EncoderConfig(**SMALL)
    model_type = create_model_type(config)
    with pytest.raises(
        TrainingError, match="kind=count needs counts, this cohort is log2_norm_count"
    ):
        build_targets(
            preprocess_counts(tmp_path, np.log2(counts + 1), scale="log2_norm_count"), model_type
        )
    with pytest.raises(TrainingError, match="normalise=none, clip=none"):
        build_targets(preprocess_counts(tmp_path, counts, normalise="none"), model_type)
    with pytest.raises(TrainingError, match="clip=16"):
        build_targets(preprocess_counts(tmp_path, counts, clip=16.0), model_type)


def test_kinds_of_other_losses_are_not_searched_together_and_unfit_cohorts_end_a_study_at_once(
    tmp_path: Path, data: Preprocessed, counts: np.ndarray
) -> None:
    values = {"cache": str(tmp_path), "n_latent": "3"}
    with pytest.raises(
        ConfigError, match="the loss of deep is a squared error, the loss of count is a likelihood"
    ):
        run_study(
            data,
            TuneSettings(kind="deep,count", **values),
            tmp_path / "mixed",
            "f",
            lambda *_: None,
        )
    log2 = preprocess_counts(tmp_path, np.log2(counts + 1), scale="log2_norm_count")
    with pytest.raises(
        TrainingError, match="kind=count needs counts, this cohort is log2_norm_count"
    ):
        run_study(
            log2, TuneSettings(kind="count", **values), tmp_path / "unfit", "f", lambda *_: None
        )


def test_losses_of_rows_are_those_of_the_validation_loss(fitted: tuple[Fitted, Basis]) -> None:
    assert fitted[0].row_losses.mean() == pytest.approx(fitted[0].loss_val, rel=1e-6)
    assert fitted[0].val_losses.mean() < 1 < fitted[0].row_losses.mean(), (
        "squared errors are in other units"
    )


def test_planted_structure_and_dispersions_are_recovered(fitted: tuple[Fitted, Basis]) -> None:
    network, history, best = fitted[0].network, fitted[0].history, fitted[0].best_epoch
    assert np.isfinite(history.to_numpy()).all()
    assert history["loss/val"][best] < history["loss/val"][0]
    assert 0.2 < history["r2/val"][best] < 1
    log_ratio = network.dispersion.log_size.detach().numpy() - np.log(SIZE)
    assert np.abs(log_ratio).mean() < 0.25
    assert abs(log_ratio.mean()) < 0.2, "neither too wide nor too narrow"


def test_the_likelihood_approaches_that_of_the_truth(fitted: tuple[Fitted, Basis]) -> None:
    """Means and sizes that made the counts set a bound; the train mean is far from it."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, N_GENES) + 0.5 * rng.standard_normal(
        (N_SAMPLES, 3)
    ) @ rng.standard_normal((3, N_GENES))
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    mean = share * N_GENES * rng.uniform(100, 400, (N_SAMPLES, 1))
    bound = -nbinom.logpmf(make_counts(N_SAMPLES, N_GENES, SIZE), SIZE, SIZE / (SIZE + mean)).mean()
    assert bound - 0.05 < fitted[0].loss_val < bound + 0.3


def test_extra_zeros_are_found_by_the_gate(tmp_path: Path) -> None:
    data = preprocess_counts(tmp_path, make_counts(N_SAMPLES, 40, np.full(40, 10.0), zeros=0.3))
    (plain, basis), (inflated, _) = (
        fit(data, likelihood=name) for name in ("negative_binomial", "zero_inflated")
    )
    assert inflated.loss_val < plain.loss_val - 0.1
    network = inflated.network
    with torch.no_grad():
        _, gate = network.dispersion(
            network.decoder[:-1](network.encode(torch.from_numpy(np.array(basis.val))))
        )
    assert gate.sigmoid().mean().item() == pytest.approx(0.3, abs=0.08)


def test_dispersions_may_differ_between_samples(data: Preprocessed) -> None:
    fitted, _ = fit(data, dispersion="gene_sample", epochs=5)
    with torch.no_grad():
        log_size, _ = fitted.network.dispersion(fitted.network.decoder[:-1](torch.randn(5, 3)))
    assert (log_size.std(0) > 0).all()


@pytest.mark.parametrize("skip", ["pca", "none"])
@pytest.mark.parametrize(
    ("scaling", "normalise"), [("zscore", "log2_cpm"), ("minmax", "log2_median")]
)
def test_the_shipped_encoder_equals_the_trained_one(
    tmp_path: Path, counts: np.ndarray, scaling: str, normalise: str, skip: str
) -> None:
    data = preprocess_counts(tmp_path, counts, scaling=scaling, normalise=normalise)
    fitted, basis = fit(data, skip=skip, epochs=3, likelihood="zero_inflated")
    encoder, z = check_shipped(fitted, basis, data, tmp_path)
    rebuilt = np.exp2(encoder.decode(z).to_numpy()) - 1
    np.testing.assert_allclose(rebuilt.sum(axis=1), data.transform.common_library, rtol=1e-3)
