"""Tables stored by columns: the column of names, the columns of annotations and the columns of
values.

Parquet, Arrow and data frames of R share this module. Values are read by blocks of columns; besides
X, memory holds only a few blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from genexp.errors import CohortError, name_some
from genexp.files.blocks import allocate
from genexp.files.damage import GuardedValues
from genexp.files.layout import is_id_title
from genexp.files.probe import Request
from genexp.files.table import Table
from genexp.names.likeness import counts_rows, find_metadata, is_metadata_name, is_missing
from genexp.names.vocabulary import ROW_NUMBER_TITLES

BLOCK_BYTES = 32 << 20
"""Bytes of values that are read at a time."""


class ColumnSource(Protocol):
    """A table from which some columns can be read without the others."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of all columns, and the metadata of pandas about its index."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""

    def read(self, positions: Sequence[int]) -> pa.Table:
        """Read columns by position, in rising order; names may occur twice."""


@dataclass(frozen=True)
class InMemory:
    """A table in memory."""

    table: pa.Table

    @property
    def schema(self) -> pa.Schema:
        """See :class:`ColumnSource`."""
        return self.table.schema

    @property
    def n_rows(self) -> int:
        """See :class:`ColumnSource`."""
        return int(self.table.num_rows)

    def read(self, positions: Sequence[int]) -> pa.Table:
        """See :class:`ColumnSource`."""
        return self.table.select(list(positions))


