"""Matrices as their files lay them out: names first, values once it is known which way round and which samples.

Values go from the file to one float32 array. A text matrix is parsed in pieces, each by its own thread while the next one
is decompressed; Parquet is read by blocks of columns, h5ad by blocks of rows. Beside X stand a few blocks, never a second X.
"""

from __future__ import annotations

import csv
import mmap
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from isal import igzip

from genexp.cohort.source import read_ending
from genexp.errors import CohortError, name_some

PIECE_BYTES = 4 << 20
"""Text that one thread parses at a time."""

BLOCK_BYTES = 32 << 20
"""Values of a Parquet file that are read at a time."""

MISSING = ["", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL"]
"""What a missing value may look like in text."""

NUMBERS = (pa.types.is_floating, pa.types.is_integer, pa.types.is_null)

Fill = Callable[[bool, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Matrix:
    """A matrix whose values wait in the file.

    Parameters
    ----------
    row_ids, column_ids : list of str
        Names along the file's rows and columns.
    title : str
        Heading of the column of row names, empty if it has none.
    fill : callable
        ``fill(genes_in_rows, keep)`` gives X (len(keep), n_genes) of float32, C-contiguous: samples in rows, those at the positions
        ``keep`` alone, NaN where a value is missing. To be called once: text is let go of while X fills.
    obs : DataFrame or None
        Annotations that the file itself holds; its rows are samples then.
    """

    row_ids: list[str]
    column_ids: list[str]
    title: str
    fill: Fill
    obs: pd.DataFrame | None = None


def open_matrix(path: Path, name: str) -> Matrix:
    """Open a Parquet, text or h5ad matrix; ``name`` stands in messages."""
    ending = read_ending(path.name)
    opener = {".parquet": _open_parquet, ".pq": _open_parquet, ".h5ad": _open_h5ad}.get(ending, _open_text)
    matrix = opener(path, name)
    if not matrix.row_ids or not matrix.column_ids:
        shape = f"{len(matrix.row_ids)} rows and {len(matrix.column_ids)} columns of values"
        raise CohortError(f"{name} has {shape}; expected a matrix of samples and genes with names along both sides")
    return matrix


# ---- text ------------------------------------------------------------------------------------------------------------------


def open_text(path: Path) -> BinaryIO:
    """Stream a text file, decompressed where its first bytes say gzip: by ISA-L, in a third of zlib's time."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, igzip.open(path, "rb")) if packed else path.open("rb")  # type: ignore[no-untyped-call]


def find_delimiter(line: str, path: Path) -> str:
    """Delimiter of a table: that of the ending where the heading has it, else the most frequent of tab, comma, semicolon."""
    usual = "," if ".csv" in path.name.lower() else "\t"
    return usual if usual in line else max("\t,;", key=line.count)


def _open_text(path: Path, name: str) -> Matrix:
    try:
        with open_text(path) as stream:
            pieces = _cut_pieces(stream)
            head = next(pieces, b"")
            layout, body = _read_layout(head, path, name)
            names, blocks = _parse_pieces(body, pieces, layout)
    except (OSError, EOFError) as error:
        raise CohortError(f"{name} cannot be decompressed ({error}); is it complete?") from None
    return Matrix(names, layout.names[1:], layout.names[0], lambda genes_in_rows, keep: _fill_from_blocks(blocks, genes_in_rows, keep))


@dataclass(frozen=True)
class _Layout:
    """How a text table is written: its headings (row names included), delimiter, and the file's name for messages."""

    names: list[str]
    delimiter: str
    file: str


def _cut_pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Pieces of about PIECE_BYTES that end with a line."""
    rest = b""
    while text := stream.read(PIECE_BYTES):
        end = text.rfind(b"\n") + 1
        if not end:
            rest += text
            continue
        yield rest + text[:end]
        rest = text[end:]
    if rest:
        yield rest


def _read_layout(head: bytes, path: Path, name: str) -> tuple[_Layout, bytes]:
    """Split the heading off. R writes no heading above row names: then the first line is one field shorter than the second."""
    first, _, body = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    try:
        line, second = first.decode().rstrip("\r"), body.partition(b"\n")[0].decode()
    except UnicodeDecodeError:
        raise CohortError(f"{name} is not text (UTF-8), though its name says so; rename it to the format that it has") from None
    delimiter = find_delimiter(line, path)
    names, values = next(csv.reader([line], delimiter=delimiter), []), next(csv.reader([second], delimiter=delimiter), [])
    if len(names) < 2 and len(values) < 2:
        raise CohortError(f"{name}: expected columns separated by tab or comma, found one column ({line[:60]!r})")
    return _Layout(["", *names] if len(values) == len(names) + 1 else names, delimiter, name), body


def _parse_pieces(first: bytes, pieces: Iterator[bytes], layout: _Layout) -> tuple[list[str], deque[np.ndarray]]:
    """Row names, and blocks (rows of the piece, n_columns) of float32, in the order of the file."""
    names: list[str] = []
    blocks: deque[np.ndarray] = deque()
    waiting: deque[Future[tuple[list[str], np.ndarray]]] = deque()

    def collect() -> None:
        ids, block = waiting.popleft().result()
        names.extend(ids)
        blocks.append(block)

    n_threads = count_threads()
    with ThreadPoolExecutor(n_threads) as pool:
        for piece in _chain(first, pieces):
            waiting.append(pool.submit(_parse_piece, piece, layout))
            if len(waiting) > n_threads + 1:
                collect()
        while waiting:
            collect()
    return names, blocks


def count_threads() -> int:
    """Cores that this process may use, at most 16."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 16)


def _chain(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if first.strip():
        yield first
    yield from pieces


def _parse_piece(piece: bytes, layout: _Layout) -> tuple[list[str], np.ndarray]:
    """Names and values of some lines.

    Names become zeros and delimiters ends of lines, so that the piece is parsed as a single column, which costs the same whether a
    line has ten values or fifty thousand.
    """
    text, mark, n_columns = bytearray(piece), layout.delimiter.encode(), len(layout.names)
    names, start = [], 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        if not text[start:end].strip():
            del text[start : end + 1]
            continue
        quoted = text[start : start + 1] == b'"'
        stop = text.find(b'"' + mark if quoted else mark, start + quoted, end)
        stop = end if stop < 0 else stop + quoted
        names.append(text[start + quoted : stop - quoted].decode(errors="replace"))
        if (n_found := text.count(mark, stop, end) + 1) != n_columns:
            raise _describe_irregular(n_found, names[-1], layout)
        text[start:stop] = b"0" * (stop - start)
        start = end + 1
    if not names:
        return [], np.empty((0, n_columns - 1), dtype=np.float32)
    letters = np.frombuffer(text, dtype=np.uint8)
    letters ^= (letters == mark[0]) * np.uint8(mark[0] ^ ord("\n"))
    try:
        column = _parse_column(text, pa.float32())
    except pa.ArrowInvalid:
        raise _describe_texts(_parse_column(text, pa.string()), names, layout) from None
    block = _allocate(len(names), n_columns - 1)  # Arrow and malloc would keep the memory when the block is done with
    block[:] = column.to_numpy(zero_copy_only=False).reshape(len(names), n_columns)[:, 1:]
    return names, block


def _parse_column(text: bytearray, kind: pa.DataType) -> pa.Array:
    """Values of one column, one a line, null where missing."""
    table = pyarrow.csv.read_csv(
        pa.BufferReader(text),
        pyarrow.csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=["value"]),
        pyarrow.csv.ParseOptions(delimiter="\t", quote_char='"' if b'"' in text else False, ignore_empty_lines=False),
        pyarrow.csv.ConvertOptions(column_types={"value": kind}, null_values=MISSING, strings_can_be_null=True),
    )
    return table.column(0).combine_chunks()


def _describe_irregular(n_found: int, name: str, layout: _Layout) -> CohortError:
    return CohortError(
        f"{layout.file} is not a regular table: its heading has {len(layout.names)} columns, row {name[:60]!r} "
        f"has {n_found}; is the file complete, and is its delimiter {layout.delimiter!r}?"
    )


def _describe_texts(column: pa.Array, names: list[str], layout: _Layout) -> CohortError:
    """Name the texts that stand where numbers should be."""
    values = column.to_pandas()
    wrong = np.flatnonzero(values.notna() & pd.to_numeric(values, errors="coerce").isna())
    rows, columns = np.divmod(wrong, len(layout.names))
    texts = [f"{values[k]!r} at {names[i]}, {layout.names[j]}" for k, i, j in zip(wrong, rows, columns, strict=True)]
    return CohortError(
        f"{layout.file}: expected numbers, found text in {name_some(texts)} places of the first part that has any; "
        "a matrix holds one column of names and numbers otherwise: annotations belong in obs, a missing value is empty or NA"
    )


def _fill_from_blocks(blocks: deque[np.ndarray], genes_in_rows: bool, keep: np.ndarray) -> np.ndarray:
    """Lay blocks (some rows, n_columns) out as samples by genes, releasing each."""
    n_rows, n_columns = sum(len(block) for block in blocks), blocks[0].shape[1]
    X = _allocate(len(keep), n_rows if genes_in_rows else n_columns)
    start = place = 0
    with ThreadPoolExecutor(count_threads()) as pool:  # a transposition waits for memory, in which threads help each other
        columns = []
        while blocks:
            block = blocks.popleft()
            if genes_in_rows:
                columns.append(pool.submit(_put_columns, X, block, start, keep))
            else:
                place = _put_rows(X, block, start, keep, place)
            start += len(block)
        for done in columns:
            done.result()
    return X


def _put_columns(X: np.ndarray, block: np.ndarray, start: int, keep: np.ndarray) -> None:
    """Transpose rows ``start``, ``start + 1``, ... of the file into columns of X."""
    X[:, start : start + len(block)] = block.T if len(keep) == block.shape[1] else block[:, keep].T


def _put_rows(X: np.ndarray, block: np.ndarray, start: int, keep: np.ndarray, place: int) -> int:
    """Copy the kept ones of the rows ``start``, ``start + 1``, ... to X at ``place``; the place after them."""
    kept = keep[(keep >= start) & (keep < start + len(block))] - start
    X[place : place + len(kept)] = block if len(kept) == len(block) else block[kept]
    return place + len(kept)


def _allocate(n_rows: int, n_columns: int) -> np.ndarray:
    """Matrix of float32 whose memory is taken page by page as it is written.

    ``np.empty`` asks for huge pages, all of which the first column would take, while what fills the matrix still stands beside it.
    """
    return np.frombuffer(mmap.mmap(-1, 4 * n_rows * n_columns, access=mmap.ACCESS_COPY), dtype=np.float32).reshape(n_rows, n_columns)


# ---- Parquet ---------------------------------------------------------------------------------------------------------------


def _open_parquet(path: Path, name: str) -> Matrix:
    try:
        file = pa.parquet.ParquetFile(path, memory_map=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise CohortError(f"{name} is not a Parquet file ({error})") from None
    names, kinds = file.schema_arrow.names, file.schema_arrow.types
    index = _find_index(file.schema_arrow, name)
    values = [i for i in range(len(names)) if i != index]
    texts = [names[i] for i in values if not any(is_number(kinds[i]) for is_number in NUMBERS)]
    if texts:
        raise CohortError(
            f"{name}: expected numbers, found columns of another kind: {name_some(texts)}; a matrix holds one column of names and "
            "numbers otherwise: annotations belong in obs"
        )
    ids = file.reader.read_all(column_indices=[index]).column(0).to_pylist()
    return Matrix(
        ["" if text is None else str(text) for text in ids],
        [names[i] for i in values],
        "" if names[index].startswith("__index_level") else names[index],
        lambda genes_in_rows, keep: _fill_from_parquet(file, values, genes_in_rows, keep),
    )


def _find_index(schema: pa.Schema, name: str) -> int:
    """Position of the column of row names: the index that pandas stored, else the first column if it is text."""
    stored = [column for column in (schema.pandas_metadata or {}).get("index_columns", []) if isinstance(column, str)]
    if len(stored) == 1 and stored[0] in schema.names:
        return schema.names.index(stored[0])
    first = schema.types[0] if schema.names else pa.null()
    if pa.types.is_dictionary(first):
        first = first.value_type
    if not (pa.types.is_string(first) or pa.types.is_large_string(first)):
        found = f"an index of {len(stored)} levels" if stored else f"a first column of {first}"
        raise CohortError(f"{name}: expected row names as an index that pandas stored or as a first column of text, found {found}")
    return 0


def _fill_from_parquet(file: pa.parquet.ParquetFile, columns: list[int], genes_in_rows: bool, keep: np.ndarray) -> np.ndarray:
    """Read blocks of columns into place."""
    n_rows = file.metadata.num_rows
    X = _allocate(len(keep), n_rows if genes_in_rows else len(columns))
    wanted = [columns[i] for i in keep] if genes_in_rows else columns
    at_a_time = max(1, BLOCK_BYTES // (4 * n_rows))
    for start in range(0, len(wanted), at_a_time):
        block = _read_columns(file, wanted[start : start + at_a_time])
        if genes_in_rows:
            X[start : start + at_a_time] = block
        else:
            X[:, start : start + at_a_time] = block.T if len(keep) == n_rows else block.T[keep]
    return X


def _read_columns(file: pa.parquet.ParquetFile, positions: list[int]) -> np.ndarray:
    """Columns by position, (n_positions, n_rows) of float32. The public ``read`` takes names, and gene names may have dots or be double."""
    table = file.reader.read_all(column_indices=positions, use_threads=True)
    if any(kind != pa.float32() for kind in table.schema.types):
        table = table.cast(pa.schema([pa.field(name, pa.float32()) for name in table.column_names]))
    batch = table.combine_chunks().to_batches()[0]
    return batch.to_tensor(null_to_nan=True, row_major=False).to_numpy().T


# ---- h5ad ------------------------------------------------------------------------------------------------------------------


def _open_h5ad(path: Path, name: str) -> Matrix:
    import anndata

    try:
        stored = anndata.read_h5ad(path, backed="r")
    except Exception as error:  # whatever h5py and anndata raise on a broken file
        raise CohortError(f"{name} is not an AnnData file ({type(error).__name__}: {error})") from None
    return Matrix(
        [str(text) for text in stored.obs_names],
        [str(text) for text in stored.var_names],
        "sample_id",
        lambda genes_in_rows, keep: _fill_from_h5ad(stored, genes_in_rows, keep),
        obs=stored.obs.copy(),
    )


def _fill_from_h5ad(stored: Any, genes_in_rows: bool, keep: np.ndarray) -> np.ndarray:
    """Read a dense X in blocks of rows straight into place; a sparse one becomes dense in blocks too."""
    n_rows, n_columns = stored.shape
    X = _allocate(len(keep), n_rows if genes_in_rows else n_columns)
    at_a_time = max(1, BLOCK_BYTES // (4 * n_columns))
    place = 0
    for start in range(0, n_rows, at_a_time):
        block = stored.X[start : min(start + at_a_time, n_rows)]
        block = block.toarray() if hasattr(block, "toarray") else block
        if genes_in_rows:
            X[:, start : start + len(block)] = block.T[keep]
        else:
            place = _put_rows(X, block, start, keep, place)
    stored.file.close()
    return X
