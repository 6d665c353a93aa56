"""Comparison of encoders by their logged runs: a table with intervals, and paired differences on
shared test samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.errors import name_some
from genexp.evaluation.bootstrap import draw_replicates, find_interval
from genexp.evaluation.latents import ENCODER
from genexp.preprocessing.split import find_lack
from genexp.verdict.tasks import list_task_scores
from genexp.verdict.verdict import name_outcome

FACTS = {
    "encoder": "encoder",
    "run": "run",
    "cohort": "cohort",
    "kind": "kind",
    "n_latent": "latents",
    "n_seeds": "seeds",
    "split": "split",
}


@dataclass(frozen=True)
class Logged:
    """Evaluation as logged in its run.

    Parameters
    ----------
    name : str
        Name by which the user asked for it.
    facts : dict of str to str
        ``run`` (id), ``encoder`` (registered as), ``cohort``, ``kind``, ``n_latent``, ``n_seeds``,
        ``split`` (hash); empty where unknown.
    verdict : DataFrame
        Rows of :class:`genexp.verdict.verdict.Verdict`.
    samples : dict of str to DataFrame
        Logged tables by test sample: those of :func:`~genexp.verdict.tasks.list_task_scores`, and
        ``split``; empty if they were not read.
    """

    name: str
    facts: dict[str, str]
    verdict: pd.DataFrame
    samples: dict[str, pd.DataFrame]


def tabulate_encoders(logged: Sequence[Logged]) -> pd.DataFrame:
    """One row per encoder (index ``name``): facts, and each score with ``_low`` and ``_high``; NaN
    where its run has none.

    R2 depends on the genes and their scaling, so its difference from that of PCA is shown.
    """
    rows = []
    for run in logged:
        row: dict[str, object] = dict(run.facts)
        for task, scores in list_task_scores():
            against_pca = run.verdict[
                (run.verdict["task"] == task) & (run.verdict["baseline"] == "PCA")
            ]
            columns = (
                ["difference", "low", "high"]
                if scores.gain
                else ["encoder", "encoder_low", "encoder_high"]
            )
            for quantity, values in zip(
                against_pca["quantity"], against_pca[columns].to_numpy(dtype=float), strict=True
            ):
                column = f"{quantity} gain over PCA" if scores.gain else quantity
                row |= dict(zip((column, f"{column}_low", f"{column}_high"), values, strict=True))
        rows.append(row)
    return pd.DataFrame(rows, index=pd.Index([run.name for run in logged], name="name"))


def list_score_columns(table: pd.DataFrame) -> list[str]:
    """Columns of :func:`tabulate_encoders` that hold scores."""
    return [str(name) for name in table if f"{name}_low" in table]


def format_encoders(table: pd.DataFrame) -> pd.DataFrame:
    """Format the table of :func:`tabulate_encoders` for printing: short hashes, each score with its
    interval in one cell.
    """
    printed = (
        table[list(FACTS)]
        .rename(columns=FACTS)
        .assign(run=table["run"].str[:8], split=table["split"].str[:8])
    )
    for column in list_score_columns(table):
        sign = "+" if "gain" in column else ""
        triples = table[[column, f"{column}_low", f"{column}_high"]].itertuples(
            index=False, name=None
        )
        printed[column] = [format_interval(value, low, high, sign) for value, low, high in triples]
    return printed.reset_index()


def format_interval(value: float, low: float, high: float, sign: str) -> str:
    """``0.812 [0.770, 0.851]``; a dash where there is no value."""
    return (
        "-" if not np.isfinite(value) else f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
    )


def warn_of_differences(logged: Sequence[Logged]) -> list[str]:
    """Sentences on differences that forbid a comparison of the rows of the table."""
    by_split: dict[str, list[str]] = {}
    for run in logged:
        by_split.setdefault(run.facts["split"], []).append(run.name)
    if len(by_split) < 2:
        return []
    groups = "; ".join(
        f"{split[:8] or 'unknown'}: {name_some(names, 3)}" for split, names in by_split.items()
    )
    return [
        (
            f"These encoders were evaluated on {len(by_split)} different splits, so their rows "
            f"cannot be compared with each other ({groups})."
        )
    ]


def compare_with_first(logged: Sequence[Logged], seed: int = 0) -> tuple[pd.DataFrame, list[str]]:
    """Compare every further encoder with the first one by paired bootstrap; give differences, and
    notes on what is not comparable.

    Returns
    -------
    differences : DataFrame, (n_comparisons, 9)
        ``encoder``, ``reference``, ``task``, ``quantity``, ``difference`` (encoder - reference)
        with ``low``, ``high`` (95 %, over the groups of the shared test samples), ``outcome``,
        ``n_samples``.
    notes : list of str
    """
    rows: list[dict[str, object]] = []
    notes: list[str] = []
    if any(run.facts["n_seeds"] not in ("", "1") for run in logged) and len(logged) > 1:
        notes.append(
            "With several seeds, scores are means over seeds, and paired differences are "
            "those of the registered encoders."
        )
    for other in logged[1:]:
        pair_rows, pair_notes = compare_pair(logged[0], other, seed)
        rows += pair_rows
        notes += [f"{other.name} and {logged[0].name}: {note}." for note in pair_notes]
    columns = [
        "encoder",
        "reference",
        "task",
        "quantity",
        "difference",
        "low",
        "high",
        "outcome",
        "n_samples",
    ]
    return pd.DataFrame(rows, columns=columns), notes


def compare_pair(
    first: Logged, second: Logged, seed: int = 0
) -> tuple[list[dict[str, object]], list[str]]:
    """Rows and notes of :func:`compare_with_first` for one pair; no row where the split differs."""
    if not first.facts["split"] or first.facts["split"] != second.facts["split"]:
        return [], ["evaluated on different splits, no paired difference"]
    tests = [
        run.samples["reconstruction_samples"]
        for run in (first, second)
        if "reconstruction_samples" in run.samples
    ]
    if len(tests) < 2:
        return [], ["a run has no tables of test samples, no paired difference"]
    samples = tests[0].index.intersection(tests[1].index)
    groups, notes = _find_groups(first, second, samples)
    weights = draw_replicates(groups, seed)
    rows = []
    for task, kind in list_task_scores():
        tables = [run.samples[kind.table] for run in (first, second) if kind.table in run.samples]
        if len(tables) < 2:
            continue
        reference, other = (kind.read(table) for table in tables)
        shared = samples.intersection(reference.samples.index).intersection(other.samples.index)
        reference, other = reference.pick(shared), other.pick(shared)
        if reference.quantity == other.quantity == "silhouette among genes":
            continue
        if not len(shared) or not reference.matches(other):
            notes.append(
                f"{task}: not comparable (another label, endpoint, gene filter or scaling), "
                "no difference"
            )
            continue
        if lack := find_lack(len(shared), reference.n_events, "shared test samples"):
            notes.append(f"{task}: {lack}, no difference")
            continue
        w = weights[:, samples.get_indexer(shared)]
        draws = other.score(ENCODER, w) - reference.score(ENCODER, w)
        low, high = find_interval(draws[1:])
        outcome = name_outcome(float(draws[0]), low, high, first.name)
        difference = {
            "difference": float(draws[0]),
            "low": low,
            "high": high,
            "outcome": outcome,
            "n_samples": len(shared),
        }
        rows.append(
            {
                "encoder": second.name,
                "reference": first.name,
                "task": task,
                "quantity": reference.quantity,
                **difference,
            }
        )
    return rows, notes


def _find_groups(first: Logged, second: Logged, samples: pd.Index) -> tuple[np.ndarray, list[str]]:
    """Group (patient) of every sample, from the split that either run logged; if neither did, each
    sample is its own group.
    """
    for run in (first, second):
        if "split" in run.samples and samples.isin(run.samples["split"].index).all():
            return run.samples["split"].loc[samples, "group"].astype(str).to_numpy(), []
    return samples.astype(str).to_numpy(), [
        "neither run logged its split: samples were drawn singly, so intervals may be too narrow"
    ]


def describe_differences(differences: pd.DataFrame) -> Iterator[str]:
    """Write a sentence for each paired difference."""
    for row in differences.itertuples():
        interval = f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
        yield (
            f"{row.task}: {row.quantity} of {row.encoder} minus {row.reference} {interval}, "
            f"{row.n_samples} test samples: {row.outcome}"
        )


def render_text(table: pd.DataFrame, differences: pd.DataFrame, notes: Sequence[str]) -> str:
    """Text to print: warnings and notes, the table of encoders, a line for each paired
    difference.
    """
    lines = [
        *notes,
        "",
        format_encoders(table).to_string(index=False),
        "",
        *describe_differences(differences),
    ]
    return "\n".join(lines).strip() + "\n"
