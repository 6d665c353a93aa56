"""Continuous outcomes: ridge regressions from latents to columns of numbers, such as age or the
response to a drug.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from genexp.errors import EvaluationError, name_some
from genexp.evaluation.bootstrap import find_interval
from genexp.evaluation.folds import draw_group_folds
from genexp.evaluation.latents import PartLatents
from genexp.evaluation.outcome_table import TRUTH, OutcomeTable
from genexp.evaluation.probe import scale_latents
from genexp.evaluation.task import (
    EvaluationInputs,
    Result,
    Skipped,
    Task,
    name_suffix,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genexp.preprocessing.store import Preprocessed
    from genexp.settings.evaluation import EvaluationConfig

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties to choose from, in units of the number of samples times the mean variance of a
column; the largest wins a tie."""
FOLDS = 5
MIN_TRAIN, MIN_TEST = 20, 10
"""Samples with a known value without which an outcome is not predicted, and not scored."""
QUANTITIES = ("r2", "spearman", "mae")


@dataclass(frozen=True)
class OutcomeScores(OutcomeTable):
    """Mean R2 over outcomes of predictions (columns ``encoder: NAME``) of known values (``truth:
    NAME``, NaN where unknown).
    """

    table = "outcome_samples"
    quantity = "mean R2 of outcomes"
    metric = "outcomes/r2"

    def score(self, representation: str, weights: np.ndarray) -> np.ndarray:
        """Mean R2 (n_draws,)."""
        predicted = self.pick_columns(representation)
        by_outcome = [
            draw_r2(truth.to_numpy(float), predicted[name].to_numpy(float), weights)
            for name, truth in self.truth.items()
        ]
        return np.mean(by_outcome, axis=0)

    def matches(self, other: OutcomeScores) -> bool:
        """Check that outcomes and their values are the same."""
        first, second = self.truth.astype(float), other.truth.astype(float)
        return list(first) == list(second) and bool(
            np.allclose(first, second, rtol=1e-6, equal_nan=True)
        )


