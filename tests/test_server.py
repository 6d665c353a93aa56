"""A real MLflow server on a real PostgreSQL, both on loopback: what one machine does alone, a group
does through a server.
"""

import math
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient

from genexp.errors import RegistryError
from genexp.settings.tracking import RegistryConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracking.registry import download_artifact, load_encoder, register_encoder
from genexp.tracking.runs import start_run
from genexp.tracking.store import open_store
from tests.small_encoder import make_encoder, make_expression

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Address of a PostgreSQL of this test session, run by a user that is not root.

    Its folder is outside of pytest's, which another session of pytest closes to other users.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("PostgreSQL is not here (Debian: postgresql)")
    folder, port = Path(tempfile.mkdtemp(prefix="genexp-database-")), free_port()
    user: list[str] = []
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        user = [shutil.which("runuser") or "/sbin/runuser", "-u", "postgres", "--"]
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    control = [
        *user,
        str(programs[-1] / "pg_ctl"),
        "--pgdata",
        str(folder / "data"),
        "--wait",
        "--silent",
    ]
    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c "
        "fsync=off"
    )
    initdb = [
        *user,
        str(programs[-1] / "initdb"),
        "--pgdata",
        str(folder / "data"),
        "--username=mlflow",
        "--auth=trust",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/")
    subprocess.run(
        [*control, "--log", str(folder / "log"), "--options", options, "start"], check=True, cwd="/"
    )
    yield f"postgresql+psycopg://mlflow@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "--mode=immediate", "stop"], check=True, cwd="/")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an MLflow server on that database, which MLflow is set to use; it passes artifacts
    on.
    """
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    command += [
        "--backend-store-uri",
        database,
        "--artifacts-destination",
        str(folder / "artifacts"),
        "--allowed-hosts",
        "127.0.0.1:*",
    ]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(address, process)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", address)
            yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def wait_until_healthy(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the MLflow server did not become healthy")


@pytest.fixture(scope="module")
def client(server: str) -> MlflowClient:
    return MlflowClient()


def test_a_run_with_a_child_goes_through_the_server(
    client: MlflowClient, server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with start_run("tune", PreprocessSettings(experiment_name="through a server")) as tracker:
        tracker.log_dataset("simulated", "0123456789abcdef", "simulated", 200, 500, "training")
        tracker.log_table("tables/trials.tsv", pd.DataFrame({"loss/val": [0.5]}))
        with tracker.child("trial 0") as child:
            for step in range(1500):
                child.log_metrics(
                    {"loss/train": 1 / (step + 1), "loss/val": math.inf if step == 7 else step},
                    step=step,
                )
    run, trial = client.get_run(tracker.run_id), client.get_run(child.run_id)
    assert (run.info.status, trial.info.status) == ("FINISHED", "FINISHED")
    assert trial.data.tags["mlflow.parentRunId"] == tracker.run_id
    history = sorted(
        client.get_metric_history(child.run_id, "loss/val"), key=lambda entry: entry.step
    )
    assert [entry.step for entry in history] == list(range(1500))
    assert math.isnan(history[7].value)
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    assert (
        download_artifact(tracker.run_id, "tables/trials.tsv", tmp_path).read_text()
        == "\tloss/val\n0\t0.5\n"
    )
    assert run.inputs.dataset_inputs[0].dataset.name == "simulated"
    assert (
        f"{server}/#/experiments/{tracker.experiment_id}/runs/{tracker.run_id}"
        in capsys.readouterr().err
    )


def test_an_encoder_is_registered_and_loaded_through_the_server(client: MlflowClient) -> None:
    encoder, expression = make_encoder(), make_expression()
    with start_run("train", PreprocessSettings(experiment_name="through a server")) as tracker:
        first = register_encoder(encoder, RegistryConfig(name="brca"), 0.5, tracker, "first")
        second = register_encoder(
            make_encoder(1), RegistryConfig(name="brca"), 0.6, tracker, "second"
        )
    assert (first.holds_alias, second.holds_alias) == (True, False)
    expected = encoder.encode(expression)
    pd.testing.assert_frame_equal(load_encoder("brca").encode(expression), expected)
    pd.testing.assert_frame_equal(load_encoder("brca/1").encode(expression), expected)
    pd.testing.assert_frame_equal(
        mlflow.pyfunc.load_model("models:/brca@champion").predict(expression), expected
    )
    with pytest.raises(RegistryError, match=r"Registered: 1 \(brca\)"):
        load_encoder("brcx")


def test_a_server_that_does_not_know_its_name_is_refused_with_what_to_do(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.replace("127.0.0.1", "localhost"))
    with pytest.raises(
        RegistryError, match=r"Invalid Host header.*: start it with --allowed-hosts"
    ):
        open_store()


def test_tune_runs_against_the_server(client: MlflowClient, tmp_path: Path) -> None:
    options = {
        "cohort": "simulated:200x500",
        "n-trials": 2,
        "epochs": 5,
        "workers": 1,
        "n_latent": "2..8",
        "n_hidden": "16..64",
        "cache": tmp_path / "cache",
        "name": "simulated",
    }
    command = [
        sys.executable,
        "-m",
        "genexp",
        "tune",
        *(text for key, value in options.items() for text in (f"--{key}", str(value))),
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    experiment = client.get_experiment_by_name("genexp")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert parent.info.run_name == "tune simulated:200x500"
    assert load_encoder("simulated").n_latent >= 1
