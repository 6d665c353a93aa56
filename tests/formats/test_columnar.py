"""Parquet and Arrow files: names from any index or column, annotations beside values, numbers of
every type.
"""

import datetime
import decimal
import gzip
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from genexp.errors import CohortError
from genexp.files import columnar
from tests.opened_table import annotate, assert_values, open_file

N = 24
VALUES = pd.DataFrame(
    np.random.default_rng(7).normal(6, 2, (N, 9)).astype(np.float32),
    [f"TCGA-{i:02d}" for i in range(N)],
    [f"GENE{i}" for i in range(9)],
)
PLAIN = VALUES.reset_index(drop=True)
ROWS = list(VALUES.index)


def write_parquet(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_parquet(path)
    return path


def write_feather(frame: pd.DataFrame, path: Path) -> Path:
    pyarrow.feather.write_feather(pa.Table.from_pandas(frame), path)
    return path


def write_arrow(frame: pd.DataFrame, path: Path) -> Path:
    table = pa.Table.from_pandas(frame)
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table, max_chunksize=7)
    return path


def write_row_groups(frame: pd.DataFrame, path: Path) -> Path:
    pyarrow.parquet.write_table(pa.Table.from_pandas(frame), path, row_group_size=5)
    return path


WRITERS = [write_parquet, write_row_groups, write_feather, write_arrow]
Writer = Callable[[pd.DataFrame, Path], Path]


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Writer:
    return request.param


@pytest.mark.parametrize("name", [None, "sample", "index"])
def test_an_index_of_texts_gives_the_names(tmp_path: Path, write: Writer, name: str | None) -> None:
    table = assert_values(write(VALUES.rename_axis(name), tmp_path / "m"), VALUES)
    assert (table.heading, table.named_rows, table.notes) == (name or "", True, ())


def test_values_are_read_by_blocks_of_any_size(
    tmp_path: Path, write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "BLOCK_BYTES", 300)
    assert_values(write(VALUES, tmp_path / "m"), VALUES)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(1000, 1000 + N, name="id"),
        pd.RangeIndex(N, name="id"),
        pd.RangeIndex(7, 7 + N),
    ],
)
def test_whole_numbers_that_pandas_stores_as_a_range_are_names(
    tmp_path: Path, write: Writer, index: pd.RangeIndex
) -> None:
    table = assert_values(write(VALUES.set_axis(index), tmp_path / "m"), VALUES.set_axis(index))
    assert table.heading == (index.name or "")
    assert table.named_rows


@pytest.mark.parametrize("name", [None, "id", "patient"])
def test_whole_numbers_in_any_order_are_names(
    tmp_path: Path, write: Writer, name: str | None
) -> None:
    frame = VALUES.set_axis(pd.Index(np.random.default_rng(1).permutation(N) + 100, name=name))
    assert assert_values(write(frame, tmp_path / "m"), frame).named_rows


@pytest.mark.parametrize("heading", ["sample_id", "name", "anything"])
def test_a_first_column_of_texts_gives_the_names(
    tmp_path: Path, write: Writer, heading: str
) -> None:
    frame = PLAIN.copy()
    frame.insert(0, heading, ROWS)
    assert assert_values(write(frame, tmp_path / "m"), VALUES).heading == heading


def test_a_later_column_of_texts_gives_the_names_with_a_word(tmp_path: Path, write: Writer) -> None:
    table = assert_values(write(PLAIN.assign(barcode=ROWS), tmp_path / "m"), VALUES)
    assert table.notes == ("The names are in the column 'barcode'.",)


def test_of_several_columns_of_texts_that_with_a_heading_of_ids_is_taken(
    tmp_path: Path, write: Writer
) -> None:
    frame = PLAIN.assign(comment=[f"text {i}" for i in range(N)], sample_id=ROWS)
    table = assert_values(write(frame, tmp_path / "m"), VALUES)
    assert list(table.row_annotations) == ["comment"]


@pytest.mark.parametrize("counting", ["Unnamed: 0", "index", "X"])
@pytest.mark.parametrize("start", [0, 1])
def test_a_column_that_counts_rows_is_no_name_beside_a_better_one(
    tmp_path: Path, write: Writer, counting: str, start: int
) -> None:
    frame = PLAIN.assign(sample=ROWS)
    frame.insert(0, counting, range(start, N + start))
    table = assert_values(write(frame, tmp_path / "m"), VALUES)
    assert counting in table.notes[-1]


