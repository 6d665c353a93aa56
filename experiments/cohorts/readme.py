"""The tables of results in the README."""

from __future__ import annotations

import pandas as pd

from experiments.keeping import list_head, list_line

TASKS = ("reconstruction", "clustering", "probe", "survival")
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


def list_tables(results: pd.DataFrame) -> dict[str, list[str]]:
    """Lines of every table of the README by name."""
    return {
        "results": list_results(results),
        "planted": list_planted(results),
        "genes": list_genes(results),
    }


def list_results(results: pd.DataFrame) -> list[str]:
    """Lines of two tables: the verdict beside PCA, by cohort and task, and further numbers."""
    verdicts = results[(results["kind"] == "verdict") & (results["beside"] == "PCA")]
    lines = list_head(["cohort", *TASKS])
    for cohort, rows in verdicts.groupby("cohort", sort=False):
        by_task = {str(row["name"]).split(":")[0]: row for _, row in rows.iterrows()}
        lines.append(list_line([cohort, *(_describe(by_task.get(task)) for task in TASKS)]))
    return [*lines, "", *_list_numbers(results)]


def _describe(row: pd.Series | None) -> str:
    if row is None:
        return ""
    quantity = str(row["name"]).split(": ")[1].removesuffix(" with the label")
    return f"{quantity} {row['value']:.3f} {_interval(row)}: {row['outcome']}"


def _interval(row: pd.Series, sign: str = "") -> str:
    return f"[{row['low']:{sign}.3f}, {row['high']:{sign}.3f}]"


def _list_numbers(results: pd.DataFrame) -> list[str]:
    lines = list_head(["cohort", *NUMBERS.values()])
    numbers = results[results["kind"].isin(["metric", "tag"])]
    for cohort, rows in numbers.groupby("cohort", sort=False):
        found = {
            row["name"]: row["text"] if row["kind"] == "tag" else f"{row['value']:.3g}"
            for _, row in rows.iterrows()
        }
        for _, one in results[
            (results["cohort"] == cohort)
            & (results["kind"] == "increment")
            & (results["name"] == "clinical")
        ].iterrows():
            found["survival/increment_over_clinical"] = f"{one['value']:+.3f} {_interval(one, '+')}"
        lines.append(list_line([cohort, *(found.get(name, "") for name in NUMBERS)]))
    return lines


def list_planted(results: pd.DataFrame) -> list[str]:
    """Lines of the table of what was planted in the simulated cohort, and found."""
    lines = list_head(["planted", "found", ""])
    for _, row in results[results["kind"].isin(["planted genes", "planted hazard"])].iterrows():
        is_hazard = row["kind"] == "planted hazard"
        found = (
            f"hazard ratio {row['value']:.3f} {_interval(row)}, {row['outcome']}"
            if is_hazard
            else f"{row['value']:.1f} times"
        )
        lines.append(
            list_line(
                [
                    f"{'hazard of' if is_hazard else 'genes of'} {row['name']}",
                    found,
                    str(row["text"]).split("; value:")[0],
                ]
            )
        )
    return lines


def list_genes(results: pd.DataFrame) -> list[str]:
    """A line of leading genes for each cohort that was asked for them."""
    found = results[results["kind"] == "gene"]
    lines = list_head(["cohort", "leading genes"])
    for cohort, rows in found.groupby("cohort", sort=False):
        lines.append(
            list_line(
                [
                    cohort,
                    ", ".join(
                        f"{row['name']} {'+' if row['value'] > 0 else '−'}"
                        for _, row in rows.iterrows()
                    ),
                ]
            )
        )
    return lines
