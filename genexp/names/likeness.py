"""Resemblance of the names in a file to genes, samples, annotations of either, summary rows and row
numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from genexp.names.vocabulary import (
    FAMILIES,
    FLY_SYMBOLS,
    GENE_COLUMNS,
    GENE_IDS,
    GENERIC_SAMPLES,
    KNOWN,
    MISSING_WORDS,
    ORDINARY,
    SAMPLE_COLUMNS,
    SAMPLE_IDS,
    SUMMARIES,
    SYMBOLS,
)

BETWEEN_WORDS = re.compile(r"[\s.\-()/]+")


@dataclass(frozen=True)
class Likeness:
    """Shares of some names that look like genes or samples."""

    gene_ids: float
    symbols: float
    families: float
    sample_ids: float
    generic_samples: float


def measure_likeness(names: Sequence[str], limit: int = 500) -> Likeness:
    """Measure the shares of names that look like genes or samples, on evenly spaced names if there
    are more than ``limit``.
    """
    sampled = [
        names[i].strip().strip('"')
        for i in np.linspace(0, len(names) - 1, min(len(names), limit)).astype(int)
    ]
    counts = np.zeros(5)
    for name in sampled:
        is_gene, is_sample = (
            GENE_IDS.fullmatch(name) is not None,
            SAMPLE_IDS.fullmatch(name) is not None,
        )
        is_symbol = not is_gene and not is_sample and SYMBOLS.fullmatch(name) is not None
        is_family = is_symbol and (FAMILIES.fullmatch(name) is not None or name.upper() in KNOWN)
        counts += (
            is_gene and not is_sample,
            is_symbol,
            is_family,
            is_sample and not is_gene,
            GENERIC_SAMPLES.fullmatch(name) is not None,
        )
    return Likeness(*(float(count) / max(len(sampled), 1) for count in counts))


def normal_title(name: str) -> str:
    """Return a title in lower case, words joined by ``_``."""
    if name.isalnum():
        return name.lower()
    return BETWEEN_WORDS.sub("_", name.strip().lower()).strip("_")


def is_sample_column(name: str) -> bool:
    """Check whether a name is that of an annotation of samples: age, stage, OS.time."""
    return SAMPLE_COLUMNS.fullmatch(normal_title(name)) is not None


def is_gene_column(name: str) -> bool:
    """Check whether a name is that of an annotation of genes: Chr, Length, Entrez_Gene_Id."""
    return GENE_COLUMNS.fullmatch(normal_title(name)) is not None


def is_metadata_name(name: str) -> bool:
    """Check whether a name is that of an annotation, of samples or of genes."""
    title = normal_title(name)  # once: a file has 60,000 names
    return SAMPLE_COLUMNS.fullmatch(title) is not None or GENE_COLUMNS.fullmatch(title) is not None


def find_unusual_names(names: Sequence[str]) -> list[int]:
    """Find the positions of names that are more than a plain symbol or id; only these need the
    slow, close look.
    """
    return list(_find_unusual_names(tuple(names)))


@lru_cache(maxsize=4)  # several checks use the same names
def _find_unusual_names(names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(i for i, name in enumerate(names) if not ORDINARY.fullmatch(name))


def find_metadata(names: Sequence[str]) -> list[int]:
    """Find the positions of names of annotations.

    Symbols of fly genes are lower-case words (``arm``, ``y``, ``os``). Among many such names, only
    names of several words count.
    """
    positions = [i for i in find_unusual_names(names) if is_metadata_name(names[i])]
    if not positions:
        return []
    others = set(range(len(names))).difference(positions)
    if sum(FLY_SYMBOLS.fullmatch(names[i]) is not None for i in others) > max(0.3 * len(names), 10):
        return [i for i in positions if "_" in normal_title(names[i])]
    return positions


def is_summary(name: str) -> bool:
    """Check whether a name is that of a row or column that sums up others: ``__no_feature``,
    ``N_unmapped``, ``Total``.
    """
    return SUMMARIES.fullmatch(name.strip()) is not None


def is_missing(text: str, more: frozenset[str] = frozenset()) -> bool:
    """Check whether a text means "no value"; ``more`` are further words, in lower case."""
    word = text.strip().lower()
    return word in MISSING_WORDS or word in more


def counts_rows(values: Sequence[str]) -> bool:
    """Check whether values are row numbers: 0, 1, 2 ... or 1, 2, 3 ..., in order."""
    if len(values) < 2 or str(values[0]) not in ("0", "1", "0.0", "1.0"):
        return False
    start = int(float(values[0]))
    return all(str(value) in (str(i), f"{i}.0") for i, value in enumerate(values, start=start))
