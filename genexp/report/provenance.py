"""Section of the report on methods and provenance."""

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
from genexp.report.sections.genes import describe_attribution_methods
from genexp.report.sections.seeds import describe_intervals
from genexp.report.sections.survival import describe_survival_methods
from genexp.report.sections.terms import describe_terms
from genexp.settings.aliases import update_stored
from genexp.settings.model import KIND_PARAMETERS
from genexp.settings.training import EncoderConfig
from genexp.settings.values import parameter_names
from genexp.survival.prognosis import Prognosis
from genexp.survival.regression import Survival
from genexp.verdict.evaluation import Evaluation


def render_provenance(evaluation: Evaluation) -> str:
    """Section on methods and provenance."""
    summary, card = evaluation.summary, evaluation.summary["card"]
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    facts = {
        "Cohort fingerprint": summary["fingerprint"],
        "Split hash": summary["split_hash"],
        "Seed": summary["seed"],
        "Versions": versions,
    }
    of_encoder = {
        f"encoder: {name}": value
        for name, value in {
            **drop_other_kinds(update_stored(card.get("config", {}))),
            **update_stored(card),
        }.items()
        if isinstance(value, str | int | float) and value != ""
    }
    rows = [
        [name, Html(f"<code>{to_html(value)}</code>")]
        for name, value in {**facts, **of_encoder}.items()
    ]
    audit = ([check, row.outcome, row.found] for check, row in evaluation.audit.checks.iterrows())
    return render_section(
        "methods",
        "Methods",
        render_paragraph(" ".join(_describe_methods(evaluation))),
        render_table(
            "Audit of the split, before anything was evaluated.",
            ["Check", "Outcome", "Finding"],
            audit,
        ),
        render_table("Provenance and settings.", ["Item", "Value"], rows),
    )


def drop_other_kinds(config: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of an encoder, without those of other model types."""
    if config.get("kind") not in MODEL_TYPES:
        return dict(config)
    encoder_config = EncoderConfig(
        **{name: value for name, value in config.items() if name in EncoderConfig.model_fields}
    )
    parameters_of_type = {*create_model_type(encoder_config).parameters}
    others = {
        name for parameters in KIND_PARAMETERS for name in parameter_names(parameters)
    } - parameters_of_type
    return {name: value for name, value in config.items() if name not in others}


def _describe_methods(evaluation: Evaluation) -> list[str]:
    summary = evaluation.summary
    n_accesses = summary["test_openings"]
    sentences = [
        (
            f"The cohort {summary['cohort']} ({summary['scale']}, {summary['n_genes']:,} genes "
            "after filtering) was split once into"
        ),
        (
            f"{summary['n_train']:,} train, {summary['n_val']:,} validation and "
            f"{summary['n_test']:,} test samples,"
        ),
        "with all samples of a group, such as a patient, in one part.",
        (
            "Gene filter, scaling, PCA, clusters, probe and Cox regression were fitted on train "
            "samples alone."
        ),
        (
            f"The held-out test samples of this split have been accessed {n_accesses} "
            f"{'time' if n_accesses == 1 else 'times'}."
        ),
        (
            "The encoder is compared with PCA, NMF (values shifted by each gene's train minimum) "
            "and a random projection (decoded by least"
        ),
        (
            "squares), each with as many components, and the raw genes: the same penalised "
            "models on all scaled genes, in the row space of the"
        ),
        "train samples.",
        "R² is 1 − Σ(x − x̂)² / Σ(x − train mean)² over scaled values.",
        (
            f"Clusters: k-means, k from 2 to {summary['max_clusters']} by silhouette; for "
            "comparison a Gaussian mixture and Ward's tree."
        ),
        (
            "Embeddings: t-SNE (openTSNE, perplexity "
            f"{evaluation.results.require(Embeddings).perplexity:g}), UMAP and PCA of the "
            "latents;"
        ),
        "no score was computed on an embedding.",
    ]
    if evaluation.results.get_result(Probe) is not None:
        sentences.append("Label: logistic regression, penalty by grouped cross-validation.")
    sentences += describe_terms(evaluation.results.get_result(Terms))
    if evaluation.results.get_result(Outcomes) is not None:
        sentences.append(
            "Continuous outcomes: ridge regression, penalty by grouped cross-validation on "
            "train samples."
        )
    if evaluation.results.get_result(Survival) is not None:
        sentences += [
            (
                "Survival: one sample per patient, ridge Cox regression, penalty by "
                "cross-validation, Harrell's C;"
            ),
            (
                "Kaplan-Meier with 95 % bands and log-rank test by cluster; q after Benjamini "
                "and Hochberg."
            ),
        ]
    if (prognosis := evaluation.results.get_result(Prognosis)) is not None:
        sentences += describe_survival_methods(prognosis)
    sentences += describe_attribution_methods(evaluation.results.require(Explanation))
    return [*sentences, describe_intervals(evaluation.seeds)]
