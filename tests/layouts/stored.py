"""Files that are no text: Excel, Parquet, feather and AnnData, with what people put into them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scipy.sparse

from tests.layouts.layout import Layouts
from tests.layouts.truth import (
    DAYS,
    ENSEMBL,
    EVENT,
    GENES,
    IDS,
    LABEL,
    OBS,
    C,
    E,
    G,
    N,
    by_sample,
    expect,
    write_obs,
)

LAYOUTS = Layouts()
NUMBERED = [f"{1001 + i}" for i in range(N)]


# ---- Excel
# -----------------------------------------------------------------------------------------------------------  # noqa: E501
@LAYOUTS
def excel_with_cells_of_dates_for_genes(folder: Path):
    """No text that looks like a date, but a date."""
    names = [datetime(2020, 3, 1), datetime(2020, 9, 7), *GENES[2:]]
    E.T.set_axis(names).rename_axis("gene").to_excel(folder / "m.xlsx")
    return {"cohort": "m.xlsx"}, {"refuse": ["date_genes"]}


@LAYOUTS
def excel_with_empty_lines_above(folder: Path):
    E.T.rename_axis("gene").to_excel(folder / "m.xlsx", startrow=3)
    return {"cohort": "m.xlsx"}, expect()


@LAYOUTS
def excel_with_the_label_beside_genes(folder: Path):
    E.assign(type=LABEL, age=50).to_excel(folder / "m.xlsx")
    return {"cohort": "m.xlsx", "label": "type"}, expect(label=by_sample(LABEL), says=["age"])


@LAYOUTS
def excel_with_two_sheets(folder: Path):
    with pd.ExcelWriter(folder / "m.xlsx") as book:
        E.T.rename_axis("gene").to_excel(book, sheet_name="expression")
        OBS.to_excel(book, sheet_name="clinical", index=False)
    return {"cohort": "m.xlsx"}, expect() | {"or_refuse": ["sheet"]}


@LAYOUTS
def excel_that_is_called_csv(folder: Path):
    E.to_excel(folder / "m.xlsx")
    (folder / "m.xlsx").rename(folder / "m.csv")
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def excel_annotations_with_numbers_for_ids(folder: Path):
    x = E.set_axis(NUMBERED)
    x.T.rename_axis("gene").to_csv(folder / "m.csv")
    OBS.assign(sample=np.arange(N) + 1001.0).to_excel(folder / "obs.xlsx", index=False)
    return {"cohort": "m.csv", "obs": "obs.xlsx", "label": "type"}, expect(
        x, label=by_sample(LABEL, NUMBERED)
    )


# ---- Parquet and feather
# -----------------------------------------------------------------------------------------------
@LAYOUTS
def parquet_with_kinds_of_columns(folder: Path):
    """Categories, truth values and whole numbers keep their kinds."""
    E.assign(
        type=pd.Categorical(LABEL), dead=EVENT.astype(bool), days=DAYS.astype("int32")
    ).to_parquet(folder / "m.parquet")
    right = expect(
        label=by_sample(LABEL),
        event=by_sample(EVENT.astype(float)),
        time=by_sample(DAYS.astype(float)),
    )
    return {"cohort": "m.parquet", "label": "type", "time": "days", "event": "dead"}, right


@LAYOUTS
def parquet_with_genes_in_a_column(folder: Path):
    E.T.rename_axis("Hugo_Symbol").reset_index().to_parquet(folder / "m.parquet")
    return {"cohort": "m.parquet"}, expect()


@LAYOUTS
def parquet_with_ids_that_are_floats(folder: Path):
    x = E.reset_index(drop=True)
    x.insert(0, "sample_id", np.arange(N) + 1001.0)
    x.to_parquet(folder / "m.parquet")
    return {"cohort": "m.parquet"}, expect(E.set_axis(NUMBERED))


@LAYOUTS
def parquet_without_names_of_samples(folder: Path):
    E.reset_index(drop=True).to_parquet(folder / "m.parquet")
    return {"cohort": "m.parquet"}, {
        "n_samples": N,
        "genes": GENES,
        "scale": "log2_norm_count",
        "says": ["by their number"],
    }


@LAYOUTS
def parquet_annotations(folder: Path):
    E.to_csv(folder / "m.csv")
    OBS.set_index("sample").to_parquet(folder / "obs.parquet")
    return {"cohort": "m.csv", "obs": "obs.parquet", "label": "type"}, expect(
        label=by_sample(LABEL)
    )


@LAYOUTS
def feather_with_samples_in_a_column(folder: Path):
    E.reset_index().to_feather(folder / "m.feather")
    return {"cohort": "m.feather"}, expect()


@LAYOUTS
def feather_with_genes_in_a_column(folder: Path):
    E.T.rename_axis("gene").reset_index().to_feather(folder / "m.feather")
    return {"cohort": "m.feather"}, expect()


# ---- AnnData
# -----------------------------------------------------------------------------------------------------------  # noqa: E501
@LAYOUTS
def anndata_with_annotations(folder: Path):
    obs = OBS.set_index("sample").assign(donor=[f"d{i // 2}" for i in range(N)])
    anndata.AnnData(E.astype(np.float32), obs=obs).write_h5ad(folder / "m.h5ad")
    right = expect(
        label=by_sample(LABEL), n_groups=N // 2, time=by_sample(DAYS.astype(float)), says=["donor"]
    )
    return {"cohort": "m.h5ad", "label": "type", "time": "OS.time", "event": "OS"}, right


@LAYOUTS
def anndata_the_other_way_round(folder: Path):
    """Genes are ``obs``: what the format fixes contradicts the names."""
    anndata.AnnData(E.T.astype(np.float32)).write_h5ad(folder / "m.h5ad")
    return {"cohort": "m.h5ad"}, expect() | {"or_refuse": ["rows="]}


@LAYOUTS
def anndata_scaled_after_logarithms(folder: Path):
    """scanpy's usual way: ``uns["log1p"]`` stays, while X holds z-scores."""
    x = np.log1p(C.div(C.sum(axis=1), axis=0) * 1e4)
    z = (x - x.mean()) / x.std().replace(0, 1)
    adata = anndata.AnnData(x.astype(np.float32), uns={"log1p": {}})
    adata.raw = adata.copy()
    adata.X = z.to_numpy(np.float32)
    adata.write_h5ad(folder / "m.h5ad")
    return {"cohort": "m.h5ad"}, expect(z, scale="zscore", tolerance=1e-3) | {
        "or_refuse": ["log1p", "layer", "scale="]
    }


