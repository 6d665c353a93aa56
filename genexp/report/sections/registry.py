"""Sections of the report, in their order on the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from genexp.evaluation.batch_effects import BatchEffects
from genexp.evaluation.novelty import Novelty
from genexp.evaluation.task import Result, Task
from genexp.evaluation.terms import Terms
from genexp.explain.deletion import Deletion
from genexp.explain.explanation import Explanation
from genexp.report.html import Html, render_paragraph, render_section, render_table, to_html
from genexp.report.provenance import render_provenance
from genexp.report.sections.batch_effects import render_batch_effects
from genexp.report.sections.clusters import render_clusters, render_novelty
from genexp.report.sections.genes import render_attribution, render_enrichment
from genexp.report.sections.heads import render_heads
from genexp.report.sections.label import render_probe
from genexp.report.sections.maps import render_maps
from genexp.report.sections.outcomes import render_outcomes
from genexp.report.sections.reconstruction import render_reconstruction
from genexp.report.sections.seeds import render_seeds
from genexp.report.sections.survival import render_survival
from genexp.report.sections.terms import render_terms
from genexp.report.sections.verdict import render_verdict
from genexp.settings.section import read_summary
from genexp.verdict.evaluation import Evaluation
from genexp.verdict.heads import HeadResults
from genexp.verdict.tasks import TASKS, describe_metric

MAX_ROWS = 50
"""Maximum number of rows of a table in the section of a user's task; the downloads have the whole
table."""


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Parameters
    ----------
    name : str
        Anchor.
    title : str
        Short title, for the list of contents.
    render : callable
        From an evaluation to HTML.
    tasks : tuple of str
        Names of the tasks with results in the section.
    """

    name: str
    title: str
    render: Callable[[Evaluation], str]
    tasks: tuple[str, ...] = ()


def _render_explanation(render: Callable[[Explanation], str]) -> Callable[[Evaluation], str]:
    return lambda evaluation: render(evaluation.results.require(Explanation))


SECTIONS = [
    Section("verdict", "Verdict", render_verdict),
    Section("maps", "Embeddings", render_maps, ("embeddings",)),
    Section("clusters", "Clusters", render_clusters, ("clustering", "cluster_methods")),
    Section("label", "Label", render_probe, ("probe", "discrimination")),
    Section(
        "heads",
        "Heads",
        lambda evaluation: render_heads(evaluation.results.get_result(HeadResults)),
        ("heads",),
    ),
    Section(
        "batch_effects",
        "Batch effects",
        lambda evaluation: render_batch_effects(evaluation.results.get_result(BatchEffects)),
        ("batch_effects",),
    ),
    Section(
        "terms",
        "Terms",
        lambda evaluation: render_terms(
            evaluation.results.get_result(Terms), evaluation.results.get_result(Deletion)
        ),
        ("terms", "deletion"),
    ),
    Section("outcomes", "Outcomes", render_outcomes, ("outcomes",)),
    Section("survival", "Survival", render_survival, ("survival", "prognosis")),
    Section("genes", "Reconstruction", render_reconstruction, ("reconstruction",)),
    Section(
        "novelty",
        "Novelty",
        lambda evaluation: render_novelty(evaluation.results.get_result(Novelty)),
        ("novelty",),
    ),
    Section(
        "attribution", "Attribution", _render_explanation(render_attribution), ("explanation",)
    ),
    Section("enrichment", "Gene sets", _render_explanation(render_enrichment), ("explanation",)),
    Section("seeds", "Seeds", render_seeds),
    Section("methods", "Methods", render_provenance),
]
"""A task that is not listed gets a section with its metrics, tables and figures, before the
seeds."""


def list_sections() -> Iterator[Section]:
    """List the sections of the page, with a generated one for each task that is not in
    ``SECTIONS``.
    """
    covered = {name for section in SECTIONS for name in section.tasks}
    for section in SECTIONS:
        if section.name == "seeds":
            yield from (_make_section(task) for task in TASKS if task.name not in covered)
        yield section


def _make_section(task: Task) -> Section:
    return Section(
        task.name,
        task.title,
        lambda evaluation: _render_task(task, evaluation.results.get(task.name)),
        (task.name,),
    )


def _render_task(task: Task, result: Result | None) -> str:
    """Metrics, tables and figures of any task."""
    lead = render_paragraph(read_summary(task) or task.title)
    if result is None:
        return render_section(
            task.name,
            task.title,
            lead,
            render_paragraph("Not evaluated: see the notes of the verdict."),
        )
    rows = [[key, value, describe_metric(key)] for key, value in result.metrics.items()]
    parts = [render_table("Metrics.", ["Metric", "Value", "Meaning"], rows)] if rows else []
    parts += [
        _render_table(table, task.tables.get(name, name)) for name, table in result.tables.items()
    ]
    for name, figure in task.draw(result):
        image = io.BytesIO()
        figure.savefig(image, format="png", dpi=110)
        source = base64.b64encode(image.getvalue()).decode()
        parts.append(
            Html(
                f'<figure><img alt="{to_html(name)}" src="data:image/png;base64,{source}"></figure>'
            )
        )
    return render_section(task.name, task.title, lead, *parts)


def _render_table(table: pd.DataFrame, meaning: str) -> str:
    rows = table.head(MAX_ROWS).reset_index()
    more = f" The first {MAX_ROWS} of {len(table):,} rows." if len(table) > MAX_ROWS else ""
    return render_table(
        f"{meaning[:1].upper()}{meaning[1:]}.{more}",
        list(rows),
        rows.itertuples(index=False, name=None),
    )
