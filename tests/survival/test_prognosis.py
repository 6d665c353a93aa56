"""What surrounds a risk score: groups, increments and nulls find what was planted, and nothing
where nothing was.
"""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from lifelines.statistics import multivariate_logrank_test

from genexp.evaluation.latents import PartLatents
from genexp.survival.groups import (
    GROUPS,
    compare_groups,
    compare_two,
    cut_risk,
    permute_survival,
    score_log_rank,
)
from genexp.survival.increment import (
    PROLIFERATION,
    measure_increments,
    read_covariates,
    read_stage,
    score_proliferation,
)
from genexp.survival.nulls import KINDS, N_NULLS, compare_with_nulls, draw_nulls
from genexp.survival.prognosis import evaluate_prognosis
from genexp.survival.regression import evaluate_survival
from genexp.survival.scores import FollowUp
from tests.outcomes import unpack
from tests.planted_latents import make_latents, make_obs, plant_hazard


def follow_up(part: PartLatents) -> FollowUp:
    return FollowUp.of(part.obs.assign(event=part.obs["event"] == 1))


def tabulate(*parts: PartLatents) -> pd.DataFrame:
    """Patients of some parts, the first latent their risk."""
    tables = [
        part.obs.assign(
            part=part.part, event=part.obs["event"] == 1, risk_encoder=part.z["encoder"][:, 0]
        )
        for part in parts
    ]
    return pd.concat(tables)


# --- groups
# -----------------------------------------------------------------------------------------------------------  # noqa: E501


def test_risk_groups_are_the_tertiles_of_the_train_patients():
    patients = tabulate(plant_hazard("train", 300, seed=0), plant_hazard("test", 60, seed=1))
    groups = cut_risk(patients, "encoder")
    in_train = patients["part"] == "train"
    assert groups[in_train].value_counts().to_dict() == dict.fromkeys(GROUPS, 100)
    wild = patients.assign(risk_encoder=patients["risk_encoder"].mask(~in_train, 1e3))
    moved = cut_risk(wild, "encoder")
    assert (moved[~in_train] == "high").all()
    assert moved[in_train].equals(groups[in_train])


def test_log_rank_scores_add_up_to_observed_minus_expected_deaths():
    part = plant_hazard("test", 80, seed=0)
    own, group = follow_up(part), np.arange(80) % 3
    own = FollowUp(np.ceil(own.time / 100), own.event)
    expected = np.zeros(3)
    for time in np.unique(own.time[own.event]):
        died, at_risk = ((own.time == time) & own.event).sum(), own.time >= time
        expected += died * np.bincount(group[at_risk], minlength=3) / at_risk.sum()
    scores = score_log_rank(own)
    np.testing.assert_allclose(
        np.bincount(group, scores), np.bincount(group, own.event) - expected, atol=1e-12
    )
    assert scores.sum() == pytest.approx(0, abs=1e-12)


def test_permutation_p_of_a_small_group_is_the_share_of_all_orders():
    own, group = (
        FollowUp(np.array([1.0, 2, 3, 4, 5, 6]), np.ones(6, dtype=bool)),
        np.array([0, 0, 1, 1, 1, 1]),
    )
    scores, members = score_log_rank(own), np.eye(2)[group] / np.sqrt([2, 4])
    found = [np.square(scores[list(order)] @ members).sum() for order in permutations(range(6))]
    assert permute_survival(own, group, seed=0) == pytest.approx(
        np.mean(np.array(found) > found[0] - 1e-9), abs=0.02
    )


def test_permutation_p_is_close_to_that_of_the_log_rank_test():
    part = plant_hazard("test", 120, seed=4, log_hazard_ratio=0.3)
    own, group = follow_up(part), (part.z["encoder"][:, 0] > 0).astype(int)
    theirs = multivariate_logrank_test(own.time, group, own.event).p_value
    assert permute_survival(own, group, seed=0) == pytest.approx(theirs, abs=0.03)


def test_permutation_p_is_small_in_one_of_twenty_when_groups_mean_nothing():
    rng = np.random.default_rng(0)
    own = follow_up(plant_hazard("test", 60, seed=0))
    p = [permute_survival(own, rng.integers(0, 3, 60), seed=seed) for seed in range(100)]
    assert sum(value < 0.05 for value in p) <= 10
    assert 0.4 < np.mean(p) < 0.6
    assert np.isnan(permute_survival(own, np.zeros(60), seed=0))


