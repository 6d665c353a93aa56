"""How a text table is written: where it starts, what separates its fields, which of them are names, text and numbers."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from genexp.errors import CohortError, name_some
from genexp.files.probe import Request
from genexp.names.likeness import counts_rows, find_metadata, is_missing, is_sample_column, measure_likeness, normal_title
from genexp.names.vocabulary import GENE_TITLES, ID_TITLES, ROW_NUMBER_TITLES, SAMPLE_NAMES, SAMPLE_TITLES

DELIMITERS = ("\t", ";", ",", "|")
BLANKS = " "
"""Stands for runs of blanks."""
TITLES = re.compile("|".join(f"(?:{titles.pattern})" for titles in (ID_TITLES, GENE_TITLES, SAMPLE_TITLES)), re.IGNORECASE)
"""Headings of names or ids."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE)
TEXT_SHARE = 0.1
"""Share of texts above which the first column holds names and no numbers of lines."""
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
DELIMITER_NAMES = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "vertical bar", BLANKS: "blanks"}


@dataclass(frozen=True)
class Layout:
    """How a text table is written.

    Parameters
    ----------
    file : str
        Name of the file, for messages.
    delimiter : str
        One letter; a blank stands for runs of blanks.
    decimal : str
        ``.`` or ``,``.
    n_skipped : int
        Lines before the heading.
    headings : tuple of str
        Of every field of a line, that of row names included.
    names_at : int
        Field of the row names; -1 if there is none.
    texts : tuple of int
        Fields that hold annotations.
    dropped : tuple of int
        Fields that hold nothing: row numbers, and what a delimiter at the end of every line makes.
    short_heading : bool
        Whether the heading has no field above the row names, as R writes it.
    trailing : bool
        Whether lines, but not the heading, end with a delimiter.
    notes : tuple of str
        What the user should know.
    """

    file: str
    delimiter: str
    decimal: str
    n_skipped: int
    headings: tuple[str, ...]
    names_at: int
    texts: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    short_heading: bool = False
    trailing: bool = False
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> list[int]:
        """Fields of values."""
        others = {self.names_at, *self.texts, *self.dropped}
        return [i for i in range(len(self.headings)) if i not in others]

    @property
    def is_plain(self) -> bool:
        """Whether every line is a name and numbers."""
        return self.names_at == 0 and not self.texts and not self.dropped


def split_line(line: str, delimiter: str) -> list[str]:
    """Fields of a line, without quotes and surrounding blanks."""
    line, delimiter = (re.sub(r"[ \t]+", " ", line.strip()), " ") if delimiter == BLANKS else (line, delimiter)
    try:
        fields = next(csv.reader([line.replace("\r", " ")], delimiter=delimiter), []) if '"' in line else line.split(delimiter)
    except csv.Error:  # a field longer than any in a table
        fields = line.split(delimiter)
    return [field.strip() for field in fields]


def find_layout(lines: Sequence[str], name: str, request: Request) -> Layout:
    """Recognise the layout of a matrix from its first lines.

    Raises
    ------
    CohortError
        They are no table with a heading.
    """
    delimiter, start = find_delimiter(lines, name)
    heading, rows = split_line(lines[start].lstrip("#") if lines[start].startswith("#") else lines[start], delimiter), []
    rows = [split_line(line, delimiter) for line in lines[start + 1 :] if line.strip()]
    notes = _describe_start(lines, start)
    if not rows:
        raise CohortError(f"{name} has one line, {lines[start][:60]!r}; expected a heading and a line for each sample or gene")
    heading, rows, short_heading, trailing, dropped = _align_heading(heading, rows, name, delimiter)
    decimal = _find_decimal(rows, name)
    if decimal == ",":
        notes.append("Numbers are written with a decimal comma.")
    texts = _find_texts(heading, rows, decimal, request, set(dropped))
    names_at, more_dropped, name_notes = _find_names(heading, rows, texts, decimal, short_heading, request)
    dropped = sorted({*dropped, *more_dropped})
    texts = [i for i in texts if i != names_at and i not in dropped]
    headings = ["" if i == names_at and short_heading else title for i, title in enumerate(heading)]
    return Layout(
        name, delimiter, decimal, start, tuple(headings), names_at, tuple(texts), tuple(dropped), short_heading, trailing,
        (*notes, *name_notes),
    )  # fmt: skip


def refuse_second_heading(lines: Iterable[Sequence[str]], headings: Collection[str], name: str) -> None:
    """Refuse a line of text most of whose fields are headings: where tables are joined one below the other, their columns may differ."""
    titles = set(headings) - {""}
    for line in lines:
        if len(titles) > 1 and 2 * len(titles.intersection(line)) > len(titles):
            raise CohortError(
                f"{name} holds its heading again further below ({name_some(line, 3)}), as tables joined one below the other do; "
                "expected one "
                "table: join them by the names of their columns, or take that line out if the columns are in one order"
            )


