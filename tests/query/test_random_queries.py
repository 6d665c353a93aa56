"""Random queries agree with plain Python, row by row; random texts are answered or refused,
whatever they are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genexp.errors import CohortError
from genexp.query import named_columns, quote_column, select_rows
from tests.query.test_query import OBS

Row = dict[str, Any]
Atom = tuple[str, Callable[[Row], bool]]


@settings(deadline=None, database=None)
@given(st.text() | st.sampled_from(["index", "missing", "é", "a`b", "``", "x.isna", "not", "²"]))
def test_any_name_can_be_quoted(name: str) -> None:
    where = f"{quote_column(name)} == 1"
    assert named_columns(where) == [name]
    assert select_rows(pd.DataFrame({name: [1, 2]}), where).tolist() == [True, False]


def write_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@settings(deadline=None, database=None)
@given(st.text(), st.text())
@example("\x00", "")
@example("\\'", '"')
def test_any_text_can_be_compared(text: str, other: str) -> None:
    obs = pd.DataFrame({"x": [text, other]})
    assert select_rows(obs, f"x == {write_text(text)}").tolist() == [True, text == other]
    assert select_rows(obs, f"x in [{write_text(other)}]").tolist() == [text == other, True]


NAMES = "type age n keep grade `site-code` OS.time index nothing é lambda"
WORDS = (
    "and or not in is missing True False == != < <= > >= & | ~ ( ) [ ] , .isna() .isin( "
    ".str.contains( .str.endswith('r')"
)
OTHERS = "'a' \"1\" '2020-01-01' 1 -2.5 1e3 0 ` ' '(a' \\ @ = . \x00"
PIECES = [*NAMES.split(), *WORDS.split(), *OTHERS.split(), "\n"]


@settings(deadline=None, database=None, max_examples=500)
@given(
    st.lists(st.sampled_from(PIECES), max_size=12).flatmap(
        lambda pieces: st.sampled_from(["".join(pieces), " ".join(pieces)])
    )
    | st.text()
)
def test_a_random_text_is_answered_or_refused(where: str) -> None:
    try:
        mask = select_rows(OBS, where)
    except CohortError as refusal:
        assert len(str(refusal)) < 1000  # noqa: PT017
        assert str(refusal).isprintable()  # noqa: PT017
    else:
        assert mask.shape == (5,)
        assert mask.dtype == bool


SYMBOLS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NUMBERS = st.sampled_from([-2, -0.5, 0, 1, 2.5, 3])
TEXTS = st.sampled_from(["", "a", "b", "a b", "it's", "É", "ab"])
ROWS = st.fixed_dictionaries(
    {
        "age": st.none() | NUMBERS,
        "the type": st.none() | TEXTS,
        "keep": st.none() | st.booleans(),
        "grade": st.none() | st.sampled_from(["-2", "0", "1", "2.5", "10"]),
    }
)


def compare_row(value: Any, symbol: str, other: Any) -> bool:
    if value is None or other is None:
        return symbol == "!="
    return bool(SYMBOLS[symbol](value, other))


@st.composite
def draw_comparison(draw: st.DrawFn) -> Atom:
    symbol, low, high, text = (
        draw(st.sampled_from(list(SYMBOLS))),
        draw(NUMBERS),
        draw(NUMBERS),
        draw(TEXTS),
    )
    comparisons: list[Atom] = [
        (f"age {symbol} {low}", lambda row: compare_row(row["age"], symbol, low)),
        (f"{low}{symbol}age", lambda row: compare_row(low, symbol, row["age"])),
        (
            f"{low} < age <= {high}",
            lambda row: compare_row(low, "<", row["age"]) and compare_row(row["age"], "<=", high),
        ),
        (
            f"`the type` {symbol} {write_text(text)}",
            lambda row: compare_row(row["the type"], symbol, text),
        ),
        (
            f"grade {symbol} {low}",
            lambda row: compare_row(row["grade"] and float(row["grade"]), symbol, low),
        ),
        (f"keep == {low < high}", lambda row: row["keep"] is (low < high)),
    ]
    return draw(st.sampled_from(comparisons))


@st.composite
def draw_test(draw: st.DrawFn) -> Atom:
    numbers, texts, text = draw(st.lists(NUMBERS)), draw(st.lists(TEXTS)), draw(TEXTS)
    listed = ", ".join(write_text(other) for other in texts)
    tests: list[Atom] = [
        ("keep", lambda row: row["keep"] is True),
        ("age is missing", lambda row: row["age"] is None),
        ("keep is not missing", lambda row: row["keep"] is not None),
        ("grade.isna()", lambda row: row["grade"] is None),
        ("`the type`.notna()", lambda row: row["the type"] is not None),
        (f"age in {numbers}", lambda row: row["age"] in numbers),
        (f"age not in {numbers}", lambda row: row["age"] not in numbers),
        (f"`the type`.isin([{listed}])", lambda row: row["the type"] in texts),
        (f"`the type` != [{listed}]", lambda row: row["the type"] not in texts),
        (
            f"`the type`.str.contains({write_text(text)})",
            lambda row: row["the type"] is not None and text in row["the type"],
        ),
        (
            f"`the type`.str.startswith({write_text(text)})",
            lambda row: row["the type"] is not None and row["the type"].startswith(text),
        ),
        (
            f"`the type`.str.endswith({write_text(text)})",
            lambda row: row["the type"] is not None and row["the type"].endswith(text),
        ),
    ]
    return draw(st.sampled_from(tests))


def join_parts(parts: list[list[str | Atom]], words: list[str], wrap: str) -> list[str | Atom]:
    """Tokens of ``part word part word ...``, within ``not ( )``, ``~ ( )``, ``( )`` or bare."""
    tokens = parts[0]
    for word, part in zip(words, parts[1:], strict=False):
        tokens = [*tokens, word, *part]
    return [*wrap.split(), *tokens, ")"] if wrap.endswith("(") else [*wrap.split(), *tokens]


# Precedence is that of Python between and, or and not, which is asked for it below.
QUERIES = st.recursive(
    (draw_comparison() | draw_test()).map(lambda atom: [atom]),
    lambda inner: st.builds(
        join_parts,
        st.lists(inner, min_size=1, max_size=4),
        st.lists(st.sampled_from(["and", "or", "&", "|"]), min_size=3, max_size=3),
        st.sampled_from(["", "not", "not not", "(", "not (", "~ ("]),
    ),
    max_leaves=8,
)
TYPES: dict[str, dict[str, Any]] = {
    "plain": {"age": float, "the type": object, "keep": object, "grade": object},
    "nullable": {"age": "Float64", "the type": "string", "keep": "boolean", "grade": "string"},
    "arrow": {
        "age": "double[pyarrow]",
        "the type": "string[pyarrow]",
        "keep": "bool[pyarrow]",
        "grade": "string[pyarrow]",
    },
    "categorical": {
        "age": "category",
        "the type": "category",
        "keep": "category",
        "grade": "category",
    },
}


@settings(deadline=None, database=None)
@given(QUERIES, st.lists(ROWS, min_size=1, max_size=6), st.sampled_from(list(TYPES)))
def test_a_random_query_agrees_with_plain_python_row_by_row(
    query: list[str | Atom], rows: list[Row], types: str
) -> None:
    words = {"&": "and", "|": "or", "~": "not"}
    where = " ".join(token if isinstance(token, str) else token[0] for token in query)
    expected = [
        eval(
            " ".join(
                words.get(token, token) if isinstance(token, str) else str(token[1](row))
                for token in query
            )
        )  # of True, False, and, or
        for row in rows
    ]
    assert select_rows(pd.DataFrame(rows).astype(TYPES[types]), where).tolist() == expected
