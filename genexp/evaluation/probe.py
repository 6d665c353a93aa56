"""Probe: a logistic regression from latents to the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from genexp.errors import name_some
from genexp.evaluation.latents import ENCODER, RAW, PartLatents
from genexp.evaluation.task import (
    EvaluationInputs,
    Result,
    SampleScores,
    Skipped,
    Task,
    name_scores,
)

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Inverse penalties C to choose from; the smallest wins a tie."""
FOLDS = 5


@dataclass(frozen=True)
class ProbeScores(SampleScores):
    """Macro F1 of predicted classes, given the true ones (``truth``)."""

    table = "probe_predictions"
    unit = "labelled test samples"
    quantity = "macro F1"
    metric = "probe/macro_f1"

    @property
    def representations(self) -> list[str]:
        """Representations from which the label was predicted."""
        return [str(name) for name in self.samples.columns.drop("truth")]

    def score(self, representation: str, weights: np.ndarray) -> np.ndarray:
        """Macro F1 (n_draws,) over the classes with drawn samples."""
        truth, predicted = (
            self.samples[column].astype(str).to_numpy() for column in ("truth", representation)
        )
        return bootstrap_macro_f1(truth, predicted, weights)

    def matches(self, other: ProbeScores) -> bool:
        """Check that the true classes are the same."""
        return bool((self.samples["truth"].astype(str) == other.samples["truth"].astype(str)).all())


@dataclass(frozen=True)
class Probe(Result):
    """A logistic regression from latents to the label: trained on labelled train samples, scored on
    labelled test samples.

    Parameters
    ----------
    classes : tuple of str, (n_classes,)
        The classes of the probe and of the test samples, sorted.
    scores : DataFrame, (n_representations, 4)
        ``macro_f1`` and ``balanced_accuracy`` over the classes present on test samples,
        ``accuracy``, and ``C``, the inverse penalty chosen by grouped cross-validation on train
        samples.
    per_class : DataFrame, (n_classes, 5 + n_baselines)
        Index ``class``: ``n_train``, ``n_test``, ``precision``, ``recall``, ``f1`` of the encoder,
        ``f1_pca``; NaN where a class has no test samples.
    confusion : DataFrame of int, (n_classes, n_classes)
        Test samples by true class (rows) and predicted class (columns), by the encoder's latents.
    predictions : DataFrame, (n_labelled_test, 1 + n_representations)
        Sample table: ``truth``, ``encoder``, ``pca`` (the predicted classes).
    weights : DataFrame, (n_classes, n_latent)
        Weight of each of the encoder's latents in a class's logit, minus the mean of the logits of
        all classes.
    """

    classes: tuple[str, ...]
    scores: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    predictions: pd.DataFrame
    weights: pd.DataFrame

    @property
    def metrics(self) -> dict[str, float]:
        """``probe/macro_f1`` ..., and those of the baselines."""
        return name_scores("probe", self.scores.drop(columns="C"))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        tables = {"probe_scores": self.scores, "probe_per_class": self.per_class}
        return tables | {"probe_confusion": self.confusion, "probe_predictions": self.predictions}

    @property
    def scores_by_sample(self) -> ProbeScores:
        """Macro F1."""
        return ProbeScores(self.predictions)


def evaluate_probe(train: PartLatents, test: PartLatents, seed: int) -> Probe | Skipped:
    """Train on labelled train samples, score labelled test samples.

    Latents are standardised by their train mean and standard deviation; classes weigh the same
    whatever their size; C is chosen by grouped cross-validation on train samples, by macro F1.
    """
    if "label" not in train.obs:
        return Skipped()
    classes, notes = choose_classes(train.obs["label"], test.obs["label"])
    in_train, in_test = (
        part.obs["label"].astype(str).isin(classes).to_numpy() for part in (train, test)
    )
    if len(classes) < 2 or not in_test.any():
        lack = (
            f"No probe: {len(classes)} classes with 2 or more train samples, {in_test.sum()} "
            "test samples of them."
        )
        return Skipped((*notes, lack))
    truth = test.obs["label"][in_test].astype(str)
    labels, groups = (
        train.obs["label"][in_train].astype(str).to_numpy(),
        train.obs["group"][in_train].astype(str).to_numpy(),
    )
    predictions, penalties, classifiers = {"truth": truth}, {}, {}
    for name in train.z:
        z, z_test = scale_latents(name, train.z[name][in_train], test.z[name][in_test])
        classifiers[name], penalties[name] = fit_classifier(z, labels, groups, seed)
        predictions[name] = classifiers[name].predict(z_test)
    weights = _read_weights(classifiers[ENCODER], train.z[ENCODER][in_train])
    table = pd.DataFrame(predictions, index=truth.index)
    return replace(
        _summarise(table, classes, penalties, pd.Series(labels).value_counts(), weights),
        notes=tuple(notes),
    )


