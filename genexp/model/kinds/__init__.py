"""The registry of kinds: a file in this folder and a line below make one."""

from collections.abc import Mapping

from genexp.model.kind import Kind
from genexp.model.kinds.center_loss import CenterLoss
from genexp.model.kinds.classifier import Classifier
from genexp.model.kinds.contractive import Contractive
from genexp.model.kinds.convolutional import Convolutional
from genexp.model.kinds.count import Count
from genexp.model.kinds.deep import Deep
from genexp.model.kinds.denoising import Denoising
from genexp.model.kinds.graph import Graph
from genexp.model.kinds.recurrent import Recurrent
from genexp.model.kinds.sparse import Sparse
from genexp.model.kinds.stacked import Stacked
from genexp.model.kinds.vanilla import Vanilla
from genexp.model.kinds.variational import Variational

KINDS: Mapping[str, type[Kind]] = {
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
"""Kinds by the name that ``kind=`` takes."""
