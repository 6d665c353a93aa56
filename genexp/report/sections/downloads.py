"""Section of the report with tables for download."""

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
    "audit": "checks for leaks between train, validation and test samples",
    "latent": "latents of every sample",
    "seeds": "scores of the same configuration trained with several seeds, test samples",
    "attribution_seeds": "agreement between seeds in the attribution of label and risk to genes",
}
"""Meaning of the tables that belong to no task."""
MAX_CELLS = 3_000_000
"""Number of cells from which a table is not even written to measure its size."""


def render_downloads(tables: dict[str, pd.DataFrame], budget: int) -> str:
    """List the tables in their order; within the byte budget the smallest ones are embedded
    first.
    """
    links: dict[str, Html] = {}
    for name in sorted(tables, key=lambda name: tables[name].size):
        link = link_table(name, tables[name]) if tables[name].size <= MAX_CELLS else Html("")
        fits = 0 < len(link) <= budget
        budget -= len(link) if fits else 0
        links[name] = link if fits else Html("too large for this page")
    rows = (
        [
            name,
            FIXED.get(name) or describe_table(name),
            f"{len(table):,} × {table.shape[1]:,}",
            links[name],
        ]
        for name, table in tables.items()
    )
    elsewhere = (
        "Where links are blocked, as in MLflow's viewer, find the same tables in the folder "
        "evaluation next to this report."
    )
    return render_section(
        "downloads",
        "Downloads",
        render_paragraph(f"Tab-separated tables, six significant digits. {elsewhere}"),
        render_table(
            "Tables of this evaluation.", ["Table", "Content", "rows × columns", "File"], rows
        ),
    )
