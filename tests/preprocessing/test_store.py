"""The preprocessed cohort on disk: whole or absent, and its test rows opened in the open."""

import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genexp.errors import PreprocessError
from genexp.preprocessing import apply_transform, load_preprocessed
from genexp.preprocessing.pipeline import find_preprocessed, place_samples, preprocess_anndata
from genexp.preprocessing.store import prepare_cache, write_preprocessed
from genexp.settings.verbs import PreprocessSettings
from tests.small_cohort import make_cohort, preprocess, rows_of


def test_test_rows_are_read_by_open_test_alone(tmp_path: Path) -> None:
    data = preprocess(make_cohort(), tmp_path)
    for read in (data.matrix, data.obs):
        with pytest.raises(PreprocessError, match="expected train or val, found test"):
            read("test")  # type: ignore[arg-type]


def test_each_opening_of_the_test_rows_is_counted_on_the_split(tmp_path: Path) -> None:
    data = preprocess(make_cohort(), tmp_path)
    other_filter = preprocess(make_cohort(), tmp_path, n_top_genes=10)
    assert data.n_accesses == 0
    X, obs = data.access_test()
    assert X.shape == (len(obs), len(data.var))
    load_preprocessed(other_filter.folder).access_test()
    assert data.n_accesses == other_filter.n_accesses == 2
    assert preprocess(make_cohort(), tmp_path, seed=1).n_accesses == 0


def test_openings_at_the_same_time_are_all_counted(tmp_path: Path) -> None:
    data = preprocess(make_cohort(), tmp_path)
    threads = [threading.Thread(target=data.access_test) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert data.n_accesses == 16


def test_matrices_are_read_only_memory_maps_of_float32(tmp_path: Path) -> None:
    train = preprocess(make_cohort(), tmp_path).matrix("train")
    assert isinstance(train, np.memmap)
    assert train.dtype == np.float32
    assert train.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        train[0, 0] = 1


def test_a_loaded_cohort_equals_the_written_one(tmp_path: Path) -> None:
    data = preprocess(make_cohort(), tmp_path)
    again = load_preprocessed(data.folder)
    pd.testing.assert_frame_equal(again.var, data.var)
    pd.testing.assert_frame_equal(again.split, data.split)
    assert (again.report, again.split_hash, again.name, again.scale) == (
        data.report,
        data.split_hash,
        data.name,
        data.scale,
    )
    np.testing.assert_array_equal(again.transform.spread, data.transform.spread)


@pytest.mark.parametrize(
    "name",
    [
        "train.npy",
        "test.parquet",
        "transform.safetensors",
        "report.json",
        "var.parquet",
        "files.json",
    ],
)
@pytest.mark.parametrize("damage", ["deleted", "cut"])
def test_a_broken_folder_is_never_used(tmp_path: Path, name: str, damage: str) -> None:
    data = preprocess(make_cohort(), tmp_path)
    path = data.folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(PreprocessError, match="broken"):
        load_preprocessed(data.folder)
    assert find_preprocessed(data.folder) is None
    assert not data.folder.exists()


def test_a_folder_that_another_process_finished_first_stays(tmp_path: Path) -> None:
    first = preprocess(make_cohort(), tmp_path)
    inode = (first.folder / "train.npy").stat().st_ino
    again = preprocess_anndata(make_cohort(), PreprocessSettings(), first.folder)
    assert (again.folder / "train.npy").stat().st_ino == inode
    assert [path.name for path in tmp_path.iterdir()] == [first.folder.name]


def test_a_cache_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PreprocessError, match=r"file/cohorts cannot be written.*cache="):
        prepare_cache(tmp_path / "file")


def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path) -> None:
    data = preprocess(make_cohort(), tmp_path)

    def interrupt(rows: np.ndarray) -> np.ndarray:
        assert any(path.name.startswith(".half") for path in tmp_path.iterdir())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_preprocessed(
            tmp_path / "half",
            interrupt,
            make_cohort().obs,
            data.split,
            data.var,
            data.transform,
            {},
            {},
        )
    assert [path.name for path in tmp_path.iterdir()] == [data.folder.name]


