"""A description as one self-contained page of HTML, with figures and style inside."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from genexp.cohort.samples import name_level
from genexp.describe.description import Description, ValueStatistics
from genexp.describe.figures import draw_levels, draw_missing, draw_values, list_ringed, write_png
from genexp.describe.text import (
    NO_CANDIDATES,
    ROLE_TITLES,
    break_command,
    describe_assumed,
    describe_next,
    list_others,
    list_warnings,
    name_parameter,
    write_sentence,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
:root { --ink: #222; --muted: #595959; --rule: #dcdcdc; --blue: #0072b2; --red: #b25000; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff; font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 22px; margin: 0 0 12px; }
p, li { max-width: 90ch; }
p { margin: 0 0 12px; }
.lead { font-size: 19px; line-height: 1.45; border-left: 5px solid var(--blue); padding: 4px 0 4px 16px; margin: 0 0 6px; }
.asks .lead { border-color: var(--red); }
section { padding: 28px 0 6px; }
section + section { border-top: 1px solid var(--rule); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 8px 24px; margin: 0 0 12px; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
dd p { margin: 0; }
.question { border-left: 5px solid var(--red); background: #fdf5ee; padding: 10px 16px; margin: 0 0 14px; max-width: 100ch; }
.question p { margin: 0; }
.question p + p { margin-top: 6px; color: var(--muted); }
ul { padding-left: 20px; margin: 0 0 14px; }
li { margin: 0 0 6px; overflow-wrap: anywhere; }
pre { background: #f5f6f7; border: 1px solid var(--rule); border-radius: 6px; padding: 10px 14px; overflow-x: auto; }
pre { font-size: 14px; line-height: 1.5; }
code { font-size: 14px; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 0 0 18px; }
table { border-collapse: collapse; font-size: 15px; width: 100%; }
th, td { padding: 6px 18px 6px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
thead th { border-bottom: 2px solid var(--ink); font-size: 14px; }
tbody th { font-weight: 400; white-space: nowrap; }
.group th { color: var(--muted); padding-top: 14px; font-weight: 600; }
.note { color: var(--red); }
figure { margin: 0 0 22px; }
figcaption { color: var(--muted); font-size: 15px; margin: 0 0 4px; max-width: 90ch; }
figcaption b { color: var(--ink); }
img { width: 100%; height: auto; }
details summary { cursor: pointer; color: var(--muted); margin: 0 0 8px; }
footer { color: var(--muted); font-size: 14px; padding-block: 20px 40px; }
@media (max-width: 640px) {
  dl { grid-template-columns: minmax(0, 1fr); gap: 2px; }
  dd { margin-bottom: 10px; }
  tbody th { white-space: normal; }
}
@media print { .scroll { overflow: visible; } section { padding-top: 14px; } figure, tr, pre { break-inside: avoid; } }
"""  # noqa: E501


def render_description_page(description: Description) -> str:
    """Render a description as HTML."""
    body = [
        _render_questions(description),
        _render_next(description) if description.is_open else "",
        _render_section("reading", "How it is read", _render_facts(description.facts)),
        _render_list("suspicious", "What is suspicious", list_warnings(description)),
        _render_values(description.values),
        _render_columns(description),
        "" if description.is_open else _render_next(description),
    ]
    title = escape(description.name)
    head = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
    ]
    header = f'<header><h1>{title}</h1>\n<p class="lead">{escape(_lead(description))}</p></header>'
    parts = [
        header,
        "<main>",
        *filter(None, body),
        "</main>",
        "<footer>Written by genexp describe.</footer>",
    ]
    kind = ' class="asks"' if description.questions else ""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>',
            *head,
            f"</head>\n<body{kind}>",
            *parts,
            "</body>\n</html>\n",
        ]
    )


def _lead(description: Description) -> str:
    n = len(description.questions)
    asks = (
        f" {n} question{'s' if n > 1 else ''} would be asked."
        if n
        else " It would be read without a question."
    )
    return f"{description.headline}.{asks}"


def _render_section(name: str, title: str, *parts: str) -> str:
    heading = f'<h2 id="{name}-title">{escape(title)}</h2>'
    return "\n".join(
        [f'<section id="{name}" aria-labelledby="{name}-title">', heading, *parts, "</section>\n"]
    )


