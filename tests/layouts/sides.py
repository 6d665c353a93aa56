"""What is no gene and no sample: summaries, annotations of either in a matrix, row numbers, and the net behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.truth import DAYS, ENSEMBL, EVENT, GENES, IDS, LABEL, LOG2, OBS, C, E, G, N, by_sample, expect, tsv, write_obs

LAYOUTS = Layouts()
AGE = np.random.default_rng(5).integers(31, 90, N)
BATCH = np.where(np.random.default_rng(6).random(N) < 0.5, "b1", "b2")


@LAYOUTS
def rows_of_text_above_genes_in_rows(folder: Path):
    """Tissue and batch stand in the first two rows, as in tables made for a spreadsheet."""
    t = E.T.astype(object)
    tsv(pd.concat([pd.DataFrame([LABEL, BATCH], ["tissue", "batch"], IDS), t]).rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv", "label": "tissue", "study": "batch"}, expect(label=by_sample(LABEL), says=["tissue"])


@LAYOUTS
def rows_of_text_below_genes_in_rows(folder: Path):
    tsv(pd.concat([E.T.astype(object), pd.DataFrame([LABEL], ["Subtype"], IDS)]).rename_axis("Symbol"), folder / "m.tsv")
    return {"cohort": "m.tsv", "label": "Subtype"}, expect(label=by_sample(LABEL), says=["subtype"])


@LAYOUTS
def numeric_rows_of_survival_among_genes_in_rows(folder: Path):
    rows = pd.DataFrame([AGE, DAYS, EVENT], ["age", "OS.time", "OS"], IDS)
    tsv(pd.concat([rows, E.T]).rename_axis("id"), folder / "m.tsv")
    right = expect(time=by_sample(DAYS.astype(float)), event=by_sample(EVENT.astype(float)), says=["age"])
    return {"cohort": "m.tsv", "time": "OS.time", "event": "OS"}, right


@LAYOUTS
def numeric_rows_that_no_parameter_names(folder: Path):
    rows = pd.DataFrame([AGE, DAYS, EVENT], ["age_at_diagnosis", "days_to_last_follow_up", "vital_status"], IDS)
    tsv(pd.concat([E.T, rows]).rename_axis(""), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(says=["age_at_diagnosis"])


@LAYOUTS
def annotations_behind_the_last_gene(folder: Path):
    E.assign(Gender=np.where(EVENT, "F", "M"), Stage=["I", "II", "III"] * 12, Age=AGE, Class=LABEL).to_csv(folder / "m.csv")
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
    return {"cohort": "train.csv", "label": "y"}, expect(label=by_sample((LABEL == "basal").astype(int).astype(str)))


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
    right = {"n_samples": N, "genes": GENES, "scale": "log2_norm_count", "label_counts": {"B": 24, "M": 12}, "says": ["row number"]}
    return {"cohort": "data.csv", "label": "diagnosis"}, right


@LAYOUTS
def a_column_of_whole_number_ids_called_id(folder: Path):
    x = E.set_axis(pd.Index(842302 + 17 * np.arange(N), name="id"))
    x.assign(diagnosis=np.where(LABEL == "basal", "M", "B")).to_csv(folder / "data.csv")
    right = expect(x, label=by_sample(np.where(LABEL == "basal", "M", "B"), x.index))
    return {"cohort": "data.csv", "label": "diagnosis"}, right


@LAYOUTS
def a_numeric_patient_number_beside_names(folder: Path):
    x = E.copy()
    x.insert(0, "patient_number", np.arange(N) // 2 + 5001)
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(n_groups=N // 2, says=["patient_number"])


@LAYOUTS
def row_numbers_of_pandas_beside_names(folder: Path):
    """``reset_index().to_csv``: the first column is ``Unnamed: 0``."""
    E.reset_index().to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def row_numbers_called_unnamed_beside_names(folder: Path):
    x = E.reset_index()
    x.insert(0, "Unnamed: 0", np.arange(N))
    x.to_csv(folder / "m.csv", index=False)
    return {"cohort": "m.csv"}, expect(says=["counts rows", "numbers rows"])


@LAYOUTS
def row_numbers_written_twice(folder: Path):
    """Saved twice with an index: ``Unnamed: 0.1`` and ``Unnamed: 0``."""
    x = E.reset_index()
    x.insert(0, "Unnamed: 0", np.arange(N))
    x.insert(0, "Unnamed: 0.1", np.arange(N))
    x.to_csv(folder / "m.csv", index=False)
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def row_numbers_of_r_beside_gene_names(folder: Path):
    """``write.csv`` of a data frame whose genes are a column: row numbers from 1, then ``gene``."""
    t = E.T.rename_axis("gene").reset_index()
    t.set_axis(range(1, G + 1)).to_csv(folder / "m.csv", index_label="")
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def total_and_mean_rows_below_genes(folder: Path):
    t = C.T.copy()
    t.loc["Total"], t.loc["Mean"] = C.T.sum(), C.T.mean().round().astype(int)
    tsv(t.rename_axis("Gene"), folder / "counts.txt")
    return {"cohort": "counts.txt"}, expect(C, scale="counts", says=["total"])


@LAYOUTS
def mean_and_sd_columns_behind_the_samples(folder: Path):
    t = E.T.assign(Mean=E.mean().round(3), SD=E.std().round(3))
    tsv(t.rename_axis("Gene"), folder / "m.txt")
    return {"cohort": "m.txt"}, expect(says=["mean"])


@LAYOUTS
def a_sum_column_behind_the_genes(folder: Path):
    C.assign(Sum=C.sum(axis=1)).to_csv(folder / "counts.csv")
    return {"cohort": "counts.csv"}, expect(C, scale="counts", says=["sum"])


@LAYOUTS
def star_counts_joined_with_their_first_rows(folder: Path):
    rows = ["N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"]
    head = pd.DataFrame(np.random.default_rng(7).integers(10**4, 10**7, (4, N)), rows, IDS)
    tsv(pd.concat([head, C.T.set_axis(ENSEMBL)]), folder / "ReadsPerGene.tab")
    return {"cohort": "ReadsPerGene.tab"}, expect(C, genes=ENSEMBL, scale="counts", says=["n_unmapped"])


@LAYOUTS
def featurecounts_status_rows(folder: Path):
    rows = ["Unassigned_NoFeatures", "Unassigned_Ambiguity", "Unassigned_MultiMapping", "Assigned"]
    foot = pd.DataFrame(np.random.default_rng(8).integers(10**4, 10**7, (4, N)), rows, IDS)
    tsv(pd.concat([C.T, foot]).rename_axis("Geneid"), folder / "counts.tsv")
    return {"cohort": "counts.tsv"}, expect(C, scale="counts", says=["unassigned_nofeatures"])


@LAYOUTS
def htseq_rows_of_an_old_version(folder: Path):
    """Before 0.6 the five rows had no underscores."""
    rows = ["no_feature", "ambiguous", "too_low_aQual", "not_aligned", "alignment_not_unique"]
    foot = pd.DataFrame(np.random.default_rng(9).integers(10**4, 10**7, (5, N)), rows, IDS)
    tsv(pd.concat([C.T, foot]).rename_axis("gene"), folder / "counts.tsv")
    return {"cohort": "counts.tsv"}, expect(C, scale="counts", says=["no_feature"])


@LAYOUTS
def gene_annotations_behind_the_samples(folder: Path):
    t = E.T.assign(Length=np.arange(G) * 31 + 900, Description=[f"protein {i} of a family, member" for i in range(G)])
    t.rename_axis("Symbol").to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(says=["length"])


@LAYOUTS
def gene_annotations_amid_the_samples(folder: Path):
    t = C.T.copy()
    t.insert(10, "gene_type", np.where(np.arange(G) % 9, "protein_coding", "lncRNA"))
    t.insert(20, "Entrez_Gene_Id", np.arange(G) + 1017)
    tsv(t.rename_axis("gene_id"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(C, scale="counts", says=["gene_type"])


@LAYOUTS
def positions_of_genes_before_the_counts(folder: Path):
    t = C.T.copy()
    for k, (name, value) in enumerate(
        (("chromosome_name", "X"), ("start_position", 1000), ("end_position", 9000), ("gene_biotype", "lncRNA"))
    ):
        t.insert(k, name, value)
    t.rename_axis("ensembl_gene_id").set_axis(ENSEMBL).rename_axis("ensembl_gene_id").to_csv(folder / "counts.csv")
    return {"cohort": "counts.csv"}, expect(C, genes=ENSEMBL, scale="counts", says=["start_position"])


@LAYOUTS
def two_columns_of_gene_names(folder: Path):
    """``#NAME`` and ``GENE ID``: both columns hold names; values follow."""
    t = E.T.copy()
    t.insert(0, "gene_symbol", GENES)
    tsv(t.set_axis(ENSEMBL).rename_axis("gene_id"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, [expect(genes=ENSEMBL, says=["gene_symbol"]), expect(says=["gene_id"])]


@LAYOUTS
def sample_and_patient_columns_before_the_genes(folder: Path):
    x = E.reset_index()
    x.insert(0, "patient_id", [f"PAT{i // 2:02d}" for i in range(N)])
    x.to_csv(folder / "m.csv", index=False)
    return {"cohort": "m.csv"}, expect(n_groups=N // 2, says=["patient_id"])


@LAYOUTS
def an_annotation_of_unusual_name_that_is_declared(folder: Path):
    E.assign(Kreatinin=np.random.default_rng(1).normal(1, 0.2, N).round(2)).to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "metadata": "Kreatinin"}, expect(says=["kreatinin"])


@LAYOUTS
def a_symbol_that_reads_like_an_annotation(folder: Path):
    """``AGE``, ``DDR1`` or ``GRADE`` are no genes, but CLASP1, TARGET's and STAT1 are: nothing of these is left out."""
    x = E.rename(columns={"A1BG": "ARM", "ACTB": "CENTRD", "AGR2": "SITEN"}).rename(
        columns={"ARM": "CLASP1", "CENTRD": "STAG2", "SITEN": "TIMELESS"}
    )
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x)


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
    return {"cohort": "m.csv", "obs": "obs.tsv", "time": "OS.time", "event": "OS"}, {"refuse": ["V17"]}


@LAYOUTS
def time_kept_among_the_genes_in_rows(folder: Path):
    t = E.T.copy()
    t.loc["GENE99"] = DAYS
    tsv(t.rename_axis("gene"), folder / "m.tsv")
    write_obs(folder)
    return {"cohort": "m.tsv", "obs": "obs.tsv", "time": "OS.time", "event": "OS"}, {"refuse": ["GENE99"]}


@LAYOUTS
def batch_kept_among_the_genes(folder: Path):
    E.assign(PLT=np.where(BATCH == "b1", 1.0, 2.0)).to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(run=BATCH))
    return {"cohort": "m.csv", "obs": "obs.tsv", "study": "run"}, {"refuse": ["PLT"]}


