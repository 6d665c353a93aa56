"""Tables of featureCounts: six columns that describe genes, and one per file of alignments."""

from __future__ import annotations

from dataclasses import replace

from genexp.errors import CohortError, name_some
from genexp.files.probe import FileProbe, Request
from genexp.files.table import Table
from genexp.files.tabular import read_text_annotations
from genexp.formats.delimited import open_text
from genexp.formats.format import Format
from genexp.formats.sample_names import shorten_paths
from genexp.formats.textstream import TextStream, as_binary, split_fields

PROGRAM = "# Program:featureCounts"
HEADINGS = ["Geneid", "Chr", "Start", "End", "Strand", "Length"]


def open_counts(probe: FileProbe, request: Request) -> Table:
    """Open a table of featureCounts.

    Raises
    ------
    CohortError
        The headings are not those of featureCounts.
    """
    with TextStream(probe) as stream:
        line = stream.next_line()
        while line.startswith(b"#"):
            line = stream.next_line()
        if split_fields(line)[: len(HEADINGS)] != HEADINGS:
            raise CohortError(
                f"{probe.name}: expected the headings {', '.join(HEADINGS)} and a column for "
                "each sample, as featureCounts writes them, "
                f"found {name_some(split_fields(line))}; is it complete?"
            )
        stream.put_back(line)
        table = open_text(
            as_binary(stream),
            probe,
            replace(request, metadata=("none",), named=frozenset(HEADINGS[1:])),
        )
    samples, notes = shorten_paths(table.columns)
    return replace(
        table,
        columns=samples,
        genes_in_rows=True,
        scale="counts",
        says_scale="featureCounts",
        format="featureCounts",
        notes=(*table.notes, *notes),
    )


def _is_counts(probe: FileProbe) -> bool:
    lines = [line for line in probe.lines[:5] if not line.startswith("#")]
    return probe.text.startswith(PROGRAM) or (
        bool(lines) and lines[0].replace('"', "").split("\t")[: len(HEADINGS)] == HEADINGS
    )


FORMAT = Format(
    "featureCounts",
    "headings Geneid, Chr, Start, End, Strand, Length, or a first line of the program",
    _is_counts,
    open_counts,
    read_text_annotations,
)
