"""The frozen split: groups whole, shares met, strata alike, nothing left to chance or to the order
of the rows.
"""

import numpy as np
import pandas as pd
import pytest

from genexp.errors import PreprocessError
from genexp.preprocessing.split import (
    PARTS,
    UNLABELLED,
    count_labels,
    describe_groups,
    draw_split,
    hash_split,
    read_shares,
    warn_of_split,
    warn_of_test,
)


def make_obs(sizes: list[int], labels: list[str | None] | None = None) -> pd.DataFrame:
    """Annotations of groups of the given sizes (and labels, one a group)."""
    groups = np.repeat([f"p{i:04d}" for i in range(len(sizes))], sizes)
    obs = pd.DataFrame(
        {"group": groups},
        index=pd.Index([f"s{i:05d}" for i in range(len(groups))], name="sample_id"),
    )
    if labels is not None:
        obs["label"] = pd.Categorical(np.repeat(np.array(labels, dtype=object), sizes))
    return obs


def make_brca_like(seed: int = 0) -> pd.DataFrame:
    """1,000 patients, every eighth with two samples, five subtypes of realistic sizes and some
    unlabelled ones.
    """
    rng = np.random.default_rng(seed)
    labels = rng.choice(
        ["LumA", "LumB", "Basal", "Her2", "Normal", None],
        p=[0.46, 0.18, 0.16, 0.08, 0.04, 0.08],
        size=1000,
    )
    return make_obs([2 if i % 8 == 0 else 1 for i in range(1000)], list(labels))


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("70/15/15", (0.7, 0.15, 0.15)),
        ("85/15", (0.7225, 0.1275, 0.15)),
        ("60/20/20", (0.6, 0.2, 0.2)),
    ],
)
def test_shares_are_met_to_one_sample_in_a_thousand(
    split: str, expected: tuple[float, ...]
) -> None:
    assert tuple(read_shares(split).values()) == pytest.approx(expected)
    shares = draw_split(make_brca_like(), split, seed=0).value_counts(normalize=True)
    assert [shares[part] for part in PARTS] == pytest.approx(expected, abs=0.0025)


def test_a_group_is_never_on_two_sides() -> None:
    obs = make_obs(list(np.random.default_rng(1).integers(1, 9, size=300)))
    part = draw_split(obs, "70/15/15", seed=3)
    assert (part.groupby(obs["group"]).nunique() == 1).all()
    assert part.index.equals(obs.index)


@pytest.mark.parametrize("seed", range(3))
def test_every_label_has_its_shares_up_to_two_samples(seed: int) -> None:
    obs = make_brca_like(seed)
    counts = count_labels(obs, draw_split(obs, "70/15/15", seed))
    expected = counts.sum(axis=1).to_numpy()[:, None] * np.array([0.7, 0.15, 0.15])
    assert np.abs(counts.to_numpy() - expected).max() <= 2.5


def test_patients_with_two_samples_are_spread_like_the_others() -> None:
    obs = make_brca_like()
    part = draw_split(obs, "70/15/15", seed=0)
    paired = obs.groupby("group")["group"].transform("size") == 2
    assert part[paired].value_counts(normalize=True)["train"] == pytest.approx(0.7, abs=0.03)


def test_large_groups_are_evened_out_by_small_ones() -> None:
    obs = make_obs([60, 45, 40, 30, *[5] * 20, *[1] * 60])
    shares = draw_split(obs, "70/15/15", seed=0).value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.7, abs=0.03)
    assert warn_of_split(count_labels(obs, draw_split(obs, "70/15/15", seed=0)), "70/15/15") == []


def test_a_group_takes_its_most_common_label_and_missing_ones_do_not_count() -> None:
    obs = make_obs([3, 2], ["a", None])
    obs["label"] = pd.Categorical(["b", "a", "a", None, None])
    assert list(describe_groups(obs)["stratum"]) == ["a", UNLABELLED]


def test_the_order_of_rows_and_categories_does_not_matter() -> None:
    obs = make_brca_like()
    shuffled = obs.sample(frac=1, random_state=5)
    shuffled["label"] = shuffled["label"].cat.reorder_categories(
        ["Normal", "LumB", "Basal", "Her2", "LumA"]
    )
    part, again = draw_split(obs, "70/15/15", seed=1), draw_split(shuffled, "70/15/15", seed=1)
    pd.testing.assert_series_equal(part, again.loc[obs.index])
    assert hash_split(part) == hash_split(again)


