"""One file per sample: STAR, HTSeq, the Genomic Data Commons, Salmon, kallisto, RSEM,
featureCounts, StringTie.
"""

import gzip
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from genexp.errors import CohortError
from genexp.files.probe import Request
from genexp.formats import open_annotations
from tests.text_tables import check_values, read, refuse, tabbed, write

UNSTRANDED = tabbed(
    "N_unmapped 5304 5304 5304", ("N_multimapping 6904 " "6904 6904"), ("N_noFeature 28390 29769 " "34738"), "N_ambiguous 2848 1331 1256",  # noqa: E501
    "ENSG00000143761 10 6 5", "ENSG00000116977 26 13 14", "ENSG00000119285 3 3 5", "ENSG00000177800 0 0 0",  # noqa: E501
)  # fmt: skip
"""MultiQC/test-data: data/modules/star/older_logs/ERR458837_subsamp_1ReadsPerGene.out.tab, with
counts of both strands."""
FIRST = tabbed(
    "N_unmapped 5304 5304 5304", ("N_multimapping 6904 " "6904 6904"), ("N_noFeature 28390 29769 " "84738"), "N_ambiguous 2848 1331 56",  # noqa: E501
    "ENSG00000143761 10 10 0", "ENSG00000116977 26 33 0", "ENSG00000119285 3 3 5", "ENSG00000177800 0 0 0",  # noqa: E501
)  # fmt: skip
"""The same file, as it is."""
SECOND = tabbed(
    "N_unmapped 100 100 100", "N_multimapping 6 6 6", "N_noFeature 20 80 21", "N_ambiguous 8 1 5",
    "ENSG00000143761 100 2 99", "ENSG00000116977 20 1 19", "ENSG00000119285 7 0 7", "ENSG00000177800 1 0 1",  # noqa: E501
)  # fmt: skip
HTSEQ = tabbed(
    "SPAC11E3.14 399",
    "SPAC11H11.04 16",
    "SPAC1250.07 71",
    "SPCC736.05 18",
    "__no_feature 0",
    "__ambiguous 2",
    "__too_low_aQual 5483",
    "__not_aligned 1579",
    "__alignment_not_unique 3",
)
GDC = (
    "# gene-model: GENCODE "
    "v36\ngene_id\tgene_name\tgene_type\tunstranded\tstranded_first\tstranded_second\ttpm_unstranded\tfpkm_unstranded\t"
    "fpkm_uq_unstranded\nN_unmapped\t\t\t8120268\t8120268\t8120268\t\t\t\nN_multimapping\t\t\t4402480\t4402480\t4402480\t\t\t\n"
    "N_noFeature\t\t\t1446120\t24573336\t24781939\t\t\t\nN_ambiguous\t\t\t5551010\t1476463\t1462076\t\t\t\n"
    "ENSG00000000003.15\tTSPAN6\tprotein_coding\t3231\t1634\t1597\t44.6685\t16.8557\t23.8956\n"
    "ENSG00000000005.6\tTNMD\tprotein_coding\t0\t0\t0\t0.0000\t0.0000\t0.0000\n"
    "ENSG00000000419.13\tDPM1\tprotein_coding\t1083\t556\t528\t56.2676\t21.2327\t30.1006\n"
)
"""Lines of a file of the Genomic Data Commons; of the form of NCI-GDC/gdc-rnaseq-tool:
tests/etc/test_set_1.final.tsv.gz."""
SALMON = tabbed(
    ("Name Length " "EffectiveLength TPM " "NumReads"), ("ENST00000513300.5 1924 " "1746.978 0.082905 1.001"), ("ENST00000282507.7 2355 " "2177.978 0.0 0.0"),  # noqa: E501
    "ENST00000504685.5 1476 1298.978 12.5 431.2",
)  # fmt: skip
"""Headings of complextissue/pytximport: test/data/salmon/multiple/Sample_1.sf."""
KALLISTO = tabbed(
    ("target_id length " "eff_length est_counts tpm"), ("ENST00000513300.5 1924 " "1746.98 102.328 11129.2"), "ENST00000282507.7 2355 " "2177.98 "  # noqa: E501
    "1592.02 138884",
    "ENST00000504685.5 1476 1298.98 68.6528 10041.8",
)  # fmt: skip
"""complextissue/pytximport: test/data/kallisto/multiple/abundance_1.tsv."""
RSEM = (
    "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\n"
    "ENSG00000000003.14\tENST00000373020.8,ENST00000494424.1\t1749.40\t1574.16\t5.00\t0.05\t0.04\n"
    "ENSG00000000005.5\tENST00000373031.4,ENST00000485971.1\t940.50\t765.28\t0.00\t0.00\t0.00\n"
)
"""bioc/tximportData: inst/extdata/rsem/ERR188021/ERR188021.genes.results.gz."""
ISOFORMS = (
    "transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\tIsoPct\n"
    "ENST00000373020.8\tENSG00000000003.14\t2206\t2030.76\t5.00\t0.05\t0.04\t100.00\n"
    "ENST00000494424.1\tENSG00000000003.14\t820\t644.76\t0.00\t0.00\t0.00\t0.00\n"
)
STRINGTIE = (
    "Gene ID\tGene Name\tReference\tStrand\tStart\tEnd\tCoverage\tFPKM\tTPM\n"
    "MDP0000856242.GDRv1.0\tMDP0000856242\tMDC000002.223\t+\t816\t1094\t47.345879\t0.856326\t0.908239\n"
    "MDP0000350535.GDRv1.0\tMDP0000350535\tMDC000002.325\t+\t219\t1102\t447.734497\t8.097994\t8.588916\n"
)


