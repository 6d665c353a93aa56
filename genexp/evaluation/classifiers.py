"""Label predictors that need no encoder, as baselines: regressions and boosted trees on the genes;
scores of predicted classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from genexp.errors import EvaluationError
from genexp.evaluation.baselines import fit_pca, fit_raw
from genexp.evaluation.latents import ENCODER, RAW
from genexp.evaluation.probe import (
    count_confusion,
    f1_by_class,
    fit_classifier,
    precision_recall,
    scale_latents,
    score_confusion,
)

N_LATENT = 32
"""Components of the logistic regression on PCA, and number of latents to which the penalty of that
on all genes is scaled."""
BOOSTING: Mapping[str, Any] = {
    "learning_rate": 0.2,
    "max_iter": 60,
    "n_iter_no_change": 10,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 5,
    "l2_regularization": 1.0,
    "max_features": 0.1,
    "max_bins": 16,
    "class_weight": "balanced",
}
"""Shallow trees of few bins that try a tenth of the genes at each split: few samples of many genes
support no more. Chosen for speed."""
HELD_OUT_FOLDS = 6
"""One of this many grouped folds of the train samples decides when boosting stops."""

Probabilities = Callable[[np.ndarray], np.ndarray]
"""From scaled rows (n, n_genes) to the probability of each class (n, n_classes)."""


@dataclass(frozen=True)
class Classified:
    """Scores of a predicted label.

    Parameters
    ----------
    scores : dict of str to float
        ``accuracy``, ``balanced_accuracy``, ``macro_f1``, ``macro_precision`` (over classes that
        have samples); ``log_loss`` in nats.
    per_class : DataFrame, (n_classes, 4)
        Index ``class``: ``n``, ``precision``, ``recall``, ``f1``; NaN where a class has no samples.
    confusion : DataFrame, (n_classes, n_classes)
        Counts, truth in rows.
    """

    scores: dict[str, float]
    per_class: pd.DataFrame
    confusion: pd.DataFrame


def score_probabilities(
    truth: Sequence[str] | np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> Classified:
    """Score the probabilities of classes; the most probable class is the prediction.

    Parameters
    ----------
    truth : sequence of str, (n,)
    probabilities : ndarray of float, (n, n_classes)
    classes : sequence of str, (n_classes,)
        Classes of the columns.

    Raises
    ------
    EvaluationError
        There is no sample, or a true class is not among the classes.
    """
    codes = pd.Categorical(truth, categories=list(classes)).codes.astype(int)
    if not len(codes) or (codes < 0).any():
        raise EvaluationError(
            f"expected samples of the classes {', '.join(classes)}; found "
            f"{(codes < 0).sum()} others of {len(codes)}"
        )
    predicted = np.array(classes)[probabilities.argmax(axis=1)]
    confusion = count_confusion(pd.Series(truth), pd.Series(predicted), classes)
    precision, recall = precision_recall(confusion)
    # The clamp keeps the log loss finite where a tree gives the true class no chance
    of_truth = np.clip(probabilities[np.arange(len(codes)), codes], 1e-15, 1)
    scores = score_confusion(confusion) | {
        "macro_precision": float(np.nanmean(precision)),
        "log_loss": float(-np.log(of_truth).mean()),
    }
    index, f1 = pd.Index(classes, name="class"), f1_by_class(confusion[None])[0]
    per_class = pd.DataFrame(
        {"n": confusion.sum(axis=1), "precision": precision, "recall": recall, "f1": f1},
        index=index,
    )
    return Classified(
        scores, per_class, pd.DataFrame(confusion, index.rename("truth"), index.rename("predicted"))
    )


def fit_raw_logistic(
    X: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int
) -> Probabilities:
    """Fit a logistic regression on all genes like the probe: classes weigh the same, C is chosen by
    grouped cross-validation.
    """
    genes = fit_raw(X, N_LATENT, seed)
    return fit_on(genes.latents, X, labels, groups, seed, RAW)


def fit_pca_logistic(
    X: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int
) -> Probabilities:
    """Fit the same regression on ``N_LATENT`` principal components."""
    return fit_on(fit_pca(X, N_LATENT).latents, X, labels, groups, seed, "pca")


def fit_on(
    encode: Callable[[np.ndarray], np.ndarray],
    X: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    seed: int,
    name: str = ENCODER,
) -> Probabilities:
    """Fit the same regression on latents; ``name`` is their representation: all but ``raw`` are
    standardised.
    """
    z = encode(X)
    with threadpool_limits(1):  # tables are small: more threads only wait for each other
        classifier, _ = fit_classifier(scale_latents(name, z, z)[0], labels, groups, seed)
    return lambda x: np.asarray(classifier.predict_proba(scale_latents(name, z, encode(x))[1]))


def fit_boosting(X: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> Probabilities:
    """Fit gradient-boosted trees on all genes (Friedman, Annals of Statistics 2001; with histograms
    as LightGBM, Ke et al., 2017).

    Boosting stops by the loss on a grouped fold of the train samples that is held out.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    fit, held = next(
        iter(
            StratifiedGroupKFold(HELD_OUT_FOLDS, shuffle=True, random_state=seed).split(
                X, labels, groups
            )
        )
    )
    boosting = HistGradientBoostingClassifier(**BOOSTING, early_stopping=True, random_state=seed)
    with threadpool_limits(1):
        boosting.fit(X[fit], labels[fit], X_val=X[held], y_val=labels[held])
    return lambda x: np.asarray(boosting.predict_proba(x))


CLASSIFIERS: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray, int], Probabilities]] = {
    "logistic regression": fit_raw_logistic,
    "logistic regression on PCA": fit_pca_logistic,
    "gradient boosting": fit_boosting,
}
"""Models by name: each is fitted on train rows X (n, n_genes), their labels (n,) of str, their
groups (n,) and a seed; columns of the probabilities are the sorted labels."""
