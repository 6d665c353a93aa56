"""Text separated by delimiters: a heading, then a name and numbers on every line.

Values go from the file to one float32 array: pieces of text are parsed by threads while the next is
decompressed. A piece is parsed as one column, with its delimiters made ends of lines, which costs
the same for lines of ten values and of fifty thousand.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from genexp.cores import count_cores
from genexp.errors import CohortError
from genexp.files.blocks import MAX_THREADS, BlockValues, allocate
from genexp.files.cells import MISSING, parse_cells
from genexp.files.layout import BLANKS, DELIMITER_NAMES, Layout, find_layout, refuse_second_heading
from genexp.files.probe import (
    UNPACK_ERRORS,
    FileProbe,
    Request,
    decode,
    find_wide_encoding,
    open_stream,
)
from genexp.files.quoted import open_quoted
from genexp.files.table import Table, list_text_rows, name_apart
from genexp.files.tabular import read_text_annotations
from genexp.formats.format import Format

PIECE_BYTES = 4 << 20
"""Text that one thread parses at a time."""
EMPTY = b" \t\r\n,;|"
"""Characters of a line without fields."""
HEAD_FIELDS = 100_000
"""Number of fields that are inspected to recognise the layout."""


OPEN_END = (
    "The last line of the file does not end with a line break: if the file was cut there, its "
    "last number is too short."
)


class IrregularError(Exception):
    """A line has too many or too few fields, as where quotes hold a delimiter or an end of line."""

    def __init__(self, message: str, is_quoted: bool = False) -> None:
        super().__init__(message)
        self.is_quoted = is_quoted


def open_delimited(probe: FileProbe, request: Request) -> Table:
    """Open a text matrix."""
    with open_stream(probe) as stream:
        return open_text(stream, probe, request)


def open_text(stream: BinaryIO, probe: FileProbe, request: Request, stop: bytes = b"") -> Table:
    """Open the text matrix of a stream at its first line.

    Parameters
    ----------
    stream : binary file
    probe : FileProbe
        Source of the stream; it is opened again where quotes need a slower reader.
    request : Request
    stop : bytes
        Start of the line at which the matrix ends; empty: it ends with the stream.
    """
    try:
        encoding, stream = recode(stream)
        pieces = _Pieces(stream, stop)
        head = _read_head(pieces)
        layout = find_layout(_first_lines(head), probe.name, request)
        if encoding not in ("UTF-8", ""):
            layout = replace(layout, notes=(*layout.notes, f"The text is read as {encoding}."))
        body = _skip_lines(head, layout.n_skipped + 1)
        if layout.delimiter == BLANKS:
            return open_quoted(_chain(head, pieces), layout)
        if b'"' in body and _has_quoted_delimiters(body, layout):
            return open_quoted(_chain(head, pieces), layout)
        parsed = _parse_pieces(_chain(body, pieces), layout)
    except IrregularError as error:
        # quotes after the first piece: read again by the slower reader
        if error.is_quoted and not stop:
            with open_stream(probe) as again:
                return open_quoted(iter([recode(again)[1].read()]), layout)
        raise CohortError(str(error)) from None
    except UNPACK_ERRORS as error:
        raise CohortError(
            f"{probe.name} cannot be decompressed ({error}); is it complete?"
        ) from None
    if pieces.has_open_end:
        layout = replace(layout, notes=(*layout.notes, OPEN_END))
    return _build_table(parsed, layout)


def recode(stream: BinaryIO) -> tuple[str, BinaryIO]:
    r"""Recode UTF-16, UTF-32 and text with old Macintosh line ends as UTF-8 with ``\n``; pass on
    other text unchanged.
    """
    start = stream.read(1 << 16)
    whole = cast(BinaryIO, _Joined(start, stream))
    if find_wide_encoding(start):
        text, encoding = decode(whole.read())
        return encoding, io.BytesIO(text.replace("\r\n", "\n").replace("\r", "\n").encode())
    if b"\n" not in start and b"\r" in start:
        return decode(start)[1], io.BytesIO(whole.read().replace(b"\r", b"\n"))
    return decode(start[: start.rfind(b"\n") + 1] or start)[1], whole


class _Joined(io.RawIOBase):
    """A stream whose first bytes have been read already."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self.start, self.stream = start.removeprefix(b"\xef\xbb\xbf"), stream

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            text, self.start = self.start + self.stream.read(), b""
            return text
        if self.start:
            text, self.start = self.start[:size], self.start[size:]
            return text if len(text) == size else text + self.stream.read(size - len(text))
        return self.stream.read(size)


class _Pieces(Iterator[bytes]):
    """Pieces of about PIECE_BYTES that end with a line; none after the line that starts with
    ``stop``.
    """

    def __init__(self, stream: BinaryIO, stop: bytes) -> None:
        self.has_open_end = False
        self._pieces = self._cut(stream, stop)

    def __next__(self) -> bytes:
        return next(self._pieces)

    def _cut(self, stream: BinaryIO, stop: bytes) -> Iterator[bytes]:
        rest = b""
        while text := stream.read(PIECE_BYTES):
            end = text.rfind(b"\n") + 1
            if not end:
                rest += text
                continue
            piece, rest = b"".join((rest, memoryview(text)[:end])), text[end:]
            if stop and (at := _find_stop(piece, stop)) >= 0:
                yield piece[:at]
                return
            yield piece
        if rest and not (stop and rest.startswith(stop)):
            self.has_open_end = bool(rest.strip())
            yield rest


