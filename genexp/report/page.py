"""One page that a biologist shows a colleague: verdict first, then interactive pictures, methods and tables to download.

The page holds everything it needs, plotly.js included (once), and asks nothing of the network: its own content
security policy forbids it. Texts that come from users (sample ids, labels, gene names) are escaped where they enter the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

import pandas as pd

from genexp.evaluation.results import DISPLAY, Evaluation, Survival
from genexp.palette import ENCODER, GRID, INK, MUTED
from genexp.report.figures.draw import (
    MAPS,
    colour_outcome,
    describe_curves,
    format_difference,
    format_p,
    format_score,
    join_names,
    name_quantity,
    rank_latents,
)
from genexp.report.html import (
    Html,
    draw_interval,
    link_table,
    render_paragraph,
    render_plot,
    render_section,
    render_table,
    to_html,
    write_json,
)
from genexp.report.interactive import build_plots, collect_samples
from genexp.report.provenance import render_provenance
from genexp.report.sections.batch_effects import TABLES as BATCH_EFFECT_TABLES
from genexp.report.sections.batch_effects import render_batch_effects
from genexp.report.sections.clusters import TABLES as CLUSTER_TABLES
from genexp.report.sections.clusters import describe_picture, render_methods, render_novelty, render_sizes
from genexp.report.sections.genes import TABLES as GENE_TABLES
from genexp.report.sections.genes import render_attribution, render_enrichment
from genexp.report.sections.heads import TABLES as HEAD_TABLES
from genexp.report.sections.heads import render_heads
from genexp.report.sections.seeds import TABLES as SEED_TABLES
from genexp.report.sections.seeds import describe_registered, render_seeds
from genexp.report.sections.survival import TABLES as SURVIVAL_TABLES
from genexp.report.sections.survival import render_at_risk, render_prognosis
from genexp.report.sections.terms import TABLES as TERM_TABLES
from genexp.report.sections.terms import render_terms

MAX_BYTES = 7_900_000
"""The page stays below this: tables that would not fit are named, and lie beside the report in the run."""
MAX_CELLS = 3_000_000
"""Tables larger than this are not even written to see whether they fit."""
NO_BREAK = "\N{NO-BREAK SPACE}"
"""Keeps an interval on one line."""
MANY = 3000
"""Samples from which the maps are drawn by WebGL."""
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
"""Nothing is fetched; 'unsafe-eval' is what plotly's WebGL needs to build its drawing commands."""
QUANTITIES = {
    "macro_f1": "macro F1",
    "c_index": "C-index",
    "ari": "ARI",
    "nmi": "NMI",
    "mse": "MSE",
    "r2": "R²",
    "calinski_harabasz": "Calinski-Harabasz",
    "davies_bouldin": "Davies-Bouldin",
}
"""How columns are printed."""
CONTENTS = {
    "verdict": "Verdict",
    "maps": "Maps",
    "clusters": "Clusters",
    "label": "Label",
    "heads": "Heads",
    "studies": "Studies",
    "terms": "Terms",
    "survival": "Survival",
    "genes": "Reconstruction",
    "novelty": "Novelty",
    "attribution": "Genes",
    "enrichment": "Gene sets",
    "seeds": "Seeds",
    "methods": "Methods",
    "downloads": "Downloads",
}
"""Sections and their short names."""
TABLES = {
    "verdict": "encoder beside baselines, with intervals",
    "audit": "leaks that were looked for between train, validation and test samples",
    "reconstruction_genes": "error and R² of every gene, test samples",
    "reconstruction_samples": "squared error of every test sample",
    "cluster_choice": "silhouette by number of clusters, train samples",
    "cluster_scores": "quality of the clusters, test samples",
    "cluster_sizes": "samples by cluster and part",
    "cluster_contingency": "test samples by label and cluster",
    "embeddings": "part, label, cluster and map coordinates of every sample",
    "latent": "latents of every sample",
    "probe_scores": "quality of the label's prediction",
    "probe_per_class": "precision, recall and F1 by class",
    "probe_confusion": "confusion matrix",
    "probe_predictions": "true and predicted label of every test sample",
    "survival_scores": "scores of the Cox regression",
    "cox": "hazard ratio of every latent",
    "kaplan_meier": "survival curves by cluster",
    "survival_patients": "patients that the survival analysis used, with risks",
    **BATCH_EFFECT_TABLES,
    **TERM_TABLES,
    **SURVIVAL_TABLES,
    **CLUSTER_TABLES,
    **GENE_TABLES,
    **HEAD_TABLES,
    **SEED_TABLES,
}
"""What a table holds, for the list of downloads."""


