"""Annotations of samples in the matrix itself: beside the genes, above them and below."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.truth import (
    DAYS,
    EVENT,
    GENES,
    IDS,
    LABEL,
    LOG2,
    C,
    E,
    G,
    N,
    by_sample,
    expect,
    tsv,
    write_obs,
)

LAYOUTS = Layouts()
AGE = np.random.default_rng(5).integers(31, 90, N)
BATCH = np.where(np.random.default_rng(6).random(N) < 0.5, "b1", "b2")


@LAYOUTS
def rows_of_text_above_genes_in_rows(folder: Path):
    """Tissue and batch stand in the first two rows, as in tables made for a spreadsheet."""
    t = E.T.astype(object)
    tsv(
        pd.concat([pd.DataFrame([LABEL, BATCH], ["tissue", "batch"], IDS), t]).rename_axis("gene"),
        folder / "m.tsv",
    )
    return {"cohort": "m.tsv", "label": "tissue", "batch": "batch"}, expect(
        label=by_sample(LABEL), says=["tissue"]
    )


@LAYOUTS
def rows_of_text_below_genes_in_rows(folder: Path):
    tsv(
        pd.concat([E.T.astype(object), pd.DataFrame([LABEL], ["Subtype"], IDS)]).rename_axis(
            "Symbol"
        ),
        folder / "m.tsv",
    )
    return {"cohort": "m.tsv", "label": "Subtype"}, expect(label=by_sample(LABEL), says=["subtype"])


@LAYOUTS
def numeric_rows_of_survival_among_genes_in_rows(folder: Path):
    rows = pd.DataFrame([AGE, DAYS, EVENT], ["age", "OS.time", "OS"], IDS)
    tsv(pd.concat([rows, E.T]).rename_axis("id"), folder / "m.tsv")
    right = expect(
        time=by_sample(DAYS.astype(float)), event=by_sample(EVENT.astype(float)), says=["age"]
    )
    return {"cohort": "m.tsv", "time": "OS.time", "event": "OS"}, right


@LAYOUTS
def numeric_rows_that_no_parameter_names(folder: Path):
    rows = pd.DataFrame(
        [AGE, DAYS, EVENT], ["age_at_diagnosis", "days_to_last_follow_up", "vital_status"], IDS
    )
    tsv(pd.concat([E.T, rows]).rename_axis(""), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(says=["age_at_diagnosis"])


@LAYOUTS
def annotations_behind_the_last_gene(folder: Path):
    E.assign(
        Gender=np.where(EVENT, "F", "M"), Stage=["I", "II", "III"] * 12, Age=AGE, Class=LABEL
    ).to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "label": "Class"}, expect(label=by_sample(LABEL), says=["gender"])


@LAYOUTS
def annotations_amid_the_genes(folder: Path):
    x = E.copy()
    x.insert(20, "age", AGE)
    x.insert(40, "tumor_stage", ["I", "II", "III"] * 12)
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(says=["tumor_stage"])


@LAYOUTS
def label_as_a_column_of_0_and_1_called_y(folder: Path):
    E.assign(y=(LABEL == "basal").astype(int)).to_csv(folder / "train.csv")
    return {"cohort": "train.csv", "label": "y"}, expect(
        label=by_sample((LABEL == "basal").astype(int).astype(str))
    )


@LAYOUTS
def a_target_that_no_parameter_names(folder: Path):
    E.assign(target=(LABEL == "basal").astype(int)).to_csv(folder / "train.csv")
    return {"cohort": "train.csv"}, expect(says=["target"])


@LAYOUTS
def first_column_is_the_class_and_there_are_no_ids(folder: Path):
    """A table of a machine-learning repository."""
    x = E.reset_index(drop=True)
    x.insert(0, "diagnosis", np.where(LABEL == "basal", "M", "B"))
    x.to_csv(folder / "data.csv", index=False)
    right = {
        "n_samples": N,
        "genes": GENES,
        "scale": "log2_norm_count",
        "label_counts": {"B": 24, "M": 12},
        "says": ["row number"],
    }
    return {"cohort": "data.csv", "label": "diagnosis"}, right


@LAYOUTS
def an_annotation_of_unusual_name_that_is_declared(folder: Path):
    E.assign(Kreatinin=np.random.default_rng(1).normal(1, 0.2, N).round(2)).to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "metadata": "Kreatinin"}, expect(says=["kreatinin"])


@LAYOUTS
def quality_columns_of_single_cells(folder: Path):
    """``adata.obs`` beside the counts: n_counts, percent_mito, leiden."""
    n_counts = C.sum(axis=1)
    C.assign(
        n_counts=n_counts, n_genes=(C > 0).sum(axis=1), percent_mito=0.031, leiden=np.arange(N) % 4
    ).to_csv(folder / "cells.csv")
    return {"cohort": "cells.csv", "label": "leiden"}, expect(
        C, scale="counts", label=by_sample((np.arange(N) % 4).astype(str))
    )


@LAYOUTS
def labels_of_a_gene_expression_archive_in_one_file(folder: Path):
    """CuMiDa: ``samples``, ``type``, then probes."""
    x = E.set_axis([f"{200000 + 3 * i}_at" for i in range(G)], axis=1).set_axis(
        pd.Index(np.arange(800, 800 + N), name="samples")
    )
    x.insert(0, "type", LABEL)
    x.to_csv(folder / "Breast_GSE45827.csv")
    x = x.drop(columns="type")
    return {"cohort": "Breast_GSE45827.csv", "label": "type"}, expect(
        x, scale=LOG2, label=by_sample(LABEL, x.index)
    )


@LAYOUTS
def a_label_that_is_nowhere(folder: Path):
    E.to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "label": "subtype"}, {"refuse": ["subtype"]}


@LAYOUTS
def coordinates_of_a_map_beside_the_genes(folder: Path):
    rng = np.random.default_rng(1)
    E.assign(UMAP_1=rng.normal(0, 5, N).round(3), UMAP_2=rng.normal(0, 5, N).round(3)).to_csv(
        folder / "m.csv"
    )
    return {"cohort": "m.csv"}, expect(says=["umap_1"])


@LAYOUTS
def a_concentration_in_blood(folder: Path):
    E.assign(**{"PSA (ng/ml)": np.random.default_rng(0).lognormal(2, 1, N).round(2)}).to_csv(
        folder / "m.csv"
    )
    return {"cohort": "m.csv"}, expect(says=["psa (ng/ml)"])


@LAYOUTS
def true_and_false_in_a_row_among_genes(folder: Path):
    t = E.T.astype(object)
    t.loc["treated"] = np.where(EVENT == 1, "TRUE", "FALSE")
    tsv(t.rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(says=["treated"])


@LAYOUTS
def text_that_no_parameter_names(folder: Path):
    E.assign(site_of_resection=["Lung, NOS", "Breast"] * 18).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(says=["site_of_resection"])


@LAYOUTS
def the_label_first_and_then_numbers_of_samples(folder: Path):
    x = E.set_axis(pd.Index(np.arange(N) + 1001, name="id")).reset_index()
    x.insert(0, "type", LABEL)
    x.to_csv(folder / "m.csv", index=False)
    ids = [f"{i + 1001}" for i in range(N)]
    return {"cohort": "m.csv", "label": "type"}, expect(
        E.set_axis(ids), label=by_sample(LABEL, ids)
    )


@LAYOUTS
def labels_of_the_matrix_and_of_its_annotations(folder: Path):
    """Both have a column ``type``, with other values: the annotation table is what was asked
    for.
    """
    E.assign(type=np.roll(LABEL, 1)).to_csv(folder / "m.csv")
    write_obs(folder)
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(
        label=by_sample(LABEL), says=["type"]
    )


@LAYOUTS
def an_index_of_two_columns(folder: Path):
    """pandas' MultiIndex of label and sample."""
    x = E.set_axis(pd.MultiIndex.from_arrays([LABEL, IDS], names=["type", "sample"]))
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def headings_with_blanks_around(folder: Path):
    E.assign(**{" Age ": 50.5, " Sex": "F"}).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(says=["age"])


