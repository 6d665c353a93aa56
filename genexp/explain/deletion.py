"""Whether the genes that an attribution puts first are those that a prediction needs: genes are taken away in its order.

Genes are set to their train mean, step by step, and the score of a term on samples that have it is predicted anew (deletion); or all
start there and are given back (insertion). The order of a good attribution takes the score away at once, and gives it back at once
(Petsiuk, Das and Saenko, "RISE", BMVC 2018). Orders are made on train samples and judged on test samples.
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
"""Samples with the term, at most, in which genes are ordered (train) and deleted (test)."""
N_TERMS = 3
"""Terms whose genes are deleted: those that are predicted best."""
N_RANDOM = 3
"""Random orders, whose curves are averaged."""
SHARES = np.linspace(0, 1, 13) ** 3
"""Shares of the genes that are deleted, closer where little is."""
ATTRIBUTION, LINEAR, RANDOM = "attribution", "raw logistic regression", "random"
"""Orders of the genes: by integrated gradients through the encoder, by those of a logistic regression on the genes, and at random."""

Predict = Callable[[np.ndarray], np.ndarray]
"""From scaled rows (n, n_genes) to scores (n,)."""


@dataclass(frozen=True)
class Deletion(Result):
    """What is left of a term's score.

    Parameters
    ----------
    curves : DataFrame, (n_terms * n_orders * n_shares, 5)
        ``term``, ``order``, ``share`` of the genes, and of the score: ``deletion`` (what is left when these are deleted) and
        ``insertion`` (what is there when only these are left); 1 with all genes, 0 without any.
    areas : DataFrame, (n_terms * n_orders, 4)
        ``term``, ``order``, and the areas under both curves: a good order has a small one of deletion and a large one of insertion.
    """

    curves: pd.DataFrame
    areas: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        return {"deletion": self.curves.set_index("term"), "deletion_areas": self.areas.set_index("term")}

    @property
    def metrics(self) -> dict[str, float]:
        """Mean areas over terms, by order."""
        means = self.areas.groupby("order")[["deletion", "insertion"]].mean()
        return {
            f"terms/{name}_area_{str(order).replace(' ', '_')}": float(row[name]) for order, row in means.iterrows() for name in row.index
        }


def evaluate_deletion(
    encoder: Encoder, rows: Mapping[str, np.ndarray], terms: Terms, train: PartLatents, test: PartLatents, seed: int, n_terms: int = N_TERMS
) -> Deletion:
    """Delete genes in the order of the attribution, in that of a logistic regression on the genes, and at random.

    Parameters
    ----------
    encoder : Encoder
    rows : mapping of str to ndarray of float32, (n, n_genes)
        Scaled ``train`` and ``test`` rows.
    terms : Terms
        Predicted from the encoder and, where there are such, from the raw genes.
    train, test : PartLatents
    seed : int
        Of samples and random orders.
    n_terms : int
    """
    rng, curves = np.random.default_rng(seed), []
    mean = rows["train"].mean(axis=0, dtype=np.float64).astype(np.float32)
    names = terms.name_best(n_terms)
    linear = weigh_raw(rows["train"], mean, train.z[RAW], terms.weights[RAW].loc[names]) if RAW in terms.weights else {}
    for name in names:
        own = {part.part: _pick(rows[part.part], terms.table.loc[part.obs.index, name].to_numpy(), rng) for part in (train, test)}
        weight = terms.weights[ENCODER].loc[name].to_numpy(np.float32)
        drive = next(integrate_gradients(encoder.encoder, own["train"], mean, weight[None])).values.mean(axis=0)
        orders = {ATTRIBUTION: [rank(drive)]}
        if name in linear:
            orders[LINEAR] = [rank(linear[name] * (own["train"].mean(axis=0) - mean))]
        orders[RANDOM] = [rng.permutation(len(mean)) for _ in range(N_RANDOM)]

        def predict(x: np.ndarray, weight: np.ndarray = weight) -> np.ndarray:
            return encoder.encoder(x) @ weight

        for order, permutations in orders.items():
            curve = np.mean([trace_order(predict, own["test"], mean, one) for one in permutations], axis=0)
            curves.append(pd.DataFrame(curve, columns=["deletion", "insertion"]).assign(term=name, order=order, share=SHARES))
    table = pd.concat(curves, ignore_index=True)[["term", "order", "share", "deletion", "insertion"]]
    areas = [
        {"term": term, "order": order, **{name: float(np.trapezoid(own[name], own["share"])) for name in ("deletion", "insertion")}}
        for (term, order), own in table.groupby(["term", "order"], sort=False)
    ]
    return Deletion(table, pd.DataFrame(areas))


def _pick(X: np.ndarray, has: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to ``N_SAMPLES`` rows that have a term."""
    chosen = rng.permutation(np.flatnonzero(has))[:N_SAMPLES]
    return np.asarray(X[np.sort(chosen)], dtype=np.float32)


