"""Mutations of small tables: what editors, spreadsheets, scripts and broken downloads do to files.

A table is a list of lines, each a list of cells or, where it is no line of the table, a text. Each
mutation changes it in place, at a place that two numbers give, modulo the size of the table; so
that an example reads ``("double_line", 3, 17)``.
"""

from __future__ import annotations

from collections.abc import Callable

Line = list[str] | str
Sheet = list[Line]
Mutation = Callable[[Sheet, int, int], None]

CELLS = [
    "1e5", "-0", "1e-400", "1e400", "1E+02", "1e", "+5", "-3.5", "--5", "0x1F", "1,234", "1.234,5", "7,25", "1_000", "1 000", "12%", "5.",  # noqa: E501
    ".5", ".", "-", "", " ", "NA", "NaN", "nan", "N/A", "#N/A", "null", "None", "inf", "-Inf", "TRUE", "abc", "7.5abc", "1.2.3", "'7.5",  # noqa: E501
    "'--", " 7.5 ", "7.5\u00a0", "\u22125", "\uff15", "\u0665", "5d3", "#REF!", "1-Mar", "2020-03-01", "12:30", "$5", "\x00", "7;5", "7|5",  # noqa: E501
    "999", "99999999999999999999", "1e38", "1e39", "0.1e1", "007", "6.", "1/2", "=A1", "µ", "?", "''", "0", "1", "NA NA", "(5)", "\u20285",  # noqa: E501
]  # fmt: skip
"""Cells in the place of a number, or of an annotation."""
NAMES = [
    "", " ", "NA", "nan", "Total", "__no_feature", "1-Mar", "2006/03/01", "age", "OS", "status", "Length", "label", "tspan6", "TSPAN6 ",  # noqa: E501
    "7157", "TSPAN6", "TSPAN6|7105", "ENSG00000000003.14", "TCGA-AA-0000-01", "tcga.aa.0000.01", "TCGA-AA-0001", "#comment", "a,b", "a;b",  # noqa: E501
    "a\tb", '"', '"x', "'", "5'UTR", "gène", "\u2028", "\x00", "x" * 300, "0", "1", "1.5", "sample", "gene", "type", "OS.time", "patient",  # noqa: E501
    "index", "?", "Unnamed: 0", "mean", "batch", "time", "CD99.1", "MYH16_x_at", "-", "\ufeffTNMD", "TNMD\u00a0", "NaN",  # noqa: E501
]  # fmt: skip
"""Names in the place of a gene's, a sample's or a heading."""


def _line(sheet: Sheet, i: int) -> list[str]:
    """Return a line of the table, not its heading, as far as it has others."""
    lines = [line for line in sheet if isinstance(line, list)]
    return lines[1 + i % (len(lines) - 1)] if len(lines) > 1 else lines[0]


def _lines(sheet: Sheet) -> list[list[str]]:
    return [line for line in sheet if isinstance(line, list)]


def _place(sheet: Sheet, i: int) -> int:
    """Return a position behind the heading."""
    return 1 + i % len(sheet)


def _column(sheet: Sheet, j: int) -> int:
    width = len(_lines(sheet)[0])
    return 1 + j % (width - 1) if width > 1 else 0


def _set(line: list[str], j: int, text: str) -> None:
    if j < len(line):
        line[j] = text


def change_cell(sheet: Sheet, i: int, j: int) -> None:
    _set(_line(sheet, i), _column(sheet, j), CELLS[(i * 7 + j) % len(CELLS)])


def change_some_cells(sheet: Sheet, i: int, j: int) -> None:
    """The same odd word at some places, as where a tool writes missing values its own way."""
    for k in range(3 + i % 5):
        _set(_line(sheet, i + 5 * k), _column(sheet, j + 11 * k), CELLS[j % len(CELLS)])


def change_line(sheet: Sheet, i: int, j: int) -> None:
    line = _line(sheet, i)
    line[1:] = [CELLS[j % len(CELLS)]] * (len(line) - 1)


