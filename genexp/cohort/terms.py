"""Tables of terms: multi-hot labels of samples, such as the gene sets enriched among the changed
genes of a contrast.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.source import open_source
from genexp.formats import Request, open_annotations


def read_terms(address: str, samples: Sequence[str]) -> pd.DataFrame:
    """Read a table of terms: the first column holds sample ids, each further one a term, 1 where it
    holds and 0 where it does not.

    Parameters
    ----------
    address : str
        TSV or CSV (also .gz) or Parquet file.
    samples : sequence of str, (n_samples,)
        Ids of the required samples; other rows are dropped.

    Returns
    -------
    DataFrame of bool, (n_samples, n_terms)
        In the order of ``samples``; index ``sample_id``.

    Raises
    ------
    CohortError
        The file does not exist, a sample has no row or two, or a value is neither 0 nor 1.
    """
    with open_source(address) as path:
        table = _read_table(path, address)
    twice = table.index[table.index.duplicated()].unique()
    absent = pd.Index(samples).difference(table.index, sort=False)
    if len(twice) or len(absent):
        what = (
            f"{name_some(twice)} have two rows or more"
            if len(twice)
            else f"{name_some(absent)} of {len(samples)} samples have none"
        )
        raise CohortError(
            f"terms={address}: expected one row per sample, with ids in the first column; "
            f"{what}. The table names samples as "
            f"{name_some(table.index, 3)}, the cohort as {name_some(samples, 3)}: give both "
            "the same ids"
        )
    values = table.loc[list(samples)].rename_axis("sample_id")
    wrong = [name for name in values if not np.isin(values[name].to_numpy(), [0, 1]).all()]
    if wrong or not len(values.columns):
        problem = f"other values in {name_some(wrong)}" if wrong else "no column except the ids"
        raise CohortError(
            f"terms={address}: expected a column of 0 and 1 per term; found {problem}. Is "
            "this another kind of table?"
        )
    return values.astype(bool)


def _read_table(path: Path, address: str) -> pd.DataFrame:
    """Read the whole table with ids as text in its index."""
    table = open_annotations(path, Request(f"terms={address}"))
    values = table.iloc[:, 1:].apply(pd.to_numeric, errors="coerce")
    return values.set_axis(table.iloc[:, 0].astype(str))
