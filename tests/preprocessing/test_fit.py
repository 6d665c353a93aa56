"""Preprocessing: what is fitted, on what, and that nothing leaks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anndata import AnnData

from genexp.errors import PreprocessError
from genexp.preprocessing import Preprocessed
from genexp.preprocessing.split import draw_split
from tests.small_cohort import N_GENES, N_SAMPLES, make_cohort, preprocess, rows_of


def fitted_state(data: Preprocessed) -> dict[str, Any]:
    """Every value that was fitted."""
    spec, arrays = data.transform.to_parts()
    lost = data.read_table("lost_genes")
    return {
        **spec,
        **arrays,
        "genes": list(data.var["source"]),
        "var": data.var.to_csv(),
        "lost": lost.to_csv(),
    }


@pytest.mark.parametrize("scale", ["counts", "log2_norm_count", "log2_tpm", "zscore"])
@pytest.mark.parametrize("duplicates", ["max_variance", "mean"])
def test_every_fitted_value_comes_from_train_rows_alone(
    tmp_path: Path, scale: str, duplicates: str
) -> None:
    adata = make_cohort("counts" if scale == "counts" else "log2_norm_count")
    adata.uns["scale"] = scale
    adata.var_names = [f"GENE{j % 50}" for j in range(N_GENES)]
    adata.X[3, 20] = np.nan
    settings = {
        "n_top_genes": 20,
        "min_detected": 0.3,
        "duplicates": duplicates,
        "missing": "impute_mean",
        "min_sample_detected": 0.0,
    }
    clean = preprocess(adata, tmp_path, **settings)
    held_out = adata.obs_names.isin(clean.split.index[clean.split["part"] != "train"])
    adata.X[held_out] = (
        np.random.default_rng(1).exponential(1000, size=(held_out.sum(), N_GENES)).round()
    )
    corrupted = preprocess(adata, tmp_path, **settings)
    assert clean.split_hash == corrupted.split_hash
    for (name, value), again in zip(
        fitted_state(clean).items(), fitted_state(corrupted).values(), strict=True
    ):
        np.testing.assert_array_equal(value, again, err_msg=name)


def test_corrupting_train_rows_does_change_what_is_fitted(tmp_path: Path) -> None:
    adata = make_cohort()
    clean = preprocess(adata, tmp_path)
    adata.X[adata.obs_names.isin(clean.split.index[clean.split["part"] == "train"])] += 1
    assert not np.array_equal(clean.transform.shift, preprocess(adata, tmp_path).transform.shift)


def test_zscore_gives_train_rows_mean_0_and_population_sd_1_and_says_the_same_of_no_other_part(
    tmp_path: Path,
) -> None:
    data = preprocess(make_cohort(), tmp_path)
    train = data.matrix("train").astype(np.float64)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=0, ddof=0), 1, atol=1e-6)
    assert np.abs(data.matrix("val").mean(axis=0)).max() > 0.05


def test_zscore_equals_numpy_on_the_raw_rows_of_every_part(tmp_path: Path) -> None:
    adata = make_cohort()
    data = preprocess(adata, tmp_path)
    kept = adata.var["source"].isin(data.var["source"]).to_numpy()
    train = rows_of(adata, data, "train")[:, kept].astype(np.float64)
    for part, values in (
        ("train", data.matrix("train")),
        ("val", data.matrix("val")),
        ("test", data.access_test()[0]),
    ):
        expected = (rows_of(adata, data, part)[:, kept] - train.mean(axis=0)) / train.std(axis=0)
        np.testing.assert_allclose(values, expected, atol=1e-5)


def test_minmax_maps_train_rows_to_0_and_1(tmp_path: Path) -> None:
    train = preprocess(make_cohort(), tmp_path, scaling="minmax").matrix("train")
    np.testing.assert_allclose(train.min(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.max(axis=0), 1, atol=1e-6)


def test_scaling_none_keeps_the_values(tmp_path: Path) -> None:
    adata = make_cohort()
    data = preprocess(adata, tmp_path, scaling="none", min_detected=0)
    kept = adata.var["source"].isin(data.var["source"]).to_numpy()
    np.testing.assert_array_equal(data.matrix("train"), rows_of(adata, data, "train")[:, kept])


def test_counts_become_log2_per_million_of_the_kept_genes(tmp_path: Path) -> None:
    adata = make_cohort("counts")
    data = preprocess(adata, tmp_path, scaling="none", n_top_genes=15)
    kept = adata.var["source"].isin(data.var["source"]).to_numpy()
    raw = rows_of(adata, data, "val")[:, kept].astype(np.float64)
    np.testing.assert_allclose(
        data.matrix("val"), np.log2(raw / raw.sum(axis=1, keepdims=True) * 1e6 + 1), rtol=1e-5
    )
    assert data.transform.normalise == "log2_cpm"
    assert len(data.var) == 15


def test_counts_are_brought_to_the_median_library_of_the_kept_genes_in_train_samples(
    tmp_path: Path,
) -> None:
    adata = make_cohort("counts")
    data = preprocess(adata, tmp_path, scaling="none", n_top_genes=15, normalise="log2_median")
    kept = adata.var["source"].isin(data.var["source"]).to_numpy()
    train, raw = (
        rows_of(adata, data, part)[:, kept].astype(np.float64) for part in ("train", "val")
    )
    median = np.median(train.sum(axis=1))
    assert data.transform.common_library == pytest.approx(median)
    np.testing.assert_allclose(
        data.matrix("val"), np.log2(raw / raw.sum(axis=1, keepdims=True) * median + 1), rtol=1e-5
    )
    assert "library" in data.obs("val")
    assert data.report["fitted_state"]["changed"] == []


def test_clip_tames_heavy_tails_before_scaling(tmp_path: Path) -> None:
    adata = make_cohort()
    adata.uns["scale"] = "zscore"
    adata.X -= 5
    adata.X[:, 30] *= 1000
    data = preprocess(adata, tmp_path, clip=3, scaling="none")
    assert np.abs(data.matrix("train")).max() == 3
    assert np.abs(data.access_test()[0]).max() == 3


@pytest.mark.parametrize(
    ("values", "scale", "message"),
    [
        (
            {"normalise": "log2_cpm"},
            "log2_norm_count",
            "log2_cpm expects the scale counts, but this cohort is log2_norm_count",
        ),
        (
            {"normalise": "log2_median"},
            "log2_tpm",
            "normalise=log2_median expects the scale counts",
        ),
        ({"normalise": "log2"}, "log2_tpm", "logarithm twice"),
        ({"normalise": "log2"}, "log2fc", "logarithm twice"),
        (
            {"normalise": "log2"},
            "zscore",
            "expects values of at least 0, but the smallest of this zscore cohort is -1",
        ),
        (
            {"min_variance": 1e6},
            "counts",
            r"at least two genes.*60 genes, these were filtered: .*low variance.*Lower min_detected",  # noqa: E501
        ),
        (
            {"min_sample_detected": 1.0},
            "counts",
            r"at least 20 samples, found 0 after excluding 120 \(sample0, .*lower min_sample_detected",  # noqa: E501
        ),
    ],
)
def test_contradictions_and_empty_results_are_refused(
    tmp_path: Path, values: dict[str, Any], scale: str, message: str
) -> None:
    adata = make_cohort("counts")
    adata.uns["scale"] = scale
    adata.X[0, 0] = -1 if scale == "zscore" else 0
    with pytest.raises(PreprocessError, match=message):
        preprocess(adata, tmp_path, **values)
    assert list(tmp_path.iterdir()) == []


def test_genes_are_lost_for_the_first_rule_that_they_break(tmp_path: Path) -> None:
    adata = make_cohort()
    adata.X[:, 20] = 7
    adata.X[:, 21] = 7 + 0.01 * np.random.default_rng(0).random(N_SAMPLES)
    data = preprocess(adata, tmp_path, min_variance=0.01)
    reasons = data.read_table("lost_genes")["reason"]
    assert set(reasons[:10]) == {"not detected"}
    assert dict(reasons[10:]) == {"GENE20": "constant", "GENE21": "low variance"}
    assert len(reasons) + len(data.var) == N_GENES
    assert data.report["genes"] == {
        "kept": 48,
        "lost": {"not detected": 10, "constant": 1, "low variance": 1},
    }


def test_a_gene_that_varies_by_rounding_alone_is_constant(tmp_path: Path) -> None:
    adata = make_cohort()
    adata.X[:, 20] = 12
    adata.X[::7, 20] = np.nextafter(np.float32(12), np.float32(13))
    assert (
        preprocess(adata, tmp_path).read_table("lost_genes").loc["GENE20", "reason"] == "constant"
    )


@pytest.mark.parametrize(
    ("scale", "floor", "is_lost"),
    [
        ("log2_norm_count", 0, True),
        ("log2_tpm", -9.9658, True),
        ("log2fc", -9.9658, False),
        ("zscore", 0, False),
    ],
)
def test_detection_counts_values_above_the_floor_of_the_scale(
    tmp_path: Path, scale: str, floor: float, is_lost: bool
) -> None:
    adata = make_cohort()
    adata.uns["scale"] = scale
    adata.X[:] = np.where(adata.X == 0, floor, adata.X)
    lost = preprocess(adata, tmp_path, min_detected=0.1).read_table("lost_genes")
    assert ("not detected" in set(lost["reason"])) == is_lost


def test_top_genes_are_those_of_largest_mad_over_train_samples_in_file_order(
    tmp_path: Path,
) -> None:
    adata = make_cohort()
    data = preprocess(adata, tmp_path, n_top_genes=12)
    train = rows_of(adata, data, "train").astype(np.float64)
    mad = np.median(np.abs(train - np.median(train, axis=0)), axis=0)
    mad[:10] = -1  # not detected
    assert list(data.var.index) == [f"GENE{j}" for j in np.sort(np.argsort(-mad)[:12])]
    np.testing.assert_allclose(data.var["mad"], mad[np.sort(np.argsort(-mad)[:12])], rtol=1e-6)


def test_samples_with_few_genes_detected_are_lost_before_the_split(tmp_path: Path) -> None:
    adata = make_cohort()
    adata.X[5, 4:] = 0
    data = preprocess(adata, tmp_path, min_sample_detected=0.3)
    assert list(data.read_table("lost_samples").index) == ["sample5"]
    assert data.split.loc["sample5", "part"] == "lost"
    assert sum(part["samples"] for part in data.report["parts"].values()) == N_SAMPLES - 1
    assert "sample5" not in (
        *data.obs("train").index,
        *data.obs("val").index,
        *data.access_test()[1].index,
    )


class TestDuplicates:
    def cohort(self) -> AnnData:
        adata = make_cohort()
        adata.var_names = [
            {41: "GENE40", 42: "GENE40"}.get(j, name) for j, name in enumerate(adata.var_names)
        ]
        adata.X[:, 41] = adata.X[:, 40] * 2
        return adata

    def test_max_variance_keeps_the_most_variable_column_on_train(self, tmp_path: Path) -> None:
        adata = self.cohort()
        data = preprocess(adata, tmp_path)
        assert data.var.loc["GENE40", "source"] == "GENE41|41"
        lost = data.read_table("lost_genes")
        assert list(lost.loc[lost["reason"] == "duplicate", "source"]) == ["GENE40|40", "GENE42|42"]

    def test_first_keeps_the_first_column(self, tmp_path: Path) -> None:
        assert (
            preprocess(self.cohort(), tmp_path, duplicates="first").var.loc["GENE40", "source"]
            == "GENE40|40"
        )

    def test_mean_averages_the_raw_columns(self, tmp_path: Path) -> None:
        adata = self.cohort()
        data = preprocess(adata, tmp_path, duplicates="mean", scaling="none")
        expected = rows_of(adata, data, "val")[:, 40:43].mean(axis=1)
        np.testing.assert_allclose(
            data.matrix("val")[:, data.var.index.get_loc("GENE40")], expected, rtol=1e-6
        )
        assert data.var.index.is_unique

    def test_a_column_that_another_rule_loses_is_no_rival(self, tmp_path: Path) -> None:
        adata = self.cohort()
        adata.X[:, 41] = np.nan
        data = preprocess(adata, tmp_path, missing="drop_gene")
        assert data.var.loc["GENE40", "source"] in ("GENE40|40", "GENE42|42")


class TestMissing:
    def cohort(self) -> tuple[AnnData, str, str]:
        adata = make_cohort()
        split = draw_split(adata.obs, "70/15/15", seed=0)
        train, val = split.index[split == "train"][0], split.index[split == "val"][0]
        adata.X[adata.obs_names.get_loc(train), 30] = np.nan
        adata.X[adata.obs_names.get_loc(val), 31] = np.nan
        return adata, train, val

    def test_drop_gene_loses_genes_missing_in_train_and_fills_the_others_with_the_train_mean(
        self, tmp_path: Path
    ) -> None:
        adata, _, val = self.cohort()
        data = preprocess(adata, tmp_path, missing="drop_gene")
        assert data.read_table("lost_genes").loc["GENE30", "reason"] == "missing"
        row = data.obs("val").index.get_loc(val)
        assert data.matrix("val")[row, data.var.index.get_loc("GENE31")] == pytest.approx(
            0, abs=1e-6
        )
        assert {part: found["filled"] for part, found in data.report["parts"].items()} == {
            "train": 0,
            "val": 1,
            "test": 0,
        }

    def test_impute_mean_keeps_them_and_fills_with_the_train_mean(self, tmp_path: Path) -> None:
        adata, train, _ = self.cohort()
        data = preprocess(adata, tmp_path, missing="impute_mean")
        j = data.var.index.get_loc("GENE30")
        assert data.matrix("train")[data.obs("train").index.get_loc(train), j] == pytest.approx(
            0, abs=1e-6
        )
        assert data.transform.fill[j] == pytest.approx(
            np.nanmean(rows_of(adata, data, "train")[:, 30]), rel=1e-6
        )
        assert data.report["parts"]["train"]["filled"] == 1

    def test_a_gene_without_any_train_value_is_lost_under_every_policy(
        self, tmp_path: Path
    ) -> None:
        adata, _, _ = self.cohort()
        adata.X[:, 33] = np.nan
        data = preprocess(adata, tmp_path, missing="impute_mean", min_detected=0)
        assert data.read_table("lost_genes").loc["GENE33", "reason"] == "missing"


def test_the_stored_transform_gives_the_stored_values_from_raw_ones(tmp_path: Path) -> None:
    adata = make_cohort("counts")
    data = preprocess(adata, tmp_path)
    kept = adata.var["source"].isin(data.var["source"]).to_numpy()
    np.testing.assert_array_equal(
        data.transform.apply(rows_of(adata, data, "test")[:, kept]), data.access_test()[0]
    )


def test_annotations_are_aligned_with_the_matrix_and_keep_their_categories(tmp_path: Path) -> None:
    adata = make_cohort()
    adata.obs["mixed"] = ["text", 1, None, 2.5] * 30
    data = preprocess(adata, tmp_path, scaling="none", min_detected=0)
    for part in ("train", "val"):
        obs = data.obs(part)
        assert list(obs.index) == list(data.split.index[data.split["part"] == part])
        assert list(obs["label"].cat.categories) == ["a", "b", "c"]
        np.testing.assert_array_equal(
            data.matrix(part)[:, 0], adata[obs.index, data.var.index[0]].X[:, 0]
        )
    assert set(data.obs("train")["mixed"].dropna()) == {"text", "1", "2.5"}


def test_the_report_says_what_is_in_each_part(tmp_path: Path) -> None:
    data = preprocess(make_cohort(), tmp_path)
    assert sum(part["samples"] for part in data.report["parts"].values()) == N_SAMPLES
    assert (
        sum(parts["train"] for parts in data.report["labels"].values())
        == data.report["parts"]["train"]["samples"]
    )
    assert data.report["warnings"] == []
