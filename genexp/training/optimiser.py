"""Optimiser and learning-rate schedule of a training."""

from __future__ import annotations

from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, ReduceLROnPlateau

from genexp.model.autoencoder import Autoencoder
from genexp.settings.training import EncoderConfig

SKIP_RATE = 0.1
"""Learning rate of the PCA-initialised linear skip connections, relative to the rest.

They start at an optimum, while Adam's first steps have the size of the learning rate whatever the
gradient: at the full rate they would throw the network away from PCA before the other layers had
learnt anything."""
HEAD_RATE = 10.0
"""Learning rate of heads and dispersions, relative to the rest: a handful of weights that start at
0 or at moments, far from their optimum, and are shared by all rows, so that their gradients are the
least noisy ones."""


def build_optimiser(network: Autoencoder, config: EncoderConfig) -> AdamW:
    """AdamW (Loshchilov & Hutter, ICLR 2019), slower on linear skip connections and faster on
    heads.
    """
    groups: dict[float, list[Tensor]] = {1.0: []}
    for name, parameter in network.named_parameters():
        rate = (
            SKIP_RATE
            if "shortcut" in name
            else HEAD_RATE
            if name.startswith(("heads.", "dispersion."))
            else 1.0
        )
        groups.setdefault(rate, []).append(parameter)
    rates = [
        {"params": parameters, "lr": rate * config.learning_rate}
        for rate, parameters in groups.items()
    ]
    return AdamW(rates, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def build_schedule(optimiser: AdamW, config: EncoderConfig) -> ReduceLROnPlateau | LRScheduler:
    """Schedule by which the learning rate falls: on a plateau of the validation loss, by a cosine
    over all epochs, or never.
    """
    if config.schedule == "plateau":
        return ReduceLROnPlateau(
            optimiser,
            factor=config.lr_factor,
            patience=config.lr_patience,
            threshold=config.min_delta,
            min_lr=config.lr_min,
        )
    if config.schedule == "cosine":
        return CosineAnnealingLR(optimiser, config.epochs, eta_min=config.lr_min)
    return LambdaLR(optimiser, lambda _: 1.0)
