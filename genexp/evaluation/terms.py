"""Prediction of terms from latents: a logistic regression for each term of a multi-hot table,
fitted on train samples.

Terms are rare and overlap, so each is scored on test samples by its average precision, compared
with its prevalence, the value under chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from genexp.cohort.terms import read_terms
from genexp.evaluation.folds import draw_group_folds
from genexp.evaluation.latents import ENCODER, RAW, PartLatents
from genexp.evaluation.outcome_table import TRUTH, OutcomeTable
from genexp.evaluation.probe import scale_latents
from genexp.evaluation.ranking import draw_average_precision, draw_column_mean, score_columns
from genexp.evaluation.task import (
    EvaluationInputs,
    Result,
    Skipped,
    Task,
    name_scores,
)
from genexp.files.source import open_source

if TYPE_CHECKING:
    from genexp.preprocessing.store import Preprocessed
    from genexp.settings.evaluation import EvaluationConfig

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse penalties C to choose from, one for all terms; the smallest wins a tie."""
FOLDS = 3
MIN_TRAIN, MIN_TEST = 10, 2
"""Fewest train and test samples with a term, and without it, for its prediction."""
MAX_TERMS = 200
"""Maximum number of predicted terms: the most frequent ones among train samples."""


@dataclass(frozen=True)
class TermScores(OutcomeTable):
    """Macro average precision of logits by term (columns ``encoder: TERM``), given the truth
    (``truth: TERM``).
    """

    table = "terms_samples"
    quantity = "macro AP"
    metric = "terms/macro_ap"

    def score(self, representation: str, weights: np.ndarray) -> np.ndarray:
        """Macro average precision (n_draws,)."""
        return draw_column_mean(
            draw_average_precision,
            self.truth.to_numpy().astype(bool),
            self.pick_columns(representation).to_numpy(),
            weights,
        )

    def matches(self, other: TermScores) -> bool:
        """Check that the terms, and the samples with them, are the same."""
        first, second = self.truth, other.truth
        return list(first) == list(second) and bool(
            (first.astype(bool).to_numpy() == second.astype(bool).to_numpy()).all()
        )


@dataclass(frozen=True)
class Terms(Result):
    """One logistic regression per term.

    Parameters
    ----------
    scores : DataFrame, (n_representations, 2)
        ``macro_ap`` (mean over terms of the average precision on test samples) and ``C``, the
        inverse penalty chosen by grouped cross-validation on train samples.
    by_term : DataFrame, (n_terms, 3 + n_representations)
        Index ``term``, most frequent first: ``n_train`` and ``n_test`` samples with it,
        ``prevalence`` on test samples, ``ap`` of the encoder and ``ap_<baseline>``.
    table : DataFrame of bool, (n_train + n_test, n_terms)
        Terms of the samples.
    predictions : mapping of str to DataFrame of float32, (n_test, n_terms)
        Logits on test samples by representation.
    weights : mapping of str to DataFrame, (n_terms, n_columns)
        Weights of the unscaled columns of a representation in each logit.
    """

    scores: pd.DataFrame
    by_term: pd.DataFrame
    table: pd.DataFrame
    predictions: Mapping[str, pd.DataFrame]
    weights: Mapping[str, pd.DataFrame]

    @property
    def truth(self) -> pd.DataFrame:
        """Terms of the test samples, (n_test, n_terms)."""
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
        """Tables for download, by name; the table by sample has the truth and the encoder's logits
        only.
        """
        logged = self.scores_by_sample.logged
        return {"terms_scores": self.scores, "terms": self.by_term, "terms_samples": logged}

    @property
    def scores_by_sample(self) -> TermScores:
        """Macro average precision."""
        tables = {TRUTH: self.truth, **self.predictions}
        return TermScores(
            pd.concat([table.add_prefix(f"{name}: ") for name, table in tables.items()], axis=1)
        )

    def name_best(self, n: int) -> list[str]:
        """Terms that the encoder predicts best, by average precision minus prevalence."""
        gain = self.by_term["ap"] - self.by_term["prevalence"]
        return [str(name) for name in gain.sort_values(ascending=False, kind="stable").index[:n]]


