"""Fast scores of latents for label and survival on validation samples, by which trials can be
selected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from genexp.evaluation.baselines import Representation
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.probe import choose_classes, fit_classifier, macro_f1, scale_latents
from genexp.evaluation.reconstruction import evaluate_reconstruction
from genexp.preprocessing import Preprocessed
from genexp.survival.cox import c_index
from genexp.survival.regression import MIN_EVENTS, choose_cox_penalty, fit_ridge, pick_patients

MACRO_F1, C_INDEX, ARI = "probe/macro_f1_val", "survival/c_index_val", "cluster/ari_val"


def list_validation_scores(obs: pd.DataFrame) -> list[str]:
    """Names of the scores that are possible with these annotations of train samples."""
    labelled = "label" in obs and obs["label"].dropna().nunique() > 1
    followed = {"time_days", "event"} <= set(obs) and float(
        obs["event"].fillna(0).astype(float).sum()
    ) >= MIN_EVENTS
    return [*([MACRO_F1, ARI] if labelled else []), *([C_INDEX] if followed else [])]


def score_latents(
    z: Mapping[str, np.ndarray], obs: Mapping[str, pd.DataFrame], seed: int, name: str = ENCODER
) -> dict[str, float]:
    """Score latents of validation samples by models fitted on train samples.

    Macro F1 is that of the probe and the C-index that of the ridge Cox regression, as in
    ``evaluate`` on test samples. The adjusted Rand index compares the label with k-means clusters,
    as many as the label has classes.

    Parameters
    ----------
    z : mapping of str to ndarray of float, (n_samples, n_latent)
        Latents by part, ``train`` and ``val``.
    obs : mapping of str to DataFrame
        Annotations of the same samples.
    seed : int
        Of folds and starts.
    name : str
        Representation: all but ``raw`` are standardised.

    Returns
    -------
    dict of str to float
        Scores by name; NaN where undefined.
    """
    names = list_validation_scores(obs["train"])
    z = {part: np.asarray(z[part], dtype=np.float64) for part in ("train", "val")}
    scores: dict[str, float] = {}
    with threadpool_limits(1):  # latents are small: more threads only wait for each other
        if MACRO_F1 in names:
            scores |= {
                MACRO_F1: _score_probe(z, obs, seed, name),
                ARI: _score_clusters(z, obs, seed),
            }
        if C_INDEX in names:
            scores[C_INDEX] = _score_survival(z, obs, seed, name)
    return scores


def score_test(
    representations: Sequence[Representation], data: Preprocessed, seed: int
) -> pd.DataFrame:
    """Score representations on test samples, which are accessed once; everything is fitted on train
    samples.

    Parameters
    ----------
    representations : sequence of Representation
        One of them is named ``encoder``.
    data : Preprocessed
        The split and scaled cohort.
    seed : int
        Of folds and starts.

    Returns
    -------
    DataFrame, (n_representations, 4)
        Index ``representation``; ``r2``, ``macro_f1``, ``c_index``, ``ari``, each NaN where
        undefined.
    """
    X, (X_test, obs_test) = data.matrix("train"), data.access_test()
    test = PartLatents("test", obs_test, {way.name: way.latents(X_test) for way in representations})
    r2 = evaluate_reconstruction(
        representations, X_test, X.mean(axis=0, dtype=np.float64), test, data.var.index
    ).scores["r2"]
    obs, rows = {"train": data.obs("train"), "val": obs_test}, {}
    for way in representations:
        scores = score_latents(
            {"train": way.latents(X), "val": test.z[way.name]}, obs, seed, way.name
        )
        rows[way.name] = {"r2": r2.get(way.name)} | {
            name: scores.get(key)
            for name, key in (("macro_f1", MACRO_F1), ("c_index", C_INDEX), ("ari", ARI))
        }
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float).rename_axis("representation")


def _score_probe(
    z: Mapping[str, np.ndarray], obs: Mapping[str, pd.DataFrame], seed: int, name: str
) -> float:
    classes, _ = choose_classes(obs["train"]["label"], obs["val"]["label"])
    rows = {
        part: table["label"].astype(str).isin(classes).to_numpy() for part, table in obs.items()
    }
    if len(classes) < 2 or not rows["val"].any():
        return float("nan")
    reference, other = scale_latents(name, z["train"][rows["train"]], z["val"][rows["val"]])
    label, group = (
        obs["train"][column][rows["train"]].astype(str).to_numpy() for column in ("label", "group")
    )
    classifier, _ = fit_classifier(reference, label, group, seed)
    return macro_f1(
        obs["val"]["label"][rows["val"]].astype(str).to_numpy(), classifier.predict(other)
    )


def _score_clusters(
    z: Mapping[str, np.ndarray], obs: Mapping[str, pd.DataFrame], seed: int
) -> float:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    label = obs["val"]["label"]
    labelled = label.notna().to_numpy()
    if not labelled.any():
        return float("nan")
    clusters = (
        KMeans(obs["train"]["label"].nunique(), n_init=4, random_state=seed)
        .fit(z["train"])
        .predict(z["val"])
    )
    return float(adjusted_rand_score(label[labelled].astype(str), clusters[labelled]))


def _score_survival(
    z: Mapping[str, np.ndarray], obs: Mapping[str, pd.DataFrame], seed: int, name: str
) -> float:
    rows = {part: pick_patients(table, Counter()) for part, table in obs.items()}
    time = {
        part: table["time_days"].to_numpy(np.float64)[rows[part]] for part, table in obs.items()
    }
    event = {
        part: table["event"].to_numpy(np.float64)[rows[part]] == 1 for part, table in obs.items()
    }
    if event["train"].sum() < MIN_EVENTS or not len(rows["val"]):
        return float("nan")
    reference, other = scale_latents(name, z["train"][rows["train"]], z["val"][rows["val"]])
    penalty = choose_cox_penalty(reference, time["train"], event["train"], seed)
    return float(
        c_index(
            time["val"],
            event["val"],
            other @ fit_ridge(reference, time["train"], event["train"], penalty),
        )[0]
    )
