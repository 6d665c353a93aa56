"""What is no gene and no sample: summaries, annotations of genes, row numbers, empty lines and
columns.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.truth import ENSEMBL, GENES, IDS, LABEL, LOG2, C, E, G, N, by_sample, expect, tsv

LAYOUTS = Layouts()


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
    return {"cohort": "ReadsPerGene.tab"}, expect(
        C, genes=ENSEMBL, scale="counts", says=["n_unmapped"]
    )


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
    t = E.T.assign(
        Length=np.arange(G) * 31 + 900,
        Description=[f"protein {i} of a family, member" for i in range(G)],
    )
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
        (
            ("chromosome_name", "X"),
            ("start_position", 1000),
            ("end_position", 9000),
            ("gene_biotype", "lncRNA"),
        )
    ):
        t.insert(k, name, value)
    t.rename_axis("ensembl_gene_id").set_axis(ENSEMBL).rename_axis("ensembl_gene_id").to_csv(
        folder / "counts.csv"
    )
    return {"cohort": "counts.csv"}, expect(
        C, genes=ENSEMBL, scale="counts", says=["start_position"]
    )


@LAYOUTS
def two_columns_of_gene_names(folder: Path):
    """``#NAME`` and ``GENE ID``: both columns hold names; values follow."""
    t = E.T.copy()
    t.insert(0, "gene_symbol", GENES)
    tsv(t.set_axis(ENSEMBL).rename_axis("gene_id"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, [
        expect(genes=ENSEMBL, says=["gene_symbol"]),
        expect(says=["gene_id"]),
    ]


@LAYOUTS
def sample_and_patient_columns_before_the_genes(folder: Path):
    x = E.reset_index()
    x.insert(0, "patient_id", [f"PAT{i // 2:02d}" for i in range(N)])
    x.to_csv(folder / "m.csv", index=False)
    return {"cohort": "m.csv"}, expect(n_groups=N // 2, says=["patient_id"])


@LAYOUTS
def a_symbol_that_reads_like_an_annotation(folder: Path):
    """``AGE``, ``DDR1`` or ``GRADE`` are no genes, but CLASP1, TARGET's and STAT1 are: nothing of
    these is left out.
    """
    x = E.rename(columns={"A1BG": "ARM", "ACTB": "CENTRD", "AGR2": "SITEN"}).rename(
        columns={"ARM": "CLASP1", "CENTRD": "STAG2", "SITEN": "TIMELESS"}
    )
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x)


@LAYOUTS
def an_empty_row_and_an_empty_column_of_a_spreadsheet(folder: Path):
    lines = E.T.rename_axis("Gene").to_csv().splitlines()
    empty = "," * lines[0].count(",")
    (folder / "m.csv").write_text(
        "\n".join(line + "," for line in [*lines[:30], empty, *lines[30:], empty]) + "\n"
    )
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def statistics_of_limma_beside_the_samples(folder: Path):
    t = E.T.set_axis([f"{200000 + i}_at" for i in range(G)]).rename_axis("ID")
    t.insert(0, "Gene.symbol", GENES)
    t.insert(1, "adj.P.Val", 0.01)
    tsv(t.assign(logFC=np.random.default_rng(1).normal(0, 1, G).round(3)), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(genes=t.index, scale=LOG2, says=["adj.p.val"]) | {
        "or_refuse": ["adj.P.Val"]
    }


@LAYOUTS
def means_of_groups_beside_the_samples(folder: Path):
    t = E.T.assign(
        mean_basal=E[LABEL == "basal"].mean(), mean_luminal=E[LABEL == "luminal"].mean()
    ).round(4)
    tsv(t.rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(says=["mean_basal"])


@LAYOUTS
def a_heading_of_two_lines(folder: Path):
    """pandas' MultiIndex of columns: a line of labels, one of samples, one for the name of the
    rows.
    """
    t = E.T.set_axis(pd.MultiIndex.from_arrays([LABEL, IDS], names=["type", "sample"]), axis=1)
    t.rename_axis("gene").to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "label": "type"}, expect(label=by_sample(LABEL)) | {
        "or_refuse": ["heading", "type"]
    }


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
