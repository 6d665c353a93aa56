"""Contrasts in parallel processes, each written to its file as it is done."""

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
"""Contrasts that wait for each process, so that none is idle and few samples are in memory twice."""


@dataclass(frozen=True)
class Task:
    """What a process is told once."""

    recipe: Recipe
    folder: Path


_task: Task
"""The task of this process; set as the process starts."""


def part_path(folder: Path, contrast: Contrast) -> Path:
    """File of a contrast's part."""
    return folder / f"{hash_values(contrast.name)}.npz"


def make_parts(contrasts: Sequence[Contrast], X: np.ndarray, task: Task, n_workers: int) -> Iterator[tuple[Contrast, str]]:
    """Make the parts of contrasts and give each with the reason why it could not be made, "" if it was, as they come.

    Raises
    ------
    ContrastError
        A process died.
    """
    if n_workers == 1:
        yield from ((contrast, _make(contrast, X[contrast.rows], task)) for contrast in contrasts)
        return
    with ProcessPoolExecutor(n_workers, get_context("spawn"), _start, (task,)) as pool:
        try:
            yield from _feed(pool, contrasts, X, WAITING * n_workers)
        except BrokenProcessPool:
            raise ContrastError(
                f"one of {n_workers} processes died, most likely for want of memory; the same command with fewer workers "
                "goes on where this one stood"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _feed(pool: ProcessPoolExecutor, contrasts: Sequence[Contrast], X: np.ndarray, n_waiting: int) -> Iterator[tuple[Contrast, str]]:
    """Hand samples out as there is room for them."""
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


def _start(task: Task) -> None:
    """Begin the life of a process; an interrupt is the driver's to answer."""
    # A pool hands its initialiser no other place to leave what every job needs.
    global _task  # noqa: PLW0603
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _task = task


def _serve(contrast: Contrast, X: np.ndarray) -> str:
    return _make(contrast, X, _task)


def _make(contrast: Contrast, X: np.ndarray, task: Task) -> str:
    return make_part(contrast, X, task.recipe, part_path(task.folder, contrast))
