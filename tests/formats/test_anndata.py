"""AnnData files and Zarr stores: X and layers, dense and sparse, old and new, and what uns says of
the scale.
"""

import gzip
import shutil
import warnings
import zipfile
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from genexp.errors import CohortError
from genexp.files import stored
from tests.opened_table import DATA, annotate, assert_values, open_file, read_values

N_CELLS, N_GENES = 41, 23
COUNTS = pd.DataFrame(
    np.random.default_rng(3).poisson(0.8, (N_CELLS, N_GENES)).astype(np.float32),
    index=[f"CELL-{i}" for i in range(N_CELLS)],
    columns=[f"ENSG{i:011d}" for i in range(N_GENES)],
)
LOGS = np.log1p(COUNTS / COUNTS.sum(axis=1).to_numpy()[:, None] * 1e4).astype(np.float32)
OBS = pd.DataFrame(
    {
        "cell_type": pd.Categorical(["T", "B", "T", None] * 10 + ["B"]),
        "age": np.arange(N_CELLS) / 2,
        "note": [f"n{i}" for i in range(N_CELLS)],
    },
    index=COUNTS.index,
)
VAR = pd.DataFrame({"gene_name": [f"SYM{i}" for i in range(N_GENES)]}, index=COUNTS.columns)
KINDS = {"dense": np.asarray, "csr": scipy.sparse.csr_matrix, "csc": scipy.sparse.csc_matrix}


def build(X: object = None, **layers: object) -> anndata.AnnData:
    return anndata.AnnData(X, obs=OBS.copy(), var=VAR.copy(), layers=layers)


def write(adata: anndata.AnnData, path: Path) -> Path:
    """Write as the ending says: HDF5, or Zarr of format 2 or 3."""
    if path.suffix == ".h5ad":
        adata.write_h5ad(path)
        return path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with anndata.settings.override(zarr_write_format=3 if path.suffix == ".zarr3" else 2):
            adata.write_zarr(path)
    return path


STORES = ["m.h5ad", "m.zarr2", "m.zarr3"]


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", KINDS)
def test_x_is_read_whatever_its_encoding(tmp_path: Path, store: str, kind: str) -> None:
    path = write(build(KINDS[kind](COUNTS.to_numpy())), tmp_path / store)
    table = assert_values(path, COUNTS)
    pd.testing.assert_frame_equal(table.row_annotations, OBS.reset_index(drop=True))
    pd.testing.assert_frame_equal(
        table.column_annotations, VAR.reset_index(drop=True), check_dtype=False
    )
    assert (table.scale, table.genes_in_rows, table.notes) == ("", None, ())


