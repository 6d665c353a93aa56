"""Names of samples from the sample sheet or the JSON metadata of the Genomic Data Commons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.probe import decode
from genexp.formats.textstream import split_fields

SHEET = ["File ID", "File Name"]
SAMPLE, FILE = "Sample ID", "File Name"
DROPPED = ("File ID", FILE, "Data Category", "Data Type")
"""Columns of a sample sheet that describe files."""


@dataclass(frozen=True)
class Sheet:
    """Assignment of files to samples.

    Parameters
    ----------
    name : str
        Name of the sheet's file, for messages.
    rows : DataFrame
        One row per file, indexed by the file's name without ``.gz``; the names of samples in the
        column ``Sample ID``.
    """

    name: str
    rows: pd.DataFrame


def read_sheet(name: str, text: bytes) -> Sheet | None:
    """Read a sample sheet or the metadata of a cart; None if it is neither."""
    if text.lstrip().startswith(b"["):
        return _read_metadata(name, text)
    lines = text.splitlines()
    if not lines or split_fields(lines[0])[:2] != SHEET:
        return None
    heading, *rows = [split_fields(line) for line in lines if line.strip()]
    if SAMPLE not in heading or any(len(row) != len(heading) for row in rows):
        raise CohortError(
            f"{name}: expected a sample sheet of the Genomic Data Commons with a column "
            f"{SAMPLE!r} and regular lines; is it complete?"
        )
    return Sheet(name, _index(pd.DataFrame(rows, columns=heading, dtype=object)))


def _read_metadata(name: str, text: bytes) -> Sheet | None:
    try:
        entries = json.loads(decode(text)[0])
        rows = [
            (entry["file_name"], entry["associated_entities"][0]["entity_submitter_id"])
            for entry in entries
        ]
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    return Sheet(name, _index(pd.DataFrame(rows, columns=[FILE, SAMPLE], dtype=object)))


def _index(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop_duplicates().set_index(rows[FILE].map(lambda file: file.removesuffix(".gz")))


def find_sheets(folder: Path) -> list[Sheet]:
    """Find sheets next to a folder, by the names that the portal gives them."""
    paths = sorted([*folder.glob("gdc_sample_sheet*.tsv"), *folder.glob("metadata*.json")])
    return [
        sheet for path in paths if (sheet := read_sheet(path.name, path.read_bytes())) is not None
    ]


def name_samples(
    files: Sequence[str], inside: Sequence[Sheet], nearby: Sequence[Sheet]
) -> tuple[list[str], pd.DataFrame, str] | None:
    """Name the samples of some files; return names, annotations and a note, or None if no sheet
    names them.

    Raises
    ------
    CohortError
        A sheet in the folder lacks some files, or gives one name to several.
    """
    keys = [file.removesuffix(".gz") for file in files]
    candidates = [*inside, *(sheet for sheet in nearby if set(keys) <= set(sheet.rows.index))]
    problem = ""
    for sheet in candidates:
        lacking = [key for key in keys if key not in sheet.rows.index]
        if lacking:
            problem = problem or (
                f"{sheet.name} names {len(keys) - len(lacking)} of {len(keys)} files; it "
                f"lacks {name_some(lacking)}"
            )
            continue
        rows = sheet.rows[~sheet.rows.index.duplicated()].loc[keys]
        twice = rows[SAMPLE][rows[SAMPLE].duplicated()].unique()
        if not len(twice):
            annotations = rows.drop(
                columns=[column for column in DROPPED if column in rows]
            ).reset_index(drop=True)
            return rows[SAMPLE].to_list(), annotations, f"Samples are named by {sheet.name}."
        problem = problem or (
            f"{sheet.name} lists more than one file for the samples {name_some(twice)}; keep "
            "one file of each in the folder, or add the "
            "metadata of the cart (JSON), which name aliquots"
        )
    if problem:
        raise CohortError(problem)
    return None