def evaluate_terms(
    train: PartLatents, test: PartLatents, table: pd.DataFrame, seed: int
) -> Terms | Skipped:
    """Predict terms: fit on train samples, score test samples.

    Latents are standardised by their train mean and standard deviation. One C serves all terms of a
    representation.

    Parameters
    ----------
    train, test : PartLatents
    table : DataFrame of bool, (n_samples, n_terms)
        Terms of all samples of both parts; other samples are ignored.
    seed : int
        Of the folds.
    """
    has, has_test = table.loc[train.obs.index], table.loc[test.obs.index]
    groups = train.obs["group"].astype(str).to_numpy()
    terms, notes = choose_terms(has, has_test, groups)
    if not terms:
        return Skipped(
            (*notes, "No terms: none has enough train and test samples both with and without it.")
        )
    Y, truth = has[terms].to_numpy(np.float64), has_test[terms].to_numpy()
    folds = draw_group_folds(groups, FOLDS, seed)
    scores, by_term, predictions, weights = {}, _count(has[terms], has_test[terms]), {}, {}
    for name in train.z:
        z, z_test = scale_latents(name, train.z[name], test.z[name])
        C = choose_term_penalty(z, Y, folds)
        w, bias = fit_term_regressions(z, Y, C)
        logits = z_test @ w.T + bias
        ap = score_columns(draw_average_precision, truth, logits)
        scores[name] = {"macro_ap": float(ap.mean()), "C": C}
        by_term["ap" if name == ENCODER else f"ap_{name}"] = ap
        predictions[name] = pd.DataFrame(
            logits.astype(np.float32), index=test.obs.index, columns=terms
        )
        weights[name] = pd.DataFrame(
            w / _find_std(name, train.z[name]), index=pd.Index(terms, name="term")
        )
    known_terms = pd.concat([has[terms], has_test[terms]])
    table_of_scores = pd.DataFrame(scores).T.rename_axis("representation")
    return Terms(table_of_scores, by_term, known_terms, predictions, weights, notes=tuple(notes))


def _find_std(name: str, z: np.ndarray) -> np.ndarray:
    """Divisors of the columns in :func:`genexp.evaluation.probe.scale_latents`."""
    std = np.ones(z.shape[1]) if name == RAW else z.std(axis=0)
    return np.where(std > 1e-12, std, 1.0)


def choose_terms(
    train: pd.DataFrame, test: pd.DataFrame, groups: np.ndarray
) -> tuple[list[str], list[str]]:
    """Terms that can be fitted and scored, most frequent first, and a note on the others.

    A term needs ``MIN_TRAIN`` train samples with it, of at least as many groups as there are folds,
    and ``MIN_TRAIN`` without it; among test samples ``MIN_TEST`` of each.
    """
    n_with, n_with_test = train.sum(), test.sum()
    enough = (np.minimum(n_with, len(train) - n_with) >= MIN_TRAIN) & (
        np.minimum(n_with_test, len(test) - n_with_test) >= MIN_TEST
    )
    n_groups = train.loc[:, enough].groupby(groups).any().sum()
    usable = (
        n_with[n_groups.index[n_groups >= FOLDS]].sort_values(ascending=False, kind="stable").index
    )
    notes = []
    if excluded := len(train.columns) - len(usable):
        notes.append(
            f"Terms: {excluded} of {len(train.columns)} were excluded: too few samples or "
            "groups have them or lack them."
        )
    if len(usable) > MAX_TERMS:
        notes.append(f"Terms: only the {MAX_TERMS} most frequent of {len(usable)} were predicted.")
    return [str(name) for name in usable[:MAX_TERMS]], notes


