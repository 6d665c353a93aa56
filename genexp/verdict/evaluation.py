"""Evaluation of an encoder: results of all tasks and the comparison with the baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from genexp.evaluation.audit import Audit
from genexp.evaluation.task import Results
from genexp.verdict.seeds import Seeds
from genexp.verdict.verdict import Verdict


@dataclass(frozen=True)
class Evaluation:
    """All results of one access to the test samples.

    Parameters
    ----------
    results : Results
        Results by the name of their task; ``results.get_result(Probe)`` finds one by its class.
    audit : Audit
        Checks of the split before anything was evaluated; none failed.
    comparison : Verdict
        The encoder compared with the baselines.
    latents : DataFrame of float64, (n_samples, n_latent)
        Latents of all samples: train, validation, test.
    summary : mapping
        Facts for the header of the report: ``cohort``, ``scale``, ``fingerprint``, ``split_hash``,
        ``n_genes``, ``n_latent``, ``n_train``, ``n_val``, ``n_test``, ``test_openings``, ``seed``,
        ``perplexity``, ``max_clusters``, ``versions`` (mapping package -> version), ``card``
        (mapping, of the encoder).
    notes : tuple of str
        Exclusions and their reasons, one sentence each.
    seeds : Seeds or None
        The same configuration trained with several seeds; None for a single seed.
    """

    results: Results
    audit: Audit
    comparison: Verdict
    latents: pd.DataFrame
    summary: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    seeds: Seeds | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Finite metrics of all tasks, by key: ``r2/test``, ``r2/test_pca``,
        ``cluster/silhouette``, ``survival/c_index`` ...
        """
        return {name: value for name, value in self.all_metrics.items() if math.isfinite(value)}

    @property
    def all_metrics(self) -> dict[str, float]:
        """Metrics of all tasks, finite or not."""
        metrics = {
            name: value
            for result in self.results.values()
            for name, value in result.metrics.items()
        }
        return metrics | (self.seeds.metrics if self.seeds is not None else {})

    @property
    def verdict(self) -> str:
        """The verdict in one line."""
        return self.comparison.line

    @property
    def tags(self) -> dict[str, str]:
        """Tags of a run and of a registered version: ``verdict``, ``leakage`` and, if any task is,
        ``worse_than_pca``.
        """
        worse = (
            {"worse_than_pca": ",".join(self.comparison.worse_than_pca)}
            if self.comparison.worse_than_pca
            else {}
        )
        return {"verdict": self.verdict, "leakage": self.audit.leakage, **worse}

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        tables = {
            "verdict": self.comparison.rows.set_index("task"),
            "audit": self.audit.checks,
            "latent": self.latents,
        }
        for result in self.results.values():
            tables |= result.tables
        return tables | (self.seeds.tables if self.seeds is not None else {})
