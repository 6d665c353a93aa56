"""Pictures and tables beside the README of an experiment."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

MAX_PICTURE = 150_000
"""Bytes of a kept picture."""


def keep_picture(png: bytes, path: Path) -> None:
    """Write a picture in 256 colours, made smaller until it has at most ``MAX_PICTURE`` bytes."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    width = min(picture.width, 1400)
    while True:
        small = picture.resize(
            (width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS
        )
        held = io.BytesIO()
        small.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            held, "PNG", optimize=True
        )
        if len(held.getvalue()) <= MAX_PICTURE:
            path.write_bytes(held.getvalue())
            return
        width = round(width * 0.85)


def put_tables(path: Path, tables: Mapping[str, Sequence[str]]) -> None:
    """Put lines between their marks ``<!-- NAME: written by run.py -->`` and ``<!-- end of NAME
    -->``, those that the file has.

    A file that is not there is made of all of them.
    """
    text = (
        path.read_text(encoding="utf-8")
        if path.exists()
        else "\n".join(f"{_begin(name)}{_end(name)}\n" for name in tables)
    )
    for name, lines in tables.items():
        begin, end = _begin(name), _end(name)
        if begin in text and end in text:
            text = (
                text.split(begin)[0]
                + begin
                + "".join(f"{line}\n" for line in lines)
                + end
                + text.split(end)[1]
            )
    path.write_text(text, encoding="utf-8")


def _begin(name: str) -> str:
    return f"<!-- {name}: written by run.py -->\n"


def _end(name: str) -> str:
    return f"<!-- end of {name} -->"


def list_line(cells: Iterable[object]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def list_head(names: Sequence[str]) -> list[str]:
    """The first two rows of a Markdown table."""
    return [list_line(names), "|" + "---|" * len(names)]


def list_means(
    table: pd.DataFrame,
    by: str,
    columns: Mapping[str, str],
    digits: int = 3,
    whole: Sequence[str] = (),
) -> list[str]:
    """Markdown table with one row for each value of ``by``, in the order of appearance: mean
    (standard deviation) of every column.

    Parameters
    ----------
    table : DataFrame
        One row for each repetition; column ``by`` and the keys of ``columns``; NaN where nothing
        was measured.
    by : str
        What is compared.
    columns : mapping of str to str
        Titles by column.
    digits : int
        After the point.
    whole : sequence of str
        Columns without digits after the point.
    """
    lines = list_head([by, *columns.values()])
    for name, rows in table.groupby(by, sort=False):
        lines.append(
            list_line(
                [
                    name,
                    *(
                        _describe(rows[key].dropna(), 0 if key in whole else digits)
                        for key in columns
                    ),
                ]
            )
        )
    return lines


def _describe(values: pd.Series, digits: int) -> str:
    if values.empty:
        return ""
    return f"{values.mean():.{digits}f}" + (
        f" ({values.std():.{digits}f})" if len(values) > 1 else ""
    )
