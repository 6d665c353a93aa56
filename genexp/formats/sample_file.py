"""Columns of the file of one sample."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from genexp.errors import CohortError, name_some
from genexp.files.cells import MISSING
from genexp.files.probe import decode
from genexp.formats.tools import STAR, STRANDS, TWO_COLUMNS, FileLayout

SUMMARY_LINES = r"^(__\w+|N_(unmapped|multimapping|noFeature|ambiguous)|no_feature|ambiguous|too_low_aQual|not_aligned|alignment_not_unique)$"  # noqa: E501
"""Lines of STAR and HTSeq that count reads of no gene."""
ONE_STRAND = 5
"""Ratio of reads between the strands above which a library counts as stranded."""


@dataclass(frozen=True)
class SampleColumns:
    """Content of the file of one sample.

    Parameters
    ----------
    genes : pyarrow array of text, (n_genes,)
    values : ndarray of float32, (n_genes,)
    annotations : dict of str to pyarrow array of text
        Annotations of the genes.
    column : str
        Column of the values; empty: any, because all are 0.
    scale : str
        Empty: unknown.
    n_summaries : int
        Number of dropped lines, which count reads outside of genes.
    ends : bool
        Whether the last line ends with a line break, as programs write it; a file that was cut has
        none.
    """

    genes: pa.Array
    values: np.ndarray
    annotations: dict[str, pa.Array]
    column: str
    scale: str
    n_summaries: int
    ends: bool


def read_columns(text: bytes, layout: FileLayout, name: str, column: str = "") -> SampleColumns:
    """Read the genes and values of a file.

    Parameters
    ----------
    text : bytes
        Content of the whole file.
    layout : FileLayout
    name : str
        Name of the file, for messages.
    column : str
        Column of values; empty: the first of the program's columns, or for STAR the one that fits
        the library.

    Raises
    ------
    CohortError
        The file is cut, or is no regular table.
    """
    tool = layout.tool
    columns = [column] if column else list(STRANDS) if tool is STAR else [next(iter(tool.values))]
    table = _parse(
        _skip_lines(text, layout.n_skipped),
        layout,
        [tool.genes, *tool.annotations, *columns],
        set(columns),
        name,
    )
    is_summary = pc.match_substring_regex(table.column(tool.genes), SUMMARY_LINES)
    n_summaries = pc.sum(is_summary).as_py() or 0
    if n_summaries:
        table = table.filter(pc.invert(is_summary))
    values = {title: table.column(title).to_numpy(zero_copy_only=False) for title in columns}
    if len(columns) > 1:
        column = choose_strand([float(np.nansum(values[title])) for title in columns])
    title = column or columns[0]
    scale = tool.values[title]
    if tool is TWO_COLUMNS and n_summaries:
        scale = "counts"
    annotations = {title: table.column(title).combine_chunks() for title in tool.annotations}
    return SampleColumns(
        table.column(tool.genes).combine_chunks(),
        values[title].astype(np.float32),
        annotations,
        column if len(columns) > 1 else title,
        scale,
        n_summaries,
        text.endswith((b"\n", b"\r")),
    )


def choose_strand(totals: Sequence[float]) -> str:
    """Choose the column of STAR's counts that fits a library, by the totals of its columns; empty
    without reads.
    """
    unstranded, first, second = totals
    if not unstranded + first + second:
        return ""
    if max(first, second) <= ONE_STRAND * min(first, second):
        return STRANDS[0]
    return STRANDS[1] if first > second else STRANDS[2]


def _skip_lines(text: bytes, n: int) -> bytes:
    at = 0
    for _ in range(n):
        at = text.find(b"\n", at) + 1 or len(text)
    return text[at:]


def _parse(
    body: bytes, layout: FileLayout, columns: list[str], numbers: set[str], name: str
) -> pa.Table:
    if layout.delimiter == " ":
        body = re.sub(rb"[ \t]+", b"\t", body)
    if not body.isascii():
        body = decode(body)[0].encode()
    if not body.strip():
        raise CohortError(
            f"{name} holds no genes; expected one line per gene, as {layout.tool.name} "
            "writes them; is the file complete?"
        )
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(body),
            pyarrow.csv.ReadOptions(
                column_names=list(layout.columns), use_threads=False, block_size=len(body) + 1
            ),
            pyarrow.csv.ParseOptions(
                delimiter="\t" if layout.delimiter == " " else layout.delimiter,
                quote_char='"' if b'"' in body else False,
            ),
            pyarrow.csv.ConvertOptions(
                column_types={
                    title: pa.float64() if title in numbers else pa.string() for title in columns
                },
                include_columns=columns,
                null_values=MISSING,
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        reason = str(error).split("\n")[0][:160]
        raise CohortError(
            f"{name}: expected a regular table of {layout.tool.name} with "
            f"{name_some(columns)}: {reason}; is it complete?"
        ) from None