def find_delimiter(lines: Sequence[str], name: str) -> tuple[str, int]:
    """Delimiter of a table, and the position of its heading: most lines have as many fields, and more of these are numbers."""
    best: tuple[float, str, int] = (0.0, "", 0)
    for delimiter in (*DELIMITERS, BLANKS):
        rows = [split_line(line, delimiter) if line.strip() else [] for line in lines]
        start, width, share = _find_start(lines, [len(row) for row in rows])
        if delimiter == "|" and delimiter not in lines[start]:  # names such as ?|100130426 have one, headings have none
            continue
        quality = share * (1 + _share_numbers(rows[start + 1 :])) if share >= 0.5 else 0.0
        if (
            width > 1 and quality > best[0] + 0.05
        ):  # a later delimiter must be clearly better: commas may be within labels, or decimal marks
            best = (quality, delimiter, start)
        if best[0] > 1.5 or (best[1] == "\t" and share > 0.95):  # no field holds a tab, but many hold blanks
            break
    if not best[1]:
        first = next((line for line in lines if line.strip()), "")
        raise CohortError(
            f"{name}: expected a table whose fields are separated by tab, comma, semicolon or blanks, found lines such as {first[:60]!r}"
        )
    return best[1], best[2]


def _share_numbers(rows: Sequence[list[str]]) -> float:
    """Share of some fields behind the first that are numbers, with a decimal comma perhaps."""
    fields = [field for row in rows[:20] for field in row[1:50] if field]
    return sum(is_number(field) or DECIMAL_COMMA.fullmatch(field) is not None for field in fields) / max(len(fields), 1)


def _find_start(lines: Sequence[str], counts: Sequence[int]) -> tuple[int, int, float]:
    """Line of the heading, fields of most lines after it, and the share of lines after it that have as many."""
    body = [count for line, count in zip(lines, counts, strict=True) if count and not line.startswith(("#", "!"))]
    if not body:
        return 0, 0, 0.0
    tail = body[1:] or body
    width = Counter(tail[-200:]).most_common(1)[0][0]
    for start, count in enumerate(counts):
        if lines[start].startswith(("#", "!", "%")) and not _is_marked_heading(lines, counts, start, width):
            continue
        if count in (width, width - 1, width + 1) and count >= 1:
            after = [n for line, n in zip(lines[start + 1 :], counts[start + 1 :], strict=True) if n]
            share = sum(n == width for n in after) / len(after) if after else float(count == width)
            return start, width, share
    return 0, width, 0.0


def _is_marked_heading(lines: Sequence[str], counts: Sequence[int], start: int, width: int) -> bool:
    """Whether a line that starts with ``#`` is the heading: the line before the first plain one, which holds numbers."""
    if counts[start] not in (width, width - 1) or start + 1 >= len(lines) or lines[start + 1].startswith(("#", "!", "%")):
        return False
    fields = re.split(r"[\t,; ]+", lines[start + 1].strip())
    return sum(NUMBER.fullmatch(field) is not None for field in fields) >= len(fields) / 2


def _describe_start(lines: Sequence[str], start: int) -> list[str]:
    skipped = [line.strip() for line in lines[:start] if line.strip()]
    if not skipped:
        return []
    shown = skipped[0] if len(skipped[0]) <= 60 else skipped[0][:57] + "..."
    return [
        f"{len(skipped)} line{'s' if len(skipped) > 1 else ''} above the heading {'are' if len(skipped) > 1 else 'is'} skipped ({shown!r})."
    ]


def _align_heading(
    heading: list[str], rows: list[list[str]], name: str, delimiter: str
) -> tuple[list[str], list[list[str]], bool, bool, list[int]]:
    """Bring the heading and the lines to one number of fields; whether a name or a trailing delimiter makes the difference."""
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    rows = [row for row in rows if len(row) == width]
    empty_end = width > 2 and all(not row[-1] for row in rows)
    if len(heading) == width + 1 and not heading[-1]:
        heading = heading[:-1]
    if len(heading) == width - 1 and empty_end and not lacks_row_number(heading, rows):
        return [*heading, ""], rows, False, True, [width - 1]
    if len(heading) == width - 1 and lacks_corner(heading, rows) and not any(is_fraction(row[0]) for row in rows):
        return ["", *heading], rows, True, False, []
    if len(heading) != width:
        raise CohortError(
            f"{name} is not a regular table: its heading has {len(heading)} fields, its lines have {width}; is the file complete, and is "
            f"its delimiter {DELIMITER_NAMES[delimiter]}?"
        )
    return heading, rows, False, False, [width - 1] if empty_end and not heading[-1] else []


