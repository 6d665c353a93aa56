"""Text files as tables of annotations: every column as text."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from genexp.errors import CohortError
from genexp.files.layout import (
    DELIMITER_NAMES,
    find_delimiter,
    lacks_corner,
    lacks_row_number,
    refuse_second_heading,
    split_line,
)
from genexp.files.probe import UNPACK_ERRORS, FileProbe, Request, decode, open_stream
from genexp.files.quoted import check_widths, read_rows
from genexp.files.table import name_apart


def read_text_annotations(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read a table of annotations: a heading and one row per sample; lines that start with ``#``
    are skipped.

    Raises
    ------
    CohortError
        The file is no such table.
    """
    try:
        with open_stream(probe) as stream:
            content = stream.read()
    except UNPACK_ERRORS as error:
        raise CohortError(
            f"{probe.name} cannot be decompressed ({error}); is it complete?"
        ) from None
    text = decode(content)[0].replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    delimiter, start = find_delimiter(_outside_quotes(lines[:400]), probe.name)
    heading = split_line(lines[start].lstrip("#"), delimiter)
    body = "\n".join(
        line for line in lines[start + 1 :] if not _is_comment(line, len(heading), delimiter)
    )
    rows = read_rows(body, delimiter, probe.name)
    if not rows:
        raise CohortError(
            f"{probe.name} has no rows below its heading ({lines[start][:60]!r}); expected "
            "an annotation table with a row per sample"
        )
    headings = _complete_heading(heading, rows, delimiter, probe.name)
    check_widths(rows, headings, delimiter, probe.name)
    refuse_second_heading(rows, headings, probe.name)
    table = pd.DataFrame(rows, columns=headings, dtype=str)
    return name_apart(
        table.loc[
            :, [bool(title) or any(row[i] for row in rows) for i, title in enumerate(headings)]
        ]
    )


def _outside_quotes(lines: list[str]) -> list[str]:
    """Join lines where quotes enclose a line end, so that their fields can be counted."""
    joined: list[str] = []
    for line in lines:
        if joined and joined[-1].count('"') % 2 == 1 and not joined[-1].startswith("#"):
            joined[-1] += " " + line
        else:
            joined.append(line)
    return joined


def _is_comment(line: str, width: int, delimiter: str) -> bool:
    """Check whether a line below the heading is a comment: it starts with ``#`` and has another
    number of fields than a row.
    """
    return line.startswith("#") and line.count(delimiter) + 1 != width


def _complete_heading(
    heading: list[str], rows: list[list[str]], delimiter: str, name: str
) -> list[str]:
    """Complete the headings of all columns; R writes none above row names, and some tables end
    their lines with a delimiter.
    """
    width = Counter(map(len, rows)).most_common(1)[0][0]
    whole = [row for row in rows if len(row) == width]
    if len(heading) == width + 1 and not heading[-1] and all(heading[1:-1]):
        return heading[:-1]
    if (
        len(heading) == width - 1
        and heading[-1]
        and all(not row[-1] for row in whole)
        and not lacks_row_number(heading, whole)
    ):
        return [*heading, ""]
    if len(heading) == width - 1 and lacks_corner(heading, whole):
        return ["", *heading]
    if len(heading) != width:
        raise CohortError(
            f"{name} is not a regular table: its heading has {len(heading)} fields, its "
            f"lines have {width}; is the file complete, and is "
            f"its delimiter {DELIMITER_NAMES[delimiter]}?"
        )
    return heading
