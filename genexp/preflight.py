"""What is checked before anything is read or trained: names that MLflow and the file system must take, and places to write to.

Names are checked as settings are built (:mod:`genexp.config`), places by :func:`check_places`, which the command line calls before
it opens a run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genexp.errors import ConfigError

MAX_NAME = 200
"""Longest name of a model or a study, in bytes: MLflow takes 256 characters, and a file system 255 bytes with what is appended."""
MAX_EXPERIMENT = 256
"""Longest name of an experiment that MLflow's database holds; on SQLite its client lets 500 pass."""
MAX_RUN = 250
"""Longest name of a run that MLflow's database holds."""
MAX_ALIAS = 255
FORBIDDEN = r"""[/\\:@'"`%?#\s\x00-\x1f\x7f]"""
"""What no model's name holds: MLflow refuses ``/`` and ``:``; ``@`` sets off an alias; the others mean something in a filter or address."""
ENCODER = re.compile(rf"(models:/)?(?!{FORBIDDEN}|\.)((?!{FORBIDDEN}).)+(@[A-Za-z][\w-]*|/\d+)?|runs:/[\w-]+(/[^\s:]+)?")
"""How a registered encoder is named."""
INPUTS = ("cohort", "obs", "gene_sets", "terms", "graph")
"""Parameters that name a file which is read, and must not be written over."""
FOLDERS = ("cache", "keep")
"""Parameters that name a folder to write to; ``out`` is one for ``contrasts`` alone."""


def check_model_name(name: str) -> str:
    """Refuse a name that the registry does not take; an empty one stands for the cohort's."""
    if name and (re.search(FORBIDDEN, name) or name.startswith(".")):
        raise ValueError("expected a name without blanks, quotes and any of / \\ : @ % ? #, which does not begin with a dot")
    return _check_length(name, MAX_NAME)


def check_alias(alias: str) -> str:
    """Refuse an alias that MLflow does not take, or keeps for itself."""
    if not re.fullmatch(r"[A-Za-z][\w-]*", alias):
        raise ValueError("expected a letter, then letters, digits, _ and -")
    if re.fullmatch(r"latest|v\d+", alias, re.IGNORECASE):
        raise ValueError("expected another word than 'latest' and 'v1', 'v2', ..., which MLflow keeps for itself")
    return _check_length(alias, MAX_ALIAS)


def check_experiment_name(name: str) -> str:
    """Refuse a name of an experiment that MLflow does not take, or that would put its artifacts elsewhere."""
    if not name.strip() or name in (".", ".."):
        raise ValueError("expected a name with a letter or digit in it")
    return _check_line(name, MAX_EXPERIMENT)


def check_run_name(name: str) -> str:
    """Refuse a name of a run that MLflow's database does not hold; an empty one is made up."""
    return _check_line(name, MAX_RUN)


def check_study_name(name: str) -> str:
    """Refuse a name of a search that is no name of a folder inside the cache; an empty one is made up."""
    if "/" in name or "\\" in name or name.startswith(".") or name != name.strip():
        raise ValueError("expected the name of a folder, without / and \\, which does not begin with a dot and has no blanks around it")
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
        raise ConfigError(f"the cohort's name {cohort!r} cannot be the name of a registered model; give one with name=") from None


def check_places(verb: str, settings: Any) -> None:
    """Refuse names that follow from the cohort's, and places to write to, that would fail after hours of training.

    Parameters
    ----------
    verb : str
        Of the command line.
    settings : Section
        Of that verb.

    Raises
    ------
    ConfigError
        A place is a file where a folder is needed or the other way round, cannot be written, is no path on this machine, or is that
        of an input; or the cohort's own name cannot be a model's or a study's.
    """
    if getattr(settings, "experiment", "") == "":  # an experiment names its models itself
        _check_derived_names(settings)
    for name in FOLDERS:
        if path := getattr(settings, name, ""):
            _check_folder(name, path)
    if out := getattr(settings, "out", ""):
        if verb == "contrasts":
            _check_folder("out", out)
        else:
            _check_file("out", out)
            _check_no_input(out, settings)


def _check_derived_names(settings: Any) -> None:
    """Refuse a cohort whose name would be that of a model or a study, and cannot be."""
    from genexp.cohort.source import read_name

    if not hasattr(settings, "name"):
        return
    cohort = read_name(settings.cohort)
    if not settings.name and not getattr(settings, "encoder", ""):
        name_model(cohort)
    if getattr(settings, "study_name", None) == "":
        try:
            check_study_name(cohort)
        except ValueError as error:
            raise ConfigError(f"the cohort's name cannot be that of a search: {error}; give one with study_name=") from None


def _check_folder(name: str, path: str) -> None:
    """Refuse a folder that is not there and cannot be made, or cannot be written to."""
    expected = f"{name}={path}: expected a folder that can be written; found"
    advice = f"name another folder with {name}="
    _refuse_address(name, path)
    if reason := _find_obstacle(Path(path)):
        raise ConfigError(f"{expected} that {reason}; {advice}")


def _check_file(name: str, path: str) -> None:
    """Refuse a file that cannot be written; its folder is made where it can be."""
    expected = f"{name}={path}: expected a file that can be written; found"
    advice = f"name another file with {name}="
    _refuse_address(name, path)
    if os.path.isdir(path):
        raise ConfigError(f"{expected} a folder; {advice}")
    if (length := len(Path(path).name.encode())) > MAX_NAME:
        raise ConfigError(f"{expected} a name of {length} bytes, of which a file system with what is appended takes {MAX_NAME}; {advice}")
    if reason := _find_obstacle(Path(path).parent):
        raise ConfigError(f"{expected} that {reason}; {advice}")


def _refuse_address(name: str, path: str) -> None:
    """Refuse what would silently become a folder of an odd name here."""
    if "://" in path:
        raise ConfigError(f"{name}={path}: expected a path on this machine, found an address; write here, and copy it there afterwards")
    if path == "~" or path.startswith("~/"):
        raise ConfigError(f"{name}={path}: expected a whole path; found '~', which only the shell knows: write the path of that folder")


def _find_obstacle(folder: Path) -> str:
    """Why nothing can be written in a folder that may be yet to be made, or nothing."""
    try:
        nearest = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists() or place.is_symlink())
    except OSError as error:
        return f"{folder} cannot be a path ({error.strerror})"
    if not nearest.is_dir():
        return f"{nearest} is not a folder"
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} may not be written to"


def _check_no_input(out: str, settings: Any) -> None:
    """Refuse to write over what is read."""
    for name in INPUTS:
        path = getattr(settings, name, "")
        if path and os.path.exists(out) and os.path.exists(path) and os.path.samefile(out, path):
            raise ConfigError(f"out={out}: expected a file of its own; found that of {name}=, which would be lost: name another one")
