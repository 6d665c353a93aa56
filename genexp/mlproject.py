"""MLproject, rendered from the one config: ``python -m genexp.mlproject > MLproject``."""

from __future__ import annotations

import json
import sys

from genexp.config import VERBS, Section, section_values

ENTRY_POINTS = ("main", "preprocess", "train", "tune", "evaluate")


def render_mlproject() -> str:
    """Text of MLproject: each entry point with every parameter of its settings, their defaults and one command."""
    lines = [
        "# Rendered from genexp/config.py by `python -m genexp.mlproject > MLproject`; a test fails when it differs.",
        "name: genexp",
        "conda_env: conda.yaml",
        "entry_points:",
    ]
    for verb in ENTRY_POINTS:
        lines += _render_entry_point(verb, VERBS[verb])
    return "\n".join(lines) + "\n"


def _render_entry_point(verb: str, kind: type[Section]) -> list[str]:
    defaults = section_values(kind())
    parameters = [f"      {name}: {{type: string, default: {json.dumps(value)}}}" for name, value in defaults.items()]
    options = " ".join(f"--{name} {{{name}}}" for name in defaults)
    return [f"  {verb}:", "    parameters:", *parameters, f"    command: python -m genexp {verb} {options}"]


if __name__ == "__main__":
    sys.stdout.write(render_mlproject())
