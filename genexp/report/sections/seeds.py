"""Part of the report on the seeds of the training."""

from __future__ import annotations

from collections.abc import Iterator

from genexp.report.html import render_paragraph, render_section, render_table
from genexp.verdict.evaluation import Evaluation
from genexp.verdict.seeds import Seeds, describe_seeds


def render_seeds(evaluation: Evaluation) -> str:
    """Section on how much the seed of the training matters; with one seed it says that nobody knows."""
    seeds = evaluation.seeds
    said = render_paragraph(describe_seeds(seeds, evaluation.summary["card"]))
    if seeds is None:
        return render_section("seeds", "Seeds", said)
    names = [seeds.quantities[str(name)] for name in seeds.scores.columns.drop("registered")]
    caption = "The same configuration on the same split with other initial weights, order and dropout; scores on test samples."
    parts = [said, render_table(caption, ["Seed", "", *names], _list_scores(seeds))]
    if len(seeds.stability):
        rows = ([target, float(row.rho_seeds), float(row.top_seeds)] for target, row in seeds.stability.iterrows())
        caption = "Genes behind each class and the risk: agreement of their ranking over all pairs of seeds."
        parts.append(render_table(caption, ["Target", "ρ of seeds", "Top genes in both"], rows))
    return render_section("seeds", "Seeds", *parts)


def describe_registered(seeds: Seeds) -> str:
    """Sentence that tells the verdict's scores from those of the other sections."""
    registered = seeds.scores.index[seeds.scores["registered"]][0]
    return (
        f"Scores of the verdict are means over {len(seeds.scores)} seeds of the training. Everything below shows the encoder that is "
        f"registered, that of seed {registered}; its own scores stand under Seeds."
    )


def _list_scores(seeds: Seeds) -> Iterator[list[object]]:
    for seed, row in seeds.scores.iterrows():
        yield [seed, "registered" if row["registered"] else "", *(float(value) for value in row.drop("registered"))]
    for name, row in seeds.summary.iterrows():
        yield [name, "", *(float(value) for value in row)]


def describe_intervals(seeds: Seeds | None) -> str:
    """Sentence on the intervals, for the methods paragraph."""
    drawn = "" if seeds is None else f" and the {len(seeds.scores)} seeds of the training, one in each draw"
    return f"Intervals: 95 %, paired bootstrap over the groups of the test samples{drawn}."