def render_report(evaluation: Evaluation) -> str:
    """Write the report of an evaluation.

    Returns
    -------
    str
        A complete HTML document below 8 MB that needs neither network nor files.
    """
    from plotly.offline import get_plotlyjs

    study = None if evaluation.batch_effects is None else evaluation.batch_effects.study
    look = {"ink": INK, "muted": MUTED, "grid": GRID, "many": MANY}
    data = {"samples": collect_samples(evaluation.embeddings, study), "plots": build_plots(evaluation), "look": look}
    scripts = (
        f'<script type="application/json" id="page-data">{write_json(data)}</script>\n'
        f"<script>{get_plotlyjs()}</script>\n<script>{_read_asset('report.js')}</script>"
    )
    sections = [
        _render_verdict(evaluation),
        _render_maps(evaluation),
        _render_clusters(evaluation),
        _render_probe(evaluation),
        render_heads(evaluation.heads),
        render_batch_effects(evaluation.batch_effects),
        render_terms(evaluation.terms, evaluation.deletion),
        _render_survival(evaluation),
        _render_genes(evaluation),
        render_novelty(evaluation.novelty),
        render_attribution(evaluation.explanation),
        render_enrichment(evaluation.explanation),
        render_seeds(evaluation),
        render_provenance(evaluation),
    ]
    spent = sum(len(part.encode()) for part in (scripts, *sections))
    sections.append(_render_downloads(evaluation.tables, MAX_BYTES - spent - 40_000))
    return _render_page(evaluation, sections, scripts)


def _read_asset(name: str) -> str:
    return (files("genexp.report") / name).read_text(encoding="utf-8")


# --- parts of the page ------------------------------------------------------------------------------------------------


