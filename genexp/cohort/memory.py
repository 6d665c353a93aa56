"""How an AnnData was read, kept in its ``uns`` so that later steps need not read it again, nor ask what was said before."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from anndata import AnnData

import genexp
from genexp.cohort.read import cohort_fingerprint, fill_defaults, hash_cohort, is_simulated
from genexp.cohort.reading import dump_reading
from genexp.errors import CohortError
from genexp.formats.in_memory import hash_anndata
from genexp.settings.aliases import update_stored
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings
from genexp.settings.values import section_values

KEY = "genexp"
"""Entry of ``uns``."""
UNNAMED = "anndata"
"""Name of an AnnData without one."""
COLUMNS = {"label": "label", "batch": "batch", "group": "group", "order": "order"}
"""Columns that reading adds to ``obs``, by parameter; survival has two, and a unit."""
DECISIONS = ("duplicates", "missing", "date_genes")
"""What a user decided of genes and values, which holds for an AnnData that was changed afterwards."""


@dataclass(frozen=True)
class Memory:
    """How an AnnData was read.

    Parameters
    ----------
    settings : dict of str to str
        Parameters of its reading, as a user would type them.
    seed : int
        Of a simulated cohort.
    hash : str
        Of the AnnData as it was read.
    cohort_hash, fingerprint : str
        Of the file.
    report : dict
        What was found.
    """

    settings: dict[str, str]
    seed: int
    hash: str
    cohort_hash: str
    fingerprint: str
    report: dict[str, Any]

    def holds_for(self, adata: AnnData) -> bool:
        """Whether an AnnData is as it was read."""
        return hash_anndata(adata) == self.hash

    def covers(self, asked: Mapping[str, Any]) -> bool:
        """Whether parameters say nothing but what held when it was read."""
        before, now = (parse_settings(CohortConfig, {**self.settings, **given}) for given in ({}, asked))
        return section_values(fill_defaults(now)) == section_values(fill_defaults(before))

    def keep_for(self, obs: pd.DataFrame, asked: Mapping[str, Any]) -> dict[str, str]:
        """Parameters for reading an AnnData again: the columns that reading added, and what was decided."""
        kept = {name: self.settings[name] for name in DECISIONS if name in self.settings} | {"metadata": "none"}
        kept |= {name: column for name, column in COLUMNS.items() if column in obs}
        if {"time_days", "event"} <= set(obs) and not {"time", "event", "time_unit"} & set(asked):
            kept |= {"time": "time_days", "event": "event", "time_unit": "days"}
        return kept

    def restore(self, adata: AnnData) -> AnnData:
        """Give an AnnData the report of its reading back, and texts that a file of AnnData made categories of."""
        texts = {name: adata.obs[name].astype(object) for name in adata.obs if name != "label" and adata.obs[name].dtype == "category"}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Variable names are not unique", UserWarning)  # preprocessing collapses them
            restored = AnnData(adata.X, obs=adata.obs.assign(**texts), var=adata.var)
        restored.uns |= {
            "name": adata.uns.get("name", UNNAMED),
            "scale": adata.uns["scale"],  # which the hash covers
            "digest": adata.uns.get("digest", self.cohort_hash),
            "report": self.report,
        }
        return restored


def remember(adata: AnnData, config: CohortConfig, seed: int) -> AnnData:
    """Keep how an AnnData was read in ``uns["genexp"]``, as texts that every format of AnnData holds."""
    report = adata.uns.pop("report")
    adata.uns[KEY] = {
        "version": genexp.__version__,
        "settings": json.dumps(section_values(config, CohortConfig)),
        "seed": str(seed),
        "hash": hash_anndata(adata),
        "cohort_hash": hash_cohort(config, seed),
        "fingerprint": cohort_fingerprint(config, seed),
        "reading": dump_reading(report),
    }
    return adata


def recall(adata: AnnData) -> Memory | None:
    """Say how an AnnData was read; None where nothing says so."""
    kept = adata.uns.get(KEY)
    if not isinstance(kept, Mapping):
        return None
    try:
        settings, report = update_stored(json.loads(kept["settings"])), json.loads(kept["reading"])
        own, cohort, fingerprint = (str(kept[name]) for name in ("hash", "cohort_hash", "fingerprint"))
        return Memory(settings, int(kept["seed"]), own, cohort, fingerprint, report)
    except (KeyError, TypeError, ValueError):  # of somebody else, or damaged: the AnnData is read like any other
        return None


def name_of(adata: AnnData) -> str:
    """Name of a cohort that is an AnnData; never that of a simulation, which would be simulated anew."""
    name = adata.uns.get("name")
    if not isinstance(name, str) or not name:
        return UNNAMED
    return f"{name}_in_memory" if is_simulated(name) else name


def as_anndata(samples: AnnData | pd.DataFrame) -> AnnData:
    """Give a table as AnnData, and AnnData on disk in memory.

    Raises
    ------
    CohortError
        It is neither.
    """
    if isinstance(samples, pd.DataFrame):
        genes = pd.DataFrame(index=samples.columns.astype(str))
        return AnnData(samples.to_numpy(), pd.DataFrame(index=samples.index.astype(str)), genes)
    if not isinstance(samples, AnnData):
        raise CohortError(f"expected an AnnData, or a DataFrame with samples in rows and genes as columns; found {type(samples).__name__}")
    return samples.to_memory() if samples.isbacked else samples