def fill(folder: Path, **files: str) -> Path:
    """Write files; ``__`` in a name is a dot, ``___`` a folder."""
    for name, text in files.items():
        write(folder, name.replace("___", "/").replace("__", "."), text)
    return folder


# ---- STAR


def test_an_unstranded_library_of_star_gives_its_unstranded_counts(tmp_path: Path) -> None:
    table, frame = read(
        fill(
            tmp_path / "d",
            a__ReadsPerGene__out__tab=UNSTRANDED,
            b__ReadsPerGene__out__tab=UNSTRANDED,
        )
    )
    check_values(frame, {"a": [10, 26, 3, 0], "b": [10, 26, 3, 0]})
    assert (table.scale, table.genes_in_rows) == ("counts", True)
    assert any("unstranded" in note and "neither strand" in note for note in table.notes)


@pytest.mark.parametrize(
    ("text", "column", "values"),
    [(FIRST, "stranded_first", [10, 33, 3, 0]), (SECOND, "stranded_second", [99, 19, 7, 1])],
)
def test_a_stranded_library_of_star_gives_the_counts_of_its_strand(
    tmp_path: Path, text: str, column: str, values: list[float]
) -> None:
    table, frame = read(write(tmp_path, "ERR458837_subsamp_1ReadsPerGene.out.tab", text))
    check_values(frame, {"ERR458837_subsamp_1": values})
    assert any(column in note for note in table.notes)


def test_libraries_of_two_kinds_are_asked_about_and_layer_settles_it(tmp_path: Path) -> None:
    folder = fill(
        tmp_path / "d", a___ReadsPerGene__out__tab=UNSTRANDED, b___ReadsPerGene__out__tab=SECOND
    )
    message = refuse(folder)
    assert "layer=unstranded" in message
    assert "stranded_second: 1 (b/ReadsPerGene.out.tab)" in message
    check_values(read(folder, "unstranded")[1], {"a": [10, 26, 3, 0], "b": [100, 20, 7, 1]})


def test_a_sample_without_reads_fits_any_library(tmp_path: Path) -> None:
    empty = "".join(f"{line.split(chr(9))[0]}\t0\t0\t0\n" for line in SECOND.splitlines())
    check_values(
        read(fill(tmp_path / "d", a__tab=SECOND, b__tab=empty))[1],
        {"a": [99, 19, 7, 1], "b": [0, 0, 0, 0]},
    )


# ---- HTSeq and other files of two columns


def test_counts_of_htseq_are_joined_by_gene(tmp_path: Path) -> None:
    lines = HTSEQ.splitlines(keepends=True)
    folder = fill(
        tmp_path / "d",
        Sp_ds__count=HTSEQ,
        Sp_log__count="".join([*lines[3::-1], *lines[4:]]).replace("399", "7"),
    )
    table, frame = read(folder)
    check_values(frame, {"Sp_ds": [399, 16, 71, 18], "Sp_log": [7, 16, 71, 18]})
    assert (table.format, table.scale) == ("HTSeq", "counts")
    assert any("(5 in a file)" in note for note in table.notes)


