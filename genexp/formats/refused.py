"""Files without a table, or that cannot be read safely: recognised to advise the user."""

from __future__ import annotations

import re
from typing import NoReturn

from genexp.errors import CohortError
from genexp.files.packing import list_members
from genexp.files.probe import FileProbe, Request
from genexp.formats.format import Format

NO_NAMES = (
    "an array of NumPy, which has no names of samples and genes: write a table with both, as "
    "with pandas"
)
PICKLE = (
    "a pickle, which can run any code when it is read, so genexp never reads one: write the "
    "table as Parquet or AnnData"
)
SHEET = "a spreadsheet of a kind that genexp does not read: save it as .xlsx or CSV"

KINDS = {
    rb"\x93NUMPY": NO_NAMES,
    rb"\x80[\x02-\x05][\x95}\]\(c]|ccopy_reg\n|cpandas\.|cnumpy\.": PICKLE,
    rb"MATLAB 5\.0 MAT-file": (
        "a file of MATLAB: write the matrix with its names as CSV, as by writetable"
    ),
    rb"SQLite format 3\x00": (
        "a database of SQLite: export the table with names of samples and genes as CSV"
    ),
}
"""Kind of a file by its first bytes, after unpacking."""
ARCHIVES = {
    r".+\.npy": NO_NAMES,
    r"(.*/)?data\.pkl": PICKLE,
    r"content\.xml|xl/workbook\.bin": SHEET,
}
"""Kind of a zip archive by the names of its members."""


def recognise(probe: FileProbe) -> bool:
    """Check whether genexp refuses the kind of a file."""
    return bool(_find_kind(probe))


def _find_kind(probe: FileProbe) -> str:
    if probe.is_folder:
        return ""
    members = list_members(probe)
    for pattern, kind in ARCHIVES.items():
        if any(re.fullmatch(pattern, member) for member in members):
            return kind
    if len(members) > 1:
        return ""
    return next((kind for pattern, kind in KINDS.items() if re.match(pattern, probe.head)), "")


def refuse(probe: FileProbe, request: Request) -> NoReturn:
    """Refuse the file, with its kind and advice."""
    raise CohortError(
        f"{probe.name}: expected a table of expression values or of annotations, found "
        f"{_find_kind(probe)}"
    )


FORMAT = Format(
    "refused",
    (
        "first bytes of NumPy, pickle, MATLAB and SQLite, spreadsheets of other kinds: refused "
        "with what to do"
    ),
    recognise,
    refuse,
    refuse,
)