@LAYOUTS
def label_spread_over_columns_of_0_and_1(folder: Path):
    """One-hot columns: each tells one class of three."""
    onehot = {f"type_{name}": (name == LABEL).astype(int) for name in np.unique(LABEL)}
    E.assign(**onehot).to_csv(folder / "m.csv")
    write_obs(folder)
    right = expect(label=by_sample(LABEL), says=["type_basal"])
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, right | {"or_refuse": ["type_basal"]}


@LAYOUTS
def xist_tells_sex_and_is_a_gene(folder: Path):
    sex = np.where(np.random.default_rng(3).random(N) < 0.5, "female", "male")
    x = E.assign(XIST=np.where(sex == "female", 9.0, 0.2) + np.random.default_rng(4).normal(0, 0.1, N).round(3))
    x = x.round(3).sample(frac=1, axis=1, random_state=1)
    x.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(sex=sex))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "sex"}, expect(x, label=by_sample(sex), says=["XIST"])


@LAYOUTS
def rps4y1_tells_sex_in_a_matrix_of_ensembl_ids(folder: Path):
    sex = np.where(np.random.default_rng(3).random(N) < 0.5, "female", "male")
    x = E.set_axis(ENSEMBL, axis=1).assign(ENSG00000129824=np.where(sex == "male", 7.5, 0.0) + np.random.default_rng(4).random(N).round(3))
    x = x.round(3)
    x.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(sex=sex))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "sex"}, expect(x, label=by_sample(sex), says=["ENSG00000129824"])


