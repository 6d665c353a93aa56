"""Layouts of files as people have them, made small, with the right reading of each.

A layout is a function that writes files into a folder and returns parameters and the right reading
(:func:`tests.layouts.truth.expect`). The modules go by theme; ``tests/test_layouts.py`` reads each.
"""

from tests.layouts import (
    annotations,
    damaged,
    files,
    labels,
    leaks,
    metadata,
    mistakes,
    names,
    orientation,
    patients,
    scale,
    sides,
    sources,
    stored,
    survival,
    transcriptomes,
)
from tests.layouts.layout import Layout

MODULES = (
    orientation, sides, metadata, leaks, scale, transcriptomes, mistakes, patients, annotations, labels, survival,  # noqa: E501
    files, damaged, stored, sources, names,
)  # fmt: skip
LAYOUTS: dict[str, Layout] = {
    f"{module.__name__.rpartition('.')[2]}-{name}": layout
    for module in MODULES
    for name, layout in module.LAYOUTS.items()
}
"""All layouts by theme and name."""
