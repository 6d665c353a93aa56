"""The encoder beside its baselines, task by task, with intervals: the verdict reports and never selects."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from genexp.evaluation.clustering import bootstrap_ari, bootstrap_silhouette
from genexp.evaluation.probe import bootstrap_macro_f1
from genexp.evaluation.reconstruction import bootstrap_r2
from genexp.evaluation.results import DISPLAY, ENCODER, Clustering, Probe, Survival, Verdict
from genexp.preprocessing.split import find_lack
from genexp.survival.cox import c_index
from genexp.verdict.seeds import Findings

N_DRAWS = 1000
"""Bootstrap samples of the test groups."""
PLAIN = "pca"
"""The baseline of the verdict in one line; the table has them all."""
NEGLIGIBLE = 1e-4
"""A difference below this is none, however narrow its interval: it would not show in the numbers that are printed."""
COLUMNS = (
    *("task", "quantity", "baseline", "encoder", "encoder_low", "encoder_high", "baseline_score", "difference", "low", "high"),
    *("outcome", "sentence"),
)
"""Columns of the verdict, also where it has no row."""

Score = Callable[[str, np.ndarray], np.ndarray]
"""From a representation's name and weights (n_draws, n_test) to its quantity (n_draws,)."""


def compare_representations(obs: pd.DataFrame, findings: Findings, seed: int, further: Sequence[Findings] = ()) -> Verdict:
    """Compare the encoder with every baseline by a paired bootstrap over the groups (patients) of the test samples.

    Where the same configuration was trained with several seeds, the encoder's score is their mean, and each draw takes one of them
    at random: the interval is that of a training with any seed, on patients like these. A task with too few test samples, or for
    survival too few events, is left out and named (:func:`~genexp.preprocessing.split.find_lack`).

    Parameters
    ----------
    obs : DataFrame, (n_test, ...)
        Annotations of the test samples, with ``group``.
    findings : Findings
        Of the encoder and the baselines; tasks that are None are left out.
    seed : int
    further : sequence of Findings
        Of encoders of other seeds, on the same test samples.
    """
    lacks = _find_lacks(obs, findings)
    tasks = {task: scored for task, scored in _collect_tasks(obs, findings).items() if task not in lacks}
    others = [_collect_tasks(obs, other) for other in further]
    weights = draw_weights(obs["group"].astype(str).to_numpy(), seed)
    picks = np.random.default_rng([seed, len(others)]).integers(1 + len(others), size=len(weights))
    names = list(findings.clustering.scores.index)
    rows = pd.DataFrame(
        [
            _compare(task, quantity, baseline, own, rival, 1 + len(others))
            for task, (quantity, score) in tasks.items()
            for own in [_draw_seeds([score, *(other[task][1] for other in others)], weights, picks)]
            for baseline in names
            if baseline != ENCODER and (task != "reconstruction" or baseline in findings.reconstruction.scores.index)
            for rival in [_draw_scores(score, baseline, weights)]
        ],
        columns=list(COLUMNS),
    )
    against = rows[rows["baseline"] == DISPLAY[PLAIN]]
    line = ", ".join(f"{row.task} {row.outcome}" for row in against.itertuples())
    reasons = {lack: ", ".join(task for task, other in lacks.items() if other == lack) for lack in lacks.values()}
    withheld = [f"no verdict for {names}: {lack}" for lack, names in reasons.items()]
    return Verdict(rows, "; ".join([*([line] if line else []), *withheld]), frozenset(lacks))


def _find_lacks(obs: pd.DataFrame, findings: Findings) -> dict[str, str]:
    """Tasks for which there are too few test samples or events, and what there is."""
    n_labelled = int(obs["label"].notna().sum()) if "ari" in findings.clustering.scores else None
    lacks = {"reconstruction": find_lack(len(obs))}
    lacks["clustering"] = lacks["reconstruction"] if n_labelled is None else find_lack(n_labelled, what="labelled test samples")
    if findings.probe is not None:
        lacks["probe"] = find_lack(len(findings.probe.predictions), what="labelled test samples")
    if findings.terms is not None:
        lacks["terms"] = find_lack(len(findings.terms.truth))
    if findings.survival is not None:
        patients = findings.survival.patients[findings.survival.patients["part"] == "test"]
        lacks["survival"] = find_lack(len(patients), int(patients["event"].sum()), what="test patients")
    return {task: lack for task, lack in lacks.items() if lack}


def _collect_tasks(obs: pd.DataFrame, findings: Findings) -> dict[str, tuple[str, Score]]:
    """Quantity and score of every task that there is."""
    tasks: dict[str, tuple[str, Score]] = {
        "reconstruction": ("R2", lambda name, w: bootstrap_r2(findings.reconstruction.samples, name, w)),
        "clustering": _score_clusters(obs, findings.clustering),
    }
    if findings.probe is not None:
        tasks["probe"] = ("macro F1", _score_probe(obs, findings.probe))
    if findings.terms is not None:
        tasks["terms"] = ("macro AP", findings.terms.draw_scores)
    if findings.survival is not None:
        tasks["survival"] = ("C-index", _score_survival(obs, findings.survival))
    return tasks


def draw_weights(groups: np.ndarray, seed: int) -> np.ndarray:
    """How often each sample (n,) counts in each draw (N_DRAWS, n): whole groups are drawn, with replacement.

    A single group cannot say how much groups differ: there is no draw then.
    """
    names, codes = np.unique(groups, return_inverse=True)
    n_draws = N_DRAWS if len(names) > 1 else 0
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_draws)
    return counts[:, codes].astype(np.float64)


def _score_clusters(obs: pd.DataFrame, clustering: Clustering) -> tuple[str, Score]:
    """Agreement with the label where there is one, else the silhouette among the genes: in its own space each would be its own judge."""
    if "ari" not in clustering.scores:
        return "silhouette among genes", lambda name, w: bootstrap_silhouette(clustering.samples, name, w)
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


def _draw_seeds(scores: Sequence[Score], weights: np.ndarray, picks: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean score of the encoders of all seeds, and in each draw the score of the one that was picked (n_draws,)."""
    found = [_draw_scores(score, ENCODER, weights) for score in scores]
    return float(np.mean([value for value, _ in found])), np.stack([draws for _, draws in found])[picks, np.arange(len(picks))]


def _compare(
    task: str, quantity: str, baseline: str, own: tuple[float, np.ndarray], other: tuple[float, np.ndarray], n_seeds: int
) -> dict[str, object]:
    (encoder, draws), (rival, rival_draws), name = own, other, DISPLAY[baseline]
    encoder_low, encoder_high = find_interval(draws)
    low, high = find_interval(draws - rival_draws)
    outcome = judge(encoder - rival, low, high, name)
    over = f" over {n_seeds} seeds" if n_seeds > 1 else ""
    found = f"{task}: {quantity} {encoder:.3f} [{encoder_low:.3f}, {encoder_high:.3f}]{over}, {name} {rival:.3f}"
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


def find_interval(draws: np.ndarray) -> tuple[float, float]:
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