def test_the_whole_numbers_that_a_filtered_frame_keeps_yield_to_a_column_of_names(
    tmp_path: Path, write: Writer
) -> None:
    frame = PLAIN.assign(sample=ROWS).sample(frac=1, random_state=2)
    assert_values(write(frame, tmp_path / "m"), VALUES.loc[frame["sample"]])
    assert_values(write(PLAIN.assign(sample=ROWS).iloc[5:], tmp_path / "n"), VALUES.iloc[5:])


@pytest.mark.parametrize("frame", [PLAIN, PLAIN.assign(index=range(N))[["index", *PLAIN]]])
def test_a_file_without_names_has_row_numbers_and_says_so(
    tmp_path: Path, write: Writer, frame: pd.DataFrame
) -> None:
    table = assert_values(write(frame, tmp_path / "m"), PLAIN)
    assert not table.named_rows
    assert "no column of names" in table.notes[0]


def test_whole_numbers_under_a_heading_of_ids_are_names(tmp_path: Path, write: Writer) -> None:
    frame = PLAIN.assign(patient_id=range(500, 500 + N))
    assert_values(
        write(frame, tmp_path / "m"), VALUES.set_axis([str(i) for i in range(500, 500 + N)])
    )


def test_genes_named_twice_are_still_names(tmp_path: Path, write: Writer) -> None:
    genes = ["TP53", "MYC", "TP53", *(f"G{i}" for i in range(N - 3))]
    frame = PLAIN.copy()
    frame.insert(0, "Hugo_Symbol", genes)
    assert_values(
        write(frame.assign(Entrez_Gene_Id=range(N)), tmp_path / "m"), VALUES.set_axis(genes)
    )


