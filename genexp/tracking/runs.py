"""Life cycle of a run: joined or created, and ended with a status after every failure that Python
can catch.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags

from genexp import __version__
from genexp.errors import GenexpError, RegistryError
from genexp.settings.values import section_values
from genexp.settings.verbs import EvaluateSettings, PreprocessSettings
from genexp.tracking.store import STORE_ERRORS, mlflow_errors, open_store, run_address, sqlite_path
from genexp.tracking.tracker import MetricWriter, MlflowTracker

RUN_ID_VARIABLE = "MLFLOW_RUN_ID"
"""Environment variable in which ``mlflow run`` passes the id of its run."""


@contextmanager
def start_run(
    verb: str, settings: PreprocessSettings | EvaluateSettings, inside_active: bool = False
) -> Iterator[MlflowTracker]:
    """Open the run of one invocation, and end it with the status of the context's outcome.

    It joins the run of ``mlflow run``, else creates one in ``settings.run.experiment_name``; with
    ``inside_active``, nested in the run that ``mlflow.start_run`` opened in this process, if any.
    No exception: FINISHED; an interrupt or SIGTERM: KILLED; any other exception: FAILED, with its
    message as tag ``error`` and description.

    Raises
    ------
    RegistryError
        The tracking store cannot be reached or written, at the start or later.
    """
    client = open_store()
    values = section_values(settings)
    name = (
        settings.run.run_name
        or f"{verb} {values.get('experiment') or _cohort_name(values.get('cohort', ''))}".strip()
    )
    with mlflow_errors("the tracking store"):
        parent = mlflow.active_run() if inside_active else None
        if parent is not None:
            run = client.create_run(
                parent.info.experiment_id,
                tags=resolve_tags({"mlflow.parentRunId": parent.info.run_id}),
                run_name=name,
            )
        else:
            run = _join_run(client, name, bool(settings.run.run_name)) or _create_run(
                client, settings.run.experiment_name, name
            )
    writer = MetricWriter(client)
    tracker = MlflowTracker(client, run.info.run_id, run.info.experiment_id, writer)
    address = run_address(client, run.info.experiment_id, run.info.run_id)
    print(f"run: {address}", file=sys.stderr)
    try:
        with _end_run(tracker, writer), _terminate_as_exception():
            _check_artifacts_writable(run)
            tracker.set_tags({"verb": verb, "genexp_version": __version__})
            tracker.log_params(values)
            yield tracker
    finally:
        print(f"run: {address}", file=sys.stderr)


@contextmanager
def continue_run(run_id: str) -> Iterator[MlflowTracker]:
    """Log to a run that has ended; its status stays.

    Raises
    ------
    RegistryError
        The tracking store cannot be reached, or does not hold the run.
    """
    client = open_store()
    with mlflow_errors(f"run {run_id}"):
        run = client.get_run(run_id)
    writer = MetricWriter(client)
    try:
        yield MlflowTracker(client, run_id, run.info.experiment_id, writer)
    finally:
        writer.close()


def is_set_up() -> bool:
    """Check whether MLflow has a place to log: a tracking URI, an active run, or a run of ``mlflow
    run``.
    """
    is_set: bool = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
    return is_set or mlflow.active_run() is not None or bool(os.environ.get(RUN_ID_VARIABLE))


def fail_run(error: GenexpError) -> None:
    """Mark the run of ``mlflow run`` FAILED, if the settings are invalid, before
    :func:`start_run`.
    """
    run_id = os.environ.pop(RUN_ID_VARIABLE, None)
    if run_id:
        with suppress(GenexpError, *STORE_ERRORS):
            _mark_unfinished(open_store(), run_id, error)


@contextmanager
def _end_run(tracker: MlflowTracker, writer: MetricWriter) -> Iterator[None]:
    """Send the remaining metrics and set the status of the run."""
    try:
        yield
        writer.close()
        tracker.client.set_terminated(tracker.run_id, "FINISHED")
    except BaseException as error:
        with suppress(*STORE_ERRORS):
            writer.close()
        with suppress(*STORE_ERRORS):
            _mark_unfinished(tracker.client, tracker.run_id, error)
        if isinstance(error, STORE_ERRORS):
            raise RegistryError(f"the tracking store cannot be used: {error}") from error
        raise


def _mark_unfinished(client: MlflowClient, run_id: str, error: BaseException) -> None:
    """Mark a run KILLED by the user, or FAILED with the reason in its description."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        client.set_terminated(run_id, "KILLED")
        return
    message = (
        str(error)
        if isinstance(error, (GenexpError, *STORE_ERRORS))
        else f"{type(error).__name__}: {error}"
    )
    client.set_terminated(run_id, "FAILED")
    client.set_tag(run_id, "error", message[:5000])
    client.set_tag(run_id, "mlflow.note.content", f"**Failed.** {message[:5000]}")


def _join_run(client: MlflowClient, name: str, name_is_given: bool) -> Run | None:
    """Join the run of ``mlflow run``; replace its random name (``bold-ant-123``) by a descriptive
    one.
    """
    run_id = os.environ.pop(RUN_ID_VARIABLE, None)
    if not run_id:
        return None
    run = client.get_run(run_id)
    is_random = re.fullmatch(r"[a-z]+-[a-z]+-\d+", run.info.run_name or "")
    client.update_run(run_id, status="RUNNING", name=name if is_random or name_is_given else None)
    return run


def _create_run(client: MlflowClient, experiment: str, name: str) -> Run:
    stored = client.get_experiment_by_name(experiment)
    if stored is None:
        experiment_id = _create_experiment(client, experiment)
    elif stored.lifecycle_stage == "deleted":
        raise RegistryError(
            f"experiment '{experiment}' was deleted: restore it with 'mlflow experiments "
            f"restore -x {stored.experiment_id}', "
            "or name another experiment"
        )
    else:
        experiment_id = stored.experiment_id
    return client.create_run(experiment_id, tags=resolve_tags(), run_name=name)


def _create_experiment(client: MlflowClient, experiment: str) -> str:
    """Create an experiment; with a SQLite store, its artifacts are next to the store, whatever the
    current folder is.
    """
    uri, folder = client.tracking_uri, None
    if uri.startswith("sqlite:"):
        folder = str(sqlite_path(uri).resolve().parent / "mlruns" / quote(experiment, safe=""))
    try:
        return client.create_experiment(experiment, artifact_location=folder)
    except MlflowException as error:
        stored = client.get_experiment_by_name(experiment)
        if error.error_code != "RESOURCE_ALREADY_EXISTS" or stored is None:
            raise
        return stored.experiment_id


def _cohort_name(cohort: str) -> str:
    """``../data/tcga_brca.parquet`` -> ``tcga_brca``."""
    name = cohort.rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"(\.(parquet|tsv|csv|txt|h5ad|gz))+$", "", name)


def _check_artifacts_writable(run: Run) -> None:
    """Refuse a local artifact folder that cannot be created, before hours of training."""
    uri = urlsplit(run.info.artifact_uri)
    if uri.scheme in ("", "file"):
        path = Path(unquote(uri.path))
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RegistryError(
                f"expected a folder for artifacts that can be written at {path}; found: "
                f"{error.strerror}"
            ) from error


@contextmanager
def _terminate_as_exception() -> Iterator[None]:
    """Turn SIGTERM into an exception, like an interrupt, so that the run gets its status."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