def choose_classes(train: pd.Series, test: pd.Series) -> tuple[list[str], list[str]]:
    """Classes with 2 or more train samples, sorted, and a note on the excluded ones."""
    counts = train.dropna().astype(str).value_counts()
    classes = sorted(counts.index[counts >= 2])
    dropped = sorted(set(pd.concat([train, test]).dropna().astype(str)) - set(classes))
    return classes, [
        f"Probe: classes with fewer than 2 train samples were excluded: {name_some(dropped)}."
    ] if dropped else []


def scale_latents(
    name: str, reference: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale latents by mean and standard deviation of ``reference``; a constant column
    becomes 0 there.

    Raw genes keep their geometry: their columns are directions of different variance.
    """
    if name == RAW:
        return reference, other
    mean, std = reference.mean(axis=0), reference.std(axis=0)
    std = np.where(std > 1e-12, std, 1.0)
    return (reference - mean) / std, (other - mean) / std


def fit_classifier(z: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int):  # type: ignore[no-untyped-def]
    """Fit a logistic regression on scaled latents z (n, n_latent); give it and its C."""
    C = choose_probe_penalty(z, labels, groups, seed)
    return _build_classifier(C).fit(z, labels), C


def fit_with_penalty(z: np.ndarray, labels: np.ndarray, C: float):  # type: ignore[no-untyped-def]
    """Fit the same logistic regression with a known inverse penalty C."""
    return _build_classifier(C).fit(z, labels)


def choose_probe_penalty(z: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """C of the best mean macro F1 over stratified, grouped folds; 1 where there are too few samples
    for two folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    counts = pd.DataFrame({"label": labels, "group": groups}).groupby("label")["group"].nunique()
    n_folds = min(FOLDS, int(counts.min()))
    if n_folds < 2:
        return 1.0
    folds = [
        (fit, held)
        for fit, held in StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(
            z, labels, groups
        )
        if len(set(labels[fit])) > 1 and len(held)
    ]
    # Rounded, so that the last bits of a mean cannot choose
    return max(PENALTIES, key=lambda C: round(_cross_validate(C, z, labels, folds), 6))


def _cross_validate(
    C: float, z: np.ndarray, labels: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> float:
    scores = [
        macro_f1(labels[held], _build_classifier(C).fit(z[fit], labels[fit]).predict(z[held]))
        for fit, held in folds
    ]
    return float(np.mean(scores))


def _build_classifier(C: float):  # type: ignore[no-untyped-def]
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, class_weight="balanced", max_iter=5000)


def macro_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Macro F1 over the classes that have samples."""
    return float(bootstrap_macro_f1(truth, predicted, np.ones((1, len(truth))))[0])


def _read_weights(classifier, z: np.ndarray) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    """Weights of the unscaled latents ``z`` in the logit of each class minus the mean of all
    logits.
    """
    std = z.std(axis=0)
    weights = (
        classifier.coef_
        if len(classifier.classes_) > 2
        else np.concatenate([-classifier.coef_, classifier.coef_]) / 2
    )
    weights = (weights - weights.mean(axis=0)) / np.where(std > 1e-12, std, 1.0)
    return pd.DataFrame(weights, index=pd.Index(classifier.classes_, name="class"))


def _summarise(
    table: pd.DataFrame,
    classes: list[str],
    penalties: dict[str, float],
    n_train: pd.Series,
    weights: pd.DataFrame,
) -> Probe:
    confusion = {name: count_confusion(table["truth"], table[name], classes) for name in penalties}
    scores = pd.DataFrame(
        {name: score_confusion(counts) for name, counts in confusion.items()}
    ).T.assign(C=pd.Series(penalties))
    per_class = pd.DataFrame(
        {"n_train": n_train.reindex(classes), "n_test": confusion[ENCODER].sum(axis=1)},
        index=classes,
    )
    per_class["precision"], per_class["recall"] = precision_recall(confusion[ENCODER])
    for name, counts in confusion.items():
        per_class["f1" if name == ENCODER else f"f1_{name}"] = f1_by_class(counts[None])[0]
    return Probe(
        classes=tuple(classes),
        scores=scores.rename_axis("representation"),
        per_class=per_class.rename_axis("class"),
        confusion=pd.DataFrame(
            confusion[ENCODER],
            index=pd.Index(classes, name="truth"),
            columns=pd.Index(classes, name="predicted"),
        ),
        predictions=table,
        weights=weights,
    )


def count_confusion(truth: pd.Series, predicted: pd.Series, classes: Sequence[str]) -> np.ndarray:
    """Samples by true class (rows) and predicted class (columns), (n_classes, n_classes) of int."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(truth, predicted, labels=list(classes)))


def score_confusion(confusion: np.ndarray) -> dict[str, float]:
    """``macro_f1`` and ``balanced_accuracy`` over the classes that have samples, and
    ``accuracy``.
    """
    return {
        "macro_f1": float(np.nanmean(f1_by_class(confusion[None])[0])),
        "balanced_accuracy": float(np.nanmean(precision_recall(confusion)[1])),
        "accuracy": float(np.trace(confusion) / confusion.sum()),
    }


def precision_recall(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision (0 where a class is never predicted) and recall; NaN where a class has no
    samples.
    """
    correct, n_true, n_predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    defined = np.where(n_true > 0, 1.0, np.nan)
    return defined * correct / np.maximum(n_predicted, 1), defined * correct / np.maximum(n_true, 1)


def f1_by_class(confusion: np.ndarray) -> np.ndarray:
    """F1 (n_draws, n_classes) from confusion matrices (n_draws, n_classes, n_classes), truth in
    rows; NaN where a class has no samples.
    """
    correct = np.diagonal(confusion, axis1=1, axis2=2)
    n_true, n_predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    return np.where(n_true > 0, 2 * correct / np.maximum(n_true + n_predicted, 1), np.nan)


def bootstrap_macro_f1(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Macro F1 (n_draws,), over the classes that have samples (NaN if none has), when samples count
    ``weights`` (n_draws, n) times.
    """
    classes, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    n = len(classes)
    cell = np.eye(n * n)[codes[: len(truth)] * n + codes[len(truth) :]]
    f1 = f1_by_class((weights @ cell).reshape(-1, n, n))
    n_there = np.isfinite(f1).sum(axis=1)
    return np.divide(
        np.nansum(f1, axis=1), n_there, out=np.full(len(f1), np.nan), where=n_there > 0
    )


class ProbeTask(Task):
    """A logistic regression from the latents of every representation to the label."""

    name = "probe"
    title = "Label"
    scores = ProbeScores
    metrics: ClassVar = {
        "probe/macro_f1": (
            "mean over classes of the F1 of a logistic regression on the latents, test samples; "
            "higher is better"
        ),
        "probe/balanced_accuracy": (
            "mean over classes of the recall of the same regression; higher is better"
        ),
        "probe/accuracy": (
            "share of test samples whose class the same regression predicts; higher is better"
        ),
    }
    tables: ClassVar = {
        "probe_scores": "scores of the predicted label",
        "probe_per_class": "precision, recall and F1 by class",
        "probe_confusion": "confusion matrix",
        "probe_predictions": "true and predicted label of every test sample",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Probe | Skipped:
        """Train on labelled train samples, score labelled test samples."""
        return evaluate_probe(inputs.train, inputs.test, inputs.seed)
