"""MAGE-TAB: matrices with two lines of headings (ArrayExpress, TCGA's Firehose), and SDRF tables of
their samples.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import NoReturn

import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.probe import FileProbe, Request
from genexp.files.table import Table
from genexp.files.tabular import read_text_annotations
from genexp.formats.delimited import open_text
from genexp.formats.format import Format
from genexp.formats.textstream import LineFilter, TextStream, as_binary, split_fields
from genexp.names.likeness import is_gene_column

SAMPLE_REFERENCES = re.compile(
    r"(hybridi[sz]ation|scan|assay|normali[sz]ation|sample|source|extract|labell?ed extract) ref",
    re.IGNORECASE,
)
GENE_REFERENCES = re.compile(
    r"(composite ?element|reporter|probe|term source) (ref|name)|gene(_?id)?|mirna_?id|isoform_?id|transcript_?id",  # noqa: E501
    re.IGNORECASE,
)
CLINICAL = "value"
"""Second heading of all columns of clinical tables of Firehose."""
COUNTS = ("raw_count", "raw_counts", "read_count")
SCALES = dict.fromkeys(COUNTS, "counts") | {"normalized_count": "norm_count"}
"""Scale of values by their second heading."""
FILE_COLUMNS = re.compile(
    r"scan name|(derived )?array data (matrix )?file|assay name|"
    r"comment ?\[(fastq_uri|submitted_file_name|md5|.*ftp.*|ena_run|spot_length|read_index\w*)\]",
    re.IGNORECASE,
)
"""Columns of an SDRF that differ between the files of one sample."""


@dataclass(frozen=True)
class _Headings:
    """Both lines of headings.

    Parameters
    ----------
    samples : list of str
        First line without its first field; empty above annotations of genes.
    quantities : list of str
        Second line without its first field.
    heading : str
        First field of the second line.
    """

    samples: list[str]
    quantities: list[str]
    heading: str


def open_matrix(probe: FileProbe, request: Request) -> Table:
    """Open a matrix with two lines of headings: samples, and below them what is measured.

    Raises
    ------
    CohortError
        The matrix holds several quantities and none is named; or the file is a clinical table.
    """
    with TextStream(probe) as stream:
        headings = _read_headings(stream)
        quantity, notes = _choose_quantity(headings, probe.name, request)
        samples, quantities = headings.samples, headings.quantities
        of_genes = [i for i, sample in enumerate(samples) if not sample]
        kept = [
            *of_genes,
            *(i for i, name in enumerate(quantities) if samples[i] and name == quantity),
        ]
        annotations = [quantities[i] for i in of_genes]
        heading = (
            "\t".join(
                [headings.heading, *annotations, *(samples[i] for i in kept[len(of_genes) :])]
            )
            + "\n"
        ).encode()
        picks = kept != list(range(len(samples)))
        if not picks:
            stream.put_back(heading)
        source = as_binary(
            LineFilter(stream, heading, _pick_fields(kept, len(samples), probe.name))
            if picks
            else stream
        )
        table = open_text(
            source, probe, replace(request, metadata=("none",), named=frozenset(annotations))
        )
    return replace(
        table,
        genes_in_rows=True,
        scale=SCALES.get(quantity, ""),
        says_scale=f"the second heading {quantity}" if quantity in SCALES else "",
        format="MAGE-TAB matrix",
        notes=(*table.notes, *notes),
    )


def _read_headings(stream: TextStream) -> _Headings:
    _, *samples = split_fields(stream.next_line())
    heading, *quantities = split_fields(stream.next_line())
    if (
        len(samples) != len(quantities)
        or not any(samples)
        or GENE_REFERENCES.fullmatch(heading) is None
    ):
        raise CohortError(
            f"{stream.name}: expected a second line of headings such as 'Composite Element "
            "REF' or 'gene_id', with a word for each of the "
            f"{len(samples):,} columns, below the line 'Hybridization REF', found "
            f"{heading[:60]!r} and {len(quantities):,} fields; is it "
            "complete?"
        )
    return _Headings(samples, quantities, heading)


def _choose_quantity(
    headings: _Headings, name: str, request: Request
) -> tuple[str, tuple[str, ...]]:
    """Choose the second heading of the columns to read, with a note on the choice."""
    names = list(
        dict.fromkeys(
            quantity
            for sample, quantity in zip(headings.samples, headings.quantities, strict=True)
            if sample
        )
    )
    if [name.lower() for name in names] == [CLINICAL]:
        raise CohortError(
            f"{name} is a clinical table of Firehose, with samples in columns; expected "
            "expression values: give this file as obs"
        )
    measured = [quantity for quantity in names if not is_gene_column(quantity)] or names
    counts = [quantity for quantity in measured if quantity in COUNTS]
    if request.layer in names:
        quantity = request.layer
    elif len(measured) == 1 or counts:
        quantity = (counts or measured)[0]
    else:
        raise CohortError(
            f"{name} has several columns per sample: {name_some(measured)}; name the one to "
            f"read, such as layer={measured[0]}"
        )
    if Counter(headings.quantities)[quantity] < len(
        {sample for sample in headings.samples if sample}
    ):
        raise CohortError(
            f"{name}: expected a column {quantity!r} for every sample in the second line of "
            "headings; some samples lack it; is the file "
            "complete?"
        )
    others = [title for title in names if title != quantity]
    unread = f"; not read: {name_some(others)}" if others else ""
    return quantity, (
        f"The second line of headings says that the values are {quantity!r}{unread}.",
    )


def _pick_fields(kept: list[int], n_columns: int, name: str) -> Callable[[bytes], bytes]:
    """Select fields of a line, always with its first; ``kept`` counts from the second."""
    pick = itemgetter(0, *(i + 1 for i in kept))

    def change(line: bytes) -> bytes:
        fields = line.rstrip(b"\r\n").split(b"\t")
        if len(fields) != n_columns + 1:
            problem = f"the line of {fields[0][:60].decode(errors='replace')!r} has {len(fields):,}"
            raise CohortError(
                f"{name} is not a regular table: its headings have {n_columns + 1:,} fields, "
                f"{problem}; is the file complete?"
            )
        return b"\t".join(pick(fields)) + b"\n"

    return change


def read_clinical(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read a clinical table of Firehose, with samples in columns, as one row per sample."""
    with TextStream(probe) as stream:
        headings = _read_headings(stream)
        if {quantity.lower() for quantity in headings.quantities} != {CLINICAL}:
            raise CohortError(
                f"{probe.name} is a matrix of expression values; expected a table of "
                "annotations: give this file as the cohort"
            )
        columns = {"sample": headings.samples}
        while line := stream.next_line():
            title, *values = split_fields(line)
            if len(values) != len(headings.samples) or title in columns:
                raise CohortError(
                    f"{probe.name}: expected one line of {len(headings.samples):,} values "
                    f"per annotation, found {len(values):,} values "
                    f"or a second line of {title[:60]!r}; is it complete?"
                )
            columns[title] = values
    return pd.DataFrame(columns, dtype=object)


