"""Scores of several outcomes at once, in one sample table."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from genexp.evaluation.latents import ENCODER
from genexp.evaluation.task import SampleScores

TRUTH = "truth"
"""Prefix of the columns with the true values."""


@dataclass(frozen=True)
class OutcomeTable(SampleScores):
    """Sample table with the truth (columns ``truth: NAME``) and the predictions of each
    representation (``encoder: NAME``).
    """

    @property
    def representations(self) -> list[str]:
        """Representations from which the outcomes were predicted."""
        prefixes = dict.fromkeys(str(name).partition(": ")[0] for name in self.samples)
        return [prefix for prefix in prefixes if prefix != TRUTH]

    @property
    def truth(self) -> pd.DataFrame:
        """True values, (n_scored, n_outcomes)."""
        return self.pick_columns(TRUTH)

    @property
    def logged(self) -> pd.DataFrame:
        """The table that a run logs: the truth and the predictions of the encoder."""
        return pd.concat(
            [self.pick_columns(prefix).add_prefix(f"{prefix}: ") for prefix in (TRUTH, ENCODER)],
            axis=1,
        )

    def pick_columns(self, prefix: str) -> pd.DataFrame:
        """Columns of the truth or of a representation, named by outcome."""
        start = f"{prefix}: "
        columns = [name for name in self.samples if str(name).startswith(start)]
        return self.samples[columns].rename(columns=lambda name: name.removeprefix(start))
