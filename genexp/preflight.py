"""What is checked before a run opens: names that follow from the cohort's, and places to write to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from genexp.errors import ConfigError
from genexp.files.source import read_name
from genexp.settings.naming import MAX_NAME, check_study_name, name_model

INPUTS = ("cohort", "obs", "gene_sets", "terms", "graph")
"""Parameters that name a file which is read, and must not be written over."""
FOLDERS = ("cache", "keep")
"""Parameters that name a folder to write to; ``out`` is one for ``contrasts`` alone."""


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
    # Path.is_dir raises on a name that is too long; os.path.isdir says no.
    if os.path.isdir(path):  # noqa: PTH112
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
        if path and os.path.exists(out) and os.path.exists(path) and os.path.samefile(out, path):  # noqa: PTH110, PTH121
            raise ConfigError(f"out={out}: expected a file of its own; found that of {name}=, which would be lost: name another one")
