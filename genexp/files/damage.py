"""Damaged files: any error of a library becomes one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from genexp.errors import CohortError
from genexp.files.table import Values


@contextmanager
def report_damage(name: str, kind: str) -> Iterator[None]:
    """Turn any error of a library that reads a file into a :class:`CohortError`.

    Libraries raise nearly anything on a file that is cut or altered: struct errors, lookups,
    assertions, lack of memory.

    Parameters
    ----------
    name : str
        Address of the file.
    kind : str
        Expected format: ``Parquet``.
    """
    try:
        yield
    except CohortError:
        raise
    except Exception as error:  # noqa: BLE001
        # Libraries raise anything at all on damaged files, and no traceback may reach the user.
        reason = " ".join(str(error).split())[:200]
        raise CohortError(
            f"{name} cannot be read as {kind} ({type(error).__name__}: {reason}); is the "
            "file complete? Download it or write it again"
        ) from None


@dataclass(frozen=True)
class GuardedValues:
    """Values of a file whose damage may show only when they are read.

    Values beyond float32 become infinite, which the checks of a cohort report. R's NA is a NaN for
    which NumPy warns of a cast.
    """

    values: Values
    name: str
    kind: str

    def read(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Read a small part, see :class:`genexp.files.table.Values`."""
        with report_damage(self.name, self.kind), np.errstate(over="ignore", invalid="ignore"):
            return self.values.read(rows, columns)

    def fill(self, rows: np.ndarray, columns: np.ndarray, transpose: bool) -> np.ndarray:
        """Read the kept part, see :class:`genexp.files.table.Values`."""
        with report_damage(self.name, self.kind), np.errstate(over="ignore", invalid="ignore"):
            return self.values.fill(rows, columns, transpose)
