"""Files of R: matrices, data frames and objects of Bioconductor, as R wrote them."""

import gzip
from pathlib import Path

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
COUNTS = pd.DataFrame([[0, 0, 1], [1, 3, 0], [2, 0, 0], [0, 0, 5]], GENES, SAMPLES)


@pytest.mark.parametrize(
    "name",
    [
        "matrix.rds",
        "matrix_ascii.rds",
        "matrix_plain.rds",
        "one.rda",
        "frame.rds",
        "expression_set.rds",
    ],
)
def test_values_are_read_from_every_encoding_and_class(name: str) -> None:
    assert_values(DATA / name, VALUES)


def test_whole_numbers_with_na_and_names_of_dimensions_are_read() -> None:
    truth = pd.DataFrame([[3, 5, 0], [np.nan, 7, 2]], GENES[:2], SAMPLES)
    assert assert_values(DATA / "whole.rds", truth).heading == "Gene"


@pytest.mark.parametrize("name", ["sparse.rds", "single_cell.rds"])
def test_sparse_matrices_are_read(name: str) -> None:
    assert_values(DATA / name, COUNTS)


def test_a_file_that_was_packed_twice_is_read(tmp_path: Path) -> None:
    for name in ("matrix.rds", "one.rda", "table.rds"):
        (tmp_path / name).write_bytes(gzip.compress((DATA / name).read_bytes()))
    assert_values(tmp_path / "matrix.rds", VALUES)
    assert_values(tmp_path / "one.rda", VALUES)
    assert open_file(tmp_path / "table.rds").rows == SAMPLES


def test_a_data_frame_has_names_in_a_column_and_annotations_of_their_types() -> None:
    table = assert_values(DATA / "table.rds", VALUES.T)
    assert table.heading == "sample"
    assert list(table.row_annotations["day"]) == list(
        pd.to_datetime(["2020-02-03", "2020-02-04", "2020-02-05"])
    )
    assert list(table.row_annotations["ok"]) == [True, None, False]


@pytest.mark.parametrize(
    ("name", "layer"), [("two.RData", "values"), ("list.rds", "counts"), ("ranged.rds", "logs")]
)
def test_of_several_objects_one_is_asked_for_and_can_be_named(name: str, layer: str) -> None:
    with pytest.raises(CohortError, match=rf"{layer}.*layer="):
        open_file(DATA / name)
    assert_values(DATA / name, VALUES, layer=layer)
    with pytest.raises(CohortError, match="layer="):
        open_file(DATA / name, layer="absent")


@pytest.mark.parametrize(
    "name", ["expression_set.rds", "summarized.rds", "ranged.rds", "single_cell.rds"]
)
def test_objects_of_bioconductor_bring_their_annotations(name: str) -> None:
    table = open_file(DATA / name, layer="counts" if name == "ranged.rds" else "")
    assert (table.rows, table.columns, table.genes_in_rows) == (GENES, SAMPLES, True)
    assert list(table.column_annotations["type"]) == ["a", "b", "a"]
    if name in ("ranged.rds", "single_cell.rds"):
        assert list(table.row_annotations["gene_name"]) == ["a", "b", "c", "d"]
    assert list(annotate(DATA / name)["rownames"]) == SAMPLES


def test_rounded_values_of_an_assay_are_read() -> None:
    assert_values(DATA / "summarized.rds", VALUES.round())


@pytest.mark.parametrize("name", ["samples.rds", "two.RData", "list.rds"])
def test_the_one_data_frame_of_a_file_serves_as_annotations(name: str) -> None:
    table = annotate(DATA / name)
    assert list(table["rownames"]) == SAMPLES
    assert list(table["type"]) == ["a", "b", "a"]
    assert table["age"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unnamed.rds", "none of rows and columns; set rownames and colnames"),
        ("samples.rds", "expected columns of numbers, found only"),
    ],
)
def test_objects_that_are_no_matrix_with_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(CohortError, match=message):
        open_file(DATA / name)


def test_a_model_is_no_table() -> None:
    with pytest.raises(CohortError):
        open_file(DATA / "model.rds")
    with pytest.raises(CohortError, match="expected one data frame of annotations, found"):
        annotate(DATA / "matrix.rds")
