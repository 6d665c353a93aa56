"""What a file format is: how it is recognised, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from genexp.files.probe import Probe, Request
from genexp.files.table import Table


@dataclass(frozen=True)
class Format:
    """A file format.

    Parameters
    ----------
    name : str
        Name for messages and the documentation.
    recognised_by : str
        What content it is recognised by, for the documentation.
    recognise : callable
        Whether a file is of this format, by its content.
    open : callable
        Read names and annotations; the values wait in the file.
    annotate : callable or None
        Read the same file as a table of annotations: one row per sample, text where the file holds text, the ids in some column.
        None: the format holds no annotations.
    layer : str
        What ``layer=`` names in a file of this format; empty: nothing.
    """

    name: str
    recognised_by: str
    recognise: Callable[[Probe], bool]
    open: Callable[[Probe, Request], Table]
    annotate: Callable[[Probe, Request], pd.DataFrame] | None = None
    layer: str = ""
