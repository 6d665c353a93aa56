"""Rows of each training step, and rows that are scored together: rows of a block stay together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MIN_ROWS = 2
"""Rows that a step has at least, so that batch norm has a variance."""


def draw_steps(n_rows: int, n_steps: int, block: Tensor | None = None) -> Sequence[Tensor]:
    """Rows of each step of an epoch, in random order.

    Parameters
    ----------
    n_rows, n_steps : int
    block : Tensor of int64, (n_rows,), optional
        Blocks that are whole in one step; steps may then be fewer and of unequal size.
    """
    if block is None:
        return torch.randperm(n_rows).tensor_split(n_steps)
    _, code, sizes = torch.unique(block.cpu(), return_inverse=True, return_counts=True)
    # One draw per epoch on the CPU, with and without blocks: the same seed gives the same steps on
    # every device.
    order = torch.randperm(len(sizes))
    rows = order.argsort()[code].argsort(stable=True)
    return _join(torch.split(rows, sizes[order].tolist()), max(n_rows / n_steps, MIN_ROWS))


def split_rows(n_rows: int, n_at_a_time: int, block: Tensor | None = None) -> Sequence[Tensor]:
    """Rows that are scored together, about ``n_at_a_time`` of them; as they are where there are no
    blocks.
    """
    if block is None or n_rows <= n_at_a_time:
        return torch.split(torch.arange(n_rows), n_at_a_time)
    rows, sizes = block.cpu().argsort(stable=True), torch.unique(block.cpu(), return_counts=True)[1]
    return _join(torch.split(rows, sizes.tolist()), n_at_a_time)


def _join(blocks: Sequence[Tensor], n_rows: float) -> list[Tensor]:
    """Blocks one after the other until they have ``n_rows``; a rest of fewer than ``MIN_ROWS`` goes
    to the last.
    """
    joined: list[Tensor] = []
    held: list[Tensor] = []
    n_held = 0
    for block in blocks:
        held.append(block)
        n_held += len(block)
        if n_held >= n_rows:
            joined.append(torch.cat(held))
            held, n_held = [], 0
    if joined and 0 < n_held < MIN_ROWS:
        joined[-1] = torch.cat([joined[-1], *held])
    elif held:
        joined.append(torch.cat(held))
    return joined
