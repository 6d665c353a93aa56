"""Evaluation of an encoder: fit on train samples, score test samples, compare with baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

import genexp
from genexp.errors import EvaluationError, name_some
from genexp.evaluation.audit import Rows, audit_split, log_audit, refuse_leaks
from genexp.evaluation.baselines import build_representations
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.task import EvaluationInputs, Result
from genexp.model.encoder import Encoder
from genexp.preprocessing.store import Preprocessed
from genexp.settings.evaluation import EvaluationConfig
from genexp.survival.prognosis import Prognosis
from genexp.tracker import NullTracker, Tracker
from genexp.verdict.evaluation import Evaluation
from genexp.verdict.seeds import describe_seeds, evaluate_seeds
from genexp.verdict.tasks import TASKS, check_tasks
from genexp.verdict.verdict import compare_representations

MIN_TRAIN, MIN_TEST = 10, 2
"""Fewest train and test samples for an evaluation."""
PACKAGES = ("numpy", "scikit-learn", "lifelines", "openTSNE", "umap-learn")
"""Packages with their version in the report."""

OtherSeeds = Mapping[int, Callable[[], Encoder]]
"""Functions that build the encoders of the same configuration with other seeds, by seed."""


def evaluate_encoder(
    encoder: Encoder,
    data: Preprocessed,
    config: EvaluationConfig,
    seed: int,
    tracker: Tracker | None = None,
    others: OtherSeeds | None = None,
) -> Evaluation:
    """Evaluate an encoder on the held-out test samples, which are accessed once.

    Parameters
    ----------
    encoder : Encoder
        Fitted without the test samples; its genes are those of ``data``, in their order.
    data : Preprocessed
        The split and scaled cohort.
    config : EvaluationConfig
        Perplexity, largest number of clusters, gene sets and attribution method.
    seed : int
        Of clusters, folds, embeddings and bootstrap.
    tracker : Tracker, optional
        Gets the audit at once, also where it fails; :func:`genexp.report.log.log_evaluation` logs
        the rest.
    others : mapping, optional
        Other seeds of the same configuration: only their scores are computed, for the intervals of
        the verdict and the table of seeds.

    Raises
    ------
    EvaluationError
        The encoder's genes are not those of the data, its train samples are not there, the audit
        finds a leak between the parts, or the encoder gives the same latents for every sample.
    """
    _check_genes(encoder, data)
    _check_samples(data)
    check_tasks(config, data)
    X_test, obs_test = data.access_test()  # after all checks: every access is counted
    rows = {part: (data.matrix(part), data.obs(part)) for part in ("train", "val")} | {
        "test": (X_test, obs_test)
    }
    audit = audit_split(rows, data, encoder)
    log_audit(audit, tracker or NullTracker())
    refuse_leaks(audit)
    inputs = build_inputs(encoder, rows, data.var.index, config, seed)
    notes: list[str] = []
    for task in TASKS:
        with threadpool_limits(1 if task.one_thread else None):
            result = task.evaluate(inputs)
        notes += result.notes
        if isinstance(result, Result):
            inputs = replace(inputs, results=inputs.results.add(task.name, result))
    further, seeds = evaluate_seeds(inputs, others, TASKS) if others else ([], None)
    evaluation = Evaluation(
        results=inputs.results,
        audit=audit,
        comparison=compare_representations(obs_test, inputs.results, seed, further),
        latents=_collect_latents(inputs),
        summary=_summarise(inputs, data),
        notes=tuple(notes),
        seeds=seeds,
    )
    undefined = [name for name in evaluation.all_metrics if name not in evaluation.metrics]
    return (
        replace(
            evaluation, notes=(f"Undefined on these test samples: {name_some(undefined)}.", *notes)
        )
        if undefined
        else evaluation
    )


def build_inputs(
    encoder: Encoder, rows: Rows, genes: pd.Index, config: EvaluationConfig, seed: int
) -> EvaluationInputs:
    """Fit the baselines on train samples, and compute the latents of all samples by encoder and
    baselines.

    Parameters
    ----------
    encoder : Encoder
    rows : mapping of str to (ndarray of float32, (n_samples, n_genes), DataFrame)
        Scaled expression and annotations by part, ``train``, ``val``, ``test``.
    genes : Index, (n_genes,)
    config : EvaluationConfig
    seed : int
    """
    representations = build_representations(encoder, rows["train"][0], seed)
    parts = {
        part: PartLatents(part, obs, {way.name: way.latents(X) for way in representations})
        for part, (X, obs) in rows.items()
    }
    return EvaluationInputs(
        encoder,
        {part: X for part, (X, _) in rows.items()},
        parts,
        representations,
        genes,
        config,
        seed,
    )


def _check_genes(encoder: Encoder, data: Preprocessed) -> None:
    if list(encoder.genes) == list(data.var.index):
        return
    absent = sorted(set(encoder.genes) - set(data.var.index))
    lack = (
        f"it lacks {name_some(absent)}"
        if absent
        else f"it has {len(data.var)} genes in another order or number"
    )
    raise EvaluationError(
        f"expected a cohort with the {len(encoder.genes)} genes of the encoder; {lack}. "
        "Apply the encoder's own transform to it"
    )


def _check_samples(data: Preprocessed) -> None:
    counts = data.split["part"].value_counts().reindex(["train", "test"], fill_value=0)
    if counts["train"] < MIN_TRAIN or counts["test"] < MIN_TEST:
        raise EvaluationError(
            f"expected at least {MIN_TRAIN} of the encoder's train samples, to fit the "
            f"baselines, and {MIN_TEST} test samples; "
            f"found {counts['train']} and {counts['test']} in this cohort. Evaluate on the "
            "cohort that the encoder was trained on"
        )


def _collect_latents(inputs: EvaluationInputs) -> pd.DataFrame:
    tables = [
        pd.DataFrame(part.z[ENCODER], index=part.obs.index, columns=inputs.encoder.latents)
        for part in inputs.all_parts
    ]
    return pd.concat(tables).rename_axis("sample_id")


def _summarise(inputs: EvaluationInputs, data: Preprocessed) -> dict[str, Any]:
    config = inputs.config
    return {
        "cohort": data.name,
        "scale": data.scale,
        "fingerprint": data.fingerprint,
        "split_hash": data.split_hash,
        "n_genes": len(data.var),
        "n_latent": inputs.encoder.n_latent,
        **{f"n_{part.part}": len(part.obs) for part in inputs.all_parts},
        "test_openings": data.n_accesses,
        "seed": inputs.seed,
        "perplexity": config.perplexity,
        "max_clusters": config.max_clusters,
        "gene_sets": config.gene_sets,
        "terms": config.terms,
        "versions": {"genexp": genexp.__version__}
        | {package: version(package) for package in PACKAGES},
        "card": dict(inputs.encoder.card),
    }


def describe_evaluation(evaluation: Evaluation) -> str:
    """Markdown description of the run: the verdict, a sentence for each task, and exclusions."""
    worse = (
        [f"Worse than PCA: {', '.join(evaluation.comparison.worse_than_pca)}.", ""]
        if evaluation.comparison.worse_than_pca
        else []
    )
    lines = [
        f"**{evaluation.verdict}**",
        "",
        *worse,
        *(f"- {sentence}" for sentence in evaluation.comparison.rows["sentence"]),
    ]
    for result in evaluation.results.values():
        if not (isinstance(result, Prognosis) and "survival" in evaluation.comparison.withheld):
            lines += [f"- {sentence}" for sentence in result.sentences]
    seeds = describe_seeds(evaluation.seeds, evaluation.summary["card"])
    return (
        "\n".join([*lines, "", f"- {seeds}", *(f"- {note}" for note in evaluation.notes)]).strip()
        + "\n"
    )
