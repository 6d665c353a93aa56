"""GCT 1.2 and 1.3: a matrix of genes by samples, and annotations of both."""

import gzip
from pathlib import Path

import pytest

from genexp.errors import CohortError
from genexp.files.probe import Request
from genexp.formats import open_annotations
from tests.text_tables import annotate, check_values, read, refuse, write

NAN = float("nan")
OLDER = (
    "#1.2\n5\t3\nNAME\tDescription\tDLBCL.205\tDLBCL.206\tDLBCL.232\n1007_s_at\tU48705 "
    "/FEATURE=mRNA\t280.53\t271.48\t113.57\n"
    "1053_at\tM87338 /FEATURE= /DEFINITION=HUMA\t32.13\t91.6\t117.43\n117_at\tX5175 /FEATURE "
    "= cds\t41.27\t61.12\t24.1\n"
    "121_at\tblah blah blah\t738.32\t330.59\t249.37\n1320_at\tfirst/ second "
    "/ok\t88.45\t12.94\t18.46\n"
)
"""cmap/cmapPy: cmapPy/pandasGEXpress/tests/functional_tests/older_version_v1_2.gct."""
OLDER_VALUES = {
    "DLBCL.205": [280.53, 32.13, 41.27, 738.32, 88.45],
    "DLBCL.206": [271.48, 91.6, 61.12, 330.59, 12.94],
    "DLBCL.232": [113.57, 117.43, 24.1, 249.37, 18.46],
}
L1000 = (
    "#1.2\t\t\t\t\t\t\n3\t3\t\t\t\t\t\nName\tDescription\tLJP005_A375_24H_X1_B19:A03\tLJP005_A375_24H_X1_B19:A04\tLJP005_A375_24H_X1_B19:A05\n"
    "200814_at\tPSME1\t11.3819\t11.3336\t11.4486\n218597_s_at\tCISD1\t10.445\t10.445\t10.3658\n217140_s_at\tVDAC1\t6.3682\t5.9869\t6.0089\n"
)
"""cmap/cmapPy: cmapPy/pandasGEXpress/tests/functional_tests/test_v1point2_n5x10.gct, of which 3
rows and samples."""
ANNOTATED = (
    "#1.3\n3\t3\t3\t3\nid\tpr_analyte_num\tpr_gene_id\tpr_gene_symbol\tLJP005:A03\tLJP005:A04\tLJP005:A05\nqc_slope\tna\tna\tna\t58\t58\t57\n"
    "count_cv\tna\tna\tna\t22\t23\t24\npert_iname\t-666\t-666\t-666\tDMSO\tvorinostat\tDMSO\n200814_at\t11\t5720\tPSME1\t11.3819\t11.3336\t11.4486\n"
    "218597_s_at\t12\t55847\tCISD1\t10.4450\t10.4450\tNaN\n217140_s_at\t12\t7416\tVDAC1\t6.3682\t5.9869\t6.0089\n"
)
"""After cmap/cmapPy: cmapPy/pandasGEXpress/tests/functional_tests/test_l1000.gct."""
WHOLE_IDS = "#1.3\n3\t2\t1\t1\nid\trhd1\t1\t2\nchd1\t-666\ta\tb\n3\te\t5\t7\n11\tf\t13\t17\n-3\tc\t-7\t-11\n"  # noqa: E501
"""cmap/cmapPy: cmapPy/pandasGEXpress/tests/functional_tests/test_parse_gct_int_ids.gct."""
GTEX = (
    "#1.2\n3\t2\nid\tName\tDescription\tGTEX-1117F-0226-SM-5GZZ7\tGTEX-111CU-1826-SM-5GZYN\n7\tENSG00000223972.5\tDDX11L1\t0\t0\n"
    "8\tENSG00000227232.5\tWASH7P\t187\t109\n9\tENSG00000278267.1\tMIR6859-1\t0\t1\n"
)
"""As GTEx writes the counts of a tissue (gene_reads_2017-06-05_v8_adipose_subcutaneous.gct.gz)."""


def test_gct_1_2_is_read_with_its_descriptions(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "older_version_v1_2.gct", OLDER))
    check_values(frame, OLDER_VALUES)
    assert (table.format, table.heading, table.genes_in_rows) == ("GCT 1.2", "NAME", True)
    assert list(table.row_annotations["Description"])[3] == "blah blah blah"


def test_tabs_behind_the_first_lines_do_no_harm(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "m.gct", L1000))
    assert table.rows == ["200814_at", "218597_s_at", "217140_s_at"]
    assert frame.loc["217140_s_at"].to_list() == pytest.approx([6.3682, 5.9869, 6.0089])


