"""Variation between seeds: encoders of the same configuration with different seeds, scored on the
same test samples.
"""

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
"""Maximum number of test samples for attributions of every seed: rankings of genes need few, and
each seed costs time."""


@dataclass(frozen=True)
class Seeds:
    """Scores and attributions by seed of the training.

    Parameters
    ----------
    scores : DataFrame, (n_seeds, 1 + n_tasks)
        Index ``seed``; ``registered`` (bool), and one score per task of the verdict on test
        samples, by the last part of its metric's key: ``r2``, ``ari`` or ``silhouette``,
        ``macro_f1``, ``c_index``, ``macro_ap``.
    stability : DataFrame, (n_targets, 2)
        Index ``target`` (classes of the probe, and the risk; latents of different seeds do not
        correspond): ``rho_seeds``, the Spearman correlation over genes of the size of attributions,
        mean over pairs of seeds, and ``top_seeds``, the mean share of common top genes.
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
        seeds = pd.concat([self.scores.astype({"registered": object}), self.summary]).rename_axis(
            "seed"
        )
        return {"seeds": seeds} | (
            {"attribution_seeds": self.stability} if len(self.stability) else {}
        )

    @property
    def metrics(self) -> dict[str, float]:
        """Mean and standard deviation of every score, and the median over targets of the rank
        correlation between seeds.
        """
        summary = self.summary
        metrics = {
            f"{self.keys[str(name)]}_{row}": float(summary.loc[row, name])
            for name in summary
            for row in summary.index
        }
        return metrics | (
            {"attribution/rho_seeds": float(self.stability["rho_seeds"].median())}
            if len(self.stability)
            else {}
        )


def evaluate_seeds(
    inputs: EvaluationInputs, others: Mapping[int, Callable[[], Encoder]], tasks: Sequence[Task]
) -> tuple[list[Results], Seeds]:
    """Evaluate the encoders of the other seeds like the registered one.

    Parameters
    ----------
    inputs : EvaluationInputs
        Inputs and all results of the registered encoder.
    others : mapping of int to callable
        Functions that build the encoder of each other seed; one is in memory at a time.
    tasks : sequence of Task
        Tasks; those with scores are evaluated.

    Returns
    -------
    further : list of Results, (n_seeds - 1,)
        Results of the others; their representation is ``encoder``.
    seeds : Seeds
        Comparison of all seeds.
    """
    method = METHODS[inputs.config.attribution]
    registered = int(inputs.encoder.card.get("training_seed", inputs.seed))
    results = {registered: inputs.results}
    strengths = {registered: attribute_predictions(inputs, method)}
    for seed, build in others.items():
        other = rescore_encoder(build(), inputs, tasks)
        results[seed], strengths[seed] = other.results, attribute_predictions(other, method)
    headline = {
        task.name: scores
        for task in tasks
        if (scores := _find_scores(inputs.results, task)) is not None
    }
    rows = {
        seed: {"registered": seed == registered}
        | {scores.column: by_task[task].metrics[scores.metric] for task, scores in headline.items()}
        for seed, by_task in sorted(results.items())
    }
    table = pd.DataFrame(rows).T.astype(
        {scores.column: float for scores in headline.values()} | {"registered": bool}
    )
    keys = {scores.column: scores.metric for scores in headline.values()}
    quantities = {
        scores.column: scores.quantity.removesuffix(" with the label").removesuffix(" among genes")
        for scores in headline.values()
    }
    stability = compare_attributions(list(strengths.values()))
    return [results[seed] for seed in others], Seeds(
        table.rename_axis("seed"), stability, keys, quantities
    )


def _find_scores(results: Results, task: Task) -> SampleScores | None:
    return results[task.name].scores_by_sample if task.name in results else None


def rescore_encoder(
    encoder: Encoder, first: EvaluationInputs, tasks: Sequence[Task]
) -> EvaluationInputs:
    """Score another encoder on the samples of the first one; reuse what does not depend on the
    encoder.
    """
    way = Representation(ENCODER, encoder.encoder, lambda z: encoder.decoder(z.astype(np.float32)))
    parts = {
        name: PartLatents(name, part.obs, {ENCODER: way.latents(first.X[name])})
        for name, part in first.parts.items()
    }
    inputs = replace(first, encoder=encoder, parts=parts, representations=[way], results=Results())
    for task in tasks:
        if _find_scores(first.results, task) is None:
            continue
        with threadpool_limits(1 if task.one_thread else None):
            result = task.rescore(inputs, first.results[task.name])
        if isinstance(result, Result):
            inputs = replace(inputs, results=inputs.results.add(task.name, result))
    return inputs


def attribute_predictions(inputs: EvaluationInputs, method: Method) -> pd.DataFrame:
    """Signed strength (n_genes, n_targets) of every gene for each class of the probe and the risk;
    no column if neither exists.

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
    return attribute_genes(
        encoder.encoder, X[rows], obs.iloc[rows], method, baselines, targets, genes, inputs.seed
    ).strength


def compare_attributions(strengths: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Agreement between seeds in the ranking of genes of each target, see
    :attr:`Seeds.stability`.
    """
    names = strengths[0].columns
    agreement = [
        compare_rankings(np.abs(np.stack([strength[name].to_numpy() for strength in strengths])))
        for name in names
    ]
    return pd.DataFrame(
        agreement, index=pd.Index(names, name="target"), columns=["rho_seeds", "top_seeds"]
    )


def describe_seeds(seeds: Seeds | None, card: Mapping[str, Any]) -> str:
    """Describe the number of seeds of an evaluation, and how much they differ."""
    if seeds is None and "ensemble" in card:
        return (
            f"An ensemble of {card['ensemble']} seeds as one encoder: the intervals do not "
            "include the variation between seeds."
        )
    if seeds is None:
        selection = (
            f", the best of {card['n_seeds']} on validation"
            if int(card.get("n_seeds", 1)) > 1
            else ""
        )
        return (
            f"One seed{selection}: the intervals do not include the variation between seeds. "
            "Train with seeds=5 to see it."
        )
    summary, n = seeds.summary, len(seeds.scores)
    scores = ", ".join(
        (
            f"{seeds.quantities[str(name)]} {summary.loc['mean', name]:.3f} (sd "
            f"{summary.loc['sd', name]:.3f})"
        )
        for name in summary
    )
    best = seeds.scores.index[seeds.scores["registered"]][0]
    text = (
        f"Over {n} seeds: {scores}. The registered encoder is that of seed {best}, the best on "
        "validation."
    )
    if not len(seeds.stability):
        return text
    rho, shared = seeds.stability["rho_seeds"], seeds.stability["top_seeds"]
    return (
        f"{text} Attribution of label and risk to genes: mean rank correlation between seeds "
        f"{rho.median():.2f} (median over {len(rho)} "
        f"targets, lowest {rho.min():.2f}); {shared.median():.0%} of the top genes are shared."
    )
