"""What latents hold of label and survival on validation samples: quick scores by which trials can be chosen."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from genexp.evaluation.cox import c_index
from genexp.evaluation.probe import evaluate_probe, scale_latents
from genexp.evaluation.results import ENCODER, PartLatents
from genexp.evaluation.survival import MIN_EVENTS, choose_penalty, fit_ridge, pick_patients

MACRO_F1, C_INDEX, ARI = "probe/macro_f1_val", "survival/c_index_val", "cluster/ari_val"


def list_scores(obs: pd.DataFrame) -> list[str]:
    """Names of the scores that these annotations of train samples allow."""
    labelled = "label" in obs and obs["label"].dropna().nunique() > 1
    followed = {"time_days", "event"} <= set(obs) and float(obs["event"].fillna(0).astype(float).sum()) >= MIN_EVENTS
    return [*([MACRO_F1, ARI] if labelled else []), *([C_INDEX] if followed else [])]


def score_latents(z: dict[str, np.ndarray], obs: dict[str, pd.DataFrame], seed: int) -> dict[str, float]:
    """Score latents of validation samples by what is fitted on train samples.

    Macro F1 is that of the probe, the C-index that of the ridge Cox regression, both as ``evaluate`` has them on test samples; the
    adjusted Rand index compares the label with k-means of as many clusters as it has classes.

    Parameters
    ----------
    z : dict of str to ndarray of float, (n_samples, n_latent)
        Latents by part, ``train`` and ``val``.
    obs : dict of str to DataFrame
        Annotations of the same samples.
    seed : int
        Of folds and starts.

    Returns
    -------
    dict of str to float
        By name; what is undefined on these samples is NaN.
    """
    train, val = (PartLatents(part, obs[part], {ENCODER: np.asarray(z[part], dtype=np.float64)}) for part in ("train", "val"))
    names = list_scores(train.obs)
    scores = dict.fromkeys(names, float("nan"))
    with threadpool_limits(1):
        if MACRO_F1 in names:
            probe, _ = evaluate_probe(train, val, seed)
            scores |= {MACRO_F1: float(probe.scores.loc[ENCODER, "macro_f1"])} if probe is not None else {}
            scores[ARI] = _score_clusters(train, val, seed)
        if C_INDEX in names:
            scores[C_INDEX] = _score_survival(train, val, seed)
    return scores


def _score_clusters(train: PartLatents, val: PartLatents, seed: int) -> float:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    label = val.obs["label"]
    known = label.notna().to_numpy()
    if not known.any():
        return float("nan")
    clusters = KMeans(train.obs["label"].nunique(), n_init=4, random_state=seed).fit(train.z[ENCODER]).predict(val.z[ENCODER])
    return float(adjusted_rand_score(label[known].astype(str), clusters[known]))


def _score_survival(train: PartLatents, val: PartLatents, seed: int) -> float:
    rows = [pick_patients(part.obs, Counter()) for part in (train, val)]
    obs = [part.obs.iloc[chosen] for part, chosen in zip((train, val), rows, strict=True)]
    time, event = (
        [part[name].to_numpy(kind) for part in obs] for name, kind in (("time_days", np.float64), ("event", bool))
    )  # each for train and val
    if event[0].sum() < MIN_EVENTS or not len(rows[1]):
        return float("nan")
    reference, other = scale_latents(ENCODER, train.z[ENCODER][rows[0]], val.z[ENCODER][rows[1]])
    penalty = choose_penalty(reference, time[0], event[0], seed)
    return float(c_index(time[1], event[1], other @ fit_ridge(reference, time[0], event[0], penalty))[0])