@LAYOUTS
def many_genes_that_tell_the_tissue(folder: Path):
    """Where several genes tell the classes, none is suspicious."""
    x = E.copy()
    for gene in GENES[8:14]:
        x[gene] = (np.where(LABEL == "basal", 12.0, 3.0) + np.random.default_rng(ord(gene[0])).normal(0, 0.2, N)).round(3)
    x.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(tissue=np.where(LABEL == "basal", "liver", "lung")))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "tissue"}, expect(x)


@LAYOUTS
def an_empty_row_and_an_empty_column_of_a_spreadsheet(folder: Path):
    lines = E.T.rename_axis("Gene").to_csv().splitlines()
    empty = "," * lines[0].count(",")
    (folder / "m.csv").write_text("\n".join(line + "," for line in [*lines[:30], empty, *lines[30:], empty]) + "\n")
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def quality_columns_of_single_cells(folder: Path):
    """``adata.obs`` beside the counts: n_counts, percent_mito, leiden."""
    n_counts = C.sum(axis=1)
    C.assign(n_counts=n_counts, n_genes=(C > 0).sum(axis=1), percent_mito=0.031, leiden=np.arange(N) % 4).to_csv(folder / "cells.csv")
    return {"cohort": "cells.csv", "label": "leiden"}, expect(C, scale="counts", label=by_sample((np.arange(N) % 4).astype(str)))


