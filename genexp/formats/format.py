"""Definition of a file format: recognising and reading a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from genexp.files.probe import FileProbe, Request
from genexp.files.table import Table


@dataclass(frozen=True)
class Format:
    """A file format.

    Parameters
    ----------
    name : str
        Name for messages and the documentation.
    recognised_by : str
        Content by which the format is recognised, for the documentation.
    recognise : callable
        Check by its content whether a file is of this format.
    open : callable
        Read names and annotations; the values are read later.
    annotate : callable or None
        Read the same file as a table of annotations: one row per sample, text where the file holds
        text, the ids in any column. None: the format holds no annotations.
    layer : str
        Meaning of ``layer=`` in this format; empty: none.
    """

    name: str
    recognised_by: str
    recognise: Callable[[FileProbe], bool]
    open: Callable[[FileProbe, Request], Table]
    annotate: Callable[[FileProbe, Request], pd.DataFrame] | None = None
    layer: str = ""
