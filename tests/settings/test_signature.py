"""Signatures that are rendered from settings: names, types, defaults, meanings, and refusals."""

import inspect
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import BeforeValidator, Field

from genexp.errors import ConfigError
from genexp.settings.section import OptionalNumber, Range, Section, split_list
from genexp.settings.signature import describe_parameters, plain_type, plain_value, takes


class Baking(Section):
    """How a cake is baked."""

    n_eggs: int = Field(3, ge=1, description="eggs")
    kind: Literal["sponge", "cheese"] = Field("sponge", description="kind of cake")
    heat: Annotated[Range, Field()] = Field("160..200", description="temperature [°C]")  # type: ignore[assignment]
    toppings: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (), description="what goes on top"
    )
    note: str = Field("", description="note")
    minutes: OptionalNumber = Field(None, description="minutes; none: until it is done")


@takes(Baking)
def bake(name: str, **settings: Any) -> dict[str, Any]:
    """Bake.

    Parameters
    ----------
    name : str
    settings
    """
    return {"name": name, **settings}


@takes(Baking, only=("n_eggs",))
def beat(**settings: Any) -> dict[str, Any]:
    """Beat."""
    return settings


def test_a_function_has_the_parameters_of_its_section() -> None:
    parameters = inspect.signature(bake).parameters
    assert list(parameters) == ["name", "n_eggs", "kind", "heat", "toppings", "note", "minutes"]
    assert parameters["n_eggs"].default == 3
    assert parameters["n_eggs"].annotation is int
    assert parameters["heat"].annotation == float | str
    assert parameters["toppings"].annotation == tuple[str, ...]
    assert list(inspect.signature(beat).parameters) == ["n_eggs"]


def test_the_docstring_describes_each() -> None:
    assert "    kind : default 'sponge'\n        Kind of cake (sponge, cheese).\n" in bake.__doc__
    assert "    minutes : default none\n" in bake.__doc__
    assert "\n    settings\n" not in bake.__doc__
    assert "toppings" not in describe_parameters(Baking, ["n_eggs"])


def test_only_what_is_given_arrives_as_plain_values() -> None:
    assert bake("plain") == {"name": "plain"}
    assert bake(
        "large", n_eggs=np.int64(6), heat=(150, 180), note=Path("a") / "b", minutes=None
    ) == {
        "name": "large",
        "n_eggs": 6,
        "heat": "150..180",
        "note": "a/b",
        "minutes": None,
    }
    assert bake("unnoted", note=None) == {"name": "unnoted"}
    assert bake(name="by name") == {"name": "by name"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_egs": 1}, r"unknown parameter 'n_egs'; did you mean 'n_eggs'\?"),
        ({"zzz": 1}, r"unknown parameter 'zzz' \(known: n_eggs, kind"),
        ({"n_egs": 1, "knd": 2}, r"'n_egs'.*'knd'"),
    ],
)
def test_unknown_names_are_refused_with_the_closest_one(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        bake("x", **wrong)


def test_types_lose_their_validators_and_arrays_stay() -> None:
    assert plain_type(Annotated[int, Field(ge=1)] | Literal["auto"]) == int | Literal["auto"]
    assert plain_type(OptionalNumber) == float | None
    array = np.zeros(3)
    assert plain_value(Baking, "toppings", array) is array
