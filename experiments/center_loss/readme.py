"""The tables of results in the README."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from experiments.keeping import list_means

HELD_OUT = {
    "r2": "R2",
    "r2_pca": "R2 of PCA",
    "balanced_accuracy_label": "label predicted",
    "balanced_accuracy_study": "study predicted",
    "silhouette_label": "silhouette, label",
    "silhouette_study": "silhouette, study",
    "clisi": "cLISI",
    "ilisi": "iLISI",
    "kbet": "kBET",
}
INDICES = {
    f"{index}_{column}": f"{title}, {column}"
    for index, title in (("calinski_harabasz", "Calinski-Harabasz"), ("davies_bouldin", "Davies-Bouldin"))
    for column in ("label", "study")
}
SIZES = ("r2", "r2_pca", "balanced_accuracy_label", "balanced_accuracy_study", "silhouette_label", "silhouette_study")
PAIRS = {"partner_rank": "median rank of the partner", "partner_chance": "by chance", "partner_first": "partner is the nearest of all"}
NULL = {"silhouette": "silhouette", "clisi": "cLISI", "balanced_accuracy": "predicted"}


def list_tables(
    scores: pd.DataFrame, tried: pd.DataFrame, left_out: pd.DataFrame, null: pd.DataFrame, sizes: Sequence[int]
) -> dict[str, list[str]]:
    """Lines of every table of the README by name."""
    first = scores[scores["n_latent"].isin([0, sizes[0]])]
    paired = first.dropna(subset=["partner_rank"]) if "partner_rank" in first else first.iloc[:0]
    return {
        "results": list_cohorts(first, HELD_OUT | INDICES),
        "sizes": list_sizes(scores[scores["n_latent"] > 0]),
        "settings": list_settings(tried[tried["setting"] != ""], scores),
        "left_out": list_left_out(left_out),
        "null": list_null(null),
        "pairs": list_means(paired, "method", PAIRS) if len(paired) else [],
    }


def list_cohorts(scores: pd.DataFrame, columns: dict[str, str]) -> list[str]:
    """A table for each cohort, with what chance gives above it."""
    lines: list[str] = []
    for cohort, rows in scores.groupby("cohort", sort=False):
        shown = {name: title for name, title in columns.items() if name in rows and rows[name].notna().any()}
        lines += [f"**{cohort}**, {rows['seed'].nunique()} splits{describe_chance(rows)}", "", *list_means(rows, "method", shown), ""]
    return lines


def describe_chance(rows: pd.DataFrame) -> str:
    """Confounding of study and label, and mixing by chance."""
    titles = {
        "cramers_v": "Cramér's V of study and label",
        "clisi_chance": "cLISI by chance",
        "ilisi_chance": "iLISI",
        "kbet_chance": "kBET",
    }
    found = [f"{title} {rows[name].mean():.2f}" for name, title in titles.items() if name in rows and rows[name].notna().any()]
    return f"; {', '.join(found)}" if found else ""


def list_sizes(scores: pd.DataFrame) -> list[str]:
    """Every method at every size; the largest, which differs between splits, is named by its mean."""
    largest = scores.groupby("cohort")["n_latent"].transform("max")
    by_seed = scores.groupby(["cohort", "seed"])["n_latent"].transform("max")
    named = scores["n_latent"].where(scores["n_latent"] < by_seed, largest)
    rows = scores.assign(place=scores["cohort"] + ", " + scores["method"] + ", " + named.astype(int).astype(str))
    order = pd.Categorical(rows["cohort"], rows["cohort"].unique())
    rows = rows.assign(cohort=order, method=pd.Categorical(rows["method"], rows["method"].unique()))
    return list_means(
        rows.sort_values(["cohort", "method", "n_latent"], kind="stable"), "place", {key: HELD_OUT[key] for key in SIZES if key in rows}
    )


def list_settings(tried: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    """What each setting gives, and the score that it is chosen by; the chosen ones stand in bold."""
    taken = set(scores[["cohort", "method", "setting"]].itertuples(index=False, name=None))
    places = [f"{'**' if key in taken else ''}{', '.join(key)}{'**' if key in taken else ''}"
              for key in tried[["cohort", "method", "setting"]].itertuples(index=False, name=None)]  # fmt: skip
    shown = {"macro_f1_val": "macro F1 on validation samples", **{key: HELD_OUT[key] for key in SIZES if key in tried}}
    return list_means(tried.assign(place=places), "place", shown)


def list_left_out(left_out: pd.DataFrame) -> list[str]:
    """How well the label of a study is predicted that was left out: a row for each method and study."""
    if not len(left_out):
        return []
    rows = left_out.assign(place=left_out["cohort"] + " without " + left_out["without"] + ", " + left_out["method"])
    return list_means(
        rows.sort_values(["cohort", "without"], kind="stable"),
        "place",
        {"balanced_accuracy": "label predicted", "macro_f1": "macro F1", "chance": "chance", "n": "samples"},
    )


def list_null(null: pd.DataFrame) -> list[str]:
    """Separation of true and of permuted labels when either was trained on."""
    trained = null["permuted"].map({True: "permuted", False: "true"})
    rows = null.assign(
        place=null["cohort"] + ": trained on " + trained + " labels, judged by " + null["row"].str.replace(" ", " labels of ") + " samples"
    )
    return list_means(rows, "place", NULL)


def describe(rows: pd.DataFrame) -> str:
    """One sentence on a cohort: label and study predicted from every method's latents of held-out samples."""
    columns = [name for name in ("balanced_accuracy_label", "balanced_accuracy_study") if name in rows and rows[name].notna().any()]
    means = rows.groupby("method", sort=False)[columns].mean()
    found = (f"{name} {' / '.join(f'{value:.2f}' for value in values)}" for name, *values in means.itertuples())
    return f"held-out {' / '.join(name.split('_')[-1] for name in columns)} predicted (balanced accuracy): {', '.join(found)}"
