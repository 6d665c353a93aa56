"""Cohort to preprocess, from a file or an AnnData."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from genexp.cohort.memory import name_of, recall
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings
from genexp.settings.verbs import PreprocessSettings

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class CohortSource:
    """A cohort to preprocess.

    Parameters
    ----------
    config : PreprocessSettings
    seed : int
        Of a simulated cohort.
    cohort_hash, fingerprint : callable
        Hash of the cohort, and of the cohort with the settings of its reading.
    read : callable
        Reads and checks it.
    is_new : bool
        False if its reading was printed before.
    """

    config: PreprocessSettings
    seed: int
    cohort_hash: Callable[[], str]
    fingerprint: Callable[[], str]
    read: Callable[[], AnnData]
    is_new: bool = True


def open_file(cohort: str, settings: Mapping[str, Any]) -> CohortSource:
    """Open a file, a folder or an address."""
    from genexp.cohort import cohort_fingerprint, read_cohort
    from genexp.cohort.read import hash_cohort

    config = _parse_preprocess({"cohort": cohort}, settings, 0)
    seed, of_cohort = config.run.seed, (config.reading, config.run.seed)
    return CohortSource(
        config,
        seed,
        partial(hash_cohort, *of_cohort),
        partial(cohort_fingerprint, *of_cohort),
        partial(read_cohort, *of_cohort),
    )


def open_anndata(adata: AnnData, settings: Mapping[str, Any]) -> CohortSource:
    """Open an AnnData: as :func:`genexp.read` gave it, where it is unchanged and nothing else is
    asked; else to be checked as a file would be.
    """
    from genexp.cohort import cohort_fingerprint, read_cohort
    from genexp.cohort.read import hash_cohort

    memory = recall(adata)
    asked = {name: value for name, value in settings.items() if name in CohortConfig.model_fields}
    is_unchanged = memory is not None and memory.holds_for(adata)
    if memory is not None and is_unchanged and memory.covers(asked):
        config = _parse_preprocess(memory.settings, settings, memory.seed)
        return CohortSource(
            config,
            memory.seed,
            lambda: memory.cohort_hash,
            lambda: memory.fingerprint,
            partial(memory.restore, adata),
            is_new=False,
        )
    kept = {} if memory is None else memory.keep_for(adata.obs, asked)
    in_memory = {"cohort": name_of(adata), **kept}
    reading = parse_settings(CohortConfig, {**in_memory, **asked})
    fingerprint, read = (
        partial(cohort_fingerprint, reading, 0, adata),
        partial(read_cohort, reading, adata=adata),
    )
    if memory is not None and is_unchanged:  # its file with the further settings is the same cohort
        config = _parse_preprocess(memory.settings, settings, memory.seed)
        return CohortSource(config, memory.seed, lambda: memory.cohort_hash, fingerprint, read)
    config = _parse_preprocess(in_memory, settings, 0)
    return CohortSource(config, 0, partial(hash_cohort, reading, 0, adata), fingerprint, read)


def _parse_preprocess(
    cohort: Mapping[str, Any], settings: Mapping[str, Any], seed: int
) -> PreprocessSettings:
    given = {name: value for name, value in settings.items() if value is not None or name != "seed"}
    return parse_settings(PreprocessSettings, {"seed": seed, **cohort, **given})
