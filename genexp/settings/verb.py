"""Settings of a verb: sections that are held, and parameters that are given and read flat."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from genexp.settings.aliases import update_names
from genexp.settings.section import Section, format_value
from genexp.settings.values import held_sections, parameter_fields


@cache
def find_owners(kind: type[Section]) -> dict[str, str]:
    """Name of the section that holds a parameter, by parameter."""
    return {
        name: attribute
        for attribute, section in held_sections(kind).items()
        for name in parameter_fields(section)
    }


class VerbSettings(Section):
    """Sections of a verb.

    ``TrainSettings(n_latent=32)`` puts the parameter into the section that has it.
    ``settings.training`` is that section, which a function takes as its argument;
    ``settings.n_latent`` reads the parameter where types are not checked, as in a notebook.
    """

    @model_validator(mode="before")
    @classmethod
    def _update_names(cls, values: Any) -> Any:
        """Accept former names, and put each parameter into its section."""
        if not isinstance(values, dict):
            return values
        defaults = {
            name: format_value(field.default) for name, field in parameter_fields(cls).items()
        }
        updated, notes = update_names(values, defaults)
        for note in notes:
            print(f"note: {note}", file=sys.stderr)
        return _distribute(cls, updated)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy with other values of some parameters, which are named flat, or with other
        sections.
        """
        changed = _distribute(type(self), update or {})
        sections = {
            name: getattr(self, name).model_copy(update=values)
            if isinstance(values, dict)
            else values
            for name, values in changed.items()
        }
        return super().model_copy(update=sections, deep=deep)

    if TYPE_CHECKING:

        def __init__(self, **values: Any) -> None: ...

    else:

        def __getattr__(self, name: str) -> Any:
            owner = find_owners(type(self)).get(name)
            return getattr(getattr(self, owner), name) if owner else super().__getattr__(name)


def _distribute(kind: type[Section], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by section: the parameters of one as a dict, under its name; what no section has stays
    as it is.
    """
    owners = find_owners(kind)
    divided = {name: value for name, value in values.items() if name not in owners}
    for name, value in values.items():
        if name in owners:
            # a section that is given whole beside some of its parameters
            before = divided.get(owners[name], {})
            divided[owners[name]] = {**dict(before), name: value}
    return divided