def change_column(sheet: Sheet, i: int, j: int) -> None:
    for line in _lines(sheet)[1:]:
        _set(line, _column(sheet, j), CELLS[i % len(CELLS)])


def rename_line(sheet: Sheet, i: int, j: int) -> None:
    _set(_line(sheet, i), 0, NAMES[j % len(NAMES)])


def rename_column(sheet: Sheet, i: int, j: int) -> None:
    _set(_lines(sheet)[0], _column(sheet, j), NAMES[i % len(NAMES)])


def rename_corner(sheet: Sheet, i: int, j: int) -> None:
    _set(_lines(sheet)[0], 0, NAMES[i % len(NAMES)])


def double_line(sheet: Sheet, i: int, j: int) -> None:
    sheet.insert(_place(sheet, j), list(_line(sheet, i)))


def swap_lines(sheet: Sheet, i: int, j: int) -> None:
    first, second = _line(sheet, i), _line(sheet, j)
    first[:], second[:] = list(second), list(first)


def cut_line(sheet: Sheet, i: int, j: int) -> None:
    if len(_lines(sheet)) > 2:
        line = _line(sheet, i)
        sheet[:] = [other for other in sheet if other is not line]


def swap_names(sheet: Sheet, i: int, j: int) -> None:
    """Names of two lines change places, so that each has the other's values."""
    first, second = _line(sheet, i), _line(sheet, j)
    first[0], second[0] = second[0], first[0]


def swap_columns(sheet: Sheet, i: int, j: int) -> None:
    first, second = _column(sheet, i), _column(sheet, j)
    for line in _lines(sheet):
        if max(first, second) < len(line):
            line[first], line[second] = line[second], line[first]


def move_column(sheet: Sheet, i: int, j: int) -> None:
    """A column elsewhere; that of names, too."""
    first, second = i % len(_lines(sheet)[0]), j % len(_lines(sheet)[0])
    for line in _lines(sheet):
        if first < len(line):
            line.insert(second, line.pop(first))


def move_names(sheet: Sheet, i: int, j: int) -> None:
    """The column of names to the end, or behind the first column."""
    for line in _lines(sheet):
        line.insert(len(line) if i % 2 else 1, line.pop(0))


def double_column(sheet: Sheet, i: int, j: int) -> None:
    first, second = i % len(_lines(sheet)[0]), j % len(_lines(sheet)[0])
    for line in _lines(sheet):
        if first < len(line):
            line.insert(second, line[first])


def cut_column(sheet: Sheet, i: int, j: int) -> None:
    column = i % len(_lines(sheet)[0])
    for line in _lines(sheet):
        if column < len(line) > 2:
            line.pop(column)


def swap_headings(sheet: Sheet, i: int, j: int) -> None:
    heading = _lines(sheet)[0]
    first, second = _column(sheet, i), _column(sheet, j)
    heading[first], heading[second] = heading[second], heading[first]


def drop_cell(sheet: Sheet, i: int, j: int) -> None:
    line = _line(sheet, i)
    line.pop(j % len(line))


def add_cell(sheet: Sheet, i: int, j: int) -> None:
    line = _line(sheet, i)
    line.insert(j % (len(line) + 1), CELLS[j % len(CELLS)])


def drop_corner(sheet: Sheet, i: int, j: int) -> None:
    """No heading above the names, as R writes it."""
    _lines(sheet)[0].pop(0)


def drop_heading(sheet: Sheet, i: int, j: int) -> None:
    if len(_lines(sheet)) > 2:
        sheet.remove(_lines(sheet)[0])


def end_with_delimiters(sheet: Sheet, i: int, j: int) -> None:
    """A delimiter at the end of all lines, with or without the heading, or of one line."""
    for line in (_lines(sheet), _lines(sheet)[1:], [_line(sheet, j)])[i % 3]:
        line.append("")


def insert_blank_line(sheet: Sheet, i: int, j: int) -> None:
    sheet.insert(i % (len(sheet) + 1), ("", " ", "\t\t")[j % 3])


def insert_comment(sheet: Sheet, i: int, j: int) -> None:
    sheet.insert(
        0 if j % 2 else i % (len(sheet) + 1),
        ("# made by a tool", "#", "Table 1", "// note", "%%", "! x\t1")[i % 6],
    )


