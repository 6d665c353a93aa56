"""Which samples are contrasted with which: one contrast for each data set and case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.cohort.columns import as_text, pick_column
from genexp.errors import ConfigError, ContrastError, name_some
from genexp.settings.contrasts import ContrastConfig

MIN_SAMPLES = 2
"""Cases, controls, and pairs of both where samples are paired, that a contrast needs."""
ANY_CASE = "any other"
"""Stands for the case where a data set has controls alone."""


@dataclass(frozen=True)
class Contrast:
    """Cases against controls of one data set.

    Parameters
    ----------
    name : str
        ``dataset: case vs control``.
    dataset, case, control : str
    rows : ndarray of int, (n_samples,)
        Samples by their place in the cohort, in the order of their ids.
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
        """Blocks with both groups."""
        return len(np.intersect1d(self.block[self.is_case], self.block[~self.is_case]))

    def find_fault(self, paired: bool) -> str:
        """Why these samples cannot be contrasted; "" if they can."""
        n_case, n_control = int(self.is_case.sum()), int((~self.is_case).sum())
        if not n_control:
            return f"no sample is {self.control}"
        if min(n_case, n_control) < MIN_SAMPLES:
            return f"{n_case} of {self.case} and {n_control} of {self.control}; a contrast needs {MIN_SAMPLES} of each"
        if paired and self.n_pairs < MIN_SAMPLES:
            return f"{self.n_pairs} pairs with both {self.case} and {self.control}; a contrast needs {MIN_SAMPLES}"
        return ""


def plan_contrasts(obs: pd.DataFrame, config: ContrastConfig) -> tuple[list[Contrast], pd.DataFrame]:
    """Contrasts by data set and case, and those that cannot be made.

    Parameters
    ----------
    obs : DataFrame, (n_samples, ...)
        Annotations; samples without a data set or condition are left out, and one without a pair is a pair of its own.
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
        A column that is named is not there.
    ContrastError
        No sample has the control or the case, or no data set can be contrasted.
    """
    condition, dataset, pair = _read_groups(obs, config)
    made, skipped = [], {}
    for contrast in _list_contrasts(obs, condition, dataset, pair, config):
        if reason := contrast.find_fault(paired=bool(config.pair)):
            skipped[contrast.name] = (contrast.dataset, reason)
        else:
            made.append(contrast)
    if not made:
        reasons = [f"{name}: {reason}" for name, (_, reason) in skipped.items()]
        raise ContrastError(f"no data set can be contrasted: {name_some(reasons)}; check dataset, condition, case, control and pair")
    table = pd.DataFrame.from_dict(skipped, orient="index", columns=["dataset", "reason"])
    return made, table.rename_axis("contrast")


def _read_groups(obs: pd.DataFrame, config: ContrastConfig) -> tuple[pd.Series, pd.Series, np.ndarray]:
    """Condition and data set of each sample (NaN where unknown), and its pair."""
    if not (config.condition and config.control) or config.control == config.case:
        raise ConfigError(
            "expected condition (a column of obs) and control (one of its values), and a case other than the control or none; "
            f"found condition={config.condition!r} control={config.control!r} case={config.case!r}"
        )
    condition = as_text(pick_column(obs, "condition", config.condition))
    for parameter, value in (("control", config.control), ("case", config.case)):
        if value and not (condition == value).any():
            values = condition.value_counts().index
            raise ContrastError(
                f"{parameter}={value!r}: {config.condition!r} has no such value among {len(obs)} samples, but {name_some(values)}"
            )
    dataset = as_text(pick_column(obs, "dataset", config.dataset)) if config.dataset else pd.Series("", index=obs.index)
    if not config.pair:
        return condition, dataset, np.zeros(len(obs), dtype=int)
    pair = as_text(pick_column(obs, "pair", config.pair)).fillna(pd.Series([f"\n{i}" for i in range(len(obs))], index=obs.index))
    return condition, dataset, pd.factorize(pair, sort=True)[0]


def _list_contrasts(
    obs: pd.DataFrame, condition: pd.Series, dataset: pd.Series, pair: np.ndarray, config: ContrastConfig
) -> Iterator[Contrast]:
    """Every contrast that the annotations name, possible or not."""
    order = np.argsort(obs.index.to_numpy(dtype=str), kind="stable")
    groups = pd.DataFrame({"condition": condition.to_numpy(), "dataset": dataset.to_numpy()}).iloc[order].dropna()
    for name, own in groups.groupby("dataset", sort=True)["condition"]:
        cases = [config.case] if config.case else sorted(set(own) - {config.control}) or [ANY_CASE]
        for case in cases:
            compared = own[own.isin([case, config.control])]
            rows = compared.index.to_numpy()
            title = f"{case} vs {config.control}"
            yield Contrast(
                f"{name}: {title}" if name else title, str(name), case, config.control, rows, (compared == case).to_numpy(), pair[rows]
            )
