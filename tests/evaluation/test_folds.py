"""Folds of train samples."""

import numpy as np
import pandas as pd

from genexp.evaluation.folds import draw_group_folds


def test_folds_keep_groups_together() -> None:
    groups = np.repeat([f"series{i}" for i in range(20)], 5)
    folds = pd.Series(draw_group_folds(groups, 3, seed=0))
    assert (folds.groupby(groups).nunique() == 1).all()
    assert sorted(folds.unique()) == [0, 1, 2]
