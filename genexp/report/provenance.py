"""Part of the report on how everything was done, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genexp.evaluation.outcomes import Outcomes
from genexp.evaluation.probe import Probe
from genexp.evaluation.projection import Embeddings
from genexp.evaluation.terms import Terms
from genexp.explain.explanation import Explanation
from genexp.model.types import MODEL_TYPES, create_model_type
from genexp.report.html import Html, render_paragraph, render_section, render_table, to_html
from genexp.report.sections.genes import describe_methods
from genexp.report.sections.seeds import describe_intervals
from genexp.report.sections.survival import describe_methods as describe_prognosis
from genexp.report.sections.terms import describe_terms
from genexp.settings.aliases import update_stored
from genexp.settings.model import KIND_PARAMETERS
from genexp.settings.training import EncoderConfig
from genexp.settings.values import parameter_names
from genexp.survival.prognosis import Prognosis
from genexp.survival.regression import Survival
from genexp.verdict.evaluation import Evaluation


def render_provenance(evaluation: Evaluation) -> str:
    """Section on how all was done and where it comes from."""
    summary, card = evaluation.summary, evaluation.summary["card"]
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    facts = {
        "Cohort fingerprint": summary["fingerprint"],
        "Split hash": summary["split_hash"],
        "Seed": summary["seed"],
        "Versions": versions,
    }
    own = {
        f"encoder: {name}": value
        for name, value in {**drop_other_kinds(update_stored(card.get("config", {}))), **update_stored(card)}.items()
        if isinstance(value, str | int | float) and value != ""
    }
    rows = [[name, Html(f"<code>{to_html(value)}</code>")] for name, value in {**facts, **own}.items()]
    audit = ([check, row.outcome, row.found] for check, row in evaluation.audit.checks.iterrows())
    return render_section(
        "methods",
        "Methods",
        render_paragraph(" ".join(_describe_methods(evaluation))),
        render_table("Audit of the split, before anything was evaluated.", ["Check", "Outcome", "Found"], audit),
        render_table("Provenance and settings.", ["What", "Value"], rows),
    )


def drop_other_kinds(config: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of an encoder without those that only other kinds have."""
    if config.get("kind") not in MODEL_TYPES:
        return dict(config)
    made = EncoderConfig(**{name: value for name, value in config.items() if name in EncoderConfig.model_fields})
    own = {*create_model_type(made).parameters}
    others = {name for parameters in KIND_PARAMETERS for name in parameter_names(parameters)} - own
    return {name: value for name, value in config.items() if name not in others}


def _describe_methods(evaluation: Evaluation) -> list[str]:
    summary = evaluation.summary
    n_opened = summary["test_openings"]
    sentences = [
        f"The cohort {summary['cohort']} ({summary['scale']}, {summary['n_genes']:,} genes kept) was split once into",
        f"{summary['n_train']:,} train, {summary['n_val']:,} validation and {summary['n_test']:,} test samples,",
        "groups such as patients undivided.",
        "Gene filter, scaling, PCA, clusters, probe and Cox regression were fitted on train samples alone.",
        f"The test samples of this split have been opened {n_opened} {'time' if n_opened == 1 else 'times'}.",
        "Beside the encoder stand PCA, NMF (values shifted by each gene's train minimum) and a random projection (decoded by least",
        "squares), each with as many components, and the raw genes: the same penalised models on all scaled genes, in the row space of the",
        "train samples.",
        "R² is 1 − Σ(x − x̂)² / Σ(x − train mean)² over scaled values.",
        f"Clusters: k-means, k from 2 to {summary['max_clusters']} by silhouette; beside it a Gaussian mixture and Ward's tree.",
        f"Maps: t-SNE (openTSNE, perplexity {evaluation.results.require(Embeddings).perplexity:g}), UMAP and PCA of the latents;",
        "no score was computed on a map.",
    ]
    if evaluation.results.get_result(Probe) is not None:
        sentences.append("Label: logistic regression, penalty by grouped cross-validation.")
    sentences += describe_terms(evaluation.results.get_result(Terms))
    if evaluation.results.get_result(Outcomes) is not None:
        sentences.append("Continuous outcomes: ridge regression, penalty by grouped cross-validation on train samples.")
    if evaluation.results.get_result(Survival) is not None:
        sentences += [
            "Survival: one sample per patient, ridge Cox regression, penalty by cross-validation, Harrell's C;",
            "Kaplan-Meier with 95 % bands and log-rank test by cluster; q after Benjamini and Hochberg.",
        ]
    if (prognosis := evaluation.results.get_result(Prognosis)) is not None:
        sentences += describe_prognosis(prognosis)
    sentences += describe_methods(evaluation.results.require(Explanation))
    return [*sentences, describe_intervals(evaluation.seeds)]