class TestApplyTransform:
    def test_the_same_cohort_gives_the_same_rows(self, tmp_path: Path) -> None:
        adata = make_cohort("counts")
        adata.X[5, 4:] = 0  # a lost sample stays lost
        data = preprocess(adata, tmp_path, min_sample_detected=0.3)
        raw = np.asarray(adata[:, data.var.index].X)
        again = apply_transform(
            raw,
            adata.obs,
            data.split,
            data.var,
            data.transform,
            name="toy",
            scale="counts",
            cache=tmp_path,
        )
        np.testing.assert_array_equal(again.matrix("train"), data.matrix("train"))
        np.testing.assert_array_equal(again.access_test()[0], data.access_test()[0])
        assert again.split_hash == data.split_hash
        assert again.folder != data.folder

    def test_a_foreign_cohort_is_all_test(self, tmp_path: Path) -> None:
        data = preprocess(make_cohort(), tmp_path)
        foreign = make_cohort(seed=9)
        foreign.obs_names = [f"foreign{i}" for i in range(foreign.n_obs)]
        foreign.obs["group"] = foreign.obs_names
        raw = np.asarray(foreign[:, data.var.index].X)
        applied = apply_transform(
            raw,
            foreign.obs,
            data.split,
            data.var,
            data.transform,
            name="far",
            scale="log2_norm_count",
            cache=tmp_path,
        )
        assert applied.matrix("train").shape == (0, len(data.var))
        X, obs = applied.access_test()
        assert list(obs.index) == list(foreign.obs_names)
        np.testing.assert_array_equal(X, data.transform.apply(raw))

    def test_missing_genes_stand_at_the_train_mean_and_are_counted(self, tmp_path: Path) -> None:
        adata = make_cohort()
        data = preprocess(adata, tmp_path)
        raw = np.asarray(adata[:, data.var.index].X).copy()
        raw[:, 4] = np.nan
        applied = apply_transform(
            raw,
            adata.obs,
            data.split,
            data.var,
            data.transform,
            name="toy",
            scale="log2_norm_count",
            cache=tmp_path,
        )
        np.testing.assert_allclose(applied.matrix("val")[:, 4], 0, atol=1e-6)
        assert applied.report["parts"]["val"]["filled"] == len(applied.obs("val"))

    def test_other_annotations_of_the_same_rows_are_not_mistaken_for_these(
        self, tmp_path: Path
    ) -> None:
        adata = make_cohort()
        data = preprocess(adata, tmp_path)
        raw = np.asarray(adata[:, data.var.index].X)
        shared = (data.split, data.var, data.transform)
        first = apply_transform(
            raw, adata.obs, *shared, name="toy", scale="log2_norm_count", cache=tmp_path
        )
        again = apply_transform(
            raw, adata.obs, *shared, name="toy", scale="log2_norm_count", cache=tmp_path
        )
        other = apply_transform(
            raw,
            adata.obs.drop(columns="label"),
            *shared,
            name="toy",
            scale="log2_norm_count",
            cache=tmp_path,
        )
        assert first.folder == again.folder != other.folder

    def test_a_new_sample_of_a_train_patient_is_no_test_sample(self) -> None:
        split = pd.DataFrame(
            {"part": ["lost", "train", "val"], "group": ["p1", "p1", "p2"]},
            index=["s0", "s1", "s2"],
        )
        obs = pd.DataFrame(
            {"group": ["p1", "p1", "p1", "p2", "p3"]},
            index=["s0", "s1", "s1-again", "s2-again", "s3"],
        )
        assert list(place_samples(obs, split)) == ["lost", "train", "train", "val", "test"]


def test_the_report_is_plain_json(tmp_path: Path) -> None:
    data = preprocess(make_cohort(), tmp_path)
    assert json.loads((data.folder / "report.json").read_text()) == data.report
    assert rows_of(make_cohort(), data, "val").shape[0] == data.report["parts"]["val"]["samples"]