def _count(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame({"n_train": train.sum(), "n_test": test.sum(), "prevalence": test.mean()})
    return table.rename_axis("term")


def choose_term_penalty(z: np.ndarray, Y: np.ndarray, folds: np.ndarray) -> float:
    """C of the best macro average precision over folds of the train samples; each fit starts at the
    weights of the one before.
    """
    scores = np.zeros(len(PENALTIES))
    for fold in range(FOLDS):
        fit, held, start = folds != fold, folds == fold, None
        for i, C in enumerate(PENALTIES):
            w, bias = fit_term_regressions(z[fit], Y[fit], C, start)
            start = np.column_stack([w, bias]).T
            ap = score_columns(draw_average_precision, Y[held] > 0, z[held] @ w.T + bias)
            scores[i] += np.nanmean(ap) / FOLDS
    return PENALTIES[int(np.round(scores, 6).argmax())]


def fit_term_regressions(
    z: np.ndarray, Y: np.ndarray, C: float, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Fit logistic regressions of many outcomes on the same columns at once.

    Each minimises ``C * sum log(1 + exp(-y f)) + |w|^2 / 2`` with y = -1, 1 and f = z w + b, as
    scikit-learn does. The Hessian is at most ``C / 4 * [z 1]'[z 1]`` plus the penalty (Böhning and
    Lindsay, Annals of the Institute of Statistical Mathematics 1988). In coordinates where this
    bound is the identity, L-BFGS needs few steps at any scale of the columns.

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
    whitened = solve_triangular(upper, design.T, trans="T").T

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        v = flat.reshape(len(upper), -1)
        w = solve_triangular(upper, v)
        f = whitened @ v
        value = C * (np.logaddexp(0, f) - Y * f).sum() + np.square(penalised * w).sum() / 2
        gradient = C * (whitened.T @ (_sigmoid(f) - Y)) + solve_triangular(
            upper, penalised * w, trans="T"
        )
        return float(value), gradient.ravel()

    first = np.zeros((len(upper), Y.shape[1])) if start is None else upper @ start
    optimum = minimize(
        loss,
        first.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 300, "ftol": 1e-9, "gtol": 1e-4},
    )
    w = solve_triangular(upper, optimum.x.reshape(first.shape))
    return w[:-1].T, w[-1]


def _sigmoid(f: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * f)  # unlike 1 / (1 + exp(-f)) this cannot overflow


class TermsTask(Task):
    """A logistic regression for each term of the table that ``terms=`` names."""

    name = "terms"
    title = "Terms"
    scores = TermScores
    metrics: ClassVar = {
        "terms/macro_ap": (
            "mean over terms of the average precision on test samples; the prevalence is chance"
        )
    }
    tables: ClassVar = {
        "terms_scores": "macro average precision of the terms' prediction",
        "terms": "average precision of every term, with its prevalence",
        "terms_samples": "true terms of every test sample, and the encoder's logits",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Terms | Skipped:
        """Predict each term from the latents."""
        if not inputs.config.terms:
            return Skipped()
        ids = [*inputs.train.obs.index, *inputs.test.obs.index]
        return evaluate_terms(
            inputs.train, inputs.test, read_terms(inputs.config.terms, ids), inputs.seed
        )

    def rescore(self, inputs: EvaluationInputs, first: Result) -> Terms | Skipped:
        """Predict the terms that the first encoder was scored on."""
        assert isinstance(first, Terms)
        return evaluate_terms(inputs.train, inputs.test, first.table, inputs.seed)

    def check(self, config: EvaluationConfig, data: Preprocessed | None) -> None:
        """Refuse a table that does not exist or does not fit the cohort."""
        if config.terms and data is None:
            with open_source(config.terms):
                pass
        elif config.terms and data is not None:
            read_terms(
                config.terms, data.split.index[data.split["part"].isin(["train", "test"])].tolist()
            )
