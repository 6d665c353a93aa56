"""Checks before a run starts: names derived from the cohort's name, and paths to write to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from genexp.errors import ConfigError
from genexp.files.source import read_name
from genexp.settings.naming import MAX_NAME, check_study_name, name_model

INPUTS = ("cohort", "obs", "gene_sets", "terms", "graph")
"""Parameters that name an input file, which must not be overwritten."""
FOLDERS = ("cache", "keep")
"""Parameters that name a folder to write to; ``out`` is one for ``contrasts`` alone."""


def check_outputs(verb: str, settings: Any) -> None:
    """Refuse derived names and output paths that would fail after hours of training.

    Parameters
    ----------
    verb : str
        Verb of the command line.
    settings : Section
        Settings of that verb.

    Raises
    ------
    ConfigError
        A path is a file instead of a folder or the reverse, cannot be written, is not on this
        machine, or is that of an input; or the cohort's name is not a valid name of a model or a
        study.
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
    """Refuse a cohort whose name would become that of a model or a study, but is not valid for
    it.
    """
    if not hasattr(settings, "name"):
        return
    cohort = read_name(settings.cohort)
    if not settings.name and not getattr(settings, "encoder", ""):
        name_model(cohort)
    if getattr(settings, "study_name", None) == "":
        try:
            check_study_name(cohort)
        except ValueError as error:
            raise ConfigError(
                f"the name of the cohort is no valid name of a study: {error}; name the "
                "study with study_name="
            ) from None


def _check_folder(name: str, path: str) -> None:
    """Refuse a folder that cannot be created or written to."""
    expected = f"{name}={path}: expected a folder that can be written; found"
    advice = f"name another folder with {name}="
    _refuse_address(name, path)
    if reason := _find_obstacle(Path(path)):
        raise ConfigError(f"{expected} that {reason}; {advice}")


def _check_file(name: str, path: str) -> None:
    """Refuse a file that cannot be written; its folder may still have to be created."""
    expected = f"{name}={path}: expected a file that can be written; found"
    advice = f"name another file with {name}="
    _refuse_address(name, path)
    # Path.is_dir raises on a name that is too long; os.path.isdir says no.
    if os.path.isdir(path):  # noqa: PTH112
        raise ConfigError(f"{expected} a folder; {advice}")
    if (length := len(Path(path).name.encode())) > MAX_NAME:
        raise ConfigError(
            f"{expected} a name of {length} bytes, but at most {MAX_NAME} leave room for the "
            f"endings that genexp appends; {advice}"
        )
    if reason := _find_obstacle(Path(path).parent):
        raise ConfigError(f"{expected} that {reason}; {advice}")


def _refuse_address(name: str, path: str) -> None:
    """Refuse an address or ``~``, which would silently become a folder of that name."""
    if "://" in path:
        raise ConfigError(
            f"{name}={path}: expected a path on this machine, found an address; write to a "
            "path, and copy the files there afterwards"
        )
    if path == "~" or path.startswith("~/"):
        raise ConfigError(
            f"{name}={path}: expected a full path; found '~', which only the shell expands: "
            "write the path of that folder"
        )


def _find_obstacle(folder: Path) -> str:
    """Find the reason why a folder, which may not exist yet, cannot be written to; empty if it
    can.
    """
    try:
        nearest = next(
            path
            for path in (folder.absolute(), *folder.absolute().parents)
            if path.exists() or path.is_symlink()
        )
    except OSError as error:
        return f"{folder} cannot be a path ({error.strerror})"
    if not nearest.is_dir():
        return f"{nearest} is not a folder"
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} may not be written to"


def _check_no_input(out: str, settings: Any) -> None:
    """Refuse to overwrite an input."""
    for name in INPUTS:
        path = getattr(settings, name, "")
        if path and os.path.exists(out) and os.path.exists(path) and os.path.samefile(out, path):  # noqa: PTH110, PTH121
            raise ConfigError(
                f"out={out}: expected a file other than the inputs; found that of {name}=, "
                "which would be overwritten: name another file "
                "with out="
            )
