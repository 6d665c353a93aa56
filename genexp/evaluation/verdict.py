"""The encoder beside its baselines, task by task, with intervals: the verdict reports and never selects."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from genexp.evaluation.clustering import bootstrap_ari, bootstrap_silhouette
from genexp.evaluation.cox import c_index
from genexp.evaluation.probe import bootstrap_macro_f1
from genexp.evaluation.reconstruction import bootstrap_r2
from genexp.evaluation.results import DISPLAY, ENCODER, Clustering, Probe, Reconstruction, Survival, Verdict

N_DRAWS = 1000
"""Bootstrap samples of the test groups."""
PLAIN = "pca"
"""The baseline of the verdict in one line; the table has them all."""
NEGLIGIBLE = 1e-4
"""A difference below this is none, however narrow its interval: it would not show in the numbers that are printed."""

Score = Callable[[str, np.ndarray], np.ndarray]
"""From a representation's name and weights (n_draws, n_test) to its quantity (n_draws,)."""


def compare_representations(
    obs: pd.DataFrame, reconstruction: Reconstruction, clustering: Clustering, probe: Probe | None, survival: Survival | None, seed: int
) -> Verdict:
    """Compare the encoder with every baseline by a paired bootstrap over the groups (patients) of the test samples.

    Parameters
    ----------
    obs : DataFrame, (n_test, ...)
        Annotations of the test samples, with ``group``.
    reconstruction, clustering, probe, survival
        What the tasks found; None is left out.
    seed : int
    """
    tasks: dict[str, tuple[str, Score]] = {
        "reconstruction": ("R2", lambda name, w: bootstrap_r2(reconstruction.samples, name, w)),
        "clustering": _score_clusters(obs, clustering),
    }
    if probe is not None:
        tasks["probe"] = ("macro F1", _score_probe(obs, probe))
    if survival is not None:
        tasks["survival"] = ("C-index", _score_survival(obs, survival))
    weights = draw_weights(obs["group"].astype(str).to_numpy(), seed)
    names = list(clustering.scores.index)
    rows = pd.DataFrame(
        [
            _compare(task, quantity, baseline, own, rival)
            for task, (quantity, score) in tasks.items()
            for own in [_draw_scores(score, ENCODER, weights)]
            for baseline in names
            if baseline != ENCODER and (task != "reconstruction" or baseline in reconstruction.scores.index)
            for rival in [_draw_scores(score, baseline, weights)]
        ]
    )
    against = rows[rows["baseline"] == DISPLAY[PLAIN]]
    return Verdict(rows, line=", ".join(f"{row.task} {row.outcome}" for row in against.itertuples()))


def draw_weights(groups: np.ndarray, seed: int) -> np.ndarray:
    """How often each sample (n,) counts in each draw (N_DRAWS, n): whole groups are drawn, with replacement.

    A single group cannot say how much groups differ: there is no draw then.
    """
    names, codes = np.unique(groups, return_inverse=True)
    n_draws = N_DRAWS if len(names) > 1 else 0
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_draws)
    return counts[:, codes].astype(np.float64)


def _score_clusters(obs: pd.DataFrame, clustering: Clustering) -> tuple[str, Score]:
    """Agreement with the label where there is one, else the silhouette."""
    if "ari" not in clustering.scores:
        return "silhouette", lambda name, w: bootstrap_silhouette(clustering.samples, name, w)
    labelled = obs["label"].notna().to_numpy()
    truth = obs["label"][labelled].astype(str).to_numpy()
    found = clustering.samples[labelled]
    return "ARI with the label", lambda name, w: bootstrap_ari(truth, found[f"cluster_{name}"].to_numpy(), w[:, labelled])


def _score_probe(obs: pd.DataFrame, probe: Probe) -> Score:
    table, rows = probe.predictions, obs.index.get_indexer(probe.predictions.index)
    return lambda name, w: bootstrap_macro_f1(table["truth"].to_numpy(), table[name].to_numpy(), w[:, rows])


def _score_survival(obs: pd.DataFrame, survival: Survival) -> Score:
    table = survival.patients[survival.patients["part"] == "test"]
    time, event, rows = table["time_days"].to_numpy(), table["event"].to_numpy(), obs.index.get_indexer(table.index)
    return lambda name, w: c_index(time, event, table[f"risk_{name}"].to_numpy(), w[:, rows])


def _draw_scores(score: Score, name: str, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Score of a representation on the test samples as they are, and in each draw (n_draws,)."""
    return float(score(name, np.ones((1, weights.shape[1])))[0]), score(name, weights)


def _compare(task: str, quantity: str, baseline: str, own: tuple[float, np.ndarray], other: tuple[float, np.ndarray]) -> dict[str, object]:
    (encoder, draws), (rival, rival_draws), name = own, other, DISPLAY[baseline]
    encoder_low, encoder_high = _interval(draws)
    low, high = _interval(draws - rival_draws)
    outcome = judge(encoder - rival, low, high, name)
    found = f"{task}: {quantity} {encoder:.3f} [{encoder_low:.3f}, {encoder_high:.3f}], {name} {rival:.3f}"
    return {
        "task": task,
        "quantity": quantity,
        "baseline": name,
        "encoder": encoder,
        "encoder_low": encoder_low,
        "encoder_high": encoder_high,
        "baseline_score": rival,
        "difference": encoder - rival,
        "low": low,
        "high": high,
        "outcome": outcome,
        "sentence": f"{found}: {outcome} ({_signed(encoder - rival)} [{_signed(low)}, {_signed(high)}])",
    }


def _signed(difference: float) -> str:
    """Three decimals with a sign; never ``-0.000``."""
    return f"{round(difference, 3) + 0.0:+.3f}"


def _interval(draws: np.ndarray) -> tuple[float, float]:
    """Percentile interval of 95 % over the draws in which the quantity exists; NaN where it never does."""
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def judge(difference: float, low: float, high: float, baseline: str) -> str:
    """Say in words what a difference and its interval mean."""
    if not np.isfinite(low):
        return "undefined"
    if abs(difference) < NEGLIGIBLE or not (low > 0 or high < 0):
        return "no difference"
    return f"above {baseline}" if low > 0 else f"below {baseline}"
