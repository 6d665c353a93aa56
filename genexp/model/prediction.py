"""What latents predict, in numpy alone: the shipped form of heads. This text is part of every registered encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

RISK = "risk_score"
"""Column of what a survival head predicts."""


@dataclass(frozen=True)
class Head:
    """An affine map ``W z + b`` of latents: logits of classes, or a log relative hazard (higher = worse).

    Probabilities are a softmax of the logits. A head that was trained with ``class_weights=balanced`` gives them as if classes were
    equally common.

    Parameters
    ----------
    name : str
        What is predicted: ``label``, another column of the annotations, or ``survival``.
    classes : tuple of str, (n_classes,)
        Sorted; empty for survival.
    weight : ndarray of float32, (n_classes or 1, n_latent)
    bias : ndarray of float32, (n_classes or 1,)
    """

    name: str
    classes: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray

    @property
    def columns(self) -> list[str]:
        """Names of what is predicted: the classes, or ``risk_score``."""
        return list(self.classes) or [RISK]

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Probabilities of the classes (n, n_classes) from latents (n, n_latent), or the log relative hazard (n, 1)."""
        logits = z @ self.weight.T + self.bias
        if not self.classes:
            return logits
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: np.ndarray = share / share.sum(axis=1, keepdims=True)
        return probabilities

    def to_parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Split into what JSON holds and what safetensors holds."""
        return {"name": self.name, "classes": list(self.classes)}, {"weight": self.weight, "bias": self.bias}

    @classmethod
    def from_parts(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Head:
        """Undo :meth:`to_parts`."""
        return cls(spec["name"], tuple(spec["classes"]), **arrays)
