"""From a trained network to the shipped one: batch norm folded into its layer, the basis folded
into genes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from genexp.model.autoencoder import Autoencoder
from genexp.model.counts import CountOutput
from genexp.model.encoder import Affine, Convolution, Layer, LogCpm, Network
from genexp.model.heads import Heads
from genexp.model.layers import GeneConvolution, Propagation, Tied
from genexp.model.memory import GatedMemory
from genexp.model.output import GeneOutput
from genexp.model.prediction import Head, Memory
from genexp.model.target_names import SURVIVAL

ROWS_AT_A_TIME = 256


def fold_network(
    network: Autoencoder, mean: np.ndarray, directions: np.ndarray | None
) -> tuple[Network, Network]:
    """Encoder and decoder between genes and latents, equal to ``network`` in evaluation mode.

    Parameters
    ----------
    network : Autoencoder
        Trained on coordinates ``c = V'(x - mean)``.
    mean : ndarray of float32, (n_genes,)
    directions : ndarray of float32, (n_genes, d), or None
        Orthonormal columns V; None for the identity.
    """
    encoder = Network(_fold_body(network.encoder), _shortcut(network.encoder_shortcut))
    decoder = Network(
        _fold_body(network.decoder),
        _shortcut(network.decoder_shortcut),
        _fold_output(network.output),
    )
    if isinstance(network.output, GeneOutput):
        return _into_genes(encoder, mean, directions), _end_with(network.output.name, decoder)
    return _into_genes(encoder, mean, directions), _out_to_genes(decoder, mean, directions)


def fold_heads(heads: Heads | None) -> tuple[Head, ...]:
    """Heads from latents as they are, equal to ``heads`` in evaluation mode: the standardisation
    before them is folded in.
    """
    if heads is None:
        return ()
    (gain, shift), memory = _affine(heads.standardise), None
    if heads.memory is not None:
        memory = _fold_memory(heads.memory, gain, shift)
        gain, shift = np.ones(memory.weight_state.shape[1]), np.zeros(memory.weight_state.shape[1])

    def fold(name: str, classes: tuple[str, ...], linear: Any) -> Head:
        weight = _precise(linear.weight)
        bias = weight @ shift + (0 if linear.bias is None else _precise(linear.bias))
        return Head(
            name, classes, (weight * gain).astype(np.float32), bias.astype(np.float32), memory
        )

    folded = [
        fold(name, classes, linear)
        for (name, classes), linear in zip(heads.classes.items(), heads.labels, strict=True)
    ]
    return (*folded, *([] if heads.survival is None else [fold(SURVIVAL, (), heads.survival)]))


def _fold_memory(module: GatedMemory, gain: np.ndarray, shift: np.ndarray) -> Memory:
    """Merge the standardisation before a memory into the weights of its inputs."""
    unit = module.unit
    weight, bias = _precise(unit.weight_ih_l0), _precise(unit.bias_ih_l0)
    maps = (
        weight * gain,
        _precise(unit.weight_hh_l0),
        bias + weight @ shift,
        _precise(unit.bias_hh_l0),
    )
    return Memory(*(array.astype(np.float32) for array in maps))


def _array(tensor: Any) -> np.ndarray:
    array: np.ndarray = tensor.detach().to("cpu").numpy()
    return array


def _precise(tensor: Any) -> np.ndarray:
    """Values in float64: folding multiplies and adds, and each product is rounded to float32 once,
    at the end.
    """
    return _array(tensor).astype(np.float64)


def _shortcut(linear: nn.Linear | None) -> Affine | None:
    """The linear skip connection as a layer."""
    return None if linear is None else Affine(_array(linear.weight), np.zeros(linear.out_features))


def _fold_output(output: nn.Module | None) -> LogCpm | None:
    return (
        LogCpm(_array(output.shift), _array(output.scale), output.common_library)
        if isinstance(output, CountOutput)
        else None
    )


def _fold_convolution(module: GeneConvolution) -> Convolution:
    """Merge the patterns with the batch norm that follows them."""
    assert module.conv.bias is not None
    weight, bias = _precise(module.conv.weight)[:, 0], _precise(module.conv.bias)
    if module.norm is not None:
        gain, shift = _affine(module.norm)
        weight, bias = weight * gain[:, None], bias * gain + shift
    order, origin = _array(module.order), np.zeros(len(module.order), dtype=np.float32)
    return Convolution(
        order,
        origin,
        weight.astype(np.float32),
        bias.astype(np.float32),
        module.conv.stride[0],
        "relu",
    )


def _affine(norm: nn.BatchNorm1d) -> tuple[np.ndarray, np.ndarray]:
    """Gain and shift of a batch norm in evaluation mode, in float64."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = 1 / np.sqrt(_precise(norm.running_var) + norm.eps)
    if not norm.affine:
        return gain, -_precise(norm.running_mean) * gain
    gain = gain * _precise(norm.weight)
    return gain, _precise(norm.bias) - _precise(norm.running_mean) * gain


