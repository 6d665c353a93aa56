"""The jobs: cohorts by splits by methods by sizes, left-out studies, permuted labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.center_loss.cohorts import Cohort
from experiments.center_loss.plan import (
    GENES,
    METHODS,
    MOST,
    SEEDS,
    SIZES,
    SMALL,
    SMALL_SEEDS,
    SMALL_SIZES,
    SMALL_WEIGHTS,
    SPLIT,
    TRAINING,
    WEIGHTS,
    Method,
)
from experiments.study import Study
from genexp.config import CohortConfig

Jobs = dict[str, dict[str, Any]]
Chosen = Mapping[tuple[str, str], float]
"""Weight of the supervised terms by cohort and method."""


@dataclass(frozen=True)
class Plan:
    """Everything that is to be judged in one study.

    Parameters
    ----------
    study : Study
    cohorts : mapping of str to Cohort
    """

    study: Study
    cohorts: Mapping[str, Cohort]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Latents of every cohort, the smallest first."""
        return SMALL_SIZES if self.study.small else SIZES

    @property
    def weights(self) -> tuple[float, ...]:
        """Weights that are tried."""
        return SMALL_WEIGHTS if self.study.small else WEIGHTS

    @property
    def seeds(self) -> range:
        """Of split and training."""
        return range(SMALL_SEEDS if self.study.small else SEEDS)

    def list_first(self) -> Jobs:
        """Every method at the smallest size, supervised ones with every weight."""
        return {
            f"{cohort}, {name}{f' {weight:g}' if weight else ''}, {self.sizes[0]} latents, split {seed}": job
            for cohort, seed, name, method in self._list_methods()
            for weight in (self.weights if method.supervised else (0.0,))
            for job in [self._job(cohort, seed, name, self.sizes[0], weight)]
        }

    def list_larger(self, chosen: Chosen) -> Jobs:
        """Every method at the other sizes, with the chosen weight."""
        return {
            f"{cohort}, {name}, {size} latents, split {seed}": self._job(cohort, seed, name, size, chosen.get((cohort, name), 0.0))
            for cohort, seed, name, _ in self._list_methods()
            for size in (*self.sizes[1:], self._find_most(cohort, seed))
        }

    def list_left_out(self, chosen: Chosen) -> Jobs:
        """Every method at the smallest size, trained on all studies but one."""
        jobs: Jobs = {}
        for cohort, seed, name, method in self._list_methods():
            for left_out in self.cohorts[cohort].left_out:
                others = self._preprocess(cohort, seed, method.correction, f"study != '{left_out}'")
                values = {**self.cohorts[cohort].parameters, "where": self._ask(cohort, f"study == '{left_out}'")}
                read = {key: value for key, value in values.items() if key in CohortConfig.model_fields}
                job = self._job(cohort, seed, name, self.sizes[0], chosen.get((cohort, name), 0.0))
                jobs[f"{cohort} without {left_out}, {name}, split {seed}"] = {
                    **job, "folder": str(others.folder), "left_out": read, "without": left_out
                }  # fmt: skip
        return jobs

    def list_null(self, chosen: Chosen) -> Jobs:
        """The centre loss alone, trained on true and on permuted labels."""
        return {
            f"{cohort}, {'permuted' if permuted else 'true'} labels, split {seed}": {
                **self._job(cohort, seed, name, self.sizes[0], chosen[cohort, name]), "permuted": permuted
            }
            for cohort, seed, name, method in self._list_methods()
            if method.supervised and method.correction == "none"
            for permuted in (False, True)
        }  # fmt: skip

    def _list_methods(self) -> Iterator[tuple[str, int, str, Method]]:
        for cohort, facts in self.cohorts.items():
            for seed in self.seeds:
                for name, method in METHODS.items():
                    if facts.several or method.correction == "none":
                        yield cohort, seed, name, method

    def _job(self, cohort: str, seed: int, name: str, size: int, weight: float) -> dict[str, Any]:
        method, small = METHODS[name], self.study.small
        folder = str(self._preprocess(cohort, seed, method.correction).folder)
        facts = {"cohort": cohort, "seed": seed, "method": name, "kind": method.kind, "n_latent": size, "weight": weight}
        values = self.study.encoder_values(**TRAINING, **(SMALL if small else {}))
        first = size == self.sizes[0]
        shown = {"genes": GENES[method.correction] if first and not method.kind else "", "latents": first and seed == 0}
        return {**facts, **shown, "paired": self.cohorts[cohort].paired, "folder": folder, "cache": str(self.study.cache), "values": values}

    def _preprocess(self, cohort: str, seed: int, correction: str, where: str = ""):  # type: ignore[no-untyped-def]
        values = {**self.cohorts[cohort].parameters, "split": SPLIT, "seed": seed, "correction": correction}
        if where:
            values |= {"where": self._ask(cohort, where), "unseen_study": "estimate"}
        return self.study.preprocess(**values)

    def _ask(self, cohort: str, where: str) -> str:
        own = self.cohorts[cohort].parameters.get("where")
        return f"({own}) and {where}" if own else where

    def _find_most(self, cohort: str, seed: int) -> int:
        """Latents that the cohort allows, at most ``MOST``: one below its train samples, and no more than its genes."""
        data = self._preprocess(cohort, seed, "none")
        return min(MOST, data.report["parts"]["train"]["samples"] - 1, len(data.var))
