"""Files that are given by mistake, and tables of text that are given rightly: cBioPortal, Xena,
nf-core.
"""

import gzip
from pathlib import Path

import pytest

from genexp.errors import CohortError
from genexp.files.probe import Request
from genexp.formats import open_annotations
from tests.text_tables import annotate, check_values, read, refuse, tabbed, write

KINDS = {
    "a web page": "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n",
    "an XML file": (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n\n<MINiML\n   '
        'xmlns="x"\n>\n</MINiML>\n'
    ),
    "a JSON file": '{"data": {"hits": [{"file_name": "x", "id": 1}]}}\n',
    "a PDF document": "%PDF-1.7\n%abc\n1 0 obj\n",
    "Git LFS": "version https://git-lfs.github.com/spec/v1\noid sha256:9be8bf0aba\nsize 14068\n",
    "a VCF file": "##fileformat=VCFv4.2\n##FILTER=<ID=PASS>\n#CHROM\tPOS\tID\tREF\tALT\n1\t5\t.\tA\tT\n",  # noqa: E501
    "GTF": (
        "#!genome-build GRCh38\nchr1\tHAVANA\tgene\t11869\t14409\t.\t+\t.\tgene_id "
        '"ENSG00000223972.5";\n'
    ),
    "FASTA": ">ENST00000456328.2|DDX11L1\nGTTAACTTGCCGTCAGCCTTTTCTTTGACC\nTCTTCTTTCTGTTCATGTGTATTTGCTGTC\n",  # noqa: E501
    "FASTQ": "@SRR1039508.1 1 length=8\nACGTNACG\n+\nIIIIIIII\n",
    "aligned reads": "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:248956422\n",
    "one array": "[CEL]\nVersion=3\n\n[HEADER]\nCols=712\n",
}
DESEQ2 = tabbed(
    ("RefSeq_Symbol baseMean " "log2FoldChange lfcSE " "stat pvalue " "padj"), "1110002L01Rik 756.7442416 " "0.214392751 0.056488755 " "3.795317318 "  # noqa: E501
    "0.000147455 0.007749727",
    "1110038D17Rik 559.5329736 0.196306528 0.056424089 3.479126231 0.000503052 0.01965955",
)  # fmt: skip
"""The table GSE131954_DESeq2_RR9_Ground_Ctrl_vs_Flight_DEGs.txt of GEO, as it is quoted in
courses."""
RESULTS = {
    "DESeq2": DESEQ2,
    "DESeq2 of R": tabbed(("baseMean log2FoldChange " "lfcSE stat pvalue padj"), "ENSG1 10 0.2 0.1 2 0.05 0.1", "ENSG2 11 0.2 0.1 2 0.05 0.1"),  # noqa: E501
    "edgeR": "\tlogFC\tlogCPM\tLR\tPValue\tFDR\nENSG1\t1.5\t4.2\t11.1\t0.001\t0.02\nENSG2\t-1.5\t4.2\t11.1\t0.001\t0.02\n",  # noqa: E501
    "limma": '"","logFC","AveExpr","t","P.Value","adj.P.Val","B"\n"TP53",1.2,8.1,5.5,0.001,0.02,3.1\n"MYC",-1.2,8.1,5.5,0.001,0.02,3.1\n',  # noqa: E501
    "Seurat": ",p_val,avg_log2FC,pct.1,pct.2,p_val_adj\nS100A8,0,3.5,0.9,0.1,0\nCD3D,0,-2.5,0.1,0.8,0\n",  # noqa: E501
    "Cuffdiff": tabbed("test_id gene_id gene locus " "sample_1 sample_2 status " "value_1 value_2 " "log2(fold_change) " "test_stat p_value "  # noqa: E501
    "q_value significant",
                       ("X1 X1 TP53 chr17:1-2 a " "b OK 1 " "2 1.0 0.5 0.01 0.05 no"), ("X2 X2 MYC chr8:1-2 a b " "OK 1 2 " "1.0 0.5 0.01 0.05 no")),  # noqa: E501
}  # fmt: skip
LISTS = {
    "long": tabbed(
        "sample gene value",
        *(f"S{i} ENSG0000000000{j} {i}.{j}" for i in range(3) for j in range(4)),
    ),
    "wider": tabbed(
        "sample_id gene_id normalized_count raw_count gene_length",
        *(f"sample{i} ENSG0000000{j} 125.5 1255 2000" for i in range(3) for j in range(4)),
    ),
    "melted": "".join(
        [
            "Var1,Var2,value\n",
            *(
                f"{gene},S{i},{i + 2.5}\n"
                for i in range(3)
                for gene in ("1007_s_at", "1053_at", "117_at")
            ),
        ]
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_files_of_other_kinds_are_named(tmp_path: Path, kind: str, pack: object) -> None:
    path = tmp_path / "GSE1_counts.tsv"
    path.write_bytes(pack(KINDS[kind].encode()))  # type: ignore[operator]
    assert kind in refuse(path)
    with pytest.raises(CohortError, match="expected a table"):
        open_annotations(path, Request("obs.tsv"))


@pytest.mark.parametrize("program", RESULTS)
def test_tables_of_results_are_refused(tmp_path: Path, program: str) -> None:
    message = refuse(write(tmp_path, "results.txt", RESULTS[program]))
    assert "table of results" in message
    assert "fold changes" in message


def test_results_beside_samples_are_refused_with_what_to_delete(tmp_path: Path) -> None:
    lines = DESEQ2.splitlines()
    text = (
        "\n".join(
            [
                lines[0] + "\tWT1\tWT2\tMT1",
                *(line + "\t17474.2\t17335.9\t4453.4" for line in lines[1:]),
            ]
        )
        + "\n"
    )
    message = refuse(write(tmp_path, "resdata.tsv", text))
    assert "3 (WT1, WT2, MT1)" in message
    assert "keep only these" in message


@pytest.mark.parametrize("kind", LISTS)
def test_a_value_in_each_line_is_refused_with_how_to_pivot(tmp_path: Path, kind: str) -> None:
    message = refuse(write(tmp_path, "expression.txt", LISTS[kind]))
    assert "pivot(index=" in message
    index, columns = {
        "long": ("sample", "gene"),
        "wider": ("sample_id", "gene_id"),
        "melted": ("Var2", "Var1"),
    }[kind]
    assert f"index={index!r}, columns={columns!r}" in message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (
            "Hugo_Symbol\tEntrez_Gene_Id\tVariant_Classification\tTumor_Sample_Barcode\nTP53\t7157\tMissense_Mutation\tTCGA-1\n",
            "MAF",
        ),
        ("id\tfilename\tmd5\tsize\tstate\nu1\tf1.tsv\tabc\t9\tvalidated\n", "manifest"),
        (
            (
                "File ID\tFile Name\tData Category\tSample ID\nu1\tf1.tsv\tTranscriptome "
                "Profiling\tTCGA-73-4658-01A\n"
            ),
            "sample sheet",
        ),
        (
            "Status\tS1.bam\tS2.bam\nAssigned\t5\t6\nUnassigned_Unmapped\t7\t8\n",
            "summary of featureCounts",
        ),
    ],
)
def test_tables_that_are_no_matrix_are_refused(tmp_path: Path, text: str, word: str) -> None:
    assert word in refuse(write(tmp_path, "m.txt", text))


