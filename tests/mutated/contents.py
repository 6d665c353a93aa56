"""What a mutated file holds, as a plain reader finds it that knows how the file was written; and
what of a cohort contradicts that.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData

from genexp.cohort.survival import CENSORED, SEEN
from genexp.names.genes import display_name
from genexp.names.likeness import is_missing
from tests.layouts.truth import words
from tests.mutated.dialect import Dialect
from tests.mutated.sheets import NAMES, Sheet
from tests.mutated.truth import GENES, SAMPLES

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
TITLES = ("gene", "sample")
NO_GENES = {
    "", "Unnamed: 0",
    *words("Total __no_feature mean " "Sum age Length " "Entrez_Gene_Id batch " "Start OS OS.time type " "patient sample"),  # noqa: E501
    *words("index row id X gene Description notes gene_name platform"),
}  # fmt: skip
"""Names that mutations give to what is neither gene nor sample."""
MIN_GENES = 20
"""Genes of a damaged file from which on its scale can be known."""
MAX_NEGATIVE = 4
"""Negative values that are mistakes; more may be the floor of log2(x + 0.1)."""
Columns = list[tuple[str, list[str]]]


def read_number(
    text: str, decimal: str = ".", kind: type[np.floating] = np.float32
) -> float | None:
    """Number in a cell at the precision of a kind, NaN where it is missing, None where it is no
    number.
    """
    if is_missing(text) or text == "None":
        return math.nan
    text = text.replace(",", ".") if decimal == "," else text
    with np.errstate(over="ignore"):
        number = kind(text) if NUMBER.fullmatch(text) else None
    return None if number is None or np.isinf(number) else float(number)


def clean(name: str) -> str:
    """Text without what may stand around a name."""
    return name.strip(" \t\r\n\"'\u00a0\ufeff\u2028")


def normal_id(name: str) -> str:
    """Sample id regardless of case, marks and the letter of the vial."""
    name = re.sub(r"[.\-_ ]+", "-", clean(name)).upper()
    return name[:15] if name.startswith("TCGA") else name


@dataclass(frozen=True)
class Contents:
    """Cells of a table, those of the heading first.

    Parameters
    ----------
    cells : list of list of str
        All lines are equally long.
    decimal : str
    is_whole : bool
        Whether bytes were damaged, so that lines are lacking here.
    is_regular : bool
        Whether the lines were equally long.
    """

    cells: list[list[str]]
    decimal: str
    is_whole: bool
    is_regular: bool

    @classmethod
    def find(cls, sheet: Sheet, dialect: Dialect, damaged: bytes | None) -> Contents:
        """Contents of a file; of a damaged one the lines that are still there."""
        lines = dialect.read_cells(sheet)
        if damaged is not None:
            kept = re.split(r"\r\n|\r|\n", damaged.decode(dialect.encoding, errors="replace"))[:-1]
            texts = dialect.write_lines([line for line in sheet if isinstance(line, list)])
            lines = [
                line
                for i, (line, text) in enumerate(zip(lines, texts, strict=True))
                if text in kept or i == 0
            ]
            named = {*GENES, *SAMPLES}
            columns = [
                column
                for column in zip(*lines[1:], strict=False)
                if len(named.intersection(column)) > 2
            ]
            if texts[0] not in kept and (
                len(columns) > 1 or any(len(named.intersection(line)) > 2 for line in lines[1:])
            ):
                # without its heading nobody knows which names are meant
                return cls([], dialect.decimal, False, False)
        lines = [line for line in lines if any(cell.strip() for cell in line)]
        heading, lines = (lines[0], lines[1:]) if lines else ([], [])
        width = Counter(len(line) for line in lines).most_common(1)[0][0] if lines else 0
        lines = [line if "".join(line[width:]).strip() else line[:width] for line in lines]
        is_open = len(heading) < width or not heading[-1].strip()
        if lines and is_open and all(len(line) == width and not line[-1].strip() for line in lines):
            lines, width = [line[:-1] for line in lines], width - 1
            heading = heading[:-1] if heading and not heading[-1].strip() else heading
        if len(heading) == width + 1 and not heading[-1].strip():
            heading = heading[:-1]
        counted = all(line[0].isdigit() for line in lines)
        if len(heading) == width - 1 and (
            counted or clean(heading[0] if heading else "") not in (*TITLES, "")
        ):
            heading = ["", *heading]
        is_regular = all(len(line) == len(heading) for line in lines)
        cells = (
            [[cell.strip() for cell in line] for line in (heading, *lines)] if is_regular else []
        )
        return cls(cells, dialect.decimal, damaged is None, is_regular)

    def find_names(self) -> int | None:
        """Column of the names along the lines; None where that is not clear."""
        known = {*GENES, *map(normal_id, SAMPLES)}
        columns = list(zip(*self.cells, strict=True))
        counts = [len({normal_id(cell) for cell in column[1:]} & known) for column in columns]
        candidates = [i for i, count in enumerate(counts) if 2 * count > max(counts) > 0]
        for titles in (TITLES, ("id", "", "index")):
            titled = [i for i in candidates if columns[i][0] in titles]
            candidates = titled if len(titled) == 1 else candidates
        if not candidates:
            return None
        n_differ = [
            sum(a != b for a, b in zip(columns[candidates[0]], columns[i], strict=True))
            for i in candidates
        ]
        return candidates[0] if 2 * max(n_differ) < len(self.cells) else None

    def by_sample(self) -> tuple[list[str], Columns] | None:
        """Samples, and all columns of values and annotations by name, whichever way round the file
        is; None where that is not clear.
        """
        if not self.is_regular or len(self.cells) < 2:
            return None
        heading, *lines = self.cells
        samples = set(map(normal_id, SAMPLES))
        if len(set(GENES).intersection(heading)) > 1 and not any(
            normal_id(cell) in samples for line in self.cells for cell in line
        ):
            return list(map(str, range(len(lines)))), [
                (title, [line[i] for line in lines]) for i, title in enumerate(heading)
            ]
        names_at = self.find_names()
        if names_at is None:
            return None
        names = [clean(line[names_at]) for line in self.cells[1:]]
        heading, *lines = [[*line[:names_at], *line[names_at + 1 :]] for line in self.cells]
        for title in TITLES:
            if title in names and all(name.strip().isdigit() for name in heading):
                heading = lines[names.index(title)]  # the heading counts, and names are below it
        heading = list(map(clean, heading))
        in_rows, in_columns = (
            sum(normal_id(name) in samples for name in side) for side in (names, heading)
        )
        if in_rows == in_columns or not (set(GENES) | {"type", "OS"}) & set(
            heading if in_rows > in_columns else names
        ):
            return None
        if in_rows > in_columns:
            return names, [(title, [line[i] for line in lines]) for i, title in enumerate(heading)]
        return heading, [(name, line) for name, line in zip(names, lines, strict=True)]


def compare(
    cohort: AnnData, contents: Contents, obs: Contents | None, options: dict[str, str]
) -> list[str]:
    """What is wrong with a cohort, as texts."""
    table = contents.by_sample()
    if table is None:
        return [] if not contents.is_whole else ["read a file whose lines or names are not clear"]
    samples, genes = (
        [str(name) for name in cohort.obs_names],
        [str(name) for name in cohort.var_names],
    )
    wrong = [
        f"{name!r} is no gene"
        for name in NO_GENES.difference(["gene", "index", "Length"]).intersection(genes)
    ]
    wrong += [f"{name!r} is no sample" for name in NO_GENES.difference(NAMES).intersection(samples)]
    wrong += [f"sample {name} twice" for name, n in Counter(samples).items() if n > 1]
    wrong += [
        f"sample {name} is one of {n}"
        for name, n in Counter(table[0]).items()
        if n > 1 and name in samples
    ]
    has_floor = (cohort.X < 0).sum() > MAX_NEGATIVE
    is_cut = not contents.is_whole and cohort.n_vars < MIN_GENES  # too few values to know
    if cohort.uns["scale"] != "log2_norm_count" and not (
        is_cut or (has_floor and cohort.uns["scale"] == "log2_tpm")
    ):
        wrong.append(f"scale {cohort.uns['scale']}")
    wrong += compare_values(cohort, contents, *table)
    if contents.is_whole:
        said = " ".join(cohort.uns["report"]["reading"])
        lacking = [name for name, _ in table[1] if name in GENES and name not in genes]
        wrong += [
            f"gene {name} is left out unsaid"
            for name in (lacking if len(lacking) <= 3 else lacking[:1])
            if name not in said
        ]
        if options.get("unmatched") != "drop" or obs is None:
            wrong += [
                f"sample {name} is left out unsaid"
                for name in table[0]
                if name in SAMPLES and name not in samples and name not in said
            ]
    return wrong + (
        list(compare_annotations(cohort, obs, str if obs is contents else normal_id))
        if obs is not None
        else []
    )


def compare_values(
    cohort: AnnData, contents: Contents, samples: list[str], columns: Columns
) -> list[str]:
    """Values and names that the file does not hold."""
    wrong = []
    positions = {name: i for i, name in enumerate(samples)}
    rows = [
        (i, positions[clean(name)])
        for i, name in enumerate(cohort.obs_names)
        if clean(name) in positions
    ]
    if contents.is_whole and len(rows) < cohort.n_obs:
        wrong.append(
            f"samples {sorted(set(map(clean, cohort.obs_names)) - set(positions))[:3]} are "
            "not in the file"
        )
    by_gene: dict[str, list[list[str]]] = {}
    for title, texts in columns:
        by_gene.setdefault(display_name(title), []).append(texts)
    for j, gene in enumerate(cohort.var_names):
        values = [float(cohort.X[i, j]) for i, _ in rows]
        if gene not in by_gene:
            wrong += [f"gene {gene!r} is not in the file"] * contents.is_whole
            continue
        stored = [
            [read_number(texts[k], contents.decimal) for _, k in rows] for texts in by_gene[gene]
        ]
        if not any(all(map(is_same, values, numbers)) for numbers in stored):
            places = [
                i
                for i, (value, number) in enumerate(zip(values, stored[0], strict=True))
                if not is_same(value, number)
            ]
            texts = [by_gene[gene][0][rows[i][1]] for i in places[:3]]
            wrong.append(
                f"gene {gene}: {[values[i] for i in places[:3]]} where the file has {texts} "
                f"({len(places)} places)"
            )
    return wrong[:5]


def is_same(value: float, number: float | None) -> bool:
    """Whether a value is that of the file."""
    return number is not None and (
        value == number
        or (math.isnan(value) and math.isnan(number))
        or math.isclose(value, number, rel_tol=1e-6)
    )


def compare_annotations(
    cohort: AnnData, contents: Contents, form: Callable[[str], str]
) -> Iterator[str]:
    """Labels, times, events and patients that the file does not hold, where ids meet in a form."""
    table = contents.by_sample()
    if table is None:
        if contents.is_whole and not (
            contents.cells and "patient" in contents.cells[0]
        ):  # else samples are matched by the patient of their barcodes
            yield "read annotations whose lines or names are not clear"
        return
    rows = [form(name) for name in table[0]]
    for sample, label, days, event, group in zip(
        cohort.obs_names,
        cohort.obs["label"],
        cohort.obs["time_days"],
        cohort.obs["event"],
        cohort.obs["group"],
        strict=True,
    ):
        places = [i for i, name in enumerate(rows) if name == form(clean(sample))]
        if not places and contents.is_whole:
            yield f"sample {sample} has annotations and no row"
        texts = {
            name: {values[i] for title, values in table[1] if title == name for i in places}
            for name in ("type", "OS", "OS.time", "patient")
        }
        if not places or (
            not contents.is_whole and not all(map(texts.get, ("type", "OS", "OS.time")))
        ):
            continue
        if texts["type"] != {label} and not (
            pd.isna(label) and all(map(is_missing, texts["type"]))
        ):
            yield f"sample {sample}: label {label} where the file has {texts['type']}"
        if not _is_outcome(days, event, texts["OS.time"], texts["OS"], contents.decimal):
            yield (
                f"sample {sample}: {days} days, event {event} where the file has "
                f"{texts['OS.time']} and {texts['OS']}"
            )
        if not texts["patient"]:
            continue  # patients were renamed or damaged, and their names are not known here
        if normal_id(group) not in {
            *map(normal_id, texts["patient"]),
            normal_id(sample),
            normal_id(sample)[:12],
        } or (group == sample and sample in SAMPLES and texts["patient"] == {sample[:12]}):
            yield f"sample {sample}: group {group} where the file has {texts['patient']}"


def _is_outcome(days: float, event: float, times: set[str], events: set[str], decimal: str) -> bool:
    if len(times) != 1 or len(events) != 1:
        return False
    time, word = read_number(next(iter(times)), decimal, np.float64), next(iter(events)).lower()
    number = read_number(word)
    word = str(int(number)) if number in (0, 1) else word
    seen = (
        math.nan if is_missing(word) else 1.0 if word in SEEN else 0.0 if word in CENSORED else None
    )
    if time is None or seen is None:
        return False
    if math.isnan(time) or math.isnan(seen) or time == 0:
        return math.isnan(days) and math.isnan(event)
    return is_same(days, time) and event == seen
