"""Text with delimiters or line ends inside quotes, or separated by blanks: read whole."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from genexp.errors import CohortError
from genexp.files.blocks import BlockValues
from genexp.files.cells import parse_cells
from genexp.files.layout import BLANKS, DELIMITER_NAMES, Layout, refuse_second_heading
from genexp.files.probe import decode
from genexp.files.table import Table, list_text_rows, name_apart


def open_quoted(pieces: Iterator[bytes], layout: Layout) -> Table:
    """Open a text matrix of a known layout."""
    cells = read_cells(decode(b"".join(pieces))[0], layout)
    names = (
        cells[layout.names_at].to_list()
        if layout.names_at >= 0
        else [str(i) for i in range(len(cells))]
    )
    texts = cells[layout.values].to_numpy(dtype=object)
    if layout.decimal == ",":
        texts = np.array(
            [[text.replace(",", ".") for text in row] for row in texts], dtype=object
        ).reshape(texts.shape)
    values, is_text = parse_cells(pa.array(texts.ravel(), pa.string()), names, layout)
    kept = np.flatnonzero(~is_text)
    columns = [layout.headings[i] for i in layout.values]
    refuse_second_heading(texts[is_text].tolist(), layout.headings, layout.file)
    annotations = name_apart(
        cells.iloc[kept][list(layout.texts)].set_axis(
            [layout.headings[i] for i in layout.texts], axis=1
        )
    )
    return Table(
        [names[i] for i in kept],
        columns,
        BlockValues(deque([values[kept]])),
        heading=layout.headings[layout.names_at] if layout.names_at >= 0 else "",
        row_annotations=annotations.reset_index(drop=True).astype(object),
        column_annotations=list_text_rows(
            [(names[i], list(texts[i])) for i in np.flatnonzero(is_text)], len(columns)
        ),
        format=f"text separated by {DELIMITER_NAMES[layout.delimiter]}",
        named_rows=layout.names_at >= 0,
        notes=layout.notes,
    )


def read_cells(text: str, layout: Layout) -> pd.DataFrame:
    """Read the cells of all lines below the heading as text without surrounding blanks, columns
    numbered.
    """
    lines = text.split("\n", layout.n_skipped + 1)
    rows = read_rows(
        lines[-1] if len(lines) > layout.n_skipped + 1 else "", layout.delimiter, layout.file
    )
    check_widths(rows, layout.headings, layout.delimiter, layout.file)
    return pd.DataFrame(rows, columns=range(len(layout.headings)), dtype=object)


def read_rows(text: str, delimiter: str, name: str) -> list[list[str]]:
    """Read the fields of all lines that are not blank, without surrounding blanks; quotes may
    enclose delimiters and line ends.

    Raises
    ------
    CohortError
        A quote is not closed.
    """
    if delimiter == BLANKS:
        text = "\n".join(line.replace("\t", " ").strip() for line in text.split("\n"))
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
        rows = [[field.strip() for field in row] for row in reader]
    except csv.Error as error:
        raise CohortError(
            f"{name} is not a regular table (line {reader.line_num}: {error}); expected "
            "quotes around whole fields, or none: is the "
            "file complete?"
        ) from None
    return [row for row in rows if any(row)]


def check_widths(
    rows: Sequence[list[str]], headings: Sequence[str], delimiter: str, name: str
) -> None:
    """Refuse lines with more or fewer fields than the heading; empty fields at the end do not
    count.

    A field without a title at the end is empty in most lines, because they end with a delimiter: a
    line with a value there has a field more than the others.
    """
    width = len(headings)
    for row in rows:
        while len(row) > width and not row[-1]:
            row.pop()
        if len(row) != width:
            raise CohortError(_describe_width(name, width, row, delimiter))
    longer = [row for row in rows if row[-1]] if rows and not headings[-1] else []
    if 0 < 2 * len(longer) < len(rows):
        raise CohortError(_describe_width(name, width - 1, longer[0], delimiter))


def _describe_width(name: str, width: int, row: list[str], delimiter: str) -> str:
    return (
        f"{name} is not a regular table: its heading has {width} fields, the line of "
        f"{row[0][:60]!r} has {len(row)}; is the file "
        f"complete, and is its delimiter {DELIMITER_NAMES[delimiter]}?"
    )
