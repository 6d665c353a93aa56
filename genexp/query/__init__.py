"""Queries on annotations: the language of ``where=``, with a grammar of its own; no part of a query
is ever run as Python.

    query      = all ("or" all)*                                     | is another word for or
    all        = negated ("and" negated)*                            & is another word for and
    negated    = "not" negated | comparison
    comparison = operand (("==" | "!=" | "<" | "<=" | ">" | ">=") operand)*
               | operand ["not"] "in" list | operand ("==" | "!=") "[" values "]" | column "is"
               ["not"] "missing"
    operand    = "~" operand | "(" query ")" | number | 'text' | True | False | column [method]
    method     = ".isna()" | ".notna()" | ".isin(" list ")" | ".str.contains('text')" |
    ".str.startswith(...)" | ".str.endswith(...)"

``~`` binds more closely than a comparison and ``&`` as loosely as ``and``, as in
:meth:`pandas.DataFrame.query`. A condition is true or false, never missing: a comparison with a
missing value is false, so ``not``, ``!=`` and ``not in`` keep the samples without a value. The
index of the annotations is called by its name or ``index``. :mod:`.parser` reads a query into the
nodes of :mod:`.nodes`, which compare the columns that :mod:`.values` reads.
"""

import numpy as np
import pandas as pd

from genexp.errors import CohortError
from genexp.query.nodes import hold
from genexp.query.parser import Parser
from genexp.query.values import load_column
from genexp.query.wording import QueryFault, clean, quote_column

__all__ = ["named_columns", "quote_column", "select_rows"]


def select_rows(obs: pd.DataFrame, where: str) -> np.ndarray:
    """Select the rows for which the query holds, as a mask (n_rows,) bool; all rows for an empty
    query.

    Raises
    ------
    CohortError
        The query is not valid, names a column that does not exist, or compares values that cannot
        be compared.
    """
    if not where.strip():
        return np.ones(len(obs), dtype=bool)
    try:
        parser = Parser(where)
        query = parser.parse()
        return hold(
            query,
            {
                column.name: load_column(obs, column.name, column.position)
                for column in parser.columns.values()
            },
        )
    except QueryFault as fault:
        raise _build_error(where, fault) from None


def named_columns(where: str) -> list[str]:
    """List the names of the columns in a query, each once, in the order of their first mention.

    Raises
    ------
    CohortError
        The query is not valid.
    """
    if not where.strip():
        return []
    try:
        parser = Parser(where)
        parser.parse()
    except QueryFault as fault:
        raise _build_error(where, fault) from None
    return list(parser.columns)


def _build_error(where: str, fault: QueryFault) -> CohortError:
    start, end = max(0, fault.position - 60), fault.position + 60
    excerpt = (
        where
        if len(where) <= 120
        else f"{'...' if start else ''}{where[start:end]}{'...' if end < len(where) else ''}"
    )
    advice = f"; {fault.advice}" if fault.advice else ""
    return CohortError(
        f"where={clean(excerpt)!r} cannot be answered: at character {fault.position + 1}, "
        f"{fault.text}{advice}"
    )
