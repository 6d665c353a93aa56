"""Several encoders as one: Procrustes-aligned latents, averaged in one network of the shipped
form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genexp.model.encoder import Affine, Network
from genexp.model.prediction import Head


@dataclass(frozen=True)
class Alignment:
    """Map from a member's latents z (n, k) to the reference's: ``z @ rotation + offset``, with an
    orthogonal rotation (k, k).
    """

    rotation: np.ndarray
    offset: np.ndarray

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Align latents (n, k)."""
        return z @ self.rotation + self.offset


def align_latents(z: np.ndarray, reference: np.ndarray) -> Alignment:
    """Align latents (n, k) with those of a reference: ``argmin_R |(z - mean) R - (reference -
    mean)|`` (Schönemann, Psychometrika 1966).

    In float64: singular vectors of close singular values magnify rounding.
    """
    mean, reference_mean = (
        z.mean(axis=0, dtype=np.float64),
        reference.mean(axis=0, dtype=np.float64),
    )
    left, _, right = np.linalg.svd((z - mean).T @ (reference - reference_mean))
    rotation = left @ right
    return Alignment(rotation, reference_mean - mean @ rotation)


def combine_encoders(networks: Sequence[Network], alignments: Sequence[Alignment]) -> Network:
    """Network (genes to latents) that gives the mean of the members' aligned latents.

    Parameters
    ----------
    networks : sequence of Network
        Affine layers in equal number, linear latents.
    alignments : sequence of Alignment
    """

    def align(layer: Any, alignment: Alignment, offset: np.ndarray | float) -> Affine:
        return Affine(alignment.rotation.T @ layer.weight, layer.bias @ alignment.rotation + offset)

    pairs = list(zip(networks, alignments, strict=True))
    bodies = [
        (*network.layers[:-1], align(network.layers[-1], alignment, alignment.offset))
        for network, alignment in pairs
    ]
    paths = [
        align(network.shortcut, alignment, 0.0)
        for network, alignment in pairs
        if network.shortcut is not None
    ]
    return Network(_stack(bodies), _average(paths) if paths else None)


def combine_decoders(networks: Sequence[Network], alignments: Sequence[Alignment]) -> Network:
    """Network (latents to genes) that gives the mean reconstruction of the members, from latents
    rotated back to theirs.
    """
    pairs = list(zip(networks, alignments, strict=True))
    bodies = [
        (_rotate_back(network.layers[0], alignment), *network.layers[1:])
        for network, alignment in pairs
    ]
    paths = [
        _rotate_back(network.shortcut, alignment)
        for network, alignment in pairs
        if network.shortcut is not None
    ]
    return Network(_stack(bodies), _average(paths) if paths else None)


def combine_heads(
    members: Sequence[Sequence[Head]], alignments: Sequence[Alignment]
) -> tuple[Head, ...]:
    """Heads that give the mean logits of the members, from latents rotated back to theirs."""
    combined = []
    for heads in zip(*members, strict=True):
        pairs = zip(heads, alignments, strict=True)
        mean = _average(
            [_rotate_back(Affine(head.weight, head.bias), alignment) for head, alignment in pairs]
        )
        combined.append(Head(heads[0].name, heads[0].classes, mean.weight, mean.bias))
    return tuple(combined)


def _rotate_back(layer: Any, alignment: Alignment) -> Affine:
    """A layer on a member's latents, as one on aligned latents."""
    weight = layer.weight @ alignment.rotation
    return Affine(weight, layer.bias - weight @ alignment.offset, layer.activation)


def _stack(bodies: Sequence[Sequence[Any]]) -> tuple[Affine, ...]:
    """Concatenate layers: the first ones share their input, those between keep to their member, the
    last ones are averaged.
    """
    from scipy.linalg import block_diag

    if len(bodies[0]) == 1:
        return (_average([layers[0] for layers in bodies]),)
    stacked = []
    for i, members in enumerate(zip(*bodies, strict=True)):
        if i == len(bodies[0]) - 1:
            weight = np.concatenate([layer.weight for layer in members], axis=1) / len(members)
            bias = np.mean([layer.bias for layer in members], axis=0)
        else:
            weights = [layer.weight for layer in members]
            weight = np.concatenate(weights) if i == 0 else block_diag(*weights)
            bias = np.concatenate([layer.bias for layer in members])
        stacked.append(
            Affine(weight.astype(np.float32), bias.astype(np.float32), members[0].activation)
        )
    return tuple(stacked)


def _average(layers: Sequence[Affine]) -> Affine:
    weights, biases = (
        np.stack([layer.weight for layer in layers]),
        np.stack([layer.bias for layer in layers]),
    )
    return Affine(weights.mean(axis=0, dtype=np.float32), biases.mean(axis=0).astype(np.float32))
