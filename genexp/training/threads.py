"""How many threads a training should use: measured, because on small matrices fewer are often faster."""

from __future__ import annotations

import os
import time

import torch
from torch.optim import AdamW

from genexp.model.autoencoder import Autoencoder
from genexp.model.kind import Batch, Kind
from genexp.model.kinds import KINDS
from genexp.settings.training import EncoderConfig
from genexp.training.basis import Basis
from genexp.training.loop import NO_TARGETS, build_batches, build_network, build_optimiser, train_step
from genexp.training.targets import Targets

STEPS = 3
"""Steps that are timed for each number of threads, after a first one."""
HOPELESS = 3.0
"""A number of threads whose first step took this many times the best one's is not tried further."""


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_threads(basis: Basis, config: EncoderConfig, targets: Targets = NO_TARGETS) -> int:
    """Set and return the number of threads: as configured, or the fastest of 1, 2, 4, ... up to the cores."""
    n_threads = config.threads if config.threads != "auto" else _measure(basis, config, targets)
    torch.set_num_threads(n_threads)
    return n_threads


def _measure(basis: Basis, config: EncoderConfig, targets: Targets) -> int:
    """Time a few training steps for each count, on a network that is thrown away; ties go to fewer threads."""
    candidates = [2**i for i in range(count_cores().bit_length()) if 2**i <= count_cores()]
    if len(candidates) == 1:
        return 1
    kind = KINDS[config.kind](config)
    network = build_network(basis, config, targets).train()
    optimiser = build_optimiser(network, config)
    batch = build_batches(basis, targets, torch.device("cpu"))[0].pick(torch.arange(min(config.minibatch, len(basis.train))))
    seconds: dict[int, float] = {}
    for n_threads in candidates:
        torch.set_num_threads(n_threads)
        seconds[n_threads] = _time_step(kind, network, optimiser, batch)
        for _ in range(STEPS):
            if seconds[n_threads] > HOPELESS * min(seconds.values()):
                break
            seconds[n_threads] = min(seconds[n_threads], _time_step(kind, network, optimiser, batch))
    return min(candidates, key=lambda n: (seconds[n] > 1.05 * min(seconds.values()), n))


def _time_step(kind: Kind, network: Autoencoder, optimiser: AdamW, batch: Batch) -> float:
    start = time.perf_counter()
    train_step(kind, network, optimiser, batch)
    return time.perf_counter() - start
