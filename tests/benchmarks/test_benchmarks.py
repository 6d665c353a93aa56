"""Every benchmark runs, at toy size and in this process; what the figures are worth is not
tested.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    growth,
    kinds,
    large,
    plain,
    quality,
    reading,
    results,
    soak,
    tracking,
    training,
    tuning,
)
from benchmarks.plan import Plan
from benchmarks.sides import Side, take_turns
from tests.planted import make_preprocessed


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("benchmarks")
    return Plan(
        folder,
        90,
        210,
        (16,),
        4,
        plain_epochs=3,
        repeats=1,
        n_trials=2,
        plain_trials=1,
        n_splits=2,
        epochs=2,
        apart=False,
    )


@pytest.mark.slow
def test_training_is_compared_with_a_plain_loop(plan: Plan) -> None:
    section = training.measure_training(plan)
    assert [ratio.what for ratio in section.ratios][:2] == [
        "epoch, plain PyTorch loop",
        "to the plain loop's best validation loss",
    ]


@pytest.mark.slow
def test_quality_is_judged_on_test_rows(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = quality.Cohort("simulated", {"cohort": "simulated:90x210"})
    monkeypatch.setattr(quality, "real_cohorts", lambda: [cohort])
    section = quality.measure_quality(plan)
    assert [row["representation"] for row in section.tables[0]] == [
        "genexp",
        "PCA",
        "NMF",
        "plain autoencoder",
    ]
    assert {"R2", "macro F1"} <= {key for key, value in section.tables[0][0].items() if value}


def test_trials_are_compared_with_a_plain_optuna_loop(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def studies(folder: str, n_trials: int, epochs: int, turns: int):  # type: ignore[no-untyped-def]
        """A study without its workers, whose start would take longer than all other tests here."""
        yield {"seconds": 1.0, "best": 0.5, "complete": n_trials, "epochs": epochs}

    monkeypatch.setattr(tuning, "genexp_studies", studies)
    assert tuning.measure_tuning(plan).tables[0][0]["trials an hour"] == "7200"


def test_reading_is_compared_for_each_format(plan: Plan) -> None:
    section = reading.measure_reading(plan)
    assert [ratio.what.split()[1].rstrip(",") for ratio in section.ratios] == [
        "tsv.gz",
        "tsv.gz",
        "parquet",
        "h5ad",
        "h5ad",
    ]
    files = reading.write_files(plan)
    shapes = [
        tuple(next(read(str(path)))["shape"])
        for path in files.values()
        for read in (reading.genexp_reads, reading.others_read)
    ]
    assert shapes == [(90, 210)] * 10


def test_growth_is_measured_for_samples_genes_and_trials(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "_grow_trials", lambda *_: [{"trials": "1"}])
    assert len(growth.measure_growth(plan).tables[0]) == 5


@pytest.mark.slow
def test_the_tracker_is_compared_with_none(
    plan: Plan, store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.chdir(tmp_path)
    assert tracking.measure_tracking(plan).ratios[0].target == "3 %"


def test_large_shapes_are_written_in_blocks_and_trained(plan: Plan) -> None:
    section = large.measure_large(plan, shapes=((80, 300), (400, 60)))
    assert [row["basis"] for row in section.tables[0]] == ["rows", "genes"]


def test_sides_run_in_processes_that_take_turns(tmp_path: Path) -> None:
    rows = tmp_path / "rows.npy"
    np.save(rows, np.random.default_rng(0).standard_normal((20, 6)).astype(np.float32))
    side = Side(
        plain.plain_epochs,
        {"train": str(rows), "val": str(rows), "hidden": [4], "n_latent": 2},
        threads=1,
    )
    found = take_turns({"plain": side}, 3)["plain"]
    assert len(found) == 3
    assert all(turn["peak"] > 2**20 and np.isfinite(turn["loss"]) for turn in found)


def test_results_are_kept_by_section_and_rendered(tmp_path: Path) -> None:
    for name, share in (("reading", "3 x"), ("training", "30 x"), ("reading", "4 x")):
        section = results.Section(
            name,
            [results.Ratio(f"{name} of a thing", "1 s", "3 s", share)],
            [[{"a": "1"}]],
            ["A note."],
        )
        results.keep(name, section, "a machine", 1.0, tmp_path)
    text = (tmp_path / "RESULTS.md").read_text()
    assert "| reading of a thing | 1 s | 3 s | 4 x |  | `python -m benchmarks reading` |" in text
    assert "3 x" not in text.replace("30 x", "")


SOAKED = """
import pytest