@dataclass(frozen=True)
class Outcomes(Result):
    """Predictions of continuous outcomes on test samples.

    Parameters
    ----------
    scores : DataFrame, (n_outcomes * n_representations, 11)
        Index ``outcome``; ``representation``, ``n_test``, ``r2`` (1 minus squared error over
        squared distance from the mean, test samples), ``spearman`` (rank correlation), ``mae``
        (mean absolute error, in units of the outcome), ``mae_mean`` (the same of the train mean),
        ``r2_low``, ``r2_high`` (95 %, bootstrap over groups) and ``penalty``.
    samples : DataFrame, (n_test, n_outcomes * (1 + n_representations))
        Sample table of :class:`OutcomeScores`.
    """

    scores: pd.DataFrame
    samples: pd.DataFrame

    @property
    def metrics(self) -> dict[str, float]:
        """``outcomes/r2`` (mean), and ``outcome_NAME/r2``, ``/spearman``, ``/mae`` of each, with
        those of the baselines.
        """
        means = self.scores.groupby("representation", sort=False)["r2"].mean()
        metrics = {f"outcomes/r2{name_suffix(name)}": float(value) for name, value in means.items()}
        for outcome, row in self.scores.iterrows():
            key = "".join(
                letter if letter.isalnum() or letter in "_.-" else "_" for letter in str(outcome)
            )
            metrics |= {
                f"outcome_{key}/{quantity}{name_suffix(row['representation'])}": float(
                    row[quantity]
                )
                for quantity in QUANTITIES
            }
        return metrics

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name; the table by sample has the truth and the encoder's
        predictions only.
        """
        return {"outcome_scores": self.scores, "outcome_samples": self.scores_by_sample.logged}

    @property
    def scores_by_sample(self) -> OutcomeScores:
        """Mean R2."""
        return OutcomeScores(self.samples)


class OutcomesTask(Task):
    """Ridge regressions from latents to the continuous columns that ``outcomes=`` names."""

    name = "outcomes"
    title = "Continuous outcomes"
    scores = OutcomeScores
    metrics: ClassVar = {
        "outcomes/r2": (
            "mean over continuous outcomes of the R2 on test samples; 0 is the mean of the test "
            "samples, 1 best"
        ),
        "outcome_*/r2": (
            "R2 of a ridge regression on the latents, test samples; 0 is the mean of the test "
            "samples, 1 best"
        ),
        "outcome_*/spearman": (
            "rank correlation of predicted and true values, test samples; 0 is chance, 1 best"
        ),
        "outcome_*/mae": (
            "mean absolute error, test samples, in units of the outcome; lower is better"
        ),
    }
    tables: ClassVar = {
        "outcome_scores": (
            "prediction of continuous outcomes, by outcome and representation, test samples"
        ),
        "outcome_samples": (
            "true values of continuous outcomes and those that the encoder's latents predict, "
            "test samples"
        ),
    }

    def evaluate(self, inputs: EvaluationInputs) -> Outcomes | Skipped:
        """Predict each outcome; skipped where none is named."""
        if not inputs.config.outcomes:
            return Skipped()
        return evaluate_outcomes(
            inputs.train, inputs.test, inputs.config.outcomes, inputs.weights, inputs.seed
        )

    def check(self, config: EvaluationConfig, data: Preprocessed | None) -> None:
        """Refuse names that are no columns of numbers."""
        if config.outcomes and data is not None:
            for name in config.outcomes:
                read_outcome(data.obs("train"), name)


def read_outcome(obs: pd.DataFrame, name: str) -> np.ndarray:
    """Values (n,) of a column of the annotations as float64, NaN where unknown.

    Raises
    ------
    EvaluationError
        There is no such column, or it holds words or two values only, which are a label.
    """
    if name not in obs:
        raise EvaluationError(
            f"outcomes={name}: expected a column of the annotations; they have "
            f"{name_some(obs.columns, 20)}"
        )
    values, words = parse_outcome(obs[name])
    if words:
        raise EvaluationError(
            f"outcomes={name}: expected numbers; found {name_some(words)}. Name a column of "
            "classes with label="
        )
    if len(np.unique(values[np.isfinite(values)])) <= 2:
        raise EvaluationError(
            f"outcomes={name}: expected more than two different values; name a column of "
            "classes with label="
        )
    return values


def parse_outcome(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Values (n,) of a column as float64, NaN where unknown; and its words that are no numbers."""
    values = pd.to_numeric(column.astype(object).where(column.notna()), errors="coerce")
    words = column[values.isna() & column.notna()].astype(str).unique()
    return values.to_numpy(np.float64), words.tolist()


def evaluate_outcomes(
    train: PartLatents, test: PartLatents, names: Sequence[str], weights: np.ndarray, seed: int
) -> Outcomes | Skipped:
    """Fit ridge regressions on train samples of known value, score test samples of known value.

    Parameters
    ----------
    train, test : PartLatents
    names : sequence of str
        Columns of the annotations.
    weights : ndarray, (n_draws, n_test)
        Bootstrap weights of the test samples.
    seed : int
        Of the folds that choose the penalty.
    """
    rows, samples, notes = [], {}, []
    for name in names:
        values, (truth, words) = read_outcome(train.obs, name), parse_outcome(test.obs[name])
        if words:
            notes.append(
                f"Outcome {name}: in place of numbers, test samples have {name_some(words)}; "
                "these samples were left out."
            )
        known, known_test = np.isfinite(values), np.isfinite(truth)
        if known.sum() < MIN_TRAIN or known_test.sum() < MIN_TEST:
            notes.append(
                f"Outcome {name}: {known.sum()} train and {known_test.sum()} test samples "
                "have a value; "
                f"{MIN_TRAIN} and {MIN_TEST} are needed."
            )
            continue
        samples[f"{TRUTH}: {name}"] = truth
        folds = draw_group_folds(train.obs["group"].astype(str).to_numpy()[known], FOLDS, seed)
        guess = float(np.abs(truth[known_test] - values[known].mean()).mean())
        for representation in train.z:
            z, z_test = scale_latents(
                representation, train.z[representation][known], test.z[representation]
            )
            penalty = choose_ridge_penalty(z, values[known], folds)
            predicted = predict_ridge(z, values[known], z_test, penalty)
            samples[f"{representation}: {name}"] = predicted
            rows.append({"outcome": name, "representation": representation, **_score(truth, predicted, weights)}  # noqa: E501
                        | {"mae_mean": guess, "penalty": penalty})  # fmt: skip
    if not rows:
        return Skipped(tuple(notes))
    return Outcomes(
        pd.DataFrame(rows).set_index("outcome"),
        pd.DataFrame(samples, index=test.obs.index),
        notes=tuple(notes),
    )


