"""Excel workbooks: matrices and clinical tables as people save them."""

import datetime
import gzip
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from genexp.errors import CohortError
from tests.opened_table import annotate, assert_values, open_file

SAMPLES, GENES = [f"S{i}" for i in range(12)], [f"GENE{i}" for i in range(8)]
VALUES = pd.DataFrame(np.random.default_rng(11).normal(6, 2, (12, 8)).round(3), SAMPLES, GENES)


def write_book(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def list_rows(frame: pd.DataFrame, corner: str = "id") -> list[list[object]]:
    return [
        [corner, *frame.columns],
        *([name, *row] for name, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)),
    ]


@pytest.mark.parametrize("name", ["m.xlsx", "matrix", "m.csv"])
def test_a_frame_that_pandas_wrote_is_read(tmp_path: Path, name: str) -> None:
    VALUES.to_excel(tmp_path / "m.xlsx")
    (tmp_path / "m.xlsx").rename(tmp_path / name)
    table = assert_values(tmp_path / name, VALUES)
    assert table.format == "Excel"


def test_genes_in_rows_under_titles_are_read(tmp_path: Path) -> None:
    rows = [
        ["Supplementary Table 3: expression, log2 (TPM + 1), of 12 samples"],
        [],
        *list_rows(VALUES.T, "Gene"),
    ]
    table = assert_values(write_book(tmp_path / "m.xlsx", Sheet=rows), VALUES.T)
    assert table.heading == "Gene"
    assert any("Supplementary" in note for note in table.notes)


def test_numbers_that_are_stored_as_text_are_numbers(tmp_path: Path) -> None:
    rows = list_rows(VALUES)
    rows[3][2], rows[4][3], rows[5][1] = str(rows[3][2]), "NA", None
    expected = VALUES.copy()
    expected.iloc[3, 2] = expected.iloc[4, 0] = np.nan
    assert_values(write_book(tmp_path / "m.xlsx", Sheet=rows), expected)


def test_genes_that_became_dates_are_shown_as_excel_shows_them(tmp_path: Path) -> None:
    rows = list_rows(VALUES.T, "Gene")
    rows[1][0], rows[2][0], rows[3][0] = (
        datetime.datetime(2024, 9, 2),
        datetime.date(2023, 3, 1),
        datetime.datetime(2024, 12, 1),
    )
    expected = VALUES.T.set_axis(["2-Sep", "1-Mar", "1-Dec", *GENES[3:]])
    assert_values(write_book(tmp_path / "m.xlsx", Sheet=rows), expected)
    across = [list(row) for row in zip(*rows, strict=True)]
    assert_values(write_book(tmp_path / "n.xlsx", Sheet=across), expected.T)


def test_whole_number_ids_have_no_decimals(tmp_path: Path) -> None:
    frame = VALUES.set_axis([float(i) for i in range(1000, 1012)])
    assert open_file(write_book(tmp_path / "m.xlsx", Sheet=list_rows(frame))).rows == [
        str(i) for i in range(1000, 1012)
    ]


def test_columns_of_text_are_annotations(tmp_path: Path) -> None:
    frame = VALUES.assign(subtype=["LumA", "Basal"] * 6)[["subtype", *GENES]]
    frame.to_excel(tmp_path / "m.xlsx")
    assert list(assert_values(tmp_path / "m.xlsx", VALUES).row_annotations["subtype"])[:2] == [
        "LumA",
        "Basal",
    ]


def test_a_small_sheet_beside_the_matrix_is_named_and_not_read(tmp_path: Path) -> None:
    path = write_book(
        tmp_path / "m.xlsx",
        Readme=[["Please read"]],
        Legend=[["a", "b"], ["c", "d"]],
        Data=list_rows(VALUES),
    )
    assert "Other sheets were not read: 1 (Legend)." in assert_values(path, VALUES).notes


def test_two_sheets_with_tables_are_asked_about_and_one_can_be_named(tmp_path: Path) -> None:
    path = write_book(tmp_path / "m.xlsx", counts=list_rows(VALUES.round()), tpm=list_rows(VALUES))
    with pytest.raises(
        CohortError, match=r"tables on the sheets 2 \(counts, tpm\); .*layer=counts"
    ):
        open_file(path)
    assert_values(path, VALUES, layer="tpm")
    with pytest.raises(CohortError, match="no sheet 'fpkm'"):
        open_file(path, layer="fpkm")


def test_a_workbook_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="found none in the sheets"):
        open_file(write_book(tmp_path / "m.xlsx", Sheet=[["only a title"]]))


def test_a_clinical_table_is_text_with_its_dates(tmp_path: Path) -> None:
    rows = [
        ["Clinical data, 2024"],
        ["id", "code", "day", "age", "alive", "comment"],
        *(
            [name, "01", datetime.datetime(2020, 2, 3), 50.5, True, "tab\tand\nline, and more"]
            for name in SAMPLES
        ),
    ]
    table = annotate(write_book(tmp_path / "c.xlsx", Clinical=rows, Readme=[["nothing"]]))
    assert list(table) == ["id", "code", "day", "age", "alive", "comment"]
    assert list(table.iloc[0]) == [
        "S0",
        "01",
        "2020-02-03",
        "50.5",
        "TRUE",
        "tab and line, and more",
    ]
    assert len(table) == 12


def test_two_clinical_tables_are_asked_about(tmp_path: Path) -> None:
    path = write_book(tmp_path / "c.xlsx", a=list_rows(VALUES), b=list_rows(VALUES))
    with pytest.raises(
        CohortError, match=r"one sheet with a table of annotations, found 2 \(a, b\)"
    ):
        annotate(path)


def test_packed_workbooks_are_unpacked(tmp_path: Path) -> None:
    content = write_book(tmp_path / "m.xlsx", Sheet=list_rows(VALUES)).read_bytes()
    (tmp_path / "m.xlsx.gz").write_bytes(gzip.compress(content))
    assert_values(tmp_path / "m.xlsx.gz", VALUES)
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("m.xlsx", content)
    assert_values(tmp_path / "m.zip", VALUES)


def test_old_workbooks_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
    for read in (open_file, annotate):
        with pytest.raises(CohortError, match=r"old Excel workbook .* save it as .xlsx or CSV"):
            read(tmp_path / "m.xls")


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = write_book(tmp_path / "m.xlsx", Sheet=list_rows(VALUES))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image.bin", bytes(30 << 20))
    with pytest.raises(CohortError, match="which no workbook of numbers does"):
        open_file(path)
