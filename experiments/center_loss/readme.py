"""The tables of results in the README."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from experiments.keeping import list_means

HELD_OUT = {
    "r2": "R2",
    "r2_pca": "R2 of PCA",
    "balanced_accuracy_label": "label predicted",
    "balanced_accuracy_batch": "batch predicted",
    "silhouette_label": "silhouette, label",
    "silhouette_batch": "silhouette, batch",
    "clisi": "cLISI",
    "ilisi": "iLISI",
    "kbet": "kBET",
}
INDICES = {
    f"{index}_{column}": f"{title}, {column}"
    for index, title in (
        ("calinski_harabasz", "Calinski-Harabasz"),
        ("davies_bouldin", "Davies-Bouldin"),
    )
    for column in ("label", "batch")
}
COMPARED = (
    "r2",
    "r2_pca",
    "balanced_accuracy_label",
    "balanced_accuracy_batch",
    "silhouette_label",
    "silhouette_batch",
)
PAIRS = {
    "partner_rank": "median rank of the partner",
    "partner_chance": "by chance",
    "partner_first": "partner is the nearest of all",
}


def list_tables(
    scores: pd.DataFrame,
    tried: pd.DataFrame,
    left_out: pd.DataFrame,
    null: pd.DataFrame,
    sizes: Sequence[int],
) -> dict[str, list[str]]:
    """Lines of every table of the README by name."""
    first = scores[scores["n_latent"].isin([0, sizes[0]])]
    paired = first.dropna(subset=["partner_rank"]) if "partner_rank" in first else first.iloc[:0]
    return {
        "results": list_cohorts(first, HELD_OUT | INDICES),
        "sizes": list_sizes(scores[scores["n_latent"] > 0], sizes),
        "settings": list_settings(tried[tried["setting"] != ""], scores),
        "left_out": list_left_out(left_out),
        "null": list_null(null),
        "pairs": list_means(paired, "method", PAIRS) if len(paired) else [],
    }


def list_cohorts(scores: pd.DataFrame, columns: dict[str, str]) -> list[str]:
    """A table for each cohort, with what chance gives above it."""
    lines: list[str] = []
    for cohort, rows in scores.groupby("cohort", sort=False):
        shown = {
            name: title
            for name, title in columns.items()
            if name in rows and rows[name].notna().any()
        }
        lines += [
            f"**{cohort}**, {rows['seed'].nunique()} splits{describe_chance(rows)}",
            "",
            *list_means(rows, "method", shown),
            "",
        ]
    return lines


def describe_chance(rows: pd.DataFrame) -> str:
    """Confounding of batch and label, and mixing by chance."""
    titles = {
        "cramers_v": "Cramér's V of batch and label",
        "clisi_chance": "cLISI by chance",
        "ilisi_chance": "iLISI",
        "kbet_chance": "kBET",
    }
    found = [
        f"{title} {rows[name].mean():.2f}"
        for name, title in titles.items()
        if name in rows and rows[name].notna().any()
    ]
    return f"; {', '.join(found)}" if found else ""


def list_sizes(scores: pd.DataFrame, sizes: Sequence[int]) -> list[str]:
    """Every method at every size; the largest is what each cohort allows."""
    most = scores.groupby("cohort")["n_latent"].transform("max").astype(int)
    size = scores["n_latent"].astype(int).where(scores["n_latent"].isin(sizes), "most")
    rows = scores.assign(
        place=scores["cohort"] + " (most: " + most.astype(str) + "), " + scores["method"],
        size=size.astype(str),
    )
    wide = {
        f"{HELD_OUT[name]}, {size}": rows[rows["size"] == size].set_index(["place", "seed"])[name]
        for name in ("r2", "r2_pca", "balanced_accuracy_label", "balanced_accuracy_batch")
        for size in (*map(str, sizes), "most")
    }
    return list_wide(pd.DataFrame(wide), rows["place"])


def list_wide(table: pd.DataFrame, order: pd.Series) -> list[str]:
    """Table of means (index ``place`` and ``seed``), its rows in the order in which they are
    met.
    """
    found = table.reset_index()
    found["place"] = pd.Categorical(found["place"], order.unique())
    return list_means(
        found.sort_values(["place", "seed"]).astype({"place": str}),
        "place",
        {name: name for name in table.columns},
    )


def list_settings(tried: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    """Scores of each setting, with that of the choice; the chosen settings are in bold."""
    taken = set(scores[["cohort", "method", "setting"]].itertuples(index=False, name=None))
    places = [f"{'**' if key in taken else ''}{', '.join(key)}{'**' if key in taken else ''}"
              for key in tried[["cohort", "method", "setting"]].itertuples(index=False, name=None)]  # fmt: skip  # noqa: E501
    shown = {
        "macro_f1_val": "macro F1 on validation samples",
        **{key: HELD_OUT[key] for key in COMPARED if key in tried},
    }
    return list_means(tried.assign(place=places), "place", shown)


def list_left_out(left_out: pd.DataFrame) -> list[str]:
    """Balanced accuracy of the label in a study that was left out: a row for each study, a column
    for each method.
    """
    rows = left_out.assign(place=left_out["cohort"] + " without " + left_out["without"])
    wide = rows.pivot(index=["place", "seed"], columns="method", values="balanced_accuracy")[
        list(rows["method"].unique())
    ]
    return list_wide(
        wide.join(
            rows.groupby(["place", "seed"])[["chance", "n"]]
            .first()
            .rename(columns={"n": "samples"})
        ),
        rows["place"],
    )


def list_null(null: pd.DataFrame) -> list[str]:
    """Separation of true and of permuted labels when either was trained on."""
    rows = null.assign(
        place=null["cohort"]
        + ", trained on "
        + null["permuted"].map({True: "permuted", False: "true"})
        + " labels"
    )
    wide = {
        f"{title}, {judged}": rows[rows["row"] == judged].set_index(["place", "seed"])[name]
        for name, title in (("silhouette", "silhouette"), ("balanced_accuracy", "predicted"))
        for judged in rows["row"].unique()
    }
    return list_wide(pd.DataFrame(wide).dropna(axis=1, how="all"), rows["place"])


def describe(rows: pd.DataFrame) -> str:
    """One sentence on a cohort: label and batch predicted from every method's latents of held-out
    samples.
    """
    columns = [
        name
        for name in ("balanced_accuracy_label", "balanced_accuracy_batch")
        if name in rows and rows[name].notna().any()
    ]
    means = rows.groupby("method", sort=False)[columns].mean()
    found = (
        f"{name} {' / '.join(f'{value:.2f}' for value in values)}"
        for name, *values in means.itertuples()
    )
    return (
        f"held-out {' / '.join(name.split('_')[-1] for name in columns)} predicted (balanced "
        f"accuracy): {', '.join(found)}"
    )
