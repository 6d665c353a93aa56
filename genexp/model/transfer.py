"""Transfer of an encoder's weights, gene by gene by name, to a network that is trained further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from genexp.errors import TrainingError, name_some
from genexp.model.autoencoder import Autoencoder
from genexp.model.encoder import Affine, Encoder, Network


def describe_shape(source: Encoder) -> dict[str, Any]:
    """Parameters of a configuration whose network takes the encoder's weights.

    Raises
    ------
    TrainingError
        Its layers are not rectified affine ones with linear latents, mirrored in the decoder.
    """
    layers, decoder = source.encoder.layers, source.decoder.layers
    hidden = [layer.bias.shape[0] for layer in layers[:-1] if isinstance(layer, Affine)]
    mirrored = [layer.bias.shape[0] for layer in decoder[:-1] if isinstance(layer, Affine)]
    activations = [layer.activation for network in (layers, decoder) for layer in network[:-1]]
    plain = all(isinstance(layer, Affine) for layer in (*layers, *decoder)) and set(
        activations
    ) <= {"relu"}
    if (
        not plain
        or hidden != mirrored[::-1]
        or layers[-1].activation != "linear"
        or decoder[-1].activation != "linear"
    ):
        raise TrainingError(
            "init: an encoder of rectified affine layers with linear latents was expected, "
            "as the kinds deep, denoising, contractive, "
            "variational, center_loss and classifier have; found "
            f"kind={source.card.get('config', {}).get('kind', 'unknown')}"
        )
    # Batch norm is folded into the weights of a stored encoder, and those weights are of genes:
    # neither can be undone.
    skip = "none" if source.encoder.shortcut is None else "pca"
    return {
        "hidden": tuple(hidden),
        "n_latent": source.n_latent,
        "batch_norm": False,
        "skip": skip,
        "basis": "genes",
    }


def transfer_weights(
    network: Autoencoder, source: Encoder, genes: Sequence[str], mean: np.ndarray, freeze: int = 0
) -> None:
    """Give a network on genes the weights of an encoder; genes that the encoder lacks get weight 0,
    and are reconstructed at their mean.

    Parameters
    ----------
    network : Autoencoder
        Untrained, of the shape of :func:`describe_shape`, in coordinates ``x - mean``.
    source : Encoder
    genes : sequence of str, (n_genes,)
        Names of the network's inputs.
    mean : ndarray of float32, (n_genes,)
    freeze : int
        Layers of the encoder, from the genes on, that do not learn; with all of them its skip
        connection does not either.

    Raises
    ------
    TrainingError
        The genes have too few of the encoder's in common, or it has fewer layers than are to be
        frozen.
    """
    columns = {gene: j for j, gene in enumerate(source.genes)}
    absent = sorted(set(columns) - set(genes))
    if len(absent) > source.max_missing * len(columns):
        raise TrainingError(
            f"init: {len(absent)} of the encoder's {len(columns)} genes are not in this "
            f"cohort ({name_some(absent)}); it accepts "
            f"{source.max_missing:.0%}"
        )
    n_layers = len(source.encoder.layers)
    if freeze > n_layers:
        raise TrainingError(f"freeze={freeze}: the encoder has {n_layers} layers")
    index = np.array([columns.get(gene, -1) for gene in genes])
    _fill(network.encoder, network.encoder_shortcut, _pick_inputs(source.encoder, index, mean))
    _fill(network.decoder, network.decoder_shortcut, _pick_outputs(source.decoder, index, mean))
    linears = [module for module in network.encoder if isinstance(module, nn.Linear)]
    frozen = [
        *linears[:freeze],
        *(
            [network.encoder_shortcut]
            if freeze == n_layers and network.encoder_shortcut is not None
            else []
        ),
    ]
    for module in frozen:
        module.requires_grad_(requires_grad=False)


def _list_affine(network: Network) -> list[Affine]:
    """Layers of a network that :func:`describe_shape` has accepted."""
    return [layer for layer in network.layers if isinstance(layer, Affine)]


def _pick_inputs(network: Network, index: np.ndarray, mean: np.ndarray) -> Network:
    def pick(layer: Affine) -> Affine:
        weight = np.where(index >= 0, layer.weight[:, index], 0).astype(np.float32)
        return Affine(weight, layer.bias + weight @ mean, layer.activation)

    first, *others = _list_affine(network)
    return Network((pick(first), *others), network.shortcut and pick(network.shortcut))


def _pick_outputs(network: Network, index: np.ndarray, mean: np.ndarray) -> Network:
    def pick(layer: Affine, origin: np.ndarray | float) -> Affine:
        weight = np.where(index[:, None] >= 0, layer.weight[index], 0).astype(np.float32)
        return Affine(
            weight,
            np.where(index >= 0, layer.bias[index] - origin, 0).astype(np.float32),
            layer.activation,
        )

    *others, last = _list_affine(network)
    return Network((*others, pick(last, mean)), network.shortcut and pick(network.shortcut, 0.0))


@torch.no_grad()
def _fill(body: nn.Sequential, skip: nn.Linear | None, source: Network) -> None:
    """Copy weights; the bias of a stored skip connection goes to the last layer, as that of the
    network has none.
    """
    linears = [module for module in body if isinstance(module, nn.Linear)]
    for module, layer in zip(linears, _list_affine(source), strict=True):
        module.weight.copy_(torch.from_numpy(np.ascontiguousarray(layer.weight)))
        module.bias.copy_(torch.from_numpy(np.ascontiguousarray(layer.bias, dtype=np.float32)))
    if skip is not None and source.shortcut is not None:
        skip.weight.copy_(torch.from_numpy(np.ascontiguousarray(source.shortcut.weight)))
        linears[-1].bias.add_(
            torch.from_numpy(np.ascontiguousarray(source.shortcut.bias, dtype=np.float32))
        )
