"""Moderated t statistics are those of limma, find what is planted, and keep their promise on
nulls.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import polygamma

from genexp.contrasts.moderated_t import fit_prior, invert_trigamma, moderate

LIMMA = Path(__file__).parents[1] / "limma"
"""Golden values, and the R script that made them (limma 3.54.1)."""
RESULTS = ["log2fc", "t", "p", "q"]


def read_golden(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, pd.DataFrame]:
    table = pd.read_csv(LIMMA / f"{name}.tsv", sep="\t", index_col="gene")
    values = table.drop(columns=RESULTS)
    parts = values.columns.str.split("_", expand=True)
    is_case = parts.get_level_values(0) == "case"
    patient = pd.factorize(parts.get_level_values(1))[0]
    return values.to_numpy().T, np.asarray(is_case), patient, table[RESULTS]


@pytest.mark.parametrize("name", ["plain", "missing", "paired", "paired_missing", "alike"])
def test_statistics_are_those_of_limma(name: str) -> None:
    values, is_case, patient, golden = read_golden(name)
    found = moderate(values, is_case, patient)
    for column in RESULTS:
        np.testing.assert_allclose(
            getattr(found, column), golden[column], rtol=2e-7, atol=1e-9, err_msg=column
        )
    prior = pd.read_csv(LIMMA / "priors.tsv", sep="\t", index_col="case").loc[name]
    assert (found.prior_df, found.prior_variance) == pytest.approx(
        (prior["df"], prior["variance"]), rel=1e-6
    )


def test_the_golden_tables_hold_what_is_hard() -> None:
    """Genes that cannot be told, genes without a variance, and an infinite prior."""
    assert np.isinf(
        pd.read_csv(LIMMA / "priors.tsv", sep="\t", index_col="case").loc["alike", "df"]
    )
    for name in ("missing", "paired_missing"):
        golden = read_golden(name)[3]
        assert golden.loc[["G7", "G9"], "t"].isna().all()
        assert golden.loc["G8"].notna().all()


def test_a_gene_that_never_varies_is_not_tested_and_changes_nothing() -> None:
    values, is_case, patient, golden = read_golden("plain")
    found = moderate(
        np.column_stack([np.full(len(values), 3.1), values, np.zeros(len(values))]),
        is_case,
        patient,
    )
    np.testing.assert_allclose(found.q[1:-1], golden["q"], rtol=2e-7)
    assert found.log2fc[[0, -1]].tolist() == [0, 0]
    assert np.isnan([found.t[[0, -1]], found.p[[0, -1]], found.q[[0, -1]]]).all()


def test_blocks_are_fitted_as_columns_of_a_design() -> None:
    rng = np.random.default_rng(1)
    block, is_case = rng.integers(0, 5, 30), rng.random(30) < 0.4
    values = rng.normal(size=(30, 3)) + rng.normal(size=5)[block, None]
    design = np.column_stack([is_case, np.eye(5)[block]])
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    np.testing.assert_allclose(moderate(values, is_case, block).log2fc, coefficients[0], atol=1e-12)


def test_the_order_of_samples_and_genes_does_not_matter() -> None:
    values, is_case, patient, _ = read_golden("paired_missing")
    rng = np.random.default_rng(0)
    rows, genes = rng.permutation(len(values)), rng.permutation(values.shape[1])
    first, second = (
        moderate(values, is_case, patient),
        moderate(values[rows][:, genes], is_case[rows], patient[rows]),
    )
    np.testing.assert_allclose(first.t[genes], second.t, rtol=1e-9)


@pytest.mark.parametrize("y", [1e-4, 0.03, 0.7, 5.0, 400.0, 1e7])
def test_trigamma_is_inverted(y: float) -> None:
    assert invert_trigamma(float(polygamma(1, y))) == pytest.approx(y, rel=1e-5)


def test_the_prior_is_recovered_from_many_genes() -> None:
    rng = np.random.default_rng(0)
    variance = 0.5 * stats.f.rvs(6, 8, size=50000, random_state=rng)
    prior_variance, prior_df = fit_prior(variance, np.full(50000, 6))
    assert (prior_variance, prior_df) == (pytest.approx(0.5, rel=0.03), pytest.approx(8, rel=0.1))


def draw(
    rng: np.random.Generator, n_genes: int, n_pairs: int, effect: np.ndarray, patient_sd: float
) -> tuple[np.ndarray, ...]:
    """Expression of pairs with genes of unlike variance, (2 * n_pairs, n_genes), who is a case, and
    the patients.
    """
    patient, is_case = np.tile(np.arange(n_pairs), 2), np.arange(2 * n_pairs) < n_pairs
    spread = np.sqrt(0.3 * 8 / rng.chisquare(8, n_genes))
    values = (
        7
        + rng.normal(size=(2 * n_pairs, n_genes)) * spread
        + patient_sd * rng.normal(size=(n_pairs, n_genes))[patient]
    )
    return values + np.where(is_case[:, None], effect, 0.0), is_case, patient


def test_planted_fold_changes_are_recovered() -> None:
    effect = np.r_[np.full(200, 2.0), np.full(200, -2.0), np.zeros(1600)]
    values, is_case, _ = draw(np.random.default_rng(0), 2000, 6, effect, 0.0)
    found = moderate(values, is_case)
    assert found.log2fc[:200].mean() == pytest.approx(2, abs=0.1)
    assert found.log2fc[200:400].mean() == pytest.approx(-2, abs=0.1)
    assert (found.q[:400] < 0.05).mean() > 0.9


def test_false_discoveries_are_as_rare_as_promised() -> None:
    rng, effect = np.random.default_rng(0), np.r_[np.full(100, 1.5), np.zeros(900)]
    shares = []
    for _ in range(40):
        values, is_case, _ = draw(rng, 1000, 4, effect, 0.0)
        called = moderate(values, is_case).q < 0.05
        shares.append(called[100:].sum() / max(called.sum(), 1))
    assert 0.02 < np.mean(shares) < 0.06  # 0.05 times the 0.9 that are null


def test_p_values_of_nulls_are_uniform() -> None:
    rng = np.random.default_rng(0)
    values, is_case, patient = draw(rng, 20000, 3, np.zeros(20000), 1.0)
    assert stats.kstest(moderate(values, is_case, patient).p, "uniform").statistic < 0.015


def test_small_groups_gain_from_the_other_genes() -> None:
    effect = np.r_[np.full(100, 1.5), np.zeros(900)]
    values, is_case, _ = draw(np.random.default_rng(0), 1000, 3, effect, 0.0)
    plain = stats.false_discovery_control(stats.ttest_ind(values[is_case], values[~is_case]).pvalue)
    assert (moderate(values, is_case).q[:100] < 0.05).sum() > 2 * (plain[:100] < 0.05).sum()


def test_pairs_find_more_where_patients_differ() -> None:
    effect = np.r_[np.full(100, 1.0), np.zeros(900)]
    values, is_case, patient = draw(np.random.default_rng(0), 1000, 8, effect, 2.0)
    paired, unpaired = moderate(values, is_case, patient), moderate(values, is_case)
    np.testing.assert_allclose(paired.log2fc, unpaired.log2fc)  # every patient has both
    assert (paired.q[:100] < 0.05).sum() > 40
    assert (unpaired.q[:100] < 0.05).sum() < 10
