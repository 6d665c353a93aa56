"""Binary files that are cut, have other bytes, or are of a kind that is not read: refused in a
sentence, or read right.

A byte within stored numbers that nothing checks gives another number, so that after such changes
only names and shapes are compared, but values, too, where the format has checksums. HDF5 is cut
only: its library itself ends the process on some changed bytes.
"""

import io
import pickle
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from os import environ
from pathlib import Path
from shutil import copytree

import anndata
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
import scipy.sparse

from genexp.errors import CohortError
from tests.opened_table import DATA, annotate, open_file, read_values

EXAMPLES = 40
SOAK_EXAMPLES = int(environ.get("GENEXP_SOAK_EXAMPLES", "20000"))
VALUES = pd.DataFrame(
    np.random.default_rng(13).poisson(3, (20, 15)).astype(np.float32),
    [f"S{i}" for i in range(20)],
    [f"GENE{i}" for i in range(15)],
)


def write_h5ad(
    path: Path, kind: Callable[[np.ndarray], object] = np.asarray, compression: str | None = None
) -> None:
    adata = anndata.AnnData(
        kind(VALUES.to_numpy()),
        obs=pd.DataFrame(index=VALUES.index),
        var=pd.DataFrame(index=VALUES.columns),
    )
    adata.uns["log1p"] = {"base": None}
    adata.write_h5ad(path, compression=compression)


def write_parquet(path: Path) -> None:
    pyarrow.parquet.write_table(pa.Table.from_pandas(VALUES), path, write_page_checksum=True)


@dataclass(frozen=True)
class Kind:
    """A file, how it is asked for, and what its format notices."""

    source: Callable[[Path], object] | str
    layer: str = ""
    is_changed: bool = True
    has_checksums: bool = False


KINDS = {
    "dense.h5ad": Kind(write_h5ad, is_changed=False),
    "csr.h5ad": Kind(lambda path: write_h5ad(path, scipy.sparse.csr_matrix), is_changed=False),
    "packed.h5ad": Kind(
        lambda path: write_h5ad(path, scipy.sparse.csc_matrix, "gzip"), is_changed=False
    ),
    "m.parquet": Kind(write_parquet),
    "m.feather": Kind(lambda path: pyarrow.feather.write_feather(VALUES, path)),
    "plain.feather": Kind(
        lambda path: pyarrow.feather.write_feather(VALUES, path, compression="uncompressed")
    ),
    "m.xlsx": Kind(VALUES.to_excel, has_checksums=True),
    "tenx_v2.h5": Kind("tenx_v2.h5", is_changed=False),
    "pandas_fixed.h5": Kind("pandas_fixed.h5", is_changed=False),
    "rhdf5.h5": Kind("rhdf5.h5", is_changed=False),
    "anndata_0.6_dense.h5ad": Kind("anndata_0.6_dense.h5ad", is_changed=False),
    "cells.loom.gz": Kind("cells.loom.gz", has_checksums=True),
    "tenx_v2/matrix.mtx": Kind("tenx_v2"),
    "tenx_v3/matrix.mtx.gz": Kind("tenx_v3", has_checksums=True),
    "tenx_v3/features.tsv.gz": Kind("tenx_v3", has_checksums=True),
    "matrix.rds": Kind("matrix.rds", has_checksums=True),
    "matrix_plain.rds": Kind("matrix_plain.rds"),
    "table.rds": Kind("table.rds", has_checksums=True),
    "two.RData": Kind("two.RData", "values", has_checksums=True),
    "ranged.rds": Kind("ranged.rds", "logs", has_checksums=True),
}


class Damaged:
    """A file that can be damaged again and again."""

    def __init__(self, name: str, folder: Path) -> None:
        self.kind = KINDS[name]
        self.path = self.opened = folder / name
        if not isinstance(self.kind.source, str):
            self.kind.source(self.path)
        elif "/" in name:
            self.opened = self.path.parent
            copytree(DATA / self.kind.source, self.opened)
        else:
            self.path.write_bytes((DATA / name).read_bytes())
        self.content = self.path.read_bytes()
        self.truth = self.read()

    def read(self) -> pd.DataFrame:
        return read_values(open_file(self.opened, layer=self.kind.layer))

    def cut(self, random: np.random.Generator) -> bytes:
        return self.content[: random.integers(8, len(self.content))]

    def change(self, random: np.random.Generator) -> bytes:
        content = bytearray(self.content)
        for place in random.integers(0, len(content), random.choice([1, 1, 2, 4])):
            content[place] = random.integers(256)
        return bytes(content)

    def check(self, content: bytes, compare_values: bool) -> str:
        """Read other content in the place of the file's; whether it was read or refused."""
        self.path.write_bytes(content)
        try:
            values = self.read()
        except CohortError as refusal:
            return "refused" if len(str(refusal)) < 1000 else "refused at length"
        assert values.shape == self.truth.shape
        if compare_values:
            pd.testing.assert_frame_equal(values, self.truth)
        return "read"


