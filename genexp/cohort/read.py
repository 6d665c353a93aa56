"""Read a checked cohort from a configuration: every verb reads files through this module."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import anndata
import numpy as np
import pandas as pd

import genexp
from genexp.cohort.annotations import (
    add_canonical_columns,
    empty_missing_words,
    find_types,
    join_annotations,
    select_samples,
)
from genexp.cohort.check import check_values, refuse_counters, refuse_values_as_names
from genexp.cohort.ids import count_matches
from genexp.cohort.orientation import describe_sides, find_orientation
from genexp.cohort.safety import find_leaks, find_strangers, find_whole_samples
from genexp.cohort.scale import (
    LINEAR,
    LN_2,
    SCALE_NAMES,
    check_scale,
    find_outliers,
    infer_scale,
    sketch_values,
)
from genexp.cohort.sides import Sides, find_sides
from genexp.cohort.simulators.bulk import BRCA_SHAPE, SimulatedCohort, simulate_cohort
from genexp.cohort.simulators.cells import CELLS_SHAPE, SimulatedCells, simulate_cells
from genexp.cohort.simulators.compendium import (
    COMPENDIUM_SHAPE,
    SimulatedCompendium,
    simulate_compendium,
)
from genexp.errors import CohortError, name_some
from genexp.files.source import hash_path, hash_source, open_source, read_name
from genexp.files.table import name_apart
from genexp.formats import DenseValues, Request, Table, open_annotations, open_table
from genexp.formats.in_memory import hash_anndata, open_in_memory
from genexp.names.gene_names import describe_names
from genexp.settings.cohort import CohortConfig
from genexp.settings.values import hash_values, section_values

MIN_SAMPLES = 20
NAMING = ("label", "time", "event", "group", "batch", "order")
"""Parameters that name columns of annotations."""


@dataclass(frozen=True)
class Simulator:
    """Function that simulates a cohort, its default shape, its scale, and its columns of label,
    survival and groups.
    """

    simulate: Callable[..., SimulatedCohort | SimulatedCells | SimulatedCompendium]
    shape: tuple[int, int]
    label: str = ""
    time: str = ""
    event: str = ""
    group: str = ""
    scale: str = "auto"


SIMULATORS = {
    "simulated": Simulator(
        simulate_cohort, BRCA_SHAPE, "subtype", "OS_days", "OS_event", scale="log2_norm_count"
    ),
    "simulated_cells": Simulator(simulate_cells, CELLS_SHAPE, "cell_type", scale="counts"),
    "simulated_compendium": Simulator(
        simulate_compendium, COMPENDIUM_SHAPE, group="series", scale="log2fc"
    ),
}
"""Simulated cohorts by the name that replaces a file."""


@dataclass(frozen=True)
class OpenedCohort:
    """A cohort with names and annotations, whose values are not read yet; its files are hashed in
    the background.
    """

    table: Table
    annotations: pd.DataFrame | None
    name: str
    digest: Callable[[], str]
    truth: dict[str, pd.DataFrame] | None = None


def read_cohort(
    config: CohortConfig,
    seed: int = 0,
    min_samples: int = MIN_SAMPLES,
    adata: anndata.AnnData | None = None,
) -> anndata.AnnData:
    """Read, check and annotate a cohort.

    Parameters
    ----------
    config : CohortConfig
        Cohort, and parameters of its reading.
    seed : int
        Seed of a simulated cohort.
    min_samples : int
        Smallest number of samples; 1 is enough to encode a few samples.
    adata : AnnData, optional
        AnnData to read instead of a file; ``config.cohort`` is its name. It is not changed.

    Returns
    -------
    AnnData
        X (n_samples, n_genes) float32, C-contiguous, NaN where missing and ``config.missing`` has a
        policy; ``obs`` with the annotations, ``group``, and as configured ``order``, ``label``,
        ``batch``, ``time_days`` [days], ``event`` (1 seen, 0 censored); ``var`` indexed by gene
        name, which may occur twice, with ``source``, ``entrez_id`` and annotations of genes in the
        file; ``uns`` with scale, name, digest, report and, if simulated, truth.
        ``uns["report"]["reading"]`` holds sentences on how the cohort was read.

    Raises
    ------
    CohortError
        The files are no cohort, contradict the configuration, or are ambiguous.
    """
    config = fill_defaults(config)
    said: list[str] = []
    with open_cohort(config, seed, adata) as opened:
        table = opened.table
        said += [table.format and f"Format: {table.format}.", *table.notes]
        known = (
            None
            if opened.annotations is None
            else partial(count_matches, opened.annotations, sample_id=config.sample_id)
        )
        named = list_named_columns(config, opened.annotations)
        orientation = find_orientation(table, config.rows, named, known)
        said.append(describe_sides(orientation))
        sides = find_sides(table, orientation.genes_in_rows, named, config.metadata, said)
        check_samples(sides.samples)
        obs, texts, kept, report = annotate_samples(opened, sides, config, said)
        var, gene_report = describe_genes(sides, config, said)
        if len(kept) < min_samples:
            raise CohortError(
                f"found {len(kept)} samples{' after where' if config.where else ''}; "
                f"expected {min_samples} or more"
            )
        obs, outcome_report = add_canonical_columns(obs, config, texts, said)
        X = fill_values(table, sides, kept)
    report |= {
        "format": table.format,
        "orientation": "genes in rows" if sides.genes_in_rows else "samples in rows",
    }
    report |= {
        "orientation_by": orientation.reasons[0],
        "n_samples": len(kept),
        "n_dropped_by_where": len(sides.samples) - len(kept),
    }
    report |= gene_report | outcome_report
    X, scale, scale_report = check_matrix(X, obs, var.index, table, config, said)
    check_leaks(X, var.index, obs, scale, config, said)
    first = f"{opened.name}: {X.shape[0]:,} samples x {X.shape[1]:,} genes, {SCALE_NAMES[scale]}."
    report |= scale_report | {"scale": scale, "reading": [first, *filter(None, said)]}
    uns: dict[str, object] = {
        "name": opened.name,
        "digest": opened.digest(),
        "scale": scale,
        "report": report,
    }
    return _build(X, obs, var, uns | ({"truth": opened.truth} if opened.truth else {}))


def cohort_fingerprint(
    config: CohortConfig, seed: int = 0, adata: anndata.AnnData | None = None
) -> str:
    """Hash the input and the parameters of :func:`read_cohort`, without parsing anything.

    Files count by their content and name, not by their folder; the seed counts for the simulated
    cohort only.
    """
    config = fill_defaults(config)
    values = section_values(config, CohortConfig) | {"version": genexp.__version__}
    del values["s3_endpoint"]
    if adata is not None:
        values["cohort"] = f"{config.cohort} {hash_cohort(config, seed, adata)}"
    elif is_simulated(config.cohort):
        return hash_values(
            values
            | {
                "cohort": [config.cohort.partition(":")[0], read_simulated_shape(config.cohort)],
                "seed": seed,
            }
        )
    for name in ("obs",) if adata is not None else ("cohort", "obs"):
        if values[name]:
            values[name] = (
                f"{read_name(values[name])} {hash_source(values[name], config.s3_endpoint)}"
            )
    return hash_values(values)


def hash_cohort(config: CohortConfig, seed: int, adata: anndata.AnnData | None = None) -> str:
    """Hash the values of a cohort, independent of annotations and path; for an AnnData in memory
    with its annotations.
    """
    if adata is not None:
        return hash_anndata(adata, config.layer)
    if is_simulated(config.cohort):
        return hash_values(
            [config.cohort.partition(":")[0], read_simulated_shape(config.cohort), seed]
        )
    return hash_source(config.cohort, config.s3_endpoint)


def is_simulated(cohort: str) -> bool:
    """Check whether an address names a simulated cohort."""
    return cohort.partition(":")[0] in SIMULATORS


def read_simulated_shape(cohort: str) -> tuple[int, int]:
    """Read the numbers of samples and genes of ``simulated:300x1000``; ``simulated`` alone has the
    shape of TCGA-BRCA.
    """
    name, _, text = cohort.partition(":")
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text) if text else None
    shape = (int(match[1]), int(match[2])) if match else SIMULATORS[name].shape
    if (text and not match) or shape[0] < MIN_SAMPLES or shape[1] < 50:
        raise CohortError(
            f"expected {name} or {name}:SAMPLESxGENES with at least {MIN_SAMPLES} samples "
            f"and 50 genes, found {cohort}"
        )
    return shape


def fill_defaults(config: CohortConfig) -> CohortConfig:
    """Fill in scale, label, group and survival columns of a simulated cohort where the
    configuration names none.
    """
    if not is_simulated(config.cohort):
        return config
    simulator = SIMULATORS[config.cohort.partition(":")[0]]
    if config.obs:
        raise CohortError(
            "the simulated cohort has its own annotations; leave obs empty (found "
            f"{config.obs}), or give a file as cohort"
        )
    defaults = {
        name: getattr(simulator, name) for name in ("label", "group") if not getattr(config, name)
    }
    defaults |= {"scale": simulator.scale} if config.scale == "auto" else {}
    if not config.time and not config.event:
        defaults |= {"time": simulator.time, "event": simulator.event}
    return config.model_copy(update=defaults)


@contextmanager
def open_cohort(
    config: CohortConfig, seed: int, adata: anndata.AnnData | None = None
) -> Iterator[OpenedCohort]:
    """Open the files of a cohort, or simulate one; its values can be read as long as the context
    lasts.
    """
    if adata is not None:
        annotations = None
        if config.obs:
            with open_source(config.obs, config.s3_endpoint) as path:
                annotations = open_annotations(path, Request(config.obs))
        table = open_in_memory(adata, config.layer, config.cohort)
        yield OpenedCohort(
            table, annotations, config.cohort, partial(hash_anndata, adata, config.layer)
        )
        return
    if is_simulated(config.cohort):
        yield _open_simulated(config.cohort, seed)
        return
    with ExitStack() as files:
        path = files.enter_context(open_source(config.cohort, config.s3_endpoint))
        obs_path = (
            files.enter_context(open_source(config.obs, config.s3_endpoint)) if config.obs else None
        )
        pool = files.enter_context(ThreadPoolExecutor(1))
        digest = pool.submit(
            lambda: hash_values([hash_path(file) for file in (path, obs_path) if file])
        ).result
        annotations = open_annotations(obs_path, Request(config.obs)) if obs_path else None
        named = frozenset(getattr(config, name) for name in NAMING) - {"", "none"}
        request = Request(
            config.cohort,
            config.layer,
            named - set([] if annotations is None else annotations.columns),
            config.metadata,
        )
        yield OpenedCohort(open_table(path, request), annotations, read_name(config.cohort), digest)


def _open_simulated(cohort: str, seed: int) -> OpenedCohort:
    name, shape = cohort.partition(":")[0], read_simulated_shape(cohort)
    simulated = SIMULATORS[name].simulate(*shape, seed=seed)
    table = Table(
        list(simulated.obs.index),
        simulated.genes,
        DenseValues(simulated.X),
        row_annotations=simulated.obs.reset_index(drop=True),
        genes_in_rows=False,
        format="simulation",
    )
    return OpenedCohort(
        table,
        None,
        name,
        lambda: hash_values([name, shape, seed, genexp.__version__]),
        simulated.truth,
    )


def list_named_columns(config: CohortConfig, annotations: pd.DataFrame | None) -> list[str]:
    """List columns that parameters name and that are not in the annotation table: they belong to
    the matrix.
    """
    names = dict.fromkeys(getattr(config, name) for name in NAMING)
    of_table = set() if annotations is None else {str(column) for column in annotations.columns}
    return [name for name in names if name not in ("", "none") and name not in of_table]


def check_samples(samples: list[str]) -> None:
    """Refuse samples with the same name."""
    twice = pd.Index(samples)[pd.Index(samples).duplicated()].unique()
    if len(twice):
        raise CohortError(
            f"duplicated sample ids in the matrix: {name_some(twice)}; rename or remove all "
            "but one of each"
        )


def annotate_samples(
    opened: OpenedCohort, sides: Sides, config: CohortConfig, said: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, dict[str, object]]:
    """Return annotations of the kept samples, the same as texts, positions of these samples, and
    numbers for the report.
    """
    in_file = sides.obs.set_axis(pd.Index(sides.samples, name="sample_id")).drop(
        columns="sample_id", errors="ignore"
    )
    kept, report = np.arange(len(sides.samples)), dict[str, object]()
    obs = in_file
    if opened.annotations is not None:
        joined, kept, report = join_annotations(
            opened.annotations, sides.samples, config.sample_id, config.unmatched, said
        )
        obs = joined.join(in_file.drop(columns=list(joined.columns), errors="ignore"))
    obs = name_apart(obs.set_axis([str(column) for column in obs.columns], axis=1))
    texts, counts = empty_missing_words(obs, config.missing_words)
    _say_missing(counts, [getattr(config, name) for name in NAMING], len(obs), said)
    obs = find_types(texts)
    selected = select_samples(obs, config.where)
    if config.where:
        said.append(f"where={config.where!r} keeps {len(selected)} of {len(obs)} samples.")
    return obs.iloc[selected].copy(), texts.iloc[selected], kept[selected], report


def _say_missing(
    counts: dict[str, Counter[str]], named: list[str], n: int, said: list[str]
) -> None:
    """Report words read as missing values: by word for columns that parameters name, in total for
    the others.
    """
    shown = []
    for column, words in counts.items():
        if column in named and words:
            listed = ", ".join(f"{word!r} {count}" for word, count in words.most_common(6))
            shown.append(f"{words.total()} of {n} in {column!r} ({listed})")
    others = sum(bool(words) for column, words in counts.items() if column not in named)
    if shown or others:
        more = (
            (
                f"{'; and' if shown else ''} in {others} other "
                f"column{'s' if others != 1 else ''} of annotations"
            )
            if others
            else ""
        )
        said.append(f"Words read as missing values{': ' if shown else ''}{'; '.join(shown)}{more}.")


def describe_genes(
    sides: Sides, config: CohortConfig, said: list[str]
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return gene names (not unique yet), with the name and the Entrez id in the file, and numbers
    for the report.
    """
    described = describe_names(sides.genes)
    if described.dates and config.date_genes == "ask":
        raise CohortError(
            "found gene names that a spreadsheet made dates of: "
            f"{name_some(described.dates)}; say date_genes=repair to give them "
            "the symbols "
            "that they were where that is unambiguous, or date_genes=keep to leave them as they are"
        )
    names = pd.Index(
        described.repaired if config.date_genes == "repair" else described.display, name="gene"
    )
    said += [f"Gene names: {'; '.join(described.notes)}."] if described.notes else []
    ids = [
        source.rpartition("|")[2] if "|" in source and re.search(r"\|\d+$", source) else ""
        for source in sides.genes
    ]
    repeated = names[names.duplicated()].unique()
    if len(repeated) and config.duplicates == "refuse":
        raise CohortError(
            f"duplicated genes: {name_some(repeated)}; say what to do: "
            "duplicates=max_variance, mean or first"
        )
    if len(repeated):
        said.append(
            f"Of genes that occur more than once, duplicates={config.duplicates} decides "
            "which stays."
        )
    report: dict[str, object] = {
        "n_genes": len(names),
        "n_question_mark": sum(name.startswith("?") for name in names),
        "n_duplicated": len(repeated),
        "duplicated": [str(name) for name in repeated[:20]],
        "date_like": list(described.dates)[:20],
    }
    var = sides.var.set_axis(names).drop(columns=["source", "entrez_id", "gene"], errors="ignore")
    return var.assign(source=sides.genes, entrez_id=ids), report


