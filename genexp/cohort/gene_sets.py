"""Files that say which genes belong together: gene sets (GMT) and edges between genes."""

from __future__ import annotations

import gzip
from pathlib import Path

from genexp.errors import CohortError, name_some

GMT = "a GMT file was expected (a line for each set: name, description, genes; separated by tabs)"
EDGES = "a table of edges was expected (a line for each: two gene names, separated by a tab)"


def read_gene_sets(path: str | Path) -> dict[str, list[str]]:
    """Gene sets of a GMT file (``.gmt``, ``.gmt.gz``): a line for each set with name, description and genes, separated by tabs.

    Raises
    ------
    CohortError
        No such file, or one that is not a GMT.
    """
    lines = _read_lines(Path(path), 3, GMT, "a .gmt or .gmt.gz file")
    names = [fields[0] for fields in lines]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise CohortError(f"names that occur once were expected; found {name_some(twice)} more than once in {path}")
    return {name: list(dict.fromkeys(gene for gene in fields[2:] if gene)) for name, fields in zip(names, lines, strict=True)}


def read_edges(path: str | Path) -> list[tuple[str, str]]:
    """Pairs of gene names: the first two columns of a text (also ``.gz``) whose fields are separated by tabs.

    Raises
    ------
    CohortError
        No such file, or one that has no two columns.
    """
    return [(fields[0], fields[1]) for fields in _read_lines(Path(path), 2, EDGES, "a .tsv or .tsv.gz file")]


def _read_lines(path: Path, n_fields: int, expected: str, advice: str) -> list[list[str]]:
    """Fields of every line that is not blank."""
    if not path.is_file():
        raise CohortError(f"{expected}; found no file {path}. Give the path of one that is on this machine")
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            lines = [(number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(file, start=1) if line.strip()]
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise CohortError(f"{expected}; {path} cannot be read as text ({error}). Give {advice}") from None
    wrong = [number for number, fields in lines if len(fields) < n_fields or not fields[0].strip()]
    if wrong or not lines:
        few = {2: "two", 3: "three"}[n_fields]
        found = f"lines {name_some(wrong)} of {path} have fewer than {few} fields" if wrong else f"{path} is empty"
        raise CohortError(f"{expected}; {found}. Is this another kind of table?")
    return [[field.strip() for field in fields] for _, fields in lines]
