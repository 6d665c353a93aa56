"""Series matrices of GEO: lines of annotations with one value per sample, above a matrix of
values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NoReturn

import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.probe import FileProbe, Request
from genexp.files.table import Table, name_apart
from genexp.formats.delimited import open_text
from genexp.formats.format import Format
from genexp.formats.textstream import TextStream, as_binary, split_fields

BEGIN, END = "!series_matrix_table_begin", b"!series_matrix_table_end"
ACCESSION = "geo_accession"
DROPPED = re.compile(
    r"geo_accession|status|\w+_date|channel_count|\w*protocol\w*|data_processing|data_row_count|taxid_ch\d|contact_.*|supplementary_file\w*|"
    r"relation|series_id|characteristics_ch\d"
)
"""Lines about the submission and not about the sample: contact, dates, protocols."""
MAX_NOTE = 160
SOFT_STARTS = ("^DATABASE", "^SERIES", "^SAMPLE", "^PLATFORM", "^DATASET", "^SUBSET")


@dataclass
class _Header:
    """Lines above the matrix."""

    name: str
    series: dict[str, list[str]] = field(default_factory=dict)
    samples: list[tuple[str, list[str]]] = field(default_factory=list)

    def of_samples(self, title: str) -> list[str]:
        """Return the values of the first line with that title, by sample; empty without such a
        line.
        """
        return next((values for line, values in self.samples if line == title), [])


def open_series(probe: FileProbe, request: Request) -> Table:
    """Open a series matrix.

    Raises
    ------
    CohortError
        The file holds no values, as those of RNA-seq; or it is cut, or its lines contradict each
        other.
    """
    with TextStream(probe, END) as stream:
        header = _read_header(stream)
        annotations, notes = _build_annotations(header)
        _check_values(stream, header)
        table = open_text(as_binary(stream), probe, replace(request, metadata=("none",)))
        if not stream.stopped or stream.has_more():
            problem = "goes on after" if stream.stopped else "has no"
            raise CohortError(
                f"{probe.name} {problem} line {END.decode()}, the last of a series matrix; "
                "is it complete? Download it again"
            )
    _check_table(table, header)
    if len(annotations):
        annotations = (
            annotations.set_index(ACCESSION, drop=False).loc[table.columns].reset_index(drop=True)
        )
    return replace(
        table,
        column_annotations=annotations,
        genes_in_rows=True,
        format="GEO series matrix",
        notes=(
            *table.notes,
            *notes,
            *_describe_processing(header),
            *_compare_row_counts(table, header),
        ),
    )


def read_series_annotations(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read the annotations of a series matrix, also of one without values: one row per sample,
    first column ``geo_accession``.
    """
    with TextStream(probe) as stream:
        annotations, _ = _build_annotations(_read_header(stream))
    if annotations.empty:
        raise CohortError(
            f"{probe.name} is a GEO series matrix without lines !Sample_..., which hold the "
            "annotations; is it complete?"
        )
    return annotations


def _read_header(stream: TextStream) -> _Header:
    """Read all lines above the matrix."""
    header = _Header(stream.name)
    while line := stream.next_line():
        title, *values = split_fields(line)
        if title == BEGIN:
            return header
        if title.startswith("!Series_"):
            header.series.setdefault(title.removeprefix("!Series_"), []).extend(values)
        elif title.startswith("!Sample_"):
            header.samples.append((title.removeprefix("!Sample_"), values))
        elif line.strip():
            raise CohortError(
                f"{stream.name}: expected lines !Series_... and !Sample_..., separated by "
                f"tabs, above the line {BEGIN} of a GEO series "
                f"matrix, found {line[:60].decode(errors='replace')!r}; use the file as "
                "downloaded from GEO"
            )
    raise CohortError(
        f"{stream.name} has no line {BEGIN}, below which a GEO series matrix has its values; "
        "is it complete? Download it again"
    )


def _build_annotations(header: _Header) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Build annotations, one row per sample, and notes on them; empty if no line holds any."""
    if not header.samples:
        return pd.DataFrame(), ()
    accessions = [value for value in header.of_samples(ACCESSION) if value]
    if not accessions or len(set(accessions)) < len(accessions):
        raise CohortError(
            f"{header.name}: expected one line !Sample_geo_accession with an accession for "
            f"every sample, found {name_some(accessions)}; is "
            "the series matrix complete? Download it again"
        )
    n_samples = len(accessions)
    wrong = [
        f"!Sample_{title}: {len(values)}"
        for title, values in header.samples
        if len(values) < n_samples or any(values[n_samples:])
    ]
    if wrong:
        raise CohortError(
            f"{header.name} names {n_samples} samples; these lines have another number of "
            f"values: {name_some(wrong)}; is it complete?"
        )
    characteristics, notes = _collect_characteristics(header, n_samples)
    described = [
        (title, values[:n_samples])
        for title, values in header.samples
        if not DROPPED.fullmatch(title)
    ]
    titles, columns = zip(
        *[(ACCESSION, accessions), *described, *characteristics.items()], strict=True
    )
    return name_apart(
        pd.DataFrame(list(zip(*columns, strict=True)), columns=list(titles), dtype=object)
    ), notes


def _collect_characteristics(
    header: _Header, n_samples: int
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Collect values ``key: value`` by key: one line may hold different keys by sample, and two
    lines the same key.
    """
    values_by_key: dict[tuple[str, str], dict[int, list[str]]] = {}
    spelling: dict[tuple[str, str], str] = {}
    for title, values in header.samples:
        if not title.startswith("characteristics_ch"):
            continue
        channel = title.removeprefix("characteristics_")
        for i, text in enumerate(values[:n_samples]):
            if not text:
                continue
            key, value = _split_characteristic(text, title)
            channel_key = (key.casefold(), channel)
            spelling.setdefault(channel_key, key)
            texts = values_by_key.setdefault(channel_key, {}).setdefault(i, [])
            if value not in texts:
                texts.append(value)
    keys = [key for key, _ in values_by_key]
    columns = {
        spelling[key, channel] if keys.count(key) == 1 else f"{spelling[key, channel]}_{channel}": [
            "; ".join(by_sample.get(i, [])) for i in range(n_samples)
        ]
        for (key, channel), by_sample in values_by_key.items()
    }
    doubled = [
        spelling[channel_key]
        for channel_key, by_sample in values_by_key.items()
        if any(len(texts) > 1 for texts in by_sample.values())
    ]
    notes = (
        (
            (
                "Some samples have two values of a characteristic, which are joined by '; ': "
                f"{name_some(doubled)}."
            ),
        )
        if doubled
        else ()
    )
    return columns, notes