def test_hazard_ratio_of_two_groups_is_that_of_lifelines():
    part = plant_hazard("test", 100, seed=0)
    own, high = follow_up(part), (part.z["encoder"][:, 0] > 0).astype(float)
    theirs = (
        CoxPHFitter()
        .fit(pd.DataFrame({"high": high, "time": own.time, "event": own.event}), "time", "event")
        .summary.loc["high"]
    )
    expected = theirs[["exp(coef)", "exp(coef) lower 95%", "exp(coef) upper 95%", "p"]].to_numpy(
        dtype=float
    )
    np.testing.assert_allclose(compare_two(own, high).to_numpy(dtype=float), expected, rtol=1e-4)


def test_groups_of_which_one_is_gone_before_any_event_have_no_hazard_ratio():
    """At the only events nobody of the other group is at risk any more: the partial likelihood is
    flat.
    """
    time, event = (
        np.array([10.0, 20.0, 400.0, 500.0, 600.0]),
        np.array([False, False, True, True, False]),
    )
    ratio = compare_two(FollowUp(time, event), np.array([1.0, 1.0, 0.0, 0.0, 0.0]))
    assert ratio.isna().all()


def test_groups_that_cannot_be_compared_have_no_hazard_ratio():
    patients = tabulate(plant_hazard("test", 30, seed=0)).assign(cluster=1, risk_group="low")
    table = compare_groups(patients, seed=0)
    assert table["n_groups"].tolist() == [1, 1]
    assert table.drop(columns="n_groups").isna().all(axis=None)
    silent = patients.assign(event=False, risk_group=["low", "high"] * 15)
    assert np.isnan(compare_groups(silent, seed=0).loc["risk_group", "hazard_ratio"])


# --- increments
# -------------------------------------------------------------------------------------------------------  # noqa: E501


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("Stage I", 1), ("Stage IIA", 2), ("IIIb", 3), ("stage iv", 4), ("Stage IB2", 1), ("IS", 1), ("2", 2), (3.0, 3), ("Stage 0", 0),  # noqa: E501
        ("Stage X", None), ("I/II NOS", None), ("[Not Available]", None), (None, None), ("early", None), ("V", None), ("12", None),  # noqa: E501
    ],
)  # fmt: skip
def test_stages_are_read_in_their_order(text, stage):
    found = read_stage(pd.Series([text], dtype=object))[0]
    assert np.isnan(found) if stage is None else found == stage


def test_covariates_are_scaled_on_train_patients_and_the_missing_are_given_the_train_median():
    obs = make_obs(
        "train",
        8,
        age_diagnosed=[40.0, 50, 60, np.nan, 70, 80, 1000, np.nan],
        ajcc_stage=["Stage I", "Stage IV"] * 4,
    )
    obs["stage_of_grief"], obs["agent"], obs["page"] = "denial", 5.0, range(8)
    in_train = np.arange(8) < 6
    table, notes = read_covariates(obs, in_train)
    assert list(table) == ["age", "stage"]
    assert table["age"][in_train].mean() == pytest.approx(0)
    assert table["age"][in_train].std(ddof=0) == pytest.approx(1)
    assert table["age"].iloc[3] == table["age"].iloc[7] == table["age"].iloc[2]
    assert notes == [
        (
            "Survival: age is the column 'age_diagnosed'; 2 of 8 patients lack it and got the "
            "train median."
        ),
        "Survival: stage is the column 'ajcc_stage'.",
    ]


def test_the_column_that_is_known_for_most_is_taken_and_an_empty_or_constant_one_is_none():
    obs = make_obs(
        "train",
        4,
        age=[50.0, np.nan, np.nan, np.nan],
        age_at_diagnosis=["50", "60", "70", "80"],
        clinical_stage="Stage I",
    )
    table, notes = read_covariates(obs, np.ones(4, dtype=bool))
    assert list(table) == ["age"]
    assert notes == ["Survival: age is the column 'age_at_diagnosis'."]


