"""The scale of the values is inferred by a stated rule."""

import numpy as np
import pytest

from genexp.cohort.scale import check_scale, find_outliers, infer_scale, sketch_values
from genexp.cohort.simulators.bulk import simulate_cohort
from genexp.errors import CohortError


def build_matrices() -> dict[str, np.ndarray]:
    log2 = simulate_cohort(100, 300).X
    linear = np.exp2(log2) - 1
    change = (log2 - log2.mean(axis=0))[:, log2.std(axis=0) > 0.1]
    zscores = change / change.std(axis=0)
    tails = zscores.copy()
    tails[::20, ::20] = 5000
    million = 1e6 * linear / linear.sum(axis=1, keepdims=True)
    return {
        "log2_norm_count": log2,
        "counts": np.rint(linear),
        "norm_count": linear * 1.37,
        "tpm": million,
        "counts, few": np.random.default_rng(0).poisson(3, (50, 40)),
        "log2_tpm": np.log2(linear + 0.001),
        "log2_tpm, counts per million with a prior": np.log2(
            (linear + 0.5) / (linear.sum(axis=1, keepdims=True) + 1) * 1e6
        ),
        "log2_norm_count, natural logarithms of totals that are equal": np.log1p(million / 100),
        "log2_intensity": 2 + np.abs(log2 - 3) + np.random.default_rng(0).gamma(2, 0.5, log2.shape),
        "log2fc": change,
        "zscore": zscores,
        "zscore, heavy tails": tails,
        "zscore, unlike spread": tails * np.linspace(0.1, 1, tails.shape[1]),
        "zero_one": log2 / log2.max(),
    }


@pytest.mark.parametrize("case", build_matrices())
def test_scales_are_inferred_and_pass_their_own_check(case: str) -> None:
    X = build_matrices()[case].astype(np.float32)
    guess = infer_scale(X)
    assert guess.scale == case.partition(",")[0], guess.reason
    check_scale(sketch_values(X), guess.scale)


def test_natural_logarithms_become_log2() -> None:
    assert infer_scale(
        build_matrices()["log2_norm_count, natural logarithms of totals that are equal"]
    ).factor == pytest.approx(1 / np.log(2))
    guess = infer_scale(np.log1p(build_matrices()["tpm"]), "ln_norm_count", 'uns["log1p"]')
    assert guess.scale == "log2_norm_count"
    assert guess.factor == pytest.approx(1 / np.log(2))
    assert 'uns["log1p"]' in guess.reason


def test_typing_errors_do_not_change_the_scale_and_are_named() -> None:
    X = build_matrices()["log2_norm_count"].copy()
    X[3, 7], X[5, 9] = 999, -999
    assert infer_scale(X).scale == "log2_norm_count"
    check_scale(sketch_values(X), "log2_norm_count")
    said = find_outliers(
        X,
        "log2_norm_count",
        [f"S{i}" for i in range(len(X))],
        [f"g{i}" for i in range(X.shape[1])],
        (0.0, 999.0),
    )
    assert "999 in sample S3, gene g7" in said
    assert "-999 in sample S5, gene g9" in said
    assert (
        find_outliers(build_matrices()["log2_norm_count"], "log2_norm_count", [], [], (0.0, 20.0))
        == ""
    )


@pytest.mark.parametrize(
    ("X", "fragment"),
    [
        (
            np.rint(np.random.default_rng(0).normal(8, 2, (60, 40))),
            "scale=counts or scale=log2_norm_count",
        ),
        (np.exp(np.random.default_rng(0).normal(0, 0.2, (60, 40))), "ratios"),
    ],
)
def test_two_possible_readings_are_asked_about(X: np.ndarray, fragment: str) -> None:
    with pytest.raises(CohortError, match=fragment):
        infer_scale(X.astype(np.float32))


def test_what_the_file_says_is_believed_unless_values_contradict_it() -> None:
    matrices = build_matrices()
    assert (
        infer_scale(matrices["log2_norm_count"], "log2_norm_count", "uns").scale
        == "log2_norm_count"
    )
    for hint, case in (("ln_norm_count", "counts"), ("counts", "log2_norm_count")):
        with pytest.raises(CohortError, match="contradict"):
            infer_scale(matrices[case], hint, "uns")


def test_missing_values_and_genes_without_any_do_not_disturb() -> None:
    X = np.random.default_rng(0).gamma(3, 2, size=(30, 20)).astype(np.float32)
    X[:, 3] = np.nan
    X[5, 4] = np.inf
    sketch = sketch_values(X)
    assert sketch.n == 30 * 19 - 1
    assert infer_scale(X).scale == "log2_norm_count"


@pytest.mark.parametrize("scale", ["counts", "log2_norm_count", "log2_tpm", "log2fc", "zero_one"])
def test_heavy_tailed_zscores_pass_for_nothing_else(scale: str) -> None:
    with pytest.raises(CohortError, match=f"scale={scale}"):
        check_scale(sketch_values(build_matrices()["zscore, heavy tails"]), scale)


def test_a_few_values_below_0_among_logarithms_of_counts_are_asked_about() -> None:
    X = build_matrices()["log2_norm_count"].copy()
    X[np.arange(8), np.arange(8)] = -3.5
    with pytest.raises(
        CohortError, match=r"are below 0; correct or empty these, or say scale=log2_tpm"
    ):
        infer_scale(X)
