"""Names, choices and values of parameters, and hashes of values."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any, get_args

from pydantic.fields import FieldInfo

from genexp.settings.section import Section, format_value


def held_sections(kind: type[Section]) -> dict[str, type[Section]]:
    """Sections that settings hold, by attribute."""
    annotations = {name: field.annotation for name, field in kind.model_fields.items()}
    return {
        name: section
        for name, section in annotations.items()
        if isinstance(section, type) and issubclass(section, Section)
    }


@cache
def parameter_fields(kind: type[Section]) -> dict[str, FieldInfo]:
    """Parameters of some settings, those of the sections that they hold included, in the order in
    which they act.
    """
    fields = {
        name: field
        for base in kind.__bases__
        if issubclass(base, Section)
        for name, field in parameter_fields(base).items()
    }
    sections = held_sections(kind)
    for name, field in kind.model_fields.items():
        fields |= parameter_fields(sections[name]) if name in sections else {name: field}
    return fields


def parameter_names(kind: type[Section]) -> list[str]:
    """Names of the parameters of some settings, section by section in the order in which they
    act.
    """
    return list(parameter_fields(kind))


def list_choices(kind: type[Section], name: str) -> list[str]:
    """Words that a parameter accepts, beside numbers; empty where any text will do."""

    def words(annotation: Any) -> list[str]:
        return [
            word
            for part in get_args(annotation)
            for word in ([part] if isinstance(part, str) else words(part))
        ]

    return words(parameter_fields(kind)[name].annotation)


def section_values(settings: Section, *kinds: type[Section]) -> dict[str, str]:
    """Values of the parameters that belong to ``kinds`` (all, if none is named), as a user would
    type them.
    """
    names = [name for kind in kinds or (type(settings),) for name in parameter_names(kind)]
    return {
        name: format_value(getattr(settings, name)) for name in names if hasattr(settings, name)
    }


def hash_values(values: object) -> str:
    """Short stable hash (16 hexadecimal digits of SHA-256) of anything that JSON can write."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]
