"""Layout of a text table: its first line, its delimiter, and the fields of names, text and
numbers.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from genexp.errors import CohortError, name_some
from genexp.files.probe import Request
from genexp.names.likeness import (
    counts_rows,
    find_metadata,
    is_metadata_name,
    is_missing,
    is_sample_column,
    measure_likeness,
    normal_title,
)
from genexp.names.vocabulary import (
    GENE_TITLES,
    ID_TITLES,
    ROW_NUMBER_TITLES,
    SAMPLE_NAMES,
    SAMPLE_TITLES,
)

DELIMITERS = ("\t", ";", ",", "|")
BLANKS = " "
"""Delimiter for runs of blanks."""
TITLES = re.compile(
    "|".join(f"(?:{titles.pattern})" for titles in (ID_TITLES, GENE_TITLES, SAMPLE_TITLES)),
    re.IGNORECASE,
)
"""Headings of names or ids."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE)
TEXT_SHARE = 0.1
"""Share of texts above which the first column holds names and not line numbers."""
MIN_NAMES = 3
"""Fields above which a line of words may be a heading; a title of a file has fewer."""
MOSTLY = 0.8
"""Share of titles of one kind from which on a heading is one of genes, or of samples."""
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
DELIMITER_NAMES = {
    "\t": "tab",
    ";": "semicolon",
    ",": "comma",
    "|": "vertical bar",
    BLANKS: "blanks",
}


