"""Tracking store: opened within seconds, or refused with the reason."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import requests
import sqlalchemy
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from genexp.errors import RegistryError

# a progress bar for every pair of files has no use
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

STORE_ERRORS = (MlflowException, requests.RequestException)
"""Errors of MLflow when a store refuses a request or cannot be reached."""
PROBE_SECONDS = 5
"""Time for the first answer of a store; without a limit, MLflow retries for minutes."""


def open_store() -> MlflowClient:
    """Open the store configured in MLflow; create its tables if it is new.

    Raises
    ------
    RegistryError
        The store does not answer, refuses access or cannot be written to.
    """
    uri = mlflow.get_tracking_uri()
    if re.match(r"https?://", uri):
        _probe_server(uri)
    elif uri.startswith("sqlite:"):
        _probe_sqlite(uri)
    elif re.match(r"(postgresql|mysql|mssql)[+:]", uri):
        _probe_database(uri)
    with (
        mlflow_errors(f"the tracking store {hide_password(uri)}"),
        _one_opener(uri),
        _quiet_migrations(),
    ):
        client = MlflowClient()
        client.search_experiments(max_results=1)
    return client


@contextmanager
def mlflow_errors(what: str) -> Iterator[None]:
    """Turn errors of MLflow into one that names ``what`` could not be used."""
    try:
        yield
    except STORE_ERRORS as error:
        raise RegistryError(f"{what} cannot be used: {str(error).strip()}") from error


def hide_password(uri: str) -> str:
    """Remove user and password from an address for a message."""
    return re.sub(r"//[^@/]*@", "//", uri)


def run_address(client: MlflowClient, experiment_id: str, run_id: str) -> str:
    """Return the address of a run: a link, or the command that serves the store, and the link."""
    uri, page = (
        hide_password(client.tracking_uri),
        f"/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning",
    )
    if re.match(r"https?://", uri):
        return uri.rstrip("/") + page
    return f"mlflow ui --backend-store-uri {uri}\n    then http://127.0.0.1:5000{page}"


def sqlite_path(uri: str) -> Path:
    """Return the file of a ``sqlite:///`` address."""
    return Path(sqlalchemy.make_url(uri).database or ":memory:")


def _probe_server(uri: str) -> None:
    """Send one small request; ``/health`` also answers clients that the server refuses."""
    address = hide_password(uri)
    advice = (
        "Start it (mlflow server, or docker compose up), or set MLFLOW_TRACKING_URI to one that "
        "runs"
    )
    once = {
        "params": {"experiment_name": "Default"},
        "max_retries": 0,
        "timeout": PROBE_SECONDS,
        "raise_on_status": False,
    }
    try:
        credentials = get_default_host_creds(uri)  # type: ignore[no-untyped-call]
        answer = http_request(credentials, "/api/2.0/mlflow/experiments/get-by-name", "GET", **once)  # type: ignore[no-untyped-call]
    except STORE_ERRORS as error:
        raise RegistryError(
            f"expected an MLflow server at {address}; it did not answer within "
            f"{PROBE_SECONDS} seconds. {advice}"
        ) from error
    if answer.status_code == 401:
        raise RegistryError(
            f"the server at {address} requires a login: set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD"
        )
    if answer.status_code == 403:
        raise RegistryError(
            f"the server at {address} refuses this client ({answer.text.strip()[:200]}): "
            "start it with --allowed-hosts naming this host"
        )
    if answer.status_code >= 500 or not re.search(r'"(experiment|error_code)"', answer.text):
        raise RegistryError(
            f"expected an MLflow server at {address}; it answered {answer.status_code}, "
            f"unlike MLflow. {advice}"
        )


def _probe_sqlite(uri: str) -> None:
    path = sqlite_path(uri)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=PROBE_SECONDS)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise RegistryError(
            f"expected a tracking store that can be written at {path}; found: {error}. Set "
            "MLFLOW_TRACKING_URI to sqlite:///PATH in a "
            "folder that you may write to, or to the address of an MLflow server"
        ) from error


def _probe_database(uri: str) -> None:
    options = {"connect_timeout": PROBE_SECONDS} if uri.startswith(("postgresql", "mysql")) else {}
    try:
        engine = sqlalchemy.create_engine(uri, connect_args=options)
    except ModuleNotFoundError as error:
        raise RegistryError(
            f"a tracking store at {hide_password(uri)} needs the Python package "
            f"'{error.name}', which is not installed; for PostgreSQL "
            "install 'genexp[server]', or psycopg[binary]"
        ) from error
    try:
        engine.connect().close()
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise RegistryError(
            f"expected a database at {hide_password(uri)}; it cannot be used: {error}"
        ) from error
    finally:
        engine.dispose()


@contextmanager
def _one_opener(uri: str) -> Iterator[None]:
    """Lock a new SQLite store while its tables are created: two processes at once break it."""
    if not uri.startswith("sqlite:"):
        yield
        return
    with sqlite_path(uri).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _quiet_migrations() -> Iterator[None]:
    """Silence MLflow's messages about each table that it creates."""
    loggers = [logging.getLogger(name) for name in ("mlflow.store.db.utils", "alembic")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