@pytest.mark.parametrize(
    "text",
    [
        "ENSG00000000003\t10\t5\t7\nENSG00000000005\t0\t0\t0\nENSG00000000419\t3\t1\t9\n",
        "TP53,1.5,2.5,3.5\nMYC,2.5,2.5,3.5\nEGFR,1,2,3\n",
        "TCGA-3H-AB3K-01\t0.5\t1.25\nTCGA-3H-AB3L-01\t3.5\t7.25\n",
        "ENSG00000223972\tchr1;chr1\t11869;12613\t+;+\t1735\t0\nENSG00000227232\tchr1\t14404\t-\t1351\t37\n",
        "mygene1 5 5 6\nmygene2 5 9 6\n",
    ],
)
def test_a_table_without_heading_is_refused(tmp_path: Path, text: str) -> None:
    assert "no heading" in refuse(write(tmp_path, "m.txt", text))


@pytest.mark.parametrize(
    "heading",
    [
        "gene\t1\t2\t3",
        "sample\t2.5\t1.5\t3",
        "\t7\t3\t5",
        "probe set\t101\t102\t205",
        "whatever\t1\t2\t3",
    ],
)
def test_samples_may_be_numbered(tmp_path: Path, heading: str) -> None:
    table, _ = read(write(tmp_path, "m.txt", f"{heading}\nTP53\t1.5\t2\t3\nMYC\t4\t5\t6\n"))
    assert table.columns == heading.split("\t")[1:]
    assert table.rows == ["TP53", "MYC"]