def test_proliferation_is_the_mean_z_score_of_the_genes_that_are_measured():
    rng = np.random.default_rng(0)
    X, in_train = rng.normal(5, 2, (40, 7)).astype(np.float32), np.arange(40) < 30
    score, n = score_proliferation(
        X, in_train, [*PROLIFERATION[:3], "mki67x", *(name.lower() for name in PROLIFERATION[3:6])]
    )
    assert n == 6
    own = X[:, [0, 1, 2, 4, 5, 6]].astype(float)
    np.testing.assert_allclose(
        score, ((own - own[in_train].mean(axis=0)) / own[in_train].std(axis=0)).mean(axis=1)
    )
    assert score_proliferation(X, in_train, [*PROLIFERATION[:4], "A", "B", "C"]) == (None, 4)


def plant_two(n: int, seed: int, by_latent: float) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    """Survival by age and, as strongly as said, by the second latent; the first latent is age once
    more.
    """
    rng = np.random.default_rng(seed)
    age = rng.normal(size=n)
    z = np.column_stack([age + 0.1 * rng.normal(size=n), rng.normal(size=(n, 3))])
    death, censored = (
        rng.exponential(1000 * np.exp(-0.9 * age - by_latent * z[:, 1])),
        rng.uniform(200, 3000, n),
    )
    part = np.where(np.arange(n) < 2 * n // 3, "train", "test")
    return (
        z,
        pd.DataFrame({"age": age}),
        pd.DataFrame(
            {"part": part, "time_days": np.minimum(death, censored), "event": death <= censored}
        ),
    )


def test_latents_that_know_more_than_age_add_to_it():
    z, age, patients = plant_two(600, seed=0, by_latent=0.9)
    row = measure_increments(z, {"clinical": age}, patients, z[:, 1], seed=0).loc["clinical"]
    assert row["low"] > 0.03
    assert row["both"] > max(row["covariates"], row["latents"])
    assert row["increment"] == pytest.approx(row["both"] - row["covariates"])
    assert row["sentence"].endswith("the latents add to it")


def test_latents_that_only_know_age_add_nothing():
    z, age, patients = plant_two(600, seed=1, by_latent=0.0)
    row = measure_increments(z, {"clinical": age}, patients, z[:, 0], seed=0).loc["clinical"]
    assert row["latents"] > 0.6
    assert row["low"] < 0 < row["high"] or abs(row["increment"]) < 0.01
    assert "add to it" not in row["sentence"]


def test_increments_are_the_same_when_test_rows_come_in_another_order():
    z, age, patients = plant_two(300, seed=2, by_latent=0.5)
    order = np.concatenate([np.arange(200), 200 + np.random.default_rng(0).permutation(100)])
    columns = ["covariates", "latents", "both", "increment"]
    one, other = (
        measure_increments(
            z[rows], {"clinical": age.iloc[rows]}, patients.iloc[rows], z[rows, 0], seed=0
        )[columns]
        for rows in (np.arange(300), order)
    )
    pd.testing.assert_frame_equal(one, other)


# --- nulls
# ------------------------------------------------------------------------------------------------------------  # noqa: E501


def test_a_planted_gene_stands_above_all_nulls_and_random_genes_among_them():
    rng = np.random.default_rng(0)
    train, test = (
        plant_hazard("train", 200, seed=0, log_hazard_ratio=1.5),
        plant_hazard("test", 120, seed=1, log_hazard_ratio=1.5),
    )
    patients = tabulate(train, test)
    X = rng.normal(size=(320, 400)).astype(np.float32)
    nulls = draw_nulls(X, (patients["part"] == "train").to_numpy(), patients, 3, seed=0)
    assert nulls["kind"].value_counts().to_dict() == dict.fromkeys(KINDS, N_NULLS)
    assert (nulls.groupby("kind")["c_index"].mean() - 0.5).abs().max() < 0.03
    assert (compare_with_nulls(nulls, 0.8)["as_good"] == 0).all()
    middle = compare_with_nulls(nulls, 0.5)
    assert middle["as_good"].between(0.1, 0.9).all()
    assert ((middle["low"] < middle["median"]) & (middle["median"] < middle["high"])).all()


def test_where_every_gene_follows_the_hazard_random_genes_are_as_good():
    train, test = plant_hazard("train", 200, seed=0), plant_hazard("test", 120, seed=1)
    patients = tabulate(train, test)
    X = (
        patients[["risk_encoder"]].to_numpy()
        + np.random.default_rng(0).normal(scale=0.3, size=(320, 300))
    ).astype(np.float32)
    nulls = draw_nulls(X, (patients["part"] == "train").to_numpy(), patients, 8, seed=0)
    assert nulls.groupby("kind")["c_index"].median()["random genes"] > 0.65


# --- all together
# -----------------------------------------------------------------------------------------------------  # noqa: E501


@pytest.fixture(scope="module")
def parts():
    """Train and test, with age, and 40 genes of which the first carries the hazard and 6 are of
    proliferation.
    """
    found = []
    for part, n, seed in (("train", 240, 0), ("test", 120, 1)):
        own = plant_hazard(part, n, seed=seed, log_hazard_ratio=1.0)
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, 40)).astype(np.float32)
        X[:, 0] = own.z["encoder"][:, 0]
        found.append((make_latents(part, own.obs.assign(age=rng.normal(60, 10, n)), own.z), X))
    return found


