"""Encoders side by side, from what their runs logged: a table with intervals, and paired differences where test samples are shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pandas as pd

from genexp.errors import name_some
from genexp.evaluation.probe import bootstrap_macro_f1
from genexp.evaluation.reconstruction import bootstrap_r2
from genexp.evaluation.results import ENCODER
from genexp.preprocessing.split import find_lack
from genexp.report.html import render_paragraph, render_section, render_table, to_html
from genexp.survival.cox import c_index
from genexp.verdict.verdict import draw_weights, find_interval, judge

SCORES = {
    "R2 gain over PCA": ("reconstruction", "R2", "difference", "low", "high"),
    "macro F1": ("probe", "macro F1", "encoder", "encoder_low", "encoder_high"),
    "ARI": ("clustering", "ARI with the label", "encoder", "encoder_low", "encoder_high"),
    "C-index": ("survival", "C-index", "encoder", "encoder_low", "encoder_high"),
}
"""Columns of the table of encoders: task and quantity in the logged verdict, and where value and interval stand there."""
FACTS = {
    "encoder": "encoder",
    "run": "run",
    "cohort": "cohort",
    "kind": "kind",
    "n_latent": "latents",
    "n_seeds": "seeds",
    "split": "split",
}
SAME = 1e-4
"""Relative difference up to which two logged values of the same samples are the same."""


@dataclass(frozen=True)
class Logged:
    """An evaluation as its run holds it.

    Parameters
    ----------
    name : str
        How it was asked for.
    facts : dict of str to str
        ``run`` (id), ``encoder`` (registered as), ``cohort``, ``kind``, ``n_latent``, ``n_seeds``, ``split`` (hash); empty where unknown.
    verdict : DataFrame
        Rows of :class:`genexp.evaluation.results.Verdict`.
    samples : dict of str to DataFrame
        Tables by test sample that the run has: ``reconstruction_samples``, ``probe_predictions``, ``survival_patients``, ``split``;
        empty where they were not read.
    """

    name: str
    facts: dict[str, str]
    verdict: pd.DataFrame
    samples: dict[str, pd.DataFrame]


Task = tuple[str, str, np.ndarray, np.ndarray]
"""Task, quantity, and the scores in each draw of the first and of the second encoder; the first draw is the samples as they are."""


def tabulate_encoders(logged: Sequence[Logged]) -> pd.DataFrame:
    """One row an encoder (index ``name``): facts, and each score with ``_low`` and ``_high``; NaN where its run has none."""
    rows = []
    for one in logged:
        row: dict[str, object] = dict(one.facts)
        for column, (task, quantity, *places) in SCORES.items():
            of_task = (one.verdict["task"] == task) & (one.verdict["quantity"] == quantity) & (one.verdict["baseline"] == "PCA")
            values = one.verdict.loc[of_task, places].to_numpy(dtype=float)
            row |= dict(zip((column, f"{column}_low", f"{column}_high"), values[0] if len(values) else [np.nan] * 3, strict=True))
        rows.append(row)
    return pd.DataFrame(rows, index=pd.Index([one.name for one in logged], name="name"))


def format_encoders(table: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`tabulate_encoders` as it is printed: short hashes, each score with its interval in one cell."""
    shown = table[list(FACTS)].rename(columns=FACTS).assign(run=table["run"].str[:8], split=table["split"].str[:8])
    for column in SCORES:
        sign = "+" if "gain" in column else ""
        triples = table[[column, f"{column}_low", f"{column}_high"]].itertuples(index=False, name=None)
        shown[column] = [_format_interval(value, low, high, sign) for value, low, high in triples]
    return shown.reset_index()


