"""Sides of a comparison: generators that run in processes of their own and take turns.

Each turn is asked for and answered by one line of JSON, so a side may run in another interpreter
(the peers' one); this file needs the standard library alone. The peak memory of a side is that of
its process.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
Figures = dict[str, Any]
"""Measurements of a side in one turn."""


@dataclass(frozen=True)
class Side:
    """A function that yields figures, turn by turn.

    Parameters
    ----------
    function : callable
        Generator function of a module of this package; its arguments and what it yields can be
        written as JSON.
    arguments : mapping
    python : str
        Interpreter.
    threads : int or None
        Threads of numerical libraries; None leaves them alone.
    """

    function: Callable[..., Iterator[Figures]]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    python: str = sys.executable
    threads: int | None = None

    @contextmanager
    def running(self) -> Iterator[Callable[[], Figures | None]]:
        """A process that gives the figures of the next turn when called, and None when it has no
        more.
        """
        name = f"{self.function.__module__}:{self.function.__name__}"
        threads = (
            {}
            if self.threads is None
            else dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(self.threads))
        )
        command = [self.python, "-m", "benchmarks.sides", name, json.dumps(dict(self.arguments))]
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **threads}
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            to_process, from_process = process.stdin, process.stdout
            assert to_process is not None
            assert from_process is not None

            def turn() -> Figures | None:
                to_process.write("\n")
                to_process.flush()
                line = from_process.readline()
                if not line:
                    raise RuntimeError(f"the side {name} ended with code {process.wait()}")
                return json.loads(line)

            try:
                yield turn
            finally:
                process.terminate()

    @contextmanager
    def here(self) -> Iterator[Callable[[], Figures | None]]:
        """Run as :meth:`running` does, without a process."""
        figures = self.function(**self.arguments)
        yield lambda: _measure_turn(figures)


def take_turns(
    sides: Mapping[str, Side], turns: int, apart: bool = True
) -> dict[str, list[Figures]]:
    """Figures of each side, by turn: everyone's first, then everyone's second, and so on.

    With ``apart`` each side has a process; without, all share this one, which is quick and tells
    nothing of memory.
    """
    found: dict[str, list[Figures]] = {name: [] for name in sides}
    with ExitStack() as running:
        waiting = {
            name: running.enter_context(side.running() if apart else side.here())
            for name, side in sides.items()
        }
        for _ in range(turns):
            for name, turn in list(waiting.items()):
                figures = turn()
                if figures is None:
                    del waiting[name]
                else:
                    found[name].append(figures)
    return found


def read_peak() -> int:
    """Bytes of memory that this process has held at most, mapped files included."""
    status = Path("/proc/self/status")
    if status.exists():  # not getrusage: a child inherits its parent's peak there
        return 1024 * int(
            next(
                line for line in status.read_text().splitlines() if line.startswith("VmHWM")
            ).split()[1]
        )
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _measure_turn(figures: Iterator[Figures]) -> Figures | None:
    found = next(figures, None)
    return None if found is None else {**found, "peak": read_peak()}


def _serve(name: str, arguments: str) -> None:
    """Answer each line of standard input with the figures of a turn; what the function prints goes
    to standard error.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    module, _, function = name.partition(":")
    figures = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    for _ in sys.stdin:
        answers.write(json.dumps(_measure_turn(figures)) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
