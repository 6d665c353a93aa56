"""How tables are written as bytes, and how bytes are damaged."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
from dataclasses import dataclass

from tests.mutated.sheets import Sheet


@dataclass(frozen=True)
class Dialect:
    """How a table is written as bytes."""

    delimiter: str = "\t"
    encoding: str = "utf-8"
    newline: str = "\n"
    quoted: str = "needed"
    decimal: str = "."
    packing: str = ""
    ends: bool = True

    def write_lines(self, sheet: Sheet) -> list[str]:
        """Lines of text, without their ends."""
        return [
            line if isinstance(line, str) else self.delimiter.join(map(self._quote, line))
            for line in self._localise(sheet)
        ]

    def _localise(self, sheet: Sheet) -> Sheet:
        if self.decimal == ".":
            return sheet
        return [
            [cell.replace(".", ",") if is_plain_number(cell) else cell for cell in line]
            if isinstance(line, list)
            else line
            for line in sheet
        ]

    def _quote(self, cell: str) -> str:
        text = (
            self.quoted == "all"
            or (self.quoted == "text" and not is_plain_number(cell))
            or (self.quoted == "needed" and self.delimiter in cell)
        )
        return '"' + cell.replace('"', '""') + '"' if text else cell

    def encode(self, lines: list[str]) -> bytes:
        """Bytes of the whole file before it is packed."""
        newlines = [
            self.newline if self.newline != "mixed" else ("\n", "\r\n")[i % 2]
            for i in range(len(lines))
        ]
        text = "".join(line + newline for line, newline in zip(lines, newlines, strict=True))
        return (text if self.ends else text.rstrip("\r\n")).encode(self.encoding, errors="replace")

    def pack(self, content: bytes) -> bytes:
        """Bytes of the file."""
        if self.packing == "gzip":
            return gzip.compress(content, mtime=0)
        return {"": bytes, "bzip2": bz2.compress, "xz": lzma.compress}[self.packing](content)

    def read_cells(self, sheet: Sheet) -> list[list[str]]:
        """Cells as a plain reader finds them, by lines; lines that are no part of the table are
        left out.
        """
        lines = self.write_lines([line for line in sheet if isinstance(line, list)])
        text = [
            line.encode(self.encoding, errors="replace").decode(self.encoding) for line in lines
        ]
        if self.delimiter == " ":
            text = [line.replace("\t", " ").strip() for line in text]
        return [
            next(
                csv.reader(
                    io.StringIO(line, newline=""),
                    delimiter=self.delimiter,
                    skipinitialspace=self.delimiter == " ",
                ),
                [],
            )
            for line in text
        ]


def is_plain_number(cell: str) -> bool:
    """Whether a cell is a number as a computer writes it."""
    return (
        bool(cell)
        and cell[-1].isdigit()
        and cell.isascii()
        and cell.replace(".", "", 1).removeprefix("-").isdigit()
    )


def damage(content: bytes, kind: str, at: int, value: int) -> bytes:
    """Bytes that were cut, changed, put in, left out or doubled at a place."""
    at %= max(len(content), 1)
    length = 1 + value % 40
    return {
        "cut": content[:at],
        "change": content[:at] + bytes([value % 256]) + content[at + 1 :],
        "insert": content[:at] + bytes([value % 256]) + content[at:],
        "leave_out": content[:at] + content[at + length :],
        "double": content[: at + length] + content[at:],
        "zero": content[:at] + bytes(length) + content[at + length :],
        "": content,
    }[kind]
