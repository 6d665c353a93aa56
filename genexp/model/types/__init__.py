"""The registry of model types: a new one is a file in this folder and a line below."""

from collections.abc import Mapping
from typing import Any

from genexp.model.model_type import ModelType
from genexp.model.types.center_loss import CenterLoss
from genexp.model.types.classifier import Classifier
from genexp.model.types.contractive import Contractive
from genexp.model.types.convolutional import Convolutional
from genexp.model.types.count import Count
from genexp.model.types.deep import Deep
from genexp.model.types.denoising import Denoising
from genexp.model.types.graph import Graph
from genexp.model.types.recurrent import Recurrent
from genexp.model.types.sparse import Sparse
from genexp.model.types.stacked import Stacked
from genexp.model.types.vanilla import Vanilla
from genexp.model.types.variational import Variational

MODEL_TYPES: Mapping[str, type[ModelType]] = {
    "deep": Deep,
    "vanilla": Vanilla,
    "sparse": Sparse,
    "contractive": Contractive,
    "denoising": Denoising,
    "stacked": Stacked,
    "variational": Variational,
    "center_loss": CenterLoss,
    "classifier": Classifier,
    "recurrent": Recurrent,
    "count": Count,
    "graph": Graph,
    "convolutional": Convolutional,
}
"""Model types by the name that ``kind=`` takes."""


def create_model_type(config: Any) -> ModelType:
    """Construct the model type that a configuration names with ``kind``: once per training."""
    return MODEL_TYPES[config.kind](config)