def fill_values(table: Table, sides: Sides, kept: np.ndarray) -> np.ndarray:
    """Read the values (n_samples, n_genes) of the kept samples."""
    samples = sides.sample_positions[kept]
    if sides.genes_in_rows:
        return table.values.fill(sides.gene_positions, samples, True)
    return table.values.fill(samples, sides.gene_positions, False)


def check_matrix(
    X: np.ndarray,
    obs: pd.DataFrame,
    genes: pd.Index,
    table: Table,
    config: CohortConfig,
    said: list[str],
) -> tuple[np.ndarray, str, dict[str, object]]:
    """Check values; return them, their declared or inferred scale, and numbers for the report."""
    n_missing, low, high = check_values(X, list(obs.index), genes, config.missing)
    refuse_counters(X, list(obs.index))
    refuse_values_as_names(genes)
    sketch = sketch_values(X)
    if config.scale == "auto":
        guess = infer_scale(X, table.scale, table.says_scale, list(obs.index), list(genes), sketch)
        scale, reason, factor = guess.scale, guess.reason, guess.factor
        said += [f"Scale: {_name_scale(scale)}: {reason}.", *guess.notes]
    elif config.scale == "ln_norm_count":
        scale, reason, factor = (
            "log2_norm_count",
            "natural logarithms as declared, divided by ln 2",
            1 / LN_2,
        )
        said.append(f"Scale: {reason}.")
    else:
        scale, reason, factor = config.scale, "declared", 1.0
        said.append(f"Scale: {_name_scale(scale)}, as declared.")
    if factor != 1.0:
        X *= np.float32(factor)
        sketch = sketch_values(X)
    check_scale(sketch, scale)
    if scale in LINEAR and low < 0:
        cells = [f"{X[i, j]:g} at {obs.index[i]}, {genes[j]}" for i, j in np.argwhere(X < 0)]
        raise CohortError(
            f"expected {SCALE_NAMES[scale]} of at least 0, found negative values: "
            f"{name_some(cells)}; correct or empty them, or name the "
            "scale with scale="
        )
    said.append(
        find_outliers(X, scale, list(obs.index), list(genes), (low * factor, high * factor))
    )
    total = int(n_missing.sum())
    if total:
        said.append(
            f"Missing: {total:,} values of {int((n_missing > 0).sum()):,} genes; "
            f"missing={config.missing} decides."
        )
    return X, scale, {
        "n_missing": total,
        "n_genes_with_missing": int((n_missing > 0).sum()),
        "lowest": low,
        "highest": high,
        "scale_by": reason,
    }  # fmt: skip