@pytest.mark.parametrize("kind", KINDS)
def test_x_is_read_by_blocks_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(stored, "BLOCK_BYTES", 200)
    path = tmp_path / "m.h5ad"
    build(KINDS[kind](COUNTS.to_numpy())).write_h5ad(path, compression="gzip")
    assert_values(path, COUNTS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_matrix_of_mostly_zeros_is_read(tmp_path: Path, kind: str) -> None:
    rare = COUNTS.where(COUNTS > 2, 0)
    assert_values(write(build(KINDS[kind](rare.to_numpy())), tmp_path / "m.h5ad"), rare)


@pytest.mark.parametrize("dtype", ["int64", "float64", "bool", "float16", "uint8", "int32"])
def test_numbers_of_every_type_are_read(tmp_path: Path, dtype: str) -> None:
    X = COUNTS.to_numpy().astype(dtype)
    assert_values(write(build(X), tmp_path / "m.h5ad"), COUNTS.astype(dtype))
    if dtype != "float16":  # SciPy has no sparse matrices of it
        assert_values(
            write(build(scipy.sparse.csr_matrix(X)), tmp_path / "m.h5ad"), COUNTS.astype(dtype)
        )


def test_missing_values_stay_missing(tmp_path: Path) -> None:
    values = COUNTS.mask(COUNTS == 2)
    assert_values(write(build(values.to_numpy()), tmp_path / "m.h5ad"), values)


def test_double_names_are_kept(tmp_path: Path) -> None:
    path = write(build(COUNTS.to_numpy()), tmp_path / "m.h5ad")
    with h5py.File(path, "r+") as file:
        file["obs/_index"][:] = "a"
        file["var/_index"][:] = "g"
    table = open_file(path)
    assert table.rows == ["a"] * N_CELLS
    assert table.columns == ["g"] * N_GENES


def test_the_index_may_have_a_name_or_be_a_column_too(tmp_path: Path) -> None:
    adata = build(COUNTS.to_numpy())
    adata.obs.index.name = "barcode"
    adata.obs["barcode"] = adata.obs.index
    path = write(adata, tmp_path / "m.h5ad")
    assert open_file(path).heading == "barcode"
    assert list(annotate(path).iloc[:, 0]) == list(COUNTS.index)


@pytest.mark.parametrize("store", STORES)
def test_a_layer_is_read_by_its_name(tmp_path: Path, store: str) -> None:
    path = write(
        build(
            LOGS.to_numpy(),
            counts=scipy.sparse.csr_matrix(COUNTS.to_numpy()),
            other=LOGS.to_numpy(),
        ),
        tmp_path / store,
    )
    assert_values(path, COUNTS, layer="counts")
    assert_values(path, LOGS, layer="other")
    with pytest.raises(CohortError, match=r"no layer 'count'; its layers: 2 .counts, other."):
        open_file(path, layer="count")


@pytest.mark.parametrize("store", STORES)
def test_raw_is_offered_as_a_layer_with_genes_of_its_own(tmp_path: Path, store: str) -> None:
    adata = build(COUNTS.to_numpy())
    adata.raw = adata
    path = write(adata[:, :7].copy(), tmp_path / store)
    assert_values(path, COUNTS.iloc[:, :7])
    assert_values(path, COUNTS, layer="raw")


@pytest.mark.parametrize("store", STORES)
def test_an_absent_x_is_asked_about_with_the_layers(tmp_path: Path, store: str) -> None:
    path = write(build(counts=COUNTS.to_numpy()), tmp_path / store)
    with pytest.raises(CohortError, match=r"has no X.* 1 .counts.; .*layer=counts"):
        open_file(path)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("base", [None, np.e])
def test_scanpys_note_means_natural_logarithms(
    tmp_path: Path, store: str, base: float | None
) -> None:
    adata = build(LOGS.to_numpy(), counts=COUNTS.to_numpy())
    adata.uns["log1p"] = {"base": base}
    path = write(adata, tmp_path / store)
    table = open_file(path)
    assert (table.scale, table.says_scale) == ("ln_norm_count", 'uns["log1p"]')
    assert "layer=counts" in table.notes[0]
    assert open_file(path, layer="counts").scale == ""


def test_a_note_without_a_base_means_natural_logarithms_and_base_2_is_told_apart(
    tmp_path: Path,
) -> None:
    adata = build(LOGS.to_numpy())
    adata.uns["log1p"] = {}
    assert open_file(write(adata, tmp_path / "m.h5ad")).scale == "ln_norm_count"
    adata.uns["log1p"] = {"base": 2}
    assert open_file(write(adata, tmp_path / "m.h5ad")).scale == "log2_norm_count"


def test_logarithms_to_another_base_are_refused(tmp_path: Path) -> None:
    adata = build(LOGS.to_numpy(), counts=COUNTS.to_numpy())
    adata.uns["log1p"] = {"base": 10}
    with pytest.raises(CohortError, match=r"base 10.*layer=counts"):
        open_file(write(adata, tmp_path / "m.h5ad"))


@pytest.mark.parametrize(
    ("X", "word"), [(COUNTS.to_numpy(), "whole numbers"), (LOGS.to_numpy() - 3, "below 0")]
)
@pytest.mark.parametrize("kind", KINDS)
def test_scanpys_note_is_not_believed_where_x_contradicts_it(
    tmp_path: Path, X: np.ndarray, word: str, kind: str
) -> None:
    adata = build(KINDS[kind](X))
    adata.uns["log1p"] = {"base": None}
    table = open_file(write(adata, tmp_path / "m.h5ad"))
    assert table.scale == ""
    assert word in table.notes[0]


def test_the_scale_that_convert_writes_is_read(tmp_path: Path) -> None:
    adata = build(LOGS.to_numpy())
    adata.uns |= {"scale": "log2_tpm", "log1p": {"base": None}}
    assert open_file(write(adata, tmp_path / "m.h5ad")).scale == "log2_tpm"
    adata.uns["scale"] = np.array([1.0, 2.0])
    assert open_file(write(adata, tmp_path / "n.h5ad")).scale == "ln_norm_count"


def test_obs_serves_as_an_annotation_table(tmp_path: Path) -> None:
    for store in STORES:
        table = annotate(write(build(COUNTS.to_numpy()), tmp_path / store))
        assert list(table.columns) == ["index", "cell_type", "age", "note"]
        assert list(table["index"]) == list(COUNTS.index)
        assert table["cell_type"].isna().sum() == 10


@pytest.mark.parametrize("name", ["anndata_0.6_dense.h5ad", "anndata_0.6_sparse.h5ad"])
def test_files_of_version_0_6_are_read(name: str) -> None:
    counts = pd.DataFrame(
        [[0, 3, 1, 0], [2, 0, 0, 5], [1, 1, 0, 0]],
        ["S1", "S2", "S3"],
        ["TP53", "MYC", "EGFR", "KRAS"],
    )
    table = assert_values(
        DATA / name, np.log1p(counts.astype(np.float32)) if "dense" in name else counts
    )
    assert list(table.row_annotations["type"]) == ["a", "b", "a"]
    assert list(table.row_annotations["age"]) == [50, 61.5, 40]
    assert list(table.column_annotations["gene_ids"]) == [f"ENSG{i:011d}" for i in range(4)]
    assert list(annotate(DATA / name)["type"]) == ["a", "b", "a"]
    if "dense" in name:
        assert_values(DATA / name, counts, layer="raw")


def test_the_ending_does_not_matter_and_packed_files_are_unpacked(tmp_path: Path) -> None:
    path = write(build(COUNTS.to_numpy()), tmp_path / "m.h5ad")
    with gzip.open(tmp_path / "matrix", "wb") as packed:
        packed.write(path.read_bytes())
    assert_values(tmp_path / "matrix", COUNTS)
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.write(path, "m.h5ad")
    assert_values(tmp_path / "m.zip", COUNTS)


@pytest.mark.parametrize("store", STORES[1:])
@pytest.mark.parametrize("base_dir", [None, "folder"])
def test_a_zip_archive_of_a_store_is_read(tmp_path: Path, store: str, base_dir: str | None) -> None:
    folder = write(build(scipy.sparse.csr_matrix(COUNTS.to_numpy())), tmp_path / store).rename(
        tmp_path / "folder"
    )
    archive = shutil.make_archive(
        str(tmp_path / "packed"), "zip", tmp_path if base_dir else folder, base_dir
    )
    assert_values(Path(archive), COUNTS)


def test_a_store_of_pickled_objects_is_refused(tmp_path: Path) -> None:
    path = write(build(COUNTS.to_numpy()), tmp_path / "m.zarr2")
    metadata = path / "obs" / "note" / ".zarray"
    metadata.write_text(metadata.read_text().replace('"vlen-utf8"', '"pickle"'))
    with pytest.raises(CohortError, match="pickled objects"):
        open_file(path)


def test_mudata_is_asked_for_one_modality(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5mu", "w") as file:
        file.attrs["encoding-type"] = "MuData"
        file.create_group("mod/rna")
        file.create_group("mod/prot")
    with pytest.raises(CohortError, match=r"modalities 2 \(prot, rna\)"):
        open_file(tmp_path / "m.h5mu")


def test_x_of_another_shape_than_its_annotations_is_refused(tmp_path: Path) -> None:
    path = write(build(COUNTS.to_numpy()), tmp_path / "m.h5ad")
    with h5py.File(path, "r+") as file:
        del file["X"]
        file["X"] = COUNTS.to_numpy()[:-1]
    with pytest.raises(CohortError, match="X is 40 x 23, but obs has 41 rows"):
        open_file(path)


@pytest.mark.parametrize(
    ("part", "value"), [("indices", 99), ("indices", -1), ("indptr", 3), ("indptr", 10**6)]
)
def test_a_sparse_matrix_that_contradicts_itself_is_refused(
    tmp_path: Path, part: str, value: int
) -> None:
    path = write(build(scipy.sparse.csr_matrix(COUNTS.to_numpy())), tmp_path / "m.h5ad")
    with h5py.File(path, "r+") as file:
        file["X"][part][5 if part == "indices" else 0] = value
    with pytest.raises(CohortError):
        read_values(open_file(path))


def test_text_as_x_is_refused(tmp_path: Path) -> None:
    path = write(build(COUNTS.to_numpy()), tmp_path / "m.h5ad")
    with h5py.File(path, "r+") as file:
        del file["X"]
        file["X"] = np.full((N_CELLS, N_GENES), b"a")
    with pytest.raises(CohortError, match="expected a matrix of numbers"):
        open_file(path)
