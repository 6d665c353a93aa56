"""Attribution of latents, the label's probe and the risk score to genes, with checks of its
reliability.

An attribution describes the network, not the biology. Each one therefore comes with its
completeness (do the shares of the genes add up?) and with the stability of its ranking of genes
over baselines and samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.probe import Probe
from genexp.evaluation.terms import Terms
from genexp.model.encoder import Layer, Network
from genexp.survival.regression import Survival

STEPS = 32
"""Points on the path from the baseline to a sample (midpoint rule)."""
MAX_SAMPLES, MIN_SAMPLES = 128, 24
"""Largest and smallest number of attributed samples; a wide network gets fewer, within ``WORK``."""
WORK = 1.2e11
"""Budget of multiplications for one attribution: a few seconds on one core."""
MAX_LATENTS = 128
"""Maximum number of attributed latents, those with the largest effect on expression; probe and risk
score use all latents."""
MAX_TERMS = 6
"""Maximum number of attributed terms, those that are predicted best."""
TOP = 50
"""Number of top genes compared between two rankings."""
N_SPLITS = 3
"""Random halvings of the samples whose rankings are compared."""
UNDEFINED = (float("nan"), float("nan"))
"""Correlation and shared genes where there are no rankings to compare."""


@dataclass(frozen=True)
class Attribution:
    """Attribution of targets to genes: each latent (``latent_00``), each class of the probe
    (``class LumA``), the risk score (``risk``).

    Let a be the attribution of a target to gene j in sample i, in units of the target, such as the
    integrated gradient from the mean of the train samples.

    Parameters
    ----------
    strength : DataFrame, (n_genes, n_targets)
        Effect of each gene, signed by the mean gradient: positive genes raise the target. For a
        latent and the risk, the mean of abs(a) over samples. For a class, the absolute mean of a
        over the samples of the class, so that differences between them cancel.
    size : DataFrame, (n_genes, n_targets)
        Mean of abs(a) over all samples, for every target.
    checks : DataFrame, (n_targets, 5)
        Index ``target``: ``completeness_delta``, the mean distance between the sum of a over genes
        and the change of the target, relative to the mean size of this change; ``rho_baselines``
        and ``top_baselines``, Spearman correlation of ``size`` over genes and share of common top
        genes between two baselines; ``rho_halves`` and ``top_halves``, the same for the unsigned
        strength between random halves of the samples. NaN where a method has no baseline.
    n_samples : int
        Number of attributed test samples.
    method : str
        In words.
    baselines : tuple of str
        The baseline and the other one, in words; empty where the method has none.
    """

    strength: pd.DataFrame
    size: pd.DataFrame
    checks: pd.DataFrame
    n_samples: int
    method: str
    baselines: tuple[str, ...]

    def top_genes(self, target: str, n: int = 10) -> pd.Series:
        """Strengths of the top genes of a target, strongest first."""
        strength = self.strength[target]
        return strength[strength.abs().sort_values(ascending=False, kind="stable").index[:n]]

    def list_top(self, n: int = TOP) -> pd.DataFrame:
        """Top genes of every target in one table: ``target``, ``rank``, ``gene``, ``strength``,
        ``size``.
        """
        tops = []
        for target in self.strength:
            top = self.top_genes(str(target), n)
            columns = {
                "target": target,
                "rank": range(1, len(top) + 1),
                "gene": top.index,
                "strength": top.to_numpy(),
            }
            tops.append(
                pd.DataFrame(columns | {"size": self.size.loc[top.index, target].to_numpy()})
            )
        return pd.concat(tops, ignore_index=True)

    @property
    def targets(self) -> list[str]:
        """Names of the targets."""
        return [str(name) for name in self.strength.columns]

    @property
    def way(self) -> str:
        """Method, samples and baseline, in words."""
        start = f" from {self.baselines[0]}" if self.baselines else ""
        return f"{self.method} of {self.n_samples} test samples{start}"


@dataclass(frozen=True)
class Baseline:
    """Start of the integration: ``values`` (n_genes,) or (n_baselines, n_genes) in scaled gene
    space, and their name in words.
    """

    values: np.ndarray
    name: str


@dataclass(frozen=True)
class Method:
    """Attribution method.

    Parameters
    ----------
    title : str
        In words.
    attribute : callable
        Takes network, rows, the values of a baseline, and weights, as :func:`integrate_gradients`
        does.
    choose : callable
        Chooses the baseline, and a second one for comparison, from train rows, as
        :func:`choose_baselines` does.
    """

    title: str
    attribute: Callable[[Network, np.ndarray, np.ndarray, np.ndarray], Iterator[TargetAttribution]]
    choose: Callable[[np.ndarray, pd.DataFrame, int], tuple[Baseline, ...]]


def collect_targets(
    latents: Sequence[str],
    attributed: Sequence[str],
    probe: Probe | None,
    survival: Survival | None,
    train: PartLatents,
    terms: Terms | None = None,
) -> pd.DataFrame:
    """Weights of latents (n_targets, n_latent) for everything to attribute, since every method is
    linear in the target.

    The target of a class is its logit minus the mean of all logits, the target of a term (of the
    best predicted ones) its logit, and the risk the log relative hazard of the joint Cox
    regression.
    """
    weights = [
        pd.DataFrame(np.eye(len(latents)), index=latents, columns=latents).loc[list(attributed)]
    ]
    if probe is not None:
        weights.append(
            probe.weights.set_axis(list(latents), axis=1).rename(index=lambda name: f"class {name}")
        )
    if terms is not None:
        best = terms.weights[ENCODER].loc[terms.name_best(MAX_TERMS)]
        weights.append(
            best.set_axis(list(latents), axis=1).rename(index=lambda name: f"term {name}")
        )
    if survival is not None:
        used = survival.patients.index[survival.patients["part"] == "train"]
        std = train.z[ENCODER][train.obs.index.get_indexer(used)].std(axis=0)
        per_unit = np.log(survival.cox["joint_hazard_ratio"].to_numpy()) / np.where(
            std > 1e-12, std, 1.0
        )
        weights.append(pd.DataFrame([per_unit], index=["risk"], columns=latents))
    return pd.concat(weights).rename_axis("target")


def choose_baselines(X_train: np.ndarray, obs: pd.DataFrame, seed: int) -> tuple[Baseline, ...]:
    """Mean of the train samples, and mean of their largest class (without a label: a random train
    sample).
    """
    first = Baseline(
        X_train.mean(axis=0, dtype=np.float64).astype(np.float32), "the mean of the train samples"
    )
    if "label" in obs and obs["label"].notna().any():
        label = obs["label"].astype(object).dropna().astype(str).value_counts().index[0]
        rows = np.flatnonzero((obs["label"].astype(object).astype(str) == label).to_numpy())
        return first, Baseline(
            X_train[rows].mean(axis=0, dtype=np.float64).astype(np.float32),
            f"the mean of the train samples of {label}",
        )
    row = int(np.random.default_rng(seed).integers(len(X_train)))
    return first, Baseline(np.array(X_train[row]), f"the train sample {obs.index[row]}")


def attribute_genes(
    network: Network,
    X: np.ndarray,
    obs: pd.DataFrame,
    method: Method,
    baselines: tuple[Baseline, ...],
    targets: pd.DataFrame,
    genes: pd.Index,
    seed: int,
) -> Attribution:
    """Attribute targets to genes, over a random sample of the test rows.

    Parameters
    ----------
    network : Network
        Genes to latents.
    X : ndarray of float32, (n_test, n_genes)
        Scaled test rows.
    obs : DataFrame, (n_test, ...)
        Their annotations.
    method : Method
    baselines : tuple of Baseline
        Baselines of the method. The first one is used; a second one tests how far the ranking
        depends on it, on half of the samples.
    targets : DataFrame, (n_targets, n_latent)
        From :func:`collect_targets`.
    genes : Index, (n_genes,)
        Names of the genes.
    seed : int
        Of the samples and their halves.
    """
    rng = np.random.default_rng(seed)
    n = min(len(X), choose_size(network, len(targets), len(np.atleast_2d(baselines[0].values))))
    rows = np.sort(rng.permutation(len(X))[:n])
    # The half is drawn for every method, so that the draws after it do not depend on the method
    values, half = np.asarray(X[rows], dtype=np.float32), rows[rng.permutation(n)[: max(1, n // 2)]]
    labels = (
        obs["label"].iloc[rows].astype(object).astype(str).to_numpy()
        if "label" in obs
        else np.full(n, "")
    )
    weights, shape = targets.to_numpy(dtype=np.float32), (len(genes), len(targets))
    strength, size, checks = np.empty(shape, np.float32), np.empty(shape, np.float32), []
    samples = (values, np.asarray(X[half]))
    runs = [
        method.attribute(network, x, baseline.values, weights)
        for x, baseline in zip(samples, baselines, strict=False)
    ]
    for t, (first, *second) in enumerate(zip(*runs, strict=True)):
        members = labels == str(targets.index[t]).removeprefix("class ")
        counted = first.values[members] if members.any() else np.abs(first.values)
        size[:, t] = np.abs(first.values).mean(axis=0)
        strength[:, t] = np.where(first.slope < 0, -1, 1) * np.abs(counted.mean(axis=0))
        halves = [
            compare_rankings(pair)
            for pair in np.abs(_halve(len(counted), rng) @ counted).reshape(-1, 2, len(genes))
        ]
        between = [
            compare_rankings(np.stack([size[:, t], np.abs(other.values).mean(axis=0)]))
            for other in second
        ]
        checks.append(
            [
                first.delta,
                *(between or [UNDEFINED])[0],
                *(np.mean(halves, axis=0) if halves else UNDEFINED),
            ]
        )
    columns = ["completeness_delta", "rho_baselines", "top_baselines", "rho_halves", "top_halves"]
    by_gene = [
        pd.DataFrame(array, index=genes.rename("gene"), columns=targets.index)
        for array in (strength, size)
    ]
    names = tuple(baseline.name for baseline in baselines if baseline.name)
    return Attribution(
        by_gene[0],
        by_gene[1],
        pd.DataFrame(checks, index=targets.index, columns=columns),
        n,
        method.title,
        names,
    )


def _halve(n: int, rng: np.random.Generator) -> np.ndarray:
    """Weights (2 * N_SPLITS, n) that average over each half of n samples; none for fewer than 4
    samples.
    """
    first = (
        np.stack([rng.permutation(n) < n // 2 for _ in range(N_SPLITS)])
        if n > 3
        else np.empty((0, n), dtype=bool)
    )
    both = np.stack([first, ~first], axis=1).reshape(-1, n).astype(np.float32)
    return both / both.sum(axis=1, keepdims=True)


def choose_size(network: Network, n_targets: int, n_baselines: int = 1) -> int:
    """Number of samples within the budget ``WORK``, by the multiplications for each."""
    first, *further = network.layers
    path = STEPS * len(network.layers[-1].bias) * sum(layer.work for layer in further)
    genes = n_targets * first.work
    return int(np.clip(WORK / (1.5 * n_baselines * (path + genes)), MIN_SAMPLES, MAX_SAMPLES))


@dataclass(frozen=True)
class TargetAttribution:
    """Attribution of one target: ``values`` (n, n_genes), mean gradient ``slope`` (n_genes,),
    ``delta`` of completeness.
    """

    values: np.ndarray
    slope: np.ndarray
    delta: float

    @classmethod
    def of(cls, values: np.ndarray, slope: np.ndarray, change: np.ndarray) -> TargetAttribution:
        """Attributions, and their distance from adding up to the ``change`` (n,) of the target."""
        # float64: the rounding of a float32 sum over thousands of genes would count as
        # incompleteness
        distance = np.abs(values.sum(axis=1, dtype=np.float64) - change).mean()
        return cls(values, slope, float(distance / max(float(np.abs(change).mean()), 1e-12)))


def integrate_gradients(
    network: Network, X: np.ndarray, baseline: np.ndarray, weights: np.ndarray
) -> Iterator[TargetAttribution]:
    """Integrated gradients (Sundararajan, Taly and Yan, ICML 2017) of weighted latents, target by
    target.

    IG_j(x) = (x_j - b_j) * mean over t in (0, 1) of the gradient at b + t (x - b). The first layer
    is affine, so its pre-activations move on a straight line too: the gradients are averaged there,
    where they are small, and mapped to the genes once. The tests check that captum, which
    integrates in gene space, gives the same.

    Parameters
    ----------
    network : Network
        Genes to latents.
    X : ndarray of float32, (n, n_genes)
    baseline : ndarray of float32, (n_genes,)
    weights : ndarray of float32, (n_targets, n_latent)

    Yields
    ------
    TargetAttribution
        One for each target.
    """
    first = network.layers[0]
    start, end = (first.map(x) for x in (baseline[None], X))
    gradients = average_gradients(network.layers, start, end)
    change = network(X) - network(baseline[None])
    for weight in weights:
        slopes = pull_to_genes(network, weight, gradients)
        slope = slopes.mean(axis=0)
        slopes *= X - baseline
        yield TargetAttribution.of(slopes, slope, change @ weight)


def pull_to_genes(network: Network, weight: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Gradients (n, n_genes) of weighted latents, from those (n, n_latent, n_hidden) for the first
    layer's pre-activations.
    """
    slopes = network.layers[0].pull(weight @ gradients)
    if network.shortcut is not None:
        slopes += weight @ network.shortcut.weight
    return slopes


