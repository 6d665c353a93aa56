"""Programs that write one file per sample: recognition of their files, and the meaning of their
columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from genexp.files.layout import NUMBER
from genexp.names.likeness import is_missing

STRANDS = ("unstranded", "stranded_first", "stranded_second")
"""Columns of counts of STAR, in the words of the Genomic Data Commons."""
STAR_SUMMARY = re.compile(r"N_(unmapped|multimapping|noFeature|ambiguous)\t")
MIN_LINES = 3
"""Number of lines that are needed to recognise a file without headings."""
COMMENT = re.compile(r"#(?!gene\t)")
"""Start of a line that is no heading; early files of the Genomic Data Commons have the heading
``#gene``."""
FEATURE_COUNTS = ("Geneid", "Chr", "Start", "End", "Strand", "Length")


@dataclass(frozen=True)
class Tool:
    """A program, or one of its kinds of files.

    Parameters
    ----------
    name : str
        For messages; the first word is the program.
    headings : tuple of str
        First headings of its files, in order; empty: none.
    genes : str
        Column of the names of genes.
    values : dict of str to str
        Columns that hold values, with the scale of each (empty: unknown); the first is the default.
    annotations : tuple of str
        Columns that describe genes.
    of_transcripts : bool
        Whether values are of transcripts rather than genes.
    """

    name: str
    headings: tuple[str, ...]
    genes: str
    values: dict[str, str]
    annotations: tuple[str, ...] = ()
    of_transcripts: bool = False


_RSEM = {"expected_count": "counts", "TPM": "tpm", "FPKM": "norm_count"}
STAR = Tool("STAR", (), "gene", dict.fromkeys(STRANDS, "counts"))
TWO_COLUMNS = Tool("names and values in two columns", (), "gene", {"value": ""})
TOOLS = (
    Tool(
        "STAR counts of the Genomic Data Commons",
        ("gene_id", "gene_name", "gene_type", "unstranded"),
        "gene_id",
        dict.fromkeys(STRANDS, "counts")
        | {
            "tpm_unstranded": "tpm",
            "fpkm_unstranded": "norm_count",
            "fpkm_uq_unstranded": "norm_count",
        },
        ("gene_name", "gene_type"),
    ),
    Tool(
        "STAR counts of the Genomic Data Commons",
        ("gene", *STRANDS),
        "gene",
        dict.fromkeys(STRANDS, "counts"),
    ),
    Tool(
        "Salmon",
        ("Name", "Length", "EffectiveLength", "TPM", "NumReads"),
        "Name",
        {"NumReads": "counts", "TPM": "tpm"},
        of_transcripts=True,
    ),
    Tool(
        "kallisto",
        ("target_id", "length", "eff_length", "est_counts", "tpm"),
        "target_id",
        {"est_counts": "counts", "tpm": "tpm"},
        of_transcripts=True,
    ),
    Tool(
        "RSEM genes",
        (
            "gene_id",
            "transcript_id(s)",
            "length",
            "effective_length",
            "expected_count",
            "TPM",
            "FPKM",
        ),
        "gene_id",
        _RSEM,
    ),
    Tool(
        "RSEM isoforms",
        ("transcript_id", "gene_id", "length", "effective_length", "expected_count", "TPM", "FPKM"),
        "transcript_id",
        _RSEM,
        ("gene_id",),
        of_transcripts=True,
    ),
    Tool(
        "RSEM genes of TCGA",
        ("gene_id", "raw_count", "scaled_estimate", "transcript_id"),
        "gene_id",
        {"raw_count": "counts"},
    ),
    Tool(
        "RSEM normalised genes of TCGA",
        ("gene_id", "normalized_count"),
        "gene_id",
        {"normalized_count": "norm_count"},
    ),
    Tool(
        "miRNA counts of TCGA",
        ("miRNA_ID", "read_count", "reads_per_million_miRNA_mapped"),
        "miRNA_ID",
        {"read_count": "counts", "reads_per_million_miRNA_mapped": "tpm"},
    ),
    Tool("sample tables of GEO", ("ID_REF", "VALUE"), "ID_REF", {"VALUE": ""}),
    Tool(
        "sample tables of ArrayExpress",
        ("Reporter Identifier", "VALUE"),
        "Reporter Identifier",
        {"VALUE": ""},
    ),
    Tool(
        "StringTie",
        ("Gene ID", "Gene Name", "Reference", "Strand", "Start", "End", "Coverage", "FPKM", "TPM"),
        "Gene ID",
        {"TPM": "tpm", "FPKM": "norm_count"},
        ("Gene Name",),
    ),
    Tool(
        "Cufflinks",
        ("tracking_id", "class_code", "nearest_ref_id", "gene_id", "gene_short_name"),
        "tracking_id",
        {"FPKM": "norm_count"},
        ("gene_short_name",),
    ),
)


