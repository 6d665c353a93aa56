"""Section of the report on the seeds of the training."""

from __future__ import annotations

from collections.abc import Iterator

from genexp.report.html import render_paragraph, render_section, render_table
from genexp.verdict.evaluation import Evaluation
from genexp.verdict.seeds import Seeds, describe_seeds


def render_seeds(evaluation: Evaluation) -> str:
    """Section on the variation between seeds; with a single seed it says that this variation is
    unknown.
    """
    seeds = evaluation.seeds
    lead = render_paragraph(describe_seeds(seeds, evaluation.summary["card"]))
    if seeds is None:
        return render_section("seeds", "Seeds", lead)
    names = [seeds.quantities[str(name)] for name in seeds.scores.columns.drop("registered")]
    caption = (
        "The same configuration and split with other initial weights, order of samples and "
        "dropout; scores on test samples."
    )
    parts = [lead, render_table(caption, ["Seed", "", *names], _list_scores(seeds))]
    if len(seeds.stability):
        rows = (
            [target, float(row.rho_seeds), float(row.top_seeds)]
            for target, row in seeds.stability.iterrows()
        )
        caption = (
            "Attribution of each class and the risk to genes: agreement of the rankings, mean "
            "over all pairs of seeds."
        )
        parts.append(render_table(caption, ["Target", "ρ of seeds", "Top genes in both"], rows))
    return render_section("seeds", "Seeds", *parts)


def describe_registered(seeds: Seeds) -> str:
    """Sentence on the difference between the scores of the verdict and of the other sections."""
    registered = seeds.scores.index[seeds.scores["registered"]][0]
    return (
        f"Scores of the verdict are means over {len(seeds.scores)} seeds of the training. "
        "All other sections show the encoder that was "
        f"registered, that of seed {registered}; the section Seeds has its own scores."
    )


def _list_scores(seeds: Seeds) -> Iterator[list[object]]:
    for seed, row in seeds.scores.iterrows():
        yield [
            seed,
            "registered" if row["registered"] else "",
            *(float(value) for value in row.drop("registered")),
        ]
    for name, row in seeds.summary.iterrows():
        yield [name, "", *(float(value) for value in row)]


def describe_intervals(seeds: Seeds | None) -> str:
    """Sentence on the intervals, for the methods paragraph."""
    drawn = (
        ""
        if seeds is None
        else f" and the {len(seeds.scores)} seeds of the training, one in each draw"
    )
    return f"Intervals: 95 %, paired bootstrap over the groups of the test samples{drawn}."
