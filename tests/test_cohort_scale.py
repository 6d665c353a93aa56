"""The scale of the values is inferred by a stated rule."""

import numpy as np
import pytest

from genexp.cohort.check import check_scale, infer_scale, summarise_values
from genexp.cohort.simulate import simulate_cohort
from genexp.errors import CohortError


def build_matrices() -> dict[str, np.ndarray]:
    log2 = simulate_cohort(100, 300).X
    linear = np.exp2(log2) - 1
    change = (log2 - log2.mean(axis=0))[:, log2.std(axis=0) > 0.1]
    zscores = change / change.std(axis=0)
    tails = zscores.copy()
    tails[::20, ::20] = 5000
    return {
        "log2_norm_count": log2,
        "counts": np.rint(linear),
        "counts, not whole": linear * 1.37,
        "counts, few": np.random.default_rng(0).poisson(3, (50, 40)),
        "log2_tpm": np.log2(linear + 0.001),
        "log2fc": change,
        "zscore": zscores,
        "zscore, heavy tails": tails,
        "zscore, unlike spread": tails * np.linspace(0.1, 1, tails.shape[1]),
        "zero_one": log2 / log2.max(),
    }


@pytest.mark.parametrize("case", build_matrices())
def test_scales_are_inferred_and_pass_their_own_check(case: str) -> None:
    values = summarise_values(build_matrices()[case].astype(np.float32))
    scale, reason = infer_scale(values)
    assert scale == case.partition(",")[0], reason
    check_scale(values, scale)


def test_summary_agrees_with_numpy_and_skips_what_is_missing() -> None:
    X = np.random.default_rng(0).normal(size=(300, 20)).astype(np.float32)
    X[5, 3] = X[200, 3] = np.nan
    X[7, 4] = np.inf
    values = summarise_values(X)
    finite = X[np.isfinite(X)]
    assert values.n_missing.tolist() == np.isnan(X).sum(axis=0).tolist()
    assert (values.n_infinite, values.n_negative) == (1, int((finite < 0).sum()))
    assert (values.low, values.high) == (finite.min(), finite.max())
    np.testing.assert_allclose(values.gene_sd[0], X[:, 0].std(), rtol=1e-5)


def test_a_gene_that_is_missing_throughout_does_not_disturb() -> None:
    X = np.random.default_rng(0).normal(8, 1, size=(30, 20)).astype(np.float32)
    X[:, 3] = np.nan
    assert infer_scale(summarise_values(X))[0] == "log2_norm_count"


@pytest.mark.parametrize("scale", ["counts", "log2_norm_count", "log2_tpm", "log2fc", "zero_one"])
def test_heavy_tailed_zscores_pass_for_nothing_else(scale: str) -> None:
    with pytest.raises(CohortError, match=f"scale={scale}"):
        check_scale(summarise_values(build_matrices()["zscore, heavy tails"]), scale)