@pytest.mark.parametrize("description", ["na", "", "5720"])
def test_descriptions_are_no_sample_whatever_they_hold(tmp_path: Path, description: str) -> None:
    table, _ = read(
        write(
            tmp_path,
            "m.gct",
            L1000.replace("PSME1", description)
            .replace("CISD1", description)
            .replace("VDAC1", description),
        )
    )
    assert len(table.columns) == 3
    assert list(table.row_annotations["Description"]) == [description] * 3


def test_a_packed_gct_is_read_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "download").write_bytes(gzip.compress(OLDER.encode()))
    check_values(read(tmp_path / "download")[1], OLDER_VALUES)


def test_ids_before_the_names_are_left_out_as_gtex_writes_them(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "gtex.gct", GTEX))
    assert table.rows == ["ENSG00000223972.5", "ENSG00000227232.5", "ENSG00000278267.1"]
    check_values(
        frame, {"GTEX-1117F-0226-SM-5GZZ7": [0, 187, 0], "GTEX-111CU-1826-SM-5GZYN": [0, 109, 1]}
    )
    assert list(table.row_annotations["Description"]) == ["DDX11L1", "WASH7P", "MIR6859-1"]


def test_gct_1_3_is_read_with_annotations_of_both_sides(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "m.gct", ANNOTATED))
    check_values(
        frame,
        {
            "LJP005:A03": [11.3819, 10.445, 6.3682],
            "LJP005:A04": [11.3336, 10.445, 5.9869],
            "LJP005:A05": [11.4486, NAN, 6.0089],
        },
    )
    assert list(table.row_annotations.columns) == ["pr_analyte_num", "pr_gene_id", "pr_gene_symbol"]
    assert list(table.row_annotations["pr_gene_id"]) == ["5720", "55847", "7416"]
    assert list(table.column_annotations["pert_iname"]) == ["DMSO", "vorinostat", "DMSO"]
    assert list(table.column_annotations["qc_slope"]) == ["58", "58", "57"]


def test_gct_1_3_with_whole_numbers_as_names_is_read(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "m.gct", WHOLE_IDS))
    assert table.rows == ["3", "11", "-3"]
    check_values(frame, {"1": [5, 13, -7], "2": [7, 17, -11]})
    assert list(table.column_annotations["chd1"]) == ["a", "b"]


def test_annotations_of_gct_1_3_are_read(tmp_path: Path) -> None:
    of_samples = annotate(write(tmp_path, "m.gct", ANNOTATED))
    assert list(of_samples.columns) == ["id", "qc_slope", "count_cv", "pert_iname"]
    assert list(of_samples["id"]) == ["LJP005:A03", "LJP005:A04", "LJP005:A05"]


def test_gct_1_2_holds_no_annotations_of_samples(tmp_path: Path) -> None:
    path = write(tmp_path, "m.gct", OLDER)
    with pytest.raises(CohortError, match=r"GCT 1\.2 file without annotations"):
        open_annotations(path, Request("m.gct"))


@pytest.mark.parametrize(
    ("text", "old", "new", "word"),
    [
        (OLDER, "1320_at\tfirst/ second /ok\t88.45\t12.94\t18.46\n", "", "5 rows"),
        (OLDER, "5\t3\n", "4\t3\n", "4 rows"),
        (OLDER, "5\t3\n", "5\t4\n", "4 samples"),
        (OLDER, "5\t3\n", "5\n", "whole numbers"),
        (OLDER, "\tDLBCL.232", "", "3 samples"),
        (OLDER, "\t18.46\n", "\n", "regular"),
        (OLDER, "NAME\tDescription", "121_at\tblah", "Name and Description"),
        (ANNOTATED, "3\t3\t3\t3", "3\t3\t3\t2", "pert_iname"),
        (ANNOTATED, "3\t3\t3\t3", "3\t3\t3\t4", "200814_at"),
        (ANNOTATED, "3\t3\t3\t3", "3\t3\t2\t3", "2 of annotations"),
        (ANNOTATED, "\tDMSO\n", "\n", "pert_iname"),
        (ANNOTATED, "217140_s_at", "217140_s_at\t1", "regular"),
    ],
)
def test_a_damaged_gct_is_refused(tmp_path: Path, text: str, old: str, new: str, word: str) -> None:
    assert old in text
    assert word in refuse(write(tmp_path, "m.gct", text.replace(old, new, 1)))