def _name_scale(scale: str) -> str:
    """Name a scale with its meaning, where the name alone does not give it."""
    return scale if SCALE_NAMES[scale] == scale else f"{scale} ({SCALE_NAMES[scale]})"


def check_leaks(
    X: np.ndarray,
    genes: pd.Index,
    obs: pd.DataFrame,
    scale: str,
    config: CohortConfig,
    said: list[str],
) -> None:
    """Refuse genes that are annotations, and note genes that alone separate the classes of one."""
    classes = {name: obs[name] for name in ("label", "event", "batch") if name in obs}
    leaks = find_leaks(X, list(genes), obs, classes)
    certain = [leak for leak in leaks if leak.is_certain]
    if certain:
        others = {leak.gene: None for leak in certain if leak.gene != certain[0].gene}
        raise CohortError(
            (
                f"among the genes, {certain[0].gene!r} {certain[0].text}: it is no gene. Declare "
                f"it with metadata={certain[0].gene}"
            )
            + (f" (and {name_some(others)} too)" if others else "")
            + ", or take it out of the matrix"
        )
    said += [f"Note: gene {leak.gene} {leak.text}." for leak in leaks]
    strangers = [] if config.metadata == ("none",) else find_strangers(X, list(genes), scale)
    odd = find_whole_samples(X, list(obs.index), scale)
    if odd:
        raise CohortError(
            f"among the samples, {name_some(odd)} hold whole numbers alone while the others "
            "do not, as annotations of genes do; take "
            "them out of the matrix, or leave them out with where="
        )
    if strangers:
        raise CohortError(
            f"{name_some(strangers)} among the genes have names and values unlike those of "
            "genes; say "
            f"metadata={','.join(strangers[:3])} if they "
            "are annotations, or metadata=none if all are genes"
        )


def _build(
    X: np.ndarray, obs: pd.DataFrame, var: pd.DataFrame, uns: dict[str, object]
) -> anndata.AnnData:
    with warnings.catch_warnings():
        # preprocess collapses them on train samples
        warnings.filterwarnings("ignore", "Variable names are not unique", UserWarning)
        return anndata.AnnData(X=X, obs=obs, var=var, uns=uns)
