"""Words of the query language, and of messages about queries."""

import re
from collections.abc import Iterable

from genexp.errors import name_some

BARE_NAME = r"[^\W\d][\w.]*"
KEYWORDS = {"and", "or", "not", "in", "is"}
TRUTHS = {"True": True, "False": False}

ALLOWED = (
    "a query compares columns with numbers, 'texts', True, False or [lists] by == != < <= > "
    ">=, in, not in, is missing, is not missing; "
    "joins conditions by and, or, not and parentheses; and has the methods .isna(), "
    ".notna(), .isin([...]), .str.contains('...'), "
    ".str.startswith('...') and .str.endswith('...'), as in type == 'tumor' and not age < 40"
)
BACKTICKS = "a column name with characters other than letters, digits, _ and dots needs backticks"
HINTS = {
    "=": "a comparison is written ==",
    "!": "a negation is written not, a comparison !=",
    **dict.fromkeys("'\"`", "it is not closed"),
    "@": "variables are not supported",
    **dict.fromkeys("+-*/%^", f"arithmetic is not a condition on samples; {BACKTICKS}"),
    **dict.fromkeys(
        "0123456789",
        (
            "a number is written as 40, 1.5 or 1e-3, and a column name that begins with a digit "
            "needs backticks"
        ),
    ),
    **dict.fromkeys("‘’“”«»„", "a text is written between straight quotes, ' or \""),
}


class QueryFault(Exception):  # noqa: N818  (callers of the package see a CohortError)
    """Fault of a query, with its position and advice."""

    def __init__(self, position: int, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.position, self.text, self.advice = position, text, advice


def quote_column(name: str) -> str:
    """Write the name of a column as in a query: bare, or between backticks."""
    bare = re.fullmatch(BARE_NAME, name) and name not in KEYWORDS and name not in TRUTHS
    return name if bare else "`" + name.replace("`", "``") + "`"


def clean(text: str) -> str:
    """Replace line breaks and all other unprintable characters of a text by blanks."""
    return "".join(character if character.isprintable() else " " for character in text)


def shorten(value: object, length: int = 25) -> str:
    """Return a value as text in one line of at most ``length`` characters."""
    text = " ".join(clean(str(value)).split())
    return text if len(text) <= length else f"{text[: length - 3]}..."


def list_values(values: Iterable[object]) -> str:
    """List distinct values: their number and the first ones, each between quotes."""
    return name_some(repr(shorten(value)) for value in dict.fromkeys(values))
