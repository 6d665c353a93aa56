"""Page that compares encoders."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import pandas as pd

from genexp.report.html import render_paragraph, render_section, render_table, to_html
from genexp.verdict.compare import format_encoders, format_interval


def render_comparison(table: pd.DataFrame, differences: pd.DataFrame, notes: Sequence[str]) -> str:
    """Write a page with the table of encoders and the paired differences; it needs no network and
    no script.
    """
    encoders = format_encoders(table)
    style = (files("genexp.report") / "report.css").read_text(encoding="utf-8")
    caption = "Scores on test samples, with intervals of 95 % from each run's own verdict."
    table_html = render_table(caption, list(encoders), encoders.itertuples(index=False, name=None))
    parts = [*(render_paragraph(note) for note in notes), table_html]
    if len(differences):
        headers = [
            "Encoder",
            "Compared with",
            "Task",
            "Quantity",
            "Difference [95 %]",
            "Test samples",
            "Outcome",
        ]
        rows = (
            [
                row.encoder,
                row.reference,
                row.task,
                row.quantity,
                format_interval(row.difference, row.low, row.high, "+"),
                row.n_samples,
                row.outcome,
            ]
            for row in differences.itertuples()
        )
        caption = (
            "Differences on the same test samples: paired bootstrap over their groups, without "
            "the variation between seeds."
        )
        parts.append(render_table(caption, headers, rows))
    body = render_section("encoders", "Encoders compared", *parts)
    title = to_html(f"{len(table)} encoders compared")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta '
        f'charset="utf-8">\n<title>{title}</title>\n<style>{style}</style>\n</head>\n'
        f"<body>\n<header><h1>{title}</h1></header>\n<main "
        f'id="main">\n{body}</main>\n</body>\n</html>\n'
    )