def _render_page(evaluation: Evaluation, sections: Sequence[str], scripts: str) -> str:
    summary = evaluation.summary
    title = to_html(f"Encoder of {summary['cohort']}: evaluation")
    n_samples = sum(summary[f"n_{part}"] for part in ("train", "val", "test"))
    facts = {
        "Genes": f"{summary['n_genes']:,}",
        "Latents": summary["n_latent"],
        "Samples": f"{n_samples:,}",
        "train / val / test": " / ".join(f"{summary[f'n_{part}']:,}" for part in ("train", "val", "test")),
        "Values": summary["scale"],
    }
    if where := summary["card"].get("cohort_settings", {}).get("where"):
        facts["Trained where"] = where
    listed = "".join(f"<div><dt>{to_html(name)}</dt><dd>{to_html(value)}</dd></div>" for name, value in facts.items())
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title in CONTENTS.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title}</title>
<style>{_read_asset("report.css")}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the verdict</a>
<header>
<h1>{title}</h1>
<dl class="facts">{listed}</dl>
<nav aria-label="Contents"><ul>{links}</ul></nav>
</header>
<main id="main">
<noscript><p>The plots need JavaScript; texts and tables do not.</p></noscript>
{"".join(sections)}
</main>
<footer>Written by genexp {to_html(summary["versions"].get("genexp", ""))}. This page needs no network.</footer>
{scripts}
</body>
</html>
"""


def _render_verdict(evaluation: Evaluation) -> str:
    table, summary = evaluation.comparison.rows, evaluation.summary
    lead = f"On {summary['n_test']:,} test samples that neither training nor tuning saw, beside PCA with as many components: "
    headers = ["Task and quantity", "Encoder [95 %]", "Baseline", "Encoder − baseline [95 %]", "worse | better", "Outcome"]
    notes = "".join(f"<li>{to_html(note)}</li>" for note in evaluation.notes)
    return render_section(
        "verdict",
        "Verdict",
        render_paragraph(f"{lead}{evaluation.verdict}.", kind="lead"),
        "" if evaluation.seeds is None else render_paragraph(describe_registered(evaluation.seeds)),
        render_table(_caption_verdict(table), headers, _verdict_lines(table)) if len(table) else "",
        f'<ul class="notes" aria-label="What was left out">{notes}</ul>' if notes else "",
    )


def _caption_verdict(table: pd.DataFrame) -> str:
    rivals = join_names(table["baseline"].unique())
    return f"Encoder beside {rivals}, on the same test samples; intervals by paired bootstrap."


def _verdict_lines(table: pd.DataFrame) -> Iterator[list[object]]:
    reach = max([0.01, *(abs(number) for number in table[["low", "high", "difference"]].to_numpy().ravel() if math.isfinite(number))])
    for row in table.itertuples():
        chart = draw_interval(row.low, row.difference, row.high, (-reach, reach), colour_outcome(row.outcome))
        outcome = Html(f'<span class="{to_html(row.outcome.split()[0])}">{to_html(row.outcome)}</span>')
        own = f"{format_score(row.encoder)} [{format_score(row.encoder_low)}, {format_score(row.encoder_high)}]".replace(" ", NO_BREAK)
        task = f"{row.task}: {name_quantity(row.quantity)}"
        yield [
            task,
            own,
            f"{row.baseline} {format_score(row.baseline_score)}",
            format_difference(row).replace(" ", NO_BREAK),
            chart,
            outcome,
        ]


def _render_maps(evaluation: Evaluation) -> str:
    perplexity = evaluation.embeddings.perplexity
    hints = {
        "tsne": f"Perplexity {perplexity:g}; distances between groups mean little.",
        "umap": "Distances between groups mean little.",
        "pca": "The plane of largest variance of the latents.",
    }
    plots = [
        render_plot(f"map-{name}", title, f"{hints[name]} {describe_picture(evaluation.embeddings, name)}", "map")
        for name, title in MAPS.items()
    ]
    if evaluation.clustering.contingency is not None:
        hint = "Test samples of each label (row) by cluster: counts, coloured by share."
        plots.append(render_plot("plot-composition", "Labels and clusters", hint))
    hint = (
        "Maps were fitted on train samples; the others were placed into them. Point at a sample for its name; click on a group to hide it."
    )
    return render_section(
        "maps",
        "Maps of the latent",
        render_paragraph(hint),
        _render_switches(evaluation),
        '<div id="legend" role="group" aria-label="Groups shown"></div>',
        f'<div class="grid">{"".join(plots)}</div>',
    )


def _render_switches(evaluation: Evaluation) -> str:
    labelled = evaluation.embeddings.coordinates["label"].notna().any()
    kinds = [*(["label"] if labelled else []), *(["study"] if evaluation.batch_effects is not None else []), "cluster"]
    colour = "".join(
        f'<label><input type="radio" name="by" value="{kind}"{" checked" if kind == kinds[0] else ""}> {kind}</label>' for kind in kinds
    )
    parts = "".join(
        f'<label><input type="checkbox" name="part" value="{value}" checked> {name}</label>'
        for value, name in (("train val", "train and validation (faint)"), ("test", "test (rimmed)"))
    )
    groups = "".join(f"<fieldset><legend>{name}</legend>{inputs}</fieldset>" for name, inputs in (("Colour by", colour), ("Show", parts)))
    return f'<div class="controls">{groups}</div>'


def _render_scores(caption: str, scores: pd.DataFrame, skip: tuple[str, ...] = ()) -> str:
    table = scores.drop(columns=list(skip), errors="ignore")
    headers = ["", *(QUANTITIES.get(str(name), str(name).replace("_", " ")) for name in table.columns)]
    names = [DISPLAY[str(name)] for name in table.index]
    counted = [name in ("k",) for name in table.columns]
    rows = [[name, *map(_narrow, row, counted)] for name, row in zip(names, table.itertuples(index=False), strict=True)]
    return render_table(caption, headers, rows)


def _name_column(name: str) -> str:
    """``f1_pca`` -> ``F1 of PCA``, ``n_train`` -> ``n train``."""
    quantity, _, baseline = name.partition("_")
    return f"{quantity.upper()} of {DISPLAY[baseline]}" if baseline in DISPLAY else name.replace("n_", "n ").replace("f1", "F1")


def _narrow(value: Any, count: bool) -> float | int:
    """Plain number of a table's value: whole where it counts."""
    return int(value) if count and math.isfinite(value) else float(value)


def _render_clusters(evaluation: Evaluation) -> str:
    clustering = evaluation.clustering
    choice = render_plot(
        "plot-choice", "Choice of k", "Silhouette over train samples by number of clusters; the dotted line is the choice."
    )
    return render_section(
        "clusters",
        "Clusters",
        render_paragraph(
            f"k-means found {clustering.k} clusters in the train latents, without labels; test samples were assigned to them."
        ),
        _render_scores("Quality of the clusters, on test samples. Davies-Bouldin: lower is better.", clustering.scores),
        render_methods(evaluation.methods),
        f'<div class="grid">{choice}{render_sizes(clustering, evaluation.methods)}</div>',
    )


