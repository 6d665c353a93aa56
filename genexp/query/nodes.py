"""Nodes of a query: columns, constants and the conditions, which are true or false in each row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd

from genexp.query.values import NOUNS, Operand, compare, to_truths
from genexp.query.wording import ALLOWED, QueryFault, shorten


class Node(Protocol):
    """Anything that has a value in each row."""

    @property
    def position(self) -> int:
        """Position of its first character in the query, from 0."""
        ...

    def evaluate(self, columns: Mapping[str, Operand]) -> Operand:
        """Return the values of the node, from those of all columns of the query."""
        ...


@dataclass(frozen=True)
class Constant:
    """A number, a text, True or False."""

    position: int
    value: str | int | float | bool

    # Every node has the same signature, also one that needs no columns.
    def evaluate(self, columns: Mapping[str, Operand]) -> Operand:  # noqa: ARG002
        """Return the constant itself."""
        if isinstance(self.value, bool):
            return Operand("truth", self.value, False, str(self.value), self.position)
        if isinstance(self.value, str):
            return Operand(
                "text", self.value, False, f"the text {shorten(self.value)!r}", self.position
            )
        return Operand("number", self.value, False, f"the number {self.value}", self.position)


@dataclass(frozen=True)
class Column:
    """A column of the annotations."""

    position: int
    name: str

    def evaluate(self, columns: Mapping[str, Operand]) -> Operand:
        """Return its values."""
        return replace(columns[self.name], position=self.position)


@dataclass(frozen=True)
class Condition:
    """A condition that is true or false in each row; every subclass defines ``hold``."""

    position: int

    def hold(self, columns: Mapping[str, Operand]) -> np.ndarray:
        """Return the mask of the rows in which it holds, (n_rows,) bool."""
        raise NotImplementedError

    def evaluate(self, columns: Mapping[str, Operand]) -> Operand:
        """Return the truth of the condition; no value is missing."""
        return Operand("truth", self.hold(columns), False, "the condition", self.position)


@dataclass(frozen=True)
class Comparison(Condition):
    """Chained comparisons: ``a < b < c`` has the first operand a and the links (<, b) and (<,
    c).
    """

    first: Node
    links: tuple[tuple[str, Node], ...]

    def hold(self, columns: Mapping[str, Operand]) -> np.ndarray:
        """Return the rows in which all links hold."""
        left, masks = self.first.evaluate(columns), []
        for symbol, node in self.links:
            right = node.evaluate(columns)
            masks.append(compare(symbol, left, right))
            left = right
        return np.logical_and.reduce(masks)


@dataclass(frozen=True)
class Membership(Condition):
    """Condition that a value is one of several constants."""

    operand: Node
    constants: tuple[Constant, ...]

    def hold(self, columns: Mapping[str, Operand]) -> np.ndarray:
        """Return the rows in which the value equals one of the constants."""
        values = self.operand.evaluate(columns)
        if values.is_constant:
            raise QueryFault(
                values.position,
                f"{values.name} is not a column, and only a column can be in a list",
                ALLOWED,
            )
        mask, others = np.zeros(len(values.data), dtype=bool), list(self.constants)
        if values.kind == "text":  # all texts at once: a list of sample ids is long
            mask = (
                pd.Series(values.data)
                .isin([other.value for other in others if isinstance(other.value, str)])
                .to_numpy()
                & ~values.missing
            )
            others = [other for other in others if not isinstance(other.value, str)]
        for constant in others:
            mask = mask | compare("==", values, constant.evaluate(columns))
        return mask


@dataclass(frozen=True)
class Missing(Condition):
    """Condition that a column has no value."""

    column: Column

    def hold(self, columns: Mapping[str, Operand]) -> np.ndarray:
        """Return the rows without a value."""
        return np.asarray(columns[self.column.name].missing)


@dataclass(frozen=True)
class TextTest(Condition):
    """Condition that a text contains, begins or ends with a plain text, which is no regular
    expression.
    """

    column: Column
    method: str
    text: str

    def hold(self, columns: Mapping[str, Operand]) -> np.ndarray:
        """Return the rows whose text passes; refuse a pattern without matches that looks like a
        regular expression.
        """
        values = self.column.evaluate(columns)
        if values.kind == "empty":
            return np.zeros(len(values.data), dtype=bool)
        if values.kind != "text":
            raise QueryFault(
                self.position,
                f"{values.name} holds {NOUNS[values.kind]}, and {self.method} is for text",
            )
        texts = pd.Series(values.data, dtype=object).str
        if self.method == ".str.contains":
            passes = texts.contains(self.text, regex=False)
        else:
            passes = (
                texts.startswith(self.text)
                if self.method == ".str.startswith"
                else texts.endswith(self.text)
            )
        mask = passes.to_numpy(dtype=bool) & ~values.missing
        if not mask.any() and re.search(r"[|*+?^$\[\]{}()\\]", self.text):
            advice = (
                f"{self.method} looks for plain text, not for a regular expression; join several "
                "conditions by or"
            )
            raise QueryFault(
                self.position,
                f"no value of {values.name} passes {self.method}({shorten(self.text)!r})",
                advice,
            )
        return mask


@dataclass(frozen=True)
class Negation(Condition):
    """Condition that another does not hold."""

    part: Node

    def hold(self, columns: Mapping[str, Operand]) -> np.ndarray:
        """Return the rows in which the part does not hold."""
        return ~hold(self.part, columns)


@dataclass(frozen=True)
class Junction(Condition):
    """Conditions joined by ``and`` or by ``or``."""

    word: str
    parts: tuple[Node, ...]

    def hold(self, columns: Mapping[str, Operand]) -> np.ndarray:
        """Return the rows in which all parts, or any part, hold."""
        join = np.logical_and if self.word == "and" else np.logical_or
        return join.reduce([hold(part, columns) for part in self.parts])


def hold(node: Node, columns: Mapping[str, Operand]) -> np.ndarray:
    """Return the mask of the rows in which a node holds, (n_rows,) bool; the node must be a
    condition, or a column of True and False.
    """
    values = node.evaluate(columns)
    if values.is_constant:
        raise QueryFault(
            values.position,
            f"{values.name} alone is not a condition on samples",
            "compare a column with it, as in age > 40",
        )
    if values.kind == "empty":
        return np.zeros(len(values.data), dtype=bool)
    truths, is_other = (
        to_truths(values.data)
        if values.kind == "text"
        else (values.data, np.array(values.kind != "truth"))
    )
    if (is_other & ~values.missing).any():
        advice = "compare it with a value, as in age > 40 or type == 'tumor'"
        raise QueryFault(
            values.position,
            f"{values.name} holds {NOUNS[values.kind]} and is not a condition on samples",
            advice,
        )
    return np.logical_and(truths, np.logical_not(values.missing))
