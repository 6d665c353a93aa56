"""Rendering of MLproject and of the table of parameters in ``docs/parameters.md``.

``make mlproject`` writes both; a test fails when either differs.
"""

from __future__ import annotations

import json
from pathlib import Path

from genexp.settings.section import Section
from genexp.settings.values import list_choices, parameter_fields, section_values
from genexp.settings.verbs import VERBS

ENTRY_POINTS = ("main", "preprocess", "train", "tune", "evaluate")


def render_mlproject() -> str:
    """Text of MLproject: each entry point with every parameter of its settings, their defaults and
    one command.
    """
    lines = [
        "# Rendered from genexp/settings by `make mlproject`; a test fails when it differs.",
        "name: genexp",
        "conda_env: conda.yaml",
        "entry_points:",
    ]
    for verb in ENTRY_POINTS:
        lines += _render_entry_point(verb, VERBS[verb])
    return "\n".join(lines) + "\n"


def _render_entry_point(verb: str, kind: type[Section]) -> list[str]:
    defaults = section_values(kind())
    parameters = [
        f"      {name}: {{type: string, default: {json.dumps(value)}}}"
        for name, value in defaults.items()
    ]
    options = " ".join(f"--{name} {{{name}}}" for name in defaults)
    return [
        f"  {verb}:",
        "    parameters:",
        *parameters,
        f"    command: python -m genexp {verb} {options}",
    ]


def render_table() -> str:
    """Markdown table of every parameter: its default, its meaning and the verbs that know it; all
    are those that read a cohort.
    """
    n_all = sum("cohort" in parameter_fields(kind) for kind in VERBS.values())
    verbs_of: dict[tuple[str, str], list[str]] = {}
    for verb, kind in VERBS.items():
        for name, default in section_values(kind()).items():
            choices = [choice for choice in list_choices(kind, name) if choice != default]
            shown = ", ".join(f"`{value}`" for value in (default, *choices) if value)
            verbs_of.setdefault(
                (name, f"{shown} | {parameter_fields(kind)[name].description}"), []
            ).append(verb)
    rows = [
        f"| `{name}` | {rest} | {'all' if len(verbs) == n_all else ', '.join(verbs)} |"
        for (name, rest), verbs in verbs_of.items()
    ]
    return (
        "\n".join(
            ["| parameter | default, other choices | meaning | verbs |", "|---|---|---|---|", *rows]
        )
        + "\n"
    )


def render_page() -> str:
    """The page of all parameters."""
    lines = (
        "# Parameters",
        "",
        (
            "Rendered from `genexp/settings` by `make mlproject`. They are written `-P "
            "name=value` with `mlflow run`, and"
        ),
        "`--name value` with `python -m genexp`.",
        (
            "In `tune`, the parameters of the model take a range `low..high` to search, or a "
            "single value."
        ),
        "",
        render_table(),
    )
    return "\n".join(lines)


def write_rendered(root: Path) -> None:
    """Write MLproject and the page of parameters in the project's folder ``root``."""
    (root / "MLproject").write_text(render_mlproject(), encoding="utf-8")
    (root / "docs" / "parameters.md").write_text(render_page(), encoding="utf-8")


if __name__ == "__main__":
    write_rendered(Path(__file__).parents[2])