def test_an_index_of_levels_gives_its_distinct_one(tmp_path: Path, write: Writer) -> None:
    frame = VALUES.set_index(
        [pd.Index(["a", "b"] * (N // 2), name="batch"), VALUES.index.rename("sample")]
    )
    table = assert_values(write(frame, tmp_path / "m"), VALUES)
    assert list(table.row_annotations["batch"])[:2] == ["a", "b"]
    assert "levels batch, sample" in table.notes[0]


def test_levels_of_which_none_is_distinct_are_joined(tmp_path: Path, write: Writer) -> None:
    frame = VALUES.set_index(
        [
            pd.Index(["p1", "p2"] * (N // 2), name="patient"),
            pd.Index(np.repeat(range(N // 2), 2), name="visit"),
        ]
    )
    joined = [f"{patient}_{visit}" for patient, visit in frame.index]
    table = assert_values(write(frame, tmp_path / "m"), VALUES.set_axis(joined))
    assert list(table.row_annotations) == ["patient", "visit"]


def test_columns_of_other_kinds_are_annotations_with_their_types(
    tmp_path: Path, write: Writer
) -> None:
    frame = VALUES.assign(
        subtype=pd.Categorical(["LumA", None] * (N // 2)),
        day=pd.Timestamp("2020-02-03"),
        ok=True,
        text=["a", None] * (N // 2),
        age=50.5,
    )
    table = assert_values(write(frame, tmp_path / "m"), VALUES)
    annotations = table.row_annotations
    assert sorted(annotations) == ["age", "day", "ok", "subtype", "text"]
    assert annotations["subtype"].dtype == "category"
    assert annotations["ok"].dtype == bool
    assert annotations["day"].dtype.kind == "M"
    assert annotations["age"].dtype == float


def test_columns_that_parameters_name_are_annotations(tmp_path: Path, write: Writer) -> None:
    path = write(VALUES.assign(response=range(N)), tmp_path / "m")
    assert "GENE3" in open_file(path, named=frozenset({"GENE3"})).row_annotations
    assert "GENE5" in open_file(path, metadata=("GENE5",)).row_annotations


def test_no_name_is_metadata_where_the_user_says_none(tmp_path: Path, write: Writer) -> None:
    path = write(VALUES.assign(age=50.0), tmp_path / "m")
    assert "age" in open_file(path).row_annotations
    assert "age" in open_file(path, metadata=("none",)).columns


@pytest.mark.parametrize(
    "column",
    [
        np.arange(N, dtype=np.uint8),
        np.arange(N, dtype=np.float16),
        np.arange(N, dtype=np.int64) * 1_000_003,
        np.linspace(0, 1, N),
        pd.array([1, None] * (N // 2), dtype="Int64"),
        [decimal.Decimal("1.25")] * N,
        [None] * N,
        [np.nan, np.inf] * (N // 2),
    ],
)
def test_numbers_of_every_type_are_values(tmp_path: Path, write: Writer, column: object) -> None:
    frame = VALUES.assign(GENE9=column)
    expected = VALUES.assign(
        GENE9=pd.Series(column, dtype=object)
        .map(lambda value: np.nan if pd.isna(value) else float(value))
        .to_numpy()
    )
    assert_values(write(frame, tmp_path / "m"), expected.astype(np.float32))


def test_numbers_as_text_are_asked_about_and_can_be_declared(tmp_path: Path, write: Writer) -> None:
    path = write(VALUES.assign(GENE9=["1.5", None] * (N // 2)), tmp_path / "m")
    with pytest.raises(
        CohortError, match=r"numbers stored as text in the columns 1 \(GENE9\); .*metadata=GENE9"
    ):
        open_file(path)
    assert "GENE9" in open_file(path, metadata=("GENE9",)).row_annotations


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"sample": ROWS, "type": "a"}), "expected columns of numbers, found only"),
        (VALUES.assign(parts=[[1, 2]] * N), r"lists or structures: 1 \(parts\)"),
        (
            VALUES.set_axis(pd.MultiIndex.from_product([["a", "b", "c"], ["x", "y", "z"]]), axis=1),
            "column names have several levels",
        ),
    ],
)
def test_tables_that_are_no_matrix_are_refused(
    tmp_path: Path, write: Writer, frame: pd.DataFrame, message: str
) -> None:
    with pytest.raises(CohortError, match=message):
        open_file(write(frame, tmp_path / "m"))


def test_columns_may_have_double_names_and_dots(tmp_path: Path) -> None:
    table = pa.table(
        [pa.array(ROWS), *(pa.array(VALUES.iloc[:, i]) for i in range(9))],
        names=["id", "a.b", "a.b", *VALUES.columns[2:]],
    )
    truth = VALUES.set_axis(table.column_names[1:], axis=1)
    pyarrow.parquet.write_table(table, tmp_path / "m.parquet")
    pyarrow.feather.write_feather(table, tmp_path / "m.feather")
    assert_values(tmp_path / "m.parquet", truth)
    assert_values(tmp_path / "m.feather", truth)


def test_feather_of_version_1_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyarrow.feather.write_feather(PLAIN.assign(sample=ROWS), tmp_path / "m", version=1)
    with pytest.raises(CohortError, match="Feather file of version 1; expected version 2"):
        open_file(tmp_path / "m")


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(write_parquet(VALUES, tmp_path / "m").read_bytes())
    (tmp_path / "m.gz").write_bytes(packed)
    assert_values(tmp_path / "m.gz", VALUES)


def test_a_table_of_annotations_has_its_index_first_and_keeps_its_types(
    tmp_path: Path, write: Writer
) -> None:
    frame = pd.DataFrame(
        {
            "type": pd.Categorical(["a", "b"] * 12),
            "code": ["01"] * N,
            "day": datetime.date(2020, 2, 3),
            "age": range(N),
        },
        ROWS,
    )
    table = annotate(write(frame.rename_axis("sample"), tmp_path / "m"))
    assert list(table) == ["sample", "type", "code", "day", "age"]
    assert list(table["sample"]) == ROWS
    assert table["code"].iloc[0] == "01"
    assert table["type"].dtype == "category"
    assert list(annotate(write(frame.reset_index(drop=True), tmp_path / "n"))) == [
        "type",
        "code",
        "day",
        "age",
    ]
    assert annotate(write(frame.assign(index=1), tmp_path / "o")).columns[0] == "index_"
