"""Names of genes: the normal form by which they are matched in cohorts, gene sets, graphs and
encoders.

``TP53``, ``TP53|7157``, ``TP53 (7157)`` and ``ENSG00000141510.17_TP53`` are four spellings of one
name. This file is part of every registered encoder, so the file imports nothing of genexp and no
library.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

AROUND = " \t\r\n\"'`\u00a0\ufeff"
"""Characters stripped from both ends of a name: blanks, quotes, a byte-order mark."""
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
"""Names that are in normal form already."""
NAMELESS = frozenset(
    [
        *(
            "",
            "NA",
            "N/A",
            "#N/A",
            "NaN",
            "nan",
            "<NA>",
            "None",
            "NULL",
            "null",
            "-",
            "--",
            "---",
            "?",
            ".",
        ),
        *("#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!"),
    ]
)
"""Words that tools write where a gene has no name; case counts, because ``na`` is a gene of the
fly."""
ENSEMBL = r"ENS[A-Z]{0,6}[GTPE](?:\d{11}|R\d{10})"
VERSIONED = re.compile(rf"({ENSEMBL}|[NX][MRP]_\d+)\.\d+(_PAR_Y)?", re.IGNORECASE)
IDENTIFIER = re.compile(
    rf"(?:{ENSEMBL}|[NX][MRP]_\d+)(?:\.\d+)?(?:_PAR_Y)?|(?:ENTREZ:|GeneID:|HGNC:|MGI:)?\d+(?:\.0)?",
    re.IGNORECASE,
)
"""Identifiers of Ensembl, RefSeq, NCBI, HGNC and MGI, which may occur next to a symbol."""
BRACKETED = re.compile(r"(.+?) ?\(([^()]*)\)|(.+)\.\.(\d+)\.")
"""``TP53 (7157)`` as DepMap writes it, and ``TP53..7157.``, into which R changes it."""
BESIDE_ENSEMBL = re.compile(
    rf"({ENSEMBL}(?:\.\d+)?+(?:_PAR_Y)?+)[_:;,/ \t]+(.+)|(.+?)[_:;,/ \t]+({ENSEMBL}(?:\.\d+)?(?:_PAR_Y)?)",  # noqa: E501
    re.IGNORECASE,
)
"""``ENSG00000141510_TP53`` or the other way round; an underscore joins nothing else, as in
``Y_RNA``."""
PSEUDOAUTOSOMAL = "_PAR_Y"
"""Ending of the name of a gene's copy on Y, which is kept apart from the copy on X."""
RENAMED = re.compile(r"(MARCH|SEPT|MARC|DEC)(\d{1,2})", re.IGNORECASE)
FAMILIES = {
    "MARCH": ("MARCHF", 11),
    "SEPT": ("SEPTIN", 14),
    "MARC": ("MTARC", 2),
    "DEC": ("DELEC", 1),
}
"""Families that HGNC renamed in 2020 because spreadsheets turned them into dates: new stem, and
highest number."""
FEW = 0.1
"""Share of matched names, of the shorter list, below which names are compared regardless of
case."""
FORMS = {
    "Ensembl identifiers": re.compile(r"ENS[A-Z]*\d{6,}.*", re.IGNORECASE),
    "RefSeq accessions": re.compile(r"[NX][MRP]_\d+.*"),
    "numbers, as Entrez identifiers are": re.compile(r"\d+(\.0)?"),
    "probes of an array": re.compile(r".+_at|ILMN_\d+|A_\d\d_P\w+|cg\d{8}|TC\d+\.\w\w\.\d"),
    "UniProt accessions": re.compile(r"[OPQ]\d[A-Z0-9]{3}\d|[A-NR-Z]\d[A-Z][A-Z0-9]{2}\d"),
}


def is_nameless(name: str) -> bool:
    """Check whether a name means "no name": blank, ``NA``, ``nan``, ``---``."""
    return name.strip(AROUND) in NAMELESS or name.startswith("Unnamed: ")


