"""Section of the report on the reconstruction."""

from __future__ import annotations

from genexp.evaluation.reconstruction import Reconstruction
from genexp.report.html import (
    render_plot,
    render_section,
    render_table,
)
from genexp.report.sections.scores import render_scores
from genexp.verdict.evaluation import Evaluation


def render_reconstruction(evaluation: Evaluation) -> str:
    """Section on the reconstruction."""
    reconstruction = evaluation.results.require(Reconstruction)
    worst = reconstruction.worst_genes()
    rows = (
        [gene, *(float(value) for value in row)]
        for gene, *row in worst[["r2", "r2_pca", "mse", "variance"]].itertuples()
    )
    caption = (
        f"The {len(worst)} genes with the worst reconstruction, on test samples; scaled values."
    )
    return render_section(
        "genes",
        "Reconstruction",
        render_scores("Over all genes and test samples.", reconstruction.scores),
        render_plot(
            "plot-genes",
            "R² by gene",
            f"Distribution over {len(reconstruction.genes):,} genes, encoder and PCA.",
        ),
        render_table(caption, ["Gene", "R²", "R² of PCA", "squared error", "variance"], rows),
    )
