"""Matrices with two lines of headings (MAGE-TAB, Firehose), SDRF, featureCounts."""

from pathlib import Path

import pytest

from genexp.errors import CohortError
from genexp.files.layout import find_layout
from genexp.files.probe import Request
from genexp.formats import open_annotations
from tests.text_tables import annotate, check_values, read, refuse, write

NORMALIZED = (
    "Hybridization "
    "REF\tTCGA-3H-AB3K-01A-11R-A40A-07\tTCGA-3H-AB3L-01A-11R-A40A-07\ngene_id\tnormalized_count\tnormalized_count\n"
    "?|100130426\t0.0000\t0.3120\nA1BG|1\t87.6543\t12.5\nTP53|7157\t1532.2034\t998.0\n"
)
"""As Firehose writes
MESO.rnaseqv2__illuminahiseq_rnaseqv2__unc_edu__Level_3__RSEM_genes_normalized__data.data.txt."""
RAW = (
    "Hybridization "
    "REF\tTCGA-3H-AB3K\tTCGA-3H-AB3K\tTCGA-3H-AB3K\tTCGA-3H-AB3L\tTCGA-3H-AB3L\tTCGA-3H-AB3L\n"
    "gene_id\traw_count\tscaled_estimate\ttranscript_id\traw_count\tscaled_estimate\ttranscript_id\n"
    "?|100130426\t0.00\t0.0\tuc011lsn.1\t5.00\t1.5e-07\tuc011lsn.1\nA1BG|1\t186.00\t4.1e-06\tuc002qsd.3,uc002qsf.1\t99.91\t2e-06\tuc002qsd.3,uc002qsf.1\n"
)
"""The headings of Rohit-Satyam/iiitd-training-work: README.md, of Firehose's
RSEM_genes__data.data.txt."""
INTENSITIES = (
    "Hybridization REF\tHyb1\tHyb1\tHyb2\tHyb2\nReporter "
    "REF\tintensity\tstddev\tintensity\tstddev\n"
    "R1\t1\t2\t3\t4\nR2\t1.1\t2.2\t3.3\t4.4\nR3\t2.2\t3.3\t4.4\t5.5\n"
)
"""The example of the tests of Bio::MAGETAB for data matrices."""
POSITIONS = (
    "Hybridization REF\t\t\tmy_hybridization_1\tmy_hybridization_2\nReporter "
    "REF\tChromosome\tPosition\tLog2Ratio\tLog2Ratio\n"
    "A_16_P37638626\t6\t62964904\t-0.447480618012438\t0.25\nA_16_P37638627\t7\t62964911\t0.5\t-1\n"
)
"""Of the form that cn2magetab writes, with columns that describe genes."""
CLINICAL = (
    "Hybridization REF\ttcga-5l-aat0\ttcga-5l-aat1\ttcga-a2-a04v\nComposite Element "
    "REF\tvalue\tvalue\tvalue\nyears_to_birth\t42\t63\t39\n"
    "vital_status\t0\t0\t1\ndays_to_death\tNA\tNA\t1920\ngender\tfemale\tfemale\tfemale\nhistological_type\tinfiltrating "  # noqa: E501
    "lobular "
    "carcinoma\t"
    "infiltrating lobular carcinoma\tinfiltrating ductal carcinoma\n"
)
"""As Firehose writes BRCA.clin.merged.picked.txt."""
SDRF = (
    "Source Name\tCharacteristics [organism]\tTerm Source "
    "REF\tCharacteristics[disease]\tTerm Source REF\tExtract Name\tComment[ENA_RUN]\t"
    "Comment[FASTQ_URI]\tFactor Value[disease]\n"
    "S 1\tHomo sapiens\tNCBITaxon\tnormal\tEFO\tS 1 extract\tERR1\tftp/ERR1_1.fastq.gz\tnormal\n"
    "S 1\tHomo sapiens\tNCBITaxon\tnormal\tEFO\tS 1 extract\tERR1\tftp/ERR1_2.fastq.gz\tnormal\n"
    "S 2\tHomo sapiens\tNCBITaxon\tasthma\tEFO\tS 2 extract\tERR2\tftp/ERR2_1.fastq.gz\tasthma\n"
    "S 2\tHomo sapiens\tNCBITaxon\tasthma\tEFO\tS 2 extract\tERR2\tftp/ERR2_2.fastq.gz\tasthma\n"
)
COUNTS = (
    '# Program:featureCounts v2.0.3; Command:"featureCounts" "-a" "genes.gtf" "-o" "counts.txt" '
    '"/data/run/S1/S1.Aligned.sortedByCoord.out.bam"\n'
    "Geneid\tChr\tStart\tEnd\tStrand\tLength\t/data/run/S1/S1.Aligned.sortedByCoord.out.bam\t/data/run/S2/S2.Aligned.sortedByCoord.out.bam\n"
    "ENSG00000223972\tchr1;chr1\t11869;12613\t12227;12721\t+;+\t1735\t0\t4\nENSG00000227232\tchr1\t14404\t29570\t-\t1351\t37\t51\n"
    "ENSG00000278267\tchr1\t17369\t17436\t-\t68\t5\t3\n"
)


