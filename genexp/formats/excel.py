"""Excel workbooks (.xlsx): the sheet with the table is read as text, by the rules for text
files.
"""

from __future__ import annotations

import csv
import datetime
import io
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.damage import report_damage
from genexp.files.packing import list_members, unpack
from genexp.files.probe import MAX_RATIO, FileProbe, Request
from genexp.files.table import Table
from genexp.files.tabular import read_text_annotations
from genexp.formats.delimited import open_text
from genexp.formats.format import Format

NAME = "Excel"
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of .xls, and of a workbook with a password."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MUCH_LARGER = 10
"""Factor of cells by which a table must exceed all others to be chosen without a question."""

Row = tuple[Any, ...]


def recognise(probe: FileProbe) -> bool:
    """Check whether a file, packed or not, is an Excel workbook, .xls included."""
    if probe.is_folder or (len(list_members(probe)) > 1 and not probe.is_workbook):
        return False
    if probe.is_workbook or probe.head.startswith(OLD):
        return True
    return probe.head.startswith(b"PK\x03\x04") and FileProbe(unpack(probe), probe.name).is_workbook


def open_excel(probe: FileProbe, request: Request) -> Table:
    """Open the sheet with the table, or the sheet named by ``layer``."""
    sheets = _read_workbook(probe)
    sheet, notes = _choose_sheet(
        {title: _count_cells(rows) for title, rows in sheets.items()}, request.layer, probe.name
    )
    table = open_text(io.BytesIO(_to_text(sheets[sheet]).encode()), probe, request)
    return replace(
        table, format=NAME, notes=(f"The table is on the sheet {sheet!r}.", *notes, *table.notes)
    )


def annotate(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read the only sheet with a table as annotations, all as text."""
    sheets = _read_workbook(probe)
    tables = [title for title, rows in sheets.items() if _count_cells(rows)]
    if len(tables) != 1:
        raise CohortError(
            f"{probe.name}: expected one sheet with a table of annotations, found "
            f"{name_some(tables, 10)}; save the sheet of the "
            "annotations "
            "as a separate workbook, or as CSV"
        )
    with tempfile.TemporaryDirectory(prefix="genexp-") as folder:
        path = Path(folder) / "sheet.tsv"
        path.write_text(_to_text(sheets[tables[0]]), encoding="utf-8")
        return read_text_annotations(FileProbe(path, probe.name), request)


def _read_workbook(probe: FileProbe) -> dict[str, list[Row]]:
    """Read the filled rows of all sheets, by the title of the sheet."""
    if probe.head.startswith(OLD):
        raise CohortError(
            f"{probe.name} is an old Excel workbook (.xls), or one with a password; expected "
            ".xlsx without a password: save it as .xlsx "
            "or CSV"
        )
    with report_damage(probe.name, "an Excel workbook"):
        return _read_sheets(unpack(probe), probe.name)


def _read_sheets(path: Path, name: str) -> dict[str, list[Row]]:
    """Read the filled rows of all sheets; formulas give the values of the last saving."""
    import openpyxl

    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(m.file_size for m in members) > MAX_RATIO * max(
            sum(m.compress_size for m in members), 4096
        ):
            raise CohortError(
                f"{name} would unpack to {sum(m.file_size for m in members):,} bytes, which "
                "no workbook of numbers does; expected a "
                "plain workbook: save it again, or save the table as CSV"
            )
        damaged = archive.testzip()
        if damaged:
            raise CohortError(
                f"{name} is damaged: its part {damaged} fails its checksum; download it again"
            )
    # given a path, openpyxl would go by its ending
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")  # about styles and extensions that are not read
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        return {sheet.title: list(_read_rows(sheet)) for sheet in workbook.worksheets}


def _read_rows(sheet: Any) -> Iterator[Row]:
    """Yield the rows of a sheet that are not empty."""
    sheet.reset_dimensions()  # some programs write wrong dimensions
    for row in sheet.iter_rows(values_only=True):
        if any(cell not in (None, "") for cell in row):
            yield row


def _count_cells(rows: list[Row]) -> int:
    """Count the cells of the table on a sheet; 0 without a table, which needs two rows and two
    columns.
    """
    widths = [sum(cell is not None for cell in row) for row in rows]
    wide = [width for width in widths if width > 1]
    return sum(wide) if len(wide) > 1 else 0


def _choose_sheet(sizes: dict[str, int], wanted: str, name: str) -> tuple[str, tuple[str, ...]]:
    """Choose the sheet with the table, with a note if other sheets have one, too."""
    if wanted:
        if wanted not in sizes:
            raise CohortError(f"{name} has no sheet {wanted!r}; its sheets: {name_some(sizes, 10)}")
        return wanted, ()
    tables = [sheet for sheet, size in sizes.items() if size]
    if not tables:
        raise CohortError(
            f"{name}: expected a sheet with a table, found none in the sheets "
            f"{name_some(sizes, 10)}"
        )
    largest = max(tables, key=lambda sheet: sizes[sheet])
    others = [sheet for sheet in tables if sheet != largest]
    if any(MUCH_LARGER * sizes[sheet] > sizes[largest] for sheet in others):
        raise CohortError(
            f"{name} has tables on the sheets {name_some(tables, 10)}; expected one: name "
            f"the sheet by layer=, such as layer={tables[0]}"
        )
    return largest, (f"Other sheets were not read: {name_some(others)}.",) if others else ()


def _to_text(rows: list[Row]) -> str:
    """Write rows as text separated by tabs. A title above the table gets no tabs."""
    width = max(_measure_row(row) for row in rows)
    dates = _find_date_columns(rows, width)
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    is_above = True
    for row in rows:
        is_above = is_above and _measure_row(row) == 1 < width
        cells = row[:1] if is_above else (row + (None,) * width)[:width]
        writer.writerow([_write_cell(cell, i in dates) for i, cell in enumerate(cells)])
    return text.getvalue()


def _measure_row(row: Row) -> int:
    """Count the cells up to the last filled one."""
    return next((i for i in range(len(row), 0, -1) if row[i - 1] not in (None, "")), 0)


def _find_date_columns(rows: list[Row], width: int) -> set[int]:
    """Find columns of dates, whose cells are mostly dates; genes that became dates are rare among
    genes.
    """
    n_dates, n_filled = [0] * width, [0] * width
    for row in rows:
        for i, cell in enumerate(row[:width]):
            n_dates[i] += isinstance(cell, datetime.date)
            n_filled[i] += cell is not None
    return {i for i in range(width) if n_dates[i] > n_filled[i] / 2}


def _write_cell(cell: Any, is_dated: bool) -> str:
    """Write a cell as text; write a gene that became a date as day and month, as Excel shows it
    (SEPT2: 2-Sep).
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime.date):
        return (
            cell.isoformat().removesuffix("T00:00:00")
            if is_dated
            else f"{cell.day}-{MONTHS[cell.month - 1]}"
        )
    return " ".join(str(cell).split())


FORMAT = Format(
    NAME, "zip archive with xl/workbook.xml", recognise, open_excel, annotate, layer="a sheet"
)
