"""Interface of an experiment tracker. That of MLflow is in :mod:`genexp.tracking`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Tracker(Protocol):
    """A run that can be written to. Artifact names are paths inside the run, such as
    ``figures/loss.png``.
    """

    run_id: str
    """Id of the run; empty where there is none."""

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log parameters; a key that the run already holds is left as it is."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics, cheaply enough to be called once an epoch."""

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags, replacing earlier values."""

    def describe(self, text: str) -> None:
        """Set the description of the run (Markdown), shown first in the MLflow UI."""

    def log_figure(self, name: str, figure: Figure) -> None:
        """Store a matplotlib figure as the PNG ``name`` and close it."""

    def log_table(self, name: str, table: pd.DataFrame) -> None:
        """Store a table as the tab-separated file ``name``, with its index."""

    def log_text(self, name: str, text: str) -> None:
        """Store a text (JSON, HTML, Markdown) as the file ``name``."""

    def log_file(self, path: Path, folder: str = "") -> None:
        """Store a local file, or every file of a local folder, under ``folder``."""

    def log_dataset(
        self, name: str, digest: str, source: str, n_samples: int, n_genes: int, context: str
    ) -> None:
        """Log the data of the run: source, hash (at most 36 characters), and use (context)."""

    def child(self, name: str) -> AbstractContextManager[Tracker]:
        """Open a nested run; it ends with the context, FAILED if an exception leaves it."""


class NullTracker:
    """A tracker that keeps nothing, for library use and tests."""

    run_id = ""

    def log_params(self, params: Mapping[str, object]) -> None:
        """Ignore."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Ignore."""

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Ignore."""

    def describe(self, text: str) -> None:
        """Ignore."""

    def log_figure(self, name: str, figure: Figure) -> None:
        """Ignore, closing the figure."""
        figure.clear()

    def log_table(self, name: str, table: pd.DataFrame) -> None:
        """Ignore."""

    def log_text(self, name: str, text: str) -> None:
        """Ignore."""

    def log_file(self, path: Path, folder: str = "") -> None:
        """Ignore."""

    def log_dataset(
        self, name: str, digest: str, source: str, n_samples: int, n_genes: int, context: str
    ) -> None:
        """Ignore."""

    def child(self, name: str) -> AbstractContextManager[NullTracker]:
        """Return another tracker that keeps nothing."""
        return nullcontext(NullTracker())
