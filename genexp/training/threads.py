"""Number of threads of a training: measured, because on small matrices fewer are often faster."""

from __future__ import annotations

import time

import torch
from torch.optim import AdamW

from genexp.cores import count_cores
from genexp.model.built_model import BuiltModel
from genexp.model.model_type import Minibatch, ModelType
from genexp.training.basis import Basis
from genexp.training.build import build_model, load_rows
from genexp.training.loop import train_step
from genexp.training.optimiser import build_optimiser
from genexp.training.targets import NO_TARGETS, Targets

STEPS = 3
"""Steps that are timed for each number of threads, after a first one, which pays for allocations;
the fastest counts."""
HOPELESS = 3.0
"""A number of threads whose first step took this many times the best one's is not tried further."""
TIE = 1.05
"""Threads that make a step no faster than this ratio are left to other processes."""


def choose_threads(basis: Basis, model_type: ModelType, targets: Targets = NO_TARGETS) -> int:
    """Set and return the number of threads: as configured, or the fastest of 1, 2, 4, ... up to the
    cores.
    """
    threads = model_type.config.threads
    n_threads = int(threads) if threads != "auto" else _measure(basis, model_type, targets)
    torch.set_num_threads(n_threads)
    return n_threads


def _measure(basis: Basis, model_type: ModelType, targets: Targets) -> int:
    """Time a few training steps for each number of threads, on a network that is discarded; ties go
    to fewer threads.
    """
    candidates = [2**i for i in range(count_cores().bit_length()) if 2**i <= count_cores()]
    if len(candidates) == 1:
        return 1
    model = build_model(basis, model_type, targets)
    model.network.train()
    optimiser = build_optimiser(model.network, model.config)
    rows = torch.arange(min(model.config.minibatch, len(basis.train)))
    minibatch = load_rows(basis, targets, torch.device("cpu"))[0].pick(rows)
    seconds: dict[int, float] = {}
    for n_threads in candidates:
        torch.set_num_threads(n_threads)
        seconds[n_threads] = _time_step(model, optimiser, minibatch)
        for _ in range(STEPS):
            if seconds[n_threads] > HOPELESS * min(seconds.values()):
                break
            seconds[n_threads] = min(seconds[n_threads], _time_step(model, optimiser, minibatch))
    return min(candidates, key=lambda n: (seconds[n] > TIE * min(seconds.values()), n))


def _time_step(model: BuiltModel, optimiser: AdamW, minibatch: Minibatch) -> float:
    start = time.perf_counter()
    train_step(model, optimiser, minibatch)
    return time.perf_counter() - start