@dataclass(frozen=True)
class FileLayout:
    """Layout of one file.

    Parameters
    ----------
    tool : Tool
    delimiter : str
        A blank means runs of blanks.
    columns : tuple of str
        Names of all columns.
    n_skipped : int
        Lines above the first line of values.
    """

    tool: Tool
    delimiter: str
    columns: tuple[str, ...]
    n_skipped: int


def find_tool(lines: Sequence[str]) -> FileLayout | None:
    """Recognise a file of one sample by its first whole lines."""
    start = next(
        (i for i, line in enumerate(lines) if line.strip() and not COMMENT.match(line)), len(lines)
    )
    if len(lines) - start < 2:
        return None
    fields = [field.strip('" ') for field in lines[start].removeprefix("#").split("\t")]
    for tool in TOOLS:
        if tuple(fields[: len(tool.headings)]) == tool.headings and len(set(fields)) == len(fields):
            return FileLayout(tool, "\t", tuple(fields), start + 1)
    if tuple(fields[:6]) == FEATURE_COUNTS and len(fields) == 7:
        tool = Tool("featureCounts", FEATURE_COUNTS, "Geneid", {"counts": "counts"})
        return FileLayout(tool, "\t", (*fields[:6], "counts"), start + 1)
    return _find_star(lines[start:], start) or _find_two_columns(lines[start:], start)


def _find_star(lines: Sequence[str], start: int) -> FileLayout | None:
    first = lines[0].split("\t")
    if (
        len(first) == 4
        and all(value.isdecimal() for value in first[1:])
        and any(STAR_SUMMARY.match(line) for line in lines)
    ):
        return FileLayout(STAR, "\t", (STAR.genes, *STRANDS), start)
    return None


def _find_two_columns(lines: Sequence[str], start: int) -> FileLayout | None:
    """Recognise names and values; a heading adds one line to skip."""
    for delimiter in ("\t", ",", ";", " "):
        rows = [
            line.split(delimiter) if delimiter != " " else line.split()
            for line in lines
            if line.strip()
        ]
        # the head of the file may end within a line
        if len(rows) > MIN_LINES and len(rows[-1]) != 2:
            rows.pop()
        if len(rows) < MIN_LINES or any(len(row) != 2 for row in rows):
            continue
        are_names = all(NUMBER.fullmatch(row[0].strip('" ')) is None for row in rows)
        are_values = [
            NUMBER.fullmatch(row[1].strip('" ')) is not None or is_missing(row[1]) for row in rows
        ]
        if all(are_values[1:]) and (are_names or not are_values[0]):
            return FileLayout(
                TWO_COLUMNS, delimiter, (TWO_COLUMNS.genes, "value"), start + (not are_values[0])
            )
    return None


def is_of_transcripts(tool: Tool, file: str) -> bool:
    """Check whether values are of transcripts: Salmon writes files of genes with the same
    headings.
    """
    return tool.of_transcripts and "gene" not in PurePosixPath(file).name.lower()


def has_heading(layout: FileLayout, lines: Sequence[str]) -> bool:
    """Check whether a file of two columns has a heading, and so is an ordinary table."""
    first = next(i for i, line in enumerate(lines) if line.strip() and not COMMENT.match(line))
    return layout.tool is TWO_COLUMNS and layout.n_skipped > first
