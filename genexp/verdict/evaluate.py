"""One look at the test samples: everything is fitted on train samples, judged on test samples, and stands beside baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

import genexp
from genexp.cohort.terms import read_terms
from genexp.errors import EvaluationError, name_some
from genexp.evaluation.audit import audit_split, log_audit, refuse_leaks
from genexp.evaluation.baselines import build_representations
from genexp.evaluation.batch_effects import evaluate_batch_effects
from genexp.evaluation.cluster_methods import compare_methods
from genexp.evaluation.clustering import evaluate_clusters
from genexp.evaluation.faithfulness import name_metrics
from genexp.evaluation.novelty import evaluate_novelty
from genexp.evaluation.probe import evaluate_probe
from genexp.evaluation.projection import embed_latents
from genexp.evaluation.reconstruction import evaluate_reconstruction
from genexp.evaluation.results import ENCODER, Evaluation, PartLatents
from genexp.evaluation.terms import evaluate_terms
from genexp.explain.deletion import judge_deletion
from genexp.explain.enrichment import read_gene_sets
from genexp.explain.explanation import explain_encoder
from genexp.model.encoder import Encoder
from genexp.preprocessing.store import Preprocessed
from genexp.settings.evaluation import EvaluationConfig
from genexp.survival.prognosis import judge_prognosis
from genexp.survival.regression import evaluate_survival
from genexp.tracker import NullTracker, Tracker
from genexp.verdict.heads import evaluate_heads
from genexp.verdict.seeds import Findings, describe_seeds, judge_seeds
from genexp.verdict.verdict import compare_representations, draw_weights

MIN_TRAIN, MIN_TEST = 10, 2
"""Samples without which nothing can be fitted or judged."""
JUDGES = ("numpy", "scikit-learn", "lifelines", "openTSNE", "umap-learn")
"""Packages whose versions a report names."""

OtherSeeds = Mapping[int, Callable[[], Encoder]]
"""How to build the encoders that the same configuration gave with other seeds, by seed."""


def evaluate_encoder(
    encoder: Encoder, data: Preprocessed, config: EvaluationConfig, seed: int, tracker: Tracker, others: OtherSeeds | None = None
) -> Evaluation:
    """Judge an encoder on the test samples, which are opened once, and log what was found.

    Parameters
    ----------
    encoder : Encoder
        Fitted without the test samples; its genes are those of ``data``, in their order.
    data : Preprocessed
        The split and scaled cohort.
    config : EvaluationConfig
        Perplexity, largest number of clusters, gene sets and how to attribute.
    seed : int
        Of clusters, folds, pictures and bootstrap.
    tracker : Tracker
        Gets metrics, tags, description, tables under ``evaluation/``, figures under ``figures/`` and ``report.html``.
    others : mapping, optional
        Further seeds of the same configuration: only their scores are computed, for the verdict's intervals and the table of seeds.

    Raises
    ------
    EvaluationError
        The encoder's genes are not those of the data, its train samples are not there, the audit finds a leak between the parts,
        or the encoder gives the same latents for every sample.
    """
    _check_genes(encoder, data)
    _check_samples(data)
    evaluation = judge_encoder(encoder, data, config, seed, tracker, others)
    log_evaluation(evaluation, tracker)
    return evaluation


def judge_encoder(
    encoder: Encoder,
    data: Preprocessed,
    config: EvaluationConfig,
    seed: int,
    tracker: Tracker | None = None,
    others: OtherSeeds | None = None,
) -> Evaluation:
    """Everything of :func:`evaluate_encoder` but the first checks and the logging, except that of the audit."""
    gene_sets = read_gene_sets(config.gene_sets) if config.gene_sets else None
    term_table = read_terms(config.terms, list_judged(data)) if config.terms else None
    X_test, obs_test = data.open_test()
    rows = {part: (data.matrix(part), data.obs(part)) for part in ("train", "val")} | {"test": (X_test, obs_test)}
    audit = audit_split(rows, data, encoder)
    log_audit(audit, tracker or NullTracker())
    refuse_leaks(audit)
    X_train = rows["train"][0]
    representations = build_representations(encoder, X_train, seed)
    parts = [PartLatents(part, obs, {one.name: one.latents(X) for one in representations}) for part, (X, obs) in rows.items()]
    train, _, test = parts
    reconstruction = evaluate_reconstruction(representations, X_test, X_train.mean(axis=0, dtype=np.float64), test, data.var.index)
    with threadpool_limits(1):  # on arrays as small as latents further threads only wait for each other, minutes where the machine is busy
        clustering = evaluate_clusters(parts, config.max_clusters, seed, X_test)
        weights = draw_weights(obs_test["group"].astype(str).to_numpy(), seed)
        methods = compare_methods(parts, clustering, weights, seed)
        probe, probe_notes = evaluate_probe(train, test, seed)
        batch_effects, batch_notes = evaluate_batch_effects(parts, probe, seed)
        terms, term_notes = (None, list[str]()) if term_table is None else evaluate_terms(train, test, term_table, seed)
        survival, survival_notes = evaluate_survival(train, test, clustering.assignments, encoder.latents, seed)
        prognosis, prognosis_notes = None, list[str]()
        if survival is not None:
            prognosis, prognosis_notes = judge_prognosis(survival, {"train": X_train, "test": X_test}, train, test, encoder.genes, seed)
        heads, head_notes = evaluate_heads(encoder, train, test, probe, survival, seed)
        embeddings = embed_latents(parts, clustering.assignments, config.perplexity, seed)
    findings = Findings(reconstruction, clustering, probe, survival, terms)
    further, seeds = judge_seeds(encoder, others, rows, findings, config, seed) if others else ([], None)
    explained = {"train": X_train, "test": X_test}
    explanation = explain_encoder(encoder, explained, train, test, probe, survival, gene_sets, config.attribution, seed, terms)
    deletion = None if terms is None else judge_deletion(encoder, explained, terms, train, test, seed)
    novelty, novelty_notes = evaluate_novelty(encoder, {part: rows[part][0] for part in ("train", "val")}, test, reconstruction, seed)
    scores = {"cluster": clustering.scores, "probe": None if probe is None else probe.scores}
    scores |= {"survival": None if survival is None else survival.scores}
    scores |= {"batch_effect": None if batch_effects is None else batch_effects.scores}
    scores |= {"terms": None if terms is None else terms.scores}
    metrics = _name_metrics(reconstruction.scores, scores) | explanation.metrics | methods.metrics | name_metrics(embeddings.faithfulness)
    metrics |= {
        name: value
        for found in (novelty, seeds, heads, batch_effects, deletion)
        if found is not None
        for name, value in found.metrics.items()
    }
    if survival is not None and prognosis is not None:
        metrics |= {"survival/log_rank_p": survival.log_rank_p, **prognosis.metrics}
    undefined = [name for name, value in metrics.items() if not np.isfinite(value)]
    notes = [f"Undefined on these test samples: {name_some(undefined)}."] if undefined else []
    return Evaluation(
        metrics={name: value for name, value in metrics.items() if name not in undefined},
        audit=audit,
        reconstruction=reconstruction,
        embeddings=embeddings,
        clustering=clustering,
        methods=methods,
        probe=probe,
        survival=survival,
        prognosis=prognosis,
        novelty=novelty,
        comparison=compare_representations(obs_test, findings, seed, further),
        explanation=explanation,
        latents=_collect_latents(parts, encoder),
        summary=_summarise(encoder, data, parts, config, seed),
        notes=(
            *notes,
            *probe_notes,
            *batch_notes,
            *term_notes,
            *survival_notes,
            *prognosis_notes,
            *novelty_notes,
            *head_notes,
            *explanation.notes,
        ),
        seeds=seeds,
        batch_effects=batch_effects,
        heads=heads,
        terms=terms,
        deletion=deletion,
    )


def list_judged(data: Preprocessed) -> list[str]:
    """Ids of the samples on which evaluation fits and judges: those of train and test."""
    return data.split.index[data.split["part"].isin(["train", "test"])].tolist()


def _check_genes(encoder: Encoder, data: Preprocessed) -> None:
    if list(encoder.genes) == list(data.var.index):
        return
    absent = sorted(set(encoder.genes) - set(data.var.index))
    found = f"it lacks {name_some(absent)}" if absent else f"it has {len(data.var)} genes in another order or number"
    raise EvaluationError(
        f"a cohort with the {len(encoder.genes)} genes of the encoder was expected; {found}. Apply the encoder's own transform to it"
    )


def _check_samples(data: Preprocessed) -> None:
    counts = data.split["part"].value_counts().reindex(["train", "test"], fill_value=0)
    if counts["train"] < MIN_TRAIN or counts["test"] < MIN_TEST:
        raise EvaluationError(
            f"at least {MIN_TRAIN} of the encoder's train samples, to fit what it stands beside, and {MIN_TEST} test samples were "
            f"expected; this cohort has {counts['train']} and {counts['test']}. Evaluate on the cohort that the encoder was trained on"
        )


def _name_metrics(reconstruction: pd.DataFrame, scores: Mapping[str, pd.DataFrame | None]) -> dict[str, float]:
    """Quantity first; a baseline's name comes last: ``r2/test_pca``, ``probe/macro_f1_pca``."""
    metrics: dict[str, float] = {}
    for name, row in reconstruction.iterrows():
        metrics |= {f"{quantity}/test{_suffix(name)}": float(value) for quantity, value in row.items()}
    for task, table in scores.items():
        shown = pd.DataFrame() if table is None else table.drop(columns=["C", "penalty"], errors="ignore")
        for name, row in shown.iterrows():
            metrics |= {f"{task}/{quantity}{_suffix(name)}": float(value) for quantity, value in row.items()}
    return metrics