def display_name(name: str) -> str:
    """Return the normal form of a gene's name: the symbol where the name contains one, else the
    identifier without its version.

    ``"TP53|7157"``, ``"TP53 (7157)"`` and ``"ENSG00000141510.17|TP53"`` -> ``TP53``;
    ``ENSG00000141510.17`` -> ``ENSG00000141510``. A name with two symbols or none stays
    (``?|100130426``). The copy of a gene on Y keeps ``_PAR_Y``.
    """
    name = name.strip(AROUND)
    if PLAIN.fullmatch(name):
        return name
    parts = _split_name(name)
    symbols = {part for part in parts if not IDENTIFIER.fullmatch(part) and part not in NAMELESS}
    if len(symbols) == 1 and len(parts) > 1:
        on_y = any(part.endswith(PSEUDOAUTOSOMAL) for part in parts)
        return symbols.pop().removesuffix(PSEUDOAUTOSOMAL) + PSEUDOAUTOSOMAL * on_y
    ensembl = [part for part in parts if re.match(ENSEMBL, part, re.IGNORECASE)]
    if not symbols and len(ensembl) == 1:
        name = ensembl[0]
    versioned = VERSIONED.fullmatch(name)
    if versioned:
        return versioned[1] + (versioned[2] or "")
    return name.removesuffix(".0") if re.fullmatch(r"\d+\.0", name) else name


def _split_name(name: str) -> list[str]:
    """Split a name into symbol and identifiers; a name with one part stays whole."""
    match = BRACKETED.fullmatch(name)
    if match:
        outer, inner = (part for part in match.groups() if part is not None)
        parts = [part.strip(AROUND) for part in (outer, *inner.split("&"))]
        if (
            sum(IDENTIFIER.fullmatch(part) is not None or part in NAMELESS for part in parts)
            >= len(parts) - 1
        ):
            return parts
    if "|" in name:
        return [part.strip(AROUND) for part in name.split("|")]
    match = BESIDE_ENSEMBL.fullmatch(name)
    return [part.strip(AROUND) for part in match.groups() if part is not None] if match else [name]


def current_name(name: str) -> str:
    """Return :func:`display_name` with the families renamed in 2020 under their new names:
    ``MARCH1`` -> ``MARCHF1``.
    """
    name = display_name(name)
    match = RENAMED.fullmatch(name)
    if not match or not 1 <= int(match[2]) <= FAMILIES[match[1].upper()][1]:
        return name
    stem = FAMILIES[match[1].upper()][0]
    return (
        stem if match[1].isupper() else stem.capitalize() if match[1][0].isupper() else stem.lower()
    ) + match[2]


def match_key(name: str) -> str:
    """Return :func:`current_name` in capitals, for matching only: ``Trp53`` and ``TRP53`` may be
    genes of two species.
    """
    return current_name(name).upper()


def describe_form(names: Iterable[str]) -> str:
    """Describe the most frequent kind of some names, with three examples: ``Ensembl identifiers
    (ENSG00000141510, ...)``.
    """
    named = [name for name in names if not is_nameless(name)]
    counts = Counter(
        next((form for form, pattern in FORMS.items() if pattern.fullmatch(name)), "symbols")
        for name in named[:1000]
    )
    form = counts.most_common(1)[0][0] if counts else "no names"
    return f"{form} ({', '.join(named[:3])}{', ...' if len(named) > 3 else ''})"


def match_names(wanted: Iterable[str], present: Iterable[str]) -> tuple[dict[str, int], str]:
    """Find wanted genes among those present.

    Names match exactly, else by :func:`current_name` where that is unambiguous; by
    :func:`match_key` only where fewer than ``FEW`` of them match otherwise.

    Returns
    -------
    positions : dict of str to int
        Position among the present names of each wanted name that is present.
    note : str
        Sentence for the user where case had to be ignored; else empty.
    """
    wanted, present = list(dict.fromkeys(wanted)), list(present)
    positions = _match_by(current_name, wanted, present)
    if len(positions) >= FEW * min(len(wanted), len(present)):
        return positions, ""
    regardless = _match_by(match_key, wanted, present)
    changed = [name for name in regardless if name not in positions]
    if not changed:
        return positions, ""
    return regardless, describe_case(changed[0], present[regardless[changed[0]]], len(changed))


def describe_case(wanted: str, present: str, n: int) -> str:
    """Describe a match regardless of case, with one example."""
    return (
        f"{n} gene names match only when case is ignored ({wanted} is read as {present}); "
        "if the names are of two species, translate the genes of one to orthologs of the "
        "other first"
    )


def _match_by(
    form: Callable[[str], str], wanted: Sequence[str], present: Sequence[str]
) -> dict[str, int]:
    exact = {name: i for i, name in reversed(list(enumerate(present)))}
    forms = [form(name) for name in present]
    counts = Counter(forms)
    unique = {name: i for i, name in enumerate(forms) if counts[name] == 1}
    matches = {
        name: exact[name] if name in exact else unique.get(form(name), -1) for name in wanted
    }
    return {name: i for name, i in matches.items() if i >= 0}
