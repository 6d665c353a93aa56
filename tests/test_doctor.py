"""The doctor: every guard fires, a disabled guard is noticed, and no file remains."""

import time
from pathlib import Path

import pytest

from genexp import doctor
from genexp.cli import main
from genexp.evaluation import audit


def test_every_guard_fires_within_half_a_minute_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    start = time.process_time()
    assert main(["doctor"]) == 0
    assert time.process_time() - start < 30
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == len(doctor.TRAPS) >= 18
    assert all(
        line.startswith("PASS  ") and " | planted: " in line and " | genexp: " in line
        for line in lines
    )
    assert last == f"{len(lines)} of {len(lines)} guards fired"
    assert not list(tmp_path.iterdir()), "no store, no cache"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> doctor.Bench:
    return doctor.Bench(tmp_path_factory.mktemp("bench"))


def test_a_disabled_guard_is_noticed(bench: doctor.Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.plant_near_duplicate(bench)[0]
    monkeypatch.setattr(audit, "DUPLICATE", 2.0)
    assert doctor.plant_near_duplicate(bench) == (False, "no refusal")


def test_a_refusal_for_another_reason_does_not_count(bench: doctor.Bench) -> None:
    fired, said = doctor.expect_refusal(
        lambda: bench.read(samples=["S1"] * 40), "samples with an event"
    )
    assert not fired
    assert "duplicated sample ids" in said


def test_a_silent_guard_ends_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        doctor, "TRAPS", {"a trap": ("something", lambda bench: (False, "nothing"))}
    )
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "FAIL  a trap | planted: something | genexp: nothing",
        "0 of 1 guards fired; silent: a trap",
    ]