def _suffix(representation: object) -> str:
    return "" if representation == ENCODER else f"_{representation}"


def _collect_latents(parts: list[PartLatents], encoder: Encoder) -> pd.DataFrame:
    tables = [pd.DataFrame(part.z[ENCODER], index=part.obs.index, columns=encoder.latents) for part in parts]
    return pd.concat(tables).rename_axis("sample_id")


def _summarise(encoder: Encoder, data: Preprocessed, parts: list[PartLatents], config: EvaluationConfig, seed: int) -> dict[str, Any]:
    return {
        "cohort": data.name,
        "scale": data.scale,
        "fingerprint": data.fingerprint,
        "split_hash": data.split_hash,
        "n_genes": len(data.var),
        "n_latent": encoder.n_latent,
        **{f"n_{part.part}": len(part.obs) for part in parts},
        "test_openings": data.n_openings,
        "seed": seed,
        "perplexity": config.perplexity,
        "max_clusters": config.max_clusters,
        "gene_sets": config.gene_sets,
        "terms": config.terms,
        "versions": {"genexp": genexp.__version__} | {package: version(package) for package in JUDGES},
        "card": dict(encoder.card),
    }


def log_evaluation(evaluation: Evaluation, tracker: Tracker) -> None:
    """Log metrics, tags, description, tables under ``evaluation/``, figures under ``figures/`` and ``report.html``."""
    from genexp.report.figures.draw import draw_figures
    from genexp.report.page import render_report

    tracker.log_metrics(evaluation.metrics)
    tracker.set_tags({**evaluation.tags, **_name_encoder(evaluation)})
    tracker.describe(describe_evaluation(evaluation))
    for name, table in evaluation.tables.items():
        tracker.log_table(f"evaluation/{name}.tsv", table)
    for name, figure in draw_figures(evaluation):
        tracker.log_figure(name, figure)
    tracker.log_text("report.html", render_report(evaluation))


