"""Parameters of the search: the space, the objectives and the sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from genexp.settings.model import KIND_MEANING, KIND_PARAMETERS, KindName
from genexp.settings.naming import check_study_name
from genexp.settings.section import (
    OptionalNumber,
    Range,
    Section,
    make_searchable,
    split_list,
    within,
)

OBJECTIVES = (
    "loss/val",
    "r2/val_gain",
    "probe/macro_f1_val",
    "survival/c_index_val",
    "cluster/ari_val",
)
"""Objectives of trials: the loss; R2 minus PCA's of the same size; macro F1 of a probe, C-index of
a Cox regression and adjusted Rand index of clusters, all fitted on train samples."""
if TYPE_CHECKING:
    ObjectiveName = str
else:
    ObjectiveName = Literal[OBJECTIVES]


class ShapeSpace(Section):
    """Parameters of every model type that ``tune`` searches: ``low..high`` is searched, a single
    value is fixed.
    """

    kind: Annotated[tuple[KindName, ...], BeforeValidator(split_list), Field(min_length=1)] = Field(
        ("deep",), description=KIND_MEANING
    )
    n_layers: Annotated[Range, within(0, 10, whole=True)] = Field(
        "1..3", description="hidden layers of the encoder"
    )  # type: ignore[assignment]
    n_hidden: Annotated[Range, within(1, 65536, whole=True)] = Field(
        "128..1024",
        description="width of the first hidden layer (log scale); each further one is half as wide",
    )  # type: ignore[assignment]
    n_latent: Annotated[Range, within(1, 4096, whole=True)] = Field(
        "8..64", description="latent dimensions (log scale)"
    )  # type: ignore[assignment]
    dropout: Annotated[Range, within(0, 0.95)] = Field(
        "0..0.5", description="dropout after each hidden layer"
    )  # type: ignore[assignment]
    learning_rate: Annotated[Range, within(1e-8, 1)] = Field(
        "0.001", description="learning rate of AdamW at the start (log scale)"
    )  # type: ignore[assignment]
    weight_decay: Annotated[Range, within(0, 1)] = Field(
        "0.0001", description="decoupled weight decay of AdamW (log scale)"
    )  # type: ignore[assignment]
    head_weight: Annotated[Range, within(0, 1e6)] = Field(  # type: ignore[assignment]
        "0.1", description="weight of each head's loss, beside the squared error per gene"
    )


KIND_SPACES = {section: make_searchable(section) for section in KIND_PARAMETERS}
"""Sections of the parameters that kinds have of their own, with their numbers as ranges."""


class SearchSpace(ShapeSpace, *KIND_SPACES.values()):  # type: ignore[misc]
    """The whole space: parameters of one model type act in trials of that type only."""


class TuningConfig(Section):
    """The search."""

    n_trials: int = Field(
        20, ge=1, description="trials of the study, those of a resumed study included"
    )
    objective: Annotated[
        tuple[ObjectiveName, ...], BeforeValidator(split_list), Field(min_length=1)
    ] = Field(
        ("loss/val",),
        description=(
            "objective of the search, on validation samples; one or several of "
            f"{', '.join(OBJECTIVES)}"
        ),
    )
    sampler: Literal["tpe", "random", "grid"] = Field(
        "tpe",
        description=(
            "tpe learns from earlier rounds; random does not; grid combines both ends and the "
            "middle of every range"
        ),
    )
    selection: Literal["one_se", "best"] = Field(
        "one_se",
        description=(
            "one_se: the fewest latent dimensions within one standard error of the best trial; "
            "best: the best trial"
        ),
    )
    study_name: Annotated[str, AfterValidator(check_study_name)] = Field(
        "",
        description=(
            "name of the search, resumed if it exists; empty: derived from the cohort, the space "
            "and the seed"
        ),
    )
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        "auto",
        description="parallel trials, each in a process; auto: one per core, limited by memory",
    )
    timeout: OptionalNumber = Field(
        None,
        gt=0,
        description="minutes after which no further round of trials begins; none: no limit",
    )
    prune: bool = Field(
        True, description="stop trials that are worse at an epoch than the median of earlier rounds"
    )