def test_a_file_of_htseq_alone_is_one_sample(tmp_path: Path) -> None:
    table, frame = read(write(tmp_path, "a.htseq.counts", HTSEQ))
    check_values(frame, {"a": [399, 16, 71, 18]})
    assert any("one sample" in note for note in table.notes)


@pytest.mark.parametrize("delimiter", [",", ";", " ", "   "])
def test_names_and_values_without_heading_are_one_sample(tmp_path: Path, delimiter: str) -> None:
    path = write(
        tmp_path,
        "S1.txt",
        "".join(
            f"{gene}{delimiter}{value}\n"
            for gene, value in (("TP53", 2.5), ("MYC", 0), ("EGFR", 11.25))
        ),
    )
    table, frame = read(path)
    check_values(frame, {"S1": [2.5, 0, 11.25]})
    assert table.rows == ["TP53", "MYC", "EGFR"]
    assert table.scale == ""


def test_files_of_two_columns_with_headings_are_joined(tmp_path: Path) -> None:
    """Of the form of MultiQC/test-data: data/modules/htseq/counts.tsv."""
    text = tabbed(
        "feature count",
        "ENSMUSG00000000001 18",
        "ENSMUSG00000000003 0",
        "NIST_ConsensusVector 1859",
        "__no_feature 200124",
    )
    _, frame = read(fill(tmp_path / "d", s1__tsv=text, s2__tsv=text.replace("18\n", "19\n")))
    check_values(frame, {"s1": [18, 0, 1859], "s2": [19, 0, 1859]})


def test_a_table_with_a_heading_alone_is_a_matrix(tmp_path: Path) -> None:
    _, frame = read(write(tmp_path, "m.tsv", tabbed("gene S1", "TP53 5", "MYC 7", "EGFR 9")))
    check_values(frame, {"S1": [5, 7, 9]})


# ---- Genomic Data Commons


SHEET = (
    "File ID\tFile Name\tData Category\tData Type\tProject ID\tCase ID\tSample ID\tSample Type\n"
    "u1\tf1.rna_seq.augmented_star_gene_counts.tsv\tTranscriptome Profiling\tGene Expression "
    "Quantification\tTCGA-LUAD\tTCGA-73-4658\tTCGA-73-4658-01A\tPrimary Tumor\n"
    "u2\tf2.rna_seq.augmented_star_gene_counts.tsv\tTranscriptome Profiling\tGene Expression "
    "Quantification\tTCGA-LUAD\tTCGA-86-8076\tTCGA-86-8076-11A\tSolid Tissue Normal\n"
)


def fill_gdc(folder: Path) -> Path:
    """Write the folder that gdc-client makes."""
    write(folder, "u1/f1.rna_seq.augmented_star_gene_counts.tsv", GDC)
    write(folder, "u2/f2.rna_seq.augmented_star_gene_counts.tsv", GDC.replace("3231", "17"))
    write(folder, "u2/annotations.txt", "id\tsubmitter_id\tentity_type\n1\t2\tcase\n")
    write(
        folder,
        "MANIFEST.txt",
        "id\tfilename\tmd5\tsize\tstate\nu1\tu1/f1.rna_seq.augmented_star_gene_counts.tsv\tabc\t9\tvalidated\n",
    )
    return folder


def test_a_download_of_the_gdc_is_joined_and_named_by_its_sample_sheet(tmp_path: Path) -> None:
    folder = fill_gdc(tmp_path / "gdc_download")
    write(folder, "gdc_sample_sheet.2024-05-01.tsv", SHEET)
    table, frame = read(folder)
    check_values(frame, {"TCGA-73-4658-01A": [3231, 0, 1083], "TCGA-86-8076-11A": [17, 0, 1083]})
    assert table.rows == ["ENSG00000000003.15", "ENSG00000000005.6", "ENSG00000000419.13"]
    assert list(table.row_annotations["gene_name"]) == ["TSPAN6", "TNMD", "DPM1"]
    assert list(table.column_annotations["Sample Type"]) == ["Primary Tumor", "Solid Tissue Normal"]
    assert list(table.column_annotations["Case ID"]) == ["TCGA-73-4658", "TCGA-86-8076"]
    assert table.scale == "counts"
    assert any("'unstranded'" in note for note in table.notes)
    assert any("gdc_sample_sheet" in note for note in table.notes)
    assert any("MANIFEST.txt" in note for note in table.notes)


