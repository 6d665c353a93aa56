"""A run in MLflow, as a :class:`genexp.tracker.Tracker`."""

from __future__ import annotations

import json
import logging
import math
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.tracking.context.registry import resolve_tags

from genexp.settings.section import format_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FLUSH_SECONDS = 1.0
"""Interval at which metrics are sent during a run."""
METRICS_AT_A_TIME = 1000
"""Largest number of metrics in one request to MLflow."""
FIGURE_DPI = 130

log = logging.getLogger(__name__)


class MetricWriter:
    """Writer that collects the metrics of a run and its children, and sends them in a separate
    thread.

    A request costs milliseconds on SQLite and more over a network; a training loop pays
    microseconds. When the store fails, metrics are kept and sent later; an error is raised if
    :meth:`close` cannot send them.
    """

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._pending: dict[str, list[Metric]] = {}
        self._pending_lock = threading.Lock()
        self._sending_lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._send_regularly, name="genexp-metrics", daemon=True
        )
        self._thread.start()

    def add(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        """Add metrics of one step; infinite values become NaN, because MLflow would draw them as
        1.8e308.
        """
        now = int(time.time() * 1000)
        values = {key: float(value) for key, value in metrics.items()}
        entries = [
            Metric(key, value if math.isfinite(value) else math.nan, now, step)
            for key, value in values.items()
        ]
        with self._pending_lock:
            self._pending.setdefault(run_id, []).extend(entries)

    def flush(self) -> None:
        """Send all pending metrics, in order; keep those that could not be sent."""
        with self._sending_lock:
            with self._pending_lock:
                batches, self._pending = self._pending, {}
            try:
                for run_id in list(batches):
                    while entries := batches[run_id]:
                        self._client.log_batch(run_id, metrics=entries[:METRICS_AT_A_TIME])
                        batches[run_id] = entries[METRICS_AT_A_TIME:]
            finally:
                with self._pending_lock:
                    for run_id, entries in batches.items():
                        self._pending[run_id] = entries + self._pending.get(run_id, [])

    def close(self) -> None:
        """Send the remaining metrics and stop."""
        self._closed.set()
        self._thread.join()
        self.flush()

    def _send_regularly(self) -> None:
        warned = False
        while not self._closed.wait(FLUSH_SECONDS):
            try:
                self.flush()
            except Exception as error:  # noqa: BLE001
                # A failure of the tracking server must not end a training of hours.
                if not warned:
                    log.warning(
                        "metrics could not be sent; they are kept and sent again later: %s", error
                    )
                warned = True


class MlflowTracker:
    """A run in MLflow that can be written to; created by :func:`genexp.tracking.runs.start_run`."""

    def __init__(
        self, client: MlflowClient, run_id: str, experiment_id: str, writer: MetricWriter
    ) -> None:
        self.client = client
        self.run_id = run_id
        self.experiment_id = experiment_id
        self._writer = writer
        self._known_params: set[str] | None = None

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log parameters; keys that the run already has stay unchanged."""
        if self._known_params is None:
            self._known_params = set(self.client.get_run(self.run_id).data.params)
        new = [
            Param(key, format_value(value))
            for key, value in params.items()
            if key not in self._known_params
        ]
        for start in range(0, len(new), 100):
            self.client.log_batch(self.run_id, params=new[start : start + 100])
        self._known_params |= set(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics; they are sent within about a second, by another thread."""
        self._writer.add(self.run_id, metrics, step or 0)

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags, replacing earlier values."""
        entries = [RunTag(key, format_value(value)) for key, value in tags.items()]
        for start in range(0, len(entries), 100):
            self.client.log_batch(self.run_id, tags=entries[start : start + 100])

    def describe(self, text: str) -> None:
        """Set the description of the run (Markdown), shown first in the MLflow UI."""
        self.set_tags({"mlflow.note.content": text})

    def log_figure(self, name: str, figure: Figure) -> None:
        """Store a matplotlib figure as the PNG ``name`` and clear it."""
        with self._file(name) as path:
            figure.savefig(path, dpi=FIGURE_DPI, bbox_inches="tight")
        figure.clear()

    def log_table(self, name: str, table: pd.DataFrame) -> None:
        """Store a table as the tab-separated file ``name``, with its index."""
        with self._file(name) as path:
            table.to_csv(path, sep="\t")

    def log_text(self, name: str, text: str) -> None:
        """Store a text (JSON, HTML, Markdown) as the file ``name``."""
        with self._file(name) as path:
            path.write_text(text, encoding="utf-8")

    def log_file(self, path: Path, folder: str = "") -> None:
        """Store a local file, or every file of a local folder, under ``folder``."""
        send = self.client.log_artifacts if Path(path).is_dir() else self.client.log_artifact
        send(self.run_id, str(path), folder or None)

    def log_dataset(
        self, name: str, digest: str, source: str, n_samples: int, n_genes: int, context: str
    ) -> None:
        """Log the data of the run, for the Datasets column of the MLflow UI."""
        profile = {"num_rows": n_samples, "num_elements": n_samples * n_genes, "n_genes": n_genes}
        kind, remote, _ = source.partition("://")
        address = json.dumps({"uri": source})
        dataset = Dataset(
            name,
            digest,
            source_type=kind if remote else "local",
            source=address,
            profile=json.dumps(profile),
        )
        self.client.log_inputs(
            self.run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])]
        )

    @contextmanager
    def child(self, name: str) -> Iterator[MlflowTracker]:
        """Open a nested run; it ends with the context, FAILED if an exception leaves it."""
        tags = resolve_tags({"mlflow.parentRunId": self.run_id})
        run_id = self.client.create_run(self.experiment_id, tags=tags, run_name=name).info.run_id
        status = "FAILED"
        try:
            yield MlflowTracker(self.client, run_id, self.experiment_id, self._writer)
            status = "FINISHED"
        except (KeyboardInterrupt, SystemExit):
            status = "KILLED"
            raise
        finally:
            self.client.set_terminated(run_id, status)

    @contextmanager
    def _file(self, name: str) -> Iterator[Path]:
        """Provide a local path to write to, then store the file as the artifact ``name``."""
        artifact = PurePosixPath(name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, artifact.name)
            yield path
            self.log_file(
                path, "" if artifact.parent == PurePosixPath(".") else str(artifact.parent)
            )
