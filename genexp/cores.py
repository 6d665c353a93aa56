"""Number of cores that this process may use."""

import os


def count_cores() -> int:
    """Count the cores that this process may use; a scheduler or container may allow fewer than the
    machine has.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
