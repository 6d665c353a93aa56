"""The table of results in the README."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

BEGIN, END = "<!-- results: written by run.py -->", "<!-- end of results -->"
TASKS = ("reconstruction", "clustering", "probe", "survival")


def write_readme(path: Path, results: pd.DataFrame) -> None:
    """Put the table of results between its marks; without marks nothing is written."""
    text = path.read_text(encoding="utf-8") if path.exists() else f"{BEGIN}\n{END}\n"
    if BEGIN in text and END in text:
        path.write_text(text.split(BEGIN)[0] + f"{BEGIN}\n{render_results(results)}\n" + END + text.split(END)[1], encoding="utf-8")


def render_results(results: pd.DataFrame) -> str:
    """Two tables: the verdict beside PCA, by cohort and task, and further numbers."""
    verdicts = results[(results["kind"] == "verdict") & (results["beside"] == "PCA")]
    lines = [
        "| cohort | " + " | ".join(TASKS) + " |",
        "|" + "---|" * (len(TASKS) + 1),
    ]
    for cohort, rows in verdicts.groupby("cohort", sort=False):
        by_task = {str(row.name).split(":")[0]: row for _, row in rows.set_index("name").iterrows()}
        lines.append(f"| {cohort} | " + " | ".join(_describe(by_task.get(task)) for task in TASKS) + " |")
    return "\n".join([*lines, "", *_list_numbers(results)])


def _describe(row: pd.Series | None) -> str:
    if row is None:
        return ""
    quantity = str(row.name).split(": ")[1].removesuffix(" with the label")
    return f"{quantity} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]: {row['outcome']}"


NUMBERS = {
    "leakage": "audit",
    "cluster/k": "k",
    "cluster/stability": "stability",
    "survival/ipcw_c_index": "IPCW C",
    "survival/integrated_brier": "Brier",
    "survival/increment_over_clinical": "over age, stage",
    "survival/random_genes_as_good": "random genes as good",
    "survival/hazard_ratio_high_low": "HR high : low",
    "novelty/share": "novel",
    "attribution/rho_seeds": "genes, between seeds",
    "seconds": "seconds",
}
"""Columns of the second table."""


def _list_numbers(results: pd.DataFrame) -> list[str]:
    lines = ["| cohort | " + " | ".join(NUMBERS.values()) + " |", "|" + "---|" * (len(NUMBERS) + 1)]
    numbers = results[results["kind"].isin(["metric", "tag"])]
    for cohort, rows in numbers.groupby("cohort", sort=False):
        found = {row["name"]: row["text"] if row["kind"] == "tag" else f"{row['value']:.3g}" for _, row in rows.iterrows()}
        if "survival/increment_over_clinical" in found:
            one = results[(results["cohort"] == cohort) & (results["kind"] == "increment")].iloc[0]
            found["survival/increment_over_clinical"] = f"{one['value']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
        lines.append(f"| {cohort} | " + " | ".join(found.get(name, "") for name in NUMBERS) + " |")
    return lines
