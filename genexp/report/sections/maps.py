"""Section of the report on the 2-D embeddings of the latents."""

from __future__ import annotations

from genexp.evaluation.batch_effects import BatchEffects
from genexp.evaluation.clusters.kmeans import Clustering
from genexp.evaluation.projection import Embeddings
from genexp.report.figures.maps import MAPS
from genexp.report.html import (
    render_paragraph,
    render_plot,
    render_section,
)
from genexp.report.sections.clusters import describe_embedding
from genexp.verdict.evaluation import Evaluation


def render_maps(evaluation: Evaluation) -> str:
    """Section with the embeddings, and switches for their colours."""
    perplexity = evaluation.results.require(Embeddings).perplexity
    hints = {
        "tsne": f"Perplexity {perplexity:g}; distances between groups are not meaningful.",
        "umap": "Distances between groups are not meaningful.",
        "pca": "The first two principal components of the latents.",
    }
    plots = [
        render_plot(
            f"map-{name}",
            title,
            f"{hints[name]} {describe_embedding(evaluation.results.require(Embeddings), name)}",
            "map",
        )
        for name, title in MAPS.items()
    ]
    if evaluation.results.require(Clustering).contingency is not None:
        hint = "Test samples of each label (row) by cluster: counts, coloured by share."
        plots.append(render_plot("plot-composition", "Labels and clusters", hint))
    hint = (
        "Embeddings were fitted on train samples; the other samples were embedded into them. "
        "Point at a sample to see its name; click on "
        "a group to hide it."
    )
    return render_section(
        "maps",
        "2-D embeddings of the latents",
        render_paragraph(hint),
        _render_switches(evaluation),
        '<div id="legend" role="group" aria-label="Groups shown"></div>',
        f'<div class="grid">{"".join(plots)}</div>',
    )


def _render_switches(evaluation: Evaluation) -> str:
    labelled = evaluation.results.require(Embeddings).coordinates["label"].notna().any()
    kinds = [
        *(["label"] if labelled else []),
        *(["batch"] if evaluation.results.get_result(BatchEffects) is not None else []),
        "cluster",
    ]
    colour = "".join(
        (
            '<label><input type="radio" name="by" '
            f'value="{kind}"{" checked" if kind == kinds[0] else ""}> {kind}</label>'
        )
        for kind in kinds
    )
    parts = "".join(
        f'<label><input type="checkbox" name="part" value="{value}" checked> {name}</label>'
        for value, name in (
            ("train val", "train and validation (faint)"),
            ("test", "test (dark edge)"),
        )
    )
    groups = "".join(
        f"<fieldset><legend>{name}</legend>{inputs}</fieldset>"
        for name, inputs in (("Colour by", colour), ("Show", parts))
    )
    return f'<div class="controls">{groups}</div>'
