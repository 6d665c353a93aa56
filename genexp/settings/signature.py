"""Python signatures rendered from settings: every parameter with its type, default and meaning, and
unknown names refused.
"""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin

from genexp.settings.parse import parse_settings
from genexp.settings.section import Range, Section, format_value
from genexp.settings.values import list_choices, parameter_fields, parameter_names

MARK = "    settings\n"
"""Line of a docstring in whose place the parameters are written."""
WIDTH = 96

Function = TypeVar("Function", bound=Callable[..., Any])


def takes(section: type[Section], only: Collection[str] = ()) -> Callable[[Function], Function]:
    """Give a function of ``**settings`` the signature of a section.

    Parameters
    ----------
    section : type of Section
        Its parameters become keyword parameters, with their types and defaults, and are described
        in the docstring in the place of a line ``settings``.
    only : collection of str
        Parameters that the function takes; empty: all.

    Returns
    -------
    callable
        Decorates the function, which receives only the parameters that were given: plain Python
        values whose names are known.

    Raises
    ------
    ConfigError
        From the decorated function, where a name is unknown, with the closest known one.
    """

    def decorate(function: Function) -> Function:
        own = inspect.signature(function)
        positional = [
            parameter
            for parameter in own.parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        taken = {parameter.name for parameter in positional}
        names = [
            name
            for name in parameter_names(section)
            if name not in taken and (not only or name in only)
        ]
        known = {name: parameter_fields(section)[name] for name in names}
        keywords = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=plain_type(field.annotation),
            )
            for name, field in known.items()
        ]
        accepted = {*known, *taken}

        @functools.wraps(function)
        def called(*arguments: Any, **settings: Any) -> Any:
            refuse_unknown(
                section, [name for name in settings if name not in accepted], list(known)
            )
            given = {
                name: plain_value(section, name, value)
                for name, value in settings.items()
                if name in known
            }
            rest = {name: value for name, value in settings.items() if name not in known}
            return function(
                *arguments,
                **rest,
                **{name: value for name, value in given.items() if value is not Ellipsis},
            )

        called.__signature__ = own.replace(parameters=[*positional, *keywords])  # type: ignore[attr-defined]
        called.__doc__ = (function.__doc__ or "").replace(MARK, describe_parameters(section, names))
        return called  # type: ignore[return-value]

    return decorate


def refuse_unknown(
    section: type[Section], unknown: Collection[str], known: Collection[str]
) -> None:
    """Refuse names that are no parameters, with the words of the command line."""
    if unknown:
        fields: dict[str, Any] = dict.fromkeys(known, (Any, None))
        parse_settings(_make_names(section, fields), dict.fromkeys(unknown))


def _make_names(section: type[Section], fields: Mapping[str, Any]) -> type[Section]:
    from pydantic import create_model

    return create_model(section.__name__, __base__=Section, **dict(fields))


def plain_value(section: type[Section], name: str, value: Any) -> Any:
    """Value as the settings take it: numbers of NumPy as Python's, paths as text, two numbers as a
    range; None as not given.
    """
    field = parameter_fields(section)[name]
    if value is None:
        return None if field.default is None else ...
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if hasattr(value, "__fspath__"):
        return str(value)
    if _is_range(field.annotation) and isinstance(value, (tuple, list)) and len(value) == 2:
        return "..".join(format(bound, "g") for bound in value)
    return value


def plain_type(annotation: Any) -> Any:
    """Type without pydantic's validators; a range is a number or the text ``low..high``."""
    if _is_range(annotation):
        return float | str
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        parts = tuple(part if part is ... else plain_type(part) for part in get_args(annotation))
        return tuple[parts]  # type: ignore[valid-type]
    parts = get_args(annotation)
    if parts and not isinstance(parts[0], (str, int)):
        joined = plain_type(parts[0])
        for part in parts[1:]:
            joined = joined | plain_type(part)
        return joined
    return annotation


def _is_range(annotation: Any) -> bool:
    return annotation is Range or (
        get_origin(annotation) is Annotated and get_args(annotation)[0] is Range
    )


def describe_parameters(section: type[Section], names: Collection[str]) -> str:
    """Entries of the section Parameters of a docstring, indented by four."""
    lines = []
    for name in names:
        field = parameter_fields(section)[name]
        choices = (
            f" ({', '.join(list_choices(section, name))})" if list_choices(section, name) else ""
        )
        default = (
            repr(field.default) if isinstance(field.default, str) else format_value(field.default)
        )
        lines.append(f"    {name} : default {default or 'empty'}")
        text = f"{field.description}{choices}"
        lines += textwrap.wrap(
            text[:1].upper() + text[1:] + ".",
            WIDTH,
            initial_indent=" " * 8,
            subsequent_indent=" " * 8,
        )
    return "\n".join(lines) + "\n"
