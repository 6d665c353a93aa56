"""Terms of a compendium from the latents of one encoder, and the genes that their prediction needs,
on test contrasts.
"""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_limits

from experiments.run import Job, Tables, represent, train
from genexp.cohort.terms import read_terms
from genexp.errors import EvaluationError
from genexp.evaluation.baselines import fit_pca, fit_raw
from genexp.evaluation.latents import PartLatents
from genexp.evaluation.task import Skipped
from genexp.evaluation.terms import evaluate_terms
from genexp.explain.deletion import evaluate_deletion
from genexp.preprocessing import load_preprocessed


def explain(job: Job) -> Tables:
    """Predict every term beside PCA and the raw genes, and delete genes in three orders.

    Returns
    -------
    dict of DataFrame
        ``scores`` and ``by_term`` of :class:`genexp.evaluation.terms.Terms`, ``curves`` and
        ``areas`` of
        :class:`genexp.explain.deletion.Deletion`.
    """
    data = load_preprocessed(Path(job["folder"]))
    encoder = train(data, job["seed"], job["cache"], **job["values"]).encoder
    X, (X_test, obs_test) = data.matrix("train"), data.access_test()
    ways = [represent(encoder), fit_pca(X, encoder.n_latent, 0), fit_raw(X, encoder.n_latent, 0)]
    parts = [
        PartLatents(part, obs, {one.name: one.latents(rows) for one in ways})
        for part, rows, obs in (("train", X, data.obs("train")), ("test", X_test, obs_test))
    ]
    table = read_terms(job["terms"], [sample for part in parts for sample in part.obs.index])
    with threadpool_limits(1):
        terms = evaluate_terms(parts[0], parts[1], table, seed=0)
        if isinstance(terms, Skipped):
            raise EvaluationError(" ".join(terms.notes))
        deletion = evaluate_deletion(
            encoder, {"train": X, "test": X_test}, terms, parts[0], parts[1], seed=0
        )
    return {
        "scores": terms.scores,
        "by_term": terms.by_term,
        "curves": deletion.curves,
        "areas": deletion.areas,
    }
