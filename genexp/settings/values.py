"""Names, choices and values of parameters, and hashes of values."""

from __future__ import annotations

import hashlib
import json
from typing import Any, get_args

from genexp.settings.section import Section, format_value


def parameter_names(kind: type[Section]) -> list[str]:
    """Names of the parameters of some settings, section by section in the order in which they act."""
    inherited = [name for base in kind.__bases__ if issubclass(base, Section) for name in parameter_names(base)]
    return list(dict.fromkeys([*inherited, *kind.model_fields]))


def list_choices(kind: type[Section], name: str) -> list[str]:
    """Words that a parameter accepts, beside numbers; empty where any text will do."""

    def words(annotation: Any) -> list[str]:
        return [word for part in get_args(annotation) for word in ([part] if isinstance(part, str) else words(part))]

    return words(kind.model_fields[name].annotation)


def section_values(settings: Section, *kinds: type[Section]) -> dict[str, str]:
    """Values of the parameters that belong to ``kinds`` (all, if none is named), as a user would type them."""
    names = [name for kind in kinds or (type(settings),) for name in parameter_names(kind)]
    return {name: format_value(getattr(settings, name)) for name in names if hasattr(settings, name)}


def hash_values(values: object) -> str:
    """Short stable hash (16 hexadecimal digits of SHA-256) of anything that JSON can write."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]
