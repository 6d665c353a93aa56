"""The table that an encoder is given: its genes among the columns, and their values as numbers.

This file's text is part of every registered encoder, so it imports nothing of genexp but
:mod:`genexp.names.genes` and
:mod:`genexp.errors`, whose texts are too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np
import pandas as pd

from genexp.errors import name_some
from genexp.names.genes import NAMELESS, current_name, describe_case, describe_form, match_key

OBJECTS_OF_NUMBERS = ("floating", "integer", "mixed-integer-float", "empty")
"""Columns of Python objects all of which are numbers, as pandas infers."""
GENES_IN_INDEX = 0.2
"""Share of the encoder's genes in a table's index from which the table stands the wrong way
round."""


class ExpressionError(ValueError):
    """A table that cannot be encoded as it is."""


class GeneMismatchError(ExpressionError):
    """A table lacks too many of the encoder's genes, or names one of them twice."""


class AnnotatedMatrix(Protocol):
    """Part of an AnnData that is read: ``X`` with the names of its observations and variables, and
    ``uns``.
    """

    uns: Mapping[str, Any]

    def to_df(self) -> pd.DataFrame:
        """``X`` as a table (n_samples, n_genes)."""


@dataclass(frozen=True)
class Columns:
    """Positions of an encoder's genes in a table.

    Parameters
    ----------
    first : ndarray of int, (n_genes,)
        Column of each gene; -1 where it is absent.
    alike : dict of int to list of int
        All columns of a gene (by its place) that is the mean of several.
    note : str
        What is to be said about the match; else empty.
    """

    first: np.ndarray
    alike: dict[int, list[int]]
    note: str = ""


def read_frame(expression: pd.DataFrame | AnnotatedMatrix) -> pd.DataFrame:
    """Table (n_samples, n_genes) of what was given.

    Raises
    ------
    ExpressionError
        It is neither a table nor an AnnData, or has no rows or no columns.
    """
    if not isinstance(expression, pd.DataFrame) and not hasattr(expression, "to_df"):
        shape = f" of shape {tuple(expression.shape)}" if hasattr(expression, "shape") else ""
        raise ExpressionError(
            "a pandas DataFrame with samples in rows and gene names as columns, or an "
            "AnnData, was expected; found "
            f"{type(expression).__name__}{shape}: without names no value belongs to a gene. "
            "Give pandas.DataFrame(values, columns=genes); "
            "over HTTP, dataframe_split or dataframe_records"
        )
    if getattr(expression, "X", True) is None:
        raise ExpressionError(
            "an AnnData with values in X was expected; its X is empty. Put the layer that "
            "the encoder takes into X"
        )
    frame = expression if isinstance(expression, pd.DataFrame) else expression.to_df()
    if 0 in frame.shape:
        raise ExpressionError(
            f"a table with samples and genes was expected; found {frame.shape[0]} rows and "
            f"{frame.shape[1]} columns"
        )
    return frame


def match_columns(
    names: Sequence[str],
    genes: Sequence[str],
    sources: Sequence[str],
    duplicates: str,
    max_missing: float,
) -> Columns:
    """Find genes among the names of columns.

    A gene is found by the name that the training file gave it, by its own, or by the normal form of
    either (:func:`genexp.names.genes.current_name`); regardless of case only where more than
    ``max_missing`` of the genes would be absent.

    Parameters
    ----------
    names : sequence of str
        Of the columns.
    genes, sources, duplicates, max_missing
        Of the :class:`~genexp.model.encoder.Encoder`.

    Raises
    ------
    GeneMismatchError
        Several columns are one gene, and ``duplicates`` does not say what to do.
    """
    columns = _find_exact(names, genes, sources) if duplicates != "mean" else [[] for _ in genes]
    note = ""
    if not all(columns):
        _find_by(current_name, columns, names, genes, sources)
    if sum(not places for places in columns) > max_missing * len(genes):
        before = [bool(places) for places in columns]
        _find_by(match_key, columns, names, genes, sources)
        new = [i for i, was in enumerate(before) if columns[i] and not was]
        if new:
            note = describe_case(genes[new[0]], names[columns[new[0]][0]], len(new))
    if duplicates == "first":
        columns = [places[:1] for places in columns]
    several = {i: places for i, places in enumerate(columns) if len(places) > 1}
    if several and duplicates != "mean":
        twice = [
            f"{genes[i]}: {', '.join(names[j] for j in places[:3])}"
            for i, places in several.items()
        ]
        raise GeneMismatchError(
            f"{len(twice)} genes occur more than once ({'; '.join(twice[:5])}); give each "
            "gene one column"
        )
    return Columns(np.array([places[0] if places else -1 for places in columns]), several, note)


def _find_exact(
    names: Sequence[str], genes: Sequence[str], sources: Sequence[str]
) -> list[list[int]]:
    """Columns of each gene by the training file's name, else by its own."""
    places = {name: [j] for j, name in enumerate(names)}
    if len(places) < len(names):
        places = _group(names)
    nowhere: list[int] = []
    return [
        places.get(source) or places.get(gene, nowhere)
        for gene, source in zip(genes, sources, strict=True)
    ]


