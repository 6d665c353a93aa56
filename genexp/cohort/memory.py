"""Record of the reading of an AnnData, kept in its ``uns``, so that later steps neither read it
again nor repeat questions.
"""

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
"""Decisions of the user on genes and values, which stay valid for an AnnData that was changed
afterwards."""


@dataclass(frozen=True)
class Memory:
    """Record of the reading of an AnnData.

    Parameters
    ----------
    settings : dict of str to str
        Parameters of its reading, as a user would type them.
    seed : int
        Seed of a simulated cohort.
    hash : str
        Hash of the AnnData as it was read.
    cohort_hash, fingerprint : str
        Hashes of the file.
    report : dict
        Report of the reading.
    """

    settings: dict[str, str]
    seed: int
    hash: str
    cohort_hash: str
    fingerprint: str
    report: dict[str, Any]

    def holds_for(self, adata: AnnData) -> bool:
        """Check whether an AnnData is unchanged since it was read."""
        return hash_anndata(adata) == self.hash

    def covers(self, parameters: Mapping[str, Any]) -> bool:
        """Check whether parameters agree with those of the reading."""
        before, now = (
            parse_settings(CohortConfig, {**self.settings, **given}) for given in ({}, parameters)
        )
        return section_values(fill_defaults(now)) == section_values(fill_defaults(before))

    def keep_for(self, obs: pd.DataFrame, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Return parameters for reading an AnnData again: the columns added by reading, and the
        decisions of the user.
        """
        kept = {name: self.settings[name] for name in DECISIONS if name in self.settings} | {
            "metadata": "none"
        }
        kept |= {name: column for name, column in COLUMNS.items() if column in obs}
        if {"time_days", "event"} <= set(obs) and not {"time", "event", "time_unit"} & set(
            parameters
        ):
            kept |= {"time": "time_days", "event": "event", "time_unit": "days"}
        return kept

    def restore(self, adata: AnnData) -> AnnData:
        """Restore the report of the reading of an AnnData, and texts that its file stored as
        categories.
        """
        texts = {
            name: adata.obs[name].astype(object)
            for name in adata.obs
            if name != "label" and adata.obs[name].dtype == "category"
        }
        with warnings.catch_warnings():
            # preprocessing collapses them
            warnings.filterwarnings("ignore", "Variable names are not unique", UserWarning)
            restored = AnnData(adata.X, obs=adata.obs.assign(**texts), var=adata.var)
        restored.uns |= {
            "name": adata.uns.get("name", UNNAMED),
            "scale": adata.uns["scale"],  # which the hash covers
            "digest": adata.uns.get("digest", self.cohort_hash),
            "report": self.report,
        }
        return restored


def remember(adata: AnnData, config: CohortConfig, seed: int) -> AnnData:
    """Store the record of reading in ``uns["genexp"]``, as texts that every format of AnnData
    supports.
    """
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
    """Load the record of reading of an AnnData; None without one."""
    kept = adata.uns.get(KEY)
    if not isinstance(kept, Mapping):
        return None
    try:
        settings, report = update_stored(json.loads(kept["settings"])), json.loads(kept["reading"])
        hashed, cohort, fingerprint = (
            str(kept[name]) for name in ("hash", "cohort_hash", "fingerprint")
        )
        return Memory(settings, int(kept["seed"]), hashed, cohort, fingerprint, report)
    # from another program, or damaged: the AnnData is read like any other
    except (KeyError, TypeError, ValueError):
        return None


def name_of(adata: AnnData) -> str:
    """Return the name of an AnnData as a cohort; never that of a simulation, which would be
    simulated again.
    """
    name = adata.uns.get("name")
    if not isinstance(name, str) or not name:
        return UNNAMED
    return f"{name}_in_memory" if is_simulated(name) else name


def as_anndata(samples: AnnData | pd.DataFrame) -> AnnData:
    """Convert a table to AnnData, and load AnnData on disk into memory.

    Raises
    ------
    CohortError
        The argument is neither.
    """
    if isinstance(samples, pd.DataFrame):
        genes = pd.DataFrame(index=samples.columns.astype(str))
        return AnnData(samples.to_numpy(), pd.DataFrame(index=samples.index.astype(str)), genes)
    if not isinstance(samples, AnnData):
        raise CohortError(
            "expected an AnnData, or a DataFrame with samples in rows and genes as columns; "
            f"found {type(samples).__name__}"
        )
    return samples.to_memory() if samples.isbacked else samples