def test_tables_of_samples_are_not_taken_for_mistakes_as_annotations(tmp_path: Path) -> None:
    assert len(annotate(write(tmp_path, "a.txt", LISTS["long"]))) == 12
    assert list(
        annotate(write(tmp_path, "b.txt", "File ID\tFile Name\tSample ID\nu1\tf1.tsv\tTCGA-1\n"))[
            "Sample ID"
        ]
    ) == ["TCGA-1"]


# ---- tables that the general reader reads


def test_a_matrix_of_cbioportal_is_read(tmp_path: Path) -> None:
    """cBioPortal/cbioportal-core: tests/test_data/study_es_0/data_expression_median.txt."""
    text = tabbed(
        "Hugo_Symbol Entrez_Gene_Id TCGA-A1-A0SD-01 TCGA-A1-A0SE-01",
        "CREB3L1 90993 1.4345 0.89075",
        "RPS11 6205 0.765 NA",
        "PNMA1 9240 0.526 -0.13175",
    )
    table, frame = read(write(tmp_path, "data_expression_median.txt", text))
    check_values(
        frame,
        {
            "TCGA-A1-A0SD-01": [1.4345, 0.765, 0.526],
            "TCGA-A1-A0SE-01": [0.89075, float("nan"), -0.13175],
        },
    )
    assert table.heading == "Hugo_Symbol"
    assert list(table.row_annotations["Entrez_Gene_Id"]) == ["90993", "6205", "9240"]


def test_clinical_tables_of_cbioportal_are_read(tmp_path: Path) -> None:
    """cBioPortal/cbioportal-core:
    src/test/resources/incremental/study_tcga_pub/data_clinical_patients.txt and the samples beside
    it.
    """
    patients = (
        "#Patient Identifier\tSubtype\tOverall Survival Status\tOverall Survival "
        "(Months)\tDisease Free Status\tDisease Free (Months)\n"
        "#Patient identifier\tSubtype description\tOverall survival status\tOverall survival "
        "in months since diagnosis\tDisease free "
        "status\t"
        "Disease free in months since "
        "treatment\n#STRING\tSTRING\tSTRING\tNUMBER\tSTRING\tNUMBER\n#1\t1\t1\t1\t1\t1\n"
        "PATIENT_ID\tSUBTYPE\tOS_STATUS\tOS_MONTHS\tDFS_STATUS\tDFS_MONTHS\nTEST-INC-TCGA-P2\tbasal-like\t0:LIVING\t45.6\t1:Recurred/Progressed\tNA\n"
        "TCGA-A1-A0SB\tbasal-like\tNA\t56.7\t1:Recurred/Progressed\t100\n"
    )
    of_patients = annotate(write(tmp_path, "data_clinical_patients.txt", patients))
    assert list(of_patients.columns) == [
        "PATIENT_ID",
        "SUBTYPE",
        "OS_STATUS",
        "OS_MONTHS",
        "DFS_STATUS",
        "DFS_MONTHS",
    ]
    assert list(of_patients["OS_MONTHS"]) == ["45.6", "56.7"]
    samples = (
        "#Patient Identifier\tSample Identifier\tSubtype\n#Patient identifier\tSample "
        "Identifier\tSubtype description\n"
        "#STRING\tSTRING\tSTRING\n#1\t1\t1\nPATIENT_ID\tSAMPLE_ID\tSUBTYPE\nTCGA-A1-A0SB\tTCGA-A1-A0SB-01\tbasal-like\n"
    )
    assert list(annotate(write(tmp_path, "data_clinical_samples.txt", samples))["SAMPLE_ID"]) == [
        "TCGA-A1-A0SB-01"
    ]


