"""The simulated cohort looks like TCGA-BRCA, and what was planted can be found again."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from genexp.cohort import read_cohort
from genexp.cohort.simulators.bulk import SimulatedCohort, simulate_cohort
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig


@pytest.fixture(scope="module")
def simulated() -> SimulatedCohort:
    """All samples, fewer genes."""
    return simulate_cohort(1218, 1500, seed=3)


def find_latents(X: np.ndarray, k: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Scores on k principal components of z-scores, and the z-scores."""
    kept = X[:, (X > 0).mean(axis=0) >= 0.1]
    Z = (kept - kept.mean(axis=0)) / kept.std(axis=0)
    return Z @ np.linalg.svd(Z, full_matrices=False)[2][:k].T, Z


def test_samples_are_those_of_tcga_brca(simulated: SimulatedCohort) -> None:
    obs = simulated.obs
    assert obs["sample_type"].value_counts().to_dict() == {
        "tumor": 1097,
        "normal": 114,
        "metastatic": 7,
    }
    tumours = obs[obs["sample_type"] == "tumor"]
    assert tumours["subtype"].value_counts().to_dict() == {
        "LumA": 566,
        "LumB": 217,
        "Basal": 192,
        "Her2": 82,
        "Normal-like": 40,
    }
    assert obs.loc[obs["sample_type"] == "normal", "subtype"].isna().all()
    assert (obs["patient_id"].value_counts() == 2).sum() == 121
    assert tumours["OS_event"].mean() == pytest.approx(0.15, abs=0.005)
    assert (obs["OS_days"] > 0).all()
    assert obs.groupby("patient_id")[["OS_days", "OS_event", "age"]].nunique().eq(1).all(axis=None)
    assert obs.index.is_unique
    assert len(set(simulated.genes)) == 1500


def test_values_have_the_level_the_floor_and_the_dispersion_of_counts(
    simulated: SimulatedCohort,
) -> None:
    X = simulated.X
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    assert X.min() == 0
    assert X.max() < 24
    assert 0.03 < (X == 0).mean() < 0.25
    mean, sd = X.mean(axis=0), X.std(axis=0)
    assert 1 < sd[mean > 5].mean() / 0.9 < 1.6
    linear = np.exp2(X.astype(np.float64)) - 1
    expressed = mean > 3
    # overdispersed, unlike Poisson
    assert (linear.var(axis=0)[expressed] > 1.5 * linear.mean(axis=0)[expressed]).all()


