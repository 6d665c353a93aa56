"""Matrix Market files (matrix.mtx) with files of barcodes and features: Cell Ranger, STARsolo,
Seurat, GEO.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import scipy.sparse

from genexp.errors import CohortError, name_some
from genexp.files.damage import report_damage
from genexp.files.probe import FileProbe, Request, decode, open_stream
from genexp.files.stored import SparseArray
from genexp.files.table import Table
from genexp.formats.format import Format
from genexp.formats.tenx import build_table

NAME = "Matrix Market"
MAGIC = b"%%MatrixMarket"
HEADING = re.compile(
    r"%%MatrixMarket\s+matrix\s+coordinate\s+(real|double|integer)\s+general\s*", re.IGNORECASE
)
BLOCK_BYTES = 4 << 20
"""Text that one thread parses at a time."""
PACKED = r"(\.(gz|bz2|xz))?"
MATRIX = re.compile(rf"(?P<prefix>.*?)(matrix|counts?|cells_x_genes)?\.mtx{PACKED}", re.IGNORECASE)
BARCODES = re.compile(
    rf"(barcodes?|cells|cell_?names|cells_x_genes\.barcodes|colnames)\.(tsv|txt|csv){PACKED}",
    re.IGNORECASE,
)
FEATURES = re.compile(
    rf"(features?|genes?|gene_?names|cells_x_genes\.genes(\.names)?|rownames)\.(tsv|txt|csv){PACKED}",
    re.IGNORECASE,
)
COLUMNS = ("gene_id", "gene_name", "feature_type", "chr", "start", "end")
"""Columns of features.tsv, which has no heading."""


@dataclass(frozen=True)
class Parts:
    """The three files of a matrix."""

    matrix: Path
    barcodes: Path
    features: Path


def recognise(probe: FileProbe) -> bool:
    """Check for a Matrix Market file, or a folder with one."""
    return bool(_list_matrices(probe.path)) if probe.is_folder else probe.head.startswith(MAGIC)


def _list_matrices(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_file() and MATRIX.fullmatch(path.name)
    )


def open_market(probe: FileProbe, request: Request) -> Table:
    """Open a matrix of counts with its barcodes and features; names are gene ids, symbols the
    column ``gene_name``.
    """
    parts = _find_parts(probe)
    with report_damage(probe.name, NAME):
        barcodes, features = _read_lines(parts.barcodes), _read_lines(parts.features)
        matrix = _read_matrix(FileProbe(parts.matrix, probe.name))
        barcodes, features = (_drop_heading(lines, matrix.shape) for lines in (barcodes, features))
        if matrix.shape == (len(barcodes), len(features)) != (len(features), len(barcodes)):
            matrix = matrix.T.tocsc()
        values = SparseArray(
            matrix.data, matrix.indices, matrix.indptr.astype(np.int64), matrix.shape, by_rows=False
        )
        return build_table(
            values, _name_features(features), [line[0] for line in barcodes], probe.name, NAME
        )


def _find_parts(probe: FileProbe) -> Parts:
    """Find the matrix, and the barcodes and features of the same prefix."""
    matrices = _list_matrices(probe.path) if probe.is_folder else [probe.path]
    if len(matrices) > 1:
        names = name_some(path.name for path in matrices)
        raise CohortError(
            f"{probe.name} holds several matrices: {names}; expected the matrix of one "
            "sample: name the .mtx file to read"
        )
    (matrix,) = matrices
    match = MATRIX.fullmatch(matrix.name)
    prefix = match["prefix"] if match else ""
    neighbours = [path for path in sorted(matrix.parent.iterdir()) if path.is_file()]
    matches = [
        _match_names(neighbours, names, prefix) or _match_names(neighbours, names, "")
        for names in (BARCODES, FEATURES)
    ]
    for what, paths in zip(
        ("barcodes (barcodes.tsv)", "features (features.tsv or genes.tsv)"), matches, strict=True
    ):
        if len(paths) != 1:
            names = name_some(path.name for path in (paths or neighbours))
            raise CohortError(
                f"{probe.name}: expected one file of {what} next to {matrix.name}, with the "
                f"same prefix {prefix!r}, found "
                f"{len(paths) or 'none'} among {names}; put the three files of one sample "
                "into one folder"
            )
    return Parts(matrix, matches[0][0], matches[1][0])


def _match_names(paths: list[Path], names: re.Pattern[str], prefix: str) -> list[Path]:
    return [
        path
        for path in paths
        if path.name.startswith(prefix) and names.fullmatch(path.name.removeprefix(prefix))
    ]


def _read_lines(path: Path) -> list[list[str]]:
    """Read the fields of all lines of a list of barcodes or features, separated by tabs or
    commas.
    """
    with open_stream(FileProbe(path, path.name)) as stream:
        text = decode(stream.read())[0]
    if not "".join(set(text) - set("\t\r\n")).isprintable():
        raise CohortError(
            f"{path.name} holds characters that no list of names has; expected text, packed "
            "by gzip or not: is the file complete?"
        )
    delimiter = "," if "\t" not in text and "," in text.partition("\n")[0] else "\t"
    return [
        [field.strip() for field in line]
        for line in csv.reader(text.splitlines(), delimiter=delimiter)
        if line
    ]


def _read_matrix(probe: FileProbe) -> scipy.sparse.csc_matrix:
    """Read a coordinate matrix with Arrow: SciPy's reader kills the process on some damaged
    files.
    """
    with open_stream(probe) as stream:
        heading = decode(stream.readline())[0]
        if not HEADING.fullmatch(heading):
            raise CohortError(
                f"{probe.name}: expected a Matrix Market file of coordinates and real or "
                f"whole numbers, found {heading[:80]!r}"
            )
        sizes = next(line for line in stream if not line.startswith(b"%")).split()
        n_rows, n_columns, n_stored = (int(size) for size in sizes)
        table = pyarrow.csv.read_csv(
            stream,
            pyarrow.csv.ReadOptions(
                column_names=["row", "column", "value"], block_size=BLOCK_BYTES
            ),
            pyarrow.csv.ParseOptions(delimiter=" ", quote_char=False),
            pyarrow.csv.ConvertOptions(
                column_types={"row": pa.int32(), "column": pa.int32(), "value": pa.float32()},
                null_values=[],
            ),
        )
    if table.num_rows != n_stored:
        raise CohortError(
            f"{probe.name}: expected {n_stored} values, as it says, found {table.num_rows}; "
            "is the file complete?"
        )
    rows, columns = (table.column(side).to_numpy() - 1 for side in ("row", "column"))
    return scipy.sparse.csc_matrix(
        (table.column("value").to_numpy(), (rows, columns)), shape=(n_rows, n_columns)
    )


def _drop_heading(lines: list[list[str]], shape: tuple[int, int]) -> list[list[str]]:
    """Drop a heading, which makes the lines one more than a side of the matrix."""
    return lines[1:] if len(lines) not in shape and len(lines) - 1 in shape else lines


def _name_features(lines: list[list[str]]) -> pd.DataFrame:
    """Return features under the column names of Cell Ranger, as many as exist."""
    width = min(max(map(len, lines), default=1), len(COLUMNS))
    padded = [(line + [""] * width)[:width] for line in lines]
    return pd.DataFrame(padded, columns=list(COLUMNS[:width]), dtype=object)


FORMAT = Format(
    NAME,
    (
        "%%MatrixMarket in the first line, or a folder with one such .mtx file; barcodes and "
        "features next to it"
    ),
    recognise,
    open_market,
)
