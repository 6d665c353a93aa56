"""Parameters of the evaluation on the test samples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from genexp.settings.section import Section, split_list


class EvaluationConfig(Section):
    """Evaluation of an encoder on the test samples."""

    perplexity: float = Field(30.0, ge=1, description="perplexity of t-SNE")
    max_clusters: int = Field(10, ge=2, le=100, description="largest number of clusters to try")
    gene_sets: str = Field(
        "",
        description=(
            "GMT file (also .gz) of gene sets to find behind latents, classes and risk; empty: none"
        ),
    )
    attribution: Literal["integrated_gradients", "saliency", "expected_gradients"] = Field(
        "integrated_gradients",
        description="method that attributes latents, classes and risk to genes",
    )
    outcomes: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (),
        description=(
            "columns of obs with continuous outcomes, such as age or drug response, to predict "
            "from latents; empty: none"
        ),
    )
    terms: str = Field(
        "",
        description=(
            "table (TSV, CSV, also .gz, Parquet) of terms, 0 or 1 by sample id, to predict from "
            "latents; empty: none"
        ),
    )
