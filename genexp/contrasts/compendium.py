"""From a cohort of expression to a compendium of log2 fold changes with gene sets as labels.

Finished contrasts are stored in a hidden folder of ``out`` until all are done, so an interrupted
command continues. The main process holds the expression and one block of contrasts. The result does
not depend on the order of samples or the number of processes.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse
from tqdm import tqdm

from genexp.cohort import read_cohort
from genexp.cohort.annotations import CANONICAL
from genexp.cohort.reading import print_reading
from genexp.contrasts.design import MIN_SAMPLES, Contrast, plan_contrasts
from genexp.contrasts.part import Recipe
from genexp.contrasts.workers import ContrastJob, make_parts, part_path
from genexp.contrasts.writer import Compendium, read_parts, write_compendium
from genexp.cores import count_cores
from genexp.errors import CohortError, ContrastError, name_some
from genexp.files.blocks import MAX_THREADS
from genexp.names.gene_sets import match_gene_sets, read_gene_sets
from genexp.settings.cohort import CohortConfig
from genexp.settings.contrasts import ContrastConfig
from genexp.settings.parse import parse_settings
from genexp.settings.section import Range
from genexp.settings.values import hash_values, section_values
from genexp.settings.verbs import ContrastsSettings

EXPRESSION = ("counts", "tpm", "norm_count", "log2_norm_count", "log2_tpm", "log2_intensity")
"""Scales whose differences are log2 fold changes; linear ones after taking logarithms."""


def build_compendium(settings: ContrastsSettings) -> Compendium:
    """Contrast every data set of a cohort, and write what :mod:`genexp.contrasts.writer` lists.

    Raises
    ------
    GenexpError
        A named column or file does not exist, the cohort is not expression, or no data set can be
        contrasted.
    """
    gene_sets = read_gene_sets(settings.contrast.gene_sets) if settings.contrast.gene_sets else {}
    adata = _read_expression(settings)
    contrasts, skipped = plan_contrasts(_restore_names(adata.obs), settings.contrast)
    columns = _pick_columns(adata)
    genes = adata.var_names[columns]
    sets, members = _match_sets(gene_sets, genes, settings.contrast.term_size)
    contrast_values = section_values(settings.contrast)
    name, out = f"{adata.uns['name']}_log2fc", Path(settings.out)
    folder = (
        out
        / f".{name}-{hash_values([adata.uns['digest'], section_values(settings.reading), contrast_values, gene_sets])}"  # noqa: E501
    )
    _make_folder(folder)
    recipe = Recipe(
        parse_settings(ContrastConfig, contrast_values), str(adata.uns["scale"]), columns, members
    )
    computed, failed = _compute(
        contrasts, np.asarray(adata.X), ContrastJob(recipe, folder), settings.workers
    )
    parts = [part_path(folder, contrast) for contrast in computed]
    table, terms = read_parts(parts, sets)
    terms = _keep_terms(terms, settings.contrast.term_share)
    table = table.assign(n_terms=terms.sum(axis=1)) if sets else table
    compendium = Compendium(
        out / f"{name}.parquet", table, terms, pd.concat([skipped, failed]).sort_index()
    )
    try:
        write_compendium(compendium, parts, genes, folder)
        shutil.rmtree(folder)
    except OSError as error:
        raise _describe_unwritable(out, error) from None
    return compendium


def _read_expression(settings: ContrastsSettings) -> AnnData:
    """Read the cohort, NaN where values are missing; refuse it unless its values are expression."""
    # this policy keeps missing values as NaN
    values = section_values(settings.reading) | {"missing": "impute_mean"}
    adata = read_cohort(parse_settings(CohortConfig, values), min_samples=2 * MIN_SAMPLES)
    print_reading(adata.uns["report"])
    if adata.uns["scale"] not in EXPRESSION:
        raise ContrastError(
            f"{adata.uns['name']} is {adata.uns['scale']} "
            f"({adata.uns['report']['scale_by']}); a log2 fold change is a difference of "
            f"expression: give values of {', '.join(EXPRESSION)}, or declare the scale of "
            "the file with scale="
        )
    return adata


def _restore_names(obs: pd.DataFrame) -> pd.DataFrame:
    """Restore the annotations under the user's names; the ``group`` of the split is dropped."""
    original_names = {f"given_{name}": name for name in CANONICAL if f"given_{name}" in obs.columns}
    return obs.drop(columns=["group", *original_names.values()], errors="ignore").rename(
        columns=original_names
    )


def _pick_columns(adata: AnnData) -> np.ndarray:
    """Pick columns (n_genes,) with each gene once: the most variable of those with one name."""
    names = adata.var_names
    std = np.zeros(len(names))
    repeated = np.flatnonzero(names.duplicated(keep=False))
    with np.errstate(invalid="ignore"):
        std[repeated] = [
            np.nan_to_num(np.nanstd(adata.X[:, i], dtype=np.float64)) for i in repeated
        ]
    order = np.argsort(-std, kind="stable")
    return np.sort(order[~names[order].duplicated()])


def _match_sets(
    gene_sets: dict[str, list[str]], genes: pd.Index, size: Range
) -> tuple[list[str], sparse.csr_array]:
    """Match the sets that can be labels: names, and genes (n_sets, n_genes); none without gene
    sets.
    """
    if not gene_sets:
        return [], sparse.csr_array((0, len(genes)))
    try:
        return match_gene_sets(gene_sets, genes, int(size.low), int(size.high))
    except CohortError as error:
        raise ContrastError(f"gene_sets: {error}") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _describe_unwritable(folder.parent, error) from None


def _describe_unwritable(out: Path, error: OSError) -> ContrastError:
    return ContrastError(
        f"out={out}: expected a folder that can be written; found: {error.strerror or error}"
    )


def _compute(
    contrasts: Sequence[Contrast], X: np.ndarray, job: ContrastJob, workers: int | str
) -> tuple[list[Contrast], pd.DataFrame]:
    """Compute the missing parts; return the contrasts with a part, and a table of those that
    failed.
    """
    left = [contrast for contrast in contrasts if not part_path(job.folder, contrast).exists()]
    n_workers = min(
        min(count_cores(), MAX_THREADS) if workers == "auto" else int(workers), max(len(left), 1)
    )
    failed = {}
    with tqdm(
        total=len(contrasts),
        initial=len(contrasts) - len(left),
        desc="contrasts",
        unit="contrast",
        disable=None,
    ) as bar:
        for contrast, reason in make_parts(left, X, job, n_workers):
            if reason:
                failed[contrast.name] = (contrast.dataset, reason)
            bar.set_postfix_str(contrast.name)
            bar.update()
    computed = [contrast for contrast in contrasts if contrast.name not in failed]
    if not computed:
        raise ContrastError(
            "no data set can be contrasted: "
            f"{name_some(f'{name}: {why}' for name, (_, why) in failed.items())}"
        )
    table = pd.DataFrame.from_dict(failed, orient="index", columns=["dataset", "reason"])
    return computed, table.rename_axis("contrast")


def _keep_terms(terms: pd.DataFrame, share: Range) -> pd.DataFrame:
    """Keep labels that are neither too rare nor too broad over the contrasts, and occur at least
    once.
    """
    shares = terms.mean(axis=0)
    return terms.loc[:, (shares > 0) & (shares >= share.low) & (shares <= share.high)]
