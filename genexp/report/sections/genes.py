"""Sections of the report on the attribution to genes, the latents, and gene sets."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from genexp.explain.explanation import Explanation
from genexp.report.html import Html, render_paragraph, render_section, render_table
from genexp.report.wording import format_p

N_GENES, N_UNITS, N_TERMS = 8, 40, 30
"""Genes per cell, and rows of the tables of latents and gene sets."""
LEVEL = 0.05
"""q value below which a gene set counts as enriched."""
TARGETS_CAPTION = (
    "Top attributed genes of each class of the label's probe, and of the risk. Completeness "
    "delta: relative error of the sum over genes. "
    "ρ of baselines: rank correlation of all genes with another baseline. Top genes in "
    "halves: share of top genes in common between "
    "two halves of these samples."
)
"""Caption of the table of targets."""


def render_attribution(explanation: Explanation) -> str:
    """Section on the attribution of predictions and latents to genes."""
    attribution, units = explanation.attribution, explanation.signatures.units
    listed = units.head(N_UNITS)
    rows = (
        [name, Html(f"{100 * unit['share']:.1f}"), *_name_units(explanation, str(name))]
        for name, unit in listed.iterrows()
    )
    title = (
        f"The {len(listed)} most active of {len(units)} latents: genes that change most with the "
        "latent, and genes it depends on most."
    )
    named = [target for target in attribution.targets if not target.startswith("latent_")]
    headers = [
        "Target",
        "Genes that raise it",
        "Genes that lower it",
        "Completeness delta",
        "ρ of baselines",
        "Top genes in halves",
    ]
    return render_section(
        "attribution",
        "Attribution to genes",
        render_paragraph(
            f"{attribution.way[0].upper()}{attribution.way[1:]}. Attributions show which "
            "genes the encoder uses, not what causes a class "
            "or a death. Correlated genes share an attribution that one of them could have alone."
        ),
        render_table(TARGETS_CAPTION, headers, _list_targets(explanation, named)) if named else "",
        render_table(
            title,
            [
                "Latent",
                "Activity (%)",
                "Genes that rise with it",
                "Genes that fall with it",
                "Top attributed genes",
            ],
            rows,
        ),
    )


def _list_targets(explanation: Explanation, targets: list[str]) -> Iterator[list[object]]:
    attribution = explanation.attribution
    for target in targets:
        ordered = attribution.strength[target].sort_values(ascending=False, kind="stable")
        delta, rho, shared = attribution.checks.loc[
            target, ["completeness_delta", "rho_baselines", "top_halves"]
        ]
        sides = _join(ordered.index[ordered > 0]), _join(ordered.index[::-1][ordered[::-1] < 0])
        yield [
            target,
            *sides,
            f"{delta:.2%}" if attribution.baselines else "–",
            float(rho),
            float(shared),
        ]


def _name_units(explanation: Explanation, latent: str) -> list[str]:
    ordered = (
        explanation.signatures.weights[latent].sort_values(ascending=False, kind="stable").index
    )
    attributed = latent in explanation.attribution.targets
    return [
        _join(ordered),
        _join(ordered[::-1]),
        _join(explanation.attribution.top_genes(latent).index) if attributed else "–",
    ]


def _join(genes: pd.Index) -> str:
    return ", ".join(map(str, genes[:N_GENES])) or "–"


def render_enrichment(explanation: Explanation) -> str:
    """Section on gene sets enriched in latents and predictions."""
    table = explanation.enrichment
    if table is None:
        hint = "No gene sets were given: name a GMT file with gene_sets=PATH."
        return render_section("enrichment", "Gene sets", render_paragraph(hint))
    enriched = table[table["q"] < LEVEL]
    listed = (
        (enriched if len(enriched) else table).drop_duplicates(["gene_set", "target"]).head(N_TERMS)
    )
    counted = (
        f"{len(enriched):,} of {table.attrs['n_tests']:,} tests of {table.attrs['n_sets']:,} "
        f"sets have q < {LEVEL:g}"
    )
    headers = [
        "Gene set",
        "Target",
        "Test",
        "Direction of the genes",
        "Overlap",
        "Effect",
        "p",
        "q",
    ]
    return render_section(
        "enrichment",
        "Gene sets",
        render_paragraph(
            f"{counted}; q after Benjamini and Hochberg over all tests; the background is "
            "the measured genes. Overlap: signature and set "
            "share more genes than expected by chance (effect: log2 of observed over "
            "expected). Ranks: the genes of the set rank higher, "
            "or lower, than others in the attribution (effect: −1 to 1)."
        ),
        render_table(
            f"The {len(listed)} strongest pairs of a set and a target.",
            headers,
            _list_terms(listed),
        ),
    )


def _list_terms(table: pd.DataFrame) -> Iterator[list[object]]:
    for row in table.itertuples():
        overlap = (
            f"{row.n_overlap:.0f} of {row.n_set}"
            if row.test == "overlap"
            else f"{row.n_set} ranked"
        )
        test = "ranks" if row.test == "ranks" else f"overlap, {row.source}"
        p, q = (format_p(value).removeprefix("= ") for value in (row.p, row.q))
        yield [
            row.gene_set,
            row.target,
            test,
            "raise it" if row.direction == "positive" else "lower it",
            overlap,
            float(row.effect),
            p,
            q,
        ]


def describe_attribution_methods(explanation: Explanation) -> list[str]:
    """Sentences for the methods paragraph."""
    attribution = explanation.attribution
    sentences = [f"Attribution: {attribution.way}."]
    if attribution.baselines:
        delta = attribution.checks["completeness_delta"].max()
        sentences += [
            (
                f"Second baseline for comparison: {attribution.baselines[1]}; largest "
                f"completeness delta {delta:.2%}."
            )
        ]
    sentences += [
        (
            "Signatures: genes whose decoder effect or attribution is more than 2.5 standard "
            "deviations from the mean over genes."
        ),
    ]
    if explanation.enrichment is not None:
        sentences += [
            (
                "Gene sets: hypergeometric test of signatures, and rank-sum test of attributions "
                "with a correlation of 0.01 between genes"
            ),
            (
                "of a set, both against the measured genes; q after Benjamini and Hochberg over "
                "all tests."
            ),
        ]
    return sentences
