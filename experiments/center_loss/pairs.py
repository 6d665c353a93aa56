"""Distance in the latents between two measurements of one tumour."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genexp.evaluation.latents import PartLatents


def rank_partners(test: PartLatents, name: str) -> pd.Series:
    """Rank of each sample's partner of the other platform among its neighbours, on held-out
    samples.

    Parameters
    ----------
    test : PartLatents
        With ``batch`` (two platforms) and ``pair`` (the same for both measurements, missing where
        there is one) in the annotations.
    name : str
        Of the representation.

    Returns
    -------
    Series
        ``partner_rank``: median rank of the partner among the samples of the other platform (1: the
        nearest); ``partner_chance``: the same by chance; ``partner_first``: share of samples whose
        partner is the nearest of all samples of both platforms.
    """
    from scipy.spatial.distance import cdist

    pair, batch = test.obs["pair"].astype(object), test.obs["batch"].astype(str).to_numpy()
    partner = find_partners(pair)
    here = np.flatnonzero(partner >= 0)
    distances = cdist(test.z[name][here], test.z[name])
    own = distances[np.arange(len(here)), partner[here]]
    nearer = distances < own[:, None]
    other = batch[here][:, None] != batch
    nearest = nearer.sum(axis=1) == 1  # itself
    chance = (other.sum(axis=1) + 1) / 2
    ranks = (nearer & other).sum(axis=1) + 1
    return pd.Series(
        {
            "partner_rank": np.median(ranks),
            "partner_chance": np.median(chance),
            "partner_first": nearest.mean(),
        }
    )


def find_partners(pair: pd.Series) -> np.ndarray:
    """Place (n,) of the other sample of the same pair; -1 where there is none."""
    partner = np.full(len(pair), -1)
    for places in (
        pair.reset_index(drop=True).dropna().groupby(pair.dropna().to_numpy()).groups.values()
    ):
        if len(places) == 2:
            partner[list(places)] = list(places)[::-1]
    return partner
