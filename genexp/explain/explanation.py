"""Explanation of latents, label and risk score by genes and gene sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.probe import Probe
from genexp.evaluation.task import EvaluationInputs, Result, Task
from genexp.evaluation.terms import Terms
from genexp.explain.attribution import MAX_LATENTS, Attribution, attribute_genes, collect_targets
from genexp.explain.enrichment import find_enrichment, match_enrichment_sets, read_enrichment_sets
from genexp.explain.methods import METHODS
from genexp.explain.signatures import Signatures, find_signatures, rank_units, weigh_genes
from genexp.model.encoder import Encoder
from genexp.survival.regression import Survival

if TYPE_CHECKING:
    from genexp.evaluation.latents import PartLatents
    from genexp.preprocessing.store import Preprocessed
    from genexp.settings.evaluation import EvaluationConfig


@dataclass(frozen=True)
class Explanation(Result):
    """Explanation of latents, label and risk by genes and gene sets.

    Parameters
    ----------
    attribution : Attribution
        Effects of genes on each latent, each class of the probe, and the risk.
    signatures : Signatures
        Genes of high weight for each latent, and a table of the latents.
    enrichment : DataFrame or None
        Gene sets enriched in both, from :func:`genexp.explain.enrichment.find_enrichment`; None
        where no sets were given.
    """

    attribution: Attribution
    signatures: Signatures
    enrichment: pd.DataFrame | None

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        attribution = self.attribution
        tables = {
            "attribution_checks": attribution.checks,
            "attribution_top": attribution.list_top().set_index("target"),
            "attribution_genes": attribution.strength,
            "units": self.signatures.units,
            "signatures": self.signatures.list_genes().set_index("source"),
            "signature_weights": self.signatures.weights,
        }
        return (
            tables
            if self.enrichment is None
            else {**tables, "enrichment": self.enrichment.set_index("test")}
        )

    @property
    def metrics(self) -> dict[str, float]:
        """Largest completeness delta, if the method has one, and medians over targets of the rank
        correlations.
        """
        checks = (
            self.attribution.checks
            if self.attribution.baselines
            else self.attribution.checks[["rho_halves"]]
        )
        metrics = {
            f"attribution/{name}": checks[name].median()
            for name in ("rho_baselines", "rho_halves")
            if name in checks
        }
        if "completeness_delta" in checks:
            metrics |= {"attribution/completeness_delta": checks["completeness_delta"].max()}
        return {name: float(value) for name, value in metrics.items()}


def explain_encoder(
    encoder: Encoder,
    rows: Mapping[str, np.ndarray],
    train: PartLatents,
    test: PartLatents,
    probe: Probe | None,
    survival: Survival | None,
    gene_sets: Mapping[str, list[str]] | None,
    method: str,
    seed: int,
    terms: Terms | None = None,
) -> Explanation:
    """Attribute to genes, describe the latents, and test gene sets if given.

    Parameters
    ----------
    encoder : Encoder
        Encoder of the latents.
    rows : mapping of str to ndarray of float32, (n, n_genes)
        Scaled rows of ``train`` and ``test``, in the order of their latents.
    train, test : PartLatents
        Latents and annotations.
    probe, survival : Probe, Survival or None
        Regressions of label and survival on the latents.
    gene_sets : mapping of str to list of str, or None
        From :func:`genexp.explain.enrichment.read_enrichment_sets`.
    method : str
        Name of the attribution method, one of ``METHODS``.
    seed : int
        Of the attributed samples.
    terms : Terms, optional
        Regressions of terms on the latents.
    """
    genes, latents = pd.Index(encoder.genes, dtype=object), encoder.latents
    z_train, z_test = train.z["encoder"], test.z["encoder"]
    weights = weigh_genes(encoder.decoder, z_train, latents, genes)
    attributed = sorted(rank_units(weights).index[:MAX_LATENTS])
    targets = collect_targets(latents, attributed, probe, survival, train, terms)
    attribution_method = METHODS[method]
    baselines = attribution_method.choose(rows["train"], train.obs, seed)
    attribution = attribute_genes(
        encoder.encoder, rows["test"], test.obs, attribution_method, baselines, targets, genes, seed
    )
    signatures = find_signatures(weights, attribution.strength, z_train, z_test)
    enrichment = (
        None
        if gene_sets is None
        else find_enrichment(gene_sets, genes, signatures.genes, attribution.strength)
    )
    n_excluded = len(latents) - len(attributed)
    notes = (
        (
            (
                f"Attribution: the {n_excluded} latents with the smallest effect on expression "
                "were excluded."
            ),
        )
        if n_excluded
        else ()
    )
    return Explanation(attribution, signatures, enrichment, notes=notes)


class ExplanationTask(Task):
    """Explanation of latents, label and risk by genes and gene sets."""

    name = "explanation"
    title = "Genes"
    one_thread = False
    metrics: ClassVar = {
        "attribution/completeness_delta": (
            "largest relative distance between the sum of attributions and the change of a "
            "target; 0 is best"
        ),
        "attribution/rho_baselines": (
            "rank correlation of genes between two baselines, median over targets; 1 is stable"
        ),
        "attribution/rho_halves": (
            "rank correlation of genes between halves of the samples, median over targets; 1 is "
            "stable"
        ),
    }
    tables: ClassVar = {
        "attribution_checks": "completeness and stability of the ranking of genes, by target",
        "attribution_top": "top attributed genes of each latent, class and the risk",
        "attribution_genes": "signed strength of every gene for every target",
        "units": "activity and distribution of every latent",
        "signatures": "gene signatures of latents, classes and risk",
        "signature_weights": "change of every gene as a latent rises by one standard deviation",
        "enrichment": "gene sets in signatures and rankings, by p",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Explanation:
        """Attribute latents, label, risk and terms to genes."""
        config, results = inputs.config, inputs.results
        return explain_encoder(
            inputs.encoder,
            inputs.X,
            inputs.train,
            inputs.test,
            results.get_result(Probe),
            results.get_result(Survival),
            read_enrichment_sets(config.gene_sets) if config.gene_sets else None,
            config.attribution,
            inputs.seed,
            results.get_result(Terms),
        )

    def check(self, config: EvaluationConfig, data: Preprocessed | None) -> None:
        """Refuse gene sets that do not exist, or that all have too few measured genes."""
        if config.gene_sets:
            gene_sets = read_enrichment_sets(config.gene_sets)
            if data is not None:
                match_enrichment_sets(gene_sets, data.var.index)