def _render_probe(evaluation: Evaluation) -> str:
    probe = evaluation.probe
    if probe is None:
        return render_section("label", "Label", render_paragraph("No label was given, or too little of it: see the notes of the verdict."))
    counted = [str(name).startswith("n_") for name in probe.per_class.columns]
    rows = ([name, *map(_narrow, row, counted)] for name, *row in probe.per_class.itertuples())
    headers = [
        "Class",
        *(_name_column(str(name)) for name in probe.per_class.columns),
    ]
    confusion = "Test samples of each true label (row) by predicted label: counts, coloured by share."
    return render_section(
        "label",
        "Label",
        render_paragraph("A logistic regression learnt the label from the latents of train samples and was asked about test samples."),
        _render_scores("Prediction of the label, on test samples.", probe.scores, skip=("C",)),
        render_plot("plot-confusion", "Confusion matrix", confusion),
        render_table("By class, on test samples.", headers, rows),
    )


def _render_survival(evaluation: Evaluation) -> str:
    survival, prognosis = evaluation.survival, evaluation.prognosis
    if survival is None or prognosis is None:
        return render_section(
            "survival", "Survival", render_paragraph("No survival was given, or too little of it: see the notes of the verdict.")
        )
    patients = survival.patients[survival.patients["part"] == "test"]
    counted = f"{len(patients):,} test patients, {int(patients['event'].sum()):,} events"
    return render_section(
        "survival",
        "Survival",
        render_plot("plot-kaplan_meier", "Survival by cluster", f"{counted}; {describe_curves(survival)}."),
        render_at_risk(patients, "cluster"),
        render_prognosis(survival, prognosis),
        _render_cox(survival),
    )


def _render_cox(survival: Survival) -> str:
    top = rank_latents(survival.cox, 10)
    reach = (math.log(min([0.8, *top["low"]])), math.log(max([1.25, *top["high"]])))

    def lines() -> Iterator[list[object]]:
        for row in top.itertuples():
            low, ratio, high = (math.log(number) for number in (row.low, row.hazard_ratio, row.high))
            chart = draw_interval(low, ratio, high, reach, ENCODER if row.q < 0.05 else MUTED)
            p, q = (format_p(number).removeprefix("= ") for number in (row.p, row.q))
            yield [row.Index, f"{row.hazard_ratio:.2f} [{row.low:.2f}, {row.high:.2f}]", chart, p, q]

    caption = "Latents with the strongest signal: hazard ratio of one standard deviation, each alone, train patients."
    return render_table(caption, ["Latent", "Hazard ratio [95 %]", "better | worse (log scale)", "p", "q"], lines())


def _render_genes(evaluation: Evaluation) -> str:
    reconstruction = evaluation.reconstruction
    worst = reconstruction.worst_genes()
    rows = ([gene, *(float(value) for value in row)] for gene, *row in worst[["r2", "r2_pca", "mse", "variance"]].itertuples())
    caption = f"The {len(worst)} genes rebuilt worst, on test samples; scaled values."
    return render_section(
        "genes",
        "Reconstruction",
        _render_scores("Over all genes and test samples.", reconstruction.scores),
        render_plot("plot-genes", "R² by gene", f"Distribution over {len(reconstruction.genes):,} genes, encoder and PCA."),
        render_table(caption, ["Gene", "R²", "R² of PCA", "squared error", "variance"], rows),
    )


def _render_downloads(tables: dict[str, pd.DataFrame], budget: int) -> str:
    """List the tables, the smallest first in line for the room that is left, in their own order on the page."""
    links: dict[str, Html] = {}
    for name in sorted(tables, key=lambda name: tables[name].size):
        link = link_table(name, tables[name]) if tables[name].size <= MAX_CELLS else Html("")
        fits = 0 < len(link) <= budget
        budget -= len(link) if fits else 0
        links[name] = link if fits else Html("too large for this page")
    rows = ([name, TABLES.get(name, ""), f"{len(table):,} × {table.shape[1]:,}", links[name]] for name, table in tables.items())
    beside = "Where links are blocked, as in MLflow's viewer, the same tables lie in the folder evaluation beside this report."
    return render_section(
        "downloads",
        "Downloads",
        render_paragraph(f"Tab-separated tables, six significant digits. {beside}"),
        render_table("Tables of this evaluation.", ["Table", "Holds", "rows × columns", "File"], rows),
    )
