"""One method on one cohort: scores on test samples, gene sets behind nodes, and nodes that
recur.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.adage.ensemble import combine
from experiments.ica import fit_ica
from experiments.nodes import enrich_nodes, sign_nodes, weigh_nodes
from experiments.run import Job, Tables, represent, train
from genexp.evaluation.baselines import Representation, fit_pca, fit_raw
from genexp.evaluation.latents import ENCODER, RAW
from genexp.explain.enrichment import read_enrichment_sets
from genexp.model.encoder import Encoder
from genexp.preprocessing import Preprocessed, load_preprocessed
from genexp.training.ensemble import RECURRING, find_recurring, match_units
from genexp.verdict.downstream import score_test

Fitted = tuple[Representation, Encoder | None]


def judge(job: Job) -> Tables:
    """Train on every split, and with every seed on the first one; ADAGE's seeds make eADAGE too."""
    splits = [load_preprocessed(Path(folder)) for folder in job["folders"]]
    seeds = [_fit(splits[0], job, seed) for seed in range(job["n_seeds"])]
    by_split = [
        seeds[0][0],
        *(_fit(data, job, seed)[0] for seed, data in enumerate(splits[1:], start=1)),
    ]
    weights = [
        weigh_nodes(one, np.asarray(data.matrix("train")), data.var.index)
        for one, data in zip(by_split, splits, strict=True)
    ]
    rows, enriched = [], []
    for split, (one, data) in enumerate(zip(by_split, splits, strict=True)):
        rows += _score(one, data, job, split)
        enriched.append(_enrich(one, data, weights[split], job, rows[-1]).assign(split=split))
    latents = {
        seed: one.latents(np.asarray(splits[0].matrix("train")))
        for seed, (one, _) in enumerate(seeds)
    }
    recurrence = [
        {"representation": job["method"], **_recur(latents), "splits": _share_matched(weights)}
    ]
    tables: Tables = {}
    if len(latents) > 1:
        names = list(weights[0].columns)
        tables["nodes"] = (
            find_recurring(latents, 0, names)
            .rename_axis("node")
            .assign(representation=job["method"])
        )
    if job["method"] == "ADAGE" and len(seeds) > 1:
        found = _combine([one for _, one in seeds if one is not None], splits[0], job)
        rows += found[0]
        enriched.append(found[1])
        recurrence.append(found[2])
    scores = pd.DataFrame(rows).set_index("name")
    return tables | {
        "scores": scores,
        "recurrence": pd.DataFrame(recurrence),
        "enriched": pd.concat(enriched, ignore_index=True),
    }


def _fit(data: Preprocessed, job: Job, seed: int) -> Fitted:
    X, k = np.asarray(data.matrix("train")), job["n_nodes"]
    if job["method"] == "PCA":
        return fit_pca(X, k), None
    if job["method"] == "ICA":
        return fit_ica(X, k, seed), None
    encoder = train(data, seed, job["cache"], **job["values"]).encoder
    return represent(encoder), encoder


def _score(one: Representation, data: Preprocessed, job: Job, split: int) -> list[dict[str, Any]]:
    """Scores of a representation on test samples, and beside PCA those of all genes; its own row
    comes last.
    """
    raw = (
        [fit_raw(np.asarray(data.matrix("train")), job["n_nodes"], split)]
        if job["method"] == "PCA"
        else []
    )
    found = score_test([*raw, Representation(ENCODER, one.encode, one.decode)], data, split)
    names = found.index.map({RAW: "all genes", ENCODER: job["method"]})
    return [
        {"name": f"{name} split {split}", "representation": name, "split": split, **row}
        for name, row in zip(names, found.to_dict("records"), strict=True)
    ]


def _enrich(
    one: Representation, data: Preprocessed, weights: pd.DataFrame, job: Job, row: dict[str, Any]
) -> pd.DataFrame:
    """Gene sets among the genes of high weight; the number of nodes that have one is added to the
    row, by collection.
    """
    z = one.latents(np.asarray(data.matrix("train")))
    signatures, tables = sign_nodes(weights, z, z), []
    row["high"] = float(signatures.units[["n_positive", "n_negative"]].sum(axis=1).mean())
    for name, path in job["gene_sets"].items():
        found = enrich_nodes(signatures, read_enrichment_sets(path))
        row[f"nodes_{name}"], row[f"sets_{name}"] = (
            found["node"].nunique(),
            found["gene_set"].nunique(),
        )
        tables.append(found.assign(collection=name, representation=row["representation"]))
    return pd.concat(tables, ignore_index=True)


def _combine(
    encoders: list[Encoder], data: Preprocessed, job: Job
) -> tuple[list[dict[str, Any]], pd.DataFrame, dict[str, Any]]:
    """Ensemble of all seeds: its scores and gene sets; and how many of its nodes ensembles of half
    of the seeds share.
    """
    X, half = np.asarray(data.matrix("train")), len(encoders) // 2
    whole, *halves = (
        combine(part, job["n_nodes"]) for part in (encoders, encoders[:half], encoders[half:])
    )
    rows = _score(whole, data, dict(job) | {"method": "eADAGE"}, 0)
    enriched = _enrich(whole, data, weigh_nodes(whole, X, data.var.index), job, rows[-1]).assign(
        split=0
    )
    likeness = match_units(*(one.latents(X) for one in halves))
    return (
        rows,
        enriched,
        {"representation": "eADAGE", "pairs": float((likeness > RECURRING).mean())},
    )


def _recur(latents: dict[int, np.ndarray]) -> dict[str, float]:
    """Share of nodes that are found again in every other seed, and in another seed on average."""
    if len(latents) == 1:
        return {"all": 1.0, "pairs": 1.0}
    everywhere = find_recurring(latents, 0, [str(i) for i in range(latents[0].shape[1])])[
        "recurs"
    ].mean()
    return {
        "all": float(everywhere),
        "pairs": float(np.mean(list(_match_pairs(list(latents.values()))))),
    }


def _match_pairs(columns: list[np.ndarray]) -> Iterator[float]:
    for a, b in combinations(columns, 2):
        yield float((match_units(a, b) > RECURRING).mean())


def _share_matched(weights: list[pd.DataFrame]) -> float:
    """Share of nodes that are found again, by their weights, on another split; mean over pairs of
    splits.
    """
    shared = weights[0].index
    for one in weights[1:]:
        shared = shared.intersection(one.index)
    return (
        float(np.mean(list(_match_pairs([one.loc[shared].to_numpy() for one in weights]))))
        if len(weights) > 1
        else float("nan")
    )
