"""Figures of an evaluation, by task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from genexp.evaluation.batch_effects import BatchEffects
from genexp.evaluation.clusters.kmeans import Clustering
from genexp.evaluation.clusters.methods import ClusterMethods
from genexp.evaluation.discrimination import Discrimination
from genexp.evaluation.novelty import Novelty
from genexp.evaluation.outcomes import Outcomes
from genexp.evaluation.probe import Probe
from genexp.evaluation.projection import Embeddings
from genexp.evaluation.reconstruction import Reconstruction
from genexp.evaluation.terms import Terms
from genexp.explain.deletion import Deletion
from genexp.explain.explanation import Explanation
from genexp.palette import MUTED, plain_text
from genexp.report.figures.batch_effects import plot_batch_effects
from genexp.report.figures.clusters import plot_clusters, plot_novelty
from genexp.report.figures.counts import plot_composition, plot_confusion, plot_head
from genexp.report.figures.curves import plot_cox, plot_kaplan_meier
from genexp.report.figures.discrimination import plot_discrimination
from genexp.report.figures.genes import plot_explanation
from genexp.report.figures.maps import MAPS, plot_map
from genexp.report.figures.outcomes import plot_outcomes
from genexp.report.figures.reconstruction import plot_reconstruction
from genexp.report.figures.survival import plot_prognosis
from genexp.report.figures.terms import plot_deletions, plot_terms
from genexp.report.figures.verdict import plot_verdict
from genexp.survival.prognosis import Prognosis
from genexp.survival.regression import Survival
from genexp.verdict.evaluation import Evaluation
from genexp.verdict.heads import HeadResults
from genexp.verdict.tasks import find_task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Figures = Iterator[tuple[str, "Figure"]]
"""Figures with their names."""


def draw_figures(evaluation: Evaluation) -> Figures:
    """Draw the figures of every task, one at a time, each with its artifact name."""
    summary = evaluation.summary
    origin = plain_text(f"{summary['cohort']}, {summary['n_latent']} latents", 48)
    for name, figure in _draw_all(evaluation):
        figure.text(
            0.99,
            1 - 0.13 / figure.get_figheight(),
            origin,
            ha="right",
            va="top",
            fontsize=10.5,
            color=MUTED,
        )
        yield f"figures/{name}.png", figure


def _draw_all(evaluation: Evaluation) -> Figures:
    if len(evaluation.comparison.rows):
        yield "verdict", plot_verdict(evaluation.comparison)
    for name, result in evaluation.results.items():
        yield from FIGURES[name](evaluation) if name in FIGURES else find_task(name).draw(result)


def _draw_embeddings(evaluation: Evaluation) -> Figures:
    embeddings = evaluation.results.require(Embeddings)
    for name in MAPS:
        yield name, plot_map(embeddings, name)


def _draw_clustering(evaluation: Evaluation) -> Figures:
    clustering = evaluation.results.require(Clustering)
    if clustering.contingency is not None:
        yield "cluster_composition", plot_composition(clustering)


def _draw_heads(evaluation: Evaluation) -> Figures:
    for head in evaluation.results.require(HeadResults).labels:
        yield f"confusion_{head.key}", plot_head(head)


def _draw_batch_effects(evaluation: Evaluation) -> Figures:
    results = evaluation.results
    yield (
        "batch_effects",
        plot_batch_effects(results.require(BatchEffects), results.require(Embeddings)),
    )


def _draw_survival(evaluation: Evaluation) -> Figures:
    survival = evaluation.results.require(Survival)
    yield "kaplan_meier", plot_kaplan_meier(survival)
    yield "cox", plot_cox(survival)


def _draw_explanation(evaluation: Evaluation) -> Figures:
    results = evaluation.results
    return plot_explanation(
        results.require(Explanation),
        evaluation.latents,
        results.require(Embeddings).coordinates["part"],
    )


FIGURES: dict[str, Callable[[Evaluation], Figures]] = {
    "reconstruction": lambda evaluation: iter(
        [("reconstruction", plot_reconstruction(evaluation.results.require(Reconstruction)))]
    ),
    "clustering": _draw_clustering,
    "cluster_methods": lambda evaluation: plot_clusters(evaluation.results.require(ClusterMethods)),
    "probe": lambda evaluation: iter(
        [("confusion", plot_confusion(evaluation.results.require(Probe)))]
    ),
    "discrimination": lambda evaluation: iter(
        [("discrimination", plot_discrimination(evaluation.results.require(Discrimination)))]
    ),
    "batch_effects": _draw_batch_effects,
    "terms": lambda evaluation: iter([("terms", plot_terms(evaluation.results.require(Terms)))]),
    "outcomes": lambda evaluation: iter(
        [("outcomes", plot_outcomes(evaluation.results.require(Outcomes)))]
    ),
    "deletion": lambda evaluation: plot_deletions(evaluation.results.require(Deletion)),
    "survival": _draw_survival,
    "prognosis": lambda evaluation: plot_prognosis(evaluation.results.require(Prognosis)),
    "heads": _draw_heads,
    "embeddings": _draw_embeddings,
    "explanation": _draw_explanation,
    "novelty": lambda evaluation: iter(
        [("novelty", plot_novelty(evaluation.results.require(Novelty)))]
    ),
}
"""Figures by the name of their task; a task without a line here draws its own
(:meth:`genexp.evaluation.task.Task.draw`)."""
