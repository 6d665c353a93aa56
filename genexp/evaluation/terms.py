"""Terms from latents: a logistic regression for each term of a multi-hot table, fitted on train samples, judged on test samples.

Terms are rare and overlap, so each is judged by its average precision beside its prevalence, which is what chance gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from genexp.cohort.terms import read_terms
from genexp.evaluation.latents import ENCODER, RAW, PartLatents
from genexp.evaluation.probe import scale_latents
from genexp.evaluation.task import EvaluationInputs, Result, SampleScores, Skipped, Task, name_scores
from genexp.files.source import open_source

if TYPE_CHECKING:
    from genexp.preprocessing.store import Preprocessed
    from genexp.settings.evaluation import EvaluationConfig

TRUTH = "truth"
"""First part of the columns that hold which sample has which term."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse penalties C that are tried, one for all terms; the smallest of equals is taken."""
FOLDS = 3
MIN_TRAIN, MIN_TEST = 10, 2
"""Samples with and without a term, in train and test, below which nothing can be said of it."""
MAX_TERMS = 200
"""Terms, at most, that are predicted: the most frequent ones of the train samples."""


@dataclass(frozen=True)
class TermScores(SampleScores):
    """Macro average precision of logits by term (columns ``encoder: TERM``) beside the truth (``truth: TERM``)."""

    table = "terms_samples"
    quantity = "macro AP"
    metric = "terms/macro_ap"

    @property
    def representations(self) -> list[str]:
        """Representations from which the terms were predicted."""
        return list(dict.fromkeys(name.partition(": ")[0] for name in self.samples if not name.startswith(f"{TRUTH}: ")))

    def score(self, representation: str, weights: np.ndarray) -> np.ndarray:
        """Macro average precision (n_draws,)."""
        return bootstrap_macro_ap(self._pick(TRUTH).astype(bool), self._pick(representation), weights)

    def _pick(self, prefix: str) -> np.ndarray:
        return self.samples[[name for name in self.samples if name.startswith(f"{prefix}: ")]].to_numpy()

    def matches(self, other: TermScores) -> bool:
        """Whether the terms, and the samples that have them, are the same."""
        one, two = (scores.samples[[name for name in scores.samples if name.startswith(f"{TRUTH}: ")]] for scores in (self, other))
        return list(one) == list(two) and bool((one.astype(bool).to_numpy() == two.astype(bool).to_numpy()).all())


@dataclass(frozen=True)
class Terms(Result):
    """One logistic regression per term.

    Parameters
    ----------
    scores : DataFrame, (n_representations, 2)
        ``macro_ap`` (mean over terms of the average precision on test samples) and ``C``, the inverse penalty chosen by grouped
        cross-validation on train samples.
    by_term : DataFrame, (n_terms, 3 + n_representations)
        Index ``term``, most frequent first: ``n_train`` and ``n_test`` samples with it, ``prevalence`` on test samples, ``ap`` of the
        encoder and ``ap_<baseline>``.
    table : DataFrame of bool, (n_train + n_test, n_terms)
        Which sample has which term.
    predictions : mapping of str to DataFrame of float32, (n_test, n_terms)
        Logits on test samples by representation.
    weights : mapping of str to DataFrame, (n_terms, n_columns)
        Weights of the columns of a representation, as they are, in each logit.
    """

    scores: pd.DataFrame
    by_term: pd.DataFrame
    table: pd.DataFrame
    predictions: Mapping[str, pd.DataFrame]
    weights: Mapping[str, pd.DataFrame]

    @property
    def truth(self) -> pd.DataFrame:
        """Which test sample has which term, (n_test, n_terms)."""
        return self.table.loc[self.predictions[ENCODER].index]

    @property
    def chance(self) -> float:
        """Mean prevalence: the macro average precision of a random ranking."""
        return float(self.by_term["prevalence"].mean())

    @property
    def metrics(self) -> dict[str, float]:
        """``terms/macro_ap``, and those of the baselines."""
        return name_scores("terms", self.scores.drop(columns="C"))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name; by sample the truth and the encoder's logits only."""
        samples = self.scores_by_sample.samples
        logged = samples[[name for name in samples if name.startswith((f"{TRUTH}: ", f"{ENCODER}: "))]]
        return {"terms_scores": self.scores, "terms": self.by_term, "terms_samples": logged}

    @property
    def scores_by_sample(self) -> TermScores:
        """Macro average precision."""
        tables = {TRUTH: self.truth, **self.predictions}
        return TermScores(pd.concat([table.add_prefix(f"{name}: ") for name, table in tables.items()], axis=1))

    def name_best(self, n: int) -> list[str]:
        """Terms that the encoder predicts best, by average precision over prevalence."""
        gain = self.by_term["ap"] - self.by_term["prevalence"]
        return [str(name) for name in gain.sort_values(ascending=False, kind="stable").index[:n]]