def test_a_sample_sheet_beside_the_folder_names_samples(tmp_path: Path) -> None:
    folder = fill_gdc(tmp_path / "gdc_download")
    write(tmp_path, "gdc_sample_sheet.2024-05-01.tsv", SHEET)
    assert read(folder)[0].columns == ["TCGA-73-4658-01A", "TCGA-86-8076-11A"]


def test_metadata_of_a_cart_name_aliquots(tmp_path: Path) -> None:
    folder = fill_gdc(tmp_path / "gdc_download")
    entries = [
        {
            "file_name": f"f{i}.rna_seq.augmented_star_gene_counts.tsv",
            "associated_entities": [{"entity_submitter_id": f"TCGA-73-465{i}-01A-11R"}],
        }
        for i in (1, 2)
    ]
    write(folder, "metadata.cart.2021-06-08.json", json.dumps(entries, indent=2))
    # two aliquots of one sample
    write(folder, "gdc_sample_sheet.tsv", SHEET.replace("TCGA-86-8076-11A", "TCGA-73-4658-01A"))
    assert read(folder)[0].columns == ["TCGA-73-4651-01A-11R", "TCGA-73-4652-01A-11R"]


def test_a_sample_sheet_that_lacks_files_or_repeats_samples_is_refused(tmp_path: Path) -> None:
    folder = fill_gdc(tmp_path / "gdc_download")
    write(folder, "gdc_sample_sheet.tsv", "".join(SHEET.splitlines(keepends=True)[:2]))
    assert "1 of 2 files" in refuse(folder)
    write(folder, "gdc_sample_sheet.tsv", SHEET.replace("TCGA-86-8076-11A", "TCGA-73-4658-01A"))
    assert "more than one file" in refuse(folder)


def test_without_a_sheet_samples_are_named_by_file_and_layer_takes_another_column(
    tmp_path: Path,
) -> None:
    table, frame = read(fill_gdc(tmp_path / "d"), "tpm_unstranded")
    check_values(frame, {"f1": [44.6685, 0, 56.2676], "f2": [44.6685, 0, 56.2676]})
    assert (table.scale, table.says_scale) == (
        "tpm",
        "the column tpm_unstranded of STAR counts of the Genomic Data Commons",
    )
    assert "tpm_unstranded" in refuse(tmp_path / "d", "tpm")


def test_one_file_of_the_gdc_is_one_sample(tmp_path: Path) -> None:
    _, frame = read(write(tmp_path, "3567.rna_seq.augmented_star_gene_counts.tsv", GDC))
    check_values(frame, {"3567": [3231, 0, 1083]})


def test_early_counts_of_the_gdc_are_read(tmp_path: Path) -> None:
    """NCI-GDC/gdc-rnaseq-tool: tests/etc/exp_star_counts_output_1.tsv.gz."""
    text = tabbed(
        "#gene unstranded stranded_first stranded_second",
        "ZZZZ 100 0 50",
        "AAAA 0 50 75",
        "CCCC 10 10 10",
    )
    check_values(
        read(write(tmp_path, "x.rna_seq.star_gene_counts.tsv", text))[1], {"x": [100, 0, 10]}
    )