def _score(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    from scipy.stats import spearmanr

    known = np.isfinite(truth)
    low, high = find_interval(draw_r2(truth, predicted, weights))
    constant = np.ptp(predicted[known]) == 0 or np.ptp(truth[known]) == 0
    return {
        "n_test": int(known.sum()),
        "r2": float(draw_r2(truth, predicted, np.ones((1, len(truth))))[0]),
        "spearman": float("nan")
        if constant
        else float(spearmanr(truth[known], predicted[known]).statistic),
        "mae": float(np.abs(truth - predicted)[known].mean()),
        "r2_low": low,
        "r2_high": high,
    }


def draw_r2(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """R2 (n_draws,) over samples of known truth (n,) when samples count ``weights`` (n_draws, n)
    times; NaN where the truth is constant.
    """
    known = np.isfinite(truth)
    w, y, error = weights[:, known], truth[known], np.square(truth - predicted)[known]
    total = w.sum(axis=1)
    mean = np.divide(w @ y, total, out=np.zeros(len(w)), where=total > 0)
    variance = (w * np.square(y - mean[:, None])).sum(axis=1)
    return 1 - np.divide(
        w @ error,
        variance,
        out=np.full(len(w), np.nan),
        where=variance > 1e-12 * max(np.square(y).max(), 1e-300),
    )


def choose_ridge_penalty(z: np.ndarray, y: np.ndarray, folds: np.ndarray) -> float:
    """Penalty of the smallest squared error over folds of the train samples, the largest of
    equals.
    """
    errors = np.zeros(len(PENALTIES))
    for fold in np.unique(folds):
        fit, held = folds != fold, folds == fold
        errors += [
            np.square(y[held] - predict_ridge(z[fit], y[fit], z[held], penalty)).sum()
            for penalty in PENALTIES
        ]
    # Rounding must not decide between penalties that predict alike; the grid is ascending, so the
    # last of equals is the largest.
    return PENALTIES[len(PENALTIES) - 1 - int(np.round(errors / errors.min(), 9)[::-1].argmin())]


def predict_ridge(z: np.ndarray, y: np.ndarray, z_new: np.ndarray, penalty: float) -> np.ndarray:
    """Predict new rows (n_new,) by ridge regression, in the smaller of the primal and the dual
    form.

    Minimises ``|y - y_mean - (z - z_mean) b|^2 + n * penalty * v * |b|^2`` with v the mean variance
    of a column (Hoerl & Kennard, Technometrics 1970), so that a penalty means the same for latents
    of any scale.
    """
    mean, centre = z.mean(axis=0), y.mean()
    centred, new = z - mean, z_new - mean
    ridge = len(z) * penalty * max(float(np.square(centred).mean()), 1e-300)
    if len(z) >= z.shape[1]:
        slope = np.linalg.solve(
            centred.T @ centred + ridge * np.eye(z.shape[1]), centred.T @ (y - centre)
        )
        return np.asarray(centre + new @ slope)
    dual = np.linalg.solve(centred @ centred.T + ridge * np.eye(len(z)), y - centre)
    return np.asarray(centre + new @ (centred.T @ dual))
