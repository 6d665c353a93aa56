"""Discrimination and calibration of the label's prediction: one class against the rest, at every
threshold.

The logistic regressions are those of the probe (:mod:`genexp.evaluation.probe`): the same penalty,
fitted on the same train samples. They weigh classes equally, so their probabilities are those of
classes of equal size. These are brought back to the frequencies of the train samples by Bayes' rule
(Saerens, Latinne & Decaestecker, Neural Computation 2002), without which no calibration could be
good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.bootstrap import find_interval
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.probe import Probe, fit_with_penalty, scale_latents
from genexp.evaluation.ranking import (
    draw_auroc,
    draw_average_precision,
    draw_column_mean,
    score_columns,
)
from genexp.evaluation.task import EvaluationInputs, Result, Skipped, Task, name_scores

N_BINS = 10
"""Groups of test samples, of equal size, in which predicted and observed frequencies are
compared."""
INTERVALS = ("auroc", "auprc")
"""Scores with an interval."""


@dataclass(frozen=True)
class Discrimination(Result):
    """Prediction of each class against the rest, on labelled test samples.

    Parameters
    ----------
    scores : DataFrame, (n_representations, 7)
        ``auroc`` and ``auprc`` (area under the ROC curve; average precision: means over the classes
        that have test samples and lack some), each with ``_low`` and ``_high`` (95 %, bootstrap
        over groups), and ``brier`` (mean over samples of the squared distance between probabilities
        and truth, 0 to 2).
    per_class : DataFrame, (n_classes, 4 + ...)
        Index ``class``: ``n_test``, ``prevalence`` among labelled test samples, ``auroc`` and
        ``auprc`` of the encoder, ``auroc_pca`` ...; NaN where a class has no test samples, or only
        such.
    probabilities : DataFrame, (n_scored, n_classes)
        Sample table: probability of each class by the encoder's latents.
    truth : Series, (n_scored,)
        Class of the same samples.
    calibration : DataFrame, (n_classes * n_bins, 4)
        Index ``class``; ``n``, mean ``predicted`` probability and ``observed`` frequency of groups
        of test samples in order of the prediction.
    """

    scores: pd.DataFrame
    per_class: pd.DataFrame
    probabilities: pd.DataFrame
    truth: pd.Series
    calibration: pd.DataFrame

    @property
    def metrics(self) -> dict[str, float]:
        """``probe/auroc``, ``probe/auprc``, ``probe/brier``, and those of the baselines."""
        return name_scores("probe", self.scores[[*INTERVALS, "brier"]])

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        return {
            "discrimination_scores": self.scores,
            "discrimination_per_class": self.per_class,
            "probe_probabilities": self.probabilities.assign(truth=self.truth),
            "probe_calibration": self.calibration,
        }


class DiscriminationTask(Task):
    """Prediction of each class of the label against the rest: ROC, precision and recall,
    calibration.
    """

    name = "discrimination"
    title = "Label, one class against the rest"
    metrics: ClassVar = {
        "probe/auroc": (
            "area under the ROC curve, one class against the rest, mean over classes; 0.5 is "
            "chance, 1 best"
        ),
        "probe/auprc": (
            "average precision, one class against the rest, mean over classes; the prevalence is "
            "chance, 1 best"
        ),
        "probe/brier": (
            "mean squared distance between the probabilities of the classes and the truth, 0 to "
            "2; lower is better"
        ),
    }
    tables: ClassVar = {
        "discrimination_scores": (
            "area under ROC and precision-recall curves, Brier score, by representation, with "
            "intervals"
        ),
        "discrimination_per_class": "area under ROC and precision-recall curves by class",
        "probe_probabilities": "probability of each class for every labelled test sample",
        "probe_calibration": "predicted probability and observed frequency by class",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Discrimination | Skipped:
        """Predict probabilities by the probe's regressions; skipped without a probe."""
        probe = inputs.results.get_result(Probe)
        return (
            Skipped()
            if probe is None
            else evaluate_discrimination(inputs.train, inputs.test, probe, inputs.weights)
        )


