"""Predictions of the encoder's heads on test samples, compared with regressions on its latents, on
PCA and on the genes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.bootstrap import draw_weights, find_interval
from genexp.evaluation.latents import ENCODER, RAW, PartLatents
from genexp.evaluation.probe import (
    Probe,
    bootstrap_macro_f1,
    count_confusion,
    evaluate_probe,
    f1_by_class,
    precision_recall,
    score_confusion,
)
from genexp.evaluation.task import EvaluationInputs, Result, Skipped, Task
from genexp.model.target_names import LABEL, SURVIVAL
from genexp.survival.cox import c_index
from genexp.survival.regression import Survival

if TYPE_CHECKING:
    from genexp.model.encoder import Encoder
    from genexp.model.prediction import Head

HEAD = "head"
"""Name of the head among the predictors."""
COMPARED = (ENCODER, "pca", RAW)
"""Representations from which a column other than the label is also predicted, for comparison."""
QUANTITIES = ("macro_f1", "accuracy", "balanced_accuracy", "macro_precision")
"""Scores of a label head that are logged as metrics."""


@dataclass(frozen=True)
class LabelHead:
    """Head for a label on the test samples whose class it knows.

    A *predictor* is the head (``"head"``) or the logistic regression on a representation
    (``"encoder"``: on the same latents).

    Parameters
    ----------
    name : str
        Column of the annotations.
    scores : DataFrame, (n_predictors, 6)
        Index ``predictor``: ``macro_f1`` with ``macro_f1_low`` and ``macro_f1_high`` (95 %,
        bootstrap over groups), ``accuracy``, ``balanced_accuracy`` (the mean recall) and
        ``macro_precision``, over the classes present on test samples.
    per_class : DataFrame, (n_classes, 4 + n_predictors)
        Index ``class``: ``n_train``, ``n_test``, ``precision`` and ``recall`` of the head, and
        ``f1_head``, ``f1_encoder``, ``f1_pca`` ...; NaN where a class has no test samples.
    confusion : DataFrame of int, (n_classes, n_classes)
        Test samples by true class (rows) and the head's class (columns).
    predictions : DataFrame, (n_test, 2 + n_predictors)
        Sample table: ``truth``, the class that each predictor gives, and the ``probability`` of the
        class that the head gives.
    remembers : bool
        True if the head also reads the earlier samples of a subject; the regressions do not.
    """

    name: str
    scores: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    predictions: pd.DataFrame
    remembers: bool

    @property
    def key(self) -> str:
        """``head`` for the label, ``head_NAME`` for another column: first part of metrics' keys, in
        characters that MLflow takes.
        """
        return (
            HEAD if self.name == LABEL else f"{HEAD}_{re.sub(r'[^-.A-Za-z0-9_]', '_', self.name)}"
        )


@dataclass(frozen=True)
class HeadResults(Result):
    """The heads of an encoder on test samples.

    Parameters
    ----------
    labels : tuple of LabelHead
    risk : DataFrame or None, (n_predictors, 3)
        Index ``predictor``: ``c_index`` of the survival head, and of ridge Cox regressions on the
        representations, with ``low`` and ``high`` (95 %); None without such a head or without
        survival.
    """

    labels: tuple[LabelHead, ...]
    risk: pd.DataFrame | None

    @property
    def metrics(self) -> dict[str, float]:
        """``head/macro_f1`` ... of the label; ``head_NAME/macro_f1`` ... of another column;
        ``head/c_index``.
        """
        metrics = {
            f"{head.key}/{name}": float(head.scores.loc[HEAD, name])
            for head in self.labels
            for name in QUANTITIES
        }
        return metrics | (
            {} if self.risk is None else {"head/c_index": float(self.risk.loc[HEAD, "c_index"])}
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name; those of several labels are concatenated (column
        ``head``).
        """
        tables = {} if self.risk is None else {"head_survival": self.risk}
        if not self.labels:
            return tables
        confusions = [
            (
                head.name,
                head.confusion.rename_axis("truth").melt(
                    ignore_index=False, var_name="predicted", value_name="n"
                ),
            )
            for head in self.labels
        ]
        stacked = {
            "head_scores": [(head.name, head.scores) for head in self.labels],
            "head_per_class": [(head.name, head.per_class) for head in self.labels],
            "head_confusion": confusions,
            "head_predictions": [(head.name, head.predictions) for head in self.labels],
        }
        return {
            name: pd.concat([table.assign(head=head) for head, table in pairs])
            for name, pairs in stacked.items()
        } | tables

    @property
    def sentences(self) -> list[str]:
        """One sentence per head, for the description of the run."""
        return [
            *map(_describe_label, self.labels),
            *([] if self.risk is None else [_describe_risk(self.risk)]),
        ]


