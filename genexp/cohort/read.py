"""From a configuration to a checked cohort."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import anndata
import numpy as np
import pandas as pd

import genexp
from genexp.cohort.annotations import add_canonical_columns, join_annotations, read_annotations, select_samples
from genexp.cohort.check import check_scale, check_values, infer_scale, summarise_values
from genexp.cohort.genes import read_gene_symbol
from genexp.cohort.matrix import Matrix, open_matrix
from genexp.cohort.orientation import find_orientation
from genexp.cohort.simulate import BRCA_SHAPE, SimulatedCohort, simulate_cohort
from genexp.cohort.simulate_cells import CELLS_SHAPE, SimulatedCells, simulate_cells
from genexp.cohort.simulate_compendium import COMPENDIUM_SHAPE, SimulatedCompendium, simulate_compendium
from genexp.cohort.source import hash_file, hash_source, open_source, read_name
from genexp.config import CohortConfig, hash_values, section_values
from genexp.errors import CohortError, name_some

MIN_SAMPLES = 20
DATE_LIKE = re.compile(r"\d{1,2}-(Mar|Sep|Dec|Oct|Feb|Apr|Nov)|(Mar|Sep|Dec|Oct|Feb|Apr|Nov)-\d{1,2}", re.IGNORECASE)


@dataclass(frozen=True)
class Simulator:
    """How a cohort is simulated, its shape where none is given, and its own scale and names of the label, of survival and of groups."""

    simulate: Callable[..., SimulatedCohort | SimulatedCells | SimulatedCompendium]
    shape: tuple[int, int]
    label: str = ""
    time: str = ""
    event: str = ""
    group: str = ""
    scale: str = "auto"


SIMULATORS = {
    "simulated": Simulator(simulate_cohort, BRCA_SHAPE, "subtype", "OS_days", "OS_event"),
    "simulated_cells": Simulator(simulate_cells, CELLS_SHAPE, "cell_type"),
    "simulated_compendium": Simulator(simulate_compendium, COMPENDIUM_SHAPE, group="series", scale="log2fc"),
}
"""What can be asked for in the place of a file."""


@dataclass(frozen=True)
class _Opened:
    """A cohort whose names and annotations are known and whose values are not read yet."""

    matrix: Matrix
    annotations: pd.DataFrame | None
    name: str
    digest: str
    truth: dict[str, pd.DataFrame] | None = None


def read_cohort(config: CohortConfig, seed: int = 0, min_samples: int = MIN_SAMPLES) -> anndata.AnnData:
    """Read, check and annotate a cohort.

    Parameters
    ----------
    config : CohortConfig
        Which cohort, and how to read it.
    seed : int
        Of the simulated cohort.
    min_samples : int
        Samples that a cohort must have; to encode a few samples, 1 will do.

    Returns
    -------
    AnnData
        X (n_samples, n_genes) float32, C-contiguous, NaN where missing and ``config.missing`` has a policy; ``obs`` with the annotations,
        ``group``, and as configured ``order``, ``label``, ``study``, ``time_days`` [days], ``event`` (1 seen, 0 censored); ``var`` indexed
        by gene name, which may occur twice, with ``source`` and ``entrez_id``; ``uns`` with scale, name, digest, report and, if
        simulated, truth.

    Raises
    ------
    CohortError
        The files are no cohort, or contradict the configuration.
    """
    config = fill_defaults(config)
    with _open_cohort(config, seed) as opened:
        genes_in_rows, recognised = find_orientation(opened.matrix, opened.annotations, config.rows, config.sample_id)
        row_ids, column_ids = opened.matrix.row_ids, opened.matrix.column_ids
        samples, sources = (column_ids, row_ids) if genes_in_rows else (row_ids, column_ids)
        _check_names(samples, sources)
        var, gene_report = _describe_genes(sources, config.duplicates)
        obs, report = _annotate(opened, samples, config.sample_id)
        keep = select_samples(obs, config.where)
        if len(keep) < min_samples:
            raise CohortError(f"found {len(keep)} samples{' after where' if config.where else ''}; expected {min_samples} or more")
        obs, outcome_report = add_canonical_columns(obs.iloc[keep].copy(), config)
        X = opened.matrix.fill(genes_in_rows, keep)
    uns: dict[str, object] = {"name": opened.name, "digest": opened.digest} | ({"truth": opened.truth} if opened.truth else {})
    report |= {"orientation": "genes in rows" if genes_in_rows else "samples in rows", "orientation_by": recognised}
    report |= {"n_samples": len(keep), "n_dropped_by_where": len(samples) - len(keep)} | gene_report | outcome_report
    scale, scale_report = _check_matrix(X, var.index, config)
    return _build(X, obs, var, uns | {"scale": scale, "report": report | scale_report})


def cohort_fingerprint(config: CohortConfig, seed: int = 0) -> str:
    """Hash of what :func:`read_cohort` would read and of how, without parsing anything.

    Files count by their content and name, not by their folder; the seed counts for the simulated cohort only.
    """
    config = fill_defaults(config)
    values = section_values(config, CohortConfig) | {"version": genexp.__version__}
    del values["s3_endpoint"]
    if is_simulated(config.cohort):
        return hash_values(values | {"cohort": [config.cohort.partition(":")[0], read_shape(config.cohort)], "seed": seed})
    for name in ("cohort", "obs"):
        if values[name]:
            values[name] = f"{read_name(values[name])} {hash_source(values[name], config.s3_endpoint)}"
    return hash_values(values)


def hash_cohort(config: CohortConfig, seed: int) -> str:
    """Hash of the values of a cohort, whatever its annotations and its place."""
    if is_simulated(config.cohort):
        return hash_values([config.cohort.partition(":")[0], read_shape(config.cohort), seed])
    return hash_source(config.cohort, config.s3_endpoint)


def is_simulated(cohort: str) -> bool:
    """Whether an address names a simulated cohort."""
    return cohort.partition(":")[0] in SIMULATORS


def read_shape(cohort: str) -> tuple[int, int]:
    """Samples and genes of ``simulated:300x1000``; ``simulated`` alone has the shape of TCGA-BRCA."""
    name, _, text = cohort.partition(":")
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text) if text else None
    shape = (int(match[1]), int(match[2])) if match else SIMULATORS[name].shape
    if (text and not match) or shape[0] < MIN_SAMPLES or shape[1] < 50:
        raise CohortError(f"expected {name} or {name}:SAMPLESxGENES with at least {MIN_SAMPLES} samples and 50 genes, found {cohort}")
    return shape


def fill_defaults(config: CohortConfig) -> CohortConfig:
    """Name scale, label, group and survival columns of a simulated cohort where nothing else is named."""
    if not is_simulated(config.cohort):
        return config
    own = SIMULATORS[config.cohort.partition(":")[0]]
    if config.obs:
        raise CohortError(f"the simulated cohort has annotations of its own; leave obs empty (found {config.obs}) or give cohort a file")
    defaults = {name: getattr(own, name) for name in ("label", "group") if not getattr(config, name)}
    defaults |= {"scale": own.scale} if config.scale == "auto" else {}
    if not config.time and not config.event:
        defaults |= {"time": own.time, "event": own.event}
    return config.model_copy(update=defaults)


@contextmanager
def _open_cohort(config: CohortConfig, seed: int) -> Iterator[_Opened]:
    if is_simulated(config.cohort):
        yield _open_simulated(config.cohort, seed)
        return
    with ExitStack() as files:
        path = files.enter_context(open_source(config.cohort, config.s3_endpoint))
        annotations, digests = None, [hash_file(path)]
        if config.obs:
            table = files.enter_context(open_source(config.obs, config.s3_endpoint))
            annotations = read_annotations(table, config.obs)
            digests.append(hash_file(table))
        yield _Opened(open_matrix(path, config.cohort), annotations, read_name(config.cohort), hash_values(digests))


def _open_simulated(cohort: str, seed: int) -> _Opened:
    name, shape = cohort.partition(":")[0], read_shape(cohort)
    simulated = SIMULATORS[name].simulate(*shape, seed=seed)

    def fill(genes_in_rows: bool, keep: np.ndarray) -> np.ndarray:
        return simulated.X if len(keep) == len(simulated.X) else simulated.X[keep]

    matrix = Matrix(list(simulated.obs.index), simulated.genes, "sample_id", fill, obs=simulated.obs)
    return _Opened(matrix, None, name, hash_values([name, shape, seed, genexp.__version__]), simulated.truth)


def _annotate(opened: _Opened, samples: list[str], sample_id: str) -> tuple[pd.DataFrame, dict[str, object]]:
    """Annotations in the order of the samples: of the table, else of the file itself, else none."""
    if opened.annotations is not None:
        return join_annotations(opened.annotations, samples, sample_id)
    obs = opened.matrix.obs if opened.matrix.obs is not None else pd.DataFrame(index=pd.Index(samples))
    if list(obs.index) != samples:  # h5ad with rows=genes: its obs describes genes
        obs = pd.DataFrame(index=pd.Index(samples))
    return obs.rename_axis("sample_id").drop(columns="sample_id", errors="ignore"), {}


def _check_names(samples: list[str], sources: list[str]) -> None:
    """Refuse samples of one name, and genes or samples without one."""
    twice = pd.Index(samples)[pd.Index(samples).duplicated()].unique()
    if len(twice):
        raise CohortError(f"duplicated sample ids in the matrix: {name_some(twice)}; rename or remove all but one of each")
    for what, names in (("samples", samples), ("genes", sources)):
        nameless = [position for position, name in enumerate(names, start=1) if not name.strip()]
        if nameless:
            raise CohortError(f"{what} without a name at positions {name_some(nameless)}; name them or take them out")


def _describe_genes(sources: list[str], duplicates: str) -> tuple[pd.DataFrame, dict[str, object]]:
    """Gene names (not unique yet), with the file's own name and the Entrez id where it tells; and figures for the report."""
    names = pd.Index([read_gene_symbol(source) for source in sources], name="gene")
    ids = [source.rpartition("|")[2] if re.search(r"\|\d+$", source) else "" for source in sources]
    repeated = names[names.duplicated()].unique()
    if len(repeated) and duplicates == "refuse":
        raise CohortError(f"duplicated genes: {name_some(repeated)}; say what to do: duplicates=max_variance, mean or first")
    report: dict[str, object] = {
        "n_genes": len(names),
        "n_question_mark": sum(name.startswith("?") for name in names),
        "n_duplicated": len(repeated),
        "duplicated": [str(name) for name in repeated[:20]],
        "date_like": [name for name in names if DATE_LIKE.fullmatch(name)][:20],
    }
    return pd.DataFrame({"source": sources, "entrez_id": ids}, index=names), report


def _check_matrix(X: np.ndarray, genes: pd.Index, config: CohortConfig) -> tuple[str, dict[str, object]]:
    """Scale of the values, declared or inferred, after all checks; and figures for the report."""
    values = summarise_values(X)
    check_values(values, genes, config.missing)
    scale, reason = infer_scale(values) if config.scale == "auto" else (config.scale, "declared")
    check_scale(values, scale)
    n_missing = int(values.n_missing.sum())
    return scale, {
        "n_missing": n_missing,
        "n_genes_with_missing": int((values.n_missing > 0).sum()),
        "lowest": values.low,
        "highest": values.high,
        "scale_by": reason,
    }


def _build(X: np.ndarray, obs: pd.DataFrame, var: pd.DataFrame, uns: dict[str, object]) -> anndata.AnnData:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Variable names are not unique", UserWarning)  # preprocess collapses them on train samples
        return anndata.AnnData(X=X, obs=obs, var=var, uns=uns)
