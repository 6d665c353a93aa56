"""Novel samples: p-values hold their level where nothing is novel, planted outliers are found,
foreign cohorts are told what to expect.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import mahalanobis

from genexp.evaluation.novelty import Novelty, evaluate_novelty
from genexp.evaluation.reconstruction import Reconstruction
from genexp.model.encoder import Affine, Encoder, Network
from genexp.model.novelty import (
    Calibration,
    assess_novelty,
    calibrate_novelty,
    describe_coverage,
    rank_conformally,
    score_samples,
)
from genexp.preprocessing.transform import Transform
from tests.outcomes import unpack
from tests.planted_latents import make_latents, make_obs

N_GENES, N_LATENT = 60, 3
AXES = np.linalg.qr(np.random.default_rng(9).normal(size=(N_GENES, N_LATENT)))[0].astype(np.float32)
NONE = np.zeros(N_LATENT, np.float32), np.zeros(N_GENES, np.float32)
ENCODER, DECODER = Network((Affine(AXES.T.copy(), NONE[0]),)), Network((Affine(AXES, NONE[1]),))


def draw(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, N_LATENT)) @ (3 * AXES.T) + 0.5 * rng.normal(size=(n, N_GENES))
    ).astype(np.float32)


def build(calibration: Calibration | None) -> Encoder:
    genes = [f"G{i}" for i in range(N_GENES)]
    plain = Transform(
        "none",
        None,
        np.zeros(N_GENES, np.float32),
        np.zeros(N_GENES, np.float32),
        np.ones(N_GENES, np.float32),
    )
    return Encoder(
        genes,
        genes,
        "zscore",
        "mean",
        plain,
        ENCODER,
        DECODER,
        0.5,
        {},
        calibration.to_arrays() if calibration else {},
    )


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate_novelty(ENCODER, DECODER, draw(400, 0), draw(199, 1), seed=0)


@pytest.fixture(scope="module")
def encoder(calibration: Calibration) -> Encoder:
    return build(calibration)


def judge(encoder: Encoder, X: np.ndarray) -> pd.DataFrame:
    calibration = Calibration.of(encoder)
    assert calibration is not None
    return score_samples(encoder, calibration, X, pd.Index([f"s{i}" for i in range(len(X))]))


def test_conformal_p_counts_the_reference_scores_that_are_at_least_as_large() -> None:
    found = rank_conformally(np.array([0.0, 2.0, 2.5, 9.0]), np.array([3.0, 1.0, 2.0, 4.0]))
    assert found.tolist() == [1.0, 4 / 5, 3 / 5, 1 / 5]


def test_p_values_of_samples_like_the_validation_samples_hold_their_level() -> None:
    """Over 60 draws of train, validation and test samples: the share below a level is at most the
    level, and close to it.
    """
    found = []
    for seed in range(60):
        calibration = calibrate_novelty(
            ENCODER, DECODER, draw(100, 3 * seed), draw(59, 3 * seed + 1), seed=0
        )
        found.append(
            judge(build(calibration), draw(50, 3 * seed + 2))[
                ["p_error", "p_distance", "p"]
            ].to_numpy()
        )
    p = np.stack(found)
    for level in (0.05, 0.2, 0.5):
        shares = (p <= level).mean(axis=1)
        error = shares.std(axis=0, ddof=1) / np.sqrt(len(shares))
        assert (np.abs(shares.mean(axis=0) - level) < 3 * error).all()


def test_planted_outliers_are_found_by_error_or_by_distance_and_others_rarely(
    encoder: Encoder,
) -> None:
    X = draw(100, 2)
    X[:15] += np.random.default_rng(0).normal(scale=2, size=(15, N_GENES)).astype(np.float32)
    X[15:30] += 40 * AXES[:, 0]
    table = judge(encoder, X)
    assert table["novel"][:30].all()
    assert table["novel"][30:].mean() < 0.1
    assert (table["p_error"][:15] < 0.01).all()
    assert (table["p_distance"][15:30] < 0.01).all()
    assert table["p_error"][15:30].median() > 0.05


def test_distance_is_that_of_scipy(encoder: Encoder, calibration: Calibration) -> None:
    X = draw(5, 4)
    expected = [mahalanobis(z, calibration.mean, calibration.precision) for z in X @ AXES]
    np.testing.assert_allclose(judge(encoder, X)["distance"], expected, rtol=1e-4)


def test_error_of_a_sample_is_over_the_genes_that_it_has(encoder: Encoder) -> None:
    X = draw(1, 5)
    X[0, :10] = np.nan
    filled = np.nan_to_num(X)
    rebuilt = filled @ AXES @ AXES.T
    assert judge(encoder, X)["error"].iloc[0] == pytest.approx(
        np.square(filled - rebuilt)[0, 10:].mean(), rel=1e-4
    )


def test_calibration_travels_with_the_encoder_and_older_encoders_load_without(
    encoder: Encoder, tmp_path: Path
) -> None:
    encoder.save(tmp_path / "new")
    build(None).save(tmp_path / "old")
    X = draw(30, 6)
    pd.testing.assert_frame_equal(judge(Encoder.load(tmp_path / "new"), X), judge(encoder, X))
    old = Encoder.load(tmp_path / "old")
    assert Calibration.of(old) is None
    assert describe_coverage(old, 0, None, None).endswith(
        "the encoder was registered without calibration"
    )


def test_loss_rises_with_the_share_of_absent_genes_as_foreseen(
    encoder: Encoder, calibration: Calibration
) -> None:
    curve = calibration.dropout
    assert curve[0].tolist() == [0, 1, 0]
    assert (np.diff(curve, axis=0) > 0).all()
    X = draw(2000, 7)
    absent = np.random.default_rng(1).random(X.shape) < 0.1
    full, lacking = (np.square(X - x @ AXES @ AXES.T).mean() for x in (X, np.where(absent, 0, X)))
    assert calibration.foresee_loss(0.1) == pytest.approx(lacking / full, rel=0.1)
    assert np.isnan(calibration.foresee_loss(0.9))
    said = describe_coverage(encoder, 6, calibration, judge(encoder, X))
    assert said.startswith("54 of 60 genes (90.0%) are there, expected loss x ")
    assert "of 2,000 samples are novel (false discovery rate 5 %)" in said


def evaluate(encoder: Encoder, X: np.ndarray, n_val: int = 199) -> tuple[Novelty | None, list[str]]:
    test = make_latents("test", make_obs("test", len(X)), (X @ AXES).astype(np.float64))
    samples = pd.DataFrame(
        {"encoder": np.square(X - X @ AXES @ AXES.T).sum(axis=1)}, index=test.obs.index
    )
    rows = {"train": draw(400, 0), "val": draw(199, 1)[:n_val]}
    return unpack(
        evaluate_novelty(
            encoder, rows, test, Reconstruction(pd.DataFrame(), pd.DataFrame(), samples), seed=0
        )
    )


def test_evaluation_and_encoding_say_the_same_with_and_without_a_stored_calibration(
    encoder: Encoder,
) -> None:
    X = draw(40, 8)
    stored, measured = (evaluate(one, X)[0] for one in (encoder, build(None)))
    assert stored is not None
    assert measured is not None
    for found in (stored, measured):
        np.testing.assert_allclose(
            found.samples["p"].to_numpy(), judge(encoder, X)["p"].to_numpy(), atol=0.0051
        )
    assert set(stored.metrics) == {"novelty/share", "novelty/share_p05"}
    assert stored.fewest == 4


def test_too_few_validation_samples_are_said(encoder: Encoder) -> None:
    found, notes = evaluate(replace(encoder, calibration={}), draw(10, 3), n_val=12)
    assert found is None
    assert notes == ["No novelty: 12 validation samples; 19 are needed for a p-value of 0.05."]


def test_no_sample_is_judged_without_complaint(calibration: Calibration) -> None:
    assert assess_novelty(calibration, np.empty((0, 2)), pd.Index([])).empty


def test_a_latent_that_never_moves_leaves_the_distance_finite() -> None:
    dead = Network((Affine(np.vstack([AXES.T[:2], np.zeros((1, N_GENES), np.float32)]), NONE[0]),))
    calibration = calibrate_novelty(dead, DECODER, draw(50, 0), draw(30, 1), seed=0)
    assert np.isfinite(calibration.scores).all()