@LAYOUTS
def labels_of_a_gene_expression_archive_in_one_file(folder: Path):
    """CuMiDa: ``samples``, ``type``, then probes."""
    x = E.set_axis([f"{200000 + 3 * i}_at" for i in range(G)], axis=1).set_axis(pd.Index(np.arange(800, 800 + N), name="samples"))
    x.insert(0, "type", LABEL)
    x.to_csv(folder / "Breast_GSE45827.csv")
    x = x.drop(columns="type")
    return {"cohort": "Breast_GSE45827.csv", "label": "type"}, expect(x, scale=LOG2, label=by_sample(LABEL, x.index))


@LAYOUTS
def a_label_that_is_nowhere(folder: Path):
    E.to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "label": "subtype"}, {"refuse": ["subtype"]}


@LAYOUTS
def statistics_of_limma_beside_the_samples(folder: Path):
    t = E.T.set_axis([f"{200000 + i}_at" for i in range(G)]).rename_axis("ID")
    t.insert(0, "Gene.symbol", GENES)
    t.insert(1, "adj.P.Val", 0.01)
    tsv(t.assign(logFC=np.random.default_rng(1).normal(0, 1, G).round(3)), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(genes=t.index, scale=LOG2, says=["adj.p.val"]) | {"or_refuse": ["adj.P.Val"]}


@LAYOUTS
def means_of_groups_beside_the_samples(folder: Path):
    t = E.T.assign(mean_basal=E[LABEL == "basal"].mean(), mean_luminal=E[LABEL == "luminal"].mean()).round(4)
    tsv(t.rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(says=["mean_basal"])


@LAYOUTS
def coordinates_of_a_map_beside_the_genes(folder: Path):
    rng = np.random.default_rng(1)
    E.assign(UMAP_1=rng.normal(0, 5, N).round(3), UMAP_2=rng.normal(0, 5, N).round(3)).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(says=["umap_1"])


@LAYOUTS
def principal_components_beside_the_genes(folder: Path):
    """``PC1`` could be a gene; values of another size are asked about."""
    E.assign(PC1=np.random.default_rng(1).normal(0, 50, N).round(3)).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["pc1", "scale="]}


@LAYOUTS
def a_concentration_in_blood(folder: Path):
    E.assign(**{"PSA (ng/ml)": np.random.default_rng(0).lognormal(2, 1, N).round(2)}).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(says=["psa (ng/ml)"])


@LAYOUTS
def a_concentration_in_a_row_among_genes(folder: Path):
    t = E.T.copy()
    t.loc["Kreatinin"] = np.random.default_rng(0).normal(90, 20, N).round(1)
    tsv(t.rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, {"refuse": ["kreatinin"]}


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
    return {"cohort": "m.csv", "label": "type"}, expect(E.set_axis(ids), label=by_sample(LABEL, ids))


@LAYOUTS
def labels_of_the_matrix_and_of_its_annotations(folder: Path):
    """Both have a column ``type``, with other values: the annotation table is what was asked for."""
    E.assign(type=np.roll(LABEL, 1)).to_csv(folder / "m.csv")
    write_obs(folder)
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(label=by_sample(LABEL), says=["type"])


@LAYOUTS
def an_index_of_two_columns(folder: Path):
    """pandas' MultiIndex of label and sample."""
    x = E.set_axis(pd.MultiIndex.from_arrays([LABEL, IDS], names=["type", "sample"]))
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def a_heading_of_two_lines(folder: Path):
    """pandas' MultiIndex of columns: a line of labels, one of samples, one for the name of the rows."""
    t = E.T.set_axis(pd.MultiIndex.from_arrays([LABEL, IDS], names=["type", "sample"]), axis=1)
    t.rename_axis("gene").to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "label": "type"}, expect(label=by_sample(LABEL)) | {"or_refuse": ["heading", "type"]}


@LAYOUTS
def a_word_in_small_letters_among_symbols(folder: Path):
    """Nothing in its values tells it from a silent gene, but its name does."""
    E.assign(malignant=(LABEL == "basal").astype(int)).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["malignant"]}