def average_gradients(
    layers: Sequence[Layer], start: np.ndarray, end: np.ndarray, n_steps: int = STEPS
) -> np.ndarray:
    """Mean gradient (n, n_latent, n_hidden) of the last layer's outputs for the first layer's
    pre-activations, from start to end.

    Parameters
    ----------
    layers : sequence of Layer
        Layers of a network; pre-activations of the first one are given, so its weights are not
        used.
    start, end : ndarray of float32, (1, n_hidden) and (n, n_hidden)
        Pre-activations at both ends of the path.
    n_steps : int
        Steps of the midpoint rule.
    """
    n_latent = len(layers[-1].bias)
    total = np.zeros((len(end), n_latent, end.shape[1]), dtype=np.float32)
    for t in (np.arange(n_steps) + 0.5) / n_steps:
        before = start + np.float32(t) * (end - start)
        slopes = []
        for layer, after in zip(layers, [*layers[1:], None], strict=True):
            slopes.append(layer.slope(before))
            before = before if after is None else after.map(layer.activate(before))
        gradient = np.eye(n_latent, dtype=np.float32) * slopes[-1][:, None]
        for layer, slope in zip(layers[:0:-1], slopes[-2::-1], strict=True):
            gradient = layer.pull(gradient.reshape(-1, len(layer.bias))).reshape(
                len(end), n_latent, -1
            )
            gradient *= slope[:, None]
        total += gradient
    return total / np.float32(n_steps)


def compare_rankings(rankings: np.ndarray, top: int = TOP) -> tuple[float, float]:
    """Agreement of rankings (n_rankings, n_genes) of the same genes, by baselines, samples or
    seeds.

    Returns
    -------
    rho : float
        Mean Spearman correlation over all pairs; NaN where a ranking is constant.
    shared : float
        Mean share, over all pairs, of the ``top`` genes (at most a tenth of all) in both rankings.
    """
    from scipy.stats import rankdata

    ranks = rankdata(rankings, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(ranks, axis=1)
    n_top = max(1, min(top, rankings.shape[1] // 10))
    tops = [set(np.argsort(-row, kind="stable")[:n_top]) for row in rankings]
    pairs = list(combinations(range(len(rankings)), 2))
    rho = [
        ranks[a] @ ranks[b] / (norms[a] * norms[b]) if norms[a] * norms[b] > 0 else np.nan
        for a, b in pairs
    ]
    return float(np.mean(rho)), float(np.mean([len(tops[a] & tops[b]) / n_top for a, b in pairs]))
