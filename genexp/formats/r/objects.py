"""Objects of R as rdata parses them: their attributes, texts, matrices and columns of data
frames.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
from rdata.parser import RObject, RObjectType

from genexp.errors import CohortError, name_some
from genexp.files.probe import decode
from genexp.files.stored import SparseArray
from genexp.files.table import DenseValues, Values

NUMBERS = (RObjectType.REAL, RObjectType.INT, RObjectType.LGL)
ROW_NAMES = "rownames"
"""Heading of the row names of a data frame."""
UNITS = {"Date": "D", "POSIXct": "s"}


def walk_pairs(pairs: RObject | None) -> Iterator[tuple[str, RObject]]:
    """Yield tags and values of a pairlist, in which R keeps attributes and the variables of a
    file.
    """
    while pairs is not None and pairs.info.type is RObjectType.LIST:
        value, tail = pairs.value
        yield _read_symbol(pairs.tag), value
        pairs = tail


def _read_symbol(symbol: RObject | None) -> str:
    if symbol is None:
        return ""
    symbol = symbol.referenced_object or symbol
    return decode(symbol.value.value)[0]


def read_attributes(item: RObject) -> dict[str, RObject]:
    """Read the attributes of an object, or the slots of an S4 object."""
    return dict(walk_pairs(item.attributes))


def read_r_texts(item: RObject | None) -> list[str | None]:
    """Read the texts of a character vector, None where NA; no texts for NULL."""
    if item is None or item.info.type is not RObjectType.STR:
        return []
    return [None if text.value is None else decode(text.value)[0] for text in item.value]


def read_names(item: RObject | None) -> list[str]:
    """Read the texts of a character vector, empty where NA."""
    return [text or "" for text in read_r_texts(item)]


def read_classes(item: RObject) -> list[str]:
    """Read the classes of an object, such as ``data.frame``."""
    return read_names(read_attributes(item).get("class"))


def read_numbers(item: RObject) -> np.ndarray:
    """Read the numbers of a vector, NaN where NA; whole numbers with NA become float64."""
    values = item.value
    if isinstance(values, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(values), np.nan, values.data)
    return values


def read_dimensions(item: RObject) -> tuple[int, ...]:
    """Read the dimensions of an array; none for a vector."""
    dim = read_attributes(item).get("dim")
    return (
        ()
        if dim is None or item.info.type not in NUMBERS
        else tuple(int(length) for length in dim.value)
    )


def is_matrix(item: RObject) -> bool:
    """Check whether an object is a matrix of numbers, dense or sparse by columns."""
    return len(read_dimensions(item)) == 2 or read_classes(item)[:1] == ["dgCMatrix"]


def read_matrix(item: RObject) -> tuple[Values, tuple[int, ...], RObject | None]:
    """Read the values of a matrix, its shape, and its dimnames."""
    attributes = read_attributes(item)
    if "dim" in attributes:
        shape = read_dimensions(item)
        return (
            DenseValues(read_numbers(item).reshape(shape, order="F")),
            shape,
            attributes.get("dimnames"),
        )
    n_rows, n_columns = (int(length) for length in attributes["Dim"].value)
    indices, indptr = (np.asarray(attributes[slot].value) for slot in ("i", "p"))
    values = SparseArray(
        read_numbers(attributes["x"]),
        indices,
        indptr.astype(np.int64),
        (n_rows, n_columns),
        by_rows=False,
    )
    return values, (n_rows, n_columns), attributes.get("Dimnames")


def read_dimnames(dimnames: RObject | None) -> tuple[list[str], list[str], str]:
    """Read the names of rows and columns, empty where absent, and the heading of the row names."""
    if dimnames is None or dimnames.info.type is not RObjectType.VEC:
        return [], [], ""
    rows, columns = (read_names(side) for side in dimnames.value)
    return rows, columns, (read_names(read_attributes(dimnames).get("names")) or [""])[0]


def read_r_frame(item: RObject, name: str) -> pa.Table:
    """Read the columns of a data frame; row names other than R's own numbers come first, under the
    heading ``rownames``.
    """
    attributes = read_attributes(item)
    columns = read_list(item)
    odd = [
        f"{title} ({(read_classes(column) or [column.info.type.name])[0]})"
        for title, column in columns
        if not is_vector(column)
    ]
    if odd:
        raise CohortError(
            f"{name}: expected a data frame of numbers, texts and factors, found the columns "
            f"{name_some(odd)}; remove them"
        )
    table = read_vectors(columns)
    stored = attributes.get("row.names")
    if stored is None or (
        stored.info.type is not RObjectType.STR and np.ma.is_masked(stored.value)
    ):  # R stores automatic row names as NA and their number
        return table
    row_names = (
        pa.array(read_names(stored), pa.string())
        if stored.info.type is RObjectType.STR
        else pa.array(np.asarray(stored.value))
    )
    return (
        table.add_column(0, ROW_NAMES, row_names)
        if columns
        else pa.table([row_names], names=[ROW_NAMES])
    )


def read_list(item: RObject) -> list[tuple[str, RObject]]:
    """Read the names and values of a list; no pairs without names."""
    titles = read_names(read_attributes(item).get("names"))
    return list(zip(titles, item.value, strict=True)) if titles else []


def is_vector(item: RObject) -> bool:
    """Check whether an object is a vector of numbers or texts, or a factor."""
    return item.info.type in (*NUMBERS, RObjectType.STR) and "dim" not in read_attributes(item)


def read_vectors(columns: list[tuple[str, RObject]]) -> pa.Table:
    """Read vectors of one length as columns."""
    return pa.table(
        [_read_vector(column) for _, column in columns], names=[title for title, _ in columns]
    )


def _read_vector(column: RObject) -> pa.Array:
    classes = read_classes(column)
    if column.info.type is RObjectType.STR:
        return pa.array(read_r_texts(column), pa.string())
    missing = (
        np.ma.getmaskarray(column.value) if isinstance(column.value, np.ma.MaskedArray) else None
    )
    if "factor" in classes:
        codes = np.ma.filled(column.value, 1) - 1
        levels = read_names(read_attributes(column)["levels"])
        return pa.DictionaryArray.from_arrays(
            pa.array(codes, mask=missing), pa.array(levels, pa.string())
        )
    unit = next((UNITS[kind] for kind in classes if kind in UNITS), "")
    if unit:
        return pa.array(pd.to_datetime(pd.Series(read_numbers(column)), unit=unit))
    return pa.array(np.asarray(column.value), mask=missing)
