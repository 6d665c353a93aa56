"""Nodes of a query: columns, constants and the conditions on them, which hold or do not hold in each row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd

from genexp.query.values import NOUNS, Values, compare, to_truths
from genexp.query.wording import ALLOWED, QueryFault, shorten


class Node(Protocol):
    """Anything that has a value in each row."""

    @property
    def position(self) -> int:
        """Of its first character in the query, from 0."""
        ...

    def evaluate(self, columns: Mapping[str, Values]) -> Values:
        """Values of the node, given those of all columns of the query."""
        ...


@dataclass(frozen=True)
class Constant:
    """A number, a text, True or False."""

    position: int
    value: str | int | float | bool

    # Every node of a query is evaluated with the columns.
    def evaluate(self, columns: Mapping[str, Values]) -> Values:  # noqa: ARG002
        """Return the constant itself."""
        if isinstance(self.value, bool):
            return Values("truth", self.value, False, str(self.value), self.position)
        if isinstance(self.value, str):
            return Values("text", self.value, False, f"the text {shorten(self.value)!r}", self.position)
        return Values("number", self.value, False, f"the number {self.value}", self.position)


@dataclass(frozen=True)
class Column:
    """A column of the annotations."""

    position: int
    name: str

    def evaluate(self, columns: Mapping[str, Values]) -> Values:
        """Return its values."""
        return replace(columns[self.name], position=self.position)


@dataclass(frozen=True)
class Condition:
    """What is true or false in each row; every kind of it says where it holds."""

    position: int

    def hold(self, columns: Mapping[str, Values]) -> np.ndarray:
        """Mask of the rows in which it holds, (n_rows,) bool."""
        raise NotImplementedError

    def evaluate(self, columns: Mapping[str, Values]) -> Values:
        """Truth of the condition; none is missing."""
        return Values("truth", self.hold(columns), False, "the condition", self.position)


@dataclass(frozen=True)
class Comparison(Condition):
    """Comparisons in a row: ``a < b < c`` has the first operand a and the links (<, b) and (<, c)."""

    first: Node
    links: tuple[tuple[str, Node], ...]

    def hold(self, columns: Mapping[str, Values]) -> np.ndarray:
        """Rows in which all links hold."""
        left, masks = self.first.evaluate(columns), []
        for symbol, node in self.links:
            right = node.evaluate(columns)
            masks.append(compare(symbol, left, right))
            left = right
        return np.logical_and.reduce(masks)


@dataclass(frozen=True)
class Membership(Condition):
    """A value is one of several constants."""

    operand: Node
    constants: tuple[Constant, ...]

    def hold(self, columns: Mapping[str, Values]) -> np.ndarray:
        """Rows in which the value equals one of the constants."""
        values = self.operand.evaluate(columns)
        if values.is_constant:
            raise QueryFault(values.position, f"{values.name} is not a column, and only a column can be in a list", ALLOWED)
        mask, others = np.zeros(len(values.data), dtype=bool), list(self.constants)
        if values.kind == "text":  # all texts at once: a list of sample ids is long
            mask = (
                pd.Series(values.data).isin([other.value for other in others if isinstance(other.value, str)]).to_numpy() & ~values.missing
            )
            others = [other for other in others if not isinstance(other.value, str)]
        for constant in others:
            mask = mask | compare("==", values, constant.evaluate(columns))
        return mask


@dataclass(frozen=True)
class Missing(Condition):
    """A column has no value."""

    column: Column

    def hold(self, columns: Mapping[str, Values]) -> np.ndarray:
        """Rows without a value."""
        return np.asarray(columns[self.column.name].missing)


@dataclass(frozen=True)
class TextTest(Condition):
    """A text contains, begins or ends with another, which is plain text and not a regular expression."""

    column: Column
    method: str
    text: str

    def hold(self, columns: Mapping[str, Values]) -> np.ndarray:
        """Rows whose text passes; a pattern that none passes is taken for a regular expression, and refused."""
        values = self.column.evaluate(columns)
        if values.kind == "empty":
            return np.zeros(len(values.data), dtype=bool)
        if values.kind != "text":
            raise QueryFault(self.position, f"{values.name} holds {NOUNS[values.kind]}, and {self.method} is for text")
        texts = pd.Series(values.data, dtype=object).str
        if self.method == ".str.contains":
            passes = texts.contains(self.text, regex=False)
        else:
            passes = texts.startswith(self.text) if self.method == ".str.startswith" else texts.endswith(self.text)
        mask = passes.to_numpy(dtype=bool) & ~values.missing
        if not mask.any() and re.search(r"[|*+?^$\[\]{}()\\]", self.text):
            advice = f"{self.method} looks for plain text, not for a regular expression; join several conditions by or"
            raise QueryFault(self.position, f"no value of {values.name} passes {self.method}({shorten(self.text)!r})", advice)
        return mask


@dataclass(frozen=True)
class Negation(Condition):
    """A condition does not hold."""

    part: Node

    def hold(self, columns: Mapping[str, Values]) -> np.ndarray:
        """Rows in which the part does not hold."""
        return ~hold(self.part, columns)


@dataclass(frozen=True)
class Junction(Condition):
    """Conditions joined by ``and`` or by ``or``."""

    word: str
    parts: tuple[Node, ...]

    def hold(self, columns: Mapping[str, Values]) -> np.ndarray:
        """Rows in which all parts, or any part, hold."""
        join = np.logical_and if self.word == "and" else np.logical_or
        return join.reduce([hold(part, columns) for part in self.parts])


def hold(node: Node, columns: Mapping[str, Values]) -> np.ndarray:
    """Mask of the rows in which a node holds, (n_rows,) bool; it must be a condition, or a column of True and False."""
    values = node.evaluate(columns)
    if values.is_constant:
        raise QueryFault(values.position, f"{values.name} alone is not a condition on samples", "compare a column with it, as in age > 40")
    if values.kind == "empty":
        return np.zeros(len(values.data), dtype=bool)
    truths, is_other = to_truths(values.data) if values.kind == "text" else (values.data, np.array(values.kind != "truth"))
    if (is_other & ~values.missing).any():
        advice = "compare it with a value, as in age > 40 or type == 'tumor'"
        raise QueryFault(values.position, f"{values.name} holds {NOUNS[values.kind]} and is not a condition on samples", advice)
    return np.logical_and(truths, np.logical_not(values.missing))
