"""Parameters of runs and of the registry."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from genexp.settings.naming import (
    check_alias,
    check_encoder_name,
    check_experiment_name,
    check_model_name,
    check_run_name,
)
from genexp.settings.section import Section


class RegistryConfig(Section):
    """Registration of the encoder."""

    name: Annotated[str, AfterValidator(check_model_name)] = Field(
        "", description="name of the registered model; empty: the cohort's file name"
    )
    alias: Annotated[str, AfterValidator(check_alias)] = Field(
        "champion",
        description=(
            "alias that the new version takes when it is better than the present holder on "
            "validation"
        ),
    )
    max_missing: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="largest share of the encoder's genes that may be missing in a new cohort",
    )


class EncoderChoice(Section):
    """A registered encoder."""

    encoder: Annotated[str, AfterValidator(check_encoder_name)] = Field(
        "",
        description="encoder: NAME@alias, NAME/version or runs:/ID; empty: the alias of the name",
    )


class RunConfig(Section):
    """The run itself."""

    experiment_name: Annotated[str, AfterValidator(check_experiment_name)] = Field(
        "genexp", description="MLflow experiment"
    )
    run_name: Annotated[str, AfterValidator(check_run_name)] = Field(
        "", description="name of the run; empty: derived from the verb and the cohort"
    )
    cache: str = Field(
        ".genexp",
        min_length=1,
        description="folder for preprocessed cohorts, studies and checkpoints",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        description="seed of the split, the initial weights, the search and the figures",
    )
