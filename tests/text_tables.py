"""Text files in the layouts of public programs, and what the readers of formats make of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genexp.errors import CohortError
from genexp.formats import Request, Table, open_annotations, open_table

MAX_MESSAGE = 1000


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file, and the folders above it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def read(path: Path, layer: str = "") -> tuple[Table, pd.DataFrame]:
    """Table of a file, and its values (n_rows, n_columns) under its names."""
    table = open_table(path, Request(str(path), layer))
    values = table.values.read(np.arange(len(table.rows)), np.arange(len(table.columns)))
    return table, pd.DataFrame(values, index=table.rows, columns=table.columns)


def annotate(path: Path) -> pd.DataFrame:
    """Annotations of a file."""
    return open_annotations(path, Request(str(path)))


def refuse(path: Path, layer: str = "") -> str:
    """What is said where a file is refused as a cohort."""
    with pytest.raises(CohortError) as refusal:
        read(path, layer)
    message = str(refusal.value)
    assert len(message) < MAX_MESSAGE
    assert "\n" not in message
    return message


def check_values(frame: pd.DataFrame, expected: dict[str, list[float]]) -> None:
    """Compare values by column, and their order."""
    assert list(frame.columns) == list(expected)
    np.testing.assert_allclose(
        frame.to_numpy(), np.array(list(expected.values()), dtype=np.float32).T, rtol=1e-6
    )


def tabbed(*rows: str) -> str:
    """Lines whose fields are written with blanks, separated by tabs."""
    return "".join("\t".join(row.split()) + "\n" for row in rows)