def evaluate_heads(
    encoder: Encoder,
    train: PartLatents,
    test: PartLatents,
    probe: Probe | None,
    survival: Survival | None,
    seed: int,
) -> HeadResults | Skipped:
    """Score each head on test samples.

    Parameters
    ----------
    encoder : Encoder
    train, test : PartLatents
        Latents and annotations; only the regressions for comparison are fitted, on train samples.
    probe, survival : Probe, Survival or None
        Regressions of label and survival on the latents.
    seed : int
        Of folds and bootstrap.
    """
    if not encoder.heads:
        return Skipped()
    labels, risk, notes = list[LabelHead](), None, list[str]()
    for head in encoder.heads:
        if head.memory is not None and "order" not in test.obs:
            notes.append(
                f"Head {head.name} was not scored: it reads the samples of a subject in "
                "their order; name the column with order=."
            )
        elif head.name == SURVIVAL:
            risk = None if survival is None else _score_risk(head, test, survival, seed)
        elif (scored := _score_label(head, train, test, probe, seed)) is None:
            notes.append(
                f"Head {head.name} was not scored: no test sample has one of its "
                f"{len(head.classes)} classes."
            )
        else:
            labels.append(scored)
    return HeadResults(tuple(labels), risk, notes=tuple(notes))


def predict_rows(head: Head, part: PartLatents) -> np.ndarray:
    """Predict each row by a head; one that reads sequences reads the rows of a group in their
    order.
    """
    z = part.z[ENCODER]
    if head.memory is None:
        return head(z)
    order = np.argsort(part.obs["order"].to_numpy(), kind="stable")
    predictions = head(z[order], part.obs["group"].astype(str).iloc[order].tolist())
    return predictions[np.argsort(order)]


def _probe_column(name: str, train: PartLatents, test: PartLatents, seed: int) -> Probe | None:
    """Logistic regressions for a column of the annotations."""
    if name not in train.obs or name not in test.obs:
        return None

    def relabel(part: PartLatents) -> PartLatents:
        obs = part.obs.assign(label=_read_texts(part.obs, name))
        return replace(part, obs=obs, z={way: part.z[way] for way in COMPARED if way in part.z})

    probe = evaluate_probe(relabel(train), relabel(test), seed)
    return probe if isinstance(probe, Probe) else None


def _read_texts(obs: pd.DataFrame, name: str) -> pd.Series:
    """Values of a column as texts, like the classes of a head; all missing if the column does not
    exist.
    """
    if name not in obs:
        return pd.Series(np.nan, index=obs.index, dtype=object)
    return obs[name].astype(object).map(str, na_action="ignore")


def _score_label(
    head: Head, train: PartLatents, test: PartLatents, probe: Probe | None, seed: int
) -> LabelHead | None:
    probe = probe if head.name == LABEL else _probe_column(head.name, train, test, seed)
    truth = _read_texts(test.obs, head.name)
    scored = truth.isin(head.classes)
    if probe is not None:
        scored &= truth.index.isin(probe.predictions.index)
    if not scored.any():
        return None
    shares = predict_rows(head, test)[scored.to_numpy()]
    predictions = pd.DataFrame(
        {"truth": truth[scored], HEAD: np.array(head.classes)[shares.argmax(axis=1)]}
    )
    if probe is not None:
        predictions = predictions.join(probe.predictions.drop(columns="truth"))
    classes = sorted({*head.classes, *(probe.classes if probe is not None else ())})
    confusion = {
        name: count_confusion(predictions["truth"], predictions[name], classes)
        for name in predictions.columns.drop("truth")
    }
    weights = draw_weights(test.obs.loc[predictions.index, "group"].astype(str).to_numpy(), seed)
    n_train = _read_texts(train.obs, head.name).value_counts().reindex(classes, fill_value=0)
    return LabelHead(
        head.name,
        pd.DataFrame(
            {name: _score(predictions, name, counts, weights) for name, counts in confusion.items()}
        ).T.rename_axis("predictor"),
        _describe_classes(confusion, classes, n_train),
        pd.DataFrame(
            confusion[HEAD],
            index=pd.Index(classes, name="truth"),
            columns=pd.Index(classes, name="predicted"),
        ),
        predictions.assign(probability=shares.max(axis=1)),
        head.memory is not None,
    )


