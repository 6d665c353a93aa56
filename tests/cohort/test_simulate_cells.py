"""Simulated single cells look like single cells, and what was planted can be found again."""

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from genexp.cohort import read_cohort
from genexp.cohort.simulators.cells import TYPES, SimulatedCells, simulate_cells
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig


@pytest.fixture(scope="module")
def cells() -> SimulatedCells:
    return simulate_cells(2000, 400, seed=1, depth=4.0, dropout=0.3)


def test_counts_are_whole_numbers_mostly_zero_and_as_deep_as_asked(cells: SimulatedCells) -> None:
    whole = simulate_cells(2000, 400, seed=1, depth=4.0, dropout=0.0)
    assert cells.X.dtype == np.float32
    assert cells.X.flags.c_contiguous
    np.testing.assert_array_equal(cells.X, np.round(cells.X))
    assert 0.4 < (cells.X == 0).mean() < 0.8
    assert whole.X.mean() == pytest.approx(4.0, rel=0.05)
    library = cells.truth["cells"]["library"]
    assert np.log(library).std() == pytest.approx(0.35, abs=0.03)
    assert np.corrcoef(library, whole.X.sum(axis=1))[0, 1] > 0.9
    assert cells.obs["cell_type"].value_counts(normalize=True).to_dict() == pytest.approx(
        TYPES, abs=0.001
    )


def test_drop_outs_take_the_planted_share_and_leave_other_counts_as_they_were(
    cells: SimulatedCells,
) -> None:
    whole = simulate_cells(2000, 400, seed=1, depth=4.0, dropout=0.0)
    assert not whole.lost.any()
    assert cells.lost.sum() / (whole.X > 0).sum() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(np.where(cells.lost, 0, whole.X), cells.X)
    assert (whole.X[cells.lost] > 0).all()
    np.testing.assert_array_equal(cells.expected, whole.expected)


def test_drop_outs_are_rarer_the_higher_a_gene_is(cells: SimulatedCells) -> None:
    whole = simulate_cells(2000, 400, seed=1, depth=4.0, dropout=0.0).X
    level = np.quantile(cells.expected[whole > 0], [0, 0.25, 0.5, 0.75, 1])
    share = [
        cells.lost[(whole > 0) & (cells.expected >= low) & (cells.expected < high)].mean()
        for low, high in pairwise(level)
    ]
    assert (np.diff(share) < 0).all()
    assert share[0] > 2 * share[-1]


def test_counts_have_the_planted_dispersions_around_the_planted_means() -> None:
    """By moments around the true means, of which 1 / size is known for every gene."""
    cells = simulate_cells(4000, 200, seed=2, depth=20.0, dropout=0.0)
    mean = cells.expected.astype(float) * cells.truth["cells"]["library"].to_numpy()[:, None]
    assert cells.X.mean() == pytest.approx(mean.mean(), rel=0.02)
    spread = ((cells.X - mean) ** 2 - mean).sum(axis=0) / (mean**2).sum(axis=0)
    ratio = np.log(spread * cells.truth["genes"]["size"].to_numpy())[mean.mean(axis=0) > 1]
    assert abs(np.median(ratio)) < 0.05
    assert np.std(ratio) < 0.3


def test_shares_are_those_of_the_planted_activities(cells: SimulatedCells) -> None:
    np.testing.assert_allclose(cells.expected.sum(axis=1), 1, rtol=1e-5)
    log = (
        cells.truth["activities"].to_numpy() @ cells.truth["loadings"].to_numpy().T
        + cells.truth["genes"]["level"].to_numpy()
    )
    centred = log - log.mean(axis=1, keepdims=True)
    found = np.log(cells.expected)
    np.testing.assert_allclose(found - found.mean(axis=1, keepdims=True), centred, atol=1e-3)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_cells_whatever_linear_algebra_does() -> None:
    code = (
        "import hashlib; from genexp.cohort.simulators.cells import simulate_cells as s; c = "
        "s(300, 500);"
        "print(hashlib.md5(c.X.tobytes() + c.lost.tobytes() + c.expected.tobytes()).hexdigest())"
    )
    settings = [("1", "Haswell"), ("2", "Sandybridge"), ("2", "Prescott")]
    environments = [
        os.environ | {"OMP_NUM_THREADS": n, "OPENBLAS_CORETYPE": kernel} for n, kernel in settings
    ]
    assert (
        len(
            {
                subprocess.check_output([sys.executable, "-c", code], env=env, text=True)
                for env in environments
            }
        )
        == 1
    )
    assert not np.array_equal(simulate_cells(30, 60, seed=1).X, simulate_cells(30, 60, seed=2).X)


def test_cells_are_read_as_a_cohort_of_counts_with_their_truth() -> None:
    adata = read_cohort(CohortConfig(cohort="simulated_cells:120x80"), seed=3)
    assert adata.shape == (120, 80)
    assert adata.uns["scale"] == "counts"
    assert adata.uns["name"] == "simulated_cells"
    assert set(adata.uns["truth"]) == {"activities", "loadings", "genes", "cells"}
    assert set(adata.obs["label"]) == set(TYPES)
    assert "time_days" not in adata.obs
    np.testing.assert_array_equal(adata.X, simulate_cells(120, 80, seed=3).X)
    with pytest.raises(
        CohortError, match="expected simulated_cells or simulated_cells:SAMPLESxGENES"
    ):
        read_cohort(CohortConfig(cohort="simulated_cells:10x80"))
