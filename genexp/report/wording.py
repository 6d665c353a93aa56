"""Format of numbers and names in figures and report."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from genexp.palette import ENCODER, MUTED, PCA


def format_p(p: float) -> str:
    """Write a p or q value with its relation sign."""
    return "< 0.001" if p < 0.001 else f"= {p:#.2g}"


def join_names(names: Iterable[str]) -> str:
    """Join names for a sentence: commas, and ``and`` before the last one."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def colour_outcome(outcome: str) -> str:
    """Colour of a row of the verdict, by its outcome."""
    return (
        ENCODER if outcome.startswith("better") else PCA if outcome.startswith("worse") else MUTED
    )


def name_quantity(quantity: str) -> str:
    """Printed name of a quantity."""
    return quantity.replace("R2", "R²")


def format_difference(row: Any) -> str:
    """Difference and interval of a row of the verdict, with true minus signs."""
    if not math.isfinite(row.difference):
        return "–"
    difference, low, high = (
        f"{round(number, 3) + 0.0:+.3f}" for number in (row.difference, row.low, row.high)
    )
    return f"{difference} [{low}, {high}]".replace("-", "−")


def format_score(score: float) -> str:
    """Score to three decimals, with a true minus sign; a dash if undefined."""
    return f"{round(score, 3) + 0.0:.3f}".replace("-", "−") if math.isfinite(score) else "–"
