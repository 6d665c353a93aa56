"""Counts of 10x Genomics: HDF5 files of both layouts, and folders with a Matrix Market file."""

import gzip
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse

from genexp.errors import CohortError
from genexp.formats import tenx
from tests.opened_table import DATA, assert_values, open_file

BARCODES = ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCGC-1", "AAACCTGAGAAACCTA-1"]
WRITTEN = pd.DataFrame(
    [[0, 0, 1], [1, 3, 0], [2, 0, 0], [0, 0, 5]], [f"ENSG{i:011d}" for i in range(1, 5)], BARCODES
)
COUNTS = pd.DataFrame(
    np.random.default_rng(5).poisson(0.7, (30, 12)),
    [f"ENSG{i:011d}" for i in range(30)],
    [f"{i:016d}-1" for i in range(12)],
)


@pytest.mark.parametrize("name", ["tenx_v2.h5", "tenx_v2"])
def test_files_of_version_2_have_ids_as_names_and_symbols_beside(name: str) -> None:
    table = assert_values(DATA / name, WRITTEN)
    assert list(table.row_annotations["gene_name"]) == ["TP53", "MYC", "EGFR", "KRAS"]
    assert (table.scale, table.genes_in_rows, table.heading) == ("counts", True, "gene_id")


@pytest.mark.parametrize("name", ["tenx_v3.h5.gz", "tenx_v3", "tenx_v3/matrix.mtx.gz"])
def test_files_of_version_3_lose_their_antibodies_with_a_word(name: str) -> None:
    table = assert_values(DATA / name, WRITTEN.iloc[:3])
    assert list(table.row_annotations["gene_name"]) == ["TP53", "MYC", "EGFR"]
    assert table.notes == ("Features other than genes were dropped: 1 of Antibody Capture.",)


def write_cell_ranger(
    path: Path, counts: pd.DataFrame, group: str = "matrix", feature_type: str = "Gene Expression"
) -> Path:
    """Write the parts of Cell Ranger's HDF5 file."""
    matrix = scipy.sparse.csc_matrix(counts.to_numpy())
    with h5py.File(path, "a") as file:
        for name, values in {
            "data": matrix.data,
            "indices": matrix.indices,
            "indptr": matrix.indptr,
            "shape": matrix.shape,
        }.items():
            file[f"{group}/{name}"] = values
        file[f"{group}/barcodes"] = np.array(list(counts.columns), dtype="S")
        file[f"{group}/features/id"] = np.array(list(counts.index), dtype="S")
        file[f"{group}/features/name"] = np.array(
            [f"SYM{i}" for i in range(len(counts))], dtype="S"
        )
        file[f"{group}/features/feature_type"] = np.array([feature_type] * len(counts), dtype="S")
    return path


def test_only_whole_numbers_are_counts(tmp_path: Path) -> None:
    assert assert_values(write_cell_ranger(tmp_path / "a", COUNTS), COUNTS).scale == "counts"
    assert assert_values(write_cell_ranger(tmp_path / "b", COUNTS * 0.5), COUNTS * 0.5).scale == ""


def test_several_genomes_are_asked_about(tmp_path: Path) -> None:
    path = write_cell_ranger(write_cell_ranger(tmp_path / "m.h5", COUNTS, "hg19"), COUNTS, "mm10")
    with pytest.raises(CohortError, match=r"several genomes: 2 \(hg19, mm10\)"):
        open_file(path)


def test_a_file_without_genes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"only 30 of CRISPR Guide Capture"):
        open_file(write_cell_ranger(tmp_path / "m.h5", COUNTS, feature_type="CRISPR Guide Capture"))


def test_an_unfiltered_matrix_of_empty_droplets_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenx, "MAX_DROPLETS", 10)
    with pytest.raises(CohortError, match="empty droplets: give the filtered matrix"):
        open_file(write_cell_ranger(tmp_path / "m.h5", COUNTS))


def test_features_that_are_fewer_than_rows_are_refused(tmp_path: Path) -> None:
    path = write_cell_ranger(tmp_path / "m.h5", COUNTS)
    with h5py.File(path, "r+") as file:
        for name in ("id", "name", "feature_type"):
            values = file[f"matrix/features/{name}"][:-1]
            del file[f"matrix/features/{name}"]
            file[f"matrix/features/{name}"] = values
    with pytest.raises(CohortError, match="30 rows and 12 columns, but there are 29 features"):
        open_file(path)


def write_folder(
    folder: Path,
    counts: pd.DataFrame,
    prefix: str = "",
    packed: bool = False,
    features: str = "features.tsv",
) -> Path:
    folder.mkdir(exist_ok=True)
    scipy.io.mmwrite(folder / f"{prefix}matrix.mtx", scipy.sparse.coo_matrix(counts.to_numpy()))
    (folder / f"{prefix}barcodes.tsv").write_text("".join(f"{name}\n" for name in counts.columns))
    (folder / f"{prefix}{features}").write_text(
        "".join(f"{name}\tSYM{i}\n" for i, name in enumerate(counts.index))
    )
    for path in list(folder.iterdir()) if packed else []:
        with gzip.open(f"{path}.gz", "wb") as file:
            file.write(path.read_bytes())
        path.unlink()
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("prefix", ["", "GSM4138872_scRNA_BM_", "sample1-"])
@pytest.mark.parametrize("features", ["features.tsv", "genes.tsv"])
def test_folders_with_prefixes_are_read(
    tmp_path: Path, packed: bool, prefix: str, features: str
) -> None:
    table = assert_values(write_folder(tmp_path / "m", COUNTS, prefix, packed, features), COUNTS)
    assert table.scale == "counts"
    assert list(table.row_annotations["gene_name"])[:2] == ["SYM0", "SYM1"]


def test_a_matrix_of_cells_x_genes_is_turned(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    scipy.io.mmwrite(folder / "cells_x_genes.mtx", scipy.sparse.coo_matrix(COUNTS.to_numpy().T))
    (folder / "cells_x_genes.barcodes.txt").write_text("\n".join(COUNTS.columns))
    (folder / "cells_x_genes.genes.txt").write_text("\n".join(COUNTS.index))
    assert_values(folder, COUNTS)


def test_headings_above_barcodes_and_features_are_no_names(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", COUNTS)
    for name in ("barcodes.tsv", "features.tsv"):
        (folder / name).write_text("id\tname\n" + (folder / name).read_text())
    assert_values(folder, COUNTS)


def test_a_folder_of_several_samples_is_asked_about_and_one_can_be_named(tmp_path: Path) -> None:
    folder = write_folder(write_folder(tmp_path / "m", COUNTS, "A_"), COUNTS.iloc[:, :5], "B_")
    with pytest.raises(CohortError, match=r"several matrices: 2 \(A_matrix.mtx, B_matrix.mtx\)"):
        open_file(folder)
    assert_values(folder / "B_matrix.mtx", COUNTS.iloc[:, :5])


@pytest.mark.parametrize("absent", ["barcodes.tsv", "features.tsv"])
def test_a_folder_without_names_is_refused(tmp_path: Path, absent: str) -> None:
    folder = write_folder(tmp_path / "m", COUNTS)
    (folder / absent).unlink()
    with pytest.raises(CohortError, match=f"expected one file of .*{absent[:8]}"):
        open_file(folder)


def test_names_that_are_fewer_than_a_side_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", COUNTS)
    (folder / "barcodes.tsv").write_text("a\nb\n")
    with pytest.raises(CohortError, match="12 columns, but there are 30 features and 2 barcodes"):
        open_file(folder)
