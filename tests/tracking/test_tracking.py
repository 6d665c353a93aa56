"""A run is joined or made, says what happened, and is never left RUNNING by a failure that we can
see.
"""

import math
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Run

from genexp import __version__
from genexp.errors import CohortError, ConfigError, RegistryError
from genexp.settings.verbs import PreprocessSettings
from genexp.tracker import NullTracker, Tracker
from genexp.tracking.runs import fail_run, start_run
from genexp.tracking.store import open_store
from genexp.tracking.tracker import MlflowTracker

SETTINGS = PreprocessSettings(
    cohort="../data/tcga_brca.tsv.gz", experiment_name="tests of tracking"
)


@pytest.fixture(scope="module")
def client(store: str) -> MlflowClient:
    return MlflowClient()


@pytest.fixture
def made_run(client: MlflowClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A run as ``mlflow run`` leaves it for the command that it starts."""
    experiment_id = client.create_experiment(
        f"made by mlflow run {tmp_path}", artifact_location=str(tmp_path)
    )
    run = client.create_run(experiment_id, run_name="bold-ant-123")
    client.log_param(run.info.run_id, "clip", "1e1")
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    return run


@pytest.fixture
def tracker(client: MlflowClient) -> Iterator[MlflowTracker]:
    with start_run("preprocess", SETTINGS) as tracker:
        yield tracker


def artifacts(client: MlflowClient, run_id: str, folder: str | None = None) -> list[str]:
    return [entry.path for entry in client.list_artifacts(run_id, folder)]


def test_a_run_is_named_after_its_verb_and_cohort_and_ends_finished(client: MlflowClient) -> None:
    with start_run("preprocess", SETTINGS) as tracker:
        assert client.get_run(tracker.run_id).info.status == "RUNNING"
    run = client.get_run(tracker.run_id)
    assert (run.info.run_name, run.info.status) == ("preprocess tcga_brca", "FINISHED")
    assert client.get_experiment(run.info.experiment_id).name == "tests of tracking"
    assert run.data.params["split"] == "70/15/15"
    assert run.data.params["clip"] == "none"
    assert (run.data.tags["verb"], run.data.tags["genexp_version"]) == ("preprocess", __version__)


def test_a_given_run_name_is_used(client: MlflowClient) -> None:
    with start_run(
        "preprocess", PreprocessSettings(experiment_name="tests of tracking", run_name="mine")
    ) as tracker:
        pass
    assert client.get_run(tracker.run_id).info.run_name == "mine"


def test_the_run_that_mlflow_run_made_is_joined_and_its_parameters_stay_as_typed(
    client: MlflowClient, made_run: Run
) -> None:
    with start_run("preprocess", PreprocessSettings(clip=10.0)) as tracker:
        assert tracker.run_id == made_run.info.run_id
        assert "MLFLOW_RUN_ID" not in os.environ, "a second run or a worker would join it too"
    run = client.get_run(tracker.run_id)
    assert (run.info.run_name, run.info.status) == ("preprocess simulated", "FINISHED")
    assert (run.data.params["clip"], run.data.params["seed"]) == ("1e1", "0")


def test_a_run_name_that_a_user_gave_to_mlflow_run_stays(
    client: MlflowClient, made_run: Run
) -> None:
    client.update_run(made_run.info.run_id, name="my run")
    with start_run("preprocess", PreprocessSettings()):
        pass
    assert client.get_run(made_run.info.run_id).info.run_name == "my run"


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (CohortError("expected 20 samples; found 3"), "FAILED", "expected 20 samples; found 3"),
        (ZeroDivisionError("division by zero"), "FAILED", "ZeroDivisionError: division by zero"),
        (KeyboardInterrupt(), "KILLED", None),
    ],
)
def test_an_exception_ends_the_run_with_its_reason(
    client: MlflowClient, error: BaseException, status: str, message: str | None
) -> None:
    def fail() -> None:
        with start_run("preprocess", SETTINGS) as tracker:
            runs.append(tracker.run_id)
            tracker.log_metrics({"loss/val": 1.5})
            raise error

    runs: list[str] = []
    with pytest.raises(type(error)):
        fail()
    run = client.get_run(runs[0])
    assert (run.info.status, run.data.tags.get("error")) == (status, message)
    assert run.data.metrics["loss/val"] == 1.5, "metrics of a failed run are kept"
    assert message is None or message in run.data.tags["mlflow.note.content"]


def test_sigterm_ends_the_run_killed_with_what_it_logged(client: MlflowClient, store: str) -> None:
    script = """
        import time
        from genexp.settings.verbs import PreprocessSettings
        from genexp.tracking.runs import start_run
        with start_run("preprocess", PreprocessSettings(experiment_name="tests of tracking")) as tracker:
            tracker.log_metrics({"loss/val": 0.5}, step=3)
            print(tracker.run_id, flush=True)
            time.sleep(60)
    """  # noqa: E501
    command = [sys.executable, "-c", textwrap.dedent(script)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    run = client.get_run(run_id)
    assert (process.returncode, run.info.status, run.data.metrics) == (
        143,
        "KILLED",
        {"loss/val": 0.5},
    )


def test_settings_too_wrong_to_start_fail_the_run_that_mlflow_run_made(
    client: MlflowClient, made_run: Run
) -> None:
    fail_run(ConfigError("unknown parameter 'n_latnt'"))
    run = client.get_run(made_run.info.run_id)
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "unknown parameter 'n_latnt'")


def test_the_run_says_where_it_can_be_seen(
    client: MlflowClient, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with start_run("preprocess", SETTINGS) as tracker:
        pass
    shown = capsys.readouterr().err
    page = f"/#/experiments/{tracker.experiment_id}/runs/{tracker.run_id}?workflowType=machine_learning"  # noqa: E501
    assert shown.count(f"mlflow ui --backend-store-uri {store}") == shown.count(page) == 2


def test_metrics_keep_their_steps_times_and_order(client: MlflowClient) -> None:
    before = int(time.time() * 1000)
    with start_run("preprocess", SETTINGS) as tracker:
        for step in range(700):
            tracker.log_metrics({"loss/train": 1 / (step + 1), "loss/val": float(step)}, step=step)
    for key, values in {
        "loss/train": [1 / (step + 1) for step in range(700)],
        "loss/val": list(map(float, range(700))),
    }.items():
        history = client.get_metric_history(tracker.run_id, key)
        assert [entry.step for entry in history] == list(range(700))
        assert [entry.value for entry in history] == values
        assert all(before <= entry.timestamp <= time.time() * 1000 for entry in history)


def test_metrics_appear_while_the_run_goes_on(client: MlflowClient, tracker: MlflowTracker) -> None:
    tracker.log_metrics({"loss/val": 0.25}, step=1)
    deadline = time.monotonic() + 10
    while not client.get_run(tracker.run_id).data.metrics and time.monotonic() < deadline:
        time.sleep(0.1)
    assert client.get_run(tracker.run_id).data.metrics == {"loss/val": 0.25}


def test_an_epoch_costs_less_than_a_millisecond_of_the_callers_time(tracker: MlflowTracker) -> None:
    metrics = {f"loss/{i}": float(i) for i in range(6)}
    started = time.process_time()
    for step in range(200):
        tracker.log_metrics(metrics, step=step)
    assert time.process_time() - started < 0.2


def test_values_that_are_not_finite_are_stored_as_nan(client: MlflowClient) -> None:
    with start_run("preprocess", SETTINGS) as tracker:
        tracker.log_metrics({"a": math.inf, "b": -math.inf, "c": math.nan, "d": 1.0})
    metrics = client.get_run(tracker.run_id).data.metrics
    assert metrics["d"] == 1.0
    assert all(math.isnan(metrics[key]) for key in "abc")


def test_a_metric_that_mlflow_refuses_is_an_error_and_not_silence(client: MlflowClient) -> None:
    def refuse() -> None:
        with start_run("preprocess", SETTINGS) as tracker:
            runs.append(tracker.run_id)
            tracker.log_metrics({"loss(val)": 1.0})

    runs: list[str] = []
    with pytest.raises(RegistryError, match=re.escape("loss(val)")):
        refuse()
    assert client.get_run(runs[0]).info.status == "FAILED"


def test_artifacts_arrive_under_their_names(
    client: MlflowClient, tracker: MlflowTracker, tmp_path: Path
) -> None:
    figure = Figure()
    figure.subplots().plot([1, 2])
    tracker.log_figure("figures/loss.png", figure)
    tracker.log_text("report.html", "<p>é</p>")
    tracker.log_table(
        "tables/lost.tsv", pd.DataFrame({"why": ["rare"]}, index=pd.Index(["TP53"], name="gene"))
    )
    (tmp_path / "a.json").write_text("{}")
    tracker.log_file(tmp_path / "a.json", "single")
    tracker.log_file(tmp_path, "whole")
    found = {
        path
        for folder in (None, "figures", "tables", "single", "whole")
        for path in artifacts(client, tracker.run_id, folder)
    }
    assert {
        "figures/loss.png",
        "report.html",
        "tables/lost.tsv",
        "single/a.json",
        "whole/a.json",
    } <= found
    assert not figure.axes, "the figure was cleared"
    table = Path(client.download_artifacts(tracker.run_id, "tables/lost.tsv", str(tmp_path)))
    assert table.read_text() == "gene\twhy\nTP53\trare\n"
    assert (
        Path(client.download_artifacts(tracker.run_id, "figures/loss.png", str(tmp_path)))
        .read_bytes()
        .startswith(b"\x89PNG")
    )


def test_artifacts_lie_beside_the_sqlite_store(
    client: MlflowClient, store: str, tracker: MlflowTracker
) -> None:
    folder = Path(store.removeprefix("sqlite:///")).parent
    assert Path(client.get_run(tracker.run_id).info.artifact_uri).is_relative_to(folder)


def test_the_dataset_is_an_input_of_the_run(client: MlflowClient, tracker: MlflowTracker) -> None:
    tracker.log_dataset(
        "tcga_brca", "0123456789abcdef", "s3://cohorts/tcga_brca.parquet", 1218, 909, "training"
    )
    (given,) = client.get_run(tracker.run_id).inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest, given.dataset.source_type) == (
        "tcga_brca",
        "0123456789abcdef",
        "s3",
    )
    assert '"num_rows": 1218' in given.dataset.profile
    assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "training")]


def test_children_are_nested_runs_and_can_be_written_from_threads(client: MlflowClient) -> None:
    def work(number: int) -> None:
        with tracker.child(f"trial {number}") as child:
            child.log_params({"n_latent": number})
            for step in range(50):
                child.log_metrics({"loss/val": number + step}, step=step)

    with start_run("tune", SETTINGS) as tracker:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    query = f"tags.`mlflow.parentRunId` = '{tracker.run_id}'"
    children = client.search_runs([tracker.experiment_id], query)
    assert {run.info.run_name for run in children} == {f"trial {number}" for number in range(4)}
    for run in children:
        number = int(run.data.params["n_latent"])
        assert (run.info.status, run.data.metrics["loss/val"]) == ("FINISHED", number + 49)
        assert len(client.get_metric_history(run.info.run_id, "loss/val")) == 50


def test_a_child_that_raises_is_failed_and_its_parent_goes_on(client: MlflowClient) -> None:
    def fail() -> None:
        with tracker.child("trial") as child:
            children.append(child.run_id)
            raise MemoryError

    children: list[str] = []
    with start_run("tune", SETTINGS) as tracker, pytest.raises(MemoryError):
        fail()
    assert [client.get_run(run_id).info.status for run_id in (children[0], tracker.run_id)] == [
        "FAILED",
        "FINISHED",
    ]


def test_both_trackers_speak_the_protocol(tracker: MlflowTracker) -> None:
    words = [name for name in vars(Tracker) if not name.startswith("_")]
    assert len(words) >= 10
    for kind in (MlflowTracker, NullTracker):
        assert [name for name in words if not callable(getattr(kind, name, None))] == []


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_server_that_does_not_answer_is_refused_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        for port in (free_port(), listener.getsockname()[1]):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://someone:secret@127.0.0.1:{port}")
            started = time.monotonic()
            with pytest.raises(
                RegistryError, match=f"MLflow server at http://127.0.0.1:{port}; it did not answer"
            ) as caught:
                open_store()
            assert time.monotonic() - started < 10
            assert "secret" not in str(caught.value)


def test_a_server_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{other.server_port}")
        with pytest.raises(RegistryError, match="it answered 404, unlike MLflow"):
            open_store()
        other.shutdown()


def test_a_store_that_cannot_be_written_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "text.db").write_text("not a database" * 100)
    for path in (tmp_path / "file" / "mlflow.db", tmp_path / "text.db"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        started = time.monotonic()
        with pytest.raises(RegistryError, match="expected a tracking store that can be written"):
            open_store()
        assert time.monotonic() - started < 10


def test_a_database_that_does_not_answer_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(
        "MLFLOW_TRACKING_URI", f"postgresql+psycopg://someone:secret@127.0.0.1:{free_port()}/mlflow"
    )
    with pytest.raises(RegistryError, match="expected a database") as caught:
        open_store()
    assert "secret" not in str(caught.value)


def test_an_artifact_folder_that_cannot_be_made_fails_the_run_at_its_start(
    client: MlflowClient, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    client.create_experiment(
        "tests of artifacts", artifact_location=str(tmp_path / "file" / "artifacts")
    )
    settings = PreprocessSettings(experiment_name="tests of artifacts")
    with (
        pytest.raises(RegistryError, match="folder for artifacts"),
        start_run("preprocess", settings),
    ):
        pytest.fail("the work began")
    experiment = client.get_experiment_by_name("tests of artifacts")
    assert experiment is not None
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FAILED"]


def test_a_deleted_experiment_is_refused_with_the_way_back(client: MlflowClient) -> None:
    experiment_id = client.create_experiment("gone")
    client.delete_experiment(experiment_id)
    with pytest.raises(RegistryError, match=f"mlflow experiments restore -x {experiment_id}"):
        start_run("preprocess", PreprocessSettings(experiment_name="gone")).__enter__()


def test_a_database_without_its_driver_is_refused_with_the_package_that_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mssql+pymssql://someone:secret@127.0.0.1/mlflow")
    with pytest.raises(
        RegistryError, match=r"needs the Python package 'pymssql'.*genexp\[server\]"
    ) as raised:
        open_store()
    assert "secret" not in str(raised.value)


@pytest.mark.slow
def test_processes_that_start_together_share_a_new_store(tmp_path: Path) -> None:
    script = "from genexp.tracking.store import open_store; open_store()"
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script], env=environment, cwd=Path(__file__).parents[2]
        )
        for _ in range(4)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]


def test_mlflow_is_not_left_with_an_active_run(tracker: MlflowTracker) -> None:
    assert mlflow.active_run() is None
