"""Names that MLflow and the file system must take: of models, aliases, experiments, runs, studies
and files.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from genexp.errors import ConfigError

MAX_NAME = 200
"""Longest name of a model or a study, in bytes: MLflow takes 256 characters, and a file system 255
bytes with what is appended."""
MAX_EXPERIMENT = 256
"""Longest name of an experiment that MLflow's database holds; on SQLite its client lets 500
pass."""
MAX_RUN = 250
"""Longest name of a run that MLflow's database holds."""
MAX_ALIAS = 255
FORBIDDEN = r"""[/\\:@'"`%?#\s\x00-\x1f\x7f]"""
"""Characters that no name of a model may contain: MLflow refuses ``/`` and ``:``; ``@`` sets
off an alias; the others mean something in a filter or address."""
ENCODER = re.compile(
    rf"(models:/)?(?!{FORBIDDEN}|\.)((?!{FORBIDDEN}).)+(@[A-Za-z][\w-]*|/\d+)?|runs:/[\w-]+(/[^\s:]+)?"
)
"""Reference to a registered encoder."""


def check_model_name(name: str) -> str:
    """Refuse a name that the registry does not take; an empty one stands for the cohort's."""
    if name and (re.search(FORBIDDEN, name) or name.startswith(".")):
        raise ValueError(
            "expected a name without blanks, quotes and any of / \\ : @ % ? #, which does "
            "not begin with a dot"
        )
    return _check_length(name, MAX_NAME)


def check_alias(alias: str) -> str:
    """Refuse an alias that MLflow does not take, or keeps for itself."""
    if not re.fullmatch(r"[A-Za-z][\w-]*", alias):
        raise ValueError("expected a letter, then letters, digits, _ and -")
    if re.fullmatch(r"latest|v\d+", alias, re.IGNORECASE):
        raise ValueError(
            "expected another word than 'latest' and 'v1', 'v2', ..., which MLflow keeps for itself"
        )
    return _check_length(alias, MAX_ALIAS)


def check_experiment_name(name: str) -> str:
    """Refuse a name of an experiment that MLflow does not take, or that would put its artifacts
    elsewhere.
    """
    if not name.strip() or name in (".", ".."):
        raise ValueError("expected a name with a letter or digit in it")
    return _check_line(name, MAX_EXPERIMENT)


def check_run_name(name: str) -> str:
    """Refuse a name of a run that MLflow's database does not hold; an empty one is made up."""
    return _check_line(name, MAX_RUN)


def check_study_name(name: str) -> str:
    """Refuse a name of a search that is no name of a folder inside the cache; an empty one is made
    up.
    """
    if "/" in name or "\\" in name or name.startswith(".") or name != name.strip():
        raise ValueError(
            "expected the name of a folder, without / and \\, which does not begin with a "
            "dot and has no blanks around it"
        )
    return _check_line(name, MAX_NAME)


def check_encoder_name(name: str) -> str:
    """Refuse what cannot name a registered encoder; an empty text names none."""
    if name and not ENCODER.fullmatch(name):
        raise ValueError("expected NAME@alias, NAME/version or runs:/ID")
    return name


def ends_in(*endings: str) -> Callable[[str], str]:
    """Make a validator of a file to write: its ending names the format."""

    def check(path: str) -> str:
        if path and not (path.endswith(endings) and Path(path).name not in endings):
            raise ValueError(f"expected a file ending in {', '.join(endings)}")
        return path

    return check


def _check_line(name: str, longest: int) -> str:
    if re.search(r"[\x00-\x1f\x7f]", name):
        raise ValueError("expected one line without control characters")
    return _check_length(name, longest)


def _check_length(name: str, longest: int) -> str:
    if (found := len(name.encode())) > longest:
        raise ValueError(f"expected a name of at most {longest} bytes, found {found}")
    return name


def name_model(cohort: str) -> str:
    """Name of a cohort as the registry takes it: ``TCGA BRCA`` -> ``TCGA_BRCA``.

    Raises
    ------
    ConfigError
        Nothing of the name can be used.
    """
    try:
        return check_model_name(re.sub(f"{FORBIDDEN}+", "_", cohort).lstrip(".") or "/")
    except ValueError:
        raise ConfigError(
            f"the cohort's name {cohort!r} cannot be the name of a registered model; give "
            "one with name="
        ) from None