def evaluate_terms(train: PartLatents, test: PartLatents, table: pd.DataFrame, seed: int) -> Terms | Skipped:
    """Fit on train samples, score test samples.

    Latents are standardised by their train mean and standard deviation. One C serves all terms of a representation.

    Parameters
    ----------
    train, test : PartLatents
    table : DataFrame of bool, (n_samples, n_terms)
        Terms of all samples of both parts, and perhaps of others.
    seed : int
        Of the folds.
    """
    has, has_test = table.loc[train.obs.index], table.loc[test.obs.index]
    groups = train.obs["group"].astype(str).to_numpy()
    chosen, notes = choose_terms(has, has_test, groups)
    if not chosen:
        return Skipped((*notes, "No terms: none has enough train and test samples with it and without it."))
    Y, truth = has[chosen].to_numpy(np.float64), has_test[chosen].to_numpy()
    folds = draw_folds(groups, seed)
    scores, by_term, predictions, weights = {}, _count(has[chosen], has_test[chosen]), {}, {}
    for name in train.z:
        z, z_test = scale_latents(name, train.z[name], test.z[name])
        C = choose_penalty(z, Y, folds)
        w, bias = fit_logistic(z, Y, C)
        logits = z_test @ w.T + bias
        ap = average_precision(truth, logits)
        scores[name] = {"macro_ap": float(ap.mean()), "C": C}
        by_term["ap" if name == ENCODER else f"ap_{name}"] = ap
        predictions[name] = pd.DataFrame(logits.astype(np.float32), index=test.obs.index, columns=chosen)
        weights[name] = pd.DataFrame(w / _spread(name, train.z[name]), index=pd.Index(chosen, name="term"))
    both = pd.concat([has[chosen], has_test[chosen]])
    table_of_scores = pd.DataFrame(scores).T.rename_axis("representation")
    return Terms(table_of_scores, by_term, both, predictions, weights, notes=tuple(notes))


def _spread(name: str, z: np.ndarray) -> np.ndarray:
    """What :func:`genexp.evaluation.probe.scale_latents` divides the columns by."""
    spread = np.ones(z.shape[1]) if name == RAW else z.std(axis=0)
    return np.where(spread > 1e-12, spread, 1.0)


def choose_terms(train: pd.DataFrame, test: pd.DataFrame, groups: np.ndarray) -> tuple[list[str], list[str]]:
    """Terms that can be fitted and judged, most frequent first, and a note on the others.

    A term needs ``MIN_TRAIN`` train samples with it, of as many groups as there are folds, and as many without it; ``MIN_TEST`` of either
    on test samples.
    """
    n_with, n_with_test = train.sum(), test.sum()
    enough = (np.minimum(n_with, len(train) - n_with) >= MIN_TRAIN) & (np.minimum(n_with_test, len(test) - n_with_test) >= MIN_TEST)
    n_groups = train.loc[:, enough].groupby(groups).any().sum()
    able = n_with[n_groups.index[n_groups >= FOLDS]].sort_values(ascending=False, kind="stable").index
    notes = []
    if left_out := len(train.columns) - len(able):
        notes.append(
            f"Terms: {left_out} of {len(train.columns)} were left out, with too few samples or groups that have them or lack them."
        )
    if len(able) > MAX_TERMS:
        notes.append(f"Terms: the {MAX_TERMS} most frequent of {len(able)} were predicted.")
    return [str(name) for name in able[:MAX_TERMS]], notes


