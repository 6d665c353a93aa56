"""Train on a simulated cohort, and hold what is rebuilt of its test cells against what was
planted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr

from experiments.run import Job, Tables, represent, train
from genexp.cohort.simulators.cells import SimulatedCells, simulate_cells
from genexp.evaluation.baselines import Representation, fit_pca
from genexp.evaluation.latents import ENCODER
from genexp.preprocessing import Preprocessed
from genexp.preprocessing.store import load_preprocessed
from genexp.training.loop import Fitted
from genexp.training.train import encode_rows
from genexp.verdict.downstream import score_test

PER = 1e4
"""Truth and estimates are compared as log2(counts per ten thousand + 1)."""
SEEN = 0.5
"""Mean count in train cells from which a gene's size is compared with the planted one."""


def denoise(job: Job) -> Tables:
    """Scores of every variant, PCA and the counts themselves on one cohort; sizes and gates of its
    genes beside what was planted.
    """
    data = load_preprocessed(Path(job["folder"]))
    cells = simulate_cells(
        job["n_cells"], job["n_genes"], job["seed"], job["depth"], job["dropout"]
    )
    truth, rows, genes = Truth(cells, data), {}, {}
    pca = fit_pca(data.matrix("train"), int(job["values"]["n_latent"]))
    rows["counts"] = truth.compare(np.asarray(truth.X), None)
    rows["PCA"] = judge(truth, data, Representation(ENCODER, pca.encode, pca.decode), job["seed"])
    for name, own in job["variants"].items():
        made = train(data, job["seed"], job["cache"], **{**job["values"], **own})
        rows[name] = judge(truth, data, represent(made.encoder), job["seed"]) | {
            "loss": made.fitted.loss_val
        }
        if own.get("kind") == "count":
            genes[name] = read_genes(made.fitted, data)
    found = pd.concat(
        {name: table.join(truth.genes) for name, table in genes.items()},
        names=["representation", "gene"],
    )
    scores = pd.DataFrame.from_dict(rows, orient="index", dtype=float)
    return {"scores": scores.join(compare_genes(found, cells)), "genes": found.reset_index()}


class Truth:
    """Planted expression of the test cells and kept genes of a preprocessed cohort."""

    def __init__(self, cells: SimulatedCells, data: Preprocessed) -> None:
        self.data, (self.X, obs) = data, data.access_test()
        at = np.ix_(
            cells.obs.index.get_indexer(obs.index),
            columns := pd.Index(cells.genes).get_indexer(data.var.index),
        )
        share = cells.expected[at].astype(np.float64)
        self.log = np.log2(PER * share / share.sum(axis=1, keepdims=True) + 1)
        self.lost = cells.lost[at]
        train_rows = cells.obs.index.get_indexer(data.obs("train").index)
        library = np.log(cells.truth["cells"]["library"].to_numpy())
        self.library = {"train": library[train_rows], "test": library[at[0][:, 0]]}
        self.genes = (
            cells.truth["genes"]
            .iloc[columns]
            .rename(columns={"size": "planted_size", "dropout": "planted_dropout"})
        )
        self.genes["mean_count"] = cells.X[train_rows].mean(axis=0)[columns]

    def compare(
        self, scaled: np.ndarray, latents: dict[str, np.ndarray] | None
    ) -> dict[str, float]:
        """Errors of rebuilt rows (n_test, n_genes), over all entries and where counts were lost;
        the library size in the latents.
        """
        share = (
            np.maximum(np.exp2(self.data.transform.invert(scaled).astype(np.float64)) - 1, 0)
            / self.data.transform.common_library
        )
        found = np.log2(PER * share + 1)
        error = found - self.log
        scores = {
            "correlation": _correlate(found, self.log),
            "rmse": float(np.sqrt(np.square(error).mean())),
            "bias": float(error.mean()),
        }
        lost = (
            (
                _correlate(found, self.log, self.lost),
                float(np.sqrt(np.square(error[self.lost]).mean())),
            )
            if self.lost.any()
            else (np.nan,) * 2
        )
        scores |= {"correlation_lost": lost[0], "rmse_lost": lost[1]}
        return scores | ({} if latents is None else {"library": self._find_library(latents)})

    def _find_library(self, latents: dict[str, np.ndarray]) -> float:
        """R2 on test cells of the planted log library as a linear function of latents, fitted on
        train cells.
        """
        from sklearn.linear_model import LinearRegression

        return float(
            LinearRegression()
            .fit(latents["train"], self.library["train"])
            .score(latents["test"], self.library["test"])
        )


def _correlate(found: np.ndarray, truth: np.ndarray, at: np.ndarray | None = None) -> float:
    """Correlation over entries after every gene's mean over the test cells was taken off:
    differences between cells alone.
    """
    found, truth = found - found.mean(axis=0), truth - truth.mean(axis=0)
    chosen = slice(None) if at is None else at
    return float(np.corrcoef(found[chosen].ravel(), truth[chosen].ravel())[0, 1])


def judge(truth: Truth, data: Preprocessed, one: Representation, seed: int) -> dict[str, float]:
    """Scores of a representation on test cells: those of the truth, and R2, macro F1 and adjusted
    Rand index as everywhere.
    """
    latents = {"train": one.latents(data.matrix("train")), "test": one.latents(truth.X)}
    assert one.decode is not None
    own = truth.compare(np.asarray(one.decode(latents["test"])), latents)
    return own | score_test([one], data, seed).loc[one.name, ["r2", "macro_f1", "ari"]].to_dict()


@torch.no_grad()
def read_genes(fitted: Fitted, data: Preprocessed) -> pd.DataFrame:
    """Size of every gene, and its mean probability of an added zero over train cells (0 without a
    gate).
    """
    network: Any = fitted.network.eval()
    X = np.asarray(data.matrix("train")) - np.asarray(data.matrix("train")).mean(axis=0)
    log_size, gate = network.dispersion(
        network.decoder[:-1](torch.from_numpy(encode_rows(fitted, X)))
    )
    called = 0.0 if gate is None else gate.sigmoid().mean(0).numpy()
    return pd.DataFrame({"size": log_size.exp().numpy(), "called": called}, index=data.var.index)


def compare_genes(genes: pd.DataFrame, cells: SimulatedCells) -> pd.DataFrame:
    """By variant: rank correlation and median log ratio of found and planted sizes of seen genes,
    mean called and planted drop-outs.
    """
    rows: dict[str, dict[str, float]] = {}
    for name, own in genes.groupby(level="representation"):
        seen = own[own["mean_count"] >= SEEN]
        ratio = np.log2(seen["size"] / seen["planted_size"])
        rows[name] = {
            "size_rho": spearmanr(seen["size"], seen["planted_size"]).statistic,
            "size_log2_ratio": ratio.median(),
        }
        rows[name] |= {"called": own["called"].mean(), "planted": own["planted_dropout"].mean()}
        rankable = own["called"].any() and cells.lost.any()
        rows[name]["called_rho"] = (
            spearmanr(own["called"], own["planted_dropout"]).statistic if rankable else np.nan
        )
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float)
