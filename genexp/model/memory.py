"""Samples of a subject as a sequence: a gated recurrent unit over their latents."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GatedMemory(nn.Module):
    """The state after each sample, from it and the earlier samples of its subject (gated recurrent
    unit: Cho et al., EMNLP 2014).

    Parameters
    ----------
    n_inputs, n_state : int
        Width of a sample and of the state.
    """

    def __init__(self, n_inputs: int, n_state: int) -> None:
        super().__init__()
        self.unit = nn.GRU(n_inputs, n_state, batch_first=True)

    def forward(self, x: Tensor, subject: Tensor, position: Tensor) -> Tensor:
        """States (n, n_state) of samples x (n, n_inputs), whose subjects (n,) are integers and
        whose positions (n,) rise with time.
        """
        row, column = arrange(subject, position)
        # Shorter sequences are padded at their end, after which no state is read: padding changes
        # nothing.
        sequences = x.new_zeros(int(row.max()) + 1, int(column.max()) + 1, x.shape[1]).index_put(
            (row, column), x
        )
        states: Tensor = self.unit(sequences)[0][row, column]
        return states


def arrange(subject: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
    """Index of each sample's subject, and of the sample among those of its subject in the
    minibatch, (n,) each of int64 from 0.
    """
    _, row, counts = torch.unique(subject, return_inverse=True, return_counts=True)
    _, later = torch.unique(position, return_inverse=True)
    order = torch.argsort(row * (int(later.max()) + 1) + later)
    column = torch.empty_like(row)
    column[order] = (
        torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row[order]]
    )
    return row, column
