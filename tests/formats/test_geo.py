"""GEO series matrices: annotations by sample, and the matrix below them."""

import bz2
import gzip
from pathlib import Path

import pytest

from genexp.errors import CohortError
from genexp.files.probe import Request
from genexp.formats import open_annotations
from tests.text_tables import annotate, check_values, read, refuse, write


def line(title: str, *values: str) -> str:
    return "\t".join([title, *(f'"{value}"' for value in values)]) + "\n"


SEQUENCING = (
    line("!Series_title", "Models for Predicting Progestin Insensitivity [RNA-seq]")
    + line("!Series_geo_accession", "GSE201926")
    + line("!Series_summary", "To establish predictive models; 12 samples: 6 and 6.")
    + line(
        "!Series_supplementary_file",
        "ftp://ftp.ncbi.nlm.nih.gov/geo/series/GSE201nnn/GSE201926/suppl/GSE201926_RAW.tar",
    )
    + line("!Series_platform_id", "GPL23227")
    + "\n"
    + line("!Sample_title", "RNA_seq_PIS_1", "RNA_seq_PIS_3", "RNA_seq_PS_1")
    + line("!Sample_geo_accession", "GSM6081173", "GSM6081175", "GSM6081179")
    + line("!Sample_status", *["Public on Aug 10 2022"] * 3)
    + line("!Sample_type", "SRA", "SRA", "SRA")
    + line("!Sample_channel_count", "1", "1", "1")
    + line("!Sample_source_name_ch1", *["endometrium lesion"] * 3)
    + line("!Sample_organism_ch1", *["Homo sapiens"] * 3)
    + line("!Sample_characteristics_ch1", *["tissue: endometrium lesion"] * 3)
    + line(
        "!Sample_characteristics_ch1",
        "diagnosis: endometrial endometrioid carcinoma",
        "diagnosis: endometrial atypical hyperplasia",
        "diagnosis: endometrial endometrioid carcinoma",
    )
    + line("!Sample_characteristics_ch1", "age: 26", "age: 28", "age: 36")
    + line("!Sample_data_processing", *["Illumina Casava1.7 software used for basecalling."] * 3)
    + line("!Sample_data_processing", *["Assembly: Human (hg38)"] * 3)
    + line("!Sample_platform_id", "GPL23227", "GPL23227", "GPL23227")
    + line("!Sample_contact_zip/postal_code", "200011", "200011", "200011")
    + line("!Sample_data_row_count", "0", "0", "0")
    + line("!Sample_instrument_model", *["BGISEQ-500"] * 3)
    + "!series_matrix_table_begin\n"
    + line('"ID_REF"', "GSM6081173", "GSM6081175", "GSM6081179")
    + "!series_matrix_table_end\n"
)
"""Lines of amcwong/endoSignatureR: inst/extdata/gse201926_series_matrix.txt.gz, with 3 of its 12
samples."""

TABLE = '"ID_REF"\t"GSM549316"\t"GSM549317"\t"GSM549318"\n"1007_s_at"\t10.12\t9.871\t11.04\n"1053_at"\t7.31\tnull\t6.9\n"117_at"\t5.5\t\t6\n'  # noqa: E501
ARRAY = (
    line("!Series_title", "Mixed keys")
    + line("!Series_geo_accession", "GSE21997")
    + "\n"
    + line("!Sample_title", "A", "B", "C")
    + line("!Sample_geo_accession", "GSM549316", "GSM549317", "GSM549318")
    + line("!Sample_characteristics_ch1", "gender: female", "age: 61", "Gender: male")
    + line("!Sample_characteristics_ch1", "age: 47", "time: os: 13:30", "")
    + line(
        "!Sample_characteristics_ch1", "treatment: doxorubicin", "gender: male", "treatment: none"
    )
    + line("!Sample_characteristics_ch1", "treatment: docetaxel", "whole blood", "stage:")
    + line("!Sample_data_processing", *["RMA, log2 by Expression Console"] * 3)
    + line("!Sample_description", "one", "two", "three")
    + line("!Sample_description", "1", "2", "3")
    + line("!Sample_data_row_count", "3", "3", "3")
    + "!series_matrix_table_begin\n"
    + TABLE
    + "!series_matrix_table_end\n"
)
VALUES = {
    "GSM549316": [10.12, 7.31, 5.5],
    "GSM549317": [9.871, float("nan"), float("nan")],
    "GSM549318": [11.04, 6.9, 6.0],
}


def test_values_and_annotations_of_an_array_series_are_read(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "GSE21997_series_matrix.txt", ARRAY))
    check_values(frame, VALUES)
    assert table.rows == ["1007_s_at", "1053_at", "117_at"]
    assert (table.format, table.heading, table.genes_in_rows) == (
        "GEO series matrix",
        "ID_REF",
        True,
    )
    assert list(table.column_annotations["title"]) == ["A", "B", "C"]
    assert list(table.column_annotations["geo_accession"]) == table.columns
    assert any("RMA, log2" in note for note in table.notes)


