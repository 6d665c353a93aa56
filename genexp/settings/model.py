"""Parameters of the model: its type, its shape, and the numbers that one type alone has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from genexp.model.types import MODEL_TYPES
from genexp.settings.section import Section, split_widths

KIND_PARAMETERS = tuple(
    kind.Parameters for kind in MODEL_TYPES.values() if "Parameters" in vars(kind)
)
"""Sections of the parameters that kinds have of their own."""
KIND_MEANING = (
    f"kind of autoencoder ({', '.join(MODEL_TYPES)}); tune searches over several, and over a "
    "kind's own numbers given as low..high"
)
if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[tuple(MODEL_TYPES)]


class NetworkConfig(Section):
    """The kind and the shape of the autoencoder."""

    kind: KindName = Field("deep", description=KIND_MEANING)
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=65536)], ...], BeforeValidator(split_widths)
    ] = Field(
        (2048, 512),
        description=(
            "widths of the encoder's hidden layers, mirrored in the decoder; halving:1024x3 is "
            "1024,512,256"
        ),
    )
    n_latent: int = Field(32, ge=1, le=4096, description="latent dimensions")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout after each hidden layer")
    learning_rate: float = Field(
        1e-3, gt=0, le=1, description="learning rate of AdamW at the start"
    )
    weight_decay: float = Field(1e-4, ge=0, le=1, description="decoupled weight decay of AdamW")
    head_weight: float = Field(
        0.1, ge=0, description="weight of each head's loss, beside the squared error per gene"
    )


class ModelConfig(NetworkConfig, *KIND_PARAMETERS):  # type: ignore[misc]
    """The network, with the parameters of every kind."""
