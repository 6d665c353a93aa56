"""Encoders of one configuration that differ in their seed alone, evaluated on the same test samples: scores, no figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from genexp.evaluation.baselines import Representation
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.probe import Probe
from genexp.evaluation.task import EvaluationInputs, Result, Results, SampleScores, Task
from genexp.explain.attribution import Method, attribute_genes, collect_targets, compare_rankings
from genexp.explain.methods import METHODS
from genexp.model.encoder import Encoder
from genexp.survival.regression import Survival

MAX_SAMPLES = 64
"""Test samples whose attributions are compared between seeds: they are computed for every seed, and rankings of genes ask for few."""


@dataclass(frozen=True)
class Seeds:
    """How much the seed of the training matters.

    Parameters
    ----------
    scores : DataFrame, (n_seeds, 1 + n_tasks)
        Index ``seed``; ``registered`` (bool), and one score per task of the verdict on test samples, by the last part of its metric's
        key: ``r2``, ``ari`` or ``silhouette``, ``macro_f1``, ``c_index``, ``macro_ap``.
    stability : DataFrame, (n_targets, 2)
        Index ``target`` (classes of the probe, and the risk; latents have no order that seeds share): ``rho_seeds``, the mean over
        pairs of seeds of the Spearman correlation over genes of the size of attributions, and ``top_seeds``, the mean share of the
        top genes that both have.
    keys, quantities : mapping of str to str
        Metric's key, and name as it is printed, of each column of ``scores``.
    """

    scores: pd.DataFrame
    stability: pd.DataFrame
    keys: Mapping[str, str]
    quantities: Mapping[str, str]

    @property
    def summary(self) -> pd.DataFrame:
        """Mean and standard deviation (rows ``mean``, ``sd``) of every score over seeds."""
        scores = self.scores.drop(columns="registered")
        return pd.DataFrame({"mean": scores.mean(skipna=False), "sd": scores.std(skipna=False)}).T

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        seeds = pd.concat([self.scores.astype({"registered": object}), self.summary]).rename_axis("seed")
        return {"seeds": seeds} | ({"attribution_seeds": self.stability} if len(self.stability) else {})

    @property
    def metrics(self) -> dict[str, float]:
        """Mean and standard deviation of every score, and the median over targets of the rank correlation between seeds."""
        summary = self.summary
        metrics = {f"{self.keys[str(name)]}_{row}": float(summary.loc[row, name]) for name in summary for row in summary.index}
        return metrics | ({"attribution/rho_seeds": float(self.stability["rho_seeds"].median())} if len(self.stability) else {})


def evaluate_seeds(
    inputs: EvaluationInputs, others: Mapping[int, Callable[[], Encoder]], tasks: Sequence[Task]
) -> tuple[list[Results], Seeds]:
    """Evaluate the encoders of the other seeds as the registered one was.

    Parameters
    ----------
    inputs : EvaluationInputs
        Of the registered encoder, with all its results.
    others : mapping of int to callable
        Builds the encoder of each other seed; one at a time is held.
    tasks : sequence of Task
        Those with scores are evaluated.

    Returns
    -------
    further : list of Results, (n_seeds - 1,)
        Results of the others; their representation is ``encoder``.
    seeds : Seeds
        All of them compared.
    """
    method = METHODS[inputs.config.attribution]
    registered = int(inputs.encoder.card.get("training_seed", inputs.seed))
    results = {registered: inputs.results}
    drivers = {registered: find_drivers(inputs, method)}
    for seed, build in others.items():
        other = rescore_encoder(build(), inputs, tasks)
        results[seed], drivers[seed] = other.results, find_drivers(other, method)
    headline = {task.name: scores for task in tasks if (scores := _find_scores(inputs.results, task)) is not None}
    rows = {
        seed: {"registered": seed == registered} | {scores.column: own[task].metrics[scores.metric] for task, scores in headline.items()}
        for seed, own in sorted(results.items())
    }
    table = pd.DataFrame(rows).T.astype({scores.column: float for scores in headline.values()} | {"registered": bool})
    keys = {scores.column: scores.metric for scores in headline.values()}
    quantities = {
        scores.column: scores.quantity.removesuffix(" with the label").removesuffix(" among genes") for scores in headline.values()
    }
    return [results[seed] for seed in others], Seeds(table.rename_axis("seed"), compare_drivers(list(drivers.values())), keys, quantities)


def _find_scores(results: Results, task: Task) -> SampleScores | None:
    return results[task.name].scores_by_sample if task.name in results else None


def rescore_encoder(encoder: Encoder, first: EvaluationInputs, tasks: Sequence[Task]) -> EvaluationInputs:
    """Inputs and results of another encoder on the samples of the first one; what does not depend on it is taken from there."""
    way = Representation(ENCODER, encoder.encoder, lambda z: encoder.decoder(z.astype(np.float32)))
    parts = {name: PartLatents(name, part.obs, {ENCODER: way.latents(first.X[name])}) for name, part in first.parts.items()}
    inputs = replace(first, encoder=encoder, parts=parts, representations=[way], results=Results())
    for task in tasks:
        if _find_scores(first.results, task) is None:
            continue
        with threadpool_limits(1 if task.one_thread else None):
            result = task.rescore(inputs, first.results[task.name])
        if isinstance(result, Result):
            inputs = replace(inputs, results=inputs.results.add(task.name, result))
    return inputs


def find_drivers(inputs: EvaluationInputs, method: Method) -> pd.DataFrame:
    """Signed strength (n_genes, n_targets) of every gene for each class of the probe and the risk; no column without either.

    Every seed is attributed on the same ``MAX_SAMPLES`` test samples.
    """
    X, obs, encoder = inputs.X["test"], inputs.test.obs, inputs.encoder
    rows = np.sort(np.random.default_rng(inputs.seed).permutation(len(X))[:MAX_SAMPLES])
    genes = pd.Index(encoder.genes, dtype=object)
    probe, survival = inputs.results.get_result(Probe), inputs.results.get_result(Survival)
    if probe is None and survival is None:
        return pd.DataFrame(index=genes)
    targets = collect_targets(encoder.latents, [], probe, survival, inputs.train)
    baselines = method.choose(inputs.X["train"], inputs.train.obs, inputs.seed)
    return attribute_genes(encoder.encoder, X[rows], obs.iloc[rows], method, baselines, targets, genes, inputs.seed).strength


def compare_drivers(drivers: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Agreement between seeds of each target's ranking of genes by the size of their strength, see :class:`Seeds`."""
    names = drivers[0].columns
    found = [compare_rankings(np.abs(np.stack([one[name].to_numpy() for one in drivers]))) for name in names]
    return pd.DataFrame(found, index=pd.Index(names, name="target"), columns=["rho_seeds", "top_seeds"])


