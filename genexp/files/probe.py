"""First look at a file: its content, not its name, decides its format."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip, isal_zlib

from genexp.errors import CohortError, name_some

HEAD_BYTES = 1 << 18
MAX_UNPACKED = 64 << 30
"""Largest unpacked size of a member of a zip archive."""
MAX_RATIO = 300
"""Largest ratio of unpacked to packed size in a zip archive: numbers as text shrink to a tenth, a
zip bomb to a thousandth."""

MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}
ISAL_ERROR = cast(type[Exception], isal_zlib.error)
UNPACK_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    lzma.LZMAError,
    zlib.error,
    ISAL_ERROR,
    zipfile.BadZipFile,
)
"""Errors of the decompressors on a file that is cut or altered."""
ZIP_ERRORS = (*UNPACK_ERRORS, NotImplementedError, struct.error)
"""Errors of a zip archive that is cut or altered, when it is listed or a member is opened."""
UNKNOWN_PACKING = {b"\x28\xb5\x2f\xfd": "Zstandard", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR"}


@dataclass(frozen=True)
class Request:
    """Parameters of the user that a reader of files needs.

    Parameters
    ----------
    name : str
        Address of the file, for messages.
    layer : str
        Layer of an AnnData file to read; empty: X.
    named : frozenset of str
        Columns that parameters name (label, time, event ...); these hold no expression values.
    metadata : tuple of str
        Names that the user declared not to be genes; ``("none",)``: every numeric column is a gene.
    """

    name: str
    layer: str = ""
    named: frozenset[str] = field(default_factory=frozenset)
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileProbe:
    """A file or folder, with its properties that can be seen without reading it whole."""

    path: Path
    name: str

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return self.path.is_dir()

    @cached_property
    def raw(self) -> bytes:
        """First bytes as they are stored; empty for a folder."""
        if self.is_folder:
            return b""
        with self.path.open("rb") as file:
            return file.read(16)

    @cached_property
    def packing(self) -> str:
        """``gzip``, ``bzip2``, ``xz``, ``zip`` or empty, by the first bytes; a workbook is no
        archive.
        """
        packing = next((name for magic, name in MAGIC.items() if self.raw.startswith(magic)), "")
        return "" if packing == "zip" and self.is_workbook else packing

    @cached_property
    def is_workbook(self) -> bool:
        """True for an Excel workbook (.xlsx)."""
        if not self.raw.startswith(b"PK\x03\x04"):
            return False
        try:
            with zipfile.ZipFile(self.path) as archive:
                return "xl/workbook.xml" in archive.namelist()
        except ZIP_ERRORS:
            return False

    @cached_property
    def head(self) -> bytes:
        """First ``HEAD_BYTES`` bytes, unpacked; empty for a folder."""
        if self.is_folder:
            return b""
        with open_stream(self) as stream:
            return read_head(stream, self.name)

    @cached_property
    def text(self) -> str:
        """Head as text; empty where the file is no text."""
        if b"\x00" in self.head and not find_wide_encoding(self.head):
            return ""
        return decode(self.head)[0]

    @cached_property
    def lines(self) -> list[str]:
        """Whole lines of the head, without their ends."""
        lines = split_lines(self.text)
        return lines[:-1] if len(self.head) >= HEAD_BYTES and len(lines) > 1 else lines


def open_stream(probe: FileProbe) -> BinaryIO:
    """Open a file as an unpacked stream, by its first bytes; ISA-L unpacks gzip in a third of
    zlib's time.
    """
    for magic, packing in UNKNOWN_PACKING.items():
        if probe.raw.startswith(magic):
            raise CohortError(
                f"{probe.name} is packed by {packing}; expected a plain file, or gzip, "
                "bzip2, xz or zip: unpack it first"
            )
    if probe.packing == "gzip":
        return cast(BinaryIO, igzip.open(probe.path, "rb"))  # type: ignore[no-untyped-call]
    if probe.packing == "bzip2":
        return cast(BinaryIO, bz2.open(probe.path, "rb"))
    if probe.packing == "xz":
        return cast(BinaryIO, lzma.open(probe.path, "rb"))
    return _open_member(probe) if probe.packing == "zip" else probe.path.open("rb")


def _open_member(probe: FileProbe) -> BinaryIO:
    """Open the only file of a zip archive as a stream."""
    try:
        archive = zipfile.ZipFile(probe.path)
    except ZIP_ERRORS as error:
        raise CohortError(
            f"{probe.name} is not a whole zip archive ({error}); download it again"
        ) from None
    members = [
        m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        names = name_some(member.filename for member in members)
        raise CohortError(
            f"{probe.name}: expected a zip archive of one file, found {names}; unpack it, "
            "and name the one to read"
        )
    (member,) = members
    if member.file_size > min(MAX_UNPACKED, MAX_RATIO * max(member.compress_size, 4096)):
        raise CohortError(
            f"{probe.name}: {member.filename} would unpack {member.compress_size:,} bytes to "
            f"{member.file_size:,}, which no table of "
            "numbers does; unpack it yourself if you trust it"
        )
    if member.flag_bits & 1:
        raise CohortError(
            f"{probe.name} is encrypted; expected a zip archive without a password: unpack it first"
        )
    try:
        return cast(BinaryIO, archive.open(member))
    except ZIP_ERRORS as error:
        raise CohortError(
            f"{probe.name} is not a whole zip archive ({error}); download it again"
        ) from None


def read_head(stream: BinaryIO, name: str) -> bytes:
    """Read the first bytes of a stream; refuse one that cannot be unpacked."""
    try:
        return stream.read(HEAD_BYTES)
    except UNPACK_ERRORS as error:
        raise CohortError(f"{name} cannot be decompressed ({error}); is it complete?") from None


def find_wide_encoding(start: bytes) -> str:
    """Find the encoding of text with two or four bytes per letter, by its mark or its zeros; empty
    for other text.
    """
    for mark, encoding in (
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if start.startswith(mark):
            return encoding
    zeros = [start[i:4096:2].count(0) for i in (0, 1)]
    if 3 * max(zeros) < len(start[:4096]) or 20 * min(zeros) > max(
        zeros
    ):  # text has a zero in every other byte, binary numbers have zeros anywhere
        return ""
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def decode(text: bytes) -> tuple[str, str]:
    """Decode bytes, and return the text and its encoding: UTF-8, UTF-16, UTF-32, else Latin-1
    (Windows-1252).
    """
    wide = find_wide_encoding(text)
    if wide:
        return text[: len(text) // 4 * 4 if wide == "utf-32" else len(text) // 2 * 2].decode(
            wide, errors="replace"
        ), wide.upper()[:6]
    text = text.removeprefix(b"\xef\xbb\xbf")
    try:
        return text.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError as error:
        # the head ends within a letter
        if error.start >= len(text) - 4 and len(text) >= HEAD_BYTES - 3:
            return text[: error.start].decode("utf-8"), "UTF-8"
        return text.decode("cp1252", errors="replace"), "Latin-1"


def split_lines(text: str) -> list[str]:
    r"""Split a text where lines of a file end: ``\n``, ``\r\n`` or ``\r``.

    ``str.splitlines`` also splits at U+2028, U+0085 and others, which fields may hold.
    """
    return [line.removesuffix("\n") for line in io.StringIO(text, newline=None)]
