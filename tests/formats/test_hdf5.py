"""HDF5 files of other programs: loom, data frames of pandas, and plain matrices with names beside
them.
"""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from genexp.errors import CohortError
from tests.opened_table import DATA, annotate, assert_values, open_file

GENES, SAMPLES = ["TP53", "MYC", "EGFR", "KRAS"], ["S1", "S2", "S3"]
VALUES = pd.DataFrame(
    [[4.75, 6.659, 7.152], [6.367, np.nan, 5.389], [4.329, 6.975, 9.023], [9.191, 7.477, 6.78]],
    GENES,
    SAMPLES,
)


def test_loom_files_of_loompy_are_read_with_their_attributes() -> None:
    truth = pd.DataFrame([[5, 7, 7], [6, 0, 5], [4, 7, 9], [9, 7, 7]], GENES, ["c1", "c2", "c3"])
    table = assert_values(DATA / "cells.loom.gz", truth)
    assert (table.heading, table.genes_in_rows) == ("Gene", True)
    assert list(table.row_annotations["Accession"]) == [f"ENSG{i:011d}" for i in range(4)]
    assert list(table.column_annotations["age"]) == [50, 61, 40]
    assert list(annotate(DATA / "cells.loom.gz")["type"]) == ["a", "b", "a"]


def test_loom_files_have_layers() -> None:
    assert_values(
        DATA / "cells.loom.gz", pd.DataFrame(1, GENES, ["c1", "c2", "c3"]), layer="spliced"
    )
    with pytest.raises(CohortError, match=r"no layer 'unspliced'; its layers: 1 \(spliced\)"):
        open_file(DATA / "cells.loom.gz", layer="unspliced")


def test_a_loom_file_without_names_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.loom", "w") as file:
        file["matrix"] = VALUES.to_numpy()
        file["row_attrs/Gene"], file["col_attrs/color"] = GENES, SAMPLES
    with pytest.raises(CohortError, match=r"names in the attribute CellID, found 1 \(color\)"):
        open_file(tmp_path / "m.loom")


def test_frames_of_pandas_are_read_with_the_name_of_their_index() -> None:
    table = assert_values(DATA / "pandas_fixed.h5", VALUES)
    assert table.heading == "gene_id"
    assert_values(DATA / "pandas_fixed.h5", VALUES, layer="/expr")


def test_frames_of_several_data_types_keep_the_order_of_their_columns() -> None:
    assert_values(DATA / "pandas_blocks.h5", VALUES.assign(S2=[6, 0, 6, 7]))


def test_frames_whose_names_are_pickled_are_refused() -> None:
    with pytest.raises(CohortError, match=r'genexp never reads; .*format="fixed"'):
        open_file(DATA / "pandas_table.h5.gz")


def test_a_file_of_rhdf5_is_read_by_the_lengths_of_its_names() -> None:
    assert_values(DATA / "rhdf5.h5", VALUES.T)


def write(path: Path, **datasets: object) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name.replace("__", "/")] = values
    return path


@pytest.mark.parametrize(
    ("rows", "columns"),
    [("rownames", "colnames"), ("genes", "samples"), ("meta__genes", "meta__samples"), ("a", "b")],
)
def test_names_are_found_whatever_they_are_called(tmp_path: Path, rows: str, columns: str) -> None:
    path = write(
        tmp_path / "m",
        values=VALUES.to_numpy(),
        **{rows: GENES, columns: np.array(SAMPLES, dtype="S")},
    )
    table = assert_values(path, VALUES)
    assert rows.replace("__", "/") in table.notes[0]


def test_a_file_in_the_layout_of_archs4_has_annotations_of_both_sides(tmp_path: Path) -> None:
    path = write(
        tmp_path / "human_gene_v2.h5",
        data__expression=np.arange(12, dtype=np.uint32).reshape(4, 3),
        meta__genes__symbol=GENES,
        meta__genes__ensembl_gene=[f"ENSG{i:011d}" for i in range(4)],
        meta__genes__biotype=["protein_coding"] * 4,
        meta__samples__geo_accession=["GSM1", "GSM2", "GSM3"],
        meta__samples__title=["liver 1", "liver 2", "lung"],
        meta__samples__readsaligned=[10, 20, 30],
        meta__info__version=["2"],
    )
    ids = [f"ENSG{i:011d}" for i in range(4)]
    table = assert_values(
        path, pd.DataFrame(np.arange(12).reshape(4, 3), ids, ["GSM1", "GSM2", "GSM3"])
    )
    assert list(table.row_annotations["symbol"]) == GENES
    assert list(table.column_annotations["title"]) == ["liver 1", "liver 2", "lung"]
    assert list(table.column_annotations["readsaligned"]) == [10, 20, 30]
    assert list(table.column_annotations) == ["readsaligned", "title"]


def test_of_several_matrices_that_with_names_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m", values=VALUES.to_numpy(), pca=np.ones((4, 2)), genes=GENES, samples=SAMPLES
    )
    assert_values(path, VALUES)


def test_several_matrices_with_names_are_asked_about_and_one_can_be_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m",
        data__counts=VALUES.to_numpy(),
        data__tpm=VALUES.to_numpy() * 2,
        genes=GENES,
        samples=SAMPLES,
    )
    with pytest.raises(CohortError, match=r"matrices 2 \(data/counts, data/tpm\); .*layer="):
        open_file(path)
    assert_values(path, VALUES * 2, layer="data/tpm")


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"values": VALUES, "genes": GENES}, "no names for its 3 columns"),
        ({"values": VALUES, "samples": SAMPLES}, "no names for its 4 rows"),
        (
            {"values": VALUES, "a": GENES, "b": GENES[::-1], "samples": SAMPLES},
            r"names for its 4 rows, found 2 \(a, b\)",
        ),
        ({"a": GENES}, "expected an HDF5 file with a two-dimensional dataset"),
        (
            {"values": VALUES.iloc[:3], "a": SAMPLES, "b": GENES[:3]},
            "3 rows and as many columns, so it is unclear",
        ),
    ],
)
def test_files_that_do_not_say_what_they_hold_are_asked_about(
    tmp_path: Path, datasets: dict[str, object], message: str
) -> None:
    with pytest.raises(CohortError, match=message):
        open_file(write(tmp_path / "m", **datasets))


def test_the_sides_of_a_square_matrix_are_told_by_their_names(tmp_path: Path) -> None:
    square = VALUES.iloc[:3]
    assert_values(
        write(tmp_path / "m", values=square, colnames=SAMPLES, rownames=GENES[:3]), square
    )


def test_values_beyond_float32_are_infinite_and_no_failure(tmp_path: Path) -> None:
    values = VALUES.copy()
    values.iloc[0, 0] = 1e300
    path = write(tmp_path / "m", values=values, genes=GENES, samples=SAMPLES)
    assert_values(path, values.replace(1e300, np.inf))


def test_a_block_of_the_writers_own_may_stand_before_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m", "w", userblock_size=1024) as file:
        file["values"], file["genes"], file["samples"] = VALUES.to_numpy(), GENES, SAMPLES
    assert_values(tmp_path / "m", VALUES)
