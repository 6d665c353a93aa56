"""Building blocks of an HTML page: escaped texts, tables, places for plots, and links that contain
a file.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd

ZIPPED = 60_000
"""Size in bytes from which a table is embedded as .tsv.gz."""


class Html(str):
    """Text that is HTML already; any other text is escaped on its way into the page."""


def to_html(value: object) -> str:
    """HTML of a value: escaped unless it is HTML already; a missing number is a dash."""
    if isinstance(value, Html):
        return value
    return "–" if isinstance(value, float) and not math.isfinite(value) else escape(str(value))


def write_json(data: object) -> str:
    """Write JSON that cannot close its script element."""
    return (
        json.dumps(data, separators=(",", ":"), allow_nan=False)
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
    )


def render_section(name: str, title: str, *parts: str) -> str:
    """Section with its heading; ``parts`` are HTML."""
    heading = f'<h2 id="{name}-title">{to_html(title)}</h2>'
    return "\n".join(
        [f'<section id="{name}" aria-labelledby="{name}-title">', heading, *parts, "</section>\n"]
    )


def render_paragraph(text: object, kind: str = "") -> str:
    """Paragraph, of a class if ``kind`` names one."""
    return f'<p class="{kind}">{to_html(text)}</p>' if kind else f"<p>{to_html(text)}</p>"


def render_table(caption: str, headers: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Table with a caption; the first cell of a row is its header, numbers are right-aligned, and
    an empty header is a plain cell.
    """
    listed = [list(row) for row in rows]
    right = [all(isinstance(row[i], float | int) for row in listed) for i in range(len(headers))]
    names = [
        name.replace("[95 %]", "[95\N{NO-BREAK SPACE}%]") if isinstance(name, str) else name
        for name in headers
    ]
    head = "".join(
        _cell("th", name, number, "col") if name else "<td></td>"
        for name, number in zip(names, right, strict=True)
    )
    lines = [
        _cell("th", row[0], False, "row")
        + "".join(map(_cell, ["td"] * len(row), row[1:], right[1:]))
        for row in listed
    ]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return (
        "<div "
        f'class="scroll"><table><caption><span>{to_html(caption)}</span></caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _cell(tag: str, value: object, right: bool = False, scope: str = "") -> str:
    text = (
        f"{round(value, 3) + 0.0:.3f}".replace("-", "−")
        if isinstance(value, float) and math.isfinite(value)
        else value
    )
    attributes = (f' scope="{scope}"' if scope else "") + (' class="number"' if right else "")
    return f"<{tag}{attributes}>{to_html(text)}</{tag}>"


def render_plot(name: str, title: str, description: str, kind: str = "") -> str:
    """Place for a plot that the script of the page fills, with a static image for printing."""
    alt = to_html(f"{title}. {description}")
    return (
        f'<figure class="{kind}"><figcaption><b>{to_html(title)}.</b> '
        f"{to_html(description)}</figcaption>"
        f'<div class="plot" id="{name}" role="group" aria-label="{alt}"></div><img '
        f'class="still" id="{name}-still" alt="{alt}"></figure>'
    )


def draw_interval(
    low: float, value: float, high: float, reach: tuple[float, float], colour: str
) -> Html:
    """Draw a small interval around 0 for a table row, next to its numbers."""
    if not all(map(math.isfinite, (low, value, high))):
        return Html("")
    left, middle, right, zero = (
        f"{4 + 192 * (number - reach[0]) / (reach[1] - reach[0]):.1f}"
        for number in (low, value, high, 0.0)
    )
    return Html(
        '<svg class="interval" width="200" height="20" viewBox="0 0 200 20" aria-hidden="true">'
        f'<line x1="{zero}" x2="{zero}" y1="0" y2="20" stroke="#8c8c8c"/>'
        f'<line x1="{left}" x2="{right}" y1="10" y2="10" stroke="{colour}" stroke-width="3"/>'
        f'<circle cx="{middle}" cy="10" r="5" fill="{colour}"/></svg>'
    )


def link_table(name: str, table: pd.DataFrame) -> Html:
    """Link that contains a table as tab-separated text, zipped if large."""
    content = table.to_csv(sep="\t", float_format="%.6g").encode()
    file, kind = f"{name}.tsv", "text/tab-separated-values;charset=utf-8"
    if len(content) > ZIPPED:
        content, file, kind = (
            gzip.compress(content, 6, mtime=0),
            f"{name}.tsv.gz",
            "application/gzip",
        )
    address = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return Html(
        f'<a download="{to_html(file)}" href="{address}">{to_html(file)}</a> '
        f"({max(1, len(content) // 1000):,} kB)"
    )
