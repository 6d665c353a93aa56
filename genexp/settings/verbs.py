"""The settings of every verb: the sections that it holds.

A parameter has one name everywhere: ``-P n_latent=32``, ``--n-latent 32`` and
``TrainSettings(n_latent=32)`` put it into the section that has it. A function takes its own section
as argument (``settings.training``) and never sees the rest. MLproject is rendered from here
(:mod:`genexp.settings.mlproject`), and a test fails when it differs.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from genexp.settings.cohort import CohortConfig, SourceConfig
from genexp.settings.contrasts import ContrastConfig
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.experiment import ExperimentConfig
from genexp.settings.naming import ends_in
from genexp.settings.preprocessing import PreprocessConfig
from genexp.settings.search import SearchSpace, TuningConfig
from genexp.settings.section import Section, split_list
from genexp.settings.tracking import EncoderChoice, RegistryConfig, RunConfig
from genexp.settings.training import (
    EncoderConfig,
    ReplicationConfig,
    TrainingConfig,
    TransferConfig,
)
from genexp.settings.verb import VerbSettings


class PreprocessSettings(VerbSettings):
    """Check, split, filter and scale a cohort."""

    reading: CohortConfig = Field(default_factory=CohortConfig)
    preprocessing: PreprocessConfig = Field(default_factory=PreprocessConfig)
    run: RunConfig = Field(default_factory=RunConfig)

    @model_validator(mode="after")
    def _check_batch(self) -> PreprocessSettings:
        if self.preprocessing.correction != "none" and not self.reading.batch:
            raise ValueError(
                f"correction={self.preprocessing.correction} needs the batch of every "
                "sample; name its column with batch="
            )
        return self


class TrainSettings(PreprocessSettings):
    """Train one autoencoder and register its encoder."""

    training: EncoderConfig = Field(default_factory=EncoderConfig)
    transfer: TransferConfig = Field(default_factory=TransferConfig)
    replication: ReplicationConfig = Field(default_factory=ReplicationConfig)
    registry: RegistryConfig = Field(default_factory=RegistryConfig)


class TuneSettings(PreprocessSettings):
    """Search autoencoders with Optuna, then train, evaluate and register the best."""

    space: SearchSpace = Field(default_factory=SearchSpace)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    search: TuningConfig = Field(default_factory=TuningConfig)
    replication: ReplicationConfig = Field(default_factory=ReplicationConfig)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    registry: RegistryConfig = Field(default_factory=RegistryConfig)


class EvaluateSettings(VerbSettings):
    """Evaluate an encoder on the held-out test samples, compared with PCA."""

    reading: CohortConfig = Field(default_factory=CohortConfig)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    registry: RegistryConfig = Field(default_factory=RegistryConfig)
    choice: EncoderChoice = Field(default_factory=EncoderChoice)
    run: RunConfig = Field(default_factory=RunConfig)


class MainSettings(TrainSettings):
    """Preprocess, train, evaluate and register with one configuration; or reproduce a published
    system (experiment=NAME).
    """

    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    reproduction: ExperimentConfig = Field(default_factory=ExperimentConfig)


class EncodeSettings(VerbSettings):
    """Write the latents of a cohort by a registered encoder."""

    reading: CohortConfig = Field(default_factory=CohortConfig)
    registry: RegistryConfig = Field(default_factory=RegistryConfig)
    choice: EncoderChoice = Field(default_factory=EncoderChoice)
    out: Annotated[str, AfterValidator(ends_in(".parquet", ".tsv", ".csv", ".h5ad"))] = Field(
        "latent.parquet", min_length=1, description="file to write: .parquet, .tsv, .csv or .h5ad"
    )


class ConvertSettings(VerbSettings):
    """Write a cohort as it was read, with values, annotations and scale, as AnnData or as a
    table.
    """

    reading: CohortConfig = Field(default_factory=CohortConfig)
    out: Annotated[str, AfterValidator(ends_in(".h5ad", ".parquet", ".tsv.gz", ".tsv"))] = Field(
        "cohort.h5ad",
        min_length=1,
        description=(
            "file to write: .h5ad, or .parquet, .tsv.gz or .tsv with the annotations beside it"
        ),
    )


class DescribeSettings(VerbSettings):
    """Report how a file would be read, the likely roles of its columns, and anything suspicious."""

    reading: CohortConfig = Field(default_factory=CohortConfig)
    out: Annotated[str, AfterValidator(ends_in(".html"))] = Field(
        "", description="page to write (.html); empty: print only"
    )


class CompareSettings(Section):
    """Compare evaluated encoders by the results that their runs logged."""

    runs: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (),
        description=(
            "evaluations to compare, also without --runs: run ids, NAME/version, NAME@alias; the "
            "first is the reference"
        ),
    )
    experiment_name: str = Field(
        "", description="MLflow experiment whose evaluations are all listed"
    )
    out: Annotated[str, AfterValidator(ends_in(".html", ".tsv"))] = Field(
        "", description="file to write: .html (both tables) or .tsv (encoders); empty: print only"
    )


class ContrastsSettings(VerbSettings):
    """Compute log2 fold changes from expression and groups, data set by data set, as a cohort with
    gene sets as labels.
    """

    reading: SourceConfig = Field(default_factory=SourceConfig)
    contrast: ContrastConfig = Field(default_factory=ContrastConfig)
    out: str = Field("contrasts", min_length=1, description="folder to write to")
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        "auto", description="parallel contrasts, each in a process; auto: one per core"
    )


class DoctorSettings(Section):
    """Plant each trap in a small simulated cohort and show the guard that fires."""


VERBS: dict[str, type[Section]] = {
    "preprocess": PreprocessSettings,
    "train": TrainSettings,
    "tune": TuneSettings,
    "evaluate": EvaluateSettings,
    "main": MainSettings,
    "describe": DescribeSettings,
    "convert": ConvertSettings,
    "encode": EncodeSettings,
    "compare": CompareSettings,
    "contrasts": ContrastsSettings,
    "doctor": DoctorSettings,
}
"""The verbs of the command line and their settings; those with a run are MLproject entry points."""
