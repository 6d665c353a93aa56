"""Predictions from latents, in numpy alone: the shipped form of heads. This text is part of every
registered encoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

RISK = "risk_score"
"""Column of what a survival head predicts."""


@dataclass(frozen=True)
class Memory:
    """A gated recurrent unit (Cho et al., EMNLP 2014): the state after each sample, from it and the
    earlier samples of its subject.

    With s the state before, ``r = sigmoid(W_r z + U_r s)``, ``u = sigmoid(W_u z + U_u s)`` and ``n
    = tanh(W_n z + r * (U_n s))``, biases left out here, the state after is ``(1 - u) n + u s``.

    Parameters
    ----------
    weight_in : ndarray of float32, (3 * n_state, n_latent)
        W_r, W_u and W_n.
    weight_state : ndarray of float32, (3 * n_state, n_state)
        U_r, U_u and U_n.
    bias_in, bias_state : ndarray of float32, (3 * n_state,)
    """

    weight_in: np.ndarray
    weight_state: np.ndarray
    bias_in: np.ndarray
    bias_state: np.ndarray

    def __call__(self, z: np.ndarray, subjects: Sequence[str]) -> np.ndarray:
        """States (n, n_state) after samples z (n, n_latent); samples of a subject stand in their
        order.
        """
        inputs = z @ self.weight_in.T + self.bias_in
        subject = pd.factorize(np.asarray(subjects))[0]
        place = pd.Series(subject).groupby(subject).cumcount().to_numpy()
        held, states = (
            np.zeros((len(z), self.weight_state.shape[1]), dtype=inputs.dtype) for _ in range(2)
        )
        for now in range(int(place.max(initial=-1)) + 1):
            rows = np.flatnonzero(place == now)
            states[rows] = held[subject[rows]] = self._step(inputs[rows], held[subject[rows]])
        return states

    def _step(self, inputs: np.ndarray, state: np.ndarray) -> np.ndarray:
        reset, update, new = np.split(inputs, 3, axis=1)
        reset_state, update_state, new_state = np.split(
            state @ self.weight_state.T + self.bias_state, 3, axis=1
        )
        share = 0.5 + 0.5 * np.tanh(0.5 * (update + update_state))
        found: np.ndarray = np.tanh(
            new + (0.5 + 0.5 * np.tanh(0.5 * (reset + reset_state))) * new_state
        )
        return (1 - share) * found + share * state


@dataclass(frozen=True)
class Head:
    """An affine map ``W z + b`` of latents: logits of classes, or a log relative hazard (higher =
    worse).

    With a memory it maps the memory's states in place of latents.

    Probabilities are a softmax of the logits. A head that was trained with
    ``class_weights=balanced`` gives them as if classes were equally common.

    Parameters
    ----------
    name : str
        What is predicted: ``label``, another column of the annotations, or ``survival``.
    classes : tuple of str, (n_classes,)
        Sorted; empty for survival.
    weight : ndarray of float32, (n_classes or 1, n_latent or n_state)
    bias : ndarray of float32, (n_classes or 1,)
    memory : Memory or None
    """

    name: str
    classes: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray
    memory: Memory | None = None

    @property
    def columns(self) -> list[str]:
        """Names of what is predicted: the classes, or ``risk_score``."""
        return list(self.classes) or [RISK]

    def __call__(self, z: np.ndarray, subjects: Sequence[str] | None = None) -> np.ndarray:
        """Probabilities of the classes (n, n_classes) from latents (n, n_latent), or the log
        relative hazard (n, 1).

        A head with a memory needs the subject of each row, and the rows of a subject in their
        order.
        """
        if self.memory is not None:
            z = self.memory(z, self._check_subjects(subjects, len(z)))
        logits = z @ self.weight.T + self.bias
        if not self.classes:
            return logits
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: np.ndarray = share / share.sum(axis=1, keepdims=True)
        return probabilities

    def _check_subjects(self, subjects: Sequence[str] | None, n_rows: int) -> Sequence[str]:
        if subjects is None:
            raise ValueError(
                f"the head '{self.name}' reads the samples of a subject in their order: name "
                "the subject of each row with subjects=, "
                "and put the rows of a subject in their order"
            )
        if len(subjects) != n_rows:
            raise ValueError(
                f"a subject for each of {n_rows} rows was expected, found {len(subjects)}"
            )
        return subjects

    def to_parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Split into what JSON holds and what safetensors holds."""
        memory = (
            {}
            if self.memory is None
            else {f"memory.{name}": value for name, value in vars(self.memory).items()}
        )
        return {"name": self.name, "classes": list(self.classes)}, {
            "weight": self.weight,
            "bias": self.bias,
            **memory,
        }

    @classmethod
    def from_parts(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Head:
        """Undo :meth:`to_parts`."""
        memory = {
            name.removeprefix("memory."): value
            for name, value in arrays.items()
            if name.startswith("memory.")
        }
        return cls(
            spec["name"],
            tuple(spec["classes"]),
            arrays["weight"],
            arrays["bias"],
            Memory(**memory) if memory else None,
        )