def _name_encoder(evaluation: Evaluation) -> dict[str, object]:
    """Tags by which evaluations are told apart and compared: cohort, split and what the encoder is."""
    summary, config = evaluation.summary, evaluation.summary["card"].get("config", {})
    facts = {name: summary[name] for name in ("cohort", "split_hash", "n_latent", "test_openings")}
    return facts | {"kind": config.get("kind", ""), "n_seeds": 1 if evaluation.seeds is None else len(evaluation.seeds.scores)}


def describe_evaluation(evaluation: Evaluation) -> str:
    """Markdown for the run: the verdict, a sentence for each task, what was left out."""
    below = [f"Below PCA: {', '.join(evaluation.comparison.below_pca)}.", ""] if evaluation.comparison.below_pca else []
    lines = [f"**{evaluation.verdict}**", "", *below, *(f"- {sentence}" for sentence in evaluation.comparison.rows["sentence"])]
    if evaluation.prognosis is not None and "survival" not in evaluation.comparison.withheld:
        lines += [f"- survival: {sentence}" for sentence in evaluation.prognosis.increments["sentence"]]
    lines += [f"- {sentence}" for sentence in evaluation.heads.sentences] if evaluation.heads is not None else []
    seeds = describe_seeds(evaluation.seeds, evaluation.summary["card"])
    return "\n".join([*lines, "", f"- {seeds}", *(f"- {note}" for note in evaluation.notes)]).strip() + "\n"
