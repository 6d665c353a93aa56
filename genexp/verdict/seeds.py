"""Encoders of one configuration that differ in their seed alone, judged on the same test rows: scores, no pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from genexp.evaluation.baselines import Representation
from genexp.evaluation.clustering import evaluate_clusters
from genexp.evaluation.probe import evaluate_probe, scale_latents
from genexp.evaluation.reconstruction import evaluate_reconstruction
from genexp.evaluation.results import ENCODER, Clustering, PartLatents, Probe, Reconstruction, Survival
from genexp.evaluation.terms import Terms, evaluate_terms
from genexp.explain.attribution import Method, attribute_genes, collect_targets, compare_rankings
from genexp.explain.methods import METHODS
from genexp.model.encoder import Encoder
from genexp.survival.cox import c_index
from genexp.survival.regression import choose_penalty, fit_ridge

if TYPE_CHECKING:
    from genexp.settings.evaluation import EvaluationConfig

Rows = Mapping[str, tuple[np.ndarray, pd.DataFrame]]
"""Scaled values (n, n_genes) and annotations of train, val and test samples."""
MAX_SAMPLES = 64
"""Test samples whose attributions are compared between seeds: they are computed for every seed, and rankings of genes ask for few."""
METRICS = {
    "r2": "r2/test",
    "macro_f1": "probe/macro_f1",
    "ari": "cluster/ari",
    "silhouette": "cluster/silhouette",
    "c_index": "survival/c_index",
    "macro_ap": "terms/macro_ap",
}
"""Columns of the scores by seed, and the metrics that they are."""
NAMES = {"r2": "R2", "macro_f1": "macro F1", "ari": "ARI", "silhouette": "silhouette", "c_index": "C-index", "macro_ap": "macro AP"}


@dataclass(frozen=True)
class Findings:
    """What the tasks found for one encoder; None where the cohort has no label, survival or terms."""

    reconstruction: Reconstruction
    clustering: Clustering
    probe: Probe | None
    survival: Survival | None
    terms: Terms | None = None

    @property
    def scores(self) -> dict[str, float]:
        """One score for each task: ``r2``, ``ari`` (without a label ``silhouette``), ``macro_f1``, ``c_index``, ``macro_ap``."""
        agreement = "ari" if "ari" in self.clustering.scores else "silhouette"
        tables = {"r2": self.reconstruction.scores, agreement: self.clustering.scores}
        tables |= {"macro_f1": self.probe.scores} if self.probe is not None else {}
        tables |= {"c_index": self.survival.scores} if self.survival is not None else {}
        tables |= {"macro_ap": self.terms.scores} if self.terms is not None else {}
        return {name: float(table.loc[ENCODER, name]) for name, table in tables.items()}


@dataclass(frozen=True)
class Seeds:
    """How much the seed of the training matters.

    Parameters
    ----------
    scores : DataFrame, (n_seeds, 1 + n_tasks)
        Index ``seed``; ``registered`` (bool), and on test samples ``r2``, ``ari`` or ``silhouette``, ``macro_f1``, ``c_index``,
        ``macro_ap``.
    stability : DataFrame, (n_targets, 2)
        Index ``target`` (classes of the probe, and the risk; latents have no order that seeds share): ``rho_seeds``, the mean over
        pairs of seeds of the Spearman correlation over genes of the size of attributions, and ``top_seeds``, the mean share of the
        top genes that both have.
    """

    scores: pd.DataFrame
    stability: pd.DataFrame

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
        found = {f"{METRICS[str(name)]}_{row}": float(summary.loc[row, name]) for name in summary for row in summary.index}
        return found | ({"attribution/rho_seeds": float(self.stability["rho_seeds"].median())} if len(self.stability) else {})


def judge_seeds(
    encoder: Encoder,
    others: Mapping[int, Callable[[], Encoder]],
    rows: Rows,
    findings: Findings,
    config: EvaluationConfig,
    seed: int,
) -> tuple[list[Findings], Seeds]:
    """Judge the encoders of the other seeds as the registered one was.

    Parameters
    ----------
    encoder : Encoder
        The registered one.
    others : mapping of int to callable
        Builds the encoder of each other seed; one at a time is held.
    rows : mapping
        Values and annotations by part.
    findings : Findings
        Of the registered encoder.
    config : EvaluationConfig
        Largest number of clusters, and how to attribute.
    seed : int
        Of clusters, folds and the samples that are attributed.

    Returns
    -------
    further : list of Findings, (n_seeds - 1,)
        Of the others; their representation is ``encoder``.
    seeds : Seeds
        All of them side by side.
    """
    method = METHODS[config.attribution]
    own = int(encoder.card.get("training_seed", seed))
    found, drivers = {own: findings}, {own: find_drivers(encoder, findings, rows, method, seed)}
    for other_seed, build in others.items():
        other = build()
        found[other_seed] = judge_other(other, rows, findings, config, seed)
        drivers[other_seed] = find_drivers(other, found[other_seed], rows, method, seed)
    scores = pd.DataFrame({one: {"registered": one == own, **judged.scores} for one, judged in sorted(found.items())}).T
    scores = scores.astype({name: bool if name == "registered" else float for name in scores}).rename_axis("seed")
    return [found[other] for other in others], Seeds(scores, compare_drivers(list(drivers.values())))


def judge_other(encoder: Encoder, rows: Rows, findings: Findings, config: EvaluationConfig, seed: int) -> Findings:
    """Findings of another encoder on the rows on which ``findings`` are; what does not depend on it is taken from there."""
    parts = encode_parts(encoder, rows)
    train, _, test = parts
    way = Representation(ENCODER, encoder.encoder, lambda z: encoder.decoder(z.astype(np.float32)))
    mean = rows["train"][0].mean(axis=0, dtype=np.float64)
    reconstruction = evaluate_reconstruction([way], rows["test"][0], mean, test, findings.reconstruction.genes.index)
    with threadpool_limits(1):
        clustering = evaluate_clusters(parts, config.max_clusters, seed, rows["test"][0])
        probe = None if findings.probe is None else evaluate_probe(train, test, seed)[0]
        survival = None if findings.survival is None else rescore_survival(findings.survival, train, test, encoder.latents, seed)
        terms = None if findings.terms is None else evaluate_terms(train, test, findings.terms.table, seed)[0]
    return Findings(reconstruction, clustering, probe, survival, terms)


def encode_parts(encoder: Encoder, rows: Rows) -> list[PartLatents]:
    """Latents of every part by one encoder alone."""
    way = Representation(ENCODER, encoder.encoder, None)
    return [PartLatents(part, obs, {ENCODER: way.latents(X)}) for part, (X, obs) in rows.items()]


def rescore_survival(survival: Survival, train: PartLatents, test: PartLatents, latents: Sequence[str], seed: int) -> Survival:
    """Survival by other latents of the same patients: ``risk_encoder``, its concordance, and the joint hazard ratios."""
    z, patients = [], survival.patients
    for part in (train, test):
        own = patients.index[patients["part"] == part.part]
        z.append(part.z[ENCODER][part.obs.index.get_indexer(own)])
    scaled, scaled_test = scale_latents(ENCODER, *z)
    time, event = patients["time_days"].to_numpy(), patients["event"].to_numpy()
    n = len(scaled)
    penalty = choose_penalty(scaled, time[:n], event[:n], seed)
    joint = fit_ridge(scaled, time[:n], event[:n], penalty)
    score = float(c_index(time[n:], event[n:], scaled_test @ joint)[0])
    return replace(
        survival,
        scores=pd.DataFrame({"c_index": score, "penalty": penalty}, index=pd.Index([ENCODER], name="representation")),
        cox=pd.DataFrame({"joint_hazard_ratio": np.exp(joint)}, index=pd.Index(latents, name="latent")),
        patients=patients.assign(risk_encoder=np.concatenate([scaled, scaled_test]) @ joint),
    )


def find_drivers(encoder: Encoder, findings: Findings, rows: Rows, method: Method, seed: int) -> pd.DataFrame:
    """Signed strength (n_genes, n_targets) of every gene for each class of the probe and the risk; no column without either.

    Every seed is asked on the same ``MAX_SAMPLES`` test samples.
    """
    X_test, obs = rows["test"]
    shown = np.sort(np.random.default_rng(seed).permutation(len(X_test))[:MAX_SAMPLES])
    genes = pd.Index(encoder.genes, dtype=object)
    if findings.probe is None and findings.survival is None:
        return pd.DataFrame(index=genes)
    train = encode_parts(encoder, {"train": rows["train"]})[0]
    targets = collect_targets(encoder.latents, [], findings.probe, findings.survival, train)
    baselines = method.choose(*rows["train"], seed)
    return attribute_genes(encoder.encoder, X_test[shown], obs.iloc[shown], method, baselines, targets, genes, seed).strength


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
    listed = ", ".join(f"{NAMES[str(name)]} {summary.loc['mean', name]:.3f} (sd {summary.loc['sd', name]:.3f})" for name in summary)
    said = f"Over {n} seeds: {listed}. Registered is seed {seeds.scores.index[seeds.scores['registered']][0]}, the best on validation."
    if not len(seeds.stability):
        return said
    rho, shared = seeds.stability["rho_seeds"], seeds.stability["top_seeds"]
    return (
        f"{said} Genes behind label and risk: mean rank correlation between seeds {rho.median():.2f} (median over {len(rho)} targets, "
        f"lowest {rho.min():.2f}), {shared.median():.0%} of the top genes shared."
    )
