"""Parameters of the functions of the Python API."""

from __future__ import annotations

from pydantic import Field

from genexp.settings.cohort import CohortConfig
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.preprocessing import PreprocessConfig
from genexp.settings.search import SearchSpace, TuningConfig
from genexp.settings.section import Section
from genexp.settings.training import (
    EncoderConfig,
    ReplicationConfig,
    TrainingConfig,
    TransferConfig,
)


class Logging(Section):
    """Experiment and name of a run."""

    experiment_name: str = Field(
        "",
        description=(
            "MLflow experiment; empty: that of the active run, else genexp, and none without MLflow"
        ),
    )
    run_name: str = Field(
        "", description="name of the run; empty: made from the verb and the cohort"
    )


class Seeding(Section):
    """Seed of everything random."""

    seed: int | None = Field(
        None,
        ge=0,
        lt=2**31,
        description="seed of initial weights, search, embeddings and bootstrap; none: the data's",
    )


class Contract(Section):
    """Requirements of an encoder on new samples."""

    max_missing: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="largest share of the encoder's genes that a new cohort may lack",
    )


class Reading(CohortConfig):
    """Parameters of ``read``."""

    seed: int = Field(0, ge=0, lt=2**31, description="seed of a simulated cohort")


class Preprocessing(CohortConfig, PreprocessConfig):
    """Parameters of ``preprocess``."""

    cache: str = Field(
        "",
        description=(
            "folder for preprocessed values, studies and checkpoints; empty: temporary, until "
            "Python ends"
        ),
    )
    seed: int | None = Field(
        None,
        ge=0,
        lt=2**31,
        description="seed of the split and of all that follows; none: the cohort's, else 0",
    )


class Training(EncoderConfig, TransferConfig, ReplicationConfig, Contract, Seeding, Logging):
    """Parameters of ``train``."""


class Tuning(
    SearchSpace, TrainingConfig, TuningConfig, ReplicationConfig, Contract, Seeding, Logging
):
    """Parameters of ``tune``."""


class Evaluating(EvaluationConfig, Seeding, Logging):
    """Parameters of ``evaluate``."""