def _format_interval(value: float, low: float, high: float, sign: str) -> str:
    return "-" if not np.isfinite(value) else f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def warn_of_differences(logged: Sequence[Logged]) -> list[str]:
    """Sentences about what keeps the rows of the table from being compared."""
    by_split: dict[str, list[str]] = {}
    for one in logged:
        by_split.setdefault(one.facts["split"], []).append(one.name)
    if len(by_split) < 2:
        return []
    groups = "; ".join(f"{split[:8] or 'unknown'}: {name_some(names, 3)}" for split, names in by_split.items())
    return [f"These encoders were judged on {len(by_split)} different splits, so their rows cannot be compared with each other ({groups})."]


def compare_with_first(logged: Sequence[Logged], seed: int = 0) -> tuple[pd.DataFrame, list[str]]:
    """Differences of every further encoder from the first one, by paired bootstrap; with notes on what could not be compared.

    Returns
    -------
    differences : DataFrame, (n_comparisons, 9)
        ``encoder``, ``reference``, ``task``, ``quantity``, ``difference`` (encoder - reference) with ``low``, ``high`` (95 %, over the
        groups of the shared test samples), ``outcome``, ``n_samples``.
    notes : list of str
    """
    rows: list[dict[str, object]] = []
    notes: list[str] = []
    if any(one.facts["n_seeds"] not in ("", "1") for one in logged) and len(logged) > 1:
        notes.append("Where there were several seeds, scores are their means and paired differences are of the registered encoders.")
    for other in logged[1:]:
        found, said = compare_pair(logged[0], other, seed)
        rows += found
        notes += [f"{other.name} and {logged[0].name}: {note}." for note in said]
    columns = ["encoder", "reference", "task", "quantity", "difference", "low", "high", "outcome", "n_samples"]
    return pd.DataFrame(rows, columns=columns), notes


def compare_pair(first: Logged, second: Logged, seed: int = 0) -> tuple[list[dict[str, object]], list[str]]:
    """Rows and notes of :func:`compare_with_first` for one pair; no row where the split differs."""
    if not first.facts["split"] or first.facts["split"] != second.facts["split"]:
        return [], ["judged on different splits, no paired difference"]
    tests = [one.samples["reconstruction_samples"] for one in (first, second) if "reconstruction_samples" in one.samples]
    if len(tests) < 2:
        return [], ["a run has no tables of test samples, no paired difference"]
    samples = tests[0].index.intersection(tests[1].index)
    groups, notes = _find_groups(first, second, samples)
    weights = np.concatenate([np.ones((1, len(samples))), draw_weights(groups, seed)])
    rows = []
    for task, (quantity, table, agree, score) in TASKS.items():
        tables = [one.samples.get(table) for one in (first, second)]
        if tables[0] is None or tables[1] is None:
            continue
        shared = samples.intersection(tables[0].index).intersection(tables[1].index)
        own, other = (one.loc[shared] for one in tables if one is not None)
        if not len(shared) or not agree(own, other):
            notes.append(f"{task}: not asked the same of the same samples (another label, endpoint, gene filter or scaling), no difference")
            continue
        if lack := find_lack(len(shared), int(own["event"].sum()) if task == "survival" else None, "shared test samples"):
            notes.append(f"{task}: {lack}, no difference")
            continue
        w = weights[:, samples.get_indexer(shared)]
        draws = score(other, w) - score(own, w)
        low, high = find_interval(draws[1:])
        outcome = judge(float(draws[0]), low, high, first.name)
        found = {"difference": float(draws[0]), "low": low, "high": high, "outcome": outcome, "n_samples": len(shared)}
        rows.append({"encoder": second.name, "reference": first.name, "task": task, "quantity": quantity, **found})
    return rows, notes


def _find_groups(first: Logged, second: Logged, samples: pd.Index) -> tuple[np.ndarray, list[str]]:
    """Group (patient) of every sample, from the split that either run logged; each sample alone where neither did."""
    for one in (first, second):
        if "split" in one.samples and samples.isin(one.samples["split"].index).all():
            return one.samples["split"].loc[samples, "group"].astype(str).to_numpy(), []
    return samples.astype(str).to_numpy(), ["neither run logged its split, so each sample was drawn alone and intervals may be too narrow"]