def rank(drive: np.ndarray) -> np.ndarray:
    """Genes (n_genes,) in the order in which they raise a score, most first."""
    return np.argsort(-drive, kind="stable")


def weigh_raw(X: np.ndarray, mean: np.ndarray, z: np.ndarray, weights: pd.DataFrame) -> dict[str, np.ndarray]:
    """Weight of every gene (n_genes,), up to a factor, in logistic regressions on the directions that stand for raw genes.

    The directions are ``z = (X - mean) A`` with columns of A that are orthogonal and of one length, so A is ``(X - mean)' z (z'z)^-1``
    times a number, and a weight w of the directions is A w of the genes.
    """
    turned = z @ np.linalg.solve(z.T @ z, weights.to_numpy().T)
    genes = X.T @ turned.astype(np.float32) - np.outer(mean, turned.sum(axis=0))
    return dict(zip(map(str, weights.index), genes.T, strict=True))


def trace_order(predict: Predict, X: np.ndarray, mean: np.ndarray, order: np.ndarray) -> np.ndarray:
    """What is left of the mean score of rows when genes are deleted in an order, and inserted in it.

    Parameters
    ----------
    predict : callable
    X : ndarray of float32, (n, n_genes)
    mean : ndarray of float32, (n_genes,)
        What deleted genes are set to.
    order : ndarray of int, (n_genes,)
        Places of the genes, first to last.

    Returns
    -------
    ndarray, (n_shares, 2)
        Deletion and insertion: 1 is the score of the whole rows, 0 that of ``mean``.
    """
    whole, none = float(predict(X).mean()), float(predict(mean[None])[0])
    counts = np.round(SHARES * len(order)).astype(int)
    left, deleted, inserted = np.empty((len(counts), 2)), X.copy(), np.tile(mean, (len(X), 1))
    for step, (before, count) in enumerate(zip([0, *counts[:-1]], counts, strict=True)):
        genes = order[before:count]
        deleted[:, genes], inserted[:, genes] = mean[genes], X[:, genes]
        left[step] = predict(deleted).mean(), predict(inserted).mean()
    span = whole - none
    return (left - none) / (span if abs(span) > 1e-12 else np.nan)


class DeletionTask(Task):
    """Deletion and insertion curves of the terms that are predicted best."""

    name = "deletion"
    title = "Deletion curves"
    one_thread = False
    metrics: ClassVar = {
        "terms/deletion_area_*": "area under the rest of a term's score while genes are deleted in an order; small is good",
        "terms/insertion_area_*": "area under the score that genes give back while they are inserted in an order; large is good",
    }
    tables: ClassVar = {
        "deletion": "what is left of a term's score when genes are deleted",
        "deletion_areas": "areas under these curves",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Deletion | Skipped:
        """Delete genes; skipped without terms."""
        terms = inputs.results.get_result(Terms)
        if terms is None:
            return Skipped()
        return evaluate_deletion(inputs.encoder, inputs.X, terms, inputs.train, inputs.test, inputs.seed)