def test_the_seed_decides_the_split() -> None:
    obs = make_brca_like()
    assert hash_split(draw_split(obs, "70/15/15", seed=1)) == hash_split(
        draw_split(obs, "70/15/15", seed=1)
    )
    assert hash_split(draw_split(obs, "70/15/15", seed=1)) != hash_split(
        draw_split(obs, "70/15/15", seed=2)
    )


def test_three_groups_give_three_parts() -> None:
    assert draw_split(make_obs([8, 8, 8]), "70/15/15", seed=0).nunique() == 3
    assert draw_split(make_obs([1] * 30), "98/1/1", seed=0).nunique() == 3


def test_fewer_groups_than_parts_are_refused_by_name() -> None:
    with pytest.raises(PreprocessError, match=r"at least 3 groups.*2 \(p0000, p0001\).*group="):
        draw_split(make_obs([30, 30]), "70/15/15", seed=0)


def test_a_label_too_rare_for_three_parts_is_still_assigned_and_warned_of() -> None:
    obs = make_obs([1] * 42, ["common"] * 40 + ["rare"] * 2)
    part = draw_split(obs, "70/15/15", seed=0)
    assert part.notna().all()
    (warning,) = warn_of_split(count_labels(obs, part), "70/15/15")
    assert "1 (rare)" in warning
    assert "common" not in warning


def test_shares_that_large_groups_forbid_are_warned_of() -> None:
    obs = make_obs([50, 50, 50])
    (warning,) = warn_of_split(count_labels(obs, draw_split(obs, "70/15/15", seed=0)), "70/15/15")
    assert "33.3/33.3/33.3" in warning


def annotate_test(
    n: int, n_labelled: int = 0, n_patients: int = 0, n_events: int = 0
) -> tuple[pd.DataFrame, pd.Series]:
    """Annotations of n test samples and as many others, of which some are labelled, some followed,
    and some died.
    """
    obs = make_obs([1] * (2 * n), ["a" if i < n_labelled or i >= n else None for i in range(2 * n)])
    obs["time_days"] = [100.0 if i < n_patients else np.nan for i in range(2 * n)]
    obs["event"] = [float(i < n_events) if i < n_patients else np.nan for i in range(2 * n)]
    return obs, pd.Series(["test"] * n + ["train"] * n, index=obs.index, name="part")


@pytest.mark.parametrize(
    ("counts", "lack"),
    [
        (
            (9, 9, 9, 9),
            "no verdict for any task will be given: 9 test samples, at least 10 are needed",
        ),
        (
            (10, 9, 10, 5),
            (
                "no verdict for the label will be given: 9 labelled test samples, at least 10 "
                "are needed"
            ),
        ),
        (
            (14, 14, 14, 3),
            (
                "no verdict for survival will be given: 3 events among 14 test patients, at "
                "least 5 are needed"
            ),
        ),
        (
            (14, 14, 8, 6),
            "no verdict for survival will be given: 8 test patients, at least 10 are needed",
        ),
    ],
)
def test_a_test_part_too_small_for_a_verdict_is_warned_of(
    counts: tuple[int, int, int, int], lack: str
) -> None:
    assert warn_of_test(*annotate_test(*counts)) == [
        f"{lack}; name a larger test part with split=, or add samples"
    ]


def test_ten_test_samples_and_five_events_are_enough() -> None:
    assert warn_of_test(*annotate_test(10, 10, 10, 5)) == []


def test_samples_of_one_patient_are_one_event() -> None:
    obs, part = annotate_test(14, 14, 14, 6)
    obs["group"] = [f"p{i // 2 if i < 14 else i}" for i in range(28)]
    (warning,) = warn_of_test(obs, part)
    assert "7 test patients" in warning


def test_annotations_without_label_or_survival_are_not_missed() -> None:
    assert warn_of_test(make_obs([1] * 20), pd.Series("test", index=make_obs([1] * 20).index)) == []