def _same_total(own: pd.DataFrame, other: pd.DataFrame) -> bool:
    return bool(np.allclose(own["total"], other["total"], rtol=SAME))


def _same_truth(own: pd.DataFrame, other: pd.DataFrame) -> bool:
    return bool((own["truth"].astype(str) == other["truth"].astype(str)).all())


def _same_outcome(own: pd.DataFrame, other: pd.DataFrame) -> bool:
    return bool(np.allclose(own["time_days"], other["time_days"], rtol=SAME) and (own["event"] == other["event"]).all())


def _score_r2(table: pd.DataFrame, w: np.ndarray) -> np.ndarray:
    return bootstrap_r2(table, ENCODER, w)


def _score_macro_f1(table: pd.DataFrame, w: np.ndarray) -> np.ndarray:
    return bootstrap_macro_f1(table["truth"].astype(str).to_numpy(), table[ENCODER].astype(str).to_numpy(), w)


def _score_c_index(table: pd.DataFrame, w: np.ndarray) -> np.ndarray:
    return c_index(table["time_days"].to_numpy(), table["event"].to_numpy(dtype=bool), table[f"risk_{ENCODER}"].to_numpy(), w)


Agree = Callable[[pd.DataFrame, pd.DataFrame], bool]
Score = Callable[[pd.DataFrame, np.ndarray], np.ndarray]
TASKS: dict[str, tuple[str, str, Agree, Score]] = {
    "reconstruction": ("R2", "reconstruction_samples", _same_total, _score_r2),
    "probe": ("macro F1", "probe_predictions", _same_truth, _score_macro_f1),
    "survival": ("C-index", "survival_patients", _same_outcome, _score_c_index),
}
"""What is compared sample by sample: quantity, logged table, whether two tables ask the same, and the score in each draw."""


def describe_differences(differences: pd.DataFrame) -> Iterator[str]:
    """Write a sentence for each paired difference."""
    for row in differences.itertuples():
        interval = f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
        yield f"{row.task}: {row.quantity} of {row.encoder} minus {row.reference} {interval}, {row.n_samples} test samples: {row.outcome}"


def render_text(table: pd.DataFrame, differences: pd.DataFrame, notes: Sequence[str]) -> str:
    """What is printed: warnings and notes, the table of encoders, a line for each paired difference."""
    lines = [*notes, "", format_encoders(table).to_string(index=False), "", *describe_differences(differences)]
    return "\n".join(lines).strip() + "\n"


def render_comparison(table: pd.DataFrame, differences: pd.DataFrame, notes: Sequence[str]) -> str:
    """Write a page of its own with the table of encoders and the paired differences; it needs no network and no script."""
    shown = format_encoders(table)
    style = (files("genexp.report") / "report.css").read_text(encoding="utf-8")
    caption = "Scores on test samples, with intervals of 95 % from each run's own verdict."
    parts = [*(render_paragraph(note) for note in notes), render_table(caption, list(shown), shown.itertuples(index=False, name=None))]
    if len(differences):
        headers = ["Encoder", "Compared with", "Task", "Quantity", "Difference [95 %]", "Test samples", "Outcome"]
        rows = (
            [
                row.encoder,
                row.reference,
                row.task,
                row.quantity,
                _format_interval(row.difference, row.low, row.high, "+"),
                row.n_samples,
                row.outcome,
            ]
            for row in differences.itertuples()
        )
        caption = (
            "Differences on the same test samples: paired bootstrap over their groups. The seed of a training is not in these intervals."
        )
        parts.append(render_table(caption, headers, rows))
    body = render_section("encoders", "Encoders side by side", *parts)
    title = to_html(f"{len(table)} encoders side by side")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n<style>{style}</style>\n</head>\n'
        f'<body>\n<header><h1>{title}</h1></header>\n<main id="main">\n{body}</main>\n</body>\n</html>\n'
    )
