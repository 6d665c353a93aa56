"""Deletion and insertion curves, which test if a prediction needs the genes that an attribution
ranks first.

Deletion sets genes to their train mean, step by step in the order of the ranking, and predicts the
score of a term on samples with the term again. Insertion starts with all genes at their train mean
and restores them. With a good ranking the score falls at once, and rises at once (Petsiuk, Das and
Saenko, "RISE", BMVC 2018). Rankings are made on train samples and evaluated on test samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.latents import ENCODER, RAW, PartLatents
from genexp.evaluation.task import EvaluationInputs, Result, Skipped, Task
from genexp.evaluation.terms import Terms
from genexp.explain.attribution import integrate_gradients
from genexp.model.encoder import Encoder

N_SAMPLES = 24
"""Maximum number of samples with the term, for the ranking (train) and the curves (test)."""
N_TERMS = 3
"""Number of terms, those that are predicted best."""
N_RANDOM = 3
"""Number of random orders, whose curves are averaged."""
SHARES = np.linspace(0, 1, 13) ** 3
"""Shares of deleted genes, denser at small shares."""
ATTRIBUTION, LINEAR, RANDOM = "attribution", "raw logistic regression", "random"
"""Orders of the genes: by integrated gradients of the encoder, by those of a logistic regression on
the genes, and random."""

Predict = Callable[[np.ndarray], np.ndarray]
"""From scaled rows (n, n_genes) to scores (n,)."""


@dataclass(frozen=True)
class Deletion(Result):
    """Deletion and insertion curves of terms.

    Parameters
    ----------
    curves : DataFrame, (n_terms * n_orders * n_shares, 5)
        ``term``, ``order``, ``share`` of the genes, and the remaining share of the score:
        ``deletion`` (without these genes) and ``insertion`` (with these genes only); 1 with all
        genes, 0 without any.
    areas : DataFrame, (n_terms * n_orders, 4)
        ``term``, ``order``, and the areas under both curves: a good order has a small deletion area
        and a large insertion area.
    """

    curves: pd.DataFrame
    areas: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        return {
            "deletion": self.curves.set_index("term"),
            "deletion_areas": self.areas.set_index("term"),
        }

    @property
    def metrics(self) -> dict[str, float]:
        """Mean areas over terms, by order."""
        means = self.areas.groupby("order")[["deletion", "insertion"]].mean()
        return {
            f"terms/{name}_area_{str(order).replace(' ', '_')}": float(row[name])
            for order, row in means.iterrows()
            for name in row.index
        }


def evaluate_deletion(
    encoder: Encoder,
    rows: Mapping[str, np.ndarray],
    terms: Terms,
    train: PartLatents,
    test: PartLatents,
    seed: int,
    n_terms: int = N_TERMS,
) -> Deletion:
    """Delete genes in the order of the attribution, in that of a logistic regression on the genes,
    and at random.

    Parameters
    ----------
    encoder : Encoder
    rows : mapping of str to ndarray of float32, (n, n_genes)
        Scaled ``train`` and ``test`` rows.
    terms : Terms
        Terms predicted from the encoder and, if available, from the raw genes.
    train, test : PartLatents
    seed : int
        Of samples and random orders.
    n_terms : int
    """
    rng, curves = np.random.default_rng(seed), []
    mean = rows["train"].mean(axis=0, dtype=np.float64).astype(np.float32)
    names = terms.name_best(n_terms)
    linear = (
        weigh_raw(rows["train"], mean, train.z[RAW], terms.weights[RAW].loc[names])
        if RAW in terms.weights
        else {}
    )
    for name in names:
        samples = {
            part.part: _pick(rows[part.part], terms.table.loc[part.obs.index, name].to_numpy(), rng)
            for part in (train, test)
        }
        weight = terms.weights[ENCODER].loc[name].to_numpy(np.float32)
        drive = next(
            integrate_gradients(encoder.encoder, samples["train"], mean, weight[None])
        ).values.mean(axis=0)
        orders = {ATTRIBUTION: [rank(drive)]}
        if name in linear:
            orders[LINEAR] = [rank(linear[name] * (samples["train"].mean(axis=0) - mean))]
        orders[RANDOM] = [rng.permutation(len(mean)) for _ in range(N_RANDOM)]

        def predict(x: np.ndarray, weight: np.ndarray = weight) -> np.ndarray:
            return encoder.encoder(x) @ weight

        for order, permutations in orders.items():
            shares = np.mean(
                [
                    trace_order(predict, samples["test"], mean, permutation)
                    for permutation in permutations
                ],
                axis=0,
            )
            curves.append(
                pd.DataFrame(shares, columns=["deletion", "insertion"]).assign(
                    term=name, order=order, share=SHARES
                )
            )
    table = pd.concat(curves, ignore_index=True)[
        ["term", "order", "share", "deletion", "insertion"]
    ]
    areas = [
        {
            "term": term,
            "order": order,
            **{
                name: float(np.trapezoid(curve[name], curve["share"]))
                for name in ("deletion", "insertion")
            },
        }
        for (term, order), curve in table.groupby(["term", "order"], sort=False)
    ]
    return Deletion(table, pd.DataFrame(areas))


def _pick(X: np.ndarray, has: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to ``N_SAMPLES`` random rows with a term."""
    rows = rng.permutation(np.flatnonzero(has))[:N_SAMPLES]
    return np.asarray(X[np.sort(rows)], dtype=np.float32)