def _count(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame({"n_train": train.sum(), "n_test": test.sum(), "prevalence": test.mean()})
    return table.rename_axis("term")


def draw_folds(groups: np.ndarray, seed: int) -> np.ndarray:
    """Fold (n,) of every train sample, 0 to ``FOLDS`` - 1; a group lies in one."""
    _, codes = np.unique(groups, return_inverse=True)
    return (np.random.default_rng(seed).permutation(codes.max() + 1) % FOLDS)[codes]


def choose_penalty(z: np.ndarray, Y: np.ndarray, folds: np.ndarray) -> float:
    """C of the best macro average precision over folds of the train samples; each fit starts where the one before ended."""
    found = np.zeros(len(PENALTIES))
    for fold in range(FOLDS):
        fit, held, start = folds != fold, folds == fold, None
        for i, C in enumerate(PENALTIES):
            w, bias = fit_logistic(z[fit], Y[fit], C, start)
            start = np.column_stack([w, bias]).T
            found[i] += np.nanmean(average_precision(Y[held] > 0, z[held] @ w.T + bias)) / FOLDS
    return PENALTIES[int(np.round(found, 6).argmax())]


def fit_logistic(z: np.ndarray, Y: np.ndarray, C: float, start: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regressions of many outcomes on the same columns, all at once.

    Each minimises ``C * sum log(1 + exp(-y f)) + |w|^2 / 2`` with y = -1, 1 and f = z w + b, as scikit-learn does. Curvature is at most
    that of ``C / 4 * [z 1]'[z 1]`` plus the penalty (Böhning and Lindsay, Annals of the Institute of Statistical Mathematics 1988); in
    coordinates in which this bound is the identity L-BFGS needs few steps, whatever the scales of the columns.

    Parameters
    ----------
    z : ndarray of float64, (n, k)
    Y : ndarray of float64, (n, n_terms)
        0 or 1.
    C : float
        Inverse penalty.
    start : ndarray, (k + 1, n_terms), optional
        Weights, and the intercept last.

    Returns
    -------
    weights : ndarray, (n_terms, k)
    bias : ndarray, (n_terms,)
    """
    from scipy.linalg import cholesky, solve_triangular
    from scipy.optimize import minimize

    design = np.column_stack([z, np.ones(len(z))])
    penalised = np.append(np.ones(z.shape[1]), 0.0)[:, None]
    upper = cholesky(C / 4 * design.T @ design + np.diag(penalised[:, 0]))
    turned = solve_triangular(upper, design.T, trans="T").T

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        v = flat.reshape(len(upper), -1)
        w = solve_triangular(upper, v)
        f = turned @ v
        value = C * (np.logaddexp(0, f) - Y * f).sum() + np.square(penalised * w).sum() / 2
        slope = C * (turned.T @ (_sigmoid(f) - Y)) + solve_triangular(upper, penalised * w, trans="T")
        return float(value), slope.ravel()

    first = np.zeros((len(upper), Y.shape[1])) if start is None else upper @ start
    found = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300, "ftol": 1e-9, "gtol": 1e-4})
    w = solve_triangular(upper, found.x.reshape(first.shape))
    return w[:-1].T, w[-1]


def _sigmoid(f: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * f)


def average_precision(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Average precision (n_terms,) of every column; NaN where no sample has the term."""
    whole = np.ones((1, len(truth)))
    return np.array([_draw_ap(truth[:, t], scores[:, t], whole)[0] for t in range(truth.shape[1])])


def bootstrap_macro_ap(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over the terms that are there of the average precision (n_draws,), when samples count ``weights`` (n_draws, n) times.

    Parameters
    ----------
    truth : ndarray of bool, (n, n_terms)
    scores : ndarray, (n, n_terms)
    weights : ndarray, (n_draws, n)
    """
    total, there = np.zeros(len(weights)), np.zeros(len(weights))
    for t in range(truth.shape[1]):
        found = _draw_ap(truth[:, t], scores[:, t], weights)
        total += np.nan_to_num(found)
        there += np.isfinite(found)
    return np.divide(total, there, out=np.full(len(weights), np.nan), where=there > 0)


def _draw_ap(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum of the precision at each threshold times the recall that it adds, (n_draws,); samples of one score share a threshold."""
    order = np.argsort(-score, kind="stable")
    counted = np.cumsum(weights[:, order], axis=1)
    hits = np.flatnonzero(truth[order])
    last = np.searchsorted(-score[order], -score[order][hits], side="right") - 1
    own = weights[:, order[hits]]
    above = np.cumsum(own, axis=1)[:, np.searchsorted(hits, last, side="right") - 1]
    total = own.sum(axis=1)
    precision = above / np.maximum(counted[:, last], 1e-12)
    return np.divide((own * precision).sum(axis=1), total, out=np.full(len(weights), np.nan), where=total > 0)


class TermsTask(Task):
    """A logistic regression for each term of the table that ``terms=`` names."""

    name = "terms"
    title = "Terms"
    scores = TermScores
    metrics: ClassVar = {"terms/macro_ap": "mean over terms of the average precision on test samples; the prevalence is chance"}
    tables: ClassVar = {
        "terms_scores": "macro average precision of the terms' prediction",
        "terms": "average precision of every term, with its prevalence",
        "terms_samples": "terms of every test sample, and the encoder's logits",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Terms | Skipped:
        """Predict each term from the latents."""
        if not inputs.config.terms:
            return Skipped()
        ids = [*inputs.train.obs.index, *inputs.test.obs.index]
        return evaluate_terms(inputs.train, inputs.test, read_terms(inputs.config.terms, ids), inputs.seed)

    def rescore(self, inputs: EvaluationInputs, first: Result) -> Terms | Skipped:
        """Predict the terms that the first encoder was scored on."""
        assert isinstance(first, Terms)
        return evaluate_terms(inputs.train, inputs.test, first.table, inputs.seed)

    def check(self, config: EvaluationConfig, data: Preprocessed | None) -> None:
        """Refuse a table that is not there or does not fit the cohort."""
        if config.terms and data is None:
            with open_source(config.terms):
                pass
        elif config.terms and data is not None:
            read_terms(config.terms, data.split.index[data.split["part"].isin(["train", "test"])].tolist())
