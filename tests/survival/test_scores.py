"""Scores of a risk under censoring: equal to scikit-survival and lifelines, and at chance where
chance rules.
"""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter

from genexp.survival.cox import c_index
from genexp.survival.scores import (
    MIN_UNCENSORED,
    FollowUp,
    Steps,
    auc_at,
    brier_errors,
    calibrate,
    choose_tau,
    choose_times,
    estimate_baseline,
    estimate_censoring,
    integrate_errors,
    ipcw_c_index,
    predict_survival,
    score_risks,
    summarise_scores,
)

EVERYONE = np.inf


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, FollowUp]:
    """Two covariates, of which the first counts, and follow-up with many ties."""
    z = rng.normal(size=(n, 2))
    death, censored = rng.exponential(1000 * np.exp(-0.8 * z[:, 0])), rng.uniform(100, 3000, n)
    return z @ [0.8, 0.1], FollowUp(
        np.ceil(np.minimum(death, censored) / 20) * 20, death <= censored
    )


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(5)
    return *draw(rng, 120), *draw(rng, 60)


# Golden values: scikit-survival 0.28.0 on the patients of ``drawn`` (numpy 2.4.6), train patients
# as survival_train


def test_censoring_curve_is_that_of_scikit_survival(drawn):
    _, train, _, _ = drawn  # CensoringDistributionEstimator().fit(train).predict_proba
    golden = [0.9066388597148122, 0.696952612639358, 0.5496148640034124]
    np.testing.assert_allclose(
        estimate_censoring(train).at(np.array([400.0, 800.0, 1600.0])), golden, rtol=1e-12
    )


@pytest.mark.parametrize(
    ("tau", "golden"), [(1500.0, 0.7251969241311834), (2000.0, 0.7224712412470987)]
)
def test_ipcw_c_index_is_that_of_scikit_survival(drawn, tau, golden):
    _, train, risk, test = drawn  # concordance_index_ipcw(train, test, risk, tau=tau)
    assert ipcw_c_index(test, risk, estimate_censoring(train), tau)[0] == pytest.approx(
        golden, abs=1e-12
    )


@pytest.mark.parametrize(
    ("time", "golden"),
    [(400, 0.7898524820228217), (800, 0.7462623483906494), (1600, 0.7704850775969795)],
)
def test_auc_is_that_of_scikit_survival(drawn, time, golden):
    _, train, risk, test = drawn  # cumulative_dynamic_auc(train, test, risk, [400, 800, 1600])
    assert auc_at(time, test, risk, estimate_censoring(train))[0] == pytest.approx(
        golden, abs=1e-12
    )


def test_brier_score_is_that_of_scikit_survival(drawn):
    # brier_score, integrated_brier_score(train, test, exp(-exp(risk) t / 1000), linspace(200, 2000,
    # 19))
    _, train, risk, test = drawn
    times = np.linspace(200, 2000, 19)
    errors = brier_errors(
        test, np.exp(-np.outer(np.exp(risk), times / 1000)), times, estimate_censoring(train)
    )
    np.testing.assert_allclose(
        errors.mean(axis=0)[[2, 9]], [0.163885795429549, 0.12890633583023856], rtol=1e-12
    )
    assert integrate_errors(errors, times).mean() == pytest.approx(0.1476125336671536, abs=1e-12)


def test_breslow_survival_is_that_of_scikit_survival(drawn):
    # sksurv.linear_model.coxph.BreslowEstimator().fit(risk, event, time)
    risk, train, other, _ = drawn
    golden = [
        [0.5973645467043177, 0.25640253759658627, 0.10943993314214266],
        [0.6761414127840898, 0.3556586606263583, 0.18628760229042413],
    ]
    found = predict_survival(
        estimate_baseline(train, risk), other[:2], np.array([400.0, 800.0, 1600.0])
    )
    np.testing.assert_allclose(found, golden, rtol=1e-12)


def test_breslow_survival_is_that_of_lifelines(drawn):
    _, train, _, _ = drawn
    z = np.random.default_rng(0).normal(size=120)
    fit = CoxPHFitter().fit(
        pd.DataFrame({"z": z, "time": train.time, "event": train.event}), "time", "event"
    )
    theirs = fit.predict_survival_function(pd.DataFrame({"z": [-1.0, 2.0]}), times=[300, 1000]).T
    found = predict_survival(
        estimate_baseline(train, fit.params_.to_numpy() * z),
        fit.params_.to_numpy() * [-1.0, 2.0],
        np.array([300, 1000]),
    )
    np.testing.assert_allclose(found, theirs, rtol=1e-6)


def test_without_censoring_the_weights_are_one(drawn):
    _, _, risk, test = drawn
    seen = FollowUp(test.time, np.ones(60, dtype=bool))
    censoring = estimate_censoring(seen)
    assert (censoring.at(seen.time) == 1).all()
    assert ipcw_c_index(seen, risk, censoring, EVERYONE)[0] == pytest.approx(
        c_index(seen.time, seen.event, risk)[0]
    )
    half = np.full((60, 1), 0.5)
    np.testing.assert_allclose(brier_errors(seen, half, np.array([500.0]), censoring), 0.25)


def test_nothing_is_judged_where_few_train_patients_are_uncensored(drawn):
    _, train, _, test = drawn
    censoring = estimate_censoring(train)
    tau = choose_tau(censoring, test)
    assert censoring.at(tau) >= MIN_UNCENSORED
    later = train.time[train.time > tau]
    assert tau == test.time.max() or (censoring.at(later) < MIN_UNCENSORED).all()
    assert choose_tau(Steps(np.array([10.0]), np.array([0.0])), test) == 0


