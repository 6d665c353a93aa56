"""Agreement of several seeds of one configuration, and their ensemble as one encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.errors import TrainingError
from genexp.model.encoder import Affine, Encoder
from genexp.model.ensemble import align_latents, combine_decoders, combine_encoders, combine_heads
from genexp.model.novelty import calibrate_novelty

if TYPE_CHECKING:
    from genexp.preprocessing import Preprocessed

RECURRING = 0.7
"""A programme recurs when its best match in every other seed correlates with it above this, in
absolute value."""


def compare_seeds(latents: Mapping[int, np.ndarray]) -> pd.DataFrame:
    """Agreement of the latents of pairs of seeds on the same samples.

    Parameters
    ----------
    latents : mapping of int to ndarray, (n_samples, n_latent)
        By seed.

    Returns
    -------
    DataFrame, (n_pairs, 3)
        Index ``seeds`` (``0-1``): ``cca`` (mean canonical correlation: the same space?),
        ``procrustes`` (share of the variance that is equal after Procrustes alignment: the same
        geometry?), ``units`` (mean absolute correlation of matched latents: the same axes?).
    """
    rows = {}
    for (a, za), (b, zb) in combinations(latents.items(), 2):
        aligned = align_latents(za, zb)(za)
        residual = np.square(aligned - zb).sum() / np.square(zb - zb.mean(axis=0)).sum()
        rows[f"{a}-{b}"] = {
            "cca": measure_cca(za, zb),
            "procrustes": 1 - residual,
            "units": float(match_units(za, zb).mean()),
        }
    return pd.DataFrame(rows).T.rename_axis("seeds")


def measure_cca(a: np.ndarray, b: np.ndarray) -> float:
    """Mean canonical correlation (Hotelling, Biometrika 1936) of two sets of latents (n, k) on the
    same samples.
    """
    bases = [
        np.linalg.svd(z - z.mean(axis=0, dtype=np.float64), full_matrices=False)[0] for z in (a, b)
    ]
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).clip(0, 1).mean())


def match_units(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Absolute correlation (k,) of each latent of ``a`` with its partner in ``b``: one to one, as
    good as possible in sum.
    """
    from scipy.optimize import linear_sum_assignment

    k = a.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        likeness = np.nan_to_num(np.abs(np.corrcoef(a, b, rowvar=False)[:k, k:]))
    rows, columns = linear_sum_assignment(-likeness)
    return likeness[rows, columns]


def find_recurring(
    latents: Mapping[int, np.ndarray], selected: int, names: Sequence[str]
) -> pd.DataFrame:
    """Match each latent of the selected seed to those of the others.

    Returns
    -------
    DataFrame, (n_latent, 3)
        Index ``latent``: ``mean_correlation`` and ``least_correlation`` (absolute, with the matched
        latents of the other seeds) and ``recurs``; sorted, the surest first.
    """
    matches = np.stack(
        [match_units(latents[selected], z) for seed, z in latents.items() if seed != selected]
    )
    table = pd.DataFrame(
        {"mean_correlation": matches.mean(axis=0), "least_correlation": matches.min(axis=0)},
        index=list(names),
    )
    table["recurs"] = table["least_correlation"] > RECURRING
    return table.rename_axis("latent").sort_values(
        "mean_correlation", ascending=False, kind="stable"
    )


def build_ensemble(encoders: Sequence[Encoder], data: Preprocessed) -> Encoder:
    """One encoder that gives the mean of the members' latents, Procrustes-aligned with the first on
    train samples.

    Raises
    ------
    TrainingError
        Latents are rectified or squashed (a rotation would undo that), the output is, layers are
        not affine, or heads read sequences.
    """
    first = encoders[0]
    layers = [
        layer
        for member in encoders
        for network in (member.encoder, member.decoder)
        for layer in network.layers
    ]
    affine = all(isinstance(layer, Affine) for layer in layers) and first.decoder.output is None
    if not affine or {
        network.layers[-1].activation for network in (first.encoder, first.decoder)
    } != {"linear"}:
        raise TrainingError(
            "ensemble=true: linear latents and outputs of affine layers were expected, which "
            "can be Procrustes-aligned; "
            f"kind={first.card['config']['kind']} has others. Use seeds= without it"
        )
    if any(head.memory is not None for head in first.heads):
        raise TrainingError(
            "ensemble=true: heads with a memory of their own cannot be averaged; use seeds= "
            "without it"
        )
    X = np.asarray(data.matrix("train"))
    z = [member.encoder(X) for member in encoders]
    alignments = [align_latents(latents, z[0]) for latents in z]
    encoder = combine_encoders([member.encoder for member in encoders], alignments)
    decoder = combine_decoders([member.decoder for member in encoders], alignments)
    calibration = calibrate_novelty(encoder, decoder, X, data.matrix("val"), seed=0)
    heads = combine_heads([member.heads for member in encoders], alignments)
    card = dict(first.card) | {"ensemble": len(encoders)}
    return replace(
        first,
        encoder=encoder,
        decoder=decoder,
        card=card,
        calibration=calibration.to_arrays(),
        heads=heads,
    )