def test_a_matrix_of_firehose_is_read_without_its_second_heading(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "MESO.data.txt", NORMALIZED))
    check_values(
        frame,
        {
            "TCGA-3H-AB3K-01A-11R-A40A-07": [0, 87.6543, 1532.2034],
            "TCGA-3H-AB3L-01A-11R-A40A-07": [0.312, 12.5, 998],
        },
    )
    assert table.rows == ["?|100130426", "A1BG|1", "TP53|7157"]
    assert (table.scale, table.genes_in_rows) == ("norm_count", True)
    assert any("normalized_count" in note for note in table.notes)


def test_raw_counts_are_taken_of_three_columns_for_each_sample(tmp_path: Path) -> None:
    path = write(tmp_path, "MESO.data.txt", RAW)
    table, frame = read(path)
    check_values(frame, {"TCGA-3H-AB3K": [0, 186], "TCGA-3H-AB3L": [5, 99.91]})
    assert table.scale == "counts"
    assert any("scaled_estimate" in note and "not read" in note for note in table.notes)
    check_values(
        read(path, "scaled_estimate")[1],
        {"TCGA-3H-AB3K": [0, 4.1e-06], "TCGA-3H-AB3L": [1.5e-07, 2e-06]},
    )


def test_other_quantities_are_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path, "matrix.txt", INTENSITIES)
    message = refuse(path)
    assert "intensity, stddev" in message
    assert "layer=intensity" in message
    check_values(read(path, "intensity")[1], {"Hyb1": [1, 1.1, 2.2], "Hyb2": [3, 3.3, 4.4]})


def test_columns_below_no_sample_describe_genes(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "matrix.txt", POSITIONS))
    check_values(
        frame, {"my_hybridization_1": [-0.44748062, 0.5], "my_hybridization_2": [0.25, -1]}
    )
    assert list(table.row_annotations["Position"]) == ["62964904", "62964911"]


def test_clinical_tables_of_firehose_are_annotations(tmp_path: Path) -> None:
    path = write(tmp_path, "BRCA.clin.merged.picked.txt", CLINICAL)
    of_samples = annotate(path)
    assert list(of_samples["sample"]) == ["tcga-5l-aat0", "tcga-5l-aat1", "tcga-a2-a04v"]
    assert list(of_samples["days_to_death"]) == ["NA", "NA", "1920"]
    assert list(of_samples["vital_status"]) == ["0", "0", "1"]
    assert "obs" in refuse(path)


def test_a_damaged_clinical_table_of_firehose_is_refused(tmp_path: Path) -> None:
    for text in (
        CLINICAL.replace("\t1920\n", "\n"),
        CLINICAL.replace("vital_status", "days_to_death"),
    ):
        with pytest.raises(CohortError, match="days_to_death"):
            open_annotations(write(tmp_path, "clin.txt", text), Request("clin.txt"))


def test_a_matrix_of_values_is_no_annotation(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="as the cohort"):
        open_annotations(write(tmp_path, "m.txt", NORMALIZED), Request("m.txt"))


@pytest.mark.parametrize(
    ("text", "old", "new", "word"),
    [
        (
            NORMALIZED,
            "gene_id\tnormalized_count\tnormalized_count\n",
            "",
            "second line of headings",
        ),
        (NORMALIZED, "\tnormalized_count\n", "\n", "2 columns"),
        (NORMALIZED, "\t998.0\n", "\n", "regular"),
        (RAW, "\tuc002qsd.3,uc002qsf.1\n", "\n", "regular"),
        (
            RAW,
            "\traw_count\tscaled_estimate\ttranscript_id\n",
            "\tscaled_estimate\tscaled_estimate\ttranscript_id\n",
            "every sample",
        ),
    ],
)
def test_damaged_headings_are_refused(
    tmp_path: Path, text: str, old: str, new: str, word: str
) -> None:
    assert old in text
    assert word in refuse(write(tmp_path, "m.txt", text.replace(old, new, 1)))


def test_an_sdrf_is_a_table_of_samples(tmp_path: Path) -> None:
    path = write(tmp_path, "E-MTAB-1.sdrf.txt", SDRF)
    of_samples = annotate(path)
    assert list(of_samples["Source Name"]) == ["S 1", "S 2"]
    assert list(of_samples["Characteristics[disease]"]) == ["normal", "asthma"]
    assert list(of_samples["Term Source REF (2)"]) == ["EFO", "EFO"]
    assert "obs" in refuse(path)


