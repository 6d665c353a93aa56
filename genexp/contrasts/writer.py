"""Files of a compendium of log2 fold changes, which genexp reads as a cohort.

In the folder ``out``, where NAME is the name of the expression cohort:

- ``NAME_log2fc.parquet``: the cohort, contrasts x genes, log2 fold changes (float32, NaN where they
  cannot be estimated). Its rows are
  ``dataset: case vs control`` in the order of these names, its columns genes, once each. Read it
  with ``scale=log2fc``.
- ``NAME_log2fc_contrasts.tsv``: its annotations, by ``contrast``: ``dataset``, ``case``,
  ``control``, ``n_case``, ``n_control``,
  ``n_pairs`` (0 unpaired), ``n_tested`` (genes), ``n_up``, ``n_down``, ``n_significant``,
  ``prior_df`` and ``prior_sd`` (of the moderated t), and ``n_terms`` (labels) if gene sets are
  used.
- ``NAME_log2fc_terms.tsv.gz``: multi-hot labels, contrasts x gene sets, 0 or 1, by ``contrast`` in
  the same order; absent
  without gene sets, or if none is a label.
- ``NAME_log2fc_t.parquet``, ``NAME_log2fc_p.parquet``, ``NAME_log2fc_q.parquet``: moderated t, its
  p, and q over the genes of a contrast,
  laid out as the cohort (float32, so that a p below 1e-45 is 0; NaN where a gene was not tested).
- ``NAME_log2fc_skipped.tsv``: contrasts that were not possible, by ``contrast``, with ``dataset``
  and ``reason``.
- ``NAME_log2fc.png``: significant genes by contrast, and all p.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from genexp.contrasts.figures import BINS, plot_contrasts
from genexp.contrasts.part import STATISTICS

CONTRASTS_AT_A_TIME = 1024
"""Number of rows of a Parquet file that are in memory together."""


@dataclass(frozen=True)
class Compendium:
    """Compendium of log2 fold changes as written.

    Parameters
    ----------
    path : Path
        File of the log2 fold changes.
    contrasts : DataFrame, (n_contrasts, ...)
        Annotations of the contrasts.
    terms : DataFrame of bool, (n_contrasts, n_terms)
        Labels; no columns without gene sets.
    skipped : DataFrame, (n_skipped, 2)
        Contrasts that were not possible.
    """

    path: Path
    contrasts: pd.DataFrame
    terms: pd.DataFrame
    skipped: pd.DataFrame


def read_parts(parts: Sequence[Path], sets: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read annotations and labels (n_contrasts, n_sets; bool) of finished contrasts."""
    rows, terms = [], np.zeros((len(parts), len(sets)), dtype=bool)
    for i, path in enumerate(parts):
        with np.load(path) as part:
            rows.append(json.loads(str(part["row"])))
            terms[i] = part["terms"]
    table = pd.DataFrame(rows).set_index("contrast")
    return table, pd.DataFrame(terms, index=table.index, columns=list(sets))


def write_compendium(
    compendium: Compendium, parts: Sequence[Path], genes: pd.Index, folder: Path
) -> None:
    """Write every file to ``folder``, and move them next to ``compendium.path`` when all are
    complete.
    """
    name, index = compendium.path.stem, compendium.contrasts.index
    for statistic in STATISTICS:
        ending = "" if statistic == "log2fc" else f"_{statistic}"
        _write_statistic(statistic, parts, index, genes, folder / f"{name}{ending}.parquet")
    compendium.contrasts.to_csv(folder / f"{name}_contrasts.tsv", sep="\t", float_format="%.6g")
    compendium.skipped.to_csv(folder / f"{name}_skipped.tsv", sep="\t")
    if len(compendium.terms.columns):
        compression = {"method": "gzip", "mtime": 0}
        compendium.terms.astype(np.int8).to_csv(
            folder / f"{name}_terms.tsv.gz", sep="\t", compression=compression
        )
    else:
        # left by an earlier compendium
        (compendium.path.parent / f"{name}_terms.tsv.gz").unlink(missing_ok=True)
    plot_contrasts(compendium.contrasts, _count_p(parts)).savefig(folder / f"{name}.png")
    for path in folder.glob(f"{name}*"):
        path.replace(compendium.path.parent / path.name)


def _write_statistic(
    statistic: str, parts: Sequence[Path], index: pd.Index, genes: pd.Index, path: Path
) -> None:
    """Write a matrix (n_contrasts, n_genes) of float32 with an index as pandas reads it, a block of
    contrasts at a time.
    """
    pattern = pd.DataFrame(
        np.zeros((1, len(genes)), dtype=np.float32), index=index[:1], columns=genes
    )
    schema = pa.Schema.from_pandas(pattern, preserve_index=True)
    with pyarrow.parquet.ParquetWriter(
        path, schema, use_dictionary=False, write_statistics=False
    ) as file:
        for first in range(0, len(parts), CONTRASTS_AT_A_TIME):
            block = slice(first, first + CONTRASTS_AT_A_TIME)
            values = np.stack([_read_statistic(part, statistic) for part in parts[block]])
            columns = [pa.array(column) for column in np.ascontiguousarray(values.T)]
            file.write_table(
                pa.Table.from_arrays(
                    [*columns, pa.array(index[block], schema.types[-1])], schema=schema
                )
            )


def _read_statistic(path: Path, statistic: str) -> np.ndarray:
    with np.load(path) as part:
        return np.asarray(part[statistic])


def _count_p(parts: Sequence[Path]) -> np.ndarray:
    """Count p values (n_bins,) in each bin of the histogram."""
    counts = np.zeros(len(BINS) - 1, dtype=np.int64)
    for path in parts:
        counts += np.histogram(_read_statistic(path, "p"), BINS)[0]
    return counts
