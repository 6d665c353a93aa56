"""Parameters of training: the loop, the encoder to start from, and repetition over seeds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from genexp.settings.model import ModelConfig
from genexp.settings.naming import check_encoder_name
from genexp.settings.section import OptionalNumber, Section, split_list


class TrainingConfig(Section):
    """Training of the encoder."""

    basis: Literal["auto", "genes", "rows"] = Field(
        "auto",
        description=(
            "coordinates of training: genes, or the row space of the training matrix (exact "
            "under squared error)"
        ),
    )
    skip: Literal["pca", "none"] = Field(
        "pca",
        description=(
            "linear skip connection beside the network; pca: initialised at PCA; none: network "
            "alone"
        ),
    )
    output: Literal["linear", "sigmoid", "softplus"] = Field(
        "linear",
        description="activation of reconstructed genes; sigmoid needs "
        "values in 0..1 (scaling=minmax), "
        "softplus none below 0; others than "
        "linear "
        "are trained in genes, without skip connection",
    )
    reconstruction: Literal["squared_error", "cross_entropy"] = Field(
        "squared_error",
        description="loss of reconstructed genes, per gene; cross_entropy needs output=sigmoid",
    )
    heads: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (),
        description=(
            "targets that latents learn to predict in addition to reconstruction: label, "
            "survival, other columns of obs"
        ),
    )
    batch_norm: bool = Field(True, description="batch normalisation in hidden layers")
    epochs: int = Field(200, ge=1, le=100000, description="epochs at most")
    minibatch: int = Field(256, ge=2, description="training samples per step")
    patience: int = Field(
        10, ge=1, description="epochs without a better validation loss after which training stops"
    )
    lr_patience: int = Field(
        5,
        ge=0,
        description="epochs without a better validation loss after which the learning rate falls",
    )
    lr_factor: float = Field(0.5, gt=0, lt=1, description="factor by which the learning rate falls")
    lr_min: float = Field(0.0, ge=0, description="lower bound of the learning rate")
    min_delta: float = Field(
        1e-5,
        ge=0,
        lt=1,
        description="smallest relative decrease of the validation loss that counts as better",
    )
    schedule: Literal["plateau", "cosine", "constant"] = Field(
        "plateau",
        description=(
            "decrease of the learning rate: when the validation loss stalls, along a cosine over "
            "the epochs, or none"
        ),
    )
    clip_gradient: OptionalNumber = Field(
        None, gt=0, description="largest norm of the gradient of a step; none: no limit"
    )
    l1: float = Field(
        0.0,
        ge=0,
        description=(
            "L1 penalty on the encoder's first weights, per input; implies training in genes"
        ),
    )
    class_weights: Literal["balanced", "none"] = Field(
        "balanced",
        description=(
            "weights of the classes of a head; balanced: equal total weight for every class"
        ),
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="device of training; auto: cuda if available"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="arithmetic of the training step; bfloat16 needs a GPU"
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = Field(
        "auto", description="threads of a training process; auto: chosen by a short measurement"
    )

    @model_validator(mode="after")
    def _check_reconstruction(self) -> TrainingConfig:
        if self.reconstruction == "cross_entropy" and self.output != "sigmoid":
            raise ValueError(
                "reconstruction=cross_entropy: output=sigmoid was expected, found "
                f"output={self.output}; add output=sigmoid"
            )
        return self


class TransferConfig(Section):
    """An encoder to start from."""

    init: Annotated[str, AfterValidator(check_encoder_name)] = Field(
        "",
        description="registered encoder to start from, NAME@alias or "
        "NAME/version, genes matched by "
        "name; it sets the shape of the "
        "network; empty: none",
    )
    freeze: int = Field(
        0, ge=0, description="frozen layers of that encoder, counted from the genes"
    )


class ReplicationConfig(Section):
    """Repetition of the selected configuration over seeds."""

    seeds: int = Field(
        1,
        ge=1,
        le=100,
        description="trainings of the selected configuration on the "
        "same split, with seed, seed+1, ...; "
        "the best on validation is "
        "registered",
    )
    ensemble: bool = Field(
        False,
        description="register the mean of all seeds' latents, Procrustes-aligned, as one encoder",
    )

    @model_validator(mode="after")
    def _check_ensemble(self) -> ReplicationConfig:
        if self.ensemble and self.seeds < 2:
            raise ValueError("ensemble=true needs two seeds or more; add seeds=5")
        return self


class EncoderConfig(ModelConfig, TrainingConfig):
    """All that decides what one training gives."""
