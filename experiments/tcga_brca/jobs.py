"""One training of one variant on one split, scored on its test samples."""

from __future__ import annotations

from pathlib import Path

from experiments.run import Job, Tables, represent, train
from genexp.evaluation.baselines import fit_pca, fit_raw
from genexp.preprocessing import load_preprocessed
from genexp.verdict.downstream import score_test


def train_variant(job: Job) -> Tables:
    """Scores of the encoder, PCA and all genes, and the history of the training."""
    data, seed = load_preprocessed(Path(job["folder"])), job["seed"]
    trained = train(data, seed, job["cache"], **job["values"])
    X, k = data.matrix("train"), trained.encoder.n_latent
    beside = [fit_pca(X, k), *([fit_raw(X, k, seed)] if job["raw"] else [])]
    scores = score_test([represent(trained.encoder), *beside], data, seed)
    scores.loc["encoder", "epochs"] = len(trained.fitted.history) - 1
    return {
        "scores": scores,
        "history": trained.fitted.history.assign(**{"r2/val_pca": trained.metrics["r2/val_pca"]}),
    }