def rank(drive: np.ndarray) -> np.ndarray:
    """Genes (n_genes,) by their effect on a score, the one that raises it most first."""
    return np.argsort(-drive, kind="stable")


def weigh_raw(
    X: np.ndarray, mean: np.ndarray, z: np.ndarray, weights: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Weight of every gene (n_genes,), up to a factor, in logistic regressions on the directions of
    the raw genes.

    The directions are ``z = (X - mean) A`` with orthogonal columns of A of equal length. A is
    therefore ``(X - mean)' z (z'z)^-1`` times a number, and a weight w of the directions is A w of
    the genes.
    """
    rotated = z @ np.linalg.solve(z.T @ z, weights.to_numpy().T)
    genes = X.T @ rotated.astype(np.float32) - np.outer(mean, rotated.sum(axis=0))
    return dict(zip(map(str, weights.index), genes.T, strict=True))


def trace_order(predict: Predict, X: np.ndarray, mean: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Remaining share of the mean score of rows when genes are deleted, and inserted, in an order.

    Parameters
    ----------
    predict : callable
    X : ndarray of float32, (n, n_genes)
    mean : ndarray of float32, (n_genes,)
        Values of deleted genes.
    order : ndarray of int, (n_genes,)
        Indices of the genes, first to last.

    Returns
    -------
    ndarray, (n_shares, 2)
        Deletion and insertion: 1 is the score of the whole rows, 0 that of ``mean``.
    """
    whole, none = float(predict(X).mean()), float(predict(mean[None])[0])
    counts = np.round(SHARES * len(order)).astype(int)
    scores, deleted, inserted = np.empty((len(counts), 2)), X.copy(), np.tile(mean, (len(X), 1))
    for step, (before, count) in enumerate(zip([0, *counts[:-1]], counts, strict=True)):
        genes = order[before:count]
        deleted[:, genes], inserted[:, genes] = mean[genes], X[:, genes]
        scores[step] = predict(deleted).mean(), predict(inserted).mean()
    change = whole - none
    return (scores - none) / (change if abs(change) > 1e-12 else np.nan)


class DeletionTask(Task):
    """Deletion and insertion curves of the terms that are predicted best."""

    name = "deletion"
    title = "Deletion curves"
    one_thread = False
    metrics: ClassVar = {
        "terms/deletion_area_*": (
            "area under the curve of a term's score while genes are deleted in an order; lower "
            "is better"
        ),
        "terms/insertion_area_*": (
            "area under the curve of a term's score while genes are inserted in an order; higher "
            "is better"
        ),
    }
    tables: ClassVar = {
        "deletion": "remaining score of a term by share of deleted, or inserted, genes",
        "deletion_areas": "areas under these curves",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Deletion | Skipped:
        """Delete genes; skipped without terms."""
        terms = inputs.results.get_result(Terms)
        if terms is None:
            return Skipped()
        return evaluate_deletion(
            inputs.encoder, inputs.X, terms, inputs.train, inputs.test, inputs.seed
        )