GENES = ["G0", *PROLIFERATION[:6], *(f"G{j}" for j in range(7, 40))]


def judge(parts, genes=GENES):
    (train, X), (test, X_test) = parts
    clusters = pd.Series(1, index=train.obs.index.append(test.obs.index))
    survival, _ = unpack(evaluate_survival(train, test, clusters, ["a", "b", "c"], seed=0))
    return survival, *unpack(
        evaluate_prognosis(survival, {"train": X, "test": X_test}, train, test, genes, seed=0)
    )


@pytest.fixture(scope="module")
def judged(parts):
    return judge(parts)


def test_a_planted_hazard_is_seen_from_all_sides(judged):
    survival, prognosis, notes = judged
    assert notes == ["Survival: age is the column 'age'."]
    assert list(prognosis.increments.index) == [
        "clinical",
        "proliferation",
        "clinical_proliferation",
    ]
    assert list(prognosis.increments["known"]) == ["age", "proliferation", "age and proliferation"]
    assert (prognosis.increments["low"] > 0.05).all()
    row = prognosis.groups.loc["risk_group"]
    assert row["low"] > 2
    assert row["permutation_p"] < 0.001
    assert prognosis.groups.loc["cluster", "n_groups"] == 1
    assert (prognosis.places["as_good"] < 0.1).all()
    assert prognosis.c_index == survival.scores.loc["encoder", "c_index"]
    assert prognosis.curves.groupby("risk_group", observed=True)["at_risk"].first().sum() == 120
    assert prognosis.calibration["predicted"].is_monotonic_decreasing
    assert prognosis.horizon in survival.quality["time_days"].to_numpy()


def test_expression_is_that_of_the_same_patients(parts):
    _, prognosis, _ = judge(
        [(part, np.repeat(X[:, :1], 2, axis=1)) for part, X in parts], ["G0", "G1"]
    )
    assert prognosis.nulls["c_index"].min() > 0.7  # whatever is drawn is the planted gene


def test_what_is_not_known_is_said(parts):
    bare = [(make_latents(part.part, part.obs.drop(columns="age"), part.z), X) for part, X in parts]
    _, prognosis, notes = judge(bare, [f"G{j}" for j in range(40)])
    assert prognosis.increments.empty
    assert notes[0].startswith("Survival: no column of the annotations holds age or stage")
    assert (
        notes[1]
        == "Survival: not adjusted for proliferation: 0 of its 20 genes are measured, 5 are needed."
    )
    assert "survival/increment_over_clinical" not in prognosis.metrics


def test_corrupted_test_rows_leave_train_groups_and_curves_of_the_train_part_unchanged(
    parts, judged
):
    (train, X), (test, X_test) = parts
    wild = make_latents(
        "test", test.obs.assign(age=1e4), {name: 50 * z for name, z in test.z.items()}
    )
    after = judge([(train, X), (wild, X_test * 50)])
    groups = [
        one.patients.loc[one.patients["part"] == "train", ["risk_group", "risk_encoder"]]
        for _, one, _ in (judged, after)
    ]
    pd.testing.assert_frame_equal(*groups)


def test_planted_hazard_ratio_of_risk_groups_is_inside_its_interval_in_at_least_90_of_100_draws():
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        high = np.repeat([0.0, 1.0], 60)
        death, censored = rng.exponential(1000 * np.exp(-0.9 * high)), rng.uniform(200, 3000, 120)
        ratio = compare_two(FollowUp(np.ceil(np.minimum(death, censored)), death <= censored), high)
        covered += ratio["low"] <= np.exp(0.9) <= ratio["high"]
    assert covered >= 90