@LAYOUTS
def a_measurement_in_whole_numbers_among_counts(folder: Path):
    C.assign(kreatinin=np.random.default_rng(0).integers(60, 140, N)).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["kreatinin"]}


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
    right = expect(time=by_sample(DAYS.astype(float)), time_tolerance=0.1, event=by_sample(EVENT.astype(float)))
    return {"cohort": "m.tsv", "time": "OS_MONTHS", "event": "OS_STATUS"}, right


@LAYOUTS
def where_on_a_column_of_the_matrix(folder: Path):
    E.assign(tissue=LABEL).to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "where": "tissue != 'basal'"}, expect(E[LABEL != "basal"], says=["24 of 36"])


@LAYOUTS
def a_gene_is_no_label(folder: Path):
    E.to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "label": "ESR1"}, {"refuse": ["ESR1"]}


@LAYOUTS
def an_empty_column_amid_the_samples(folder: Path):
    t = E.T.copy()
    t.insert(10, "", "")
    t.rename_axis("gene").to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect() | {"or_refuse": ["without a name", "empty"]}


@LAYOUTS
def groups_in_merged_cells_above_the_samples(folder: Path):
    """Two headings: the first names groups, where they start."""
    groups = ["Group", *("Tumor" if i == 0 else "Normal" if i == 18 else "" for i in range(N))]
    (folder / "m.csv").write_text(",".join(groups) + "\n" + E.T.rename_axis("gene").to_csv())
    return {"cohort": "m.csv"}, expect() | {"or_refuse": ["heading", "name"]}


@LAYOUTS
def groups_above_the_samples(folder: Path):
    groups = ["Group", *["Tumor"] * 18, *["Normal"] * 18]
    (folder / "m.csv").write_text(",".join(groups) + "\n" + E.T.rename_axis("gene").to_csv())
    return {"cohort": "m.csv"}, expect() | {"or_refuse": ["heading", "name"]}
