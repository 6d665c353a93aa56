"""Frozen split: drawn once, grouped by patient, stratified by label, and hashed."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from genexp.errors import PreprocessError, name_some
from genexp.settings.values import hash_values

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")
EXCLUDED = "lost"
"""Part of samples that failed the quality filter, as stored in tables."""
VALIDATION_SHARE = 0.15
"""Share of validation samples among the development samples of a split into development/test."""
UNLABELLED = "(unlabelled)"
MIN_TEST_SAMPLES, MIN_TEST_EVENTS = 10, 5
"""Test samples, and for survival events among them, below which an interval is too wide and no
verdict is given."""


def read_shares(split: str) -> dict[Part, float]:
    """Read the shares of the parts: ``70/15/15`` is train/val/test, ``85/15`` is
    development/test.
    """
    numbers = [float(share) / 100 for share in split.split("/")]
    if len(numbers) == 2:
        development, test = numbers
        numbers = [development * (1 - VALIDATION_SHARE), development * VALIDATION_SHARE, test]
    return dict(zip(PARTS, numbers, strict=True))


def draw_split(obs: pd.DataFrame, split: str, seed: int) -> pd.Series:
    """Assign every sample to a part, each group as a whole.

    A group's stratum is its most common label. Strata are processed from the smallest to the
    largest, and within a stratum groups by size, the largest first, in random order among equals.
    Each group goes to the part that lags most behind its share of the samples assigned so far. So
    each stratum and the whole have their shares up to about one group, and smaller groups even out
    the effect of larger ones. The order of the rows has no influence.

    Parameters
    ----------
    obs : DataFrame, (n_samples, ...)
        Annotations with ``group`` and, where samples are labelled, ``label``; index sample id.
    split : str
        Shares as in the configuration, see :func:`read_shares`.
    seed : int
        Seed of the random order.

    Returns
    -------
    Series of str, (n_samples,)
        ``train``, ``val`` or ``test`` by sample id.

    Raises
    ------
    PreprocessError
        Fewer groups than parts.
    """
    groups = describe_groups(obs)
    if len(groups) < len(PARTS):
        raise PreprocessError(
            f"expected at least {len(PARTS)} groups of samples to split into train, val and "
            f"test; found {name_some(groups.index)} in "
            f"{len(obs)} samples. Name another column of the annotations with group=, or "
            "keep more samples"
        )
    assigned = _assign_groups(_order_groups(groups, seed), read_shares(split))
    return obs["group"].map(assigned).rename("part")


def describe_groups(obs: pd.DataFrame) -> pd.DataFrame:
    """Describe size and stratum of every group, sorted by name: columns ``size`` (samples) and
    ``stratum`` (its most common label).
    """
    groups = obs.groupby("group", sort=True).size().to_frame("size")
    groups["stratum"] = UNLABELLED
    if "label" in obs:
        labelled = obs.dropna(subset=["label"])
        counts = pd.crosstab(labelled["group"], labelled["label"].astype(str))
        if counts.size:
            groups.loc[counts.index, "stratum"] = counts.idxmax(axis=1)
    return groups


def _order_groups(groups: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Order groups: small strata first, large groups first within a stratum, random among
    equals.
    """
    shuffled = groups.iloc[np.random.default_rng(seed).permutation(len(groups))]
    stratum_size = shuffled.groupby("stratum")["size"].transform("sum")
    keys = pd.DataFrame(
        {"whole": stratum_size, "stratum": shuffled["stratum"], "size": -shuffled["size"]}
    )
    return shuffled.loc[keys.sort_values(["whole", "stratum", "size"], kind="stable").index]


def _assign_groups(groups: pd.DataFrame, shares: dict[Part, float]) -> dict[str, Part]:
    """Give each group to the part that lags most; the last groups go to parts that are still
    empty.
    """
    held = dict.fromkeys(shares, 0)
    assigned: dict[str, Part] = {}
    n_assigned = 0
    for i, (name, size) in enumerate(zip(groups.index, groups["size"], strict=True)):
        n_assigned += size
        empty = [part for part in shares if not held[part]]
        choice = empty if len(groups) - i <= len(empty) else list(shares)
        part = max(choice, key=lambda part: shares[part] * n_assigned - held[part])
        held[part] += size
        assigned[name] = part
    return assigned


def hash_split(part: pd.Series) -> str:
    """Hash the parts of all samples, in any order."""
    return hash_values(sorted(zip(part.index.astype(str), part.astype(str), strict=True)))


def count_labels(obs: pd.DataFrame, part: pd.Series) -> pd.DataFrame:
    """Count samples by label (rows, most common first; unlabelled last) and part (columns)."""
    label = (
        obs["label"].astype(object).where(obs["label"].notna(), UNLABELLED).astype(str)
        if "label" in obs
        else UNLABELLED
    )
    counts = pd.crosstab(pd.Series(label, index=obs.index, name="label"), part).reindex(
        columns=list(PARTS), fill_value=0
    )
    order = sorted(
        counts.index, key=lambda name: (name == UNLABELLED, -counts.loc[name].sum(), name)
    )
    return counts.loc[order]


def warn_of_split(counts: pd.DataFrame, split: str) -> list[str]:
    """Warn of shares that the split does not reach, by the counts of :func:`count_labels`."""
    warnings = []
    totals = counts.sum()
    actual = "/".join(f"{100 * totals[part] / totals.sum():.1f}" for part in PARTS)
    if any(
        abs(totals[part] / totals.sum() - share) > 0.05
        for part, share in read_shares(split).items()
    ):
        warnings.append(
            f"split {split} could not be reached: train/val/test hold {actual} % of the "
            "samples, because groups are large"
        )
    incomplete = [
        name for name in counts.index if name != UNLABELLED and not counts.loc[name].all()
    ]
    if incomplete:
        warnings.append(
            "labels that are rare or in few groups, and so not in each of train, val and "
            f"test: {name_some(incomplete)}"
        )
    return warnings


def find_lack(n_samples: int, n_events: int | None = None, what: str = "test samples") -> str:
    """Describe a lack of test samples, or of events for survival, that allows no verdict; empty
    where there are enough.
    """
    if n_samples < MIN_TEST_SAMPLES:
        return f"{n_samples} {what}, at least {MIN_TEST_SAMPLES} are needed"
    if n_events is not None and n_events < MIN_TEST_EVENTS:
        return f"{n_events} events among {n_samples} {what}, at least {MIN_TEST_EVENTS} are needed"
    return ""


def warn_of_test(obs: pd.DataFrame, part: pd.Series) -> list[str]:
    """Warn, before any training, of a test part that is too small for a verdict.

    Parameters
    ----------
    obs : DataFrame, (n_samples, ...)
        Annotations with ``group`` and, where present, ``label``, ``time_days`` and ``event``; index
        sample id.
    part : Series of str, (n_samples,)
        Result of :func:`draw_split`.
    """
    test = obs[part == "test"]
    lacks = {"any task": find_lack(len(test))}
    if "label" in test and not lacks["any task"]:
        lacks["the label"] = find_lack(
            int(test["label"].notna().sum()), what="labelled test samples"
        )
    if {"time_days", "event"} <= set(test) and not lacks["any task"]:
        followed = test[(test["time_days"] > 0) & test["event"].notna()]
        patients = followed.groupby("group")["event"].max()
        lacks["survival"] = find_lack(len(patients), int(patients.sum()), "test patients")
    advice = "name a larger test part with split=, or add samples"
    return [
        f"no verdict for {task} will be given: {lack}; {advice}"
        for task, lack in lacks.items()
        if lack
    ]