def lacks_row_number(heading: Sequence[str], rows: Sequence[list[str]]) -> bool:
    """Whether a heading that is short by one has no title above row numbers, though the last field of all lines is empty."""
    return (
        bool(heading)
        and counts_rows([row[0] for row in rows])
        and not ROW_NUMBER_TITLES.fullmatch(heading[0])
        and not is_id_title(heading[0])
    )


def lacks_corner(heading: Sequence[str], rows: Sequence[list[str]]) -> bool:
    """Whether a heading that is short by one has no title above the row names, as R writes it, rather than lacking another."""
    if not heading or not is_id_title(heading[0]):
        return True
    ids = [row[1] for row in rows]
    return counts_rows([row[0] for row in rows]) or (len(set(ids)) == len(ids) and not _are_numbers(ids))


def _are_numbers(texts: Sequence[str], decimal: str = ".") -> bool:
    """Whether all texts are numbers, one at least."""
    return any(not is_missing(text) for text in texts) and all(is_missing(text) or is_number(text, decimal) for text in texts)


def is_fraction(text: str) -> bool:
    """Whether a text is a number, and not a whole one: no name."""
    text = text.replace(",", ".")
    return NUMBER.fullmatch(text) is not None and float(text) % 1 != 0


def is_number(text: str, decimal: str = ".") -> bool:
    """Whether a text is a number."""
    return NUMBER.fullmatch(text.replace(decimal, ".") if decimal == "," else text) is not None


def _find_decimal(rows: list[list[str]], name: str) -> str:
    """Decimal mark; refused where a comma may as well separate thousands."""
    fields = [field for row in rows[:50] for field in row]
    commas = [field for field in fields if "," in field and DECIMAL_COMMA.fullmatch(field)]
    if not commas or sum("." in field and NUMBER.fullmatch(field) is not None for field in fields) > len(commas):
        return "."
    if all(THOUSANDS.fullmatch(field) for field in commas):
        raise CohortError(
            f"{name}: numbers such as {commas[0]!r} may have a decimal comma or separate thousands; write them with a decimal point, and "
            "without separators of thousands"
        )
    return ","


def _find_texts(heading: list[str], rows: list[list[str]], decimal: str, request: Request, dropped: set[int]) -> list[int]:
    """Fields that hold no expression: text in most lines, or a name that a parameter or the vocabulary of annotations has."""
    names = set() if request.metadata == ("none",) else {i for i in find_metadata(heading) if i}
    texts = []
    for i, (title, column) in enumerate(zip(heading, zip(*rows, strict=True), strict=True)):
        if i in dropped:
            continue
        if i in names or title in request.named or title in request.metadata or _is_mostly_text(column, decimal):
            texts.append(i)
    return texts


def _is_mostly_text(column: Sequence[str], decimal: str) -> bool:
    """Whether more than half of the present values are no numbers."""
    try:
        if "_" not in "".join(column):  # which Python takes for a mark within a number
            list(map(float, column))
            return False
    except ValueError:
        pass
    values = [value for value in column if not is_missing(value)]
    return 2 * sum(not is_number(value, decimal) for value in values) > len(values)


