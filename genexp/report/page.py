"""The report as one HTML page: verdict, interactive plots, methods, and tables for download.

The page contains everything it needs, with plotly.js once, and loads nothing from the network: its
content security policy forbids it. Texts of users (sample ids, labels, gene names) are escaped
where they enter the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

from genexp.evaluation.batch_effects import BatchEffects
from genexp.evaluation.projection import Embeddings
from genexp.palette import GRID, INK, MUTED
from genexp.report.html import (
    to_html,
    write_json,
)
from genexp.report.interactive import build_plots, collect_samples
from genexp.report.sections.downloads import render_downloads
from genexp.report.sections.registry import list_sections
from genexp.verdict.evaluation import Evaluation

MAX_BYTES = 7_900_000
"""Maximum size of the page: tables that do not fit are only named; the run has them next to the
report."""


MANY = 3000
"""Number of samples from which embeddings are drawn by WebGL."""


POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src "
    "'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
"""Content security policy: nothing is fetched; plotly's WebGL needs 'unsafe-eval' to build its
drawing commands."""


def render_report(evaluation: Evaluation) -> str:
    """Write the report of an evaluation.

    Returns
    -------
    str
        A complete HTML document below 8 MB that needs neither network nor files.
    """
    from plotly.offline import get_plotlyjs

    batch_effects = evaluation.results.get_result(BatchEffects)
    batch = None if batch_effects is None else batch_effects.batch
    look = {"ink": INK, "muted": MUTED, "grid": GRID, "many": MANY}
    data = {
        "samples": collect_samples(evaluation.results.require(Embeddings), batch),
        "plots": build_plots(evaluation),
        "look": look,
    }
    scripts = (
        f'<script type="application/json" id="page-data">{write_json(data)}</script>\n'
        f"<script>{get_plotlyjs()}</script>\n<script>{_read_asset('report.js')}</script>"
    )
    listed = list(list_sections())
    sections = [section.render(evaluation) for section in listed]
    spent = sum(len(part.encode()) for part in (scripts, *sections))
    sections.append(render_downloads(evaluation.tables, MAX_BYTES - spent - 40_000))
    contents = {section.name: section.title for section in listed} | {"downloads": "Downloads"}
    return _render_page(evaluation, sections, scripts, contents)


def _read_asset(name: str) -> str:
    return (files("genexp.report") / name).read_text(encoding="utf-8")


def _render_page(
    evaluation: Evaluation, sections: Sequence[str], scripts: str, contents: Mapping[str, str]
) -> str:
    summary = evaluation.summary
    title = to_html(f"Encoder of {summary['cohort']}: evaluation")
    n_samples = sum(summary[f"n_{part}"] for part in ("train", "val", "test"))
    facts = {
        "Genes": f"{summary['n_genes']:,}",
        "Latents": summary["n_latent"],
        "Samples": f"{n_samples:,}",
        "train / val / test": " / ".join(
            f"{summary[f'n_{part}']:,}" for part in ("train", "val", "test")
        ),
        "Values": summary["scale"],
    }
    if where := summary["card"].get("cohort_settings", {}).get("where"):
        facts["Trained where"] = where
    listed = "".join(
        f"<div><dt>{to_html(name)}</dt><dd>{to_html(value)}</dd></div>"
        for name, value in facts.items()
    )
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title in contents.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title}</title>
<style>{_read_asset("report.css")}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the verdict</a>
<header>
<h1>{title}</h1>
<dl class="facts">{listed}</dl>
<nav aria-label="Contents"><ul>{links}</ul></nav>
</header>
<main id="main">
<noscript><p>The plots need JavaScript; texts and tables do not.</p></noscript>
{"".join(sections)}
</main>
<footer>Written by genexp {to_html(summary["versions"].get("genexp", ""))}. This page needs no network.</footer>
{scripts}
</body>
</html>
"""  # noqa: E501