def _find_by(
    form: Any,
    columns: list[list[int]],
    names: Sequence[str],
    genes: Sequence[str],
    sources: Sequence[str],
) -> None:
    """Add the columns of genes that are still without one by a form of their name, where it is that
    of one gene.
    """
    wanted = [form(gene) for gene in genes]
    counts = Counter(wanted)
    places = _group([form(name) for name in names])
    exact = _group(names)
    for i, own in enumerate(wanted):
        if not columns[i]:
            columns[i] = places.get(own, []) if counts[own] == 1 else exact.get(sources[i], [])


def _group(names: Sequence[str]) -> dict[str, list[int]]:
    """Places of each name."""
    places: dict[str, list[int]] = {}
    for j, name in enumerate(names):
        places.setdefault(name, []).append(j)
    return places


def check_absent(
    absent: Sequence[str], frame: pd.DataFrame, genes: Sequence[str], max_missing: float
) -> None:
    """Refuse a table that lacks too many genes, and say what it has in their place.

    Raises
    ------
    GeneMismatchError
        More than ``max_missing`` of the genes are absent.
    """
    n = len(genes)
    if len(absent) <= max_missing * n:
        return
    wanted = {match_key(gene) for gene in genes}
    in_index = len(wanted.intersection(match_key(str(name)) for name in frame.index))
    if in_index > max(GENES_IN_INDEX * n, n - len(absent)):
        raise GeneMismatchError(
            f"samples in rows and genes in columns were expected; found {in_index} of the "
            f"encoder's {n} genes in the table's index, "
            "so it stands the wrong way round. Give expression.T"
        )
    expected, found = describe_form(genes), describe_form(str(name) for name in frame.columns)
    alike = expected.partition(" (")[0] == found.partition(" (")[0]
    advice = (
        (
            "they are of one kind, so the table is of other genes: take an encoder that was "
            "trained on them"
        )
        if alike
        else "give columns the encoder's kind of names"
    )
    raise GeneMismatchError(
        f"{len(absent)} of the encoder's {n} genes are absent "
        f"({', '.join(absent[:5])}{', ...' if len(absent) > 5 else ''}); it accepts up "
        f"to {max_missing:.0%}. The encoder names genes by {expected}, the table's "
        f"{frame.shape[1]} columns by {found}; {advice}"
    )


def read_values(frame: pd.DataFrame, columns: Columns) -> tuple[np.ndarray, list[str]]:
    """Values (n_samples, n_genes) of float32 of the found columns, NaN where absent or missing; and
    what is to be said about them.

    Raises
    ------
    ExpressionError
        A gene's column holds text that is no number.
    """
    first, alike = columns.first, columns.alike
    notes: list[str] = []
    dtypes = frame.dtypes.unique()
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and is refused
        if len(dtypes) == 1 and _is_real(dtypes[0]):
            values = frame.to_numpy(dtype=np.float32, na_value=np.nan)
        else:  # other columns may hold anything, and are not looked at
            used = np.unique(np.concatenate([first[first >= 0], *alike.values()])).astype(np.int64)
            values, notes = _convert(frame.iloc[:, used])
            first = np.where(first >= 0, np.searchsorted(used, first), -1)
            alike = {i: np.searchsorted(used, places).tolist() for i, places in alike.items()}
    raw = np.take(values, np.maximum(first, 0), axis=1)
    raw[:, first < 0] = np.nan
    for i, places in alike.items():
        raw[:, i] = values[:, places].mean(axis=1)
    return raw, notes


def _is_real(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def _convert(frame: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Numbers (n, n_columns) of float32 of columns of any type; and a sentence where some were
    text.
    """
    values = np.empty(frame.shape, dtype=np.float32)
    text: list[str] = []
    wrong: list[str] = []
    for j, (name, column) in enumerate(frame.items()):
        if _is_real(column.dtype):
            values[:, j] = column.to_numpy(dtype=np.float32, na_value=np.nan)
            continue
        values[:, j], odd = _read_text(column)
        text += [] if pd.api.types.infer_dtype(column) in OBJECTS_OF_NUMBERS else [str(name)]
        wrong += [f"{name}: {odd.iloc[0]!r}"] if len(odd) else []
    if wrong:
        raise ExpressionError(
            f"numbers were expected; found others in the columns of {name_some(wrong)}. "
            "Convert them (decimal points, no units), or leave "
            "those columns out"
        )
    return values, [
        f"numbers were read from text or categories in the columns of {name_some(text)}"
    ] if text else []


def _read_text(column: pd.Series) -> tuple[np.ndarray, pd.Series]:
    """Numbers (n,) of a column of text, NaN where it says that one is missing; and the values that
    are neither.
    """
    column = column.astype(object)
    missing = column.isna() | column.map(
        lambda value: isinstance(value, str) and value.strip() in NAMELESS
    )
    readable = column.map(lambda value: isinstance(value, (str, Real))) & ~missing
    numbers = pd.to_numeric(column.where(readable), errors="coerce").to_numpy(dtype=np.float32)
    return numbers, column[np.isnan(numbers) & ~missing.to_numpy()]
