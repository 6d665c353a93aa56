"""Values of columns and constants: reading them from any type of pandas, and comparing them."""

import difflib
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from genexp.errors import name_some
from genexp.query.wording import TRUTHS, QueryFault, list_values, quote_column, shorten

NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)?"

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# a comparison uses the first kind that one of its sides has
KINDS = ("date", "truth", "number", "text")
NOUNS = {
    "date": "dates such as '2020-01-31'",
    "truth": "True and False",
    "number": "numbers",
    "text": "text",
}
KIND_OF_TYPE = {  # the types are those of pandas.api.types.infer_dtype
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "number"),
    **dict.fromkeys(("string", "mixed", "mixed-integer"), "text"),
    **dict.fromkeys(("datetime64", "datetime", "date"), "date"),
    "boolean": "truth",
}


@dataclass(frozen=True)
class Operand:
    """Values of a column or of a condition, or one constant.

    ``kind`` is one of ``KINDS``, or ``empty`` for a column that has no value. ``data`` is an array
    (n_rows,), with texts and dates as str, or the constant itself; ``missing`` is a mask (n_rows,),
    or False. ``name`` is for messages. ``own_order`` describes the order of a categorical if it has
    one that is not the alphabet's.
    """

    kind: str
    data: Any
    missing: Any
    name: str
    position: int
    own_order: str = ""

    @property
    def is_constant(self) -> bool:
        """True for one constant for all rows."""
        return not isinstance(self.data, np.ndarray)


def load_column(obs: pd.DataFrame, name: str, position: int) -> Operand:
    """Load the values of the column that a query names at a position; the index counts as a
    column.
    """
    names = [str(column) for column in obs.columns]
    if names.count(name) > 1:
        raise QueryFault(
            position,
            f"{names.count(name)} columns are called {shorten(name)!r}",
            "rename all but one",
        )
    if name in names:
        return _read_values(obs.iloc[:, names.index(name)], name, position)
    if name in ("index", obs.index.name):
        return _read_values(pd.Series(obs.index), name, position)
    if not names:
        raise QueryFault(
            position, f"{shorten(name)!r} is not a column: there are no annotations", "give obs"
        )
    listed = name_some([shorten(column) for column in names], 20)
    raise QueryFault(
        position,
        f"{shorten(name)!r} is not a column of the annotations; they have {listed}",
        _suggest(name, names),
    )


def _suggest(name: str, names: list[str]) -> str:
    if name.lower() in ("none", "nan", "na", "null", "nat"):
        return "a missing value is tested by: is missing"
    if truth := next((truth for truth in TRUTHS if truth.lower() == name.lower()), ""):
        return f"did you mean {truth}?"
    close = [column for column in names if column.lower() == name.lower()]
    close = close or (difflib.get_close_matches(name, names, n=1) if len(name) < 100 else [])
    return (
        f"{f'did you mean {shorten(quote_column(close[0]), 60)}? ' if close else ''}a text is "
        "written between quotes"
    )


def _read_values(series: pd.Series, name: str, position: int) -> Operand:
    label, own_order = f"column {shorten(name)!r}", ""
    if (
        isinstance(series.dtype, pd.CategoricalDtype)
        and series.cat.ordered
        and not series.cat.categories.is_monotonic_increasing
    ):
        own_order = " < ".join(shorten(category) for category in series.cat.categories[:5])
    values = series if isinstance(series.dtype, np.dtype) else series.astype(object)
    missing = values.isna().to_numpy(dtype=bool)
    if missing.all():
        return Operand("empty", np.zeros(len(values)), missing, label, position)
    kind, present = _read_present(values[~missing], label, position)
    data = (
        np.zeros(len(values), dtype=present.dtype)
        if present.dtype != object
        else np.full(len(values), "", dtype=object)
    )
    data[~missing] = present
    return Operand(kind, data, missing, label, position, own_order)


def _read_present(values: pd.Series, label: str, position: int) -> tuple[str, np.ndarray]:
    """Read the kind and data of a column without its missing values."""
    inferred = pd.api.types.infer_dtype(values)
    kind = KIND_OF_TYPE.get(inferred, "")
    if kind == "number":
        numbers = pd.to_numeric(values).to_numpy()
        return kind, numbers.astype(float) if numbers.dtype == object else numbers
    if kind == "truth":
        return kind, values.to_numpy(dtype=bool)
    texts = np.array([_read_text(value) for value in values], dtype=object)
    if kind == "date":
        texts, is_zoned = _to_dates(texts)
        kind = "" if is_zoned.any() else kind
    if not kind or any(text is None for text in texts):
        raise QueryFault(
            position,
            f"{label} holds values of a type ({inferred}) that a query cannot compare",
            "make it text or numbers",
        )
    return kind, texts


