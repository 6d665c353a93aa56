"""Batch effects that remain in the latents, compared with the information on biology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from genexp.errors import name_some
from genexp.evaluation.clusters.kmeans import score_clusters
from genexp.evaluation.latents import PartLatents
from genexp.evaluation.mixing import Neighbours, find_neighbours, measure_lisi, measure_mixing
from genexp.evaluation.probe import Probe, evaluate_probe
from genexp.evaluation.task import EvaluationInputs, Result, Skipped, Task, name_scores
from genexp.preprocessing.confounding import measure_cramers_v

ALPHA = 0.05
"""Level of the tests of kBET."""
N_PERMUTATIONS = 20
"""Permutations of batches and labels among the test samples, for the values under chance."""
MIN_SAMPLES = 10
"""Fewest test samples of known batch, or label, for scores of neighbourhoods."""


@dataclass(frozen=True)
class BatchEffects(Result):
    """Separation of the test samples by batch, and by label.

    Parameters
    ----------
    scores : DataFrame, (n_representations, 7 or 13)
        ``silhouette``, ``calinski_harabasz``, ``davies_bouldin`` of the batches as groups,
        ``balanced_accuracy`` and ``macro_f1`` of their prediction by the probe, each with the
        suffix ``_batch``; ``ilisi``, the mean LISI, and ``kbet``, the rejection rate. With a label
        the first five with the suffix ``_label``, and ``clisi``. NaN where a quantity is undefined.
    chance : Series
        The same quantities under chance: batch and label permuted among the test samples; for
        predictions one over the number of classes. NaN for indices without such a value.
    samples : DataFrame, (n_test, ...)
        Sample table of the test samples of known batch: ``batch``, and by representation
        ``ilisi_encoder``, ``kbet_p_encoder``, ``clisi_encoder`` (NaN where unlabelled).
    contingency : DataFrame of int, (n_classes, n_batches)
        Number of samples of all parts by label (rows; one row ``all`` without a label) and batch
        (columns).
    cramers_v : float
        Association of batch and label over the samples that have both, 0 to 1: at 1 they cannot be
        separated. NaN without a label.
    batch : Series, (n_samples,)
        Batch of every sample, NaN where it is unknown. Index ``sample_id``.
    """

    scores: pd.DataFrame
    chance: pd.Series
    samples: pd.DataFrame
    contingency: pd.DataFrame
    cramers_v: float
    batch: pd.Series

    @property
    def metrics(self) -> dict[str, float]:
        """Scores, the confounding, and the scores under chance."""
        confounding = (
            {"batch_effect/cramers_v": self.cramers_v} if np.isfinite(self.cramers_v) else {}
        )
        chance = {
            f"batch_effect/{name}_chance": float(value)
            for name, value in self.chance.dropna().items()
        }
        return name_scores("batch_effect", self.scores) | confounding | chance

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        scores = pd.concat([self.scores, self.chance.to_frame("chance").T]).rename_axis(
            "representation"
        )
        return {
            "batch_effect_scores": scores,
            "batch_effect_samples": self.samples,
            "batch_effect_counts": self.contingency,
        }


def evaluate_batch_effects(
    parts: Sequence[PartLatents], probe: Probe | None, seed: int
) -> BatchEffects | Skipped:
    """Measure the remaining batch effects on test samples.

    Parameters
    ----------
    parts : sequence of PartLatents
        train, val, test, with ``batch`` in their annotations; the probe of the batch is fitted on
        train samples.
    probe : Probe or None
        Probe of the label, from the same latents.
    seed : int
        Of folds and permutations.
    """
    if not all("batch" in part.obs for part in parts):
        return Skipped()
    batch = pd.concat([part.obs["batch"] for part in parts])
    test = _keep(parts[-1], "batch")
    counts = test.obs["batch"].value_counts()
    if len(test.obs) < MIN_SAMPLES or len(counts) < 2:
        lack = (
            f"{len(test.obs)} test samples of known batch, of {name_some(counts.index)}"
            if len(counts)
            else "no test sample has a batch"
        )
        return Skipped(
            (
                (
                    f"No batch effects: {lack}; {MIN_SAMPLES} samples of at least two batches "
                    "are needed."
                ),
            )
        )
    batch_probe = evaluate_probe(_relabel(parts[0]), _relabel(test), seed)
    by_batch, chance, samples = score_groups(test, "batch", seed)
    scores = [by_batch, _read_probe(batch_probe, "batch", chance)]
    if (
        "label" in test.obs
        and test.obs["label"].nunique() > 1
        and test.obs["label"].notna().sum() >= MIN_SAMPLES
    ):
        by_label, of_label, near = score_groups(test, "label", seed)
        scores += [by_label, _read_probe(probe, "label", of_label)]
        chance, samples = chance | of_label, samples.join(near)
    table = pd.concat(scores, axis=1).rename_axis("representation")
    label = (
        pd.concat([part.obs["label"].astype(object) for part in parts])
        if "label" in parts[0].obs
        else None
    )
    return BatchEffects(
        scores=table,
        chance=pd.Series(chance, dtype=float).reindex(table.columns),
        samples=samples,
        contingency=_count(label, batch),
        cramers_v=float("nan") if label is None else measure_cramers_v(label, batch),
        batch=batch.rename_axis("sample_id"),
        notes=tuple(
            note.replace("Probe:", "Probe of the batch:").replace(
                "No probe:", "No probe of the batch:"
            )
            for note in batch_probe.notes
        ),
    )


def _keep(part: PartLatents, column: str) -> PartLatents:
    """Keep the samples with a known value of ``column``."""
    mask = part.obs[column].notna().to_numpy()
    return PartLatents(part.part, part.obs[mask], {name: z[mask] for name, z in part.z.items()})


def _relabel(part: PartLatents) -> PartLatents:
    """Use the batch of the samples as their label."""
    return replace(part, obs=part.obs.assign(label=part.obs["batch"]))


def score_groups(
    test: PartLatents, column: Literal["batch", "label"], seed: int
) -> tuple[pd.DataFrame, dict[str, float], pd.DataFrame]:
    """Score the separation and the mixing of the groups in a column of the annotations, without
    their prediction.

    Parameters
    ----------
    test : PartLatents
        Samples without a known value of ``column`` are excluded.
    column : {"batch", "label"}
        Column of the annotations.
    seed : int
        Of permutations.

    Returns
    -------
    scores : DataFrame, (n_representations, 4 or 5)
        The columns of :attr:`BatchEffects.scores`.
    chance : dict of str to float
        Scores of permuted groups for the first representation.
    samples : DataFrame, (n_samples, ...)
        The columns of :attr:`BatchEffects.samples`.
    """
    test = _keep(test, column)
    groups = test.obs[column].astype(str).to_numpy()
    lisi = "ilisi" if column == "batch" else "clisi"
    rows, samples, chance = (
        dict[str, dict[str, float]](),
        dict[str, np.ndarray](),
        dict[str, float](),
    )
    for name, z in test.z.items():
        neighbours = find_neighbours(z, len(set(groups)))
        indices = {
            f"{index}_{column}": value for index, value in score_clusters(z, groups, None).items()
        }
        near = _measure(neighbours, groups, column, lisi)
        rows[name] = indices | _average(near)
        samples |= {f"{quantity}_{name}": values for quantity, values in near.items()}
        if not chance:
            chance = _permute(neighbours, groups, column, lisi, seed)
    table = pd.DataFrame(samples, index=test.obs.index)
    return (
        pd.DataFrame(rows).T,
        chance,
        table.assign(batch=test.obs["batch"]) if column == "batch" else table,
    )


def _measure(
    neighbours: Neighbours, groups: np.ndarray, column: str, lisi: str
) -> dict[str, np.ndarray]:
    """LISI, and for batches the p-value of kBET, by sample."""
    scores = {lisi: measure_lisi(neighbours, groups)}
    return scores | ({"kbet_p": measure_mixing(neighbours, groups)} if column == "batch" else {})


def _average(near: Mapping[str, np.ndarray]) -> dict[str, float]:
    means = {name: float(values.mean()) for name, values in near.items() if name != "kbet_p"}
    return means | ({"kbet": float((near["kbet_p"] < ALPHA).mean())} if "kbet_p" in near else {})


def _permute(
    neighbours: Neighbours, groups: np.ndarray, column: str, lisi: str, seed: int
) -> dict[str, float]:
    """Mean score over permutations of the groups."""
    rng = np.random.default_rng(seed)
    drawn = [
        _average(_measure(neighbours, rng.permutation(groups), column, lisi))
        for _ in range(N_PERMUTATIONS)
    ]
    return pd.DataFrame(drawn).mean().to_dict()


def _read_probe(
    probe: Probe | Skipped | None, column: str, chance: dict[str, float]
) -> pd.DataFrame:
    """Scores of a probe; one over its number of classes is added to ``chance``."""
    if not isinstance(probe, Probe):
        return pd.DataFrame()
    names = {name: f"{name}_{column}" for name in ("balanced_accuracy", "macro_f1")}
    chance |= dict.fromkeys(names.values(), 1 / int((probe.confusion.sum(axis=1) > 0).sum()))
    return probe.scores[list(names)].rename(columns=names)


def _count(label: pd.Series | None, batch: pd.Series) -> pd.DataFrame:
    rows = (
        pd.Series("all", batch.index) if label is None else label.fillna("(unlabelled)").astype(str)
    )
    return pd.crosstab(
        rows.to_numpy(), batch.astype(object).fillna("(unknown)").astype(str).to_numpy()
    ).rename_axis(index="label", columns=None)


class BatchEffectsTask(Task):
    """Batch effects that remain in the latents, compared with the information on labels."""

    name = "batch_effects"
    title = "Batch effects"
    metrics: ClassVar = {
        "batch_effect/silhouette_*": (
            "mean silhouette of batches, or labels, among the latents of test samples; near 0 or "
            "negative: mixed"
        ),
        "batch_effect/calinski_harabasz_*": (
            "variance between batches, or labels, over variance within; lower: more mixed"
        ),
        "batch_effect/davies_bouldin_*": (
            "mean similarity of each batch, or label, and its most similar one; higher: more mixed"
        ),
        "batch_effect/balanced_accuracy_*": (
            "mean recall of a logistic regression that predicts the batch, or the label"
        ),
        "batch_effect/macro_f1_*": "macro F1 of the same regression",
        "batch_effect/ilisi": (
            "mean effective number of batches among the neighbours of a test sample (LISI); 1: "
            "one batch"
        ),
        "batch_effect/clisi": (
            "mean effective number of labels among the neighbours of a test sample (LISI); 1: "
            "one label"
        ),
        "batch_effect/kbet": (
            "share of test samples whose neighbours have an unusual mix of batches (kBET, p < "
            "0.05); lower: more mixed"
        ),
        "batch_effect/cramers_v": (
            "association of batch and label over all samples, 0 to 1; at 1 they cannot be separated"
        ),
        "batch_effect/*_chance": "the same quantity under chance",
    }
    tables: ClassVar = {
        "batch_effect_scores": (
            "separation of the test samples by batch and by label, and its value under chance"
        ),
        "batch_effect_samples": (
            "mixing of batches and labels among the neighbours of every test sample"
        ),
        "batch_effect_counts": "samples by label and batch",
    }

    def evaluate(self, inputs: EvaluationInputs) -> BatchEffects | Skipped:
        """Score the separation and the mixing of batches, and of labels."""
        return evaluate_batch_effects(
            inputs.all_parts, inputs.results.get_result(Probe), inputs.seed
        )
