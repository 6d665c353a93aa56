"""Contrasts in parallel processes, each written to its file when it is done."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from genexp.contrasts.design import Contrast
from genexp.contrasts.part import Recipe, make_part
from genexp.errors import ContrastError
from genexp.settings.values import hash_values

WAITING = 2
"""Number of contrasts queued per process, so that no process is idle and few samples are in memory
twice."""


@dataclass(frozen=True)
class ContrastJob:
    """Settings that each process receives once."""

    recipe: Recipe
    folder: Path


_job: ContrastJob
"""Settings of this process; set when the process starts."""


def part_path(folder: Path, contrast: Contrast) -> Path:
    """Return the file of a contrast's part."""
    return folder / f"{hash_values(contrast.name)}.npz"


def make_parts(
    contrasts: Sequence[Contrast], X: np.ndarray, job: ContrastJob, n_workers: int
) -> Iterator[tuple[Contrast, str]]:
    """Compute the parts of contrasts; yield each finished one with the reason of its failure, or
    "".

    Raises
    ------
    ContrastError
        A process died.
    """
    if n_workers == 1:
        yield from ((contrast, _make(contrast, X[contrast.rows], job)) for contrast in contrasts)
        return
    with ProcessPoolExecutor(n_workers, get_context("spawn"), _start, (job,)) as pool:
        try:
            yield from _feed(pool, contrasts, X, WAITING * n_workers)
        except BrokenProcessPool:
            raise ContrastError(
                f"one of {n_workers} processes died, most likely for lack of memory; run the "
                "same command with fewer workers, and it "
                "continues where this one stopped"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _feed(
    pool: ProcessPoolExecutor, contrasts: Sequence[Contrast], X: np.ndarray, n_waiting: int
) -> Iterator[tuple[Contrast, str]]:
    """Submit contrasts as the queue has room."""
    waiting: dict[Future[str], Contrast] = {}
    for contrast in contrasts:
        if len(waiting) == n_waiting:
            yield from _collect(waiting)
        waiting[pool.submit(_serve, contrast, X[contrast.rows])] = contrast
    while waiting:
        yield from _collect(waiting)


def _collect(waiting: dict[Future[str], Contrast]) -> Iterator[tuple[Contrast, str]]:
    for done in wait(waiting, return_when=FIRST_COMPLETED).done:
        yield waiting.pop(done), done.result()


def _start(job: ContrastJob) -> None:
    """Initialise a process; the main process handles interrupts."""
    # The initialiser of a pool can only set a global variable.
    global _job  # noqa: PLW0603
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _job = job


def _serve(contrast: Contrast, X: np.ndarray) -> str:
    return _make(contrast, X, _job)


def _make(contrast: Contrast, X: np.ndarray, job: ContrastJob) -> str:
    return make_part(contrast, X, job.recipe, part_path(job.folder, contrast))
