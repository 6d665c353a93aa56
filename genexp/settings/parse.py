"""Parsing of settings that a user typed, with one message for all problems."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from genexp.errors import ConfigError
from genexp.settings.section import Section
from genexp.settings.values import held_sections, parameter_fields

AnySection = TypeVar("AnySection", bound=Section)


def parse_settings(kind: type[AnySection], values: dict[str, Any]) -> AnySection:
    """Build settings from texts, as typed by a user.

    Raises
    ------
    ConfigError
        An unknown name, or a value that is not of its parameter's type and range; all of them in
        one message.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        problems = [_describe_problem(kind, problem) for problem in error.errors()]
        raise ConfigError("; ".join(problems)) from None


def _describe_problem(kind: type[Section], problem: Any) -> str:
    fields, sections = parameter_fields(kind), held_sections(kind)
    place = [str(part) for part in problem["loc"] if part not in sections]
    name = place[0] if place else "settings"
    if problem["type"] == "extra_forbidden":
        import difflib

        close = difflib.get_close_matches(name, fields, n=1)
        return f"unknown parameter '{name}'" + (
            f"; did you mean '{close[0]}'?" if close else f" (known: {', '.join(fields)})"
        )
    reason = problem["msg"].removeprefix("Value error, ")
    if not place:
        return reason
    field = fields.get(name)
    meaning = f" ({field.description})" if field else ""
    return f"{name}={problem['input']!r}: {reason[0].lower()}{reason[1:]}{meaning}"