def test_packed_counts_of_the_gdc_by_htseq_are_named_by_a_sheet_of_packed_names(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "d"
    for i in (1, 2):
        (folder / f"u{i}").mkdir(parents=True)
        (folder / f"u{i}" / f"f{i}.htseq.counts.gz").write_bytes(gzip.compress(HTSEQ.encode()))
    sheet = SHEET.replace("rna_seq.augmented_star_gene_counts.tsv", "htseq.counts.gz")
    write(folder, "gdc_sample_sheet.tsv", sheet)
    assert read(folder)[0].columns == ["TCGA-73-4658-01A", "TCGA-86-8076-11A"]


# ---- Salmon, kallisto, RSEM, featureCounts, StringTie


@pytest.mark.parametrize(
    ("file", "text", "values", "tpm", "level"),
    [
        ("quant.sf", SALMON, [1.001, 0, 431.2], [0.082905, 0, 12.5], "transcripts"),
        (
            "quant.genes.sf",
            SALMON.replace("ENST", "ENSG"),
            [1.001, 0, 431.2],
            [0.082905, 0, 12.5],
            "genes",
        ),
        (
            "abundance.tsv",
            KALLISTO,
            [102.328, 1592.02, 68.6528],
            [11129.2, 138884, 10041.8],
            "transcripts",
        ),
        ("rsem.genes.results", RSEM, [5, 0], [0.05, 0], "genes"),
        ("rsem.isoforms.results", ISOFORMS, [5, 0], [0.05, 0], "transcripts"),
    ],
)
def test_quantifications_are_named_by_folder(
    tmp_path: Path, file: str, text: str, values: list[float], tpm: list[float], level: str
) -> None:
    for sample in ("SRR1039508", "SRR1039509"):
        write(tmp_path, f"d/{sample}/{file}", text)
    write(tmp_path, "d/SRR1039508/cmd_info.json", '{"index": "x"}')
    table, frame = read(tmp_path / "d")
    check_values(frame, {"SRR1039508": values, "SRR1039509": values})
    assert table.scale == "counts"
    assert any("of transcripts" in note for note in table.notes) == (level == "transcripts")
    table, frame = read(tmp_path / "d", "tpm" if file == "abundance.tsv" else "TPM")
    check_values(frame, {"SRR1039508": tpm, "SRR1039509": tpm})
    assert table.scale == "tpm"


def test_files_of_genes_are_preferred_to_those_of_transcripts(tmp_path: Path) -> None:
    for sample in ("s1", "s2"):
        write(tmp_path, f"d/{sample}.genes.results", RSEM)
        write(tmp_path, f"d/{sample}.isoforms.results", ISOFORMS)
        write(tmp_path, f"e/{sample}/quant.sf", SALMON)
        write(tmp_path, f"e/{sample}/quant.genes.sf", SALMON.replace("ENST", "ENSG"))
    table, frame = read(tmp_path / "d")
    check_values(frame, {"s1": [5, 0], "s2": [5, 0]})
    assert any("transcripts are not read" in note for note in table.notes)
    assert read(tmp_path / "e")[0].rows[0] == "ENSG00000513300.5"


def test_stringtie_gives_tpm(tmp_path: Path) -> None:
    table, frame = read(
        fill(tmp_path / "d", s1_gene_abund__tab=STRINGTIE, s2_gene_abund__tab=STRINGTIE)
    )
    check_values(frame, {"s1": [0.908239, 8.588916], "s2": [0.908239, 8.588916]})
    assert table.scale == "tpm"
    assert list(table.row_annotations["Gene Name"]) == ["MDP0000856242", "MDP0000350535"]


def test_files_of_featurecounts_with_one_sample_each_are_joined(tmp_path: Path) -> None:
    text = (
        '# Program:featureCounts v2.0.6; Command:"featureCounts"\n'
        "Geneid\tChr\tStart\tEnd\tStrand\tLength\tx.sorted.bam\ngeneA\tchr1;chr1\t1;5\t10;9\t+;+\t10\t3\n"
        "geneB\tchr1\t20\t30\t+\t11\t0\n"
    )
    folder = fill(
        tmp_path / "d",
        S1__featureCounts__txt=text,
        S2__featureCounts__txt=text.replace("\t3\n", "\t4\n"),
    )
    write(
        folder,
        "S1.featureCounts.txt.summary",
        "Status\tx.sorted.bam\nAssigned\t3\nUnassigned_Unmapped\t9\nUnassigned_NoFeatures\t1\n",
    )
    assert "2 kinds" in refuse(folder)
    (folder / "S1.featureCounts.txt.summary").unlink()
    check_values(read(folder)[1], {"S1": [3, 0], "S2": [4, 0]})


@pytest.mark.parametrize("heading", ["ID_REF", "Reporter Identifier"])
def test_sample_tables_of_geo_and_arrayexpress_are_joined_by_their_values(
    tmp_path: Path, heading: str
) -> None:
    """Headings of GEO's sample tables, as in guma44/GEOparse: tests/GSM32878.txt."""
    text = (
        f"{heading}\tVALUE\tABS_CALL\tDETECTION "
        "P-VALUE\n1007_s_at\t105.8\tP\t0.002\n1053_at\t32\tA\t0.4\n"
    )
    table, frame = read(
        fill(
            tmp_path / "d",
            GSM1001_sample_table__txt=text,
            GSM1002_sample_table__txt=text.replace("105.8", "7"),
        )
    )
    check_values(frame, {"GSM1001": [105.8, 32], "GSM1002": [7, 32]})
    assert (table.scale, table.says_scale) == ("", "")


# ---- archives, names and damage


def test_an_archive_of_a_series_is_named_by_the_accessions_of_geo(tmp_path: Path) -> None:
    path = tmp_path / "GSE96870_RAW.tar"
    with tarfile.open(path, "w") as archive:
        for i in (3, 4):
            (tmp_path / f"{i}.gz").write_bytes(gzip.compress(HTSEQ.encode()))
            archive.add(tmp_path / f"{i}.gz", arcname=f"GSM254500{i}_CNS_{i}.htseq.counts.txt.gz")
    table, frame = read(path)
    check_values(frame, {"GSM2545003": [399, 16, 71, 18], "GSM2545004": [399, 16, 71, 18]})
    assert any("GSM2545003" in note for note in table.notes)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_of_a_folder_is_read_as_the_folder(tmp_path: Path, kind: str) -> None:
    folder = fill_gdc(tmp_path / "gdc_download")
    write(folder, "gdc_sample_sheet.tsv", SHEET)
    path = tmp_path / f"download.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*.*")):
                archive.write(file, f"gdc_download/{file.relative_to(folder)}")
            archive.writestr("__MACOSX/gdc_download/._x", "junk")
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folder, arcname="gdc_download")
    check_values(
        read(path)[1], {"TCGA-73-4658-01A": [3231, 0, 1083], "TCGA-86-8076-11A": [17, 0, 1083]}
    )