def test_the_meta_file_of_cbioportal_is_refused(tmp_path: Path) -> None:
    text = (
        "cancer_study_identifier: brca_tcga_pub\ngenetic_alteration_type: "
        "MRNA_EXPRESSION\ndatatype: CONTINUOUS\n"
        "data_filename: data_mrna.txt\n"
    )
    assert refuse(write(tmp_path, "meta_mrna.txt", text))


@pytest.mark.parametrize("heading", ["sample", "Ensembl_ID", "Gene", "id"])
def test_files_of_xena_are_read_as_downloaded(tmp_path: Path, heading: str) -> None:
    genes = (
        ["ARHGEF10L", "HIF3A", "RNF17"]
        if heading in ("sample", "Gene")
        else ["ENSG00000242268.2", "ENSG00000270112.3", "ENSG00000167578.15"]
    )
    rows = [f"{gene}\t{i}.5\t0.0\t{9.9658 - i}" for i, gene in enumerate(genes)]
    (tmp_path / "HiSeqV2.gz").write_bytes(
        gzip.compress(
            (
                "\n".join(
                    [f"{heading}\tTCGA-AR-A5QQ-01\tTCGA-D8-A1JA-01\tGTEX-S4Q7-0003-SM-3NM8M", *rows]
                )
                + "\n"
            ).encode()
        )
    )
    table, frame = read(tmp_path / "HiSeqV2.gz")
    check_values(
        frame,
        {
            "TCGA-AR-A5QQ-01": [0.5, 1.5, 2.5],
            "TCGA-D8-A1JA-01": [0, 0, 0],
            "GTEX-S4Q7-0003-SM-3NM8M": [9.9658, 8.9658, 7.9658],
        },
    )
    assert (table.rows, table.heading) == (genes, heading)


def test_survival_and_clinical_tables_of_xena_are_read(tmp_path: Path) -> None:
    survival = (
        "sample\t_PATIENT\tOS\tOS.time\tDSS\tDSS.time\tRedaction\nTCGA-3C-AAAU-01\tTCGA-3C-AAAU\t0\t4047\t0\t4047\t\n"
        "TCGA-3C-AALI-01\tTCGA-3C-AALI\t0\t4005\t\t\t\n"
    )
    of_samples = annotate(write(tmp_path, "survival", survival))
    assert list(of_samples["OS.time"]) == ["4047", "4005"]
    assert list(of_samples["DSS"]) == ["0", ""]
    clinical = (
        "sampleID\tPAM50Call_RNAseq\tAge_at_Initial_Pathologic_Diagnosis_nature2012\t_PATIENT\n"
        "TCGA-AR-A5QQ-01\tBasal\t68.0\tTCGA-AR-A5QQ\nTCGA-D8-A1JA-01\t\t51\tTCGA-D8-A1JA\n"
    )
    assert list(annotate(write(tmp_path, "BRCA_clinicalMatrix", clinical))["PAM50Call_RNAseq"]) == [
        "Basal",
        "",
    ]


@pytest.mark.parametrize("name", ["salmon.merged.gene_counts.tsv", "salmon.merged.gene_tpm.tsv"])
def test_merged_tables_of_nf_core_are_read(tmp_path: Path, name: str) -> None:
    """nf-core/test-datasets:
    .../riboseq_expression/salmon.merged.gene_counts_length_scaled_two_replicates.tsv.
    """
    text = tabbed(
        ("gene_id gene_name " "SRX11780879 SRX11780880"), ("ENSG00000000419 DPM1 " "686.9220198 370.7509095"), "ENSG00000019186 CYP24A1 0 0",  # noqa: E501
        "ENSG00000026036 RTEL1-TNFRSF6B 221.7252592 425.4128457",
    )  # fmt: skip
    table, frame = read(write(tmp_path, name, text))
    check_values(
        frame,
        {
            "SRX11780879": [686.9220198, 0, 221.7252592],
            "SRX11780880": [370.7509095, 0, 425.4128457],
        },
    )
    assert list(table.row_annotations["gene_name"]) == ["DPM1", "CYP24A1", "RTEL1-TNFRSF6B"]
