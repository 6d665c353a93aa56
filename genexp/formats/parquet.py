"""Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from genexp.errors import CohortError
from genexp.files.columnar import open_columns, read_column_annotations
from genexp.files.damage import report_damage
from genexp.files.packing import unpack
from genexp.files.probe import FileProbe, Request
from genexp.files.table import Table
from genexp.formats.format import Format

NAME = "Parquet"


@dataclass(frozen=True)
class ParquetColumns:
    """Columns of a Parquet file, see :class:`genexp.files.columnar.ColumnSource`."""

    file: pyarrow.parquet.ParquetFile

    @cached_property
    def schema(self) -> pa.Schema:
        """Names and types of all columns."""
        return self.file.schema_arrow

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.file.metadata.num_rows)

    def read(self, positions: Sequence[int]) -> pa.Table:
        """Read columns by position: the public ``read`` takes names, and gene names may contain
        dots or occur twice.
        """
        return self.file.reader.read_all(column_indices=list(positions), use_threads=True)


def recognise(probe: FileProbe) -> bool:
    """Check whether a file starts like Parquet, encrypted or not."""
    return probe.head.startswith((b"PAR1", b"PARE"))


def _open_file(probe: FileProbe) -> ParquetColumns:
    if probe.head.startswith(b"PARE"):
        raise CohortError(
            f"{probe.name} is an encrypted Parquet file; expected one without encryption: "
            "write the file again without it"
        )
    return ParquetColumns(
        pyarrow.parquet.ParquetFile(unpack(probe), memory_map=True, page_checksum_verification=True)
    )


def open_parquet(probe: FileProbe, request: Request) -> Table:
    """Open a Parquet file of expression values."""
    with report_damage(probe.name, NAME):
        return open_columns(_open_file(probe), request, NAME)


def annotate(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read a Parquet file as annotations."""
    with report_damage(probe.name, NAME):
        return read_column_annotations(_open_file(probe))


FORMAT = Format(NAME, "PAR1 in the first bytes", recognise, open_parquet, annotate)
