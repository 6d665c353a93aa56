"""Arrow files, also known as Feather files of version 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from genexp.errors import CohortError
from genexp.files.columnar import open_columns, read_column_annotations
from genexp.files.damage import report_damage
from genexp.files.packing import unpack
from genexp.files.probe import FileProbe, Request
from genexp.files.table import Table
from genexp.formats.format import Format

NAME = "Arrow"
OLD = b"FEA1"
START = 8
"""Bytes before the first list of columns."""


@dataclass(frozen=True)
class ArrowColumns:
    """Columns of an Arrow file, see :class:`genexp.files.columnar.ColumnSource`."""

    file: pa.MemoryMappedFile

    @cached_property
    def schema(self) -> pa.Schema:
        """Names and types of all columns: at the start and at the end of the file, which has no
        checksums.
        """
        last = pa.ipc.open_file(self.file).schema
        self.file.seek(START)
        first = pa.ipc.read_schema(self.file)
        if not first.equals(last, check_metadata=True):
            raise pa.ArrowInvalid("the columns differ between its start and its end")
        return last

    @cached_property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(int(batch.num_rows) for batch in self._open([0]))

    def _open(self, positions: Sequence[int]) -> list[pa.RecordBatch]:
        """Read batches of some columns. Without validation, a damaged file would be read beyond its
        end.
        """
        options = pa.ipc.IpcReadOptions(included_fields=list(positions))
        reader = pa.ipc.open_file(self.file, options=options)
        batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        for batch in batches:
            batch.validate(full=True)
        return batches

    def read(self, positions: Sequence[int]) -> pa.Table:
        """Read columns by position."""
        fields = pa.schema([self.schema.field(i) for i in positions], metadata=self.schema.metadata)
        return pa.Table.from_batches(self._open(positions), schema=fields)


def recognise(probe: FileProbe) -> bool:
    """Check whether a file starts like Arrow files, or like Feather files of version 1."""
    return probe.head.startswith((b"ARROW1", OLD))


def _open_file(probe: FileProbe) -> ArrowColumns:
    if probe.head.startswith(OLD):  # pyarrow deprecates it, and does not check its metadata
        raise CohortError(
            f"{probe.name} is a Feather file of version 1; expected version 2: write it "
            "again, as by pandas' to_feather or as Parquet"
        )
    return ArrowColumns(pa.memory_map(str(unpack(probe))))


def open_arrow(probe: FileProbe, request: Request) -> Table:
    """Open an Arrow file of expression values."""
    with report_damage(probe.name, NAME):
        return open_columns(_open_file(probe), request, NAME)


def annotate(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read an Arrow file as annotations."""
    with report_damage(probe.name, NAME):
        return read_column_annotations(_open_file(probe))


FORMAT = Format(NAME, "ARROW1 or FEA1 in the first bytes", recognise, open_arrow, annotate)