def _find_stop(piece: bytes, stop: bytes) -> int:
    if piece.startswith(stop):
        return 0
    at = piece.find(b"\n" + stop)
    return at + 1 if at >= 0 else -1


def _read_head(pieces: Iterator[bytes]) -> bytes:
    """Read some first whole lines; lines of a wide table are long."""
    head = b""
    for piece in pieces:
        head += piece
        if head.count(b"\n") >= 12:
            break
    return head


def _first_lines(head: bytes) -> list[str]:
    """Select lines to inspect: fewer where they are long."""
    lines = [line.rstrip(b"\r") for line in head.split(b"\n", 400)[:400]]
    width = max((sum(map(line.count, (b"\t", b",", b";", b"|"))) for line in lines), default=0) + 1
    return [decode(line)[0] for line in lines[: max(HEAD_FIELDS // width, 12)]]


def _skip_lines(text: bytes, n: int) -> bytes:
    at = 0
    for _ in range(n):
        at = text.find(b"\n", at) + 1
        if not at:
            return b""
    return text[at:]


def _has_quoted_delimiters(text: bytes, layout: Layout) -> bool:
    """Check whether a line has more delimiters than fields, because quotes enclose some."""
    mark, width = layout.delimiter.encode(), len(layout.headings)
    return (
        any(
            line.count(mark) + 1 != width
            for line in text.split(b"\n")
            if line.strip() and b'"' in line
        )
        or text.count(b'"') % 2 == 1
    )


def _chain(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if first.strip():
        yield first
    yield from pieces


@dataclass
class _Parsed:
    """Parts of a table: names and blocks of values by row, annotations by row, and rows of text."""

    names: list[str] = field(default_factory=list)
    blocks: deque[np.ndarray] = field(default_factory=deque)
    annotations: list[list[list[str]]] = field(default_factory=list)
    text_rows: list[tuple[str, list[str]]] = field(default_factory=list)

    def add(self, part: _Parsed) -> None:
        self.names += part.names
        self.blocks.extend(part.blocks)
        self.annotations += part.annotations
        self.text_rows += part.text_rows


def _parse_pieces(pieces: Iterator[bytes], layout: Layout) -> _Parsed:
    parsed, waiting, n_threads = (
        _Parsed(),
        deque[Future[_Parsed]](),
        min(count_cores(), MAX_THREADS),
    )
    with ThreadPoolExecutor(n_threads) as pool:
        for piece in pieces:
            waiting.append(pool.submit(_parse_piece, piece, layout))
            if len(waiting) > n_threads + 1:
                parsed.add(waiting.popleft().result())
        while waiting:
            parsed.add(waiting.popleft().result())
    return parsed


def _parse_piece(piece: bytes, layout: Layout) -> _Parsed:
    """Parse some lines, the fast way where each is a name and numbers."""
    if not piece.isascii():
        piece = decode(piece)[0].encode()
    piece = piece.replace(b"\r\r\n", b"\r\n")
    text, names, is_mark = _take_names(piece, layout)
    if not len(text):
        return _Parsed()
    if not text.endswith(b"\n"):  # otherwise an empty last field would be lost
        text += b"\n"
    if layout.decimal == ",":
        text = text.replace(b",", b".")
    letters = np.frombuffer(text, dtype=np.uint8)
    letters[: len(is_mark)] ^= is_mark * np.uint8(ord(layout.delimiter) ^ ord("\n"))
    width = len(layout.headings)
    if layout.is_plain:
        try:
            column = _parse_column(text, pa.float32(), layout, len(names))
            # Arrow and malloc would keep the memory after the block is used
            block = allocate(len(names), width - 1)
            block[:] = column.to_numpy(zero_copy_only=False).reshape(len(names), width)[:, 1:]
            return _Parsed(names, deque([block]))
        except pa.ArrowInvalid:
            pass
    return _parse_mixed(_parse_column(text, pa.string(), layout, len(names)), names, layout)


def _take_names(piece: bytes, layout: Layout) -> tuple[bytearray, list[str], np.ndarray]:
    """Remove blank lines and, where names are first, put zeros in their place; return text, names
    and the mask of delimiters.
    """
    text, mark, width = bytearray(piece), layout.delimiter.encode(), len(layout.headings)
    names: list[str] = []
    is_mark = _find_marks(text, mark)
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        # a line is copied only where it may be blank
        if text[start] in EMPTY and not text[start:end].strip(EMPTY):
            del text[start : end + 1]
            is_mark = _find_marks(text, mark)
            continue
        if layout.names_at == 0:
            quoted = text[start : start + 1] == b'"'
            stop = text.find(b'"' + mark if quoted else mark, start + quoted, end)
            stop = end if stop < 0 else stop + quoted
            names.append(text[start + quoted : stop - quoted].decode().strip())
        else:
            stop = start
            names.append("")
        if (n_fields := int(np.count_nonzero(is_mark[stop:end])) + 1) != width:
            if text.startswith(b"#", start):  # a comment below the heading
                names.pop()
                del text[start : end + 1]
                is_mark = _find_marks(text, mark)
                continue
            name = names[-1] or bytes(text[start : start + 40]).decode(errors="replace")
            raise IrregularError(
                _describe_irregular(n_fields, name, layout), is_quoted=b'"' in text
            )
        if layout.names_at == 0:
            text[start:stop], is_mark[start:stop] = b"0" * (stop - start), False
        start = end + 1
    return text, names, is_mark


def _find_marks(text: bytearray, mark: bytes) -> np.ndarray:
    """Mark the delimiters among the letters; counting marks by line takes a tenth of the time of
    ``bytes.count``.
    """
    return np.frombuffer(text, dtype=np.uint8) == mark[0]


def _parse_column(text: bytearray, kind: pa.DataType, layout: Layout, n_lines: int) -> pa.Array:
    """Parse one column, one value per line; null where a number is missing."""
    missing = MISSING if kind == pa.float32() else []
    table = pyarrow.csv.read_csv(
        pa.BufferReader(text),
        pyarrow.csv.ReadOptions(
            use_threads=False, block_size=len(text) + 1, column_names=["value"]
        ),
        pyarrow.csv.ParseOptions(
            delimiter="\t", quote_char='"' if b'"' in text else False, ignore_empty_lines=False
        ),
        pyarrow.csv.ConvertOptions(
            column_types={"value": kind},
            null_values=missing,
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    if len(table) != n_lines * len(layout.headings):
        raise IrregularError(
            f"{layout.file} has carriage returns within its lines; remove them, or write the "
            "file again"
        )
    return table.column(0).combine_chunks()


def _parse_mixed(cells: pa.Array, names: list[str], layout: Layout) -> _Parsed:
    """Parse lines that hold text and numbers, from their cells (n_lines * n_fields)."""
    cells = pc.utf8_trim_whitespace(cells)
    starts = np.arange(len(names)) * len(layout.headings)

    def pick(fields: list[int]) -> pa.Array:
        return cells.take(pa.array((starts[:, None] + np.array(fields, dtype=np.int64)).ravel()))

    if layout.names_at > 0:
        names = pick([layout.names_at]).to_pylist()
    annotations = [pick([i]).to_pylist() for i in layout.texts]
    values, is_text = parse_cells(pick(layout.values), names, layout)
    width = values.shape[1]
    text_rows = [
        (names[i], pick(layout.values).slice(i * width, width).to_pylist())
        for i in np.flatnonzero(is_text)
    ]
    kept = np.flatnonzero(~is_text)
    block = allocate(len(kept), values.shape[1])
    block[:] = values[kept]
    return _Parsed(
        [names[i] for i in kept],
        deque([block]),
        [[[column[i] for i in kept] for column in annotations]],
        text_rows,
    )


def _describe_irregular(n_fields: int, name: str, layout: Layout) -> str:
    return (
        f"{layout.file} is not a regular table: its heading has {len(layout.headings)} "
        f"fields, the line of {name[:60]!r} has "
        f"{n_fields}; is the file complete, and is its delimiter "
        f"{DELIMITER_NAMES[layout.delimiter]}?"
    )


def _build_table(parsed: _Parsed, layout: Layout) -> Table:
    n_rows = len(parsed.names)
    rows = parsed.names if layout.names_at >= 0 else [str(i) for i in range(n_rows)]
    columns: dict[int, list[str]] = {i: [] for i in layout.texts}
    for part in parsed.annotations:
        for i, values in zip(layout.texts, part, strict=True):
            columns[i] += values
    refuse_second_heading((texts for _, texts in parsed.text_rows), layout.headings, layout.file)
    annotations = pd.DataFrame(columns, index=range(n_rows), dtype=object).set_axis(
        [layout.headings[i] for i in layout.texts], axis=1
    )
    return Table(
        rows,
        [layout.headings[i] for i in layout.values],
        BlockValues(parsed.blocks),
        heading=layout.headings[layout.names_at] if layout.names_at >= 0 else "",
        row_annotations=name_apart(annotations),
        column_annotations=list_text_rows(parsed.text_rows, len(layout.values)),
        format=f"text separated by {DELIMITER_NAMES[layout.delimiter]}",
        named_rows=layout.names_at >= 0,
        notes=layout.notes,
    )


FORMAT = Format(
    "text",
    "a heading, then lines with as many fields, separated by tab, comma, semicolon or "
    "blanks; UTF-8, UTF-16 or Latin-1; also gzip, "
    "bzip2, xz, zip",
    lambda probe: bool(probe.text.strip()),
    open_delimited,
    read_text_annotations,
)
