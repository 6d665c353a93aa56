"""Worker processes that train trials; if one dies, its trial fails and the study continues.

A worker maps the preprocessed cohort and its decomposition from disk, so any number of workers
share one copy in memory. It writes each result to a file before it reports, so that nothing
finished is lost when the driver is killed.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import sys
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genexp.errors import GenexpError
from genexp.settings.training import EncoderConfig

if TYPE_CHECKING:
    from genexp.preprocessing import Preprocessed
    from genexp.training.basis import Basis
    from genexp.training.loop import Fitted

BYTES_OF_A_PROCESS = 600 * 2**20
"""Memory of a worker without its networks: interpreter, torch, one epoch's activations."""


SECONDS_TO_LEAVE = 2.0
"""Time that an idle worker has to end by itself before it is terminated."""


@dataclass(frozen=True)
class Job:
    """A trial to train: its number, configuration, and the losses above which it stops, by
    epoch.
    """

    number: int
    config: EncoderConfig
    seed: int
    prune_above: Mapping[int, float]


@dataclass(frozen=True)
class TrialResult:
    """Result of a trial.

    Parameters
    ----------
    number : int
    state : {"complete", "pruned", "failed"}
    reason : str
        Reason of the failure of a failed trial.
    loss_val, standard_error : float
        Best mean loss over validation rows, and its standard error over those rows.
    best_epoch : int
    history : dict of lists
        Columns of the training history.
    scores : dict of str to float
        Other objectives, by name.
    seconds : float
    """

    number: int
    state: str
    reason: str = ""
    loss_val: float = float("nan")
    standard_error: float = float("nan")
    loss_pca: float = float("nan")
    best_epoch: int = -1
    history: Mapping[str, Sequence[float]] | None = None
    scores: Mapping[str, float] | None = None
    seconds: float = 0.0


def result_path(folder: Path, number: int) -> Path:
    """Return the file of the result of a trial."""
    return folder / f"trial_{number:06d}.json"


def read_result(folder: Path, number: int) -> TrialResult | None:
    """Read the result of a finished trial, perhaps of an earlier process; None without one."""
    path = result_path(folder, number)
    return TrialResult(**json.loads(path.read_text())) if path.exists() else None


def count_workers(configured: int | str, n_parameters: int) -> int:
    """Count the trials to train at a time: as configured, or one per core as long as free memory
    holds their networks.

    A parameter costs 20 bytes: weight, gradient, two moments, and the copy of the best epoch.
    """
    from genexp.cores import count_cores

    if configured != "auto":
        return int(configured)
    free = (
        os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if "SC_AVPHYS_PAGES" in os.sysconf_names
        else 8 * 2**30
    )
    return max(1, min(count_cores(), int(free // (BYTES_OF_A_PROCESS + 20 * n_parameters))))


@contextlib.contextmanager
def hide_main() -> Iterator[None]:
    """Keep a new process from running the calling script or notebook again.

    A spawned process runs the file of ``__main__`` first; a script without a guard would start
    another search there, and die.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class Workers:
    """Up to a fixed number of processes, each training one trial at a time; started when needed."""

    def __init__(self, n_workers: int, n_threads: int, data_folder: Path, results: Path) -> None:
        self.arguments = (n_threads, data_folder, results)
        self.context = multiprocessing.get_context("spawn")
        self.processes: list[tuple[Any, Connection]] = []
        self.n_workers = n_workers

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.processes:
            worker[1].close()
        for process, _connection in self.processes:
            process.join(SECONDS_TO_LEAVE)
            process.terminate()
            process.join()

    def _start(self) -> tuple[Any, Connection]:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(
            target=_worker_main, args=(theirs, *self.arguments), daemon=True
        )
        with hide_main():
            process.start()
        theirs.close()
        return process, ours

    def train(self, jobs: Sequence[Job]) -> Iterator[TrialResult]:
        """Train jobs, at most one per worker, and yield their results as they finish."""
        running: dict[Connection, tuple[int, Job]] = {}
        self.processes += [self._start() for _ in range(len(jobs) - len(self.processes))]
        for slot, job in enumerate(jobs):
            connection = self.processes[slot][1]
            with contextlib.suppress(BrokenPipeError):
                connection.send(job)
            running[connection] = (slot, job)
        while running:
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                slot, job = running.pop(ready)
                try:
                    yield ready.recv()
                except (EOFError, ConnectionResetError):
                    yield self._replace_worker(slot, job)

    def _replace_worker(self, slot: int, job: Job) -> TrialResult:
        """Replace a worker that died; its trial counts as failed."""
        process, connection = self.processes[slot]
        connection.close()
        process.join()
        self.processes[slot] = self._start()
        how = (
            "out of memory, or killed"
            if process.exitcode == -9
            else f"exit code {process.exitcode}"
        )
        return TrialResult(job.number, "failed", f"its worker died ({how})")


def _worker_main(connection: Connection, n_threads: int, data_folder: Path, results: Path) -> None:
    """Train jobs until the main process closes the connection."""
    import signal

    import torch

    from genexp.preprocessing import load_preprocessed

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(n_threads)
    data = load_preprocessed(data_folder)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            job: Job = connection.recv()
            connection.send(_train_job(job, data, results))


def _score(fitted: Fitted, basis: Basis, data: Preprocessed, seed: int) -> dict[str, float]:
    """Score the objectives of a trial other than its loss, at its best epoch."""
    from genexp.training.train import encode_rows, summarise
    from genexp.verdict.downstream import score_latents

    scores = score_latents(
        {part: encode_rows(fitted, getattr(basis, part)) for part in ("train", "val")},
        {part: data.obs(part) for part in ("train", "val")},
        seed,
    )
    return {"r2/val_gain": summarise(fitted)["r2/val_gain"]} | scores


def _train_job(job: Job, data: Preprocessed, results: Path) -> TrialResult:
    import numpy as np

    from genexp.model.types import create_model_type
    from genexp.training.basis import build_basis
    from genexp.training.loop import fit_autoencoder
    from genexp.training.targets import build_targets

    start = time.perf_counter()
    try:
        model_type = create_model_type(job.config)
        targets = build_targets(data, model_type)
        basis = build_basis(data, job.config.basis, job.config.n_latent, model_type.needs_genes)
        fitted = fit_autoencoder(
            basis, model_type, job.seed, prune_above=job.prune_above, targets=targets
        )
    except (GenexpError, MemoryError, RuntimeError) as error:
        return TrialResult(
            job.number,
            "failed",
            f"{type(error).__name__}: {error}",
            seconds=time.perf_counter() - start,
        )
    losses = fitted.row_losses
    result = TrialResult(
        job.number,
        "complete" if fitted.pruned_at is None else "pruned",
        loss_val=fitted.loss_val,
        standard_error=float(losses.std(ddof=1) / np.sqrt(len(losses))),
        loss_pca=fitted.loss_pca,
        best_epoch=fitted.best_epoch,
        history={str(column): fitted.history[column].tolist() for column in fitted.history},
        scores=_score(fitted, basis, data, job.seed),
        seconds=time.perf_counter() - start,
    )
    temporary = result_path(results, job.number).with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(asdict(result)))
    temporary.replace(result_path(results, job.number))
    return result
