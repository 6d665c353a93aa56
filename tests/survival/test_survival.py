"""Cox, concordance and Kaplan-Meier: equal to lifelines, and true where the truth was planted."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from lifelines.utils import concordance_index

from genexp.evaluation.probe import scale_latents
from genexp.survival.cox import c_index, fit_cox
from genexp.survival.regression import (
    choose_cox_penalty,
    evaluate_survival,
    fit_each,
    pick_patients,
)
from tests.outcomes import unpack
from tests.planted_latents import make_latents, make_obs, plant_hazard

EXACT = {"fit_options": {"precision": 1e-12}}
"""Makes lifelines go on where it would stop at a fourth digit."""


def arrays_of(part):
    return part.z["encoder"], part.obs["time_days"].to_numpy(), part.obs["event"].to_numpy() == 1


@pytest.fixture
def tied():
    """Standardised latents (lifelines' own standard deviation has n - 1) with many equal times."""
    z, time, event = arrays_of(plant_hazard("train", 200, seed=1))
    return (z - z.mean(axis=0)) / z.std(axis=0, ddof=1), np.ceil(time / 100), event


@pytest.mark.parametrize("penalty", [0.0, 0.01, 0.3])
def test_cox_equals_lifelines_with_ties_and_ridge(tied, penalty):
    z, time, event = tied
    table = pd.DataFrame(z).assign(time=time, event=event)
    theirs = CoxPHFitter(penalizer=penalty, l1_ratio=0.0).fit(table, "time", "event", **EXACT)
    ours = fit_cox(z, time, event, penalty)
    np.testing.assert_allclose(ours.coefficients, theirs.params_, atol=1e-7)
    np.testing.assert_allclose(
        np.sqrt(np.diag(np.linalg.inv(ours.information))), theirs.standard_errors_, rtol=1e-6
    )


def test_hazard_ratios_and_intervals_equal_lifelines_one_latent_at_a_time(tied):
    z, time, event = tied
    ours = fit_each(z, time, event, ["a", "b", "c"])
    for j, name in enumerate(ours.index):
        theirs = (
            CoxPHFitter()
            .fit(
                pd.DataFrame({"z": z[:, j], "time": time, "event": event}), "time", "event", **EXACT
            )
            .summary.iloc[0]
        )
        expected = theirs[
            ["exp(coef)", "exp(coef) lower 95%", "exp(coef) upper 95%", "p"]
        ].to_numpy(dtype=float)
        np.testing.assert_allclose(
            ours.loc[name, ["hazard_ratio", "low", "high", "p"]].to_numpy(dtype=float),
            expected,
            rtol=1e-5,
        )


def test_c_index_equals_lifelines_and_higher_risk_is_worse():
    rng = np.random.default_rng(0)
    for _ in range(20):
        time, event, risk = (
            rng.integers(1, 15, 40).astype(float),
            rng.random(40) < 0.6,
            rng.integers(0, 8, 40).astype(float),
        )
        assert c_index(time, event, risk)[0] == pytest.approx(
            concordance_index(time, -risk, event), abs=1e-12
        )
    assert c_index(np.array([1.0, 2.0]), np.array([True, True]), np.array([5.0, 1.0]))[0] == 1


def test_weighted_c_index_is_that_of_repeated_patients():
    rng = np.random.default_rng(0)
    time, event, risk, weights = (
        rng.random(30),
        rng.random(30) < 0.6,
        rng.normal(size=30),
        rng.integers(0, 4, 30),
    )
    often = np.repeat(np.arange(30), weights)
    assert c_index(time, event, risk, weights[None].astype(float))[0] == pytest.approx(
        concordance_index(time[often], -risk[often], event[often])
    )


def test_c_index_without_comparable_pair_is_undefined():
    assert np.isnan(c_index(np.array([1.0, 2.0]), np.array([False, False]), np.zeros(2))[0])


def test_planted_hazard_ratio_is_inside_its_interval_in_at_least_90_of_100_draws():
    covered = 0
    for seed in range(100):
        z, time, event = arrays_of(plant_hazard("train", 150, seed=seed, n_latent=1))
        ratio = fit_each(z, time, event, ["only"]).loc["only"]
        covered += ratio["low"] <= np.exp(0.8) <= ratio["high"]
    assert covered >= 90


def test_monotone_likelihood_and_constant_latent_give_no_hazard_ratio():
    time, event = np.arange(1.0, 31.0), np.ones(30, dtype=bool)
    z, _ = scale_latents("encoder", *[np.column_stack([-time, np.zeros(30)])] * 2)
    assert fit_each(z, time, event, ["separating", "constant"]).isna().all(axis=None)


def test_penalty_is_large_for_noise_and_small_for_signal():
    noise = arrays_of(plant_hazard("train", 200, seed=2, log_hazard_ratio=0.0, n_latent=20))
    signal = arrays_of(plant_hazard("train", 400, seed=2, log_hazard_ratio=1.2))
    assert choose_cox_penalty(*noise, seed=0) > 10 * choose_cox_penalty(*signal, seed=0)


def judge(train, test, n_latent=3):
    everyone = pd.concat([train.obs, test.obs])
    clusters = pd.Series(
        1 + (np.concatenate([train.z["encoder"], test.z["encoder"]])[:, 0] > 0),
        index=everyone.index,
    )
    return unpack(
        evaluate_survival(train, test, clusters, [f"latent_{j}" for j in range(n_latent)], seed=0)
    )


def test_planted_hazard_is_seen_on_test_patients():
    survival, notes = judge(plant_hazard("train", 300, seed=0), plant_hazard("test", 150, seed=1))
    assert survival is not None
    assert notes == []
    assert survival.scores.loc["encoder", "c_index"] > 0.65
    assert survival.log_rank_p < 0.001
    assert survival.cox["p"].idxmin() == "latent_0"
    start = survival.kaplan_meier.groupby("cluster").first()
    assert (start["survival"] == 1).all()
    assert start["at_risk"].sum() == 150


def test_permuted_survival_gives_chance_level():
    indices, train = [], plant_hazard("train", 150, seed=0)
    alone = {"encoder": train.z["encoder"]}
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(150)
        obs = train.obs.assign(
            time_days=train.obs["time_days"].to_numpy()[order],
            event=train.obs["event"].to_numpy()[order],
        )
        survival, _ = judge(
            make_latents("train", obs, alone), plant_hazard("test", 100, seed=100 + seed)
        )
        indices.append(survival.scores.loc["encoder", "c_index"])
    assert abs(np.mean(indices) - 0.5) < 2 * np.std(indices, ddof=1) / np.sqrt(20)


def test_corrupted_test_rows_leave_everything_fitted_unchanged():
    train, test = plant_hazard("train", 200, seed=0), plant_hazard("test", 100, seed=1)
    wild = make_latents(
        "test",
        test.obs.assign(time_days=test.obs["time_days"].to_numpy()[::-1]),
        test.z["encoder"] * 1e3,
    )
    before, after = (judge(train, part)[0] for part in (test, wild))
    pd.testing.assert_frame_equal(before.cox, after.cox)
    assert before.scores["penalty"].equals(after.scores["penalty"])
    assert before.scores["c_index"].ne(after.scores["c_index"]).all()


def test_too_few_deaths_are_a_note_and_not_an_error():
    train, test = plant_hazard("train", 100, seed=0), plant_hazard("test", 50, seed=1)
    few = make_latents("train", train.obs.assign(event=[1.0] * 4 + [0.0] * 96), train.z)
    survival, notes = judge(few, test)
    assert survival is None
    assert notes == ["No survival: 4 deaths among train patients, 5 are needed."]
    none_seen = make_latents("test", test.obs.assign(event=0.0), test.z)
    assert judge(train, none_seen)[1] == [
        "No survival: 0 comparable pairs of test patients, 2 are needed."
    ]


def test_all_train_patients_dead_can_be_fitted():
    train, test = plant_hazard("train", 60, seed=0), plant_hazard("test", 50, seed=1)
    assert judge(make_latents("train", train.obs.assign(event=1.0), train.z), test)[0] is not None


def test_cohort_without_survival_is_silently_skipped():
    part = make_latents("train", make_obs("train", 5), np.zeros((5, 3)))
    assert unpack(evaluate_survival(part, part, pd.Series(dtype=int), [], seed=0)) == (None, [])


def test_one_primary_tumour_sample_per_patient_is_taken_and_the_rest_is_counted():
    kinds = [
        "metastatic",
        "Primary Tumor",
        "Solid Tissue Normal",
        "tumor",
        "tumor",
        "tumor",
        "normal",
    ]
    obs = make_obs(
        "train",
        7,
        sample_type=kinds,
        time_days=[9.0, 9, 9, 0, np.nan, 5, 5],
        event=[1.0, 1, 1, 1, 0, 0, 0],
    )
    obs["group"] = ["p1", "p1", "p1", "p2", "p3", "p4", "p4"]
    excluded: Counter[str] = Counter()
    assert list(pick_patients(obs, excluded)) == [1, 5]
    assert excluded == {
        "not a tumour sample": 2,
        "survival unknown": 1,
        "followed for 0 days": 1,
        "another sample of the same patient": 1,
    }


def test_sample_types_that_name_no_tumour_keep_every_sample():
    obs = make_obs(
        "train", 2, sample_type=["early", "late"], time_days=[1.0, 2.0], event=[1.0, 0.0]
    )
    assert list(pick_patients(obs, Counter())) == [0, 1]
