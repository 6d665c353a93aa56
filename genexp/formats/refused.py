"""Files that hold no table, or none that is read safely: recognised to say what to do."""

from __future__ import annotations

import re
from typing import NoReturn

from genexp.errors import CohortError
from genexp.files.packing import list_members
from genexp.files.probe import Probe, Request
from genexp.formats.format import Format

NO_NAMES = "an array of NumPy, which has no names of samples and genes: write a table with both, as by pandas"
PICKLE = "a pickle, which may run any code when it is read, so genexp never reads one: write the table as Parquet or AnnData"
SHEET = "a spreadsheet of a kind that is not read: save it as .xlsx or CSV"

KINDS = {
    rb"\x93NUMPY": NO_NAMES,
    rb"\x80[\x02-\x05][\x95}\]\(c]|ccopy_reg\n|cpandas\.|cnumpy\.": PICKLE,
    rb"MATLAB 5\.0 MAT-file": "a file of MATLAB: write the matrix with its names as CSV, as by writetable",
    rb"SQLite format 3\x00": "a database of SQLite: export the table with names of samples and genes as CSV",
}
"""What first bytes, below a packing, say."""
ARCHIVES = {
    r".+\.npy": NO_NAMES,
    r"(.*/)?data\.pkl": PICKLE,
    r"content\.xml|xl/workbook\.bin": SHEET,
}
"""What names in a zip archive say."""


def recognise(probe: Probe) -> bool:
    """Whether a file is of a kind that is refused."""
    return bool(_find_kind(probe))


def _find_kind(probe: Probe) -> str:
    if probe.is_folder:
        return ""
    members = list_members(probe)
    for pattern, kind in ARCHIVES.items():
        if any(re.fullmatch(pattern, member) for member in members):
            return kind
    if len(members) > 1:
        return ""
    return next((kind for pattern, kind in KINDS.items() if re.match(pattern, probe.head)), "")


def refuse(probe: Probe, request: Request) -> NoReturn:
    """Say what the file is and what to do."""
    raise CohortError(f"{probe.name}: expected a table of expression values or of annotations, found {_find_kind(probe)}")


FORMAT = Format(
    "refused",
    "first bytes of NumPy, pickle, MATLAB and SQLite, spreadsheets of other kinds: refused with what to do",
    recognise,
    refuse,
    refuse,
)
