"""Files given by mistake: a message names the kind of file and the one to give instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

from genexp.errors import CohortError, name_some
from genexp.files.layout import NUMBER, find_delimiter, is_id_title, split_line
from genexp.files.probe import FileProbe, Request
from genexp.files.tabular import read_text_annotations
from genexp.formats.format import Format
from genexp.names.likeness import is_missing, is_summary, measure_likeness, normal_title
from genexp.names.vocabulary import (
    FAMILIES,
    GENE_IDS,
    GENE_TITLES,
    KNOWN,
    SAMPLE_IDS,
    SAMPLE_TITLES,
)

MATRIX = "expected a matrix of expression values"
KINDS: tuple[tuple[bytes, str, str], ...] = (
    (
        rb"\s*<(!doctype html|html|head|body)",
        "a web page",
        "a web page was saved instead of the file: download the file itself",
    ),
    (
        rb"\s*<\?xml|\s*<MINiML",
        "an XML file",
        "use the matrix of values; from GEO, the series matrix",
    ),
    (rb"\s*[{\[]\s*[\"{\[}\]]", "a JSON file", "take the values as a table"),
    (rb"%PDF-", "a PDF document", "take the table as text or .xlsx"),
    (rb"\{\\rtf", "a document of a word processor", "save the table as text or .xlsx"),
    (
        rb"version https://git-lfs",
        "the pointer of Git LFS to a file",
        "download the file itself: git lfs pull",
    ),
    (rb"##fileformat=VCF", "a VCF file of variants", "take counts or values by gene"),
    (
        rb"##gff-version|(#[^\n]*\n)*[\w.|-]+\t[^\t\n]*\t(gene|transcript|exon|CDS)\t\d+\t\d+\t[\d.]+\t[+.-]\t",
        "an annotation of a genome (GTF or GFF)",
        "take counts or values by gene",
    ),
    (
        rb">[^\n]*\n[A-Za-z*.-]{10,}\r?\n",
        "a FASTA file of sequences",
        "take counts or values by gene",
    ),
    (
        rb"@[^\n]*\n[ACGTN.]+\r?\n\+",
        "a FASTQ file of reads",
        "count them by gene first, as by Salmon or STAR",
    ),
    (
        rb"@(HD|SQ|PG|RG|CO)\t|BAM\x01|CRAM",
        "a file of aligned reads",
        "count them by gene first, as by featureCounts or HTSeq",
    ),
    (
        rb"\[CEL\]|\x40\0\0\0\x04\0\0\0|;\x01|IDAT",
        "a raw file of one array",
        "normalise all arrays first, as by RMA, and take their matrix",
    ),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "an image", "take the table of its values"),
)
"""First bytes of files, their kind, and the advice for the user."""

FOLD_CHANGES = re.compile(r"(avg_|mean_)?log(2|10)?_?(fold_?change|fc)(_shrunk(en)?)?|fold_?change")
P_VALUES = re.compile(
    r"p_?val(ue)?s?(_adj)?|(nominal|raw)_?p(_?val(ue)?)?|p_?adj(usted)?|adj(usted)?_?p(_?val(ue)?)?|fdr|[fq]_?val(ue)?"
)
STATISTICS = re.compile(
    r"base_?mean|lfc_?se|stat(istic)?|t|b|f|lr|z|score|df|se|log_?cpm|ave_?expr|weight|significant|sig|change|regulation|pct_\d|test_id|value_\d|status"
)
MELTED = re.compile(r"variable|var_?\d|sample.*|key|name")
MAX_LINES = 400
MAX_FIELDS = 1000
"""Number of columns above which a table is no list of results, files or mutations."""


def _find_kind(probe: FileProbe) -> tuple[str, str] | None:
    """Find the kind of a file without a table, and the advice for the user."""
    head = probe.head[:8192].removeprefix(b"\xef\xbb\xbf")
    return next(
        ((what, advice) for start, what, advice in KINDS if re.match(start, head, re.IGNORECASE)),
        None,
    )


def refuse_kind(probe: FileProbe, request: Request) -> NoReturn:
    """Refuse a file without a table, and name its kind."""
    what, advice = _find_kind(probe) or ("", "")
    raise CohortError(f"{probe.name} is {what}; expected a table: {advice}")


def _find_problem(probe: FileProbe) -> str:
    """Describe the content of a table that is no matrix of samples and genes, with advice; empty
    for a matrix.
    """
    lines = probe.lines[:MAX_LINES]
    try:
        delimiter, start = find_delimiter(lines, probe.name) if lines else ("", 0)
    except CohortError:  # the reader of text reports it
        return ""
    if not lines:
        return ""
    rows = [split_line(line, delimiter) for line in lines[start:] if line.strip()]
    heading, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if len(heading) > MAX_FIELDS:
        return _describe_headless(heading, rows[1:])
    return (
        _describe_files(heading, body)
        or _describe_results(heading)
        or _describe_list(heading, body)
        or _describe_headless(heading, rows[1:])
    )


def _describe_files(heading: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Describe a table of files or mutations; empty for others."""
    titles = {normal_title(title) for title in heading}
    if {"hugo_symbol", "variant_classification"} <= titles:
        return f"is a table of mutations (MAF); {MATRIX}"
    if {"id", "filename", "md5"} <= titles:
        return (
            f"is a manifest of the Genomic Data Commons, which lists files; {MATRIX}: download "
            "them by gdc-client, and give their folder"
        )
    if {"file_id", "file_name", "sample_id"} <= titles:
        return (
            f"is a sample sheet of the Genomic Data Commons; {MATRIX}: put it next to the files "
            "that it lists, and give their folder"
        )
    if heading[0] == "Status" and body and body[0][0] == "Assigned":
        return (
            f"is the summary of featureCounts; {MATRIX}: give the table of the same name without "
            ".summary"
        )
    return ""