def _fold_body(body: nn.Sequential) -> tuple[Layer, ...]:
    """Merge each linear layer with the batch norm that follows it and the first one with a
    propagation before it: all affine in evaluation.

    A propagation P is symmetric: ``W (P x)`` is ``(P W')' x``.
    """
    layers: list[Affine] = []
    propagation = body[0] if isinstance(body[0], Propagation) else nn.Identity()
    modules = [module for module in body if not isinstance(module, nn.Dropout)]
    for module, following in pairwise([*modules, nn.Identity()]):
        if isinstance(module, (nn.Linear, Tied)):
            weight, bias = _array(module.weight), _precise(module.bias)
            if isinstance(following, nn.BatchNorm1d):
                gain, shift = _affine(following)
                weight, bias = weight * gain.astype(np.float32)[:, None], bias * gain + shift
            layers.append(
                Affine(weight if layers else _array(propagation(torch.from_numpy(weight))), bias)
            )
        elif isinstance(module, (nn.ReLU, nn.Sigmoid)):
            layers[-1] = Affine(layers[-1].weight, layers[-1].bias, type(module).__name__.lower())
    return (
        (_fold_convolution(body[0]), *layers)
        if isinstance(body[0], GeneConvolution)
        else tuple(layers)
    )


def _single(layer: Any) -> Any:
    """The layer with its bias in float32."""
    return (
        layer
        if isinstance(layer, Convolution)
        else Affine(layer.weight, layer.bias.astype(np.float32), layer.activation)
    )


def _into_genes(network: Network, mean: np.ndarray, directions: np.ndarray | None) -> Network:
    def fold(layer: Any) -> Any:
        if isinstance(layer, Convolution):
            return replace(layer, origin=mean)
        weight = layer.weight if directions is None else layer.weight @ directions.T
        return _single(
            Affine(weight, layer.bias - _apply_precisely(weight, mean), layer.activation)
        )

    first, *others = network.layers
    return Network(
        (fold(first), *map(_single, others)), network.shortcut and fold(network.shortcut)
    )


def _apply_precisely(weight: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """``weight @ vector`` summed in float64, by blocks of rows, since first layers are the largest
    arrays there are.
    """
    blocks = range(0, len(weight), ROWS_AT_A_TIME)
    return np.concatenate(
        [weight[start : start + ROWS_AT_A_TIME].astype(np.float64) @ vector for start in blocks]
    )


def _out_to_genes(network: Network, mean: np.ndarray, directions: np.ndarray | None) -> Network:
    def fold(layer: Any) -> Any:
        return (
            layer
            if directions is None
            else Affine(directions @ layer.weight, directions @ layer.bias.astype(np.float32))
        )

    *others, last = network.layers
    last = fold(last)
    last = Affine(last.weight, last.bias + (mean if network.output is None else 0))
    return Network(
        (*map(_single, others), _single(last)),
        network.shortcut and _single(fold(network.shortcut)),
        network.output,
    )


def _end_with(activation: str, network: Network) -> Network:
    """Add the output's activation to the decoder, whose last bias holds the genes' means already;
    there is no skip connection.
    """
    *others, last = map(_single, network.layers)
    return Network((*others, replace(last, activation=activation)))
