"""What a layout is, and how a module collects its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Right = Mapping[str, Any]
"""What a right reading holds; see :func:`tests.layouts.compare.compare`."""
Parameters = dict[str, Any]
"""Of the cohort; files relative to the folder."""
Write = Callable[[Path], tuple[Parameters, Right | list[Right]]]
"""Writes files into a folder; gives parameters and the right reading, or several of which one is
enough."""


@dataclass(frozen=True)
class Layout:
    """A layout, and the reason for which it is not read right yet; empty if it is."""

    write: Write
    falls_short: str = ""


class Layouts(dict[str, Layout]):
    """Layouts of a module by name; calling it adds one."""

    def __call__(self, write: Write) -> Write:
        self[write.__name__] = Layout(write)
        return write

    def falls_short(self, reason: str) -> Callable[[Write], Write]:
        """Add a layout that is not read right yet."""

        def add(write: Write) -> Write:
            self[write.__name__] = Layout(write, reason)
            return write

        return add
