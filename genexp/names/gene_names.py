"""Gene names of a file: their normal form, the changes that it makes, and genes that a spreadsheet
turned into dates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from genexp.errors import name_some
from genexp.names.genes import (
    AROUND,
    FAMILIES,
    IDENTIFIER,
    VERSIONED,
    display_name,
    is_nameless,
    match_key,
)
from genexp.names.likeness import find_unusual_names

MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "march": 3, "mars": 3, "mrz": 3, "mär": 3, "märz": 3, "marzo": 3, "apr": 4, "may": 5, "mai": 5, "jun": 6,  # noqa: E501
    "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10, "okt": 10, "nov": 11, "dec": 12, "dez": 12, "dic": 12, "déc": 12,  # noqa: E501
}  # fmt: skip
MONTH_OF_FAMILY = {3: "MARCH", 9: "SEPT", 12: "DEC"}
DAY_FIRST = re.compile(r"(\d{1,2})[-. /]{1,2}([^\W\d]{3,5})\.?(?:[-. /](\d{4}|\d{2}))?")
MONTH_FIRST = re.compile(r"([A-ZÄÉ][^\W\d]{2,4})\.?-(\d{2})")
"""``Mar-01``. One digit and small letters are genes of the worm (``sep-1``)."""
YEAR_FIRST = re.compile(
    r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?"
)
YEAR_LAST = re.compile(
    r"(\d{1,2})(?:/(\d{1,2})/(\d{4}|\d{2})|[-.](\d{1,2})[-.](\d{4}))(?: \d{1,2}:\d\d(?::\d\d)?)?"
)
NUMBER = re.compile(r"\d+|\d(\.\d+)?E\+\d+", re.IGNORECASE)
"""``43891`` was a date, ``2.31E+13`` the clone 2310009E13 of RIKEN."""
SERIALS = range(36526, 54789)
"""Excel's numbers for the days from 2000 to 2049."""


def _read_date(name: str, serials: bool) -> tuple[set[tuple[int, int]], str]:
    """Readings of a date as month and day, and its year where it has one; no reading of what is no
    date.
    """
    name = name.strip(AROUND)
    if match := DAY_FIRST.fullmatch(name):
        readings, year = {(MONTHS.get(match[2].lower(), 0), int(match[1]))}, match[3] or ""
    elif match := MONTH_FIRST.fullmatch(name):
        readings, year = {(MONTHS.get(match[1].lower(), 0), int(match[2]))}, ""
    elif match := YEAR_FIRST.fullmatch(name):
        readings, year = {(int(match[2]), int(match[3]))}, match[1]
    elif match := YEAR_LAST.fullmatch(name):
        first, second = int(match[1]), int(match[2] or match[4])
        readings, year = {(first, second), (second, first)}, match[3] or match[5]
    elif serials and name.isdecimal() and int(name) in SERIALS:
        day = date(1899, 12, 30) + timedelta(int(name))
        readings, year = {(day.month, day.day)}, str(day.year)
    else:
        return set(), ""
    return {(month, day) for month, day in readings if 1 <= month <= 12 and 1 <= day <= 31}, year


def is_date_like(name: str, serials: bool = False) -> bool:
    """Check whether a name is a date, as spreadsheets make of genes (``1-Mar``, ``2006/03/01``), or
    with ``serials`` a number of Excel.
    """
    return bool(_read_date(name, serials)[0])


def repair_date(name: str, serials: bool = False) -> str:
    """Return the current symbol of the gene behind a date: ``1-Mar`` -> ``MARCHF1``; the name
    itself where no or several genes give it.

    ``MARC1`` and ``MARC2`` give the same dates as ``MARCH1`` and ``MARCH2``; the latter are
    assumed.
    """
    families = {
        (MONTH_OF_FAMILY[month], day)
        for month, day in _read_date(name, serials)[0]
        if month in MONTH_OF_FAMILY
    }
    symbols = {
        f"{FAMILIES[family][0]}{number}"
        for family, number in families
        if number <= FAMILIES[family][1]
    }
    return symbols.pop() if len(symbols) == 1 else name