def _describe_results(heading: Sequence[str]) -> str:
    """Describe results of a comparison (DESeq2, edgeR, limma, Seurat); empty for other tables."""
    titles = [normal_title(title) for title in heading]
    changes = [
        title for title, name in zip(heading, titles, strict=True) if FOLD_CHANGES.fullmatch(name)
    ]
    p_values = [
        title for title, name in zip(heading, titles, strict=True) if P_VALUES.fullmatch(name)
    ]
    if not changes or not p_values:
        return ""
    others = [
        t
        for t, name in zip(heading[1:], titles[1:], strict=True)
        if t not in (*changes, *p_values) and not STATISTICS.fullmatch(name)
    ]
    advice = (
        (
            f"; if its other columns {name_some(others)} are samples, keep only these and the "
            "names of genes"
        )
        if others
        else ""
    )
    titles_found = name_some([*changes, *p_values])
    return (
        f"is a table of results, with fold changes and p-values by gene: {titles_found}; "
        f"{MATRIX}, with a column or row per sample{advice}"
    )


def _describe_list(heading: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Describe a table with sample, gene and value in each line; empty for other tables."""
    if not 3 <= len(heading) <= 8 or len(body) < 3:
        return ""
    columns = list(zip(*body, strict=True))
    texts = [
        i
        for i, column in enumerate(columns)
        if sum(NUMBER.fullmatch(v) is not None or is_missing(v) for v in column) < len(column) / 2
    ]
    if len(texts) != 2 or len({(row[texts[0]], row[texts[1]]) for row in body}) < len(body):
        return ""
    for gene, sample in (texts, texts[::-1]):
        repeats = len(set(columns[sample])) < len(body)
        are_genes = (
            GENE_TITLES.fullmatch(heading[gene]) is not None
            or measure_likeness(columns[gene]).gene_ids > 0.5
        )
        are_samples = (
            SAMPLE_TITLES.fullmatch(heading[sample]) is not None
            or MELTED.fullmatch(heading[sample].lower()) is not None
            or measure_likeness(columns[sample]).sample_ids > 0.8
        )
        if repeats and are_genes and are_samples:
            values = [title for i, title in enumerate(heading) if i not in texts]
            call = (
                f"table.pivot(index={heading[sample]!r}, columns={heading[gene]!r}, "
                f"values={values[0]!r})"
            )
            return (
                f"lists a sample, a gene and a value in each line; {MATRIX}: pivot it first, "
                f"with pandas: {call}"
            )
    return ""


def _describe_headless(heading: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Describe a table without a heading, whose first line holds values; empty for other tables."""
    first, *others = heading if body else heading[:-1]  # the end of a single line may be cut
    if not others or (body and len(body[0]) != len(heading)):
        return ""
    numbers = [
        float(text)
        for text in (other.replace(",", ".") for other in others)
        if NUMBER.fullmatch(text)
    ]
    # as numbers of samples do
    count_up = len(numbers) > 1 and all(a < b for a, b in pairwise(numbers))
    named = FAMILIES.fullmatch(first) or SAMPLE_IDS.fullmatch(first) or first in KNOWN
    if len(numbers) == len(others):
        is_line = bool(named) or not (count_up or is_id_title(first))
    else:
        is_line = (
            2 * len(numbers) >= len(others)
            and any(not number.is_integer() for number in numbers)
            and not is_id_title(first)
        )
    if not (is_line or (numbers and (GENE_IDS.fullmatch(first) or is_summary(first)))):
        return ""
    return (
        f"has no heading: its first line is {name_some(heading)}; {MATRIX} naming samples (or "
        "genes) in the first line: add that line"
    )


def refuse_table(probe: FileProbe, request: Request) -> NoReturn:
    """Refuse a table that is no matrix, and describe its content."""
    raise CohortError(f"{probe.name} {_find_problem(probe)}")


KIND = Format(
    "no table",
    "first bytes of web pages, XML, JSON, PDF, VCF, GTF, FASTA, FASTQ, BAM, CEL; refused",
    lambda probe: _find_kind(probe) is not None,
    refuse_kind,
    refuse_kind,
)
TABLE = Format(
    "no matrix",
    "headings of results (fold change and p-value), of mutations, of lists of files; a "
    "sample, a gene and a value in each line; no "
    "heading; refused",
    lambda probe: bool(_find_problem(probe)),
    refuse_table,
    read_text_annotations,
)