@LAYOUTS
def annotations_in_capitals_among_genes_in_rows(folder: Path):
    t = E.T.copy()
    t.loc["AGE"] = np.arange(N) + 30
    t.loc["GENDER"] = EVENT
    tsv(t.rename_axis("Symbol"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(says=["AGE"])


@LAYOUTS
def survival_in_rows_of_numbers_and_text(folder: Path):
    t = E.T.astype(object)
    t.loc["OS_MONTHS"] = (DAYS / 30.4375).round(3)
    t.loc["OS_STATUS"] = np.where(EVENT == 1, "DECEASED", "LIVING")
    tsv(t.rename_axis("gene"), folder / "m.tsv")
    right = expect(
        time=by_sample(DAYS.astype(float)), time_tolerance=0.1, event=by_sample(EVENT.astype(float))
    )
    return {"cohort": "m.tsv", "time": "OS_MONTHS", "event": "OS_STATUS"}, right


@LAYOUTS
def where_on_a_column_of_the_matrix(folder: Path):
    E.assign(tissue=LABEL).to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "where": "tissue != 'basal'"}, expect(
        E[LABEL != "basal"], says=["24 of 36"]
    )


@LAYOUTS
def a_gene_is_no_label(folder: Path):
    E.to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "label": "ESR1"}, {"refuse": ["ESR1"]}