@dataclass(frozen=True)
class ColumnValues:
    """Values of some columns, (n_rows, n_positions)."""

    source: ColumnSource
    positions: np.ndarray

    def read(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Read a small part, see :class:`genexp.files.table.Values`."""
        return self._read_blocks(
            rows, columns, np.empty((len(columns), len(rows)), dtype=np.float32)
        ).T

    def fill(self, rows: np.ndarray, columns: np.ndarray, transpose: bool) -> np.ndarray:
        """Read the kept part, see :class:`genexp.files.table.Values`."""
        X = allocate(len(columns), len(rows)) if transpose else allocate(len(rows), len(columns))
        self._read_blocks(rows, columns, X if transpose else X.T)
        return X

    def _read_blocks(self, rows: np.ndarray, columns: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Read blocks of columns into ``target`` (n_columns, n_rows)."""
        at_a_time = max(1, BLOCK_BYTES // (4 * max(self.source.n_rows, 1)))
        for start in range(0, len(columns), at_a_time):
            block = self._read_block(self.positions[columns[start : start + at_a_time]])
            target[start : start + at_a_time] = (
                block if len(rows) == block.shape[1] else block[:, rows]
            )
        return target

    def _read_block(self, positions: np.ndarray) -> np.ndarray:
        """Read columns as float32, (n_positions, n_rows), NaN where null. Whole numbers beyond 2^24
        are rounded.
        """
        table = self.source.read([int(position) for position in positions])
        if any(kind != pa.float32() for kind in table.schema.types):
            table = pa.table(
                [column.cast(pa.float32(), safe=False) for column in table.columns],
                names=table.column_names,
            )
        batches = table.combine_chunks().to_batches()
        if not batches:
            return np.empty((len(positions), 0), dtype=np.float32)
        return batches[0].to_tensor(null_to_nan=True, row_major=False).to_numpy().T


@dataclass(frozen=True)
class _Names:
    """Names along the rows: texts, their heading, the columns that they use, annotations, and notes
    for the user.
    """

    texts: list[str]
    heading: str = ""
    used: frozenset[int] = frozenset()
    annotations: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()
    are_names: bool = True


def open_columns(source: ColumnSource, request: Request, kind: str) -> Table:
    """Open a table of expression values.

    Raises
    ------
    CohortError
        The table has columns that are neither numbers nor annotations, or no columns of numbers.
    """
    # a property that builds the whole list each time
    schema, titles = source.schema, source.schema.names
    _refuse_nested(schema, request.name)
    names = _find_names(source, request)
    others = [i for i in range(len(schema)) if i not in names.used]
    annotations = sorted(
        names.annotations.union(
            _find_annotations(source, [i for i in others if i not in names.annotations], request)
        )
    )
    values = [i for i in others if i not in annotations]
    if not values:
        titles_found = name_some(titles[i] for i in others)
        raise CohortError(
            f"{request.name}: expected columns of numbers, found only names and annotations: "
            f"{titles_found}"
        )
    return Table(
        names.texts,
        [str(titles[i]) for i in values],
        GuardedValues(ColumnValues(source, np.array(values)), request.name, kind),
        heading=names.heading,
        row_annotations=_to_frame(source, annotations, request.name),
        format=kind,
        named_rows=names.are_names,
        notes=names.notes,
    )


def read_column_annotations(source: ColumnSource) -> pd.DataFrame:
    """Read all columns with their types; an index that pandas stored comes first, one that only
    counts rows is dropped.
    """
    frame = source.read(range(len(source.schema))).to_pandas()
    if isinstance(frame.index, pd.RangeIndex) and frame.index.name is None:
        return frame.reset_index(drop=True)
    titles = [
        str(title) if title is not None else f"index{level or ''}"
        for level, title in enumerate(frame.index.names)
    ]
    return frame.reset_index(names=[title + "_" * (title in frame.columns) for title in titles])


def _is_number(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_floating,
            pa.types.is_integer,
            pa.types.is_decimal,
            pa.types.is_null,
        )
    )


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(
        test(kind)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _refuse_nested(schema: pa.Schema, name: str) -> None:
    nested = [field.name for field in schema if pa.types.is_nested(field.type)]
    if nested:
        raise CohortError(
            f"{name}: expected columns of numbers or text, found columns of lists or "
            f"structures: {name_some(nested)}; drop them"
        )
    if len((schema.pandas_metadata or {}).get("column_indexes") or []) > 1:
        raise CohortError(
            f"{name}: its column names have several levels, such as "
            f"{name_some(schema.names, 3)}; join the levels to one name, and write "
            "the file again"
        )


def _read_texts(source: ColumnSource, position: int) -> list[str]:
    values = source.read([position]).column(0).to_pylist()
    return [
        "" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)
        for value in values
    ]


def _find_names(source: ColumnSource, request: Request) -> _Names:
    """Find the names along the rows: the index that pandas stored, else a column of distinct texts
    or of ids, else row numbers.

    pandas gives every frame an unnamed index of whole numbers, so any better column takes
    precedence.
    """
    schema = source.schema
    stored = (schema.pandas_metadata or {}).get("index_columns") or []
    index = [
        schema.names.index(column)
        for column in stored
        if isinstance(column, str) and column in schema.names
    ]
    if len(index) > 1:
        return _join_levels(source, index)
    if index and not (
        pa.types.is_integer(schema.field(index[0]).type)
        and ROW_NUMBER_TITLES.fullmatch(schema.names[index[0]])
    ):
        return _Names(
            _read_texts(source, index[0]), _read_title(schema.names[index[0]]), frozenset(index)
        )
    numbers = _read_range(stored, source.n_rows)
    if not ROW_NUMBER_TITLES.fullmatch(numbers.heading):
        return numbers
    counters = index or _find_counters(source)
    names = _choose_column(source, counters, request)
    if names:
        dropped = [schema.names[i] for i in counters if i not in index]
        notes = (
            (f"Columns that only count rows were dropped: {name_some(dropped)}.",)
            if dropped
            else ()
        )
        return replace(names, used=names.used.union(counters), notes=names.notes + notes)
    if counters:
        numbers = _Names(
            _read_texts(source, counters[0]),
            _read_title(schema.names[counters[0]]),
            frozenset(counters[:1]),
        )
    if not counts_rows(numbers.texts):
        return numbers
    note = (
        f"The file has no column of names; rows are named by their number, from {numbers.texts[0]}."
    )
    return replace(numbers, notes=(note,), are_names=False)


def _find_counters(source: ColumnSource) -> list[int]:
    """Find columns that only count rows, such as ``Unnamed: 0``."""
    titled = [
        i
        for i, field in enumerate(source.schema)
        if pa.types.is_integer(field.type) and ROW_NUMBER_TITLES.fullmatch(field.name)
    ]
    return [i for i in titled if counts_rows(_read_texts(source, i))]


def _read_title(title: str) -> str:
    """Return the heading of an index; pandas stores an unnamed one as ``__index_level_0__``."""
    return "" if title.startswith("__index_level_") else title


def _read_range(stored: list, n_rows: int) -> _Names:
    """Rebuild the index of whole numbers that pandas stores by its start and step; without one,
    count from 0.
    """
    index = stored[0] if stored and isinstance(stored[0], dict) else {}
    start, step = int(index.get("start") or 0), int(index.get("step") or 1)
    return _Names(
        [str(start + step * i) for i in range(n_rows)], _read_title(str(index.get("name") or ""))
    )


def _join_levels(source: ColumnSource, positions: list[int]) -> _Names:
    """Choose the names of an index of several levels: the first level of distinct texts, else all
    joined. Levels are annotations, too.
    """
    titles = [
        _read_title(source.schema.names[i]) or f"level {level}" for level, i in enumerate(positions)
    ]
    levels = [_read_texts(source, i) for i in positions]
    for title, texts, position in zip(titles, levels, positions, strict=True):
        if len(set(texts)) == len(texts):
            note = (
                f"The index has the levels {', '.join(titles)}; the names are {title!r}, whose "
                "values are distinct."
            )
            return _Names(
                texts, title, frozenset([position]), frozenset(positions) - {position}, (note,)
            )
    joined = ["_".join(parts) for parts in zip(*levels, strict=True)]
    note = f"The names are the levels of the index, {', '.join(titles)}, joined by '_'."
    return _Names(joined, "_".join(titles), annotations=frozenset(positions), notes=(note,))


def _choose_column(source: ColumnSource, counters: list[int], request: Request) -> _Names | None:
    """Choose the column of names: distinct texts under a heading of ids, distinct texts, texts or
    whole numbers under a heading of ids.
    """
    schema = source.schema
    texts = {
        i: _read_texts(source, i)
        for i, field in enumerate(schema)
        if _is_text(field.type) and field.name not in request.named
    }
    numbers = {
        i: _read_texts(source, i)
        for i, field in enumerate(schema)
        if _is_number(field.type) and is_id_title(field.name)
    }
    numbers = {
        i: values for i, values in numbers.items() if all(value.isdecimal() for value in values)
    }
    share = {i: len(set(values)) / max(len(values), 1) for i, values in (texts | numbers).items()}
    choices = (
        [i for i in texts if share[i] == 1 and is_id_title(schema.names[i])],
        [i for i in texts if share[i] == 1],
        [i for i in texts if share[i] > 0.5 and is_id_title(schema.names[i])],
        [i for i in numbers if share[i] == 1 and i not in counters],
    )
    columns = next(filter(None, choices), [])
    if not columns:
        return None
    title = schema.names[columns[0]]
    notes = (f"The names are in the column {title!r}.",) if columns[0] or len(columns) > 1 else ()
    return _Names((texts | numbers)[columns[0]], title, frozenset(columns[:1]), notes=notes)


def _find_annotations(source: ColumnSource, positions: list[int], request: Request) -> list[int]:
    """Find columns without expression values, maybe twice: columns that are not numbers, or that
    have the name of an annotation.
    """
    # a property that builds the whole list each time
    schema, titles = source.schema, source.schema.names
    declared = {*request.named, *request.metadata}
    numbers = [i for i in positions if _is_number(schema.field(i).type)]
    by_name = (
        []
        if request.metadata == ("none",)
        else [numbers[k] for k in find_metadata([titles[i] for i in numbers])]
    )
    ids = [
        i
        for i in numbers
        if pa.types.is_integer(schema.field(i).type)
        and is_id_title(titles[i])
        and _is_distinct(source, i)
    ]
    of_other_kind = sorted(set(positions).difference(numbers))
    _refuse_numbers_as_text(
        source, [i for i in of_other_kind if titles[i] not in declared], request.name
    )
    named = [i for i in numbers if titles[i] in declared]
    return [*of_other_kind, *named, *by_name, *ids]


def _is_distinct(source: ColumnSource, position: int) -> bool:
    texts = _read_texts(source, position)
    return len(set(texts)) == len(texts)


def _refuse_numbers_as_text(source: ColumnSource, positions: list[int], name: str) -> None:
    """Refuse numbers stored as text, which may be values or codes."""
    # a property that builds the whole list each time
    schema, titles = source.schema, source.schema.names
    texts = [
        i
        for i in positions
        if _is_text(schema.field(i).type)
        and not is_metadata_name(titles[i])
        and not is_id_title(titles[i])
    ]
    wrong = [titles[i] for i in texts if _are_numbers(_read_texts(source, i))]
    if wrong:
        raise CohortError(
            f"{name}: expected numbers, found numbers stored as text in the columns "
            f"{name_some(wrong)}; store them as numbers if they are "
            f"values of genes, or name them by metadata={wrong[0]} if they are annotations"
        )


def _are_numbers(texts: list[str]) -> bool:
    present = pd.Series([text for text in texts if not is_missing(text)], dtype=object)
    return len(present) > 0 and bool(pd.to_numeric(present, errors="coerce").notna().all())


def _to_frame(source: ColumnSource, positions: list[int], name: str) -> pd.DataFrame:
    """Read columns of annotations with their types."""
    names = source.schema.names
    titles = [names[i] for i in positions]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise CohortError(
            f"{name} has several columns of annotations with the same name: "
            f"{name_some(twice)}; rename all but one of each"
        )
    return (
        source.read(positions).to_pandas(ignore_metadata=True)
        if positions
        else pd.DataFrame(index=range(source.n_rows))
    )
