"""Sections of parameters, and values as users type them."""

from __future__ import annotations

import math
import re
import sys
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from genexp.settings.aliases import update_names

MAX_LAYERS = 32


def split_list(value: object) -> object:
    """``"2048,512"`` -> ``(2048, 512)``; an empty text is an empty tuple."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return (value,) if isinstance(value, int) else value


def split_widths(value: object) -> object:
    """Split as :func:`split_list` does; ``"halving:1024x3"`` is (1024, 512, 256)."""
    if isinstance(value, str) and value.startswith("halving:"):
        first, _, n_layers = value.removeprefix("halving:").partition("x")
        if not (first.isdigit() and n_layers.isdigit() and int(n_layers) <= MAX_LAYERS):
            raise ValueError(
                f"expected halving:WIDTHxLAYERS with at most {MAX_LAYERS} layers, as in "
                "halving:1024x3"
            )
        return tuple(max(int(first) // 2**i, 1) for i in range(int(n_layers)))
    return split_list(value)


def none_if_blank(value: object) -> object:
    """``""`` and ``"none"`` are None."""
    return None if isinstance(value, str) and value.strip().lower() in {"", "none"} else value


def check_shares(text: str) -> str:
    """Refuse what is not the shares of a split."""
    shares = text.split("/")
    if len(shares) not in (2, 3) or not all(
        re.fullmatch(r"\d+(\.\d+)?", share) for share in shares
    ):
        raise ValueError("expected train/val/test as in 70/15/15, or development/test as in 85/15")
    if min(map(float, shares)) <= 0 or not math.isclose(sum(map(float, shares)), 100, abs_tol=1e-6):
        raise ValueError("the shares must be positive and sum to 100")
    return text


class Range(BaseModel):
    """A closed interval to search, written ``low..high``; a single value is an interval of one
    point.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    low: float
    high: float

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: object) -> object:
        if isinstance(value, (int, float)):
            value = str(value)
        if isinstance(value, str):
            low, _, high = value.partition("..")
            return {"low": low, "high": high or low}
        return value

    @model_validator(mode="after")
    def _check_order(self) -> Range:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError("expected low..high with low <= high, both finite")
        return self

    @property
    def is_fixed(self) -> bool:
        """True if there is nothing to search."""
        return self.low == self.high

    def __str__(self) -> str:
        return f"{self.low:g}" if self.is_fixed else f"{self.low:g}..{self.high:g}"


def within(low: float, high: float, whole: bool = False) -> AfterValidator:
    """Validator of a range that lies inside low..high."""

    def check(value: Range) -> Range:
        if value.low < low or value.high > high:
            raise ValueError(f"expected a range inside {low:g}..{high:g}")
        if whole and not (value.low.is_integer() and value.high.is_integer()):
            raise ValueError("expected whole numbers")
        return value

    return AfterValidator(check)


class Section(BaseModel):
    """Common behaviour: immutable, an unknown name is an error, and a former name is accepted with
    a warning.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _update_names(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        updated, notes = update_names(
            values, {name: format_value(field.default) for name, field in cls.model_fields.items()}
        )
        for note in notes:
            print(f"note: {note}", file=sys.stderr)
        return updated


OptionalNumber = Annotated[float | None, BeforeValidator(none_if_blank)]
OptionalCount = Annotated[int | None, BeforeValidator(none_if_blank)]


def format_value(value: object) -> str:
    """Write a value as a user would type it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def make_searchable(section: type[Section]) -> type[Section]:
    """The same parameters, with numbers as ranges."""
    fields: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        kind, default = field.annotation, field.default
        if kind in (int, float):
            bounds = {type(part).__name__: part for part in field.metadata}
            low = getattr(bounds.get("Ge"), "ge", getattr(bounds.get("Gt"), "gt", -math.inf))
            high = getattr(bounds.get("Le"), "le", getattr(bounds.get("Lt"), "lt", math.inf))
            kind, default = (
                Annotated[Range, within(low, high, whole=kind is int)],
                format_value(default),
            )
        fields[name] = (kind, Field(default, description=field.description))
    return create_model(
        f"{section.__name__}Space", __base__=Section, __doc__=section.__doc__, **fields
    )


def read_summary(documented: object) -> str:
    """First paragraph of the docstring of a class or function, in one line."""
    return " ".join((documented.__doc__ or "").strip().split("\n\n")[0].split())