def test_weighted_scores_are_those_of_repeated_patients(drawn):
    _, train, risk, test = drawn
    censoring, weights = estimate_censoring(train), np.random.default_rng(0).integers(0, 4, 60)
    often = np.repeat(np.arange(60), weights)
    more = FollowUp(test.time[often], test.event[often])
    for score in (lambda *a: ipcw_c_index(*a[:3], 1500.0, *a[3:]), lambda *a: auc_at(800.0, *a)):
        assert score(test, risk, censoring, weights[None].astype(float))[0] == pytest.approx(
            score(more, risk[often], censoring)[0]
        )


def test_auc_without_deaths_or_survivors_is_undefined(drawn):
    _, train, risk, test = drawn
    censoring = estimate_censoring(train)
    assert np.isnan(auc_at(1.0, test, risk, censoring)[0])
    assert np.isnan(auc_at(1e6, test, risk, censoring)[0])
    assert np.isnan(ipcw_c_index(test, risk, censoring, 1.0)[0])


def test_years_are_judged_where_patients_reach_them_and_quartiles_of_deaths_elsewhere(drawn):
    _, train, _, test = drawn
    assert choose_times(train, test, 2000.0) == [365.25, 3 * 365.25]
    weeks, own = FollowUp(train.time / 50, train.event), FollowUp(test.time / 50, test.event)
    deaths = np.quantile(weeks.time[weeks.event], [0.25, 0.5, 0.75])
    assert choose_times(weeks, own, 40.0) == pytest.approx(list(deaths))
    assert choose_times(weeks, own, 0.0) == []


def make_patients(drawn) -> pd.DataFrame:
    risk, train, other, test = drawn
    parts = [
        pd.DataFrame(
            {
                "part": part,
                "time_days": one.time,
                "event": one.event,
                "risk_encoder": values,
                "risk_pca": 0.0,
            }
        )
        for part, one, values in (("train", train, risk), ("test", test, other))
    ]
    return pd.concat(parts, ignore_index=True)


def test_every_score_is_inside_its_interval_and_a_risk_beats_one_curve_for_all(drawn):
    quality = score_risks(make_patients(drawn), ["encoder", "pca"], seed=0).set_index(
        ["representation", "quantity"]
    )
    assert (quality["low"] <= quality["value"]).all()
    assert (quality["value"] <= quality["high"]).all()
    brier = quality["value"].xs("integrated_brier", level="quantity")
    assert brier["encoder"] < brier["none"] - 0.02
    assert brier["pca"] == pytest.approx(brier["none"])
    table = summarise_scores(quality.reset_index())
    assert list(table.index) == ["encoder", "pca"]
    assert table.loc["pca"].to_dict() == pytest.approx(
        {"c_index": 0.5, "ipcw_c_index": 0.5, "integrated_brier": brier["none"], "auc": 0.5}
    )
    assert table.loc["encoder", "auc"] == pytest.approx(
        quality.query("representation == 'encoder' and quantity == 'auc'")["value"].mean()
    )


def test_brier_score_of_nobody_is_that_of_the_train_curve(drawn):
    patients = make_patients(drawn).assign(part=["train"] * 90 + ["test"] * 90)
    found = (
        score_risks(patients, ["pca"], seed=0)
        .set_index("representation")
        .query("quantity == 'integrated_brier'")
    )
    train, test = (FollowUp.of(patients[patients["part"] == part]) for part in ("train", "test"))
    curve = KaplanMeierFitter().fit(train.time, train.event)
    times = np.linspace(0, found.loc["none", "time_days"], 101)
    survival = np.tile(curve.survival_function_at_times(times).to_numpy(), (90, 1))
    censoring = estimate_censoring(train)
    score = integrate_errors(brier_errors(test, survival, times, censoring), times).mean()
    # Breslow's and Kaplan-Meier's curves are close, not equal
    assert found.loc["none", "value"] == pytest.approx(score, abs=3e-3)


def test_true_risks_are_calibrated():
    rng = np.random.default_rng(3)
    patients = make_patients((*draw(rng, 4000), *draw(rng, 2000)))
    cuts = np.quantile(patients["risk_encoder"][:4000], [1 / 3, 2 / 3])
    patients["risk_group"] = pd.Categorical.from_codes(
        np.searchsorted(cuts, patients["risk_encoder"]), ["low", "middle", "high"]
    )
    table = calibrate(patients, "encoder", 800.0)
    assert list(table.index) == ["low", "middle", "high"]
    assert table["n"].sum() == 2000
    assert table["predicted"].is_monotonic_decreasing
    assert ((table["low"] < table["observed"]) & (table["observed"] < table["high"])).all()
    assert (table["predicted"] - table["observed"]).abs().max() < 0.04
    curve = KaplanMeierFitter().fit(
        *(patients[4000:].query("risk_group == 'high'")[name] for name in ("time_days", "event"))
    )
    assert table.loc["high", "observed"] == pytest.approx(curve.predict(800.0))
    overconfident = calibrate(
        patients.assign(risk_encoder=3 * patients["risk_encoder"]), "encoder", 800.0
    )
    assert overconfident.loc["low", "predicted"] > table.loc["low", "high"]
    assert calibrate(patients, "encoder", float("nan")).empty


def test_permuted_survival_gives_every_score_its_chance_level():
    rng = np.random.default_rng(0)
    train, (other, test) = draw(rng, 200)[1], draw(rng, 150)
    censoring, found = estimate_censoring(train), []
    for _ in range(20):
        order = rng.permutation(150)
        own = FollowUp(test.time[order], test.event[order])
        found.append(
            [
                c_index(own.time, own.event, other)[0],
                ipcw_c_index(own, other, censoring, 1500.0)[0],
                auc_at(800.0, own, other, censoring)[0],
            ]
        )
    mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(20)
    assert (np.abs(mean - 0.5) < 2 * error).all()