def test_the_same_seed_gives_the_same_cohort_and_another_seed_another() -> None:
    first, again, other = (simulate_cohort(60, 80, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.X, again.X)
    pd.testing.assert_frame_equal(first.obs, again.obs)
    assert not np.array_equal(first.X, other.X)


@pytest.mark.slow
def test_the_cohort_does_not_depend_on_how_linear_algebra_adds() -> None:
    """Kernels of other processors, and other numbers of threads, add in other orders: no count may
    follow.
    """
    code = (
        "import hashlib; from genexp.cohort.simulators.bulk import simulate_cohort as s; "
        "print(hashlib.md5(s(250, 3000).X).hexdigest())"
    )
    settings = [("1", "Haswell"), ("2", "Haswell"), ("1", "Sandybridge"), ("2", "Prescott")]
    environments = [
        os.environ | {"OMP_NUM_THREADS": n, "OPENBLAS_CORETYPE": kernel} for n, kernel in settings
    ]
    hashes = {
        subprocess.check_output([sys.executable, "-c", code], env=env, text=True)
        for env in environments
    }
    assert len(hashes) == 1


def test_principal_components_explain_about_half(simulated: SimulatedCohort) -> None:
    obs = simulated.obs
    train = (
        obs["patient_id"]
        .isin(np.random.default_rng(0).permutation(obs["patient_id"].unique())[:800])
        .to_numpy()
    )
    kept = simulated.X[:, (simulated.X[train] > 0).mean(axis=0) >= 0.1]
    Z = (kept - kept[train].mean(axis=0)) / kept[train].std(axis=0)
    V = np.linalg.svd(Z[train], full_matrices=False)[2]
    held_out = Z[~train]
    r2 = [
        1 - ((held_out - held_out @ V[:k].T @ V[:k]) ** 2).sum() / (held_out**2).sum()
        for k in (4, 32, 64)
    ]
    assert 0.4 < r2[1] < 0.65
    assert r2[1] > r2[0] + 0.1
    assert r2[2] - r2[1] < 0.05  # most of what is linear is in 32 components


def test_k_means_on_principal_components_recovers_the_subtypes(simulated: SimulatedCohort) -> None:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    tumours = (simulated.obs["sample_type"] == "tumor").to_numpy()
    latents, _ = find_latents(simulated.X[tumours])
    clusters = KMeans(5, n_init=10, random_state=0).fit_predict(latents)
    assert adjusted_rand_score(simulated.obs["subtype"][tumours], clusters) > 0.8


def test_planted_hazard_ratios_are_covered_by_their_intervals(simulated: SimulatedCohort) -> None:
    from lifelines import CoxPHFitter

    planted = simulated.truth["hazard"]["log_hazard_ratio"]
    tumours = simulated.obs["sample_type"] == "tumor"
    table = simulated.truth["activities"][list(planted.index.drop("age"))].join(
        simulated.obs[["age", "OS_days", "OS_event"]]
    )[tumours]
    fitted = CoxPHFitter().fit(table.astype(float), "OS_days", "OS_event")
    miss = (fitted.params_[planted.index] - planted).abs() / fitted.standard_errors_[planted.index]
    assert (miss < 3.3).all()  # five at once
    assert 0.65 < fitted.concordance_index_ < 0.8


def test_planted_activities_are_in_the_expression_and_plates_shift_it_mildly(
    simulated: SimulatedCohort,
) -> None:
    latents, Z = find_latents(simulated.X)
    programmes = simulated.truth["activities"].filter(regex=r"^P\d\d$").to_numpy()
    centred = programmes - programmes.mean(axis=0)
    fitted = latents @ np.linalg.lstsq(latents, centred, rcond=None)[0]
    assert 1 - ((centred - fitted) ** 2).sum() / (centred**2).sum() > 0.8
    plates = pd.DataFrame(Z).groupby(simulated.obs["plate"].to_numpy())
    between = (plates.mean().pow(2).mul(plates.size(), axis=0)).to_numpy().sum() / (Z**2).sum()
    by_chance = (plates.ngroups - 1) / len(Z)
    assert 1.05 * by_chance < between < 3 * by_chance


def test_saturating_genes_answer_beyond_what_is_linear(simulated: SimulatedCohort) -> None:
    """What a regression on all features leaves of a saturating gene follows what it leaves of the
    planted answer.
    """
    planted = simulated.truth["saturation"].join(simulated.truth["genes"])
    planted = planted[(planted["weight"].abs() > 0.3) & (planted["mean"] > 5)]
    activities = simulated.truth["activities"]
    features = np.column_stack([activities, np.ones(len(activities))])
    answer = np.sign(planted["weight"].to_numpy()) * np.tanh(
        activities.iloc[:, planted["programme"]].to_numpy() - planted["threshold"].to_numpy()
    )
    columns = pd.Index(simulated.genes).get_indexer(planted.index)
    observed = simulated.X[:, columns]
    left = [
        values - features @ np.linalg.lstsq(features, values, rcond=None)[0]
        for values in (observed, answer)
    ]
    followed = [np.corrcoef(left[0][:, j], left[1][:, j])[0, 1] for j in range(len(columns))]
    assert len(columns) > 100
    assert np.median(followed) > 0.1
    assert np.mean(np.array(followed) > 0) > 0.9


def test_the_simulated_cohort_is_read_with_its_label_and_survival() -> None:
    cohort = read_cohort(CohortConfig(cohort="simulated:300x200"), seed=5)
    assert cohort.shape == (300, 200)
    assert cohort.uns["scale"] == "log2_norm_count"
    assert cohort.uns["name"] == "simulated"
    assert cohort.obs["label"].isna().sum() == (cohort.obs["sample_type"] == "normal").sum() == 28
    assert cohort.obs["time_days"].notna().all()
    assert set(cohort.uns["truth"]) >= {"activities", "loadings", "hazard", "samples"}
    other = read_cohort(
        CohortConfig(cohort="simulated:300x200", label="stage", where="sample_type == 'tumor'"),
        seed=5,
    )
    assert other.obs["label"].cat.categories.tolist() == [
        "Stage I",
        "Stage II",
        "Stage III",
        "Stage IV",
    ]


@pytest.mark.parametrize(
    "cohort", ["simulated:300", "simulated:10x500", "simulated:300x10", "simulated:axb"]
)
def test_shapes_that_cannot_be_simulated_are_refused(cohort: str) -> None:
    with pytest.raises(CohortError, match="simulated:SAMPLESxGENES"):
        read_cohort(CohortConfig(cohort=cohort))


def test_the_simulated_cohort_takes_no_annotations() -> None:
    with pytest.raises(CohortError, match="leave obs empty"):
        read_cohort(CohortConfig(obs="obs.tsv"))
