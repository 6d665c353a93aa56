"""GCT files: a version, the numbers of rows and columns, and a matrix of genes by samples; 1.3 with
annotations of both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.probe import FileProbe, Request
from genexp.files.table import Table
from genexp.formats.delimited import open_text
from genexp.formats.format import Format
from genexp.formats.textstream import LineFilter, TextStream, as_binary, split_fields
from genexp.names.likeness import is_missing

VERSIONS = ("#1.2", "#1.3")
NOT_GIVEN = "-666"
"""Mark of GCT 1.3 in cells where rows and columns of annotations cross."""
NAME = "Name"
MAX_LOOK = 200


@dataclass(frozen=True)
class _Preamble:
    """Lines above the values.

    Parameters
    ----------
    version : str
        ``1.2`` or ``1.3``.
    n_rows : int
        Genes.
    heading : str
        Heading of the names of genes.
    of_genes, samples : list of str
        Headings of the annotations of genes, and names of the samples.
    of_samples : DataFrame, (n_columns, ...)
        Annotations of the samples, by name.
    has_ids : bool
        Whether a column of numbers precedes the names of genes, as in files of GTEx.
    """

    version: str
    n_rows: int
    heading: str
    of_genes: list[str]
    samples: list[str]
    of_samples: pd.DataFrame
    has_ids: bool = False


def open_gct(probe: FileProbe, request: Request) -> Table:
    """Open a GCT file.

    Raises
    ------
    CohortError
        The file has other rows or columns than its second line gives.
    """
    with TextStream(probe) as stream:
        preamble = _read_preamble(stream)
        names = [f"{title}\x00" for title in preamble.of_genes]  # no sample has such a name
        heading = "\t".join([NAME, *names, *preamble.samples]) + "\n"
        asked = replace(request, metadata=("none",), named=frozenset(names))
        if not preamble.has_ids:
            stream.put_back(heading.encode())
        table = open_text(
            as_binary(
                LineFilter(stream, heading.encode(), _drop_id) if preamble.has_ids else stream
            ),
            probe,
            asked,
        )
    if len(table.rows) != preamble.n_rows or len(table.column_annotations.columns):
        raise CohortError(
            f"{probe.name}: expected {preamble.n_rows:,} rows of values, as its second line "
            f"says, found {len(table.rows):,}"
            f"{_name_texts(table)}; is it complete? If it is, correct that line"
        )
    return replace(
        table,
        heading=preamble.heading,
        row_annotations=table.row_annotations.set_axis(preamble.of_genes, axis=1),
        column_annotations=preamble.of_samples,
        genes_in_rows=True,
        format=f"GCT {preamble.version}",
    )


def _drop_id(line: bytes) -> bytes:
    """Drop the first field of a line."""
    return line.partition(b"\t")[2]


def _name_texts(table: Table) -> str:
    texts = table.column_annotations.columns
    return f", and rows of text {name_some(texts)}" if len(texts) else ""


def read_gct_annotations(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read the annotations of the samples of a GCT 1.3 file: one row per sample, names in the first
    column.
    """
    with TextStream(probe) as stream:
        preamble = _read_preamble(stream)
    if preamble.of_samples.columns.empty:
        raise CohortError(
            f"{probe.name} is a GCT {preamble.version} file without annotations of samples; "
            "expected a GCT 1.3 file with annotations, or "
            "a table"
        )
    table = preamble.of_samples.copy()
    table.insert(0, preamble.heading, preamble.samples, allow_duplicates=True)
    return table


def _read_preamble(stream: TextStream) -> _Preamble:
    first = split_fields(stream.next_line())[0]
    if first not in VERSIONS:
        raise CohortError(
            f"{stream.name}: expected a first line #1.2 or #1.3 of a GCT file, found "
            f"{first[:60]!r}; is it complete?"
        )
    version = first.removeprefix("#")
    sizes = _read_sizes(stream, version)
    headings = split_fields(stream.next_line())
    while headings and not headings[-1]:
        headings.pop()
    if version == "1.3":
        return _read_annotated(stream, sizes, headings)
    n_rows, n_columns = sizes
    starts = [title.lower() for title in headings[: len(headings) - n_columns]]
    # GTEx has a column of ids before the names
    if starts not in (["name", "description"], ["id", "name", "description"]):
        raise CohortError(
            f"{stream.name}: expected the headings Name and Description and the names of "
            f"{n_columns:,} samples in the third line of a "
            f"GCT file, found {name_some(headings)}; is it complete?"
        )
    has_ids = len(starts) == 3
    heading, *of_genes = headings[has_ids : len(starts)]
    return _Preamble(
        version,
        n_rows,
        heading,
        of_genes,
        headings[len(starts) :],
        pd.DataFrame(index=range(n_columns)),
        has_ids,
    )


def _read_sizes(stream: TextStream, version: str) -> list[int]:
    fields = [field for field in split_fields(stream.next_line()) if field]
    n_expected = 2 if version == "1.2" else 4
    if (
        len(fields) != n_expected
        or not all(field.isdecimal() for field in fields)
        or "0" in fields[:2]
    ):
        raise CohortError(
            f"{stream.name}: expected {n_expected} whole numbers, of rows and columns, in "
            f"the second line of a GCT {version} file, found "
            f"{name_some(fields)}"
        )
    return [int(field) for field in fields]


def _read_annotated(stream: TextStream, sizes: list[int], headings: list[str]) -> _Preamble:
    """Read the headings of GCT 1.3 and the rows below them that annotate samples."""
    n_rows, n_columns, n_of_genes, n_of_samples = sizes
    if len(headings) != 1 + n_of_genes + n_columns or headings[0].lower() not in (
        "id",
        "name",
        "rid",
        "cid",
    ):
        raise CohortError(
            f"{stream.name}: expected the heading id, {n_of_genes} of annotations of genes "
            f"and {n_columns:,} samples in the third line of "
            f"a GCT 1.3 file, found {name_some(headings)}; is it complete?"
        )
    columns: dict[str, list[str]] = {}
    for _ in range(n_of_samples):
        title, *values = split_fields(stream.next_line())
        corner, values = values[:n_of_genes], values[n_of_genes : n_of_genes + n_columns]
        if (
            len(values) != n_columns
            or title in columns
            or not all(is_missing(text) or text == NOT_GIVEN for text in corner)
        ):
            raise CohortError(
                f"{stream.name}: expected {n_of_samples} rows that annotate {n_columns:,} "
                "samples below the headings of a GCT 1.3 file, "
                f"found the row {title[:60]!r}; is it complete?"
            )
        columns[title] = values
    of_samples = pd.DataFrame(columns, index=range(n_columns), dtype=object)
    return _Preamble(
        "1.3",
        n_rows,
        headings[0],
        headings[1 : n_of_genes + 1],
        headings[n_of_genes + 1 :],
        of_samples,
    )


def _is_gct(probe: FileProbe) -> bool:
    """Check whether a file is GCT, also where the line of its version is missing or moved, which is
    refused later.
    """
    if any(line.strip() in VERSIONS for line in probe.lines[:MAX_LOOK]):
        return True
    sizes, headings = [*(line.split() for line in probe.lines[:2]), [], []][:2]
    has_sizes = len(sizes) in (2, 4) and all(field.isdecimal() for field in sizes)
    return has_sizes and headings[:1] != [] and headings[0].lower() in ("name", "id")


FORMAT = Format(
    "GCT",
    "a first line #1.2 or #1.3",
    _is_gct,
    open_gct,
    read_gct_annotations,
)
