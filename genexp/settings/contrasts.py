"""Parameters of contrasts: groups, significance and gene-set labels."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from genexp.settings.section import Range, Section, within


class ContrastConfig(Section):
    """Contrasts and their significance."""

    dataset: str = Field(
        "",
        description=(
            "column of obs that names the data set (series) of a sample; empty: all are one data "
            "set"
        ),
    )
    condition: str = Field(
        "", description="column of obs whose values are contrasted within each data set"
    )
    control: str = Field("", description="value of the condition that is the reference")
    case: str = Field(
        "",
        description=(
            "value of the condition that is contrasted with the control; empty: every other "
            "value of a data set"
        ),
    )
    pair: str = Field(
        "",
        description="column of obs whose values pair samples, such as the patient; empty: unpaired",
    )
    alpha: float = Field(0.05, gt=0, lt=1, description="q value below which a gene is significant")
    min_log2fc: float = Field(
        1.0, ge=0, description="smallest absolute log2 fold change of a significant gene"
    )
    gene_sets: str = Field(
        "",
        description=(
            "GMT file (also .gz) of gene sets that label contrasts, such as GO terms; empty: no "
            "labels"
        ),
    )
    term_alpha: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="p value of over-representation below which a set labels a contrast",
    )
    term_size: Annotated[Range, within(1, 1e6, whole=True)] = Field(
        "5..500", description="number of measured genes of a set that can be a label"
    )  # type: ignore[assignment]
    term_share: Annotated[Range, within(0, 1)] = Field(
        "0.01..0.5", description="share of contrasts that a set must label to be kept"
    )  # type: ignore[assignment]
