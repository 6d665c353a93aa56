"""Search space of a study: the training configuration with some values replaced by ranges."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from genexp.model.types import MODEL_TYPES
from genexp.settings.search import SearchSpace, ShapeSpace
from genexp.settings.section import Range
from genexp.settings.training import EncoderConfig, TrainingConfig

if TYPE_CHECKING:
    from optuna.trial import Trial

LEAVES = tuple(ShapeSpace.model_fields)[1:]
LOGARITHMIC = {"n_hidden", "n_latent", "learning_rate", "weight_decay", "head_weight"}
GRID_POINTS = 3
"""Number of values of a range in a grid: both ends and values between."""


def list_leaves(space: SearchSpace, kind: str) -> dict[str, Range]:
    """List the numbers of the space that affect a model type: those of all model types, then its
    own.
    """
    return {
        name: leaf
        for name in (*LEAVES, *MODEL_TYPES[kind](space).parameters)
        if isinstance(leaf := getattr(space, name), Range)
    }


def suggest(trial: Trial, space: SearchSpace, n_latent_max: int) -> None:
    """Let a trial choose its model type and a value of each range that affects it; n_latent is
    limited to the rank of the data.
    """
    kind = trial.suggest_categorical("kind", space.kind) if len(space.kind) > 1 else space.kind[0]
    for name, leaf in list_leaves(space, kind).items():
        if leaf.is_fixed:
            continue
        low, high, log = _bounds(name, leaf, n_latent_max)
        if is_whole(name):
            trial.suggest_int(name, int(low), int(high), log=log)
        else:
            trial.suggest_float(name, low, high, log=log)


def _bounds(name: str, leaf: Range, n_latent_max: int) -> tuple[float, float, bool]:
    high = max(min(leaf.high, n_latent_max), leaf.low) if name == "n_latent" else leaf.high
    return leaf.low, high, leaf.low > 0 and (name in LOGARITHMIC or name not in LEAVES)


def is_whole(name: str) -> bool:
    """Check whether a parameter is a whole number."""
    return name in ("n_layers", "n_hidden") or EncoderConfig.model_fields[name].annotation is int


def list_grid(space: SearchSpace, n_latent_max: int) -> list[dict[str, Any]]:
    """Every combination of the kinds and of ``GRID_POINTS`` values of each range that acts in
    them.
    """
    combinations: list[dict[str, Any]] = []
    for kind in space.kind:
        choices: dict[str, list[Any]] = {"kind": [kind]} if len(space.kind) > 1 else {}
        for name, leaf in list_leaves(space, kind).items():
            if not leaf.is_fixed:
                low, high, log = _bounds(name, leaf, n_latent_max)
                points = (np.geomspace if log else np.linspace)(low, high, GRID_POINTS)
                choices[name] = (
                    sorted({round(point) for point in points})
                    if is_whole(name)
                    else points.tolist()
                )
        combinations += [
            dict(zip(choices, values, strict=True)) for values in product(*choices.values())
        ]
    return combinations


def halve(n_hidden: int, n_layers: int, n_latent: int) -> tuple[int, ...]:
    """Return the widths of the hidden layers: each half of the one before, none below the number of
    latent dimensions.
    """
    return tuple(max(n_hidden // 2**i, n_latent) for i in range(n_layers))


def configure(
    space: SearchSpace, training: TrainingConfig, parameters: Mapping[str, Any]
) -> EncoderConfig:
    """Build the configuration of a trial: the trial's values for ranges, the single value
    elsewhere.
    """
    kind = parameters.get("kind", space.kind[0])
    values = {
        name: getattr(space, name)
        for name in SearchSpace.model_fields
        if name in EncoderConfig.model_fields
    }
    values = {
        name: value.low if isinstance(value, Range) else value for name, value in values.items()
    }
    values |= {name: getattr(training, name) for name in TrainingConfig.model_fields} | {
        "kind": kind
    }
    values |= {
        name: value for name, value in parameters.items() if name in EncoderConfig.model_fields
    }
    n_layers, n_hidden = (
        int(parameters.get(name, getattr(space, name).low)) for name in ("n_layers", "n_hidden")
    )
    return EncoderConfig(**values, hidden=halve(n_hidden, n_layers, int(values["n_latent"])))


def name_trial(number: int, config: EncoderConfig) -> str:
    """Return a readable name of a trial, with its shape: ``trial 007: 512-256-24, dropout
    0.21``.
    """
    shape = "-".join(map(str, (*config.hidden, config.n_latent)))
    kind = "" if config.kind == "deep" else f"{config.kind} "
    return f"trial {number:03d}: {kind}{shape}, dropout {config.dropout:.2f}"
