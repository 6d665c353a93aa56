"""Heavy tails are named where they carry the loss, by train samples alone, with what a clip would
do.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genexp.preprocessing import Preprocessed, preprocess_cohort
from genexp.preprocessing.tails import HEAVY, LARGEST, Largest
from genexp.settings.verbs import PreprocessSettings
from genexp.tracker import NullTracker
from tests.small_cohort import make_cohort, preprocess

TAIL = re.compile(
    r"heavy tails: 1% of the values of train samples carry (?P<share>\d+)% of the squared loss \(8% if they were normal; "  # noqa: E501
    r"largest: (?P<value>\S+) of gene (?P<gene>\S+) in sample (?P<sample>\S+), (?P<deviations>\d+) standard deviations from the mean\); "  # noqa: E501
    r"(?P<clips>.*)"
)


def find_warning(data: Preprocessed) -> re.Match[str] | None:
    found = [match for text in data.report["warnings"] if (match := TAIL.fullmatch(text))]
    assert len(found) == sum("heavy tails" in text for text in data.report["warnings"])
    return found[0] if found else None


def measure_share(data: Preprocessed) -> float:
    """Part of the squared deviations that the largest hundredth has, from the matrix that training
    reads.
    """
    X = np.array(data.matrix("train"), dtype=np.float64)
    squares = np.sort(((X - X.mean(axis=0)) ** 2).ravel())[::-1]
    return float(squares[: int(np.ceil(LARGEST * squares.size))].sum() / squares.sum())


def make_heavy(share: float = 0.005) -> AnnData:
    """z-scores, of which a share is a hundred times as large."""
    adata = make_cohort()
    rng = np.random.default_rng(0)
    X = rng.normal(size=adata.shape)
    X[rng.random(adata.shape) < share] *= 100
    adata.X = X.astype(np.float32)
    adata.uns["scale"] = "zscore"
    return adata


@pytest.mark.parametrize("scaling", ["zscore", "none"])
def test_the_share_is_that_of_the_matrix_that_training_reads(scaling: str, tmp_path: Path) -> None:
    data = preprocess(make_heavy(), tmp_path, scaling=scaling)
    warning = find_warning(data)
    assert warning is not None
    assert float(warning["share"]) / 100 == pytest.approx(measure_share(data), abs=0.006)


def test_the_share_is_right_where_batches_are_corrected(tmp_path: Path) -> None:
    adata = make_heavy(0.01)
    adata.obs["batch"] = [f"batch{i % 2}" for i in range(adata.n_obs)]
    data = preprocess(adata, tmp_path, correction="zscore", batch="batch")
    warning = find_warning(data)
    assert warning is not None
    assert float(warning["share"]) / 100 == pytest.approx(measure_share(data), abs=0.006)


def test_a_clip_does_what_was_said_of_it(tmp_path: Path) -> None:
    adata = make_heavy()
    warning = find_warning(preprocess(adata, tmp_path))
    assert warning is not None
    promised = re.fullmatch(
        r"clip=10 would bring that to (\d+)%, clip=3 to (\d+)%", warning["clips"]
    )
    assert promised is not None
    for clip, share in zip((10, 3), promised.groups(), strict=True):
        assert float(share) / 100 == pytest.approx(
            measure_share(preprocess(adata, tmp_path, clip=clip)), abs=0.006
        )


def test_only_a_smaller_clip_than_the_one_set_is_tried(tmp_path: Path) -> None:
    warning = find_warning(preprocess(make_heavy(0.01), tmp_path, clip=10))
    assert warning is not None
    assert re.fullmatch(r"clip=3 would bring that to \d+%", warning["clips"])


def test_the_largest_value_is_named_by_train_sample_and_gene(tmp_path: Path) -> None:
    adata = make_heavy()
    data = preprocess(adata, tmp_path, scaling="none")
    train, test = (data.split.index[data.split["part"] == part] for part in ("train", "test"))
    X = np.array(adata.X)
    X[adata.obs_names.get_loc(train[3]), 17] = -777.5
    X[adata.obs_names.get_loc(test[0]), 17] = 99999
    adata.X = X
    warning = find_warning(preprocess(adata, tmp_path, scaling="none"))
    assert warning is not None
    assert (warning["value"], warning["gene"], warning["sample"]) == ("-777.5", "GENE17", train[3])
    values = X[adata.obs_names.get_indexer(train), 17]
    assert int(warning["deviations"]) == round(abs(-777.5 - values.mean()) / values.std())


def test_values_of_test_samples_alone_are_not_named(tmp_path: Path) -> None:
    adata = make_cohort()
    data = preprocess(adata, tmp_path)
    X = np.array(adata.X)
    X[adata.obs_names.get_indexer(data.split.index[data.split["part"] == "test"])] *= 1000
    adata.X = X
    assert find_warning(preprocess(adata, tmp_path)) is None


@pytest.mark.parametrize("scale", ["counts", "log2_norm_count"])
def test_ordinary_cohorts_are_not_named(scale: str, tmp_path: Path) -> None:
    data = preprocess(make_cohort(scale), tmp_path)
    assert find_warning(data) is None
    assert measure_share(data) < HEAVY


def test_values_without_their_logarithm_are_told_to_take_it(tmp_path: Path) -> None:
    adata = make_cohort()
    rng = np.random.default_rng(0)
    adata.X = np.exp(rng.normal(rng.normal(0, 4, size=adata.n_vars), 2, size=adata.shape)).astype(
        np.float32
    )
    warning = find_warning(preprocess(adata, tmp_path))
    assert warning is not None
    assert warning["clips"].startswith("clip= would not help: check scale= and normalise=")


def test_other_scales_than_zscores_are_cut_at_quantiles(tmp_path: Path) -> None:
    adata = make_cohort()
    X = 8 + np.random.default_rng(1).normal(size=adata.shape)
    X[np.random.default_rng(2).random(adata.shape) < 0.004] = 999
    adata.X = X.astype(np.float32)
    warning = find_warning(preprocess(adata, tmp_path))
    assert warning is not None
    clip, share = re.fullmatch(
        r"clip=([\d.]+) would bring that to (\d+)%", warning["clips"]
    ).groups()  # type: ignore[union-attr]
    assert 10 < float(clip) < 12, "above all but a hundredth of the values, two digits"
    assert float(share) < 20


@pytest.mark.parametrize("sizes", [(1000,), (400, 400, 7), (3, 3, 3), (1, 1)])
def test_the_largest_of_blocks_are_the_largest_of_all(sizes: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=sum(sizes)).astype(np.float32)
    largest = Largest(len(values))
    for block in np.split(values, np.cumsum(sizes)[:-1]):
        largest.add(block)
    n = int(np.ceil(LARGEST * len(values)))
    np.testing.assert_array_equal(np.sort(largest.values), np.sort(values)[-n:])


REAL: dict[str, dict[str, Any]] = {
    "tcga_survival_zscores.parquet": {},
    "tcga_brca_rnaseq.parquet": {},
    "tcga_toil_tpm_3cohorts.parquet": {},
    "ccle_500x1000.parquet": {},
    "gse3143_breast.parquet": {},
    "tcga_paired_log2fc.parquet": {"missing": "drop_gene"},
}


@pytest.mark.parametrize("name", REAL)
def test_of_the_real_cohorts_the_heavy_tailed_one_is_named(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    settings = PreprocessSettings(
        cohort=str(shared_data / name), cache=str(tmp_path / "cache"), **REAL[name]
    )
    data = preprocess_cohort(settings, NullTracker())
    warning = find_warning(data)
    if "zscores" not in name:
        assert warning is None
        return
    assert warning is not None
    assert (warning["share"], warning["clips"]) == (
        "48",
        "clip=10 would bring that to 39%, clip=3 to 20%",
    )
    values = pd.read_parquet(shared_data / name)
    assert values.loc[warning["sample"], warning["gene"]] == pytest.approx(
        float(warning["value"]), rel=1e-4
    )
    assert data.split.loc[warning["sample"], "part"] == "train"