def test_characteristics_are_collected_by_key_where_lines_mix_them(tmp_path: Path) -> None:
    table, _ = read(write(tmp_path, "m.txt", ARRAY))
    of_samples = table.column_annotations
    assert list(of_samples["gender"]) == ["female", "male", "male"]
    assert list(of_samples["age"]) == ["47", "61", ""]
    assert list(of_samples["time"]) == ["", "os: 13:30", ""]
    assert list(of_samples["stage"]) == ["", "", ""]
    assert list(of_samples["characteristics_ch1"]) == ["", "whole blood", ""]


def test_a_characteristic_that_stands_twice_is_joined_and_said(tmp_path: Path) -> None:
    table, _ = read(write(tmp_path, "m.txt", ARRAY))
    assert list(table.column_annotations["treatment"]) == ["doxorubicin; docetaxel", "", "none"]
    assert any("two values" in note and "treatment" in note for note in table.notes)
    assert list(table.column_annotations["description (2)"]) == ["1", "2", "3"]


def test_keys_of_both_channels_name_their_channel(tmp_path: Path) -> None:
    second = line(
        "!Sample_characteristics_ch2", "gender: female", "gender: female", "gender: male"
    ) + line("!Sample_characteristics_ch2", "status: control", "status: case", "status: case")
    of_samples = annotate(
        write(
            tmp_path,
            "m.txt",
            ARRAY.replace("!Sample_data_processing", second + "!Sample_data_processing", 1),
        )
    )
    assert list(of_samples["gender_ch1"]) == ["female", "male", "male"]
    assert list(of_samples["gender_ch2"]) == ["female", "female", "male"]
    assert list(of_samples["status"]) == ["control", "case", "case"]


def test_a_series_without_values_names_its_supplementary_files(tmp_path: Path) -> None:
    message = refuse(write(tmp_path, "GSE201926_series_matrix.txt", SEQUENCING))
    assert "supplementary file" in message
    assert "GSE201926_RAW.tar" in message
    assert "obs" in message


def test_annotations_of_a_series_without_values_are_read(tmp_path: Path) -> None:
    of_samples = annotate(write(tmp_path, "m.txt", SEQUENCING))
    assert of_samples.columns[0] == "geo_accession"
    assert list(of_samples["geo_accession"]) == ["GSM6081173", "GSM6081175", "GSM6081179"]
    assert list(of_samples["age"]) == ["26", "28", "36"]
    assert list(of_samples["diagnosis"])[1] == "endometrial atypical hyperplasia"
    assert not any("contact" in title or "protocol" in title for title in of_samples.columns)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_series_is_read_under_any_name(tmp_path: Path, pack: object) -> None:
    path = tmp_path / "download"
    path.write_bytes(pack(ARRAY.encode()))  # type: ignore[operator]
    check_values(read(path)[1], VALUES)


def test_a_series_saved_as_utf_16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.txt"
    path.write_bytes(ARRAY.replace("\n", "\r\n").encode("utf-16"))
    check_values(read(path)[1], VALUES)


def test_columns_in_another_order_keep_their_annotations(tmp_path: Path) -> None:
    lines = [
        '"ID_REF"\t"GSM549318"\t"GSM549316"\t"GSM549317"',
        '"1007_s_at"\t11.04\t10.12\t9.871',
        '"1053_at"\t6.9\t7.31\tnull',
        '"117_at"\t6\t5.5\t',
    ]
    table, frame = read(write(tmp_path, "m.txt", ARRAY.replace(TABLE, "\n".join(lines) + "\n")))
    assert frame.loc["1007_s_at", "GSM549316"] == pytest.approx(10.12)
    assert list(table.column_annotations["title"]) == ["C", "A", "B"]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("!series_matrix_table_end\n", "", "complete"),
        ("!series_matrix_table_begin\n", "", "table_begin"),
        ('"117_at"', '!series_matrix_table_end\n"117_at"', "goes on"),
        ('\t"GSM549318"\n!Sample_ch', "\n!Sample_ch", "number of values"),
        ('"ID_REF"\t"GSM549316"', '"ID_REF"\t"GSM549399"', "GSM549399"),
        ("!Sample_geo_accession", "!Sample_geo", "!Sample_geo_accession"),
        ("!Sample_title\t", "title,", "separated by tabs"),
        ("\t6.9\n", "\n", "regular table"),
    ],
)
def test_a_damaged_series_is_refused(tmp_path: Path, old: str, new: str, word: str) -> None:
    assert old in ARRAY
    assert word in refuse(write(tmp_path, "m.txt", ARRAY.replace(old, new, 1)))


def test_a_series_with_fewer_rows_than_geo_counted_says_so(tmp_path: Path) -> None:
    table, _ = read(
        write(
            tmp_path,
            "m.txt",
            ARRAY.replace('row_count\t"3"\t"3"\t"3"', 'row_count\t"54675"\t"54675"\t"54675"'),
        )
    )
    assert any("54,675" in note for note in table.notes)


@pytest.mark.parametrize(
    "start", ["^DATABASE = GeoMiame", "^SERIES = GSE68849", "^DATASET = GDS507"]
)
def test_a_soft_file_is_refused_for_the_series_matrix(tmp_path: Path, start: str) -> None:
    path = write(
        tmp_path,
        "GSE68849_family.soft",
        f"{start}\n!Series_title = Impact of influenza A\n!Series_geo_accession = GSE68849\n",
    )
    assert "series matrix" in refuse(path)
    with pytest.raises(CohortError, match="series matrix"):
        open_annotations(path, Request("x"))