def read_sdrf(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read an SDRF as one row per sample, also where every file has its own row."""
    table = read_text_annotations(probe, request)
    files = [title for title in table.columns if FILE_COLUMNS.fullmatch(title)]
    samples = table.drop(columns=files).drop_duplicates()
    names = samples.iloc[:, 0]
    return (
        samples.reset_index(drop=True) if len(samples) < len(table) and names.is_unique else table
    )


def refuse_sdrf(probe: FileProbe, request: Request) -> NoReturn:
    """Refuse an SDRF, which holds no values."""
    raise CohortError(
        f"{probe.name} is an SDRF, which describes samples; expected a matrix of expression "
        "values: give this file as obs"
    )


def _is_matrix(probe: FileProbe) -> bool:
    """Check whether the first field starts a first line of headings; the line may be longer than
    the head of the file.
    """
    first = probe.text[:200].split("\t")[0].strip('" ')
    return SAMPLE_REFERENCES.fullmatch(first) is not None


def _is_sdrf(probe: FileProbe) -> bool:
    titles = [title.strip('" ').lower() for title in (probe.lines or [""])[0].split("\t")]
    return titles[0] == "source name" and any(
        title.startswith(("characteristics", "factor", "protocol", "extract")) for title in titles
    )


FORMAT = Format(
    "MAGE-TAB matrix",
    "two lines of headings, the first of which starts with 'Hybridization REF' or another REF",
    _is_matrix,
    open_matrix,
    read_clinical,
    layer="the column of values",
)
SDRF = Format(
    "SDRF",
    "a heading that starts with 'Source Name' and has Characteristics; as annotations",
    _is_sdrf,
    refuse_sdrf,
    read_sdrf,
)
