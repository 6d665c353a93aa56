"""Section with the tables for download."""

from __future__ import annotations

import pandas as pd

from genexp.report.html import (
    Html,
    link_table,
    render_paragraph,
    render_section,
    render_table,
)
from genexp.verdict.tasks import describe_table

FIXED = {
    "verdict": "encoder compared with baselines, with intervals",
    "audit": "leaks that were looked for between train, validation and test samples",
    "latent": "latents of every sample",
    "seeds": "scores of the same configuration trained with other seeds, test samples",
    "attribution_seeds": "agreement between seeds on the genes behind label and risk",
}
"""Meaning of the tables that belong to no task."""
MAX_CELLS = 3_000_000
"""Tables larger than this are not even written to see whether they fit."""


def render_downloads(tables: dict[str, pd.DataFrame], budget: int) -> str:
    """List the tables, the smallest first in line for the room that is left, in their own order on the page."""
    links: dict[str, Html] = {}
    for name in sorted(tables, key=lambda name: tables[name].size):
        link = link_table(name, tables[name]) if tables[name].size <= MAX_CELLS else Html("")
        fits = 0 < len(link) <= budget
        budget -= len(link) if fits else 0
        links[name] = link if fits else Html("too large for this page")
    rows = (
        [name, FIXED.get(name) or describe_table(name), f"{len(table):,} × {table.shape[1]:,}", links[name]]
        for name, table in tables.items()
    )
    beside = "Where links are blocked, as in MLflow's viewer, the same tables lie in the folder evaluation beside this report."
    return render_section(
        "downloads",
        "Downloads",
        render_paragraph(f"Tab-separated tables, six significant digits. {beside}"),
        render_table("Tables of this evaluation.", ["Table", "Holds", "rows × columns", "File"], rows),
    )
