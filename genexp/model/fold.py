"""From a trained network to the shipped one: batch norm folded into its layer, the basis folded into genes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from genexp.model.autoencoder import Autoencoder
from genexp.model.encoder import Affine, Network
from genexp.model.layers import Tied


def fold_network(network: Autoencoder, mean: np.ndarray, directions: np.ndarray | None) -> tuple[Network, Network]:
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
    decoder = Network(_fold_body(network.decoder), _shortcut(network.decoder_shortcut))
    return _into_genes(encoder, mean, directions), _out_to_genes(decoder, mean, directions)


ROWS_AT_A_TIME = 256


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to("cpu").numpy()


def _precise(tensor: torch.Tensor) -> np.ndarray:
    return _array(tensor).astype(np.float64)


def _shortcut(linear: nn.Linear | None) -> Affine | None:
    return None if linear is None else Affine(_array(linear.weight), np.zeros(linear.out_features))


def _fold_body(body: nn.Sequential) -> tuple[Affine, ...]:
    """Merge each linear layer with the batch norm that follows it: both are affine in evaluation mode."""
    layers: list[Affine] = []
    modules = [module for module in body if not isinstance(module, nn.Dropout)]
    for module, following in pairwise([*modules, nn.Identity()]):
        if isinstance(module, (nn.Linear, Tied)):
            weight, bias = _array(module.weight), _precise(module.bias)
            if isinstance(following, nn.BatchNorm1d):
                assert following.running_mean is not None
                assert following.running_var is not None
                gain = _precise(following.weight) / np.sqrt(_precise(following.running_var) + following.eps)
                weight = weight * gain.astype(np.float32)[:, None]
                bias = (bias - _precise(following.running_mean)) * gain + _precise(following.bias)
            layers.append(Affine(weight, bias))
        elif isinstance(module, (nn.ReLU, nn.Sigmoid)):
            layers[-1] = Affine(layers[-1].weight, layers[-1].bias, type(module).__name__.lower())
    return tuple(layers)


def _single(layer: Affine) -> Affine:
    return Affine(layer.weight, layer.bias.astype(np.float32), layer.activation)


def _into_genes(network: Network, mean: np.ndarray, directions: np.ndarray | None) -> Network:
    def fold(layer: Affine) -> Affine:
        weight = layer.weight if directions is None else layer.weight @ directions.T
        return _single(Affine(weight, layer.bias - _apply_precisely(weight, mean), layer.activation))

    first, *others = network.layers
    return Network((fold(first), *map(_single, others)), network.shortcut and fold(network.shortcut))


def _apply_precisely(weight: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """``weight @ vector`` summed in float64, by blocks of rows, since first layers are the largest arrays there are."""
    blocks = range(0, len(weight), ROWS_AT_A_TIME)
    return np.concatenate([weight[start : start + ROWS_AT_A_TIME].astype(np.float64) @ vector for start in blocks])


def _out_to_genes(network: Network, mean: np.ndarray, directions: np.ndarray | None) -> Network:
    def fold(layer: Affine) -> Affine:
        return layer if directions is None else Affine(directions @ layer.weight, directions @ layer.bias.astype(np.float32))

    *others, last = network.layers
    last = fold(last)
    last = Affine(last.weight, last.bias + mean)
    return Network((*map(_single, others), _single(last)), network.shortcut and _single(fold(network.shortcut)))
