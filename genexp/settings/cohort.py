"""Parameters of the cohort: its files, its reading, and the roles of its annotations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from genexp.settings.section import Section, split_list

Scale = Literal[
    "counts",
    "tpm",
    "norm_count",
    "log2_norm_count",
    "log2_tpm",
    "log2_intensity",
    "log2fc",
    "zscore",
    "zero_one",
]


class SourceConfig(Section):
    """A cohort and its reading."""

    cohort: str = Field(
        "simulated",
        description="file or folder of expression values (formats: "
        "docs/formats.md), or s3:// address; "
        "simulated, simulated_cells, "
        "simulated_compendium[:NxGENES]",
    )
    obs: str = Field(
        "",
        description=(
            "annotation table, joined by sample id; empty: annotations in the cohort's own file"
        ),
    )
    layer: str = Field("", description="layer of an AnnData file with the values; empty: X")
    rows: Literal["auto", "samples", "genes"] = Field(
        "auto",
        description=(
            "content of the rows of the matrix; auto: inferred from names, headings and annotations"
        ),
    )
    scale: Literal["auto", Scale, "ln_norm_count"] = Field(
        "auto",
        description=(
            "value scale of the matrix; auto: inferred from the values; ln_norm_count: natural "
            "logarithms, converted to log2"
        ),
    )
    where: str = Field(
        "", description="query on the annotations that selects samples, e.g. sample_type == 'tumor'"
    )
    sample_id: str = Field(
        "",
        description=(
            "column of obs with the sample ids; empty: the column that matches the matrix best"
        ),
    )
    unmatched: Literal["refuse", "drop"] = Field(
        "refuse", description="handling of samples without a row in obs"
    )
    missing_words: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (),
        description="further words for missing values in annotations, in addition to NA, [Not "
        "Available], Not Reported ... "
        "(docs/formats.md)",
    )
    metadata: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (),
        description="columns (or rows) of the matrix that are annotations, not genes; none: every "
        "numeric one is a gene; empty: inferred "
        "from names",
    )
    date_genes: Literal["ask", "keep", "repair"] = Field(
        "ask",
        description=(
            "gene names that Excel turned into dates (1-Mar): ask, keep them, or repair them to "
            "MARCHF1, SEPTIN2 ..."
        ),
    )
    s3_endpoint: str = Field(
        "", description="address of an S3-compatible store for s3:// cohorts; empty: AWS"
    )


class CohortConfig(SourceConfig):
    """A cohort to learn from."""

    duplicates: Literal["max_variance", "mean", "first", "refuse"] = Field(
        "max_variance", description="handling of several genes of the same name"
    )
    missing: Literal["refuse", "drop_gene", "impute_mean"] = Field(
        "refuse",
        description="handling of missing values; impute_mean: the gene's mean over train samples",
    )
    group: str = Field(
        "",
        description="column of obs whose samples of one value stay in "
        "one part of the split; empty: the "
        "patient, from a column or from "
        "TCGA, TARGET, GTEx and CPTAC barcodes; none: each sample alone",
    )
    order: str = Field(
        "",
        description="column of obs with the order of a group's samples: numbers, dates or sortable "
        "texts; for model types that read "
        "sequences",
    )
    label: str = Field(
        "",
        description=(
            "column of obs with the label, for stratification, colours and probes; unlabelled "
            "samples are used in training only"
        ),
    )
    batch: str = Field(
        "",
        description=(
            "column of obs with the laboratory, platform or cohort of origin of every sample; "
            "empty: not known"
        ),
    )
    time: str = Field("", description="column of obs with the survival time")
    event: str = Field("", description="column of obs with the event (1, true, dead ...: observed)")
    event_value: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (), description="values of event that mean an observed event; empty: the usual words"
    )
    time_unit: Literal["auto", "days", "weeks", "months", "years"] = Field(
        "auto",
        description="unit of the survival time; auto: inferred from the column's name and values",
    )
    zero_time: Literal["drop", "half_day"] = Field(
        "drop", description="handling of a follow-up of 0 days: no known survival, or half a day"
    )
