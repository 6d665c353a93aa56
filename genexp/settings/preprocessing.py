"""Parameters of preprocessing: split, filters, normalisation, batch correction and scaling."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from genexp.settings.section import OptionalCount, OptionalNumber, Section, check_shares


class PreprocessConfig(Section):
    """Preprocessing, fitted on the train samples."""

    split: Annotated[str, AfterValidator(check_shares)] = Field(
        "70/15/15",
        description=(
            "shares of train/val/test; two shares are development/test, with 15 % of development "
            "for validation"
        ),
    )
    normalise: Literal["auto", "none", "log2_cpm", "log2_median", "log2"] = Field(
        "auto",
        description="log2_cpm: log2(counts per million + 1); "
        "log2_median: the same at the median library "
        "of train samples, for libraries "
        "far below a million, as of single cells; auto: log2_cpm for counts, none otherwise",
    )
    clip: OptionalNumber = Field(
        None,
        gt=0,
        description="values beyond +-clip are set to it before scaling (heavy tails); none: off",
    )
    min_detected: float = Field(
        0.1,
        ge=0,
        le=1,
        description=(
            "smallest share of train samples above the floor of the scale with which a gene is kept"
        ),
    )
    min_variance: float = Field(
        0.0, ge=0, description="variance over train samples above which a gene is kept"
    )
    n_top_genes: OptionalCount = Field(
        None,
        ge=2,
        description=(
            "keep the genes of largest median absolute deviation over train samples; none: all"
        ),
    )
    min_sample_detected: float = Field(
        0.05,
        ge=0,
        le=1,
        description=(
            "smallest share of genes above the floor of the scale with which a sample is kept"
        ),
    )
    correction: Literal["none", "zscore", "combat"] = Field(
        "none",
        description="brings batches to the same mean and standard "
        "deviation per gene before scaling, "
        "fitted on train samples without the "
        "label: zscore uses each batch's own mean and standard deviation, combat shrinks "
        "them over genes",
    )
    combat_prior: Literal["parametric", "nonparametric"] = Field(
        "parametric",
        description=(
            "priors of ComBat: normal and inverse gamma, or the empirical distribution over "
            "genes (slower)"
        ),
    )
    reference_batch: str = Field(
        "",
        description=(
            "batch that stays unchanged while others are brought to it; empty: to the mean of all"
        ),
    )
    unseen_batch: Literal["refuse", "estimate"] = Field(
        "refuse",
        description=(
            "handling of a batch without train samples; estimate: from its own samples, two or more"
        ),
    )
    scaling: Literal["zscore", "minmax", "none"] = Field(
        "zscore", description="per-gene scaling, fitted on train samples"
    )

    @model_validator(mode="after")
    def _check_reference(self) -> PreprocessConfig:
        if self.reference_batch and self.correction == "none":
            raise ValueError(
                f"reference_batch={self.reference_batch} corrects nothing; add "
                "correction=combat or correction=zscore"
            )
        return self