def _read_text(value: object) -> str | None:
    """Return a value as text, whole numbers without a decimal point; None if it is neither text nor
    number nor date.
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return (
        str(value)
        if isinstance(value, str | int | float | np.number | np.bool_)
        or hasattr(value, "isoformat")
        else None
    )


def compare(symbol: str, left: Operand, right: Operand) -> np.ndarray:
    """Compare values; return the mask of rows where it holds, (n_rows,) bool, never where a value
    is missing, except for ``!=``.
    """
    if symbol == "!=":
        return ~compare("==", left, right)
    if left.is_constant and right.is_constant:
        raise QueryFault(
            left.position,
            f"{left.name} is compared with {right.name}",
            "one side of a comparison must be a column",
        )
    missing = np.logical_or(left.missing, right.missing)
    if missing.all():
        return np.zeros(len(missing), dtype=bool)
    if symbol == "==":
        for texts, number in ((left, right), (right, left)):
            if (
                texts.kind == "text"
                and not texts.is_constant
                and number.kind == "number"
                and number.is_constant
            ):
                return _equal_number(texts, number)
    else:
        left, right = _prepare_order(left), _prepare_order(right)
    kind = min(left.kind, right.kind, key=KINDS.index)
    with np.errstate(over="ignore"):  # 1e300 becomes infinite when compared with float32
        return (
            COMPARISONS[symbol](_convert(left, kind, right), _convert(right, kind, left)) & ~missing
        )


def _equal_number(texts: Operand, number: Operand) -> np.ndarray:
    """Return the mask of texts equal to a number; refuse several such texts (1.1 and 1.10), and
    more digits than a float has.
    """
    mask = (_to_numbers(texts.data)[0] == number.data) & ~texts.missing
    if len(set(texts.data[mask])) > 1 or (mask.any() and abs(number.data) >= 2**53):
        ambiguous = (
            f"{number.name} is ambiguous for {texts.name}, which holds text: "
            f"{list_values(texts.data[mask])}"
        )
        raise QueryFault(number.position, ambiguous, "write the text that you mean between quotes")
    return mask


def _prepare_order(values: Operand) -> Operand:
    """Prepare values for an order: texts that are all numbers become numbers, so that 9 comes
    before 10.
    """
    if values.own_order:
        text = (
            f"{values.name} has its own order ({values.own_order}), and a query compares only "
            "numbers and the alphabet"
        )
        raise QueryFault(
            values.position, text, "list the values that you mean, as in stage in ['II', 'III']"
        )
    if values.kind == "text" and not _find_others(values, "number")[1].any():
        return replace(values, kind="number", data=_convert(values, "number", values))
    return values


def _convert(values: Operand, kind: str, other: Operand) -> Any:
    """Convert ``values`` to the kind of ``other``; refuse values that are not of this kind."""
    # as objects, because NumPy strips zero characters from the end of a text
    if values.kind == kind:
        return np.asarray(values.data, dtype=object) if kind == "text" else values.data
    compared = f"{values.name} is compared with {other.name}"
    if (values.kind, kind) not in CONVERSIONS or (
        values.is_constant and _find_others(values, kind)[1].any()
    ):
        raise QueryFault(values.position, f"{compared}, which holds {NOUNS[kind]}")
    data, is_other = _find_others(values, kind)
    if is_other.any():
        raise QueryFault(
            values.position,
            (
                f"{compared}, but holds other values than {NOUNS[kind]}: "
                f"{list_values(values.data[is_other])}"
            ),
        )
    # A Python number adopts the column's precision: 0.1 equals a float32 of 0.1, which no float64
    # does.
    return data if not values.is_constant else data.tolist()[0]


def _find_others(values: Operand, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Convert data to another kind, with the mask of values that are not of this kind; arrays of
    length 1 for a constant.
    """
    data, is_other = CONVERSIONS[values.kind, kind](
        np.atleast_1d(np.asarray(values.data, dtype=object if values.kind == "text" else None))
    )
    return data, is_other & ~np.atleast_1d(values.missing)


def _to_numbers(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    stripped = pd.Series(texts, dtype=object).str.strip()
    is_number = stripped.str.fullmatch(f"[+-]?{NUMBER}").to_numpy(dtype=bool)
    return stripped.where(is_number, np.nan).astype(float).to_numpy(), ~is_number


def to_truths(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert texts to True and False, with the mask of those that are neither."""
    lower = pd.Series(texts, dtype=object).str.lower()
    return (lower == "true").to_numpy(), ~lower.isin(["true", "false"]).to_numpy()


def _to_dates(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert dates to texts of one form, whose alphabetical order is that of time, with the mask
    of texts that are no dates.
    """
    is_date = np.array([re.fullmatch(DATE, str(text)) is not None for text in texts])
    # to the nanosecond, as pandas
    full = [f"{text[:10]} {text[11:19] or '00:00:00'}.{text[20:]:0<9}" for text in map(str, texts)]
    return np.array(full, dtype=object), ~is_date


def _numbers_to_truths(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return numbers == 1, (numbers != 0) & (numbers != 1)


CONVERSIONS: dict[tuple[str, str], Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    ("text", "number"): _to_numbers,
    ("text", "truth"): to_truths,
    ("text", "date"): _to_dates,
    ("number", "truth"): _numbers_to_truths,
}