def _render_questions(description: Description) -> str:
    if not description.questions:
        return ""
    boxes = []
    for i, question in enumerate(description.questions):
        assumed = describe_assumed(description, i)
        boxes.append(
            "<div "
            f'class="question"><p>{escape(write_sentence(question.text))}</p>{f"<p>{escape(assumed)}</p>" if assumed else ""}</div>'  # noqa: E501
        )
    return _render_section("questions", "What is asked", *boxes)


def _render_facts(facts: dict[str, tuple[str, ...]]) -> str:
    rows = [
        f"<dt>{escape(topic)}</dt><dd>{''.join(f'<p>{escape(line)}</p>' for line in lines)}</dd>"
        for topic, lines in facts.items()
    ]
    return f"<dl>{''.join(rows)}</dl>"


def _render_list(name: str, title: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return _render_section(name, title, f"<ul>{items}</ul>") if sentences else ""


def _render_values(values: ValueStatistics | None) -> str:
    """Render the figures of the values."""
    if values is None or not len(values.sampled):
        return ""
    if len(values.samples) < 2:
        return _render_section(
            "values",
            "Values",
            _embed(
                draw_values, values, "Distribution", "Values of evenly spaced rows and columns."
            ),
        )
    statistic = name_level(values.scale)
    ringed = " Unusual samples are ringed." if list_ringed(values) else ""
    figures = [
        _embed(
            draw_values,
            values,
            "Distribution",
            "Values of all samples together, and quantiles of each sample.",
        ),
        _embed(
            draw_levels,
            values,
            f"{statistic.capitalize()} of each sample",
            f"The line is the median of all samples.{ringed}",
        ),
    ]
    if values.missing_by_gene.any():
        figures.append(
            _embed(
                draw_missing,
                values,
                "Missing values",
                "By sample, and by gene in decreasing order.",
            )
        )
    return _render_section("values", "Values", *figures)


def _embed(
    draw: Callable[[ValueStatistics], Figure], values: ValueStatistics, title: str, text: str
) -> str:
    """Embed a figure in the page."""
    data = base64.b64encode(write_png(draw(values))).decode()
    caption = f"<figcaption><b>{escape(title)}.</b> {escape(text)}</figcaption>"
    return (
        f'<figure>{caption}<img alt="{escape(f"{title}. {text}")}" '
        f'src="data:image/png;base64,{data}"></figure>'
    )


def _render_columns(description: Description) -> str:
    """Render the likely roles of columns of annotations, and all other columns."""
    if not description.columns:
        return ""
    parts = []
    if description.candidates:
        parts.append(_render_table(("Parameter", "Values"), _list_candidates(description)))
    else:
        parts.append(f"<p>{NO_CANDIDATES}</p>")
    if description.endpoints:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in description.endpoints)
        parts.append(f"<p>Survival by pairs of time and event:</p><ul>{items}</ul>")
    others = set(list_others(description))
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(values)}</td></tr>'
        for name, values in description.columns
        if name in others
    ]
    if rows:
        table = _render_table(("Column", "Values"), rows)
        parts.append(
            f"<details><summary>{len(rows)} other "
            f"column{'s' if len(rows) > 1 else ''}</summary>{table}</details>"
        )
    return _render_section("columns", "Columns of annotations, and their parameters", *parts)


def _list_candidates(description: Description) -> list[str]:
    """List the rows of the table of candidates, by role."""
    rows = []
    for role, title in ROLE_TITLES.items():
        listed = [candidate for candidate in description.candidates if candidate.role == role]
        rows += (
            [f'<tr class="group"><th colspan="2" scope="rowgroup">{title}</th></tr>']
            if listed
            else []
        )
        for candidate in listed:
            note = (
                (
                    ". <span "
                    f'class="note">{escape(candidate.note[0].upper() + candidate.note[1:])}.</span>'
                )
                if candidate.note
                else ""
            )
            rows.append(
                "<tr><th "
                f'scope="row"><code>{escape(name_parameter(candidate))}</code></th><td>{escape(candidate.values)}{note}</td></tr>'
            )
    return rows


def _render_table(headers: Iterable[str], rows: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in headers)
    body = "\n".join(rows)
    return (
        "<div "
        f'class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


def _render_next(description: Description) -> str:
    commands = [
        "\n".join(line.removeprefix("  ") for line in break_command(command, 110))
        for command in description.commands
    ]
    blocks = [f"<pre>{escape(command)}</pre>" for command in commands]
    return _render_section(
        "next", "What to do next", f"<p>{escape(describe_next(description))}</p>", *blocks
    )
