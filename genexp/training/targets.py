"""Targets of heads, read from the annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from genexp.errors import TrainingError, name_some
from genexp.model.model_type import ModelType
from genexp.model.target_names import SURVIVAL
from genexp.preprocessing import Preprocessed
from genexp.settings.training import EncoderConfig

MAX_CLASSES = 100
"""Most classes of a label: more distinct values are names or numbers."""
MIN_ROWS = 2
"""Train rows of a class, at least: nothing can be learnt from fewer, and balanced weights would let
them outweigh all others."""


@dataclass(frozen=True)
class Targets:
    """Targets of train and validation rows.

    Parameters
    ----------
    classes : mapping of str to tuple of str
        Classes of each label with ``MIN_ROWS`` train rows or more, sorted.
    survival : bool
        Whether survival is a target.
    train, val : mapping of str to ndarray, (n,)
        Class codes by label (int64, -1 where unknown or not among the classes); ``time_days``
        (float32, NaN where unknown) and ``event``; further values that the model type reads of each
        sample.
    """

    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    survival: bool = False
    train: Mapping[str, np.ndarray] = field(default_factory=dict)
    val: Mapping[str, np.ndarray] = field(default_factory=dict)


NO_TARGETS = Targets()


def name_heads(model_type: ModelType) -> tuple[str, ...]:
    """Targets of a training: those that the configuration names, and those that the model type
    requires.
    """
    return tuple(dict.fromkeys((*model_type.heads, *model_type.config.heads)))


def build_targets(data: Preprocessed, model_type: ModelType) -> Targets:
    """Check the cohort for a model type, and read the targets of its configuration.

    Raises
    ------
    TrainingError
        The model type cannot be trained on the cohort, a column is absent, or train rows have fewer
        than two classes of it or more than ``MAX_CLASSES``, those with fewer rows than ``MIN_ROWS``
        excluded.
    """
    heads, config = name_heads(model_type), model_type.config
    model_type.check(data)
    if not heads and not model_type.columns:
        return Targets()
    obs = {"train": data.obs("train"), "val": data.obs("val")}
    classes: dict[str, tuple[str, ...]] = {}
    values = {part: model_type.read(table) for part, table in obs.items()}
    for name in heads:
        if name == SURVIVAL:
            _check_survival(obs["train"], config)
            for part, table in obs.items():
                values[part] |= _read_survival(table)
            continue
        classes[name] = _list_classes(obs["train"], name, config)
        for part, table in obs.items():
            texts = table[name].astype(object).map(str, na_action="ignore")
            values[part][name] = pd.Categorical(texts, classes[name]).codes.astype(np.int64)
    return Targets(classes, SURVIVAL in heads, values["train"], values["val"])


def _list_classes(obs: pd.DataFrame, name: str, config: EncoderConfig) -> tuple[str, ...]:
    if name not in obs:
        hint = (
            "name the column with label="
            if name == "label"
            else f"the annotations have {name_some(list(obs.columns))}"
        )
        request = f"kind={config.kind}, heads={','.join(config.heads)}"
        raise TrainingError(f"{request}: a column '{name}' of obs was expected, found none; {hint}")
    counts = obs[name].dropna().map(str).value_counts()
    classes = sorted(counts.index[counts >= MIN_ROWS])
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise TrainingError(
            f"heads: 2 to {MAX_CLASSES} classes of '{name}' with {MIN_ROWS} train rows or "
            f"more were expected, found {len(classes)}"
        )
    return tuple(classes)


def _check_survival(obs: pd.DataFrame, config: EncoderConfig) -> None:
    if not {"time_days", "event"} <= set(obs):
        raise TrainingError(
            f"heads={','.join(config.heads)}: survival was expected among the annotations; "
            "name it with time= and event="
        )


def _read_survival(obs: pd.DataFrame) -> dict[str, np.ndarray]:
    """Follow-up and event; both unknown where one is, or where nobody was followed."""
    time, event = obs["time_days"].to_numpy(np.float32), obs["event"].to_numpy(np.float32)
    is_followed = np.isfinite(time) & np.isfinite(event) & (np.nan_to_num(time) > 0)
    return {
        "time_days": np.where(is_followed, time, np.nan).astype(np.float32),
        "event": np.nan_to_num(event).astype(bool) & is_followed,
    }
