"""Parts of the report on what is behind the latents: genes, units and gene sets."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from genexp.explain.explanation import Explanation
from genexp.report.html import Html, render_paragraph, render_section, render_table
from genexp.report.wording import format_p

N_GENES, N_UNITS, N_TERMS = 8, 40, 30
"""Genes in a cell, and rows of the tables of units and gene sets."""
LEVEL = 0.05
"""q below which a gene set counts as found."""
DRIVERS = (
    "Genes that drive each class of the label's probe, and the risk. Completeness delta: what the genes' shares fail to add up to. "
    "ρ of baselines: rank correlation of all genes with those from another starting point. Top genes in halves: the share of leading "
    "genes that two halves of these samples have in common."
)
"""Caption of the table of targets."""


def render_attribution(explanation: Explanation) -> str:
    """Section on the genes behind the predictions and the units."""
    attribution, units = explanation.attribution, explanation.signatures.units
    shown = units.head(N_UNITS)
    rows = ([name, Html(f"{100 * unit['share']:.1f}"), *_name_units(explanation, str(name))] for name, unit in shown.iterrows())
    title = f"The {len(shown)} most active of {len(units)} latents: genes that change most with a latent, and those that drive it."
    named = [target for target in attribution.targets if not target.startswith("latent_")]
    headers = ["Target", "Genes that raise it", "Genes that lower it", "Completeness delta", "ρ of baselines", "Top genes in halves"]
    return render_section(
        "attribution",
        "Genes behind the latent",
        render_paragraph(
            f"{attribution.way[0].upper()}{attribution.way[1:]}. They say what the encoder answers to, which need not be what causes a "
            "class or a death; genes that go together share what one of them could carry."
        ),
        render_table(DRIVERS, headers, _list_targets(explanation, named)) if named else "",
        render_table(title, ["Latent", "Activity (%)", "Rise with it", "Fall with it", "Drive it"], rows),
    )


def _list_targets(explanation: Explanation, targets: list[str]) -> Iterator[list[object]]:
    attribution = explanation.attribution
    for target in targets:
        ordered = attribution.strength[target].sort_values(ascending=False, kind="stable")
        delta, rho, shared = attribution.checks.loc[target, ["completeness_delta", "rho_baselines", "top_halves"]]
        sides = _join(ordered.index[ordered > 0]), _join(ordered.index[::-1][ordered[::-1] < 0])
        yield [target, *sides, f"{delta:.2%}" if attribution.baselines else "–", float(rho), float(shared)]


def _name_units(explanation: Explanation, latent: str) -> list[str]:
    ordered = explanation.signatures.weights[latent].sort_values(ascending=False, kind="stable").index
    known = latent in explanation.attribution.targets
    return [_join(ordered), _join(ordered[::-1]), _join(explanation.attribution.top_genes(latent).index) if known else "–"]


def _join(genes: pd.Index) -> str:
    return ", ".join(map(str, genes[:N_GENES])) or "–"


def render_enrichment(explanation: Explanation) -> str:
    """Section on the gene sets behind latents and predictions."""
    table = explanation.enrichment
    if table is None:
        said = "No gene sets were given: name a GMT file with gene_sets=PATH."
        return render_section("enrichment", "Gene sets", render_paragraph(said))
    found = table[table["q"] < LEVEL]
    listed = (found if len(found) else table).drop_duplicates(["gene_set", "target"]).head(N_TERMS)
    counted = f"{len(found):,} of {table.attrs['n_tests']:,} tests of {table.attrs['n_sets']:,} sets have q < {LEVEL:g}"
    headers = ["Gene set", "Target", "Test", "Genes", "Found", "Effect", "p", "q"]
    return render_section(
        "enrichment",
        "Gene sets",
        render_paragraph(
            f"{counted}; q is after Benjamini and Hochberg over all of them, against the measured genes. Overlap: signature and set share "
            "more genes than chance gives (effect: log2 of observed over expected). Ranks: the set's genes lie higher or lower than others "
            "in the attribution (effect: −1 to 1)."
        ),
        render_table(f"The {len(listed)} strongest pairs of a set and a target.", headers, _list_terms(listed)),
    )


def _list_terms(table: pd.DataFrame) -> Iterator[list[object]]:
    for row in table.itertuples():
        found = f"{row.n_overlap:.0f} of {row.n_set}" if row.test == "overlap" else f"{row.n_set} ranked"
        test = "ranks" if row.test == "ranks" else f"overlap, {row.source}"
        p, q = (format_p(value).removeprefix("= ") for value in (row.p, row.q))
        yield [row.gene_set, row.target, test, "raise it" if row.direction == "positive" else "lower it", found, float(row.effect), p, q]


def describe_methods(explanation: Explanation) -> list[str]:
    """Sentences for the methods paragraph."""
    attribution = explanation.attribution
    sentences = [f"Attribution: {attribution.way}."]
    if attribution.baselines:
        delta = attribution.checks["completeness_delta"].max()
        sentences += [f"For comparison from {attribution.baselines[1]}; largest completeness delta {delta:.2%}."]
    sentences += [
        "Signatures: genes whose decoder effect or attribution is more than 2.5 standard deviations from the mean over genes.",
    ]
    if explanation.enrichment is not None:
        sentences += [
            "Gene sets: hypergeometric test of signatures, and rank-sum test of attributions with a correlation of 0.01 between genes",
            "of a set, both against the measured genes; q after Benjamini and Hochberg over all tests.",
        ]
    return sentences
