"""Former names of parameters, which are still accepted with a warning.

They come from command lines, MLproject (``-P``), Python and the cards of encoders that earlier
versions registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES: dict[str, str] = {
    "study": "batch",
    "unseen_study": "unseen_batch",
    "reference_study": "reference_batch",
    "anchor": "skip",
}
"""Present name of a parameter by its former one."""
VALUES: dict[tuple[str, str], str] = {("basis", "span"): "rows"}
"""Present value by parameter and former value."""


def former_names(parameter: str) -> list[str]:
    """Former names of a parameter."""
    return [former for former, present in NAMES.items() if present == parameter]


def update_stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give parameters that an earlier version stored their present names and values, without a
    warning.
    """
    named = {NAMES.get(name, name): value for name, value in values.items()}
    return {
        name: VALUES.get((name, value), value) if isinstance(value, str) else value
        for name, value in named.items()
    }


def update_names(
    values: Mapping[str, Any], defaults: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Give parameters their present names and values; also one sentence for each that was renamed.

    ``mlflow run`` passes every present name with its default, so a present name with its default
    counts as not given.

    Parameters
    ----------
    values : mapping of str to object
        As given by a user.
    defaults : mapping of str to str
        Defaults of the section's parameters, as a user would type them.

    Raises
    ------
    ValueError
        A parameter is given by both of its names, with different values.
    """
    named, notes = dict(values), []
    for former, present in NAMES.items():
        if former not in named or former in defaults or present not in defaults:
            continue
        value = named.pop(former)
        given = named.get(present, value)
        if given != value and str(given) != defaults[present]:
            raise ValueError(
                f"{former}={value} and {present}={given} are one parameter with two values; "
                f"give {present} alone"
            )
        named[present] = value
        notes.append(f"parameter {former} is now called {present}")
    for (name, former), present in VALUES.items():
        if name in defaults and named.get(name) == former:
            named[name] = present
            notes.append(f"{name}={former} is now called {name}={present}")
    return named, notes
