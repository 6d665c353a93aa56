"""The jobs: cohorts by splits by methods by sizes, left-out studies, permuted labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from experiments.center_loss.cohorts import Cohort
from experiments.center_loss.plan import (
    FEWER_SEEDS,
    GENES,
    METHODS,
    MOST,
    SEEDS,
    SETTINGS,
    SIZES,
    SMALL,
    SMALL_SEEDS,
    SMALL_SETTINGS,
    SMALL_SIZES,
    SPLIT,
    TRAINING,
    Method,
)
from experiments.run import ExperimentRun
from genexp.preprocessing import Preprocessed
from genexp.settings.cohort import CohortConfig

Jobs = dict[str, dict[str, Any]]
Chosen = Mapping[tuple[str, str], str]
"""Setting of the supervised methods by cohort and method."""


@dataclass(frozen=True)
class Plan:
    """Everything that is to be evaluated in one run.

    Parameters
    ----------
    experiment : ExperimentRun
    cohorts : mapping of str to Cohort
    folders : dict
        Preprocessed cohorts that were asked for before.
    """

    experiment: ExperimentRun
    cohorts: Mapping[str, Cohort]
    folders: dict[tuple[str, ...], Preprocessed] = field(default_factory=dict)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Latents of every cohort, the smallest first."""
        return SMALL_SIZES if self.experiment.small else SIZES

    @property
    def settings(self) -> list[str]:
        """Settings of supervised methods that are tried."""
        return list(SETTINGS)[-SMALL_SETTINGS:] if self.experiment.small else list(SETTINGS)

    @property
    def seeds(self) -> range:
        """Of split and training."""
        return range(SMALL_SEEDS if self.experiment.small else SEEDS)

    def list_first(self) -> Jobs:
        """Every method at the smallest size, supervised ones with every setting."""
        return {
            (
                f"{cohort}, {name}{f', {setting}' if setting else ''}, {self.sizes[0]} latents, "
                f"split {seed}"
            ): job
            for cohort, seed, name, method in self._list_methods()
            for setting in (self.settings if method.supervised else [""])
            for job in [self._job(cohort, seed, name, self.sizes[0], setting)]
        }

    def list_larger(self, chosen: Chosen) -> Jobs:
        """Every method at the other sizes, with the chosen setting."""
        return {
            f"{cohort}, {name}, {size} latents, split {seed}": self._job(
                cohort, seed, name, size, chosen.get((cohort, name), "")
            )
            for cohort, seed, name, _ in self._list_methods(
                1 if self.experiment.small else FEWER_SEEDS
            )
            for size in (*self.sizes[1:], self._find_most(cohort, seed))
        }

    def list_left_out(self, chosen: Chosen) -> Jobs:
        """Every method at the smallest size, trained on all studies but one."""
        jobs: Jobs = {}
        for cohort, seed, name, method in self._list_methods(
            1 if self.experiment.small else FEWER_SEEDS
        ):
            for left_out in self.cohorts[cohort].left_out:
                others = self._preprocess(cohort, seed, method.correction, f"study != '{left_out}'")
                read = {
                    key: value
                    for key, value in self.cohorts[cohort].parameters.items()
                    if key in CohortConfig.model_fields
                }
                job = self._job(cohort, seed, name, self.sizes[0], chosen.get((cohort, name), ""))
                jobs[f"{cohort} without {left_out}, {name}, split {seed}"] = {
                    **job, "folder": str(others.folder), "whole": read, "without": left_out
                }  # fmt: skip
        return jobs

    def list_null(self, chosen: Chosen) -> Jobs:
        """The centre loss alone, trained on true and on permuted labels."""
        return {
            f"{cohort}, {'permuted' if permuted else 'true'} labels, split {seed}": {
                **self._job(cohort, seed, name, self.sizes[0], chosen[cohort, name]), "permuted": permuted  # noqa: E501
            }
            for cohort, seed, name, method in self._list_methods()
            if method.supervised and method.correction == "none"
            for permuted in (False, True)
        }  # fmt: skip

    def _list_methods(self, n_seeds: int = SEEDS) -> Iterator[tuple[str, int, str, Method]]:
        for cohort, facts in self.cohorts.items():
            for seed in self.seeds[:n_seeds]:
                for name, method in METHODS.items():
                    if facts.several or method.correction == "none":
                        yield cohort, seed, name, method

    def _job(self, cohort: str, seed: int, name: str, size: int, setting: str) -> dict[str, Any]:
        method, small = METHODS[name], self.experiment.small
        folder = str(self._preprocess(cohort, seed, method.correction).folder)
        facts = {
            "cohort": cohort,
            "seed": seed,
            "method": name,
            "kind": method.kind,
            "n_latent": size,
            "setting": setting,
        }
        values = self.experiment.encoder_values(
            **TRAINING | (SMALL if small else {}) | SETTINGS.get(setting, {})
        )
        first = size == self.sizes[0]
        shown = {
            "genes": GENES[method.correction] if first and not method.kind else "",
            "latents": first and seed == 0 and self.cohorts[cohort].several,
        }
        places = {"folder": folder, "cache": str(self.experiment.cache)}
        return {**facts, **shown, "paired": self.cohorts[cohort].paired, **places, "values": values}

    def _preprocess(self, cohort: str, seed: int, correction: str, where: str = "") -> Preprocessed:
        key = (cohort, str(seed), correction, where)
        if key not in self.folders:
            values = {
                **self.cohorts[cohort].parameters,
                "split": SPLIT,
                "seed": seed,
                "correction": correction,
            }
            if where:
                values |= {"where": self._ask(cohort, where), "unseen_batch": "estimate"}
            self.folders[key] = self.experiment.preprocess(**values)
        return self.folders[key]

    def _ask(self, cohort: str, where: str) -> str:
        own = self.cohorts[cohort].parameters.get("where")
        return f"({own}) and {where}" if own else where

    def _find_most(self, cohort: str, seed: int) -> int:
        """Latents that the cohort allows, at most ``MOST``: one below its train samples, and no
        more than its genes.
        """
        data = self._preprocess(cohort, seed, "none")
        return min(MOST, data.report["parts"]["train"]["samples"] - 1, len(data.var))