def describe_seeds(seeds: Seeds | None, card: Mapping[str, Any]) -> str:
    """Say over how many seeds an evaluation speaks, and how much they differ."""
    if seeds is None and "ensemble" in card:
        return f"An ensemble of {card['ensemble']} seeds as one encoder: what other seeds would give is not in the intervals."
    if seeds is None:
        chosen = f", the best on validation of {card['n_seeds']}" if int(card.get("n_seeds", 1)) > 1 else ""
        return f"One seed{chosen}: what another seed would give is not in the intervals. Train with seeds=5 to see it."
    summary, n = seeds.summary, len(seeds.scores)
    listed = ", ".join(
        f"{seeds.quantities[str(name)]} {summary.loc['mean', name]:.3f} (sd {summary.loc['sd', name]:.3f})" for name in summary
    )
    said = f"Over {n} seeds: {listed}. Registered is seed {seeds.scores.index[seeds.scores['registered']][0]}, the best on validation."
    if not len(seeds.stability):
        return said
    rho, shared = seeds.stability["rho_seeds"], seeds.stability["top_seeds"]
    return (
        f"{said} Genes behind label and risk: mean rank correlation between seeds {rho.median():.2f} (median over {len(rho)} targets, "
        f"lowest {rho.min():.2f}), {shared.median():.0%} of the top genes shared."
    )