@LAYOUTS
def anndata_of_sparse_counts(folder: Path):
    adata = anndata.AnnData(
        scipy.sparse.csr_matrix(C.to_numpy(np.float32)),
        pd.DataFrame(index=IDS),
        pd.DataFrame(index=GENES),
    )
    adata.write_h5ad(folder / "m.h5ad")
    return {"cohort": "m.h5ad"}, expect(C, scale="counts")


@LAYOUTS
def anndata_without_names_of_samples(folder: Path):
    var = pd.DataFrame({"gene_symbols": GENES}, index=ENSEMBL)
    obs = pd.DataFrame(index=[f"{i}" for i in range(N)])
    anndata.AnnData(E.to_numpy(np.float32), obs, var).write_h5ad(folder / "m.h5ad")
    return {"cohort": "m.h5ad"}, expect(samples=range(N), genes=ENSEMBL, says=["gene_symbols"])


@LAYOUTS
def anndata_with_numbers_for_genes(folder: Path):
    """The index of ``var`` was reset: its column ``gene_name`` names the genes."""
    var = pd.DataFrame({"gene_name": GENES}, index=[f"{i}" for i in range(G)])
    anndata.AnnData(E.to_numpy(np.float32), pd.DataFrame(index=IDS), var).write_h5ad(
        folder / "m.h5ad"
    )
    return {"cohort": "m.h5ad"}, expect(says=["gene_name"])


@LAYOUTS
def anndata_without_the_layer(folder: Path):
    anndata.AnnData(E.astype(np.float32)).write_h5ad(folder / "m.h5ad")
    return {"cohort": "m.h5ad", "layer": "counts"}, {"refuse": ["counts"]}


@LAYOUTS
def a_layer_of_a_text(folder: Path):
    E.to_csv(folder / "m.csv")
    return {"cohort": "m.csv", "layer": "counts"}, {"refuse": ["layer"]}


@LAYOUTS
def anndata_with_an_annotation_table(folder: Path):
    anndata.AnnData(E.astype(np.float32)).write_h5ad(folder / "m.h5ad")
    write_obs(folder)
    return {"cohort": "m.h5ad", "obs": "obs.tsv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def anndata_as_an_annotation_table(folder: Path):
    E.to_csv(folder / "m.csv")
    anndata.AnnData(E.astype(np.float32), obs=OBS.set_index("sample")).write_h5ad(
        folder / "obs.h5ad"
    )
    return {"cohort": "m.csv", "obs": "obs.h5ad", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def anndata_with_a_category_that_is_missing(folder: Path):
    label = pd.Categorical([None if i < 6 else name for i, name in enumerate(LABEL)])
    anndata.AnnData(
        E.astype(np.float32), obs=OBS.set_index("sample").assign(type=label)
    ).write_h5ad(folder / "m.h5ad")
    right = expect(label_counts={"basal": 10, "luminal": 10, "normal-like": 10}, says=["6 of 36"])
    return {"cohort": "m.h5ad", "label": "type"}, right


# ---- others
# ------------------------------------------------------------------------------------------------------------  # noqa: E501
@LAYOUTS
def a_pickle(folder: Path):
    """Unpickling runs what the file says: it is not read."""
    E.to_pickle(folder / "m.pkl")
    return {"cohort": "m.pkl"}, {"refuse": ["pickle"]}


@LAYOUTS
def an_array_without_names(folder: Path):
    np.save(folder / "m.npy", E.to_numpy())
    return {"cohort": "m.npy"}, {"refuse": ["numpy"]}
