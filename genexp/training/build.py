"""From a basis and targets to the built model and the tensors that it is trained on."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch import Tensor

from genexp.model.built_model import BuiltModel
from genexp.model.heads import Heads
from genexp.model.model_type import Inputs, Minibatch, ModelType
from genexp.training.basis import Basis
from genexp.training.targets import NO_TARGETS, Targets


def build_model(basis: Basis, model_type: ModelType, targets: Targets = NO_TARGETS) -> BuiltModel:
    """Build the untrained network on the coordinates of a basis, with heads for the targets."""
    network = model_type.build(measure_inputs(basis, model_type.config.n_latent, targets))
    if targets.classes or targets.survival:
        balanced = model_type.config.class_weights == "balanced"
        weights = {
            name: weigh_classes(targets.train[name], len(classes))
            for name, classes in targets.classes.items()
        }
        classes = (targets.classes, targets.survival, weights if balanced else None)
        network.heads = Heads(model_type.config.n_latent, *classes, model_type.n_state)
    return BuiltModel(model_type, network)


def measure_inputs(basis: Basis, n_latent: int, targets: Targets) -> Inputs:
    """Measure the statistics of the train rows from which initial weights are drawn.

    Sums of squares are in float64: they have as many terms as the matrix has values, and
    ``residual`` is a difference of two of them.
    """
    principal = as_tensor(np.ascontiguousarray(basis.principal[:, :n_latent]), torch.device("cpu"))
    train = as_tensor(basis.train, torch.device("cpu"))
    total = float(train.square().sum(dtype=torch.float64))
    squared = (train @ principal).square().sum(0, dtype=torch.float64)
    explained = float(squared.sum())
    return Inputs(
        n_inputs=train.shape[1],
        n_genes=basis.n_genes,
        power=total / len(train),
        residual=(total - explained) / len(train) / basis.n_genes,
        principal=principal,
        unit=math.sqrt(explained / len(train) / n_latent),
        lengths=(squared / len(train)).sqrt().float(),
        genes=basis.genes,
        origin=basis.mean,
        transform=basis.transform,
        classes={name: len(classes) for name, classes in targets.classes.items()},
        survival=targets.survival,
    )


def weigh_classes(codes: np.ndarray, n_classes: int) -> Tensor:
    """Weights (n_classes,) of mean 1 over rows, so that classes weigh the same whatever their size;
    ``codes`` (n,) are -1 where unknown.
    """
    counts = np.bincount(codes[codes >= 0], minlength=n_classes)
    # A class without rows has no loss to weigh; the maximum only keeps the division finite.
    return torch.from_numpy((counts.sum() / n_classes / np.maximum(counts, 1)).astype(np.float32))


def load_rows(basis: Basis, targets: Targets, device: torch.device) -> tuple[Minibatch, Minibatch]:
    """Bring all train rows and all validation rows to a device: they stay there, as one copy per
    step would cost more than a step.
    """
    directions = None if basis.directions is None else as_tensor(basis.directions, device)

    def load(rows: np.ndarray, outside: Tensor | float, values: dict[str, np.ndarray]) -> Minibatch:
        tensors = {name: as_tensor(array, device) for name, array in values.items()}
        return Minibatch(as_tensor(rows, device), basis.n_genes, outside, tensors, directions)

    # Train rows lie wholly in the coordinates; validation rows have a part outside them that no
    # network can reconstruct.
    return load(basis.train, 0.0, dict(targets.train)), load(
        basis.val, as_tensor(basis.outside, device), dict(targets.val)
    )


def as_tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """Bring an array to a device. On the CPU it shares memory with the array, a memory map for
    instance: nobody may write to it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array).to(device)