def repair_dates(names: Sequence[str], serials: bool = False) -> dict[str, str]:
    """Map every date among the names to its symbol; a date that could be two genes stays as it is.

    A date is ambiguous where two rows carry it (``MARCH1`` and ``MARC1`` both become ``1-Mar``),
    where the symbol exists already, and where full dates of day 1 differ in their year, because the
    year may then be the number (``Mar-02`` read as 2002-03-01).

    The spelling of most genes decides between ``MARCHF1`` (human) and ``Marchf1`` (mouse).
    """
    dates = [names[i] for i in find_unusual_names(names) if is_date_like(names[i], serials)]
    if not dates:
        return {}
    others = [name for name in names if not is_date_like(name, serials)]
    capitals = 2 * sum(name.upper() == name for name in others) >= len(others)
    taken = Counter(match_key(name) for name in others)
    taken.update(repair_date(name, serials) for name in dates)
    years = {year for name in dates if (year := _read_date(name, serials)[1])}
    repaired = {}
    for name in dict.fromkeys(dates):
        symbol, (readings, year) = repair_date(name, serials), _read_date(name, serials)
        number_is_year = year and len(years) > 1 and any(day == 1 for _, day in readings)
        unsure = taken[symbol] > 1 or number_is_year or symbol == name
        repaired[name] = name if unsure else symbol if capitals else symbol.capitalize()
    return repaired


@dataclass(frozen=True)
class GeneNames:
    """Gene names of a file, and the changes made to them.

    Parameters
    ----------
    display : list of str, (n_genes,)
        :func:`display_name` of each; dates are not repaired.
    nameless : list of int
        Positions of names that mean "no name".
    dates : dict of str to str
        Symbol of each date, or the date itself where it is ambiguous.
    n_versions, n_identifiers : int
        Number of names without the version of their identifier, and of those without the identifier
        next to their symbol.
    duplicated : list of str
        Display names that occur more than once.
    numbers : list of str
        Names that are numbers, where most names are not.
    examples : dict of str to tuple of str
        First change of each kind (``version``, ``identifier``): name in the file, and display name.
    """

    display: list[str]
    nameless: list[int]
    dates: dict[str, str]
    n_versions: int
    n_identifiers: int
    duplicated: list[str]
    numbers: list[str]
    examples: dict[str, tuple[str, str]]

    @property
    def repaired(self) -> list[str]:
        """Display names with unambiguous dates repaired."""
        return [self.dates.get(name, name) for name in self.display]

    @property
    def ambiguous_dates(self) -> list[str]:
        """Dates that cannot be repaired."""
        return [name for name, symbol in self.dates.items() if name == symbol]

    @property
    def notes(self) -> list[str]:
        """One sentence per change or observation."""
        examples = {kind: f"{' became '.join(pair)}" for kind, pair in self.examples.items()}
        dates = [
            f"{name} is {'ambiguous' if name == symbol else symbol}"
            for name, symbol in self.dates.items()
        ]
        notes = {
            (
                f"versions of identifiers removed: {self.n_versions} ({examples.get('version')})"
            ): self.n_versions,
            (
                f"identifiers next to a symbol removed: {self.n_identifiers} "
                f"({examples.get('identifier')})"
            ): self.n_identifiers,
            f"genes without a name: {len(self.nameless)}": len(self.nameless),
            f"genes that a spreadsheet turned into dates: {name_some(dates)}": len(dates),
            (
                "numbers among symbols (Entrez identifiers, or dates and clones that a "
                f"spreadsheet changed): {name_some(self.numbers)}"
            ): len(self.numbers),
            f"names that occur more than once: {name_some(self.duplicated)}": len(self.duplicated),
        }
        return [note for note, n in notes.items() if n]


def describe_names(names: Sequence[str], serials: bool = False) -> GeneNames:
    """Bring the gene names of a file (n_genes,) to their normal form, and list the changes.

    Parameters
    ----------
    names : sequence of str
        As the file has them.
    serials : bool
        Whether numbers such as 44256 are dates of a spreadsheet.
    """
    display, unusual = list(names), find_unusual_names(names)
    for i in unusual:
        display[i] = display_name(names[i])
    nameless = [i for i in unusual if is_nameless(names[i])]
    changed = [
        (names[i].strip(AROUND), display[i])
        for i in unusual
        if names[i].strip(AROUND) != display[i]
    ]
    versions = [pair for pair in changed if VERSIONED.fullmatch(pair[0])]
    identifiers = [pair for pair in changed if not IDENTIFIER.fullmatch(pair[0])]
    skipped = set(nameless)
    numbers = [display[i] for i in unusual if NUMBER.fullmatch(display[i])]
    is_unique = len(set(display)) == len(display)
    counts = (
        Counter(name for i, name in enumerate(display) if i not in skipped)
        if not is_unique
        else Counter()
    )
    return GeneNames(
        display,
        nameless,
        repair_dates(display, serials),
        len(versions),
        len(identifiers),
        [name for name, n in counts.items() if n > 1],
        numbers if 2 * len(numbers) < len(display) else [],
        {
            kind: pairs[0]
            for kind, pairs in (("version", versions), ("identifier", identifiers))
            if pairs
        },
    )