def test_an_archive_without_tables_of_samples_names_its_files(tmp_path: Path) -> None:
    write(tmp_path, "GSM1.CEL", "[CEL]\nVersion=3\n")
    with tarfile.open(tmp_path / "GSE1_RAW.tar", "w") as archive:
        archive.add(tmp_path / "GSM1.CEL", arcname="GSM1.CEL")
    assert "GSM1.CEL" in refuse(tmp_path / "GSE1_RAW.tar")


def test_a_folder_of_other_files_is_of_no_known_kind(tmp_path: Path) -> None:
    write(tmp_path, "d/readme.md", "# Title\n")
    assert "folder of an unknown format" in refuse(tmp_path / "d")


def test_files_of_other_genes_are_refused_with_counts(tmp_path: Path) -> None:
    message = refuse(
        fill(tmp_path / "d", a__txt=HTSEQ, b__txt=HTSEQ.replace("SPCC736.05\t18\n", ""))
    )
    assert "4, b.txt has 3" in message
    assert "SPCC736.05" in message


def test_genes_named_twice_in_another_order_are_refused(tmp_path: Path) -> None:
    twice = "".join([HTSEQ.splitlines(keepends=True)[1], HTSEQ])
    message = refuse(
        fill(tmp_path / "d", a__txt=HTSEQ + HTSEQ.splitlines(keepends=True)[1], b__txt=twice)
    )
    assert "more than once" in message
    check_values(
        read(fill(tmp_path / "e", a__txt=twice, b__txt=twice))[1],
        {"a": [16, 399, 16, 71, 18], "b": [16, 399, 16, 71, 18]},
    )


@pytest.mark.parametrize("text", [GDC, SALMON, KALLISTO, RSEM, STRINGTIE, FIRST, HTSEQ])
def test_a_file_that_ends_within_a_line_is_refused(tmp_path: Path, text: str) -> None:
    for cut in (1, 2, 3, 12):
        assert "complete" in refuse(write(tmp_path, "s1.txt", text[:-cut]))


def test_files_of_two_programs_are_refused(tmp_path: Path) -> None:
    message = refuse(fill(tmp_path / "d", a__sf=SALMON, b__tsv=KALLISTO))
    assert "2 kinds" in message
    assert "b.tsv" in message


def test_names_that_files_share_stay_apart(tmp_path: Path) -> None:
    folder = fill(tmp_path / "d", s1___counts__txt=HTSEQ, s2___counts__txt=HTSEQ)
    assert read(folder)[0].columns == ["s1", "s2"]
    folder = fill(tmp_path / "e", s1_counts__txt=HTSEQ, s1__txt=HTSEQ)
    assert read(folder)[0].columns == ["s1.txt", "s1_counts.txt"]


def test_a_folder_of_samples_holds_no_annotations(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="annotations"):
        open_annotations(fill(tmp_path / "d", a__txt=HTSEQ, b__txt=HTSEQ), Request("d"))


def test_names_and_numbers_as_annotations_are_a_table(tmp_path: Path) -> None:
    of_samples = open_annotations(
        write(tmp_path, "obs.csv", "S1,1\nS2,2\nS3,1\nS4,0\n"), Request("obs.csv")
    )
    assert list(of_samples.iloc[:, 0]) == ["S2", "S3", "S4"]
