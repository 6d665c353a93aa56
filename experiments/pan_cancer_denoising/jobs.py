"""All methods with one number of latents on one split, scored on its test samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.ica import fit_ica
from experiments.nodes import enrich_nodes, sign_nodes, weigh_nodes
from experiments.run import Job, Tables, represent, train
from genexp.evaluation.baselines import Representation, fit_nmf, fit_pca
from genexp.explain.enrichment import read_enrichment_sets
from genexp.model.encoder import Encoder
from genexp.preprocessing import Preprocessed, load_preprocessed

LINEAR: dict[str, Callable[[np.ndarray, int, int], Representation]] = {
    "PCA": fit_pca,
    "ICA": fit_ica,
    "NMF": fit_nmf,
}


def compare(job: Job) -> Tables:
    """Squared errors on test samples in units of the train samples' 0 to 1; for one number of
    latents also genes, units and gene sets.
    """
    data = load_preprocessed(Path(job["folder"]))
    fitted, facts = _fit_all(data, job)
    X, (X_test, _) = np.asarray(data.matrix("train")), data.access_test()
    by_gene = pd.DataFrame(dict(_score_genes(fitted, X, X_test)), index=data.var.index).rename_axis(
        "gene"
    )
    scores = pd.DataFrame.from_dict(facts, orient="index").rename_axis("representation")
    scores["n_genes"] = len(by_gene)
    scores["mse"] = by_gene.mean().loc[scores.index]
    scores["r2"] = 1 - scores["mse"] / by_gene["variance"].mean()
    found = {"scores": scores}
    if job["examined"]:
        found |= {"genes": by_gene} | _examine(fitted, data, np.asarray(X_test), job)
    return found


def _fit_all(
    data: Preprocessed, job: Job
) -> tuple[dict[str, Representation], dict[str, dict[str, float]]]:
    """Representations by name, with the seconds that each one took, epochs and parameters."""
    X, k, seed = np.asarray(data.matrix("train")), job["k"], job["seed"]
    fitted: dict[str, Representation] = {}
    facts: dict[str, dict[str, float]] = {}
    for name in job["linear"]:
        start = time.perf_counter()
        fitted[name] = LINEAR[name](X, k, seed)
        facts[name] = {"seconds": time.perf_counter() - start}
    for name, values in job["encoders"].items():
        trained = train(data, seed, job["cache"], **values | {"n_latent": k})
        fitted[name] = represent(trained.encoder, name)
        facts[name] = {
            "seconds": trained.metrics["train/seconds"],
            "epochs": len(trained.fitted.history) - 1,
        }
        facts[name]["parameters"] = count_parameters(trained.encoder)
    return fitted, facts


def count_parameters(encoder: Encoder) -> int:
    """Weights and biases of both networks."""
    networks = (encoder.encoder, encoder.decoder)
    layers: list[Any] = [
        *(layer for one in networks for layer in one.layers),
        *(one.shortcut for one in networks if one.shortcut),
    ]
    return sum(layer.weight.size + layer.bias.size for layer in layers)


def _score_genes(
    fitted: dict[str, Representation], X: np.ndarray, X_test: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Mean squared error of each gene (n_genes,) over test rows, for the train mean (``variance``)
    and every representation.
    """
    yield "variance", np.square(X_test - X.mean(axis=0, dtype=np.float64)).mean(axis=0)
    for name, one in fitted.items():
        assert one.decode is not None
        yield (
            name,
            np.square(X_test - one.decode(one.latents(X_test)), dtype=np.float64).mean(axis=0),
        )


def _examine(
    fitted: dict[str, Representation], data: Preprocessed, X_test: np.ndarray, job: Job
) -> Tables:
    """Units of the published encoder, and for every representation the gene sets among the genes of
    high weight.
    """
    X, genes, tables = np.asarray(data.matrix("train")), data.var.index, {}
    gene_sets, enriched = read_enrichment_sets(job["gene_sets"]), []
    for name, one in fitted.items():
        z, z_test = one.latents(X), one.latents(X_test)
        signatures = sign_nodes(weigh_nodes(one, X, genes), z, z_test)
        enriched.append(enrich_nodes(signatures, gene_sets).assign(representation=name))
        if name == job["published"]:
            units = [f"node_{i:03d}" for i in range(z.shape[1])]
            tables["units"] = signatures.units.rename_axis("node")
            tables["features"] = pd.DataFrame(
                z.astype(np.float32), index=data.obs("train").index, columns=units
            )
    return tables | {"enriched": pd.concat(enriched, ignore_index=True)}