@dataclass(frozen=True)
class Layout:
    """Layout of a text table.

    Parameters
    ----------
    file : str
        Name of the file, for messages.
    delimiter : str
        One character; a blank means runs of blanks.
    decimal : str
        ``.`` or ``,``.
    n_skipped : int
        Lines before the heading.
    headings : tuple of str
        Heading of every field of a line, including that of row names.
    names_at : int
        Field of the row names; -1 if there is none.
    texts : tuple of int
        Fields that hold annotations.
    dropped : tuple of int
        Fields without content: row numbers, and the empty field after a delimiter at the end of
        every line.
    short_heading : bool
        Whether the heading has no field above the row names, as R writes it.
    trailing : bool
        Whether lines, but not the heading, end with a delimiter.
    notes : tuple of str
        Sentences for the user.
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
        """True if every line consists of a name and numbers."""
        return self.names_at == 0 and not self.texts and not self.dropped


def split_line(line: str, delimiter: str) -> list[str]:
    """Split a line into fields, without quotes and surrounding blanks."""
    line, delimiter = (
        (re.sub(r"[ \t]+", " ", line.strip()), " ") if delimiter == BLANKS else (line, delimiter)
    )
    try:
        fields = (
            next(csv.reader([line.replace("\r", " ")], delimiter=delimiter), [])
            if '"' in line
            else line.split(delimiter)
        )
    except csv.Error:  # a field longer than any in a table
        fields = line.split(delimiter)
    return [field.strip() for field in fields]


def find_layout(lines: Sequence[str], name: str, request: Request) -> Layout:
    """Recognise the layout of a matrix from its first lines.

    Raises
    ------
    CohortError
        The lines are no table with a heading.
    """
    delimiter, start = find_delimiter(lines, name)
    heading, rows = (
        split_line(
            lines[start].lstrip("#") if lines[start].startswith("#") else lines[start], delimiter
        ),
        [],
    )
    rows = [split_line(line, delimiter) for line in lines[start + 1 :] if line.strip()]
    _refuse_skipped_heading(lines, start, delimiter, rows, name)
    notes = _describe_start(lines, start)
    if not rows:
        raise CohortError(
            f"{name} has one line, {lines[start][:60]!r}; expected a heading and a line for "
            "each sample or gene"
        )
    heading, rows, short_heading, trailing, dropped = _align_heading(heading, rows, name, delimiter)
    decimal = _find_decimal(rows, name)
    if decimal == ",":
        notes.append("Numbers are written with a decimal comma.")
    texts = _find_texts(heading, rows, decimal, request, set(dropped))
    names_at, more_dropped, name_notes = _find_names(
        heading, rows, texts, decimal, short_heading, request
    )
    dropped = sorted({*dropped, *more_dropped})
    texts = [i for i in texts if i != names_at and i not in dropped]
    headings = ["" if i == names_at and short_heading else title for i, title in enumerate(heading)]
    return Layout(
        name, delimiter, decimal, start, tuple(headings), names_at, tuple(texts), tuple(dropped), short_heading, trailing,  # noqa: E501
        (*notes, *name_notes),
    )  # fmt: skip


def refuse_second_heading(
    lines: Iterable[Sequence[str]], headings: Collection[str], name: str
) -> None:
    """Refuse a second heading below the first: in tables joined one below the other, the columns
    may differ.
    """
    titles = set(headings) - {""}
    for line in lines:
        if len(titles) > 1 and 2 * len(titles.intersection(line)) > len(titles):
            raise CohortError(
                f"{name} repeats its heading further below ({name_some(line, 3)}), as tables "
                "pasted one below the other do; expected one "
                "table: join the tables by the names of their columns, or delete that line "
                "if their columns are in the same order"
            )


def find_delimiter(lines: Sequence[str], name: str) -> tuple[str, int]:
    """Find the delimiter of a table, and the line of its heading: most lines have equally many
    fields, and most of these are numbers.
    """
    best: tuple[float, str, int] = (0.0, "", 0)
    for delimiter in (*DELIMITERS, BLANKS):
        rows = [split_line(line, delimiter) if line.strip() else [] for line in lines]
        start, width, share = _find_start(lines, [len(row) for row in rows])
        # names such as ?|100130426 contain it, headings do not
        if delimiter == "|" and delimiter not in lines[start]:
            continue
        quality = share * (1 + _share_numbers(rows[start + 1 :])) if share >= 0.5 else 0.0
        if (
            width > 1 and quality > best[0] + 0.05
            # a later delimiter must be clearly better: commas occur within labels and as decimal
            # marks
        ):
            best = (quality, delimiter, start)
        # no field holds a tab, but many hold blanks
        if best[0] > 1.5 or (best[1] == "\t" and share > 0.95):
            break
    if not best[1]:
        first = next((line for line in lines if line.strip()), "")
        raise CohortError(
            f"{name}: expected a table whose fields are separated by tab, comma, semicolon "
            f"or blanks, found lines such as {first[:60]!r}"
        )
    return best[1], best[2]


def _share_numbers(rows: Sequence[list[str]]) -> float:
    """Share of numbers, also with decimal commas, among some fields after the first."""
    fields = [field for row in rows[:20] for field in row[1:50] if field]
    return sum(
        is_number(field) or DECIMAL_COMMA.fullmatch(field) is not None for field in fields
    ) / max(len(fields), 1)


def _find_start(lines: Sequence[str], counts: Sequence[int]) -> tuple[int, int, float]:
    """Find the line of the heading, the number of fields of most lines after it, and the share of
    lines with that number.
    """
    body = [
        count
        for line, count in zip(lines, counts, strict=True)
        if count and not line.startswith(("#", "!"))
    ]
    if not body:
        return 0, 0, 0.0
    tail = body[1:] or body
    width = Counter(tail[-200:]).most_common(1)[0][0]
    for start, count in enumerate(counts):
        if lines[start].startswith(("#", "!", "%")) and not _is_marked_heading(
            lines, counts, start, width
        ):
            continue
        if count in (width, width - 1, width + 1) and count >= 1:
            after = [
                n for line, n in zip(lines[start + 1 :], counts[start + 1 :], strict=True) if n
            ]
            share = sum(n == width for n in after) / len(after) if after else float(count == width)
            return start, width, share
    return 0, width, 0.0


def _is_marked_heading(lines: Sequence[str], counts: Sequence[int], start: int, width: int) -> bool:
    """Check whether a line that starts with ``#`` is the heading: the line before the first plain
    one, which holds numbers.
    """
    if (
        counts[start] not in (width, width - 1)
        or start + 1 >= len(lines)
        or lines[start + 1].startswith(("#", "!", "%"))
    ):
        return False
    fields = re.split(r"[\t,; ]+", lines[start + 1].strip())
    return sum(NUMBER.fullmatch(field) is not None for field in fields) >= len(fields) / 2


def _refuse_skipped_heading(
    lines: Sequence[str], start: int, delimiter: str, rows: Sequence[list[str]], name: str
) -> None:
    """Refuse lines of numbers below a line of names that does not fit them, which would be skipped
    as a title is.

    So it is where numbers have decimal commas and commas separate them: every number is two fields.
    """
    body = split_line(lines[start], delimiter)[1:]
    if not body or 2 * sum(is_number(field) or is_missing(field) for field in body) < len(body):
        return
    for line in lines[:start]:
        fields = split_line(line, delimiter)
        words = sum(not is_number(field) and not is_missing(field) for field in fields)
        if len(fields) > MIN_NAMES and words > MOSTLY * len(fields):
            width = len(rows[0]) if rows else len(body) + 1
            hint = (
                ". If its numbers have decimal commas, separate them by tabs or semicolons"
                if delimiter == ","
                else ""
            )
            raise CohortError(
                f"{name} is not a regular table: its heading ({line[:40]!r} ...) has "
                f"{len(fields)} fields, its lines have {width}{hint}"
            )


def _describe_start(lines: Sequence[str], start: int) -> list[str]:
    skipped = [line.strip() for line in lines[:start] if line.strip()]
    if not skipped:
        return []
    shown = skipped[0] if len(skipped[0]) <= 60 else skipped[0][:57] + "..."
    return [
        (
            f"{len(skipped)} line{'s' if len(skipped) > 1 else ''} above the heading "
            f"{'are' if len(skipped) > 1 else 'is'} skipped ({shown!r})."
        )
    ]


def _align_heading(
    heading: list[str], rows: list[list[str]], name: str, delimiter: str
) -> tuple[list[str], list[list[str]], bool, bool, list[int]]:
    """Bring heading and lines to one number of fields; a missing title or a trailing delimiter may
    make the difference.
    """
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    rows = [row for row in rows if len(row) == width]
    empty_end = width > 2 and all(not row[-1] for row in rows)
    # a gap before means that titles are moved by one field
    if len(heading) == width + 1 and not heading[-1] and all(heading[1:-1]):
        heading = heading[:-1]
    if (
        len(heading) == width - 1
        and heading[-1]
        and empty_end
        and not lacks_row_number(heading, rows)
    ):
        return [*heading, ""], rows, False, True, [width - 1]
    if (
        len(heading) == width - 1
        and lacks_corner(heading, rows)
        and not any(is_fraction(row[0]) for row in rows)
    ):
        _refuse_shifted_heading(["", *heading], rows, name)
        return ["", *heading], rows, True, False, []
    if len(heading) != width:
        raise CohortError(
            f"{name} is not a regular table: its heading has {len(heading)} fields, its "
            f"lines have {width}; is the file complete, and is "
            f"its delimiter {DELIMITER_NAMES[delimiter]}?"
        )
    _refuse_sample_corner(heading, name)
    return heading, rows, False, False, [width - 1] if empty_end and not heading[-1] else []


def _refuse_shifted_heading(heading: list[str], rows: list[list[str]], name: str) -> None:
    """Refuse a heading without a corner of which a part belongs one column further left, as when a
    column was added in a spreadsheet.

    There the first sample stands above the row names, so that a title that is added to the second
    column stands above the first values.
    """
    is_text = [not _are_numbers([row[i] for row in rows]) for i in range(len(heading))]
    kinds = [_name_kind(title) for title in heading]
    numbers = [kind for kind, text in zip(kinds[1:], is_text[1:], strict=True) if not text]
    usual = max(set(numbers), key=numbers.count) if numbers else ""
    if not usual or numbers.count(usual) < MOSTLY * len(numbers):
        return
    for i in range(1, len(heading) - 1):
        if is_text[i] and kinds[i] == usual and not is_text[i + 1] and kinds[i + 1] != usual:
            raise CohortError(
                f"{name}: the heading has one field less than the lines, and its titles do "
                f"not fit their columns: {heading[i]!r} is the "
                f"title of a column of text, {heading[i + 1]!r} of a column of numbers. "
                "Write a title above the row names, such as "
                "'gene' or 'sample', and see that every title is above its column"
            )


def _refuse_sample_corner(heading: list[str], name: str) -> None:
    """Refuse a heading whose title of row names is the id of a sample, like the others: it has a
    title too many, and all are moved.
    """
    if (
        len(heading) > MIN_NAMES
        and measure_likeness(heading[:1]).sample_ids
        and measure_likeness(heading[1:]).sample_ids > MOSTLY
    ):
        raise CohortError(
            f"{name}: the title above the row names is {heading[0]!r}, the id of a sample; "
            "expected a title such as 'gene', or one title "
            "less than fields. Is a title in the heading too many?"
        )


def _name_kind(title: str) -> str:
    """Find what a title names: a gene, a sample, or something else (empty)."""
    if is_metadata_name(title):
        return ""
    likeness = measure_likeness([title])
    if likeness.sample_ids or likeness.generic_samples:
        return "sample"
    return "gene" if likeness.gene_ids or likeness.symbols else ""


def lacks_row_number(heading: Sequence[str], rows: Sequence[list[str]]) -> bool:
    """Check whether a heading with one field too few lacks the title of row numbers, though the
    last field of all lines is empty.
    """
    return (
        bool(heading)
        and counts_rows([row[0] for row in rows])
        and not ROW_NUMBER_TITLES.fullmatch(heading[0])
        and not is_id_title(heading[0])
    )


def lacks_corner(heading: Sequence[str], rows: Sequence[list[str]]) -> bool:
    """Check whether a heading with one field too few lacks the title of the row names, as R writes
    it, and not another one.
    """
    if not heading or not is_id_title(heading[0]):
        return True
    ids = [row[1] for row in rows]
    return counts_rows([row[0] for row in rows]) or (
        len(set(ids)) == len(ids) and not _are_numbers(ids)
    )


def _are_numbers(texts: Sequence[str], decimal: str = ".") -> bool:
    """Check whether all texts are numbers, at least one of them present."""
    return any(not is_missing(text) for text in texts) and all(
        is_missing(text) or is_number(text, decimal) for text in texts
    )


def is_fraction(text: str) -> bool:
    """Check whether a text is a number with a fractional part, which is no name."""
    text = text.replace(",", ".")
    return NUMBER.fullmatch(text) is not None and float(text) % 1 != 0


def is_number(text: str, decimal: str = ".") -> bool:
    """Check whether a text is a number."""
    return NUMBER.fullmatch(text.replace(decimal, ".") if decimal == "," else text) is not None


def _find_decimal(rows: list[list[str]], name: str) -> str:
    """Find the decimal mark; refuse commas that may separate thousands as well."""
    fields = [field for row in rows[:50] for field in row]
    commas = [field for field in fields if "," in field and DECIMAL_COMMA.fullmatch(field)]
    if not commas or sum(
        "." in field and NUMBER.fullmatch(field) is not None for field in fields
    ) > len(commas):
        return "."
    if all(THOUSANDS.fullmatch(field) for field in commas):
        raise CohortError(
            f"{name}: the comma in numbers such as {commas[0]!r} may be a decimal comma or "
            "separate thousands; write a decimal point, and "
            "without separators of thousands"
        )
    return ","


def _find_texts(
    heading: list[str], rows: list[list[str]], decimal: str, request: Request, dropped: set[int]
) -> list[int]:
    """Find fields without expression values: text in most lines, or the name of an annotation by a
    parameter or the vocabulary.
    """
    names = set() if request.metadata == ("none",) else {i for i in find_metadata(heading) if i}
    texts = []
    for i, (title, column) in enumerate(zip(heading, zip(*rows, strict=True), strict=True)):
        if i in dropped:
            continue
        if (
            i in names
            or title in request.named
            or title in request.metadata
            or _is_mostly_text(column, decimal)
        ):
            texts.append(i)
    return texts


def _is_mostly_text(column: Sequence[str], decimal: str) -> bool:
    """Check whether more than half of the present values are no numbers."""
    try:
        if "_" not in "".join(column):  # Python accepts underscores within numbers
            list(map(float, column))
            return False
    except ValueError:
        pass
    values = [value for value in column if not is_missing(value)]
    return 2 * sum(not is_number(value, decimal) for value in values) > len(values)


def _find_names(
    heading: list[str],
    rows: list[list[str]],
    texts: list[int],
    decimal: str,
    short_heading: bool,
    request: Request,
) -> tuple[int, list[int], list[str]]:
    """Find the field of the row names, the fields that only count rows, and notes."""
    first = [row[0] for row in rows]
    is_annotation = heading[0] in request.named or heading[0] in request.metadata
    candidates = _find_candidates(heading, rows, texts, decimal, request)
    titled = [i for i in candidates if is_id_title(heading[i])] or [
        i for i in candidates if _look_like_names([row[i] for row in rows])
    ]
    if short_heading and not (
        candidates and (counts_rows(first) or (titled and _are_numbers(first, decimal)))
    ):
        return (
            _settle_names(
                heading, rows, [0, *(i for i in candidates if i)], request, is_titled=False
            ),
            [],
            [],
        )
    samples = [i for i in candidates if SAMPLE_NAMES.fullmatch(normal_title(heading[i]))]
    # patients, or a label
    is_coarser = is_sample_column(heading[0]) and not SAMPLE_NAMES.fullmatch(
        normal_title(heading[0])
    )
    if samples and is_coarser:
        return samples[0], [], [f"The names are in the column {heading[samples[0]]!r}."]
    is_repeated = is_coarser and 2 * len(set(first)) < len(first)
    if not titled and (is_annotation or is_repeated):
        numbered = [
            i
            for i, title in enumerate(heading)
            if title and is_id_title(title) and _are_ids([row[i] for row in rows])
        ]
        if numbered:
            return numbered[0], [], [f"The names are in the column {heading[numbered[0]]!r}."]
    if is_repeated and not titled:
        return (
            -1,
            [],
            ["The file has no column of sample ids; samples are named by row number, from 0."],
        )
    is_text = sum(
        not is_missing(name) and not is_number(name, decimal) for name in first
    ) > TEXT_SHARE * len(first)
    if is_text and not is_annotation and (not titled or _is_better(heading[0], first)):
        return _settle_names(heading, rows, [0, *(i for i in candidates if i)], request), [], []
    is_number_of_line = counts_rows(first) or (
        is_id_title(heading[0]) and not _is_title_of_names(heading[0])
    )
    if is_number_of_line and (
        titled or (candidates and ROW_NUMBER_TITLES.fullmatch(heading[0].strip()))
    ):
        names_at = _settle_names(heading, rows, titled or candidates, request)
        counters = [
            i
            for i, title in enumerate(heading)
            if ROW_NUMBER_TITLES.fullmatch(title.strip()) and counts_rows([r[i] for r in rows])
        ]
        return (
            names_at,
            counters or [0],
            [
                (
                    "The first column counts or numbers rows; the names are in the column "
                    f"{heading[names_at]!r}."
                )
            ],
        )
    if not is_annotation and (is_id_title(heading[0]) or counts_rows(first)):
        return 0, [], []
    if titled:
        names_at = _settle_names(heading, rows, titled, request)
        return names_at, [], [f"The names are in the column {heading[names_at]!r}."]
    if not _are_numbers(first, decimal) and not is_annotation:
        return 0, [], []
    whole = all(re.fullmatch(r"\d+", value) for value in first)
    if (
        whole
        and not is_annotation
        and len(set(first)) == len(first)
        and not _resembles(first, rows)
    ):
        return 0, [], []
    return (
        -1,
        [],
        ["The file has no column of sample ids; samples are named by row number, from 0."],
    )


def _are_ids(values: list[str]) -> bool:
    """Check whether values are distinct whole numbers."""
    return len(set(values)) == len(values) and all(re.fullmatch(r"\d+", value) for value in values)


def _find_candidates(
    heading: list[str], rows: list[list[str]], texts: list[int], decimal: str, request: Request
) -> list[int]:
    """Find fields of distinct texts that no parameter declares to be annotations."""
    fields = [
        i for i in texts if heading[i] not in request.named and heading[i] not in request.metadata
    ]
    fields = [i for i in fields if not _are_numbers([row[i] for row in rows], decimal)]
    # a sample may occur twice by mistake; it is refused later
    n_distinct = {i: len({row[i] for row in rows}) for i in fields}
    return [
        i
        for i in fields
        if n_distinct[i] == len(rows)
        or (2 * n_distinct[i] > len(rows) and _is_title_of_names(heading[i]))
    ]


def _is_title_of_names(title: str) -> bool:
    return (
        SAMPLE_NAMES.fullmatch(normal_title(title)) is not None
        or GENE_TITLES.fullmatch(title) is not None
    )


def _is_better(title: str, values: Sequence[str]) -> bool:
    """Check whether the first column holds the names although another has such a title: its values
    are distinct, or its title fits, too.
    """
    n_distinct = len(set(values))
    return n_distinct == len(values) or (is_id_title(title) and 2 * n_distinct > len(values))


def _look_like_names(values: Sequence[str]) -> bool:
    likeness = measure_likeness(values)
    return likeness.gene_ids + likeness.sample_ids + likeness.symbols >= 0.6


def _settle_names(
    heading: list[str],
    rows: list[list[str]],
    candidates: list[int],
    request: Request,
    is_titled: bool = True,
) -> int:
    """Choose the first of the fields that may hold names; refuse two that hold the same names in
    different lines, as pairs do.
    """
    names_at = candidates[0]
    names = {row[names_at] for row in rows}
    for i in candidates[1:]:
        moved = sum(row[i] in names and row[i] != row[names_at] for row in rows)
        if 2 * moved <= len(rows):
            continue
        if not is_titled or is_id_title(heading[i]) == is_id_title(heading[names_at]):
            raise CohortError(
                f"{request.name}: the columns {heading[names_at]!r} and {heading[i]!r} hold "
                "the same names in different lines; expected "
                "one column of names: declare the other an annotation, as with "
                f"metadata={heading[i] or heading[names_at]}"
            )
        names_at = i if is_id_title(heading[i]) else names_at
    return names_at


def _resembles(first: list[str], rows: list[list[str]]) -> bool:
    """Check whether whole numbers of the first field are as large as those of the other fields, as
    counts would be.
    """
    others = [float(value) for row in rows[:50] for value in row[1:50] if NUMBER.fullmatch(value)]
    largest = max(map(float, first))
    return (
        bool(others)
        and all(value.is_integer() for value in others)
        and largest <= 10 * max(others)
        and max(others) > 30
    )


def is_id_title(title: str) -> bool:
    """Check whether a heading is one of names or ids."""
    return TITLES.fullmatch(title.strip()) is not None
