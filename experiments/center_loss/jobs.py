"""One method on one split: trained without held-out samples, scored on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from experiments.center_loss.pairs import rank_partners
from experiments.run import Job, Tables, represent, train
from genexp.cohort import read_cohort
from genexp.evaluation.baselines import Representation, fit_pca, fit_raw
from genexp.evaluation.batch_effects import BatchEffects, evaluate_batch_effects, score_groups
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.probe import Probe, evaluate_probe
from genexp.evaluation.reconstruction import evaluate_reconstruction
from genexp.preprocessing import Preprocessed, load_preprocessed
from genexp.settings.cohort import CohortConfig
from genexp.verdict.downstream import MACRO_F1, score_latents

PREDICTION = ("balanced_accuracy", "macro_f1")


def build_encoder(job: Job, data: Preprocessed) -> Representation:
    """Principal components, or an encoder trained as the job says."""
    if not job["kind"]:
        return replace(fit_pca(data.matrix("train"), job["n_latent"]), name=ENCODER)
    trained = train(
        data, job["seed"], job["cache"], kind=job["kind"], n_latent=job["n_latent"], **job["values"]
    )
    return represent(trained.encoder)


def judge_method(job: Job) -> Tables:
    """Reconstruction, studies, label and pairs on held-out samples; the score of the label on
    validation samples, for the choice.
    """
    data, seed = load_preprocessed(Path(job["folder"])), job["seed"]
    X, encoder = data.matrix("train"), build_encoder(job, data)
    shown = [encoder, *([fit_raw(X, job["n_latent"], seed)] if job["genes"] else [])]
    rows = {
        "train": (X, data.obs("train")),
        "val": (data.matrix("val"), data.obs("val")),
        "test": data.access_test(),
    }
    parts = [
        PartLatents(part, obs, {one.name: one.latents(values) for one in shown})
        for part, (values, obs) in rows.items()
    ]
    scores, notes = judge_parts(parts, seed)
    rebuilt = score_reconstruction(
        [encoder, fit_pca(X, job["n_latent"])], X, rows["test"], data.var.index
    )
    scores.loc[ENCODER, ["r2", "r2_pca"]] = rebuilt[ENCODER], rebuilt["pca"]
    if job["paired"]:
        scores = scores.join(
            pd.DataFrame({name: rank_partners(parts[-1], name) for name in scores.index}).T
        )
    train_obs, val_obs = parts[0].obs, parts[1].obs
    latents = {part.part: part.z[ENCODER] for part in parts[:2]}
    scores.loc[ENCODER, "macro_f1_val"] = score_latents(
        latents, {"train": train_obs, "val": val_obs}, seed
    )[MACRO_F1]
    return {
        "scores": scores,
        "notes": pd.DataFrame({"note": notes}),
        "latents": collect_latents(parts) if job["latents"] else pd.DataFrame(),
    }


def judge_parts(parts: list[PartLatents], seed: int) -> tuple[pd.DataFrame, list[str]]:
    """Scores by representation on the last part: label, and studies where there are several; notes
    on what was left out.
    """
    probe = evaluate_probe(parts[0], parts[-1], seed)
    found = evaluate_batch_effects(parts, probe if isinstance(probe, Probe) else None, seed)
    notes = [*probe.notes, *found.notes]
    if isinstance(found, BatchEffects):
        chance = found.chance[["ilisi", "kbet", "clisi"]].rename(lambda name: f"{name}_chance")
        return found.scores.assign(cramers_v=found.cramers_v, **chance), notes
    scores, chance_of_label, _ = score_groups(parts[-1], "label", seed)
    if isinstance(probe, Probe):
        scores = scores.join(probe.scores[list(PREDICTION)].add_suffix("_label"))
    return scores.assign(clisi_chance=chance_of_label["clisi"]), notes


def score_reconstruction(
    representations: list[Representation],
    X: np.ndarray,
    held_out: tuple[np.ndarray, pd.DataFrame],
    genes: pd.Index,
) -> pd.Series:
    """R2 of held-out samples by representation."""
    rows, obs = held_out
    test = PartLatents("test", obs, {one.name: one.latents(rows) for one in representations})
    return evaluate_reconstruction(
        representations, rows, X.mean(axis=0, dtype=np.float64), test, genes
    ).scores["r2"]


def collect_latents(parts: list[PartLatents]) -> pd.DataFrame:
    """Latents of all samples with ``part``, ``label`` and ``batch``, for pictures."""
    tables = []
    for part in parts:
        table = pd.DataFrame(part.z[ENCODER].astype(np.float32), part.obs.index).rename(columns=str)
        tables.append(
            table.assign(
                part=part.part,
                **{name: part.obs[name].astype(object) for name in ("label", "batch")},
            )
        )
    return pd.concat(tables).rename_axis("sample_id")


def judge_left_out(job: Job) -> Tables:
    """Train on all studies but one; predict the label of the one that was left out."""
    data, seed = load_preprocessed(Path(job["folder"])), job["seed"]
    encoder = build_encoder(job, data)
    adata = read_cohort(CohortConfig(**job["whole"]))
    adata = adata[(adata.obs["batch"] == job["without"]).to_numpy()].copy()
    columns = pd.Index(adata.var["source"]).get_indexer(data.var["source"])
    X = data.transform.apply(np.asarray(adata.X)[:, columns], adata.obs["batch"].astype(str))
    train_part = PartLatents(
        "train", data.obs("train"), {ENCODER: encoder.latents(data.matrix("train"))}
    )
    probe = evaluate_probe(
        train_part, PartLatents("test", adata.obs, {ENCODER: encoder.latents(X)}), seed
    )
    if not isinstance(probe, Probe):
        return {"scores": pd.DataFrame(index=[ENCODER])}
    scores = probe.scores[list(PREDICTION)]
    return {"scores": scores.assign(chance=1 / len(probe.classes), n=len(probe.predictions))}


@dataclass(frozen=True)
class Relabelled(Preprocessed):
    """A cohort whose labels are permuted among the labelled samples of each part."""

    def obs(self, part: Literal["train", "val"]) -> pd.DataFrame:
        """Annotations with permuted labels."""
        return permute_labels(super().obs(part))


def permute_labels(obs: pd.DataFrame) -> pd.DataFrame:
    """Labels of the labelled samples in another order."""
    label = obs["label"].astype(object).copy()
    known = np.flatnonzero(label.notna())
    label.iloc[known] = label.iloc[np.random.default_rng(len(obs)).permutation(known)].to_numpy()
    return obs.assign(label=label)


def relabel(data: Preprocessed) -> Relabelled:
    """The same cohort with permuted labels, and a fingerprint of its own."""
    facts = {name: getattr(data, name) for name in Preprocessed.__dataclass_fields__}
    return Relabelled(**facts | {"fingerprint": f"{data.fingerprint}-permuted"})


def judge_null(job: Job) -> Tables:
    """Train on true or on permuted labels; score the separation of both, on train and on held-out
    samples.
    """
    data, seed = load_preprocessed(Path(job["folder"])), job["seed"]
    encoder = build_encoder(job, relabel(data) if job["permuted"] else data)
    rows = {"train": (data.matrix("train"), data.obs("train")), "held-out": data.access_test()}
    latents = {part: encoder.latents(X) for part, (X, _) in rows.items()}
    kinds: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
        "true": lambda obs: obs,
        "permuted": permute_labels,
    }
    found = {}
    for labels, change in kinds.items():
        parts = [
            PartLatents(part, change(obs), {ENCODER: latents[part]})
            for part, (_, obs) in rows.items()
        ]
        for part in parts:
            scores = score_groups(part, "label", seed)[0].loc[ENCODER]
            found[f"{labels} {part.part}"] = {
                "silhouette": scores["silhouette_label"],
                "clisi": scores["clisi"],
            }
        probe = evaluate_probe(parts[0], parts[1], seed)
        accuracy = (
            probe.scores.loc[ENCODER, "balanced_accuracy"] if isinstance(probe, Probe) else np.nan
        )
        found[f"{labels} held-out"]["balanced_accuracy"] = accuracy
    return {"scores": pd.DataFrame(found).T.rename_axis("judged")}
