"""One split of the whole cohort: every model on the same test samples, and the genes behind the
feed-forward network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.run import Job, Tables, represent, train
from genexp.evaluation.baselines import fit_pca
from genexp.evaluation.classifiers import (
    CLASSIFIERS,
    Classified,
    Probabilities,
    fit_on,
    score_probabilities,
)
from genexp.evaluation.latents import PartLatents
from genexp.evaluation.reconstruction import evaluate_reconstruction
from genexp.explain.attribution import attribute_genes
from genexp.explain.deletion import SHARES, trace_order
from genexp.explain.methods import METHODS
from genexp.model.encoder import Encoder
from genexp.preprocessing import Preprocessed, load_preprocessed

T_TEST, RANDOM = "t statistic", "random order"
"""The plainest ranking of genes, and none at all, beside those of the methods."""
N_RANDOM = 3
"""Random orders, over which the areas are averaged."""


@dataclass(frozen=True)
class Rows:
    """Train rows X (n, n_genes), their annotations, and the name of a column that is predicted."""

    X: np.ndarray
    obs: pd.DataFrame
    column: str = "label"

    @cached_property
    def labels(self) -> np.ndarray:
        """Values of the column (n,) as texts."""
        return self.obs[self.column].astype(str).to_numpy()

    @cached_property
    def classes(self) -> list[str]:
        """Sorted."""
        return sorted(set(self.labels))

    def fit(self, name: str, seed: int) -> Probabilities:
        """Fit one of the models on the genes."""
        return CLASSIFIERS[name](
            self.X, self.labels, self.obs["group"].astype(str).to_numpy(), seed
        )

    def read(self, encode: Callable[[np.ndarray], np.ndarray], seed: int) -> Probabilities:
        """Fit a logistic regression on latents."""
        return fit_on(encode, self.X, self.labels, self.obs["group"].astype(str).to_numpy(), seed)


def compare_models(job: Job) -> Tables:
    """Scores, confusion and strengths of genes on the test samples of one split, which are opened
    after everything is fitted.
    """
    data, seed = load_preprocessed(Path(job["folder"])), job["seed"]
    rows = Rows(np.asarray(data.matrix("train")), data.obs("train"))
    fitted, seconds, encoders, histories = {}, {}, {}, []
    for name, values in job["networks"].items():
        start = time.process_time()
        trained = train(data, seed, job["cache"], **values)
        encoders[name], seconds[name] = trained.encoder, time.process_time() - start
        fitted[name] = predict_with(trained.encoder)
        histories.append(trained.fitted.history.add_prefix(f"{name}/".replace(" ", "_")))
    for name in CLASSIFIERS:
        start = time.process_time()
        fitted[name], seconds[name] = rows.fit(name, seed), time.process_time() - start
    start = time.process_time()
    deep = train(data, seed, job["cache"], **job["autoencoder"]).encoder
    name = "logistic regression on a deep autoencoder"
    fitted[name], seconds[name] = (
        rows.read(represent(deep).latents, seed),
        time.process_time() - start,
    )
    types = Rows(rows.X, rows.obs, job["type_column"])
    typed = {"multi-task": predict_with(encoders["multi-task"], job["type_column"])}
    typed |= {
        one: types.fit(one, seed) for one in ("logistic regression on PCA", "logistic regression")
    }
    X_test, obs_test = data.access_test()
    judged = {
        name: score_probabilities(obs_test["label"].astype(str), predict(X_test), rows.classes)
        for name, predict in fitted.items()
    }
    scores = tabulate(judged).join(pd.Series(seconds, name="seconds"))
    scores = scores.join(score_types(typed, types.classes, X_test, obs_test, job["type_column"]))
    scores.loc[name, ["r2", "r2_pca"]] = measure_r2(deep, data, rows.X, X_test, obs_test)
    return {
        "scores": scores.rename_axis("model"),
        "confusion": pd.concat(
            [count_pairs(one).assign(model=name) for name, one in judged.items()], ignore_index=True
        ),
        "history": pd.concat(histories, axis=1),
        **attribute(encoders["feed-forward"], rows, X_test, obs_test, seed),
    }


def predict_with(encoder: Encoder, head: str = "label") -> Probabilities:
    """Probabilities by a head of an encoder."""
    chosen = next(one for one in encoder.heads if one.name == head)
    return lambda x: np.asarray(chosen(encoder.encoder(np.asarray(x))))


def tabulate(judged: dict[str, Classified]) -> pd.DataFrame:
    """Scores by model, with the precision, recall and F1 of each class."""
    rows = {}
    for name, one in judged.items():
        melted = one.per_class.drop(columns="n").stack()
        rows[name] = one.scores | {
            f"{quantity}_{label}": value for (label, quantity), value in melted.items()
        }
    return pd.DataFrame(rows).T


def score_types(
    typed: dict[str, Probabilities],
    classes: list[str],
    X_test: np.ndarray,
    obs_test: pd.DataFrame,
    column: str,
) -> pd.DataFrame:
    """Macro F1 of the type by model, on the samples of a type that was there in training."""
    truth = obs_test[column].astype(str)
    known = truth.isin(classes).to_numpy()
    found = {
        name: score_probabilities(truth[known], predict(X_test[known]), classes).scores["macro_f1"]
        for name, predict in typed.items()
    }
    return pd.DataFrame({"type_macro_f1": found})


def count_pairs(judged: Classified) -> pd.DataFrame:
    """Confusion as one row for each pair: ``truth``, ``predicted``, ``n``."""
    return judged.confusion.stack().rename("n").reset_index()


def measure_r2(
    deep: Encoder, data: Preprocessed, X: np.ndarray, X_test: np.ndarray, obs_test: pd.DataFrame
) -> tuple[float, float]:
    """R2 of the autoencoder, and of PCA with as many components, on test rows."""
    beside = [represent(deep), fit_pca(X, deep.n_latent)]
    test = PartLatents("test", obs_test, {one.name: one.latents(X_test) for one in beside})
    found = evaluate_reconstruction(
        beside, X_test, X.mean(axis=0, dtype=np.float64), test, data.var.index
    ).scores["r2"]
    return float(found["encoder"]), float(found["pca"])


def attribute(
    encoder: Encoder, rows: Rows, X_test: np.ndarray, obs_test: pd.DataFrame, seed: int
) -> Tables:
    """Genes behind the last class of an encoder's head.

    Returns
    -------
    dict of str to DataFrame
        ``genes`` (n_genes, n_methods): signed strength of every gene on test samples, and its t
        statistic on train samples; ``checks``: by method the completeness delta, and the areas
        under the curves of deletion and insertion.
    """
    head = next(one for one in encoder.heads if one.name == "label")
    weight = head.weight[-1] - head.weight.mean(axis=0)
    target = pd.DataFrame([weight], index=[f"class {rows.classes[-1]}"], columns=encoder.latents)
    genes, strengths, orders, deltas = pd.Index(encoder.genes, dtype=object), {}, {}, {}
    for name, method in METHODS.items():
        baselines = method.choose(rows.X, rows.obs, seed)
        made, own = (
            attribute_genes(encoder.encoder, X, obs, method, baselines, target, genes, seed)
            for X, obs in ((X_test, obs_test), (rows.X, rows.obs))
        )
        strengths[name], deltas[name] = (
            made.strength.iloc[:, 0],
            made.checks["completeness_delta"].iloc[0],
        )
        orders[name] = [order_genes(own.strength.iloc[:, 0].to_numpy())]
    strengths[T_TEST] = pd.Series(list(welch(rows)), index=genes)
    rng = np.random.default_rng(seed)
    orders |= {
        T_TEST: [order_genes(strengths[T_TEST].to_numpy())],
        RANDOM: [rng.permutation(len(genes)) for _ in range(N_RANDOM)],
    }
    own_test = np.asarray(X_test)[(obs_test["label"].astype(str) == rows.classes[-1]).to_numpy()]
    areas = {
        name: delete(encoder, weight, own_test, rows.X.mean(axis=0), order)
        for name, order in orders.items()
    }
    checks = pd.DataFrame(areas, index=["deletion", "insertion"]).T.assign(
        completeness_delta=pd.Series(deltas, dtype=float)
    )
    return {
        "genes": pd.DataFrame(strengths).rename_axis("gene"),
        "checks": checks.rename_axis("method"),
    }


def order_genes(strength: np.ndarray) -> np.ndarray:
    """Places of the genes, the strongest first."""
    return np.argsort(-np.abs(strength), kind="stable")


def delete(
    encoder: Encoder, weight: np.ndarray, X: np.ndarray, mean: np.ndarray, orders: list[np.ndarray]
) -> np.ndarray:
    """Areas under the curves of deletion and insertion (2,) of a class score of rows, mean over
    orders of the genes.
    """
    curves = [
        trace_order(lambda x: encoder.encoder(x) @ weight, X, mean, order) for order in orders
    ]
    return np.asarray(np.trapezoid(np.mean(curves, axis=0), SHARES, axis=0))


def welch(rows: Rows) -> Iterator[float]:
    """Welch's t statistic of every gene, the last class against the others, on train samples."""
    from scipy.stats import ttest_ind

    own = rows.labels == rows.classes[-1]
    yield from np.nan_to_num(ttest_ind(rows.X[own], rows.X[~own], equal_var=False).statistic)