def _find_names(
    heading: list[str], rows: list[list[str]], texts: list[int], decimal: str, short_heading: bool, request: Request
) -> tuple[int, list[int], list[str]]:
    """Field of the row names, fields that merely count rows, and notes."""
    first = [row[0] for row in rows]
    is_annotation = heading[0] in request.named or heading[0] in request.metadata
    candidates = _find_candidates(heading, rows, texts, decimal, request)
    titled = [i for i in candidates if is_id_title(heading[i])] or [i for i in candidates if _look_like_names([row[i] for row in rows])]
    if short_heading and not (candidates and (counts_rows(first) or (titled and _are_numbers(first, decimal)))):
        return _settle_names(heading, rows, [0, *(i for i in candidates if i)], request, is_titled=False), [], []
    samples = [i for i in candidates if SAMPLE_NAMES.fullmatch(normal_title(heading[i]))]
    is_coarser = is_sample_column(heading[0]) and not SAMPLE_NAMES.fullmatch(normal_title(heading[0]))  # patients, or a label
    if samples and is_coarser:
        return samples[0], [], [f"The names are in the column {heading[samples[0]]!r}."]
    is_repeated = is_coarser and 2 * len(set(first)) < len(first)
    if not titled and (is_annotation or is_repeated):
        numbered = [i for i, title in enumerate(heading) if title and is_id_title(title) and _are_ids([row[i] for row in rows])]
        if numbered:
            return numbered[0], [], [f"The names are in the column {heading[numbered[0]]!r}."]
    if is_repeated and not titled:
        return -1, [], ["The file has no column of sample ids; samples are named by row number, from 0."]
    is_text = sum(not is_missing(name) and not is_number(name, decimal) for name in first) > TEXT_SHARE * len(first)
    if is_text and not is_annotation and (not titled or _is_better(heading[0], first)):
        return _settle_names(heading, rows, [0, *(i for i in candidates if i)], request), [], []
    is_number_of_line = counts_rows(first) or (is_id_title(heading[0]) and not _is_title_of_names(heading[0]))
    if is_number_of_line and (titled or (candidates and ROW_NUMBER_TITLES.fullmatch(heading[0].strip()))):
        names_at = _settle_names(heading, rows, titled or candidates, request)
        counters = [
            i for i, title in enumerate(heading) if ROW_NUMBER_TITLES.fullmatch(title.strip()) and counts_rows([r[i] for r in rows])
        ]
        return names_at, counters or [0], [f"The first column counts or numbers rows; the names are in the column {heading[names_at]!r}."]
    if not is_annotation and (is_id_title(heading[0]) or counts_rows(first)):
        return 0, [], []
    if titled:
        names_at = _settle_names(heading, rows, titled, request)
        return names_at, [], [f"The names are in the column {heading[names_at]!r}."]
    if not _are_numbers(first, decimal) and not is_annotation:
        return 0, [], []
    whole = all(re.fullmatch(r"\d+", value) for value in first)
    if whole and not is_annotation and len(set(first)) == len(first) and not _resembles(first, rows):
        return 0, [], []
    return -1, [], ["The file has no column of sample ids; samples are named by row number, from 0."]


def _are_ids(values: list[str]) -> bool:
    """Whether values are distinct whole numbers."""
    return len(set(values)) == len(values) and all(re.fullmatch(r"\d+", value) for value in values)


def _find_candidates(heading: list[str], rows: list[list[str]], texts: list[int], decimal: str, request: Request) -> list[int]:
    """Fields of distinct texts that no parameter declares to be annotations."""
    fields = [i for i in texts if heading[i] not in request.named and heading[i] not in request.metadata]
    fields = [i for i in fields if not _are_numbers([row[i] for row in rows], decimal)]
    n_distinct = {i: len({row[i] for row in rows}) for i in fields}  # a sample may be there twice by mistake, to be refused later
    return [i for i in fields if n_distinct[i] == len(rows) or (2 * n_distinct[i] > len(rows) and _is_title_of_names(heading[i]))]


def _is_title_of_names(title: str) -> bool:
    return SAMPLE_NAMES.fullmatch(normal_title(title)) is not None or GENE_TITLES.fullmatch(title) is not None


def _is_better(title: str, values: Sequence[str]) -> bool:
    """Whether the first column names rows though another with a title of names does: it is distinct, or has such a title, too."""
    n_distinct = len(set(values))
    return n_distinct == len(values) or (is_id_title(title) and 2 * n_distinct > len(values))


def _look_like_names(values: Sequence[str]) -> bool:
    likeness = measure_likeness(values)
    return likeness.gene_ids + likeness.sample_ids + likeness.symbols >= 0.6


def _settle_names(heading: list[str], rows: list[list[str]], candidates: list[int], request: Request, is_titled: bool = True) -> int:
    """First field of some that may hold names; refused where another has the same names in other lines, as a column of pairs has."""
    names_at = candidates[0]
    names = {row[names_at] for row in rows}
    for i in candidates[1:]:
        moved = sum(row[i] in names and row[i] != row[names_at] for row in rows)
        if 2 * moved <= len(rows):
            continue
        if not is_titled or is_id_title(heading[i]) == is_id_title(heading[names_at]):
            raise CohortError(
                f"{request.name}: the columns {heading[names_at]!r} and {heading[i]!r} hold the same names in different lines; "
                "expected one "
                f"column of names: say which is an annotation with metadata={heading[i] or heading[names_at]}"
            )
        names_at = i if is_id_title(heading[i]) else names_at
    return names_at


def _resembles(first: list[str], rows: list[list[str]]) -> bool:
    """Whether whole numbers of the first field are as large as those of the other fields, as counts would be."""
    others = [float(value) for row in rows[:50] for value in row[1:50] if NUMBER.fullmatch(value)]
    largest = max(map(float, first))
    return bool(others) and all(value.is_integer() for value in others) and largest <= 10 * max(others) and max(others) > 30


def is_id_title(title: str) -> bool:
    """Whether a heading is that of names or ids."""
    return TITLES.fullmatch(title.strip()) is not None
