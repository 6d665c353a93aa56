"""From a cohort's files to its preprocessed form: the cache, and what the run is told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from genexp.errors import PreprocessError
from genexp.preprocessing import Preprocessed, preprocess_cohort
from genexp.settings.verbs import PreprocessSettings
from genexp.tracker import NullTracker
from tests.small_cohort import make_cohort


class MemoryTracker(NullTracker):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.tags: dict[str, Any] = {}
        self.tables: dict[str, pd.DataFrame] = {}
        self.files: list[str] = []
        self.figures: dict[str, list[int]] = {}
        self.dataset: dict[str, Any] = {}

    def set_tags(self, tags: Any) -> None:
        self.tags |= tags

    def log_table(self, name: str, table: pd.DataFrame) -> None:
        self.tables[name] = table

    def log_file(self, path: Path, folder: str = "") -> None:
        assert path.exists()
        self.files.append(f"{folder}/{path.name}")

    def log_figure(self, name: str, figure: Figure) -> None:
        figure.canvas.draw()
        self.figures[name] = [len(axes.lines) for axes in figure.axes]

    def log_dataset(
        self, name: str, digest: str, source: str, n_samples: int, n_genes: int, context: str
    ) -> None:
        self.dataset = {
            "name": name,
            "digest": digest,
            "source": source,
            "shape": (n_samples, n_genes),
        }


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    """Settings of a small cohort in files, with a poor sample."""
    adata = make_cohort("counts")
    adata.X[5, 4:] = 0
    pd.DataFrame(adata.X, index=adata.obs_names, columns=adata.var["source"]).to_csv(
        tmp_path / "toy.tsv", sep="\t"
    )
    adata.obs.rename(columns={"group": "patient_id", "label": "subtype"}).to_csv(
        tmp_path / "toy_samples.tsv", sep="\t"
    )
    files = {
        "cohort": str(tmp_path / "toy.tsv"),
        "obs": str(tmp_path / "toy_samples.tsv"),
        "label": "subtype",
    }
    return files | {"cache": str(tmp_path / "cache"), "min_sample_detected": 0.3}


def test_the_run_is_told_what_was_kept_lost_and_split(settings: dict[str, Any]) -> None:
    tracker = MemoryTracker()
    data = preprocess_cohort(PreprocessSettings(**settings), tracker)
    assert tracker.tags["preprocess"] == "computed"
    assert tracker.tags["split_hash"] == data.split_hash
    assert tracker.tags["n_train"] + tracker.tags["n_val"] + tracker.tags["n_test"] == 119
    assert tracker.tags["n_genes"] + tracker.tags["n_lost_genes"] == 60
    assert list(tracker.tables["preprocess/lost_samples.tsv"].index) == ["sample5"]
    assert {"reason", "mean", "detected", "source"} <= set(
        tracker.tables["preprocess/lost_genes.tsv"]
    )
    assert tracker.tables["preprocess/split.tsv"]["part"].value_counts()["lost"] == 1
    assert tracker.files == [
        "preprocess/report.json",
        "preprocess/transform.json",
        "preprocess/transform.safetensors",
    ]
    assert tracker.dataset == {
        "name": "toy",
        "digest": tracker.dataset["digest"],
        "source": settings["cohort"],
        "shape": (120, 60),
    }
    assert set(tracker.figures) == {"figures/qc_samples.png", "figures/qc_genes.png"}
    assert all(all(n_lines > 0 for n_lines in axes) for axes in tracker.figures.values())


def test_a_cohort_is_computed_once_and_then_reused(settings: dict[str, Any]) -> None:
    first, again = MemoryTracker(), MemoryTracker()
    data = preprocess_cohort(PreprocessSettings(**settings), first)
    written = (data.folder / "train.npy").stat().st_mtime_ns
    assert (
        preprocess_cohort(PreprocessSettings(**settings, experiment_name="another"), again).folder
        == data.folder
    )
    assert (data.folder / "train.npy").stat().st_mtime_ns == written
    assert again.tags == first.tags | {"preprocess": "reused"}
    assert again.tables.keys() == first.tables.keys()
    assert again.figures == first.figures


@pytest.mark.parametrize("times", [1, 2], ids=["computed", "found in the cache"])
def test_the_run_and_its_user_are_warned_of_what_could_not_be_met(
    times: int, settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    warnings = [
        "no verdict for any task will be given: 6 test samples, at least 10 are needed; "
        "name a larger test part with split=, or add samples",
        "n_top_genes=1000 asks for more genes than the 50 that pass the other filters",
    ]
    for _ in range(times):
        tracker = MemoryTracker()
        capsys.readouterr()
        preprocess_cohort(
            PreprocessSettings(**settings, n_top_genes=1000, split="80/15/5"), tracker
        )
    assert tracker.tags["preprocess_warnings"] == "; ".join(warnings)
    assert [
        line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")
    ] == [f"warning: {w}" for w in warnings]


def test_files_and_settings_that_decide_the_values_are_in_the_fingerprint(
    settings: dict[str, Any],
) -> None:
    def fingerprint(**changed: Any) -> str:
        return preprocess_cohort(
            PreprocessSettings(**settings | changed), NullTracker()
        ).fingerprint

    changes: list[dict[str, Any]] = [
        {},
        {"scaling": "minmax"},
        {"split": "60/20/20"},
        {"seed": 1},
        {"n_top_genes": 20},
        {"label": ""},
    ]
    assert len({fingerprint(**change) for change in changes}) == len(changes)
    before = fingerprint()
    path = Path(settings["cohort"])
    path.write_text(path.read_text().replace("sample7\t", "sampleseven\t"))
    samples = Path(settings["obs"])
    samples.write_text(samples.read_text().replace("sample7\t", "sampleseven\t"))
    assert fingerprint() != before


def test_a_broken_folder_in_the_cache_is_computed_again(settings: dict[str, Any]) -> None:
    data = preprocess_cohort(PreprocessSettings(**settings), NullTracker())
    expected = np.array(data.matrix("train"))
    (data.folder / "train.npy").unlink()
    tracker = MemoryTracker()
    again = preprocess_cohort(PreprocessSettings(**settings), tracker)
    assert tracker.tags["preprocess"] == "computed"
    np.testing.assert_array_equal(again.matrix("train"), expected)


def test_a_cache_that_cannot_be_written_is_refused_before_anything_is_read(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PreprocessError, match="cannot be written"):
        preprocess_cohort(
            PreprocessSettings(
                **settings | {"cache": str(tmp_path / "file"), "cohort": "absent.tsv"}
            ),
            NullTracker(),
        )


def test_nothing_is_left_in_the_cache_by_a_cohort_that_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(PreprocessError, match="at least two genes"):
        preprocess_cohort(PreprocessSettings(**settings, min_variance=1e9), NullTracker())
    assert list((Path(settings["cache"]) / "cohorts").iterdir()) == []


def test_the_simulated_cohort_is_split_by_patient_and_stratified_by_subtype(tmp_path: Path) -> None:
    data = preprocess_cohort(
        PreprocessSettings(cohort="simulated:300x400", label="subtype", cache=str(tmp_path)),
        NullTracker(),
    )
    assert_whole(data, 300)


def assert_whole(data: Preprocessed, n_samples: int) -> None:
    """What holds for every preprocessed cohort."""
    assert (data.split.groupby("group")["part"].nunique() == 1).all()
    assert len(data.split) == n_samples
    assert sum(part["samples"] for part in data.report["parts"].values()) == n_samples
    assert data.report["parts"]["train"]["samples"] / n_samples == pytest.approx(0.7, abs=0.02)
    train = np.asarray(data.matrix("train"), dtype=np.float64)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-3)
    assert np.isfinite(data.matrix("val")).all()
    assert np.isfinite(data.access_test()[0]).all()
    assert data.var.index.is_unique
    json.dumps(data.report)


@pytest.mark.parametrize(
    ("file", "samples", "label", "values", "n_samples"),
    [
        ("tcga_brca_rnaseq.parquet", "tcga_brca_rnaseq_samples.tsv", "pam50", {}, 1218),
        (
            "tcga_5cohorts_fulltranscriptome.tsv.gz",
            "tcga_5cohorts_fulltranscriptome_samples.tsv",
            "cancer_type",
            {},
            309,
        ),
        (
            "ovarian_multistudy.parquet",
            "ovarian_multistudy_samples.tsv",
            "histological_type",
            {"missing": "impute_mean", "group": "study"},
            416,
        ),
        (
            "tcga_toil_tpm_3cohorts.parquet",
            "tcga_toil_tpm_3cohorts_patients.tsv",
            "cancer_type",
            {"scale": "log2_tpm"},
            1013,
        ),
    ],
)
def test_real_cohorts(
    shared_data: Path,
    tmp_path: Path,
    file: str,
    samples: str,
    label: str,
    values: dict[str, Any],
    n_samples: int,
) -> None:
    files = {"cohort": str(shared_data / file), "obs": str(shared_data / samples), "label": label}
    data = preprocess_cohort(
        PreprocessSettings(**files, **values, cache=str(tmp_path)), NullTracker()
    )
    if "group" in values:
        assert data.split.groupby("group")["part"].nunique().max() == 1
    else:
        assert_whole(data, n_samples)


def test_how_a_cohort_was_read_is_logged(tmp_path: Path) -> None:
    class Notes(MemoryTracker):
        def log_text(self, name: str, text: str) -> None:
            self.files.append(name)
            self.report = json.loads(text)

    notes = Notes()
    preprocess_cohort(PreprocessSettings(cohort="simulated:60x80", cache=str(tmp_path)), notes)
    assert "cohort/reading.json" in notes.files
    assert notes.report["scale"] == "log2_norm_count"
    assert notes.report["reading"][0].startswith("simulated: 60 samples x 80 genes")
    assert (
        notes.tags["cohort_orientation"]
        == "samples in rows: the format (simulation) has samples in rows"
    )
    assert notes.tags["cohort_groups"].startswith("patient_id (")
