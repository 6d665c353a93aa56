"""Verdict: the encoder compared with its baselines, task by task, with intervals. It reports and
never selects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.evaluation.bootstrap import draw_weights, find_interval
from genexp.evaluation.latents import DISPLAY, ENCODER
from genexp.evaluation.task import Results, SampleScores
from genexp.preprocessing.split import find_lack

PLAIN = "pca"
"""Baseline of the verdict in one line; the table has all baselines."""
NEGLIGIBLE = 1e-4
"""Differences below this do not count, even with a narrow interval: the printed digits would not
show them."""
COLUMNS = (
    *(
        "task",
        "quantity",
        "baseline",
        "encoder",
        "encoder_low",
        "encoder_high",
        "baseline_score",
        "difference",
        "low",
        "high",
    ),
    *("outcome", "sentence"),
)
"""Columns of the verdict, also when it has no rows."""
BETTER, WORSE, NO_DIFFERENT, UNDEFINED = (
    "better than",
    "worse than",
    "no different from",
    "undefined",
)
"""Outcomes; the first three are followed by the name of the baseline."""


@dataclass(frozen=True)
class Verdict:
    """The encoder compared with the baselines, task by task.

    Parameters
    ----------
    rows : DataFrame, (up to n_tasks * n_baselines, 12)
        Columns ``task`` (reconstruction, clustering, probe, terms, survival), ``quantity`` (``R2``,
        ``macro F1``, ...), ``baseline`` (``PCA``, ``NMF``, ``random projection``, and but for
        reconstruction ``raw genes``), ``encoder`` with ``encoder_low``, ``encoder_high``;
        ``baseline_score``; ``difference`` (encoder - baseline) with ``low``, ``high``; ``outcome``
        (``better than PCA``, ``worse than PCA``, ``no different from PCA``, ``undefined``) and
        ``sentence``. Intervals are of 95 % (paired bootstrap over the groups of the test samples
        and, where there are several, the seeds of the training).
    line : str
        Comparison with PCA in one line, with the tasks without a verdict and the reason.
    withheld : frozenset of str
        Tasks with too few test samples or events for a verdict; they have no rows.
    """

    rows: pd.DataFrame
    line: str
    withheld: frozenset[str] = frozenset()

    @property
    def worse_than_pca(self) -> list[str]:
        """Tasks in which the encoder is worse than PCA."""
        return self.rows.loc[self.rows["outcome"] == f"{WORSE} {DISPLAY[PLAIN]}", "task"].tolist()


def compare_representations(
    obs: pd.DataFrame, results: Results, seed: int, further: Sequence[Results] = ()
) -> Verdict:
    """Compare the encoder with every baseline by a paired bootstrap over the groups (patients) of
    the test samples.

    If the same configuration was trained with several seeds, the score of the encoder is their
    mean, and each draw uses a random one of them: the interval is that of a training with any seed,
    on patients like these. A task with too few test samples, or too few events for survival, gets
    no verdict and is named (:func:`~genexp.preprocessing.split.find_lack`).

    Parameters
    ----------
    obs : DataFrame, (n_test, ...)
        Annotations of the test samples, with ``group``.
    results : Results
        Results of the encoder and the baselines; those with
        :class:`~genexp.evaluation.task.SampleScores` are compared.
    seed : int
    further : sequence of Results
        Results of the encoders of other seeds, on the same test samples.
    """
    scores = collect_scores(results)
    lacks = {
        task: lack
        for task, score in scores.items()
        if (lack := find_lack(len(score.samples), score.n_events, what=score.unit))
    }
    others = [collect_scores(other) for other in further]
    weights = draw_weights(obs["group"].astype(str).to_numpy(), seed)
    # A stream of its own: the draws of patients do not change with the number of seeds
    picks = np.random.default_rng([seed, len(others)]).integers(1 + len(others), size=len(weights))
    rows: list[dict[str, object]] = []
    for task in (task for task in scores if task not in lacks):
        score = scores[task]
        encoder = _draw_seeds(
            [score, *(other[task] for other in others)], weights, picks, obs.index
        )
        rows += [
            _compare(
                task,
                score.quantity,
                baseline,
                encoder,
                _draw_scores(score, baseline, weights, obs.index),
                1 + len(others),
            )
            for baseline in score.representations
            if baseline != ENCODER
        ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    against = table[table["baseline"] == DISPLAY[PLAIN]]
    line = ", ".join(f"{row.task} {row.outcome}" for row in against.itertuples())
    reasons = {
        lack: ", ".join(task for task, other in lacks.items() if other == lack)
        for lack in lacks.values()
    }
    withheld = [f"no verdict for {names}: {lack}" for lack, names in reasons.items()]
    return Verdict(table, "; ".join([*([line] if line else []), *withheld]), frozenset(lacks))


def collect_scores(results: Mapping[str, object]) -> dict[str, SampleScores]:
    """Scores by sample, by the name of the task, for tasks that have them."""
    return {
        name: scores
        for name, result in results.items()
        if (scores := getattr(result, "scores_by_sample", None)) is not None
    }


def _draw_scores(
    scores: SampleScores, name: str, weights: np.ndarray, ids: pd.Index
) -> tuple[float, np.ndarray]:
    """Score of a representation on the test samples (``ids``) as they are, and in each draw
    (n_draws,).
    """
    columns = ids.get_indexer(scores.samples.index)
    return float(scores.score(name, np.ones((1, len(columns))))[0]), scores.score(
        name, weights[:, columns]
    )


def _draw_seeds(
    scores: Sequence[SampleScores], weights: np.ndarray, picks: np.ndarray, ids: pd.Index
) -> tuple[float, np.ndarray]:
    """Mean score of the encoders of all seeds, and in each draw the score of the picked one
    (n_draws,).
    """
    by_seed = [_draw_scores(seed_scores, ENCODER, weights, ids) for seed_scores in scores]
    return float(np.mean([value for value, _ in by_seed])), np.stack(
        [draws for _, draws in by_seed]
    )[picks, np.arange(len(picks))]


def _compare(
    task: str,
    quantity: str,
    baseline: str,
    encoder: tuple[float, np.ndarray],
    rival: tuple[float, np.ndarray],
    n_seeds: int,
) -> dict[str, object]:
    (score, draws), (rival_score, rival_draws), name = (
        encoder,
        rival,
        DISPLAY.get(baseline, baseline),
    )
    encoder_low, encoder_high = find_interval(draws)
    low, high = find_interval(draws - rival_draws)
    outcome = name_outcome(score - rival_score, low, high, name)
    over = f" over {n_seeds} seeds" if n_seeds > 1 else ""
    numbers = (
        f"{task}: {quantity} {score:.3f} [{encoder_low:.3f}, {encoder_high:.3f}]{over}, {name} "
        f"{rival_score:.3f}"
    )
    return {
        "task": task,
        "quantity": quantity,
        "baseline": name,
        "encoder": score,
        "encoder_low": encoder_low,
        "encoder_high": encoder_high,
        "baseline_score": rival_score,
        "difference": score - rival_score,
        "low": low,
        "high": high,
        "outcome": outcome,
        "sentence": (
            f"{numbers}: {outcome} ({_signed(score - rival_score)} [{_signed(low)}, "
            f"{_signed(high)}])"
        ),
    }


def _signed(difference: float) -> str:
    """Three decimals with a sign; never ``-0.000``."""
    return f"{round(difference, 3) + 0.0:+.3f}"


def name_outcome(difference: float, low: float, high: float, baseline: str) -> str:
    """Name the outcome of a comparison by its difference and interval."""
    if not np.isfinite(low):
        return UNDEFINED
    if abs(difference) < NEGLIGIBLE or not (low > 0 or high < 0):
        return f"{NO_DIFFERENT} {baseline}"
    return f"{BETTER} {baseline}" if low > 0 else f"{WORSE} {baseline}"
