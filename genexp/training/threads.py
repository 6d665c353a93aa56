"""How many threads a training should use: measured, because on small matrices fewer are often faster."""

from __future__ import annotations

import os
import time

import torch

from genexp.config import EncoderConfig
from genexp.training.basis import Basis
from genexp.training.loop import build_network, build_optimiser, train_epoch

MEASURED_ROWS = 512


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_threads(basis: Basis, config: EncoderConfig) -> int:
    """Set and return the number of threads: as configured, or the fastest of 1, 2, 4, ... up to the cores."""
    n_threads = config.threads if config.threads != "auto" else _measure(basis, config)
    torch.set_num_threads(n_threads)
    return n_threads


def _measure(basis: Basis, config: EncoderConfig) -> int:
    """Time a few training steps for each count, on a network that is thrown away; ties go to fewer threads."""
    candidates = [2**i for i in range(count_cores().bit_length()) if 2**i <= count_cores()]
    if len(candidates) == 1:
        return 1
    network = build_network(basis, config)
    optimiser = build_optimiser(network, config)
    rows = torch.from_numpy(basis.train[:MEASURED_ROWS].copy())
    seconds = {}
    for n_threads in candidates:
        torch.set_num_threads(n_threads)
        train_epoch(network, optimiser, rows, config, basis.n_genes)
        start = time.perf_counter()
        train_epoch(network, optimiser, rows, config, basis.n_genes)
        seconds[n_threads] = time.perf_counter() - start
    return min(candidates, key=lambda n: (seconds[n] > 1.05 * min(seconds.values()), n))