@pytest.mark.soak
@pytest.mark.parametrize("number", [1, 2])
def test_numbers(record_property, number):
    record_property("examples", 10)
    record_property("outcomes", {"read": number})
    assert number == 1

def test_of_no_soak():
    pass
"""


def test_soaked_tests_are_kept_with_commit_and_failures(tmp_path: Path) -> None:
    (tmp_path / "test_soaked.py").write_text(SOAKED)
    code, records = soak.run_tests(
        [str(tmp_path / "test_soaked.py"), "-c", "pyproject.toml", "-p", "no:cacheprovider"]
    )
    assert code == 1
    assert [{**record, "seconds": 0} for record in records] == [
        {
            "what": "test_numbers",
            "examples": 20,
            "outcomes": {"read": 3},
            "failures": 1,
            "seconds": 0,
        }
    ]
    kept = tmp_path / "soak.json"
    for examples in (5, 20):
        soak.keep(
            [records[0] | {"examples": examples}, {"what": "test_others", "examples": examples}],
            kept,
        )
    assert [(record["what"], record["examples"]) for record in json.loads(kept.read_text())] == [
        ("test_numbers", 20),
        ("test_others", 20),
    ]
    assert {"commit", "date"} <= set(json.loads(kept.read_text())[0])


def test_planted_rows_reach_the_same_loss_in_both_loops(tmp_path: Path) -> None:
    """The plain loop is a fair rival: it learns the planted cohort as an encoder without an anchor
    does.
    """
    import torch

    from genexp.model.types import create_model_type
    from genexp.settings.training import EncoderConfig
    from genexp.training.basis import build_basis
    from genexp.training.loop import fit_autoencoder

    data = make_preprocessed(tmp_path)
    rows, held = (torch.from_numpy(np.array(data.matrix(part))) for part in ("train", "val"))
    rival = plain.PlainTraining(rows, held, (64,), 4, seed=0, dropout=0.0)
    rival.fit(200, 20)
    config = EncoderConfig(hidden=(64,), n_latent=4, dropout=0, skip="none", patience=20)
    assert rival.best == pytest.approx(
        fit_autoencoder(build_basis(data, "genes", 4), create_model_type(config), seed=0).loss_val,
        rel=0.2,
    )


def test_variants_of_kinds_are_measured_once_and_earlier_lines_stay(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = {"simulated": {"cohort": "simulated:90x210"}}
    monkeypatch.setattr(kinds, "REAL", plan.folder)
    monkeypatch.setattr(kinds, "kind_cohorts", lambda: cohort)
    monkeypatch.setattr(
        kinds,
        "read_tables",
        lambda _: [
            [{"cohort": "simulated", "kind": kind, "R2": "kept"} for kind in ("deep", "sparse")]
        ],
    )
    asked = replace(plan, variants=("deep", "convolutional", "convolutional, shuffled"))
    rows = kinds.measure_kinds(asked).tables[0]
    assert [row["kind"] for row in rows] == [
        "PCA",
        "all genes",
        "deep",
        "sparse",
        *asked.variants[1:],
        kinds.SHUFFLED_MINUS_ORDERED,
    ]
    assert rows[2]["R2"] != "kept" == rows[3]["R2"]
    files = {path: path.stat().st_mtime_ns for path in plan.folder.glob("kinds-*")}
    assert len(files) == 2 * 4, "baselines and three variants on each split"
    assert kinds.measure_kinds(asked).tables[0] == rows
    assert {path: path.stat().st_mtime_ns for path in plan.folder.glob("kinds-*")} == files
