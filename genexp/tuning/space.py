"""The space that a study searches: the training configuration with some leaves replaced by ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from genexp.config import EncoderConfig, Range, SearchSpace, TrainingConfig

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

WHOLE = {"n_layers", "n_hidden", "n_latent"}
LOGARITHMIC = {"n_hidden", "n_latent", "learning_rate", "weight_decay"}
LEAVES = ("n_layers", "n_hidden", "n_latent", "dropout", "learning_rate", "weight_decay")


def build_distributions(space: SearchSpace, n_latent_max: int) -> dict[str, BaseDistribution]:
    """One distribution for each leaf that is a range; latents that the data cannot hold are cut off."""
    from optuna.distributions import FloatDistribution, IntDistribution

    distributions: dict[str, BaseDistribution] = {}
    for name in LEAVES:
        leaf: Range = getattr(space, name)
        high = min(leaf.high, n_latent_max) if name == "n_latent" else leaf.high
        if leaf.is_fixed:
            continue
        log = name in LOGARITHMIC and leaf.low > 0
        if name in WHOLE:
            distributions[name] = IntDistribution(int(leaf.low), int(max(high, leaf.low)), log=log)
        else:
            distributions[name] = FloatDistribution(leaf.low, high, log=log)
    return distributions


def halve(n_hidden: int, n_layers: int, n_latent: int) -> tuple[int, ...]:
    """Widths of the hidden layers: each half of the one before, none narrower than the latent."""
    return tuple(max(n_hidden // 2**i, n_latent) for i in range(n_layers))


def configure(space: SearchSpace, training: TrainingConfig, chosen: Mapping[str, Any]) -> EncoderConfig:
    """Configuration of a trial: chosen values where the space is a range, the single value elsewhere."""
    leaves = {name: chosen.get(name, getattr(space, name).low) for name in LEAVES}
    n_latent = int(leaves["n_latent"])
    return EncoderConfig(
        **{name: getattr(training, name) for name in TrainingConfig.model_fields},
        kind=space.kind,
        hidden=halve(int(leaves["n_hidden"]), int(leaves["n_layers"]), n_latent),
        n_latent=n_latent,
        dropout=leaves["dropout"],
        learning_rate=leaves["learning_rate"],
        weight_decay=leaves["weight_decay"],
    )


def name_trial(number: int, config: EncoderConfig) -> str:
    """Readable name of a trial, with its shape: ``trial 007: 512-256-24, dropout 0.21``."""
    shape = "-".join(map(str, (*config.hidden, config.n_latent)))
    return f"trial {number:03d}: {shape}, dropout {config.dropout:.2f}"