def repeat_heading(sheet: Sheet, i: int, j: int) -> None:
    """As where two parts of a table are joined with their headings."""
    sheet.insert(_place(sheet, i), list(_lines(sheet)[0]))


def join_parts(sheet: Sheet, i: int, j: int) -> None:
    """Two parts one below the other, the second with its columns in another order, below a heading
    of its own.
    """
    lines = _lines(sheet)
    start = 1 + i % max(len(lines) - 2, 1)
    shift = 1 + j % 7
    turned = [
        [line[0], *line[1 + shift :], *line[1 : 1 + shift]] for line in [lines[0], *lines[start:]]
    ]
    sheet[:] = [*lines[:start], *turned]


def number_lines(sheet: Sheet, i: int, j: int) -> None:
    """A column that counts lines, in front."""
    title = ("", "index", "Unnamed: 0", "row", "id", "X")[i % 6]
    for k, line in enumerate(_lines(sheet)):
        line.insert(0, title if k == 0 else str(k - j % 2))


def add_text_column(sheet: Sheet, i: int, j: int) -> None:
    title = ("Description", "notes", "gene_name", "platform", "x")[i % 5]
    for k, line in enumerate(_lines(sheet)):
        line.insert(1 + j % 2, title if k == 0 else ("", "kinase", "protein coding")[k % 3])


def add_number_column(sheet: Sheet, i: int, j: int) -> None:
    title = ("age", "Length", "Entrez_Gene_Id", "batch", "Start")[i % 5]
    for k, line in enumerate(_lines(sheet)):
        line.insert(1 if j % 2 else len(line), title if k == 0 else str(40 + 7 * k % 31))


def add_rotated_names(sheet: Sheet, i: int, j: int) -> None:
    """A second column of names, those of other lines: pairs, controls, neighbours."""
    lines = _lines(sheet)
    names = [line[0] for line in lines[1:]]
    for k, line in enumerate(lines):
        line.insert(
            i % 3, ("paired_with", "id", "control")[j % 3] if k == 0 else names[k % len(names)]
        )


def add_total(sheet: Sheet, i: int, j: int) -> None:
    width = len(_lines(sheet)[0])
    sheet.append([("Total", "__no_feature", "mean", "Sum")[i % 4], *["421.5"] * (width - 1)])


def transpose(sheet: Sheet, i: int, j: int) -> None:
    lines = _lines(sheet)
    if len({len(line) for line in lines}) == 1:
        sheet[:] = [list(line) for line in zip(*lines, strict=True)]


def change_ids(sheet: Sheet, i: int, j: int) -> None:
    """Names along lines and columns in another form: case, dots, blanks around."""
    form: Callable[[str], str] = (
        str.lower,
        str.upper,
        lambda text: text.replace("-", "."),
        lambda text: f" {text} ",
        lambda text: text + "A",
    )[i % 5]
    lines = _lines(sheet)
    for line in lines[1:] if j % 2 else lines[:1]:
        line[:] = [form(cell) if cell.startswith("TCGA") else cell for cell in line]


def cut_normals(sheet: Sheet, i: int, j: int) -> None:
    """Lines of normal samples alone are lost, so that each patient has one line."""
    kept = [line for line in sheet if isinstance(line, str) or not line[0].endswith("-11")]
    sheet[:] = kept if len(kept) > 2 else sheet


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        change_cell, change_some_cells, change_line, change_column, rename_line, rename_column, rename_corner, double_line, swap_lines,  # noqa: E501
        cut_line, swap_names, swap_columns, move_column, move_names, double_column, cut_column, swap_headings, drop_cell, add_cell,  # noqa: E501
        drop_corner, drop_heading, end_with_delimiters, insert_blank_line, insert_comment, repeat_heading, join_parts, number_lines,  # noqa: E501
        add_text_column, add_number_column, add_rotated_names, add_total, transpose, change_ids, cut_normals,  # noqa: E501
    )
}  # fmt: skip