def _score(
    predictions: pd.DataFrame, name: str, confusion: np.ndarray, weights: np.ndarray
) -> dict[str, float]:
    truth, predicted = (predictions[column].to_numpy(str) for column in ("truth", name))
    scores = score_confusion(confusion)
    low, high = find_interval(bootstrap_macro_f1(truth, predicted, weights))
    precision = float(np.nanmean(precision_recall(confusion)[0]))
    return {
        "macro_f1": scores["macro_f1"],
        "macro_f1_low": low,
        "macro_f1_high": high,
        **scores,
        "macro_precision": precision,
    }


def _describe_classes(
    confusion: dict[str, np.ndarray], classes: Sequence[str], n_train: pd.Series
) -> pd.DataFrame:
    precision, recall = precision_recall(confusion[HEAD])
    table = {
        "n_train": n_train.to_numpy(),
        "n_test": confusion[HEAD].sum(axis=1),
        "precision": precision,
        "recall": recall,
    }
    table |= {f"f1_{name}": f1_by_class(counts[None])[0] for name, counts in confusion.items()}
    return pd.DataFrame(table, index=pd.Index(classes, name="class"))


def _score_risk(head: Head, test: PartLatents, survival: Survival, seed: int) -> pd.DataFrame:
    patients = survival.patients[survival.patients["part"] == "test"]
    of_head = pd.Series(predict_rows(head, test)[:, 0], index=test.obs.index).loc[patients.index]
    risks = {HEAD: of_head, **{name: patients[f"risk_{name}"] for name in survival.scores.index}}
    weights = draw_weights(patients["group"].to_numpy(), seed)
    time, event = patients["time_days"].to_numpy(), patients["event"].to_numpy()

    def rows() -> Iterator[dict[str, float]]:
        for risk in risks.values():
            low, high = find_interval(c_index(time, event, risk.to_numpy(), weights))
            yield {
                "c_index": float(c_index(time, event, risk.to_numpy())[0]),
                "low": low,
                "high": high,
            }

    return pd.DataFrame(list(rows()), index=pd.Index(list(risks), name="predictor"))


def _describe_label(scored: LabelHead) -> str:
    def show(name: str) -> str:
        return f"{scored.scores['macro_f1'].get(name, float('nan')):.3f}"

    low, high = scored.scores.loc[HEAD, ["macro_f1_low", "macro_f1_high"]]
    return (
        f"head of {scored.name}: macro F1 {show(HEAD)} [{low:.3f}, {high:.3f}], accuracy "
        f"{scored.scores.loc[HEAD, 'accuracy']:.3f}; "
        f"logistic regression on the same latents {show(ENCODER)}, on PCA {show('pca')}, on "
        f"raw genes {show(RAW)}"
    )


def _describe_risk(risk: pd.DataFrame) -> str:
    value, low, high = risk.loc[HEAD]
    return (
        f"head of survival: C-index {value:.3f} [{low:.3f}, {high:.3f}]; Cox regression on "
        "the same latents "
        f"{risk.loc[ENCODER, 'c_index']:.3f}, on PCA {risk['c_index'].get('pca', float('nan')):.3f}"
    )


class HeadsTask(Task):
    """Predictions of the encoder's own heads on test samples."""

    name = "heads"
    title = "Heads"
    metrics: ClassVar = {
        "head*/macro_f1": (
            "macro F1 of the encoder's head for a label, test samples; higher is better"
        ),
        "head*/accuracy": "share of test samples whose class the head predicts",
        "head*/balanced_accuracy": "mean recall of the head over classes",
        "head*/macro_precision": "mean precision of the head over classes",
        "head/c_index": "Harrell's C-index of the encoder's head for survival, test patients",
    }
    tables: ClassVar = {
        "head_scores": (
            "scores of the encoder's own heads, compared with logistic regressions, test samples"
        ),
        "head_per_class": "precision, recall and F1 of the heads by class",
        "head_confusion": "confusion matrices of the heads",
        "head_predictions": (
            "true class of every test sample, and predictions of the head (with probability) and "
            "of logistic regressions"
        ),
        "head_survival": "C-index of the survival head, compared with Cox regressions",
    }

    def evaluate(self, inputs: EvaluationInputs) -> HeadResults | Skipped:
        """Score each head; skipped where the encoder has none."""
        results = inputs.results
        probe, survival = results.get_result(Probe), results.get_result(Survival)
        return evaluate_heads(
            inputs.encoder, inputs.train, inputs.test, probe, survival, inputs.seed
        )
