"""The net behind the reading: values that are no expression, though they stand among genes under an
innocent name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.truth import (
    DAYS,
    ENSEMBL,
    EVENT,
    GENES,
    LABEL,
    OBS,
    C,
    E,
    N,
    by_sample,
    expect,
    tsv,
    write_obs,
)

LAYOUTS = Layouts()
BATCH = np.where(np.random.default_rng(6).random(N) < 0.5, "b1", "b2")


@LAYOUTS
def label_kept_among_the_genes_under_an_innocent_name(folder: Path):
    """The net: a ``gene`` that tells the label perfectly."""
    codes = pd.Series(LABEL).astype("category").cat.codes.to_numpy() * 2.5 + 3
    E.assign(FEAT1=codes).to_csv(folder / "m.csv")
    write_obs(folder)
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, {"refuse": ["FEAT1"]}


@LAYOUTS
def event_kept_among_the_genes(folder: Path):
    x = E.copy()
    x.insert(7, "V17", EVENT)
    x.to_csv(folder / "m.csv")
    write_obs(folder)
    return {"cohort": "m.csv", "obs": "obs.tsv", "time": "OS.time", "event": "OS"}, {
        "refuse": ["V17"]
    }


@LAYOUTS
def time_kept_among_the_genes_in_rows(folder: Path):
    t = E.T.copy()
    t.loc["GENE99"] = DAYS
    tsv(t.rename_axis("gene"), folder / "m.tsv")
    write_obs(folder)
    return {"cohort": "m.tsv", "obs": "obs.tsv", "time": "OS.time", "event": "OS"}, {
        "refuse": ["GENE99"]
    }


@LAYOUTS
def batch_kept_among_the_genes(folder: Path):
    E.assign(PLT=np.where(BATCH == "b1", 1.0, 2.0)).to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(run=BATCH))
    return {"cohort": "m.csv", "obs": "obs.tsv", "batch": "run"}, {"refuse": ["PLT"]}


@LAYOUTS
def label_spread_over_columns_of_0_and_1(folder: Path):
    """One-hot columns: each tells one class of three."""
    onehot = {f"type_{name}": (name == LABEL).astype(int) for name in np.unique(LABEL)}
    E.assign(**onehot).to_csv(folder / "m.csv")
    write_obs(folder)
    right = expect(label=by_sample(LABEL), says=["type_basal"])
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, right | {
        "or_refuse": ["type_basal"]
    }


@LAYOUTS
def xist_tells_sex_and_is_a_gene(folder: Path):
    sex = np.where(np.random.default_rng(3).random(N) < 0.5, "female", "male")
    x = E.assign(
        XIST=np.where(sex == "female", 9.0, 0.2)
        + np.random.default_rng(4).normal(0, 0.1, N).round(3)
    )
    x = x.round(3).sample(frac=1, axis=1, random_state=1)
    x.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(sex=sex))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "sex"}, expect(
        x, label=by_sample(sex), says=["XIST"]
    )


@LAYOUTS
def rps4y1_tells_sex_in_a_matrix_of_ensembl_ids(folder: Path):
    sex = np.where(np.random.default_rng(3).random(N) < 0.5, "female", "male")
    x = E.set_axis(ENSEMBL, axis=1).assign(
        ENSG00000129824=np.where(sex == "male", 7.5, 0.0)
        + np.random.default_rng(4).random(N).round(3)
    )
    x = x.round(3)
    x.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(sex=sex))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "sex"}, expect(
        x, label=by_sample(sex), says=["ENSG00000129824"]
    )


@LAYOUTS
def many_genes_that_tell_the_tissue(folder: Path):
    """Where several genes tell the classes, none is suspicious."""
    x = E.copy()
    for gene in GENES[8:14]:
        x[gene] = (
            np.where(LABEL == "basal", 12.0, 3.0)
            + np.random.default_rng(ord(gene[0])).normal(0, 0.2, N)
        ).round(3)
    x.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(tissue=np.where(LABEL == "basal", "liver", "lung")))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "tissue"}, expect(x)


@LAYOUTS
def principal_components_beside_the_genes(folder: Path):
    """``PC1`` could be a gene; values of another size are asked about."""
    E.assign(PC1=np.random.default_rng(1).normal(0, 50, N).round(3)).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["pc1", "scale="]}


@LAYOUTS
def a_concentration_in_a_row_among_genes(folder: Path):
    t = E.T.copy()
    t.loc["Kreatinin"] = np.random.default_rng(0).normal(90, 20, N).round(1)
    tsv(t.rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, {"refuse": ["kreatinin"]}


@LAYOUTS
def a_word_in_small_letters_among_symbols(folder: Path):
    """Nothing in its values tells it from a silent gene, but its name does."""
    E.assign(malignant=(LABEL == "basal").astype(int)).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["malignant"]}


@LAYOUTS
def a_measurement_in_whole_numbers_among_counts(folder: Path):
    C.assign(kreatinin=np.random.default_rng(0).integers(60, 140, N)).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["kreatinin"]}
