"""Active runs: the next command with the same cache ends runs of killed processes."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from genexp.errors import ConfigError
from genexp.tracking.store import hide_password
from genexp.tracking.tracker import MlflowTracker


@contextmanager
def hold_run(tracker: MlflowTracker, cache: str | Path) -> Iterator[None]:
    """Hold a locked file for a run while its process lives, after ending the runs of processes that
    died.

    A process that is killed (``kill -9``, out of memory) cannot end its run, but the system
    releases its lock.

    Raises
    ------
    ConfigError
        The cache cannot be written.
    """
    folder = Path(cache).absolute() / "running"
    path, unlocked = folder / tracker.run_id, folder / f".{tracker.run_id}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = unlocked.open("w")
    except OSError as error:
        raise ConfigError(
            f"expected a cache folder that can be written, but {folder} cannot "
            f"({error.strerror}); name another folder with cache="
        ) from None
    with file:
        _end_killed(tracker.client, folder)
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(hide_password(tracker.client.tracking_uri))
        file.flush()
        unlocked.rename(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _end_killed(client: MlflowClient, folder: Path) -> None:
    """Mark runs KILLED whose file is not locked; runs of other stores are left to commands that use
    these stores.
    """
    for path in folder.glob("[!.]*"):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            if file.read() == hide_password(client.tracking_uri):
                _mark_killed(client, path.name)
                path.unlink(missing_ok=True)


def _mark_killed(client: MlflowClient, run_id: str) -> None:
    try:
        run = client.get_run(run_id)
    except MlflowException:
        return
    children = client.search_runs(
        [run.info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{run_id}' and attributes.status = 'RUNNING'",
    )
    for killed in (run, *children):
        if killed.info.status == "RUNNING":
            client.set_terminated(killed.info.run_id, "KILLED")
            client.set_tag(
                killed.info.run_id,
                "error",
                "its process was killed; the same command continues where it stopped",
            )
