"""Design of the contrasts: one contrast for each data set and case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.cohort.columns import as_text, pick_column
from genexp.errors import ConfigError, ContrastError, name_some
from genexp.settings.contrasts import ContrastConfig

MIN_SAMPLES = 2
"""Smallest number of cases, of controls, and of pairs with both where samples are paired."""
ANY_CASE = "any other"
"""Name of the case in data sets with controls alone."""


@dataclass(frozen=True)
class Contrast:
    """Cases against controls of one data set.

    Parameters
    ----------
    name : str
        ``dataset: case vs control``.
    dataset, case, control : str
    rows : ndarray of int, (n_samples,)
        Indices of samples in the cohort, in the order of their ids.
    is_case : ndarray of bool, (n_samples,)
    block : ndarray of int, (n_samples,)
        Pair of each sample; 0 for all where samples are not paired.
    """

    name: str
    dataset: str
    case: str
    control: str
    rows: np.ndarray
    is_case: np.ndarray
    block: np.ndarray

    @property
    def n_pairs(self) -> int:
        """Number of blocks with both groups."""
        return len(np.intersect1d(self.block[self.is_case], self.block[~self.is_case]))

    def find_fault(self, paired: bool) -> str:
        """Find the reason why these samples cannot be contrasted; "" if they can."""
        n_case, n_control = int(self.is_case.sum()), int((~self.is_case).sum())
        if not n_control:
            return f"no sample is {self.control}"
        if min(n_case, n_control) < MIN_SAMPLES:
            return (
                f"{n_case} of {self.case} and {n_control} of {self.control}; a contrast needs "
                f"{MIN_SAMPLES} of each"
            )
        if paired and self.n_pairs < MIN_SAMPLES:
            return (
                f"{self.n_pairs} pairs with both {self.case} and {self.control}; a contrast "
                f"needs {MIN_SAMPLES}"
            )
        return ""


def plan_contrasts(
    obs: pd.DataFrame, config: ContrastConfig
) -> tuple[list[Contrast], pd.DataFrame]:
    """List contrasts by data set and case, and those that are not possible.

    Parameters
    ----------
    obs : DataFrame, (n_samples, ...)
        Annotations; samples without a data set or condition are excluded, and a sample without a
        pair forms its own pair.
    config : ContrastConfig
        Names of the columns and of the values.

    Returns
    -------
    contrasts : list of Contrast
    skipped : DataFrame, (n_skipped, 2)
        ``dataset`` and ``reason``, by name of the contrast.

    Raises
    ------
    ConfigError
        The condition or its values are not named.
    CohortError
        A named column does not exist.
    ContrastError
        No sample has the control or the case, or no data set can be contrasted.
    """
    condition, dataset, pair = _read_groups(obs, config)
    possible, skipped = [], {}
    for contrast in _list_contrasts(obs, condition, dataset, pair, config):
        if reason := contrast.find_fault(paired=bool(config.pair)):
            skipped[contrast.name] = (contrast.dataset, reason)
        else:
            possible.append(contrast)
    if not possible:
        reasons = [f"{name}: {reason}" for name, (_, reason) in skipped.items()]
        raise ContrastError(
            f"no data set can be contrasted: {name_some(reasons)}; check dataset, condition, "
            "case, control and pair"
        )
    table = pd.DataFrame.from_dict(skipped, orient="index", columns=["dataset", "reason"])
    return possible, table.rename_axis("contrast")


def _read_groups(
    obs: pd.DataFrame, config: ContrastConfig
) -> tuple[pd.Series, pd.Series, np.ndarray]:
    """Read condition and data set of each sample (NaN where unknown), and its pair."""
    if not (config.condition and config.control) or config.control == config.case:
        raise ConfigError(
            "expected condition (a column of obs) and control (one of its values), and a "
            "case other than the control or none; "
            f"found condition={config.condition!r} control={config.control!r} case={config.case!r}"
        )
    condition = as_text(pick_column(obs, "condition", config.condition))
    for parameter, value in (("control", config.control), ("case", config.case)):
        if value and not (condition == value).any():
            values = condition.value_counts().index
            raise ContrastError(
                f"{parameter}={value!r}: expected a value of {config.condition!r}; its "
                f"values in {len(obs)} samples are {name_some(values)}"
            )
    dataset = (
        as_text(pick_column(obs, "dataset", config.dataset))
        if config.dataset
        else pd.Series("", index=obs.index)
    )
    if not config.pair:
        return condition, dataset, np.zeros(len(obs), dtype=int)
    pair = as_text(pick_column(obs, "pair", config.pair)).fillna(
        pd.Series([f"\n{i}" for i in range(len(obs))], index=obs.index)
    )
    return condition, dataset, pd.factorize(pair, sort=True)[0]


def _list_contrasts(
    obs: pd.DataFrame,
    condition: pd.Series,
    dataset: pd.Series,
    pair: np.ndarray,
    config: ContrastConfig,
) -> Iterator[Contrast]:
    """Yield every contrast that the annotations define, possible or not."""
    order = np.argsort(obs.index.to_numpy(dtype=str), kind="stable")
    groups = (
        pd.DataFrame({"condition": condition.to_numpy(), "dataset": dataset.to_numpy()})
        .iloc[order]
        .dropna()
    )
    for name, conditions in groups.groupby("dataset", sort=True)["condition"]:
        cases = (
            [config.case]
            if config.case
            else sorted(set(conditions) - {config.control}) or [ANY_CASE]
        )
        for case in cases:
            compared = conditions[conditions.isin([case, config.control])]
            rows = compared.index.to_numpy()
            title = f"{case} vs {config.control}"
            yield Contrast(
                f"{name}: {title}" if name else title,
                str(name),
                case,
                config.control,
                rows,
                (compared == case).to_numpy(),
                pair[rows],
            )