def evaluate_discrimination(
    train: PartLatents, test: PartLatents, probe: Probe, weights: np.ndarray
) -> Discrimination | Skipped:
    """Score the probabilities of the probe's regressions on the test samples that it was scored on.

    Parameters
    ----------
    train, test : PartLatents
    probe : Probe
        Fitted on the same latents.
    weights : ndarray, (n_draws, n_test)
        Bootstrap weights of all test samples.
    """
    rows, columns = (
        train.obs["label"].astype(str).isin(probe.classes).to_numpy(),
        test.obs.index.get_indexer(probe.predictions.index),
    )
    labels, truth = train.obs["label"][rows].astype(str).to_numpy(), probe.predictions["truth"]
    member = np.array(truth.to_numpy()[:, None] == np.array(probe.classes), dtype=bool)
    scored = np.asarray(member.any(axis=0) & ~member.all(axis=0))
    if not scored.any():
        return Skipped(
            (f"No ROC curves: all labelled test samples are of one class ({truth.iloc[0]}).",)
        )
    frequencies = (
        pd.Series(labels).value_counts(normalize=True).reindex(list(probe.classes)).to_numpy()
    )
    scores, by_class = (
        {},
        pd.DataFrame(
            {"n_test": member.sum(axis=0), "prevalence": member.mean(axis=0)},
            index=list(probe.classes),
        ),
    )
    for name in probe.scores.index:
        z, z_test = scale_latents(name, train.z[name][rows], test.z[name][columns])
        classifier = fit_with_penalty(z, labels, float(probe.scores.loc[name, "C"]))
        probabilities = restore_frequencies(classifier.predict_proba(z_test), frequencies)
        suffix = "" if name == ENCODER else f"_{name}"
        areas = {"auroc": draw_auroc, "auprc": draw_average_precision}
        row: dict[str, float] = {}
        for quantity, draw in areas.items():
            by_class[f"{quantity}{suffix}"] = np.where(
                scored, score_columns(draw, member, probabilities), np.nan
            )
            low, high = find_interval(
                draw_column_mean(
                    draw, member[:, scored], probabilities[:, scored], weights[:, columns]
                )
            )
            row |= {
                quantity: float(np.nanmean(by_class[f"{quantity}{suffix}"])),
                f"{quantity}_low": low,
                f"{quantity}_high": high,
            }
        row["brier"] = float(np.square(probabilities - member).sum(axis=1).mean())
        scores[name] = row
        if name == ENCODER:
            predicted = pd.DataFrame(
                probabilities, index=probe.predictions.index, columns=list(probe.classes)
            )
    return Discrimination(
        scores=pd.DataFrame(scores).T.rename_axis("representation"),
        per_class=by_class.rename_axis("class"),
        probabilities=predicted,
        truth=truth,
        calibration=calibrate_classes(predicted, truth),
    )


def restore_frequencies(probabilities: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Probabilities (n, n_classes) of classes of equal size, as those of classes of the given
    frequencies (n_classes,).
    """
    weighted = probabilities * frequencies
    return weighted / weighted.sum(axis=1, keepdims=True)


def trace_roc(result: Discrimination, name: str) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates (n_thresholds + 1,) of a class against the rest, from the
    highest threshold to the lowest.

    A threshold lies between different probabilities alone.
    """
    member, score = (result.truth == name).to_numpy(), result.probabilities[name].to_numpy()
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)
    hits, misses = np.cumsum(member[order])[last], np.cumsum(~member[order])[last]
    return np.append(0, misses / misses[-1]), np.append(0, hits / hits[-1])


def calibrate_classes(probabilities: pd.DataFrame, truth: pd.Series) -> pd.DataFrame:
    """Mean prediction and observed frequency in groups of equal size, by class, see
    :class:`Discrimination`.
    """
    tables = []
    for name in probabilities:
        order = np.argsort(probabilities[name].to_numpy(), kind="stable")
        groups = np.array_split(order, min(N_BINS, len(order)))
        hit = (truth == name).to_numpy()
        rows = [
            (len(group), probabilities[name].to_numpy()[group].mean(), hit[group].mean())
            for group in groups
        ]
        tables.append(
            pd.DataFrame(
                rows,
                columns=["n", "predicted", "observed"],
                index=pd.Index([name] * len(rows), name="class"),
            )
        )
    return pd.concat(tables)