def test_an_sdrf_whose_files_are_of_other_samples_keeps_its_rows(tmp_path: Path) -> None:
    of_samples = annotate(
        write(
            tmp_path,
            "x.sdrf.txt",
            SDRF.replace("ERR1\tftp/ERR1_2", "ERR9\tftp/ERR1_2").replace(
                "S 1 extract\tERR9", "S 1b\tERR9"
            ),
        )
    )
    assert len(of_samples) == 4


def test_files_of_alignments_become_names_of_samples(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "counts.txt", COUNTS))
    check_values(frame, {"S1": [0, 37, 5], "S2": [4, 51, 3]})
    assert (table.format, table.scale, table.genes_in_rows) == ("featureCounts", "counts", True)
    assert list(table.row_annotations.columns) == ["Chr", "Start", "End", "Strand", "Length"]
    assert list(table.row_annotations["Length"]) == ["1735", "1351", "68"]
    assert any("'S1'" in note for note in table.notes)


def test_files_of_one_name_in_two_folders_are_named_by_folder(tmp_path: Path) -> None:
    text = COUNTS.replace("S1/S1.Aligned.sortedByCoord.out.bam", "S1/accepted_hits.bam").replace(
        "S2/S2.Aligned.sortedByCoord.out.bam", "S2/accepted_hits.bam"
    )
    check_values(read(write(tmp_path, "counts.txt", text))[1], {"S1": [0, 37, 5], "S2": [4, 51, 3]})


def test_a_table_of_featurecounts_without_its_first_line_and_with_more_columns_is_read(
    tmp_path: Path,
) -> None:
    lines = COUNTS.splitlines()[1:]
    lines = [
        line.replace("\tLength\t", "\tLength\tgene_name\t")
        if i == 0
        else "\t".join([*line.split("\t")[:6], f"G{i}", *line.split("\t")[6:]])
        for i, line in enumerate(lines)
    ]
    table, frame = read(write(tmp_path, "counts.txt", "\n".join(lines) + "\n"))
    check_values(frame, {"S1": [0, 37, 5], "S2": [4, 51, 3]})
    assert list(table.row_annotations["gene_name"]) == ["G1", "G2", "G3"]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("Geneid\tChr", "Chr\tGeneid", "Geneid"),
        ("\t5\t3\n", "\t5\n", "regular"),
        ("\t37\t", "\tx\t", "text"),
    ],
)
def test_a_damaged_table_of_featurecounts_is_refused(
    tmp_path: Path, old: str, new: str, word: str
) -> None:
    assert word in refuse(write(tmp_path, "counts.txt", COUNTS.replace(old, new, 1)))


@pytest.mark.parametrize(
    "names", [["S1", "S2", "S3", "S4", "S5"], ["TP53", "BRCA1", "EGFR", "MYC", "PTEN"]]
)
def test_a_column_added_under_a_heading_without_a_corner_is_refused(
    names: list[str], tmp_path: Path
) -> None:
    """R writes no title above row names, so the first sample is above them, and a new column's
    title above the first values.
    """
    rows = [f"row{i}\tkinase\t" + "\t".join(f"{i}.{j}" for j in range(5)) for i in range(6)]
    shifted = write(
        tmp_path,
        "shifted.tsv",
        "\n".join(["\t".join([names[0], "notes", *names[1:]]), *rows]) + "\n",
    )
    assert (
        f"'{names[0]}' is the title of a column of text, 'notes' of a column of numbers"
        in refuse(shifted)
    )
    whole = write(tmp_path, "whole.tsv", "\n".join(["\t".join(["notes", *names]), *rows]) + "\n")
    assert read(whole)[0].columns == names, "every title is above its column"


def test_decimal_commas_between_commas_are_refused_and_not_read_as_twice_as_many_genes(
    tmp_path: Path,
) -> None:
    names = ["sample", "TP53", "BRCA1", "EGFR", "MYC", "PTEN"]
    rows = [
        f"TCGA-AA-000{i}-01," + ",".join(f"{i + 3},{j + 1}24" for j in range(5)) for i in range(8)
    ]
    with pytest.raises(
        CohortError,
        match=r"its lines have 11. If its numbers have decimal commas, separate them by tabs or semicolons",  # noqa: E501
    ):
        find_layout([",".join(names), *rows], "decimal.csv", Request("decimal.csv"))
    refuse(write(tmp_path, "decimal.csv", "\n".join([",".join(names), *rows]) + "\n"))


def test_a_title_of_a_few_words_above_the_heading_is_still_skipped(tmp_path: Path) -> None:
    rows = [f"G{i},{i}.5,{i}.25,{i}.125" for i in range(6)]
    path = write(
        tmp_path, "titled.csv", "\n".join(["Expression, log2 of 2024", ",S1,S2,S3", *rows]) + "\n"
    )
    assert read(path)[0].columns == ["S1", "S2", "S3"]
