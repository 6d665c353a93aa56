"""A run whose process was killed outright does not stay RUNNING: the next command with the same
cache ends it.
"""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from mlflow import MlflowClient

from genexp.errors import ConfigError
from genexp.settings.verbs import PreprocessSettings
from genexp.tracking.running import hold_run
from genexp.tracking.runs import start_run

SETTINGS = PreprocessSettings(experiment_name="tests of running")
SCRIPT = """
    import sys, time
    from genexp.settings.verbs import PreprocessSettings
    from genexp.tracking.running import hold_run
    from genexp.tracking.runs import start_run
    with start_run("tune", PreprocessSettings(experiment_name="tests of running")) as tracker, hold_run(tracker, sys.argv[1]):
        with tracker.child("trial 000") as child:
            print(tracker.run_id, child.run_id, flush=True)
            time.sleep(60)
"""  # noqa: E501


@pytest.fixture(scope="module")
def client(store: str) -> MlflowClient:
    return MlflowClient()


def statuses(client: MlflowClient, run_ids: list[str]) -> list[str]:
    return [client.get_run(run_id).info.status for run_id in run_ids]


def hold_once(cache: Path) -> None:
    with start_run("preprocess", SETTINGS) as tracker, hold_run(tracker, cache):
        assert [path.name for path in (cache / "running").iterdir() if path.name == tracker.run_id]


def test_a_run_is_ended_after_its_process_was_killed_and_not_before(
    client: MlflowClient, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    run_ids = process.stdout.readline().split()
    hold_once(tmp_path)
    assert statuses(client, run_ids) == ["RUNNING", "RUNNING"], "its process lives"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    hold_once(tmp_path)
    assert statuses(client, run_ids) == ["KILLED", "KILLED"]
    assert "its process was killed" in client.get_run(run_ids[0]).data.tags["error"]
    assert not list((tmp_path / "running").iterdir())


@pytest.mark.parametrize("text", ["sqlite:////elsewhere/mlflow.db", None])
def test_a_run_of_another_store_is_left_alone_and_an_unknown_one_forgotten(
    text: str | None, store: str, tmp_path: Path
) -> None:
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / "0123").write_text(text or store)
    hold_once(tmp_path)
    assert (tmp_path / "running" / "0123").exists() == (text is not None)


@pytest.mark.usefixtures("client")
def test_a_run_that_fails_lets_go(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError),
        start_run("preprocess", SETTINGS) as tracker,
        hold_run(tracker, tmp_path),
    ):
        raise ConfigError("no")
    assert not list((tmp_path / "running").iterdir())