def _split_characteristic(text: str, title: str) -> tuple[str, str]:
    """Split ``tissue: lung`` into key and value; a text without a key gets the line's title."""
    separator = ": " if ": " in text else ":"
    key, mark, value = text.partition(separator)
    if not mark or not key[:1].isalpha() or value.startswith("//"):
        return title, text
    return key.strip(), value.strip()


def _check_values(stream: TextStream, header: _Header) -> None:
    """Check that there is a line of values, and leave the stream at the heading."""
    heading, row = stream.next_line(), stream.next_line()
    if heading.strip() and row.strip() and not row.startswith(END) and not heading.startswith(END):
        stream.put_back(heading + row)
        return
    files = [
        path.rsplit("/", 1)[-1]
        for path in header.series.get("supplementary_file", [])
        if path and path.upper() != "NONE"
    ]
    where = f"GEO lists {name_some(files)}" if files else "look for them on the page of the series"
    raise CohortError(
        f"{header.name} holds annotations but no values, as the series matrices of most "
        "sequencing studies do; the values are in a "
        f"supplementary file of the series ({where}): download it, give it as the cohort, "
        "and give this file as obs"
    )


def _check_table(table: Table, header: _Header) -> None:
    """Check that the matrix and the lines above it name the same samples."""
    if len(table.column_annotations.columns):
        raise CohortError(
            f"{header.name}: expected values, found text in lines "
            f"{name_some(table.column_annotations.columns)} of the matrix"
        )
    accessions = header.of_samples(ACCESSION)
    surplus = [name for name in table.columns if name not in accessions]
    lacking = [name for name in accessions if name and name not in table.columns]
    if header.samples and (surplus or lacking or len(set(table.columns)) < len(table.columns)):
        raise CohortError(
            f"{header.name}: the columns of the matrix and the line !Sample_geo_accession do "
            "not name the same samples: "
            f"{name_some(surplus)} "
            f"only in the matrix, {name_some(lacking)} only in the line; is the file "
            "complete? Download it again"
        )


def _describe_processing(header: _Header) -> tuple[str, ...]:
    """Quote the submitters' description of the values, if it is the same for all samples and in one
    line.
    """
    lines = [values for title, values in header.samples if title == "data_processing"]
    texts = {value for value in lines[0] if value} if len(lines) == 1 else set()
    if len(texts) != 1:
        return ()
    (text,) = texts
    return (
        (
            "GEO says of the values: "
            f"{text if len(text) <= MAX_NOTE else text[: MAX_NOTE - 3] + '...'}"
        ),
    )


def _compare_row_counts(table: Table, header: _Header) -> tuple[str, ...]:
    counts = [int(value) for value in header.of_samples("data_row_count") if value.isdigit()]
    if not counts or len(table.rows) >= min(counts):
        return ()
    return (
        (
            f"The matrix has {len(table.rows):,} rows; GEO counted {min(counts):,} or more for "
            "every sample."
        ),
    )


def refuse_soft(probe: FileProbe, request: Request) -> NoReturn:
    """Refuse a SOFT file, and name the file to use instead."""
    raise CohortError(
        f"{probe.name} is a SOFT file of GEO, which lists each sample separately; expected a "
        "matrix: use the series matrix of the series "
        "(GSE..._series_matrix.txt.gz), or its supplementary files if that holds no values"
    )


def _starts_with(probe: FileProbe, *starts: str) -> bool:
    """Check whether the first line that is not blank starts with one of these texts."""
    first = next((line for line in probe.lines if line.strip()), "")
    return first.lstrip('"').startswith(starts)


FORMAT = Format(
    "GEO series matrix",
    f"lines that start with !Series_ or !Sample_, and a matrix between {BEGIN} and {END.decode()}",
    lambda probe: _starts_with(probe, "!Series_", "!Sample_", BEGIN),
    open_series,
    read_series_annotations,
)
SOFT = Format(
    "GEO SOFT",
    "a first line such as ^DATABASE, ^SERIES, ^SAMPLE; refused",
    lambda probe: _starts_with(probe, *SOFT_STARTS),
    refuse_soft,
    refuse_soft,
)
