"""Logging of an evaluation in its run: metrics, tags, description, tables, figures and report."""

from __future__ import annotations

from genexp.report.figures.draw import draw_figures
from genexp.report.page import render_report
from genexp.tracker import Tracker
from genexp.verdict.evaluate import describe_evaluation
from genexp.verdict.evaluation import Evaluation


def log_evaluation(evaluation: Evaluation, tracker: Tracker) -> None:
    """Log metrics, tags, description, tables under ``evaluation/``, figures under ``figures/`` and
    ``report.html``.
    """
    tracker.log_metrics(evaluation.metrics)
    tracker.set_tags({**evaluation.tags, **_list_facts(evaluation)})
    tracker.describe(describe_evaluation(evaluation))
    for name, table in evaluation.tables.items():
        tracker.log_table(f"evaluation/{name}.tsv", table)
    for name, figure in draw_figures(evaluation):
        tracker.log_figure(name, figure)
    tracker.log_text("report.html", render_report(evaluation))


def _list_facts(evaluation: Evaluation) -> dict[str, object]:
    """Tags that ``compare`` shows: cohort, split and configuration of the encoder."""
    summary, config = evaluation.summary, evaluation.summary["card"].get("config", {})
    facts = {name: summary[name] for name in ("cohort", "split_hash", "n_latent", "test_openings")}
    return facts | {
        "kind": config.get("kind", ""),
        "n_seeds": 1 if evaluation.seeds is None else len(evaluation.seeds.scores),
    }