def run(name: str, folder: Path, n_examples: int, seed: int) -> Counter[str]:
    file, random, outcomes = Damaged(name, folder), np.random.default_rng(seed), Counter[str]()
    for _ in range(n_examples):
        outcomes[file.check(file.cut(random), compare_values=True)] += 1
        if file.kind.is_changed:
            outcomes[file.check(file.change(random), file.kind.has_checksums)] += 1
    return outcomes


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_refused_or_read_right(tmp_path: Path, name: str) -> None:
    outcomes = run(name, tmp_path, EXAMPLES, seed=0)
    assert outcomes["refused"] >= EXAMPLES / 2
    assert not outcomes["refused at length"]


@pytest.mark.soak
@pytest.mark.parametrize("name", KINDS)
def test_many_damaged_files_are_refused_or_read_right(
    tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    n_examples = SOAK_EXAMPLES // len(KINDS)
    record_property("examples", n_examples)
    record_property("outcomes", dict(run(name, tmp_path, n_examples, seed=1)))


def write_store(path: Path) -> Path:
    adata = anndata.AnnData(
        VALUES.to_numpy(),
        obs=pd.DataFrame(index=VALUES.index),
        var=pd.DataFrame(index=VALUES.columns),
    )
    with anndata.settings.override(zarr_write_format=2), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a newer format is to come
        adata.write_zarr(path)
    read_values(open_file(path))
    return path


@pytest.mark.parametrize("victim", ["obs/_index/.zarray", "X/.zarray", "var/.zattrs", ".zattrs"])
@pytest.mark.parametrize("is_absent", [True, False])
def test_a_zarr_store_whose_metadata_are_damaged_is_refused(
    tmp_path: Path, victim: str, is_absent: bool
) -> None:
    store = write_store(tmp_path / "m.zarr")
    (store / ".zmetadata").unlink()  # a copy of all metadata, which is enough
    if is_absent:
        (store / victim).unlink()
    else:
        (store / victim).write_text((store / victim).read_text()[:-20])
    if (victim, is_absent) == (".zattrs", True):  # that it is AnnData is told by its parts, too
        pd.testing.assert_frame_equal(read_values(open_file(store)), VALUES)
        return
    with pytest.raises(CohortError):
        read_values(open_file(store))


def test_chunks_that_a_zarr_store_lacks_are_told(tmp_path: Path) -> None:
    store = write_store(tmp_path / "m.zarr")
    (store / "X" / "0.0").unlink()
    assert (
        open_file(store)
        .notes[-1]
        .startswith("1 of 1 chunks of the values are not in the store and are read as zeros")
    )


def write_archive(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)


def save_arrays(save: Callable[..., None], *arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    save(file, *arrays)
    return file.getvalue()


REFUSED = {
    "an array of NumPy": lambda path: path.write_bytes(save_arrays(np.save, VALUES.to_numpy())),
    "names of samples and genes": lambda path: path.write_bytes(
        save_arrays(np.savez, VALUES.to_numpy(), VALUES.to_numpy())
    ),
    "a pickle, which can run": VALUES.to_pickle,
    "genexp never reads": lambda path: path.write_bytes(pickle.dumps(VALUES.to_dict(), protocol=2)),
    "which can run any code": lambda path: write_archive(
        path, **{"model/data.pkl": b"\x80\x02}q\x00."}
    ),
    "a file of MATLAB": lambda path: path.write_bytes(
        b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(128) + bytes(99)
    ),
    "a database of SQLite": lambda path: path.write_bytes(b"SQLite format 3\x00" + bytes(99)),
    "save it as .xlsx": lambda path: write_archive(
        path,
        **{"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<a/>"},
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_kinds_that_are_not_read_are_refused_with_what_to_do(tmp_path: Path, words: str) -> None:
    REFUSED[words](tmp_path / "m.csv")
    for read in (open_file, annotate):
        with pytest.raises(CohortError, match=words):
            read(tmp_path / "m.csv")


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "harm",))

    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(CohortError):
        open_file(tmp_path / "m.pkl")
    assert not (tmp_path / "harm").exists()
