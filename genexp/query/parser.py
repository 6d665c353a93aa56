"""Tokens of a query, and the recursive descent from tokens to nodes; length and depth are
limited.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from genexp.query.nodes import (
    Column,
    Comparison,
    Constant,
    Junction,
    Membership,
    Missing,
    Negation,
    Node,
    TextTest,
)
from genexp.query.values import COMPARISONS, NUMBER
from genexp.query.wording import ALLOWED, BARE_NAME, HINTS, KEYWORDS, TRUTHS, QueryFault, shorten

MAX_LENGTH = 100_000
MAX_DEPTH = 50  # a level takes about eight frames of Python's stack, whose limit is 1,000

TOKEN = re.compile(
    rf"""(?P<blank>\s+) | (?P<number>{NUMBER})(?![\w.]) | (?P<word>{BARE_NAME}) | (?P<method>\.{BARE_NAME}) | (?P<column>`(?:[^`]|``)*`)
    | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*") | (?P<symbol>==|!=|<=|>=|[=<>()\[\],&|~+-])""",  # noqa: E501
    re.VERBOSE | re.DOTALL,
)
TEXT_METHODS = (".str.contains", ".str.startswith", ".str.endswith")
METHODS = (".isna", ".isnull", ".notna", ".notnull", ".isin", *TEXT_METHODS)


@dataclass(frozen=True)
class Token:
    """A piece of a query: number, word, method, column (between backticks), text, symbol or end."""

    kind: str
    text: str
    position: int


def tokenize(where: str) -> list[Token]:
    """Cut a query into tokens; keywords, ``&`` and ``|`` are symbols."""
    if len(where) > MAX_LENGTH:
        raise QueryFault(
            MAX_LENGTH,
            f"the query goes on to {len(where):,} characters; at most {MAX_LENGTH:,} are read",
        )
    tokens: list[Token] = []
    position = 0
    while position < len(where):
        match = TOKEN.match(where, position)
        if match is None:
            hint = HINTS.get(where[position])
            raise QueryFault(
                position,
                f"{where[position]!r} is not allowed{f': {hint}' if hint else ''}",
                ALLOWED,
            )
        kind, text = str(match.lastgroup), match.group()
        if text in KEYWORDS or text in ("&", "|"):
            kind, text = "symbol", {"&": "and", "|": "or"}.get(text, text)
        if kind != "blank":
            tokens.append(Token(kind, text, position))
        position = match.end()
    return [*tokens, Token("end", "the end", len(where))]


class Parser:
    """Recursive descent over the grammar of this package; ``columns`` are the first mentions of
    columns, by name.
    """

    def __init__(self, where: str) -> None:
        self.tokens = tokenize(where)
        self.index = 0
        self.depth = 0
        self.columns: dict[str, Column] = {}

    def parse(self) -> Node:
        """Parse the whole query to one node."""
        query = self._parse_any()
        if self.token.kind != "end":
            raise self._unexpected("and, or, a comparison or the end")
        return query

    @property
    def token(self) -> Token:
        """Next token."""
        return self.tokens[self.index]

    def _unexpected(self, expected: str) -> QueryFault:
        text = self.token.text if self.token.kind == "end" else repr(shorten(self.token.text))
        hint = (
            f": {HINTS[self.token.text]}"
            if self.token.kind == "symbol" and self.token.text in HINTS
            else ""
        )
        return QueryFault(self.token.position, f"expected {expected}, found {text}{hint}", ALLOWED)

    def _is(self, *symbols: str) -> bool:
        return self.token.kind == "symbol" and self.token.text in symbols

    def _advance(self) -> Token:
        token = self.token
        self.index += 1
        return token

    def _accept(self, symbol: str) -> bool:
        accepted = self._is(symbol)
        self.index += accepted
        return accepted

    def _require(self, symbol: str) -> None:
        if not self._accept(symbol):
            raise self._unexpected(repr(symbol))

    def _descend(self, parse: Callable[[], Node]) -> Node:
        if self.depth == MAX_DEPTH:
            raise QueryFault(
                self.token.position,
                f"the query is nested more than {MAX_DEPTH} deep",
                "remove parentheses or repeated not",
            )
        self.depth += 1
        node = parse()
        self.depth -= 1
        return node

    def _parse_any(self) -> Node:
        return self._parse_junction("or", lambda: self._parse_junction("and", self._parse_negated))

    def _parse_junction(self, word: str, parse_part: Callable[[], Node]) -> Node:
        position, parts = self.token.position, [parse_part()]
        while self._accept(word):
            parts.append(parse_part())
        return parts[0] if len(parts) == 1 else Junction(position, word, tuple(parts))

    def _parse_negated(self) -> Node:
        position = self.token.position
        return (
            Negation(position, self._descend(self._parse_negated))
            if self._accept("not")
            else self._parse_comparison()
        )

    def _parse_comparison(self) -> Node:
        position, operand = self.token.position, self._parse_operand()
        if self._accept("is"):
            return self._parse_missing(operand)
        if self._is("not", "in"):
            negated = self._accept("not")
            self._require("in")
            return _negate(negated, Membership(position, operand, self._parse_list()))
        links: list[tuple[str, Node]] = []
        while self._is("!=", *COMPARISONS):
            symbol = self._advance().text
            if not links and symbol in ("==", "!=") and self._is("["):
                return _negate(symbol == "!=", Membership(position, operand, self._parse_list()))
            links.append((symbol, self._parse_operand()))
        return Comparison(position, operand, tuple(links)) if links else operand

    def _parse_missing(self, operand: Node) -> Node:
        negated = self._accept("not")
        if self.token.text != "missing":
            raise self._unexpected("missing")
        self._advance()
        if not isinstance(operand, Column):
            raise QueryFault(operand.position, "only a column can be missing", ALLOWED)
        return _negate(negated, Missing(operand.position, operand))

    def _parse_operand(self) -> Node:
        position = self.token.position
        if self._accept("~"):
            return Negation(position, self._descend(self._parse_operand))
        if self._accept("("):
            query = self._descend(self._parse_any)
            self._require(")")
            return query
        if self.token.kind == "column" or (
            self.token.kind == "word" and self.token.text not in TRUTHS
        ):
            return self._parse_column()
        return self._parse_constant("a column, a value or '('")

    def _parse_constant(self, expected: str) -> Constant:
        position, signed, sign = self.token.position, self._is("+", "-"), -1 if self._is("-") else 1
        if signed:
            self._advance()
        if self.token.kind == "number":
            return Constant(position, sign * _read_number(self._advance()))
        if self.token.kind == "text" and not signed:
            return Constant(position, _read_text(self._advance()))
        if self.token.kind == "word" and self.token.text in TRUTHS and not signed:
            return Constant(position, TRUTHS[self._advance().text])
        raise self._unexpected("a number" if signed else expected)

    def _parse_list(self) -> tuple[Constant, ...]:
        if not self._is("[", "("):
            raise self._unexpected("a list, such as ['a', 'b']")
        end = {"[": "]", "(": ")"}[self._advance().text]
        constants: list[Constant] = []
        while not self._accept(end):
            constants.append(self._parse_constant("a number, a text between quotes, True or False"))
            if not self._is(end):
                self._require(",")
        return tuple(constants)

    def _parse_column(self) -> Node:
        token = self._advance()
        name, method = token.text, ""
        if token.kind == "column":
            name = name[1:-1].replace("``", "`")
            method = self._advance().text if self.token.kind == "method" else ""
        elif self._is("("):
            method = next((method for method in METHODS if name.endswith(method)), name)
            name = name.removesuffix(method)
        if method and method not in METHODS:
            raise QueryFault(
                token.position, f"{shorten(method)!r} is not a method of queries", ALLOWED
            )
        column = Column(token.position, name)
        self.columns.setdefault(name, column)
        return self._parse_method(column, method) if method else column

    def _parse_method(self, column: Column, method: str) -> Node:
        self._require("(")
        if method == ".isin":
            node: Node = Membership(column.position, column, self._parse_list())
        elif method in TEXT_METHODS:
            if self.token.kind != "text":
                raise self._unexpected("a text between quotes")
            node = TextTest(column.position, column, method, _read_text(self._advance()))
        else:
            node = _negate(method in (".notna", ".notnull"), Missing(column.position, column))
        self._require(")")
        return node


def _negate(negated: bool, condition: Membership | Missing) -> Node:
    return Negation(condition.position, condition) if negated else condition


def _read_number(token: Token) -> int | float:
    # Whole numbers of up to 18 digits, such as identifiers, stay exact; a float holds 15 digits.
    if token.text.isdigit() and len(token.text) <= 18:
        return int(token.text)
    if float(token.text) == float("inf"):
        raise QueryFault(token.position, f"the number {shorten(token.text)} is too large")
    return float(token.text)


def _read_text(token: Token) -> str:
    text = token.text[1:-1]
    if any(escape[1] not in "\\'\"" for escape in re.findall(r"\\.", text, re.DOTALL)):
        raise QueryFault(
            token.position,
            r"a backslash is allowed only before a quote or a second backslash: \' \" \\",
        )
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
