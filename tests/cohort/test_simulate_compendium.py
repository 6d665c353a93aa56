"""The simulated compendium: most genes change little, tails are heavy, series share a direction,
and planted terms move their genes.
"""

import numpy as np
import pytest
from scipy.stats import kurtosis

from genexp.cohort import read_cohort
from genexp.cohort.simulators.compendium import (
    COMPENDIUM_SHAPE,
    LIMIT,
    SimulatedCompendium,
    simulate_compendium,
)
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig


@pytest.fixture(scope="module")
def simulated() -> SimulatedCompendium:
    return simulate_compendium(400, 2000, seed=1)


def test_it_has_the_shape_that_was_asked_for_in_float32(simulated: SimulatedCompendium) -> None:
    assert simulated.X.shape == (400, 2000)
    assert simulated.X.dtype == np.float32
    assert simulated.X.flags.c_contiguous
    assert simulated.obs.index.is_unique
    assert len(set(simulated.genes)) == 2000
    assert np.abs(simulated.X).max() <= LIMIT
    assert COMPENDIUM_SHAPE == (7130, 48978)


def test_the_same_seed_gives_the_same_values_and_another_one_others(
    simulated: SimulatedCompendium,
) -> None:
    assert np.array_equal(simulate_compendium(400, 2000, seed=1).X, simulated.X)
    assert not np.array_equal(simulate_compendium(400, 2000, seed=2).X, simulated.X)


def test_most_genes_change_little_and_tails_are_heavy(simulated: SimulatedCompendium) -> None:
    assert (np.abs(simulated.X) < 0.25).mean() > 0.6
    assert kurtosis(simulated.X, axis=None) > 5
    assert 0.05 < (simulated.X.var(axis=0) > 1).mean() < 0.5


def test_contrasts_of_a_series_are_alike(simulated: SimulatedCompendium) -> None:
    strong = np.flatnonzero(simulated.truth["members"].any(axis=1))
    alike = np.abs(np.corrcoef(simulated.X[:, strong]))
    series = simulated.obs["series"].to_numpy()
    same = (series[:, None] == series) & ~np.eye(400, dtype=bool)
    assert alike[same].mean() > 2 * alike[series[:, None] != series].mean()


def test_an_active_term_moves_its_genes_in_the_planted_direction(
    simulated: SimulatedCompendium,
) -> None:
    terms, activities, members = (
        simulated.truth[name] for name in ("terms", "activities", "members")
    )
    assert (terms == (activities != 0)).all(axis=None)
    moved = []
    for term in terms:
        own, genes = activities[term].to_numpy(), np.flatnonzero(members[term])
        strong = np.abs(own) > 0.8
        if strong.sum() >= 10:
            followed = np.sign(
                simulated.X[np.ix_(strong, genes)]
                * own[strong, None]
                * members[term].to_numpy()[genes]
            )
            moved.append(followed[followed != 0].mean())
    assert len(moved) > 5
    assert np.mean(moved) > 0.3


def test_terms_overlap_as_those_of_an_ontology_do(simulated: SimulatedCompendium) -> None:
    has = simulated.truth["members"].to_numpy() != 0
    shared = has[:, 0::2] & has[:, 1::2]
    assert (shared.sum(axis=0) >= 5).all()


def test_it_is_read_as_a_cohort_grouped_by_series() -> None:
    cohort = read_cohort(CohortConfig(cohort="simulated_compendium:90x120"), seed=3)
    assert cohort.shape == (90, 120)
    assert cohort.uns["name"] == "simulated_compendium"
    assert cohort.uns["scale"] == "log2fc"
    assert cohort.obs["group"].nunique() == cohort.obs["series"].nunique() < 30
    assert "label" not in cohort.obs
    labelled = read_cohort(
        CohortConfig(cohort="simulated_compendium:90x120", label="tissue"), seed=3
    )
    assert labelled.obs["label"].nunique() == cohort.obs["tissue"].nunique()


def test_shapes_that_cannot_be_simulated_are_refused() -> None:
    with pytest.raises(CohortError, match="simulated_compendium:SAMPLESxGENES"):
        read_cohort(CohortConfig(cohort="simulated_compendium:7130"))
