"""The whole way through real commands: ``mlflow run`` from another folder, the store it fills, the
encoder that loads by name.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import anndata
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

import genexp
from genexp.cli import main

ROOT = Path(__file__).parents[1]
COHORT = "simulated:200x400"
SMALL = {"cohort": COHORT, "epochs": "6", "threads": "1"}
METRICS = {
    *(
        "loss/train",
        "loss/val",
        "mse/test",
        "r2/test",
        "r2/test_pca",
        "cluster/silhouette",
        "cluster/calinski_harabasz",
    ),
    *(
        "cluster/davies_bouldin",
        "cluster/ari",
        "cluster/nmi",
        "probe/macro_f1",
        "probe/macro_f1_pca",
    ),
}
SURVIVAL = {"survival/c_index", "survival/c_index_pca"}


@dataclass
class Workplace:
    """A folder with a store and a cache of its own, and commands that run there."""

    folder: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {
            "PATH": path,
            "MLFLOW_TRACKING_URI": self.uri,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }

    @cached_property
    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def mlflow_run(
        self, verb: str, *options: str, env_manager: str = "local", **parameters: str
    ) -> Run:
        """Run an entry point from this folder; give the finished run."""
        values = {"cache": str(self.folder / "cache")} | parameters
        given = [text for name, value in values.items() for text in ("-P", f"{name}={value}")]
        self.check(
            ["mlflow", "run", str(ROOT), "-e", verb, "--env-manager", env_manager, *options, *given]
        )
        run = self.latest(verb)
        assert run.info.status == "FINISHED"
        return run

    def command(self, verb: str, **parameters: str) -> list[str]:
        options = [text for name, value in parameters.items() for text in (f"--{name}", value)]
        return [sys.executable, "-m", "genexp", verb, *options]

    def check(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr

    def runs(self, condition: str) -> list[Run]:
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        return list(
            self.client.search_runs(experiments, condition, order_by=["attributes.start_time DESC"])
        )

    def latest(self, verb: str) -> Run:
        return self.runs(f"tags.verb = '{verb}'")[0]

    def children(self, run: Run) -> list[Run]:
        return self.runs(f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")

    def artifacts(self, run: Run, folder: str | None = None) -> dict[str, int]:
        return {
            entry.path: entry.file_size or 0
            for entry in self.client.list_artifacts(run.info.run_id, folder)
            if not entry.is_dir
        }

    def fetch(self, run: Run, path: str) -> Path:
        return Path(self.client.download_artifacts(run.info.run_id, path))


def values_of(run: Run, names: set[str]) -> Mapping[str, float]:
    return {name: value for name, value in run.data.metrics.items() if name in names}


def check_evaluated(place: Workplace, run: Run, metrics: set[str]) -> None:
    """Metrics, verdict, report and pictures of an evaluation are there and not empty."""
    found = values_of(run, metrics)
    assert set(found) == metrics
    assert all(np.isfinite(list(found.values())))
    assert run.data.tags["verdict"] in run.data.tags["mlflow.note.content"]
    assert place.artifacts(run)["report.html"] > 1_000_000, (
        "plotly is inside, so that the page works offline"
    )
    pictures = [path for path in place.artifacts(run, "figures") if path.endswith(".png")]
    assert len(pictures) >= 6
    for path in pictures:
        content = place.fetch(run, path).read_bytes()
        assert content.startswith(b"\x89PNG"), path
        assert len(content) > 5_000, path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("work place"))


@pytest.fixture(scope="module")
def tuned(place: Workplace) -> Run:
    space = {"n_trials": "3", "workers": "2", "n_hidden": "16..32", "n_latent": "4..8"}
    return place.mlflow_run("tune", "--experiment-name", "end to end", **SMALL, **space)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The simulated cohort as a user would hold it: samples in rows, gene columns."""
    from genexp.cohort import read_cohort
    from genexp.settings.cohort import CohortConfig

    adata = read_cohort(CohortConfig(cohort=COHORT))
    return pd.DataFrame(np.asarray(adata.X), index=adata.obs_names, columns=adata.var_names)


def test_tune_is_a_parent_with_a_named_child_for_each_trial(place: Workplace, tuned: Run) -> None:
    children = place.children(tuned)
    assert len(children) == 3
    assert {child.info.status for child in children} == {"FINISHED"}
    assert sorted(child.info.run_name[:10] for child in children) == [
        "trial 000:",
        "trial 001:",
        "trial 002:",
    ]
    assert all({"loss/train", "loss/val"} <= set(child.data.metrics) for child in children)
    assert place.client.get_experiment(tuned.info.experiment_id).name == "end to end"


def test_tune_ends_with_an_evaluation(place: Workplace, tuned: Run) -> None:
    check_evaluated(place, tuned, METRICS | SURVIVAL)
    assert {"figures/tuning_history.png", "figures/tuning_slice.png", "figures/loss.png"} <= set(
        place.artifacts(tuned, "figures")
    )
    table = pd.read_csv(place.fetch(tuned, "tuning/trials.tsv"), sep="\t")
    assert (len(table), table["selected"].sum()) == (3, 1)


def test_the_winner_is_champion(place: Workplace, tuned: Run) -> None:
    version = place.client.get_model_version_by_alias("simulated", "champion")
    assert version.run_id == tuned.info.run_id
    assert version.tags["data_fingerprint"] == tuned.data.tags["fingerprint"]
    assert tuned.data.tags["registered"].startswith("simulated/")


def test_the_registered_encoder_gives_the_latents_of_the_evaluation(
    place: Workplace, tuned: Run, raw: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place.uri)
    by_mlflow = mlflow.pyfunc.load_model("models:/simulated@champion").predict(raw)
    by_genexp = genexp.load_encoder("simulated@champion").encode(raw)
    stored = pd.read_csv(place.fetch(tuned, "evaluation/latent.tsv"), sep="\t", index_col=0)
    pd.testing.assert_frame_equal(by_mlflow, by_genexp)
    assert len(stored) == len(raw)
    np.testing.assert_allclose(by_genexp.loc[stored.index, stored.columns], stored, atol=1e-5)


@pytest.mark.slow
def test_evaluate_judges_the_champion_with_another_label(place: Workplace, tuned: Run) -> None:
    run = place.mlflow_run("evaluate", cohort=COHORT, label="sample_type")
    check_evaluated(place, run, METRICS - {"loss/train", "loss/val"} | SURVIVAL)
    assert run.data.tags["encoder"] == "simulated@champion"
    assert run.data.tags["split_hash"] == tuned.data.tags["split_hash"]
    same = {"mse/test", "r2/test", "r2/test_pca", "survival/c_index"}
    assert values_of(run, same) == pytest.approx(values_of(tuned, same), abs=1e-6)
    assert "normal" in place.fetch(run, "evaluation/probe_per_class.tsv").read_text()
    assert "normal" not in place.fetch(tuned, "evaluation/probe_per_class.tsv").read_text()


@pytest.mark.usefixtures("tuned")
def test_train_registers_a_version_and_understands_quotes_and_spaces(place: Workplace) -> None:
    where = "sample_type == 'tumor' and subtype != \"Normal-like\""
    run = place.mlflow_run(
        "train",
        **SMALL,
        hidden="16",
        n_latent="4",
        where=where,
        name="tumours",
        run_name="only tumours",
    )
    assert run.info.run_name == "only tumours"
    assert set(values_of(run, METRICS)) == {"loss/train", "loss/val"}
    assert run.data.metrics.keys() & {"mse/test", "r2/test"} == set(), (
        "the test samples stay closed"
    )
    assert place.client.get_model_version_by_alias("tumours", "champion").run_id == run.info.run_id
    report = json.loads(place.fetch(run, "preprocess/report.json").read_text())
    assert report["cohort"]["n_dropped_by_where"] > 0
    assert "Normal-like" not in report["labels"]


@pytest.mark.usefixtures("tuned")
def test_preprocess_reuses_what_is_there_and_says_what_was_lost(place: Workplace) -> None:
    run = place.mlflow_run("preprocess", cohort=COHORT)
    assert run.data.tags["preprocess"] == "reused"
    assert {
        "preprocess/split.tsv",
        "preprocess/lost_genes.tsv",
        "preprocess/transform.json",
    } <= set(place.artifacts(run, "preprocess"))
    assert [given.dataset.name for given in run.inputs.dataset_inputs] == ["simulated"]


@pytest.mark.usefixtures("tuned")
def test_main_goes_the_whole_way_and_a_worse_encoder_does_not_become_champion(
    place: Workplace,
) -> None:
    before = place.client.get_model_version_by_alias("simulated", "champion").version
    run = place.mlflow_run("main", **SMALL, hidden="8", n_latent="1")
    check_evaluated(place, run, METRICS | SURVIVAL)
    assert run.data.tags["champion"] == "false"
    assert place.client.get_model_version_by_alias("simulated", "champion").version == before
    version = place.client.get_model_version("simulated", run.data.tags["registered"].split("/")[1])
    assert version.tags["champion_reason"].startswith("not better: validation loss")


@pytest.mark.usefixtures("tuned")
def test_encode_writes_a_few_new_samples_in_each_format(
    place: Workplace, raw: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = raw.iloc[:5].set_axis([f"new{i}" for i in range(5)]).rename_axis("sample_id")
    few.to_csv(place.folder / "new samples.tsv", sep="\t")
    pd.DataFrame({"site": list("aabbb")}, index=few.index).to_csv(
        place.folder / "annotations.tsv", sep="\t"
    )
    given = {"cohort": "new samples.tsv", "obs": "annotations.tsv", "encoder": "simulated@champion"}
    place.check(place.command("encode", **given, out="out/latent.parquet"))
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place.uri)
    for out in ("out/latent.tsv", "out/latent.h5ad"):
        assert main(place.command("encode", **given, out=out)[3:]) == 0
    text = pd.read_csv(place.folder / "out/latent.tsv", sep="\t", index_col=0)
    parquet = pd.read_parquet(place.folder / "out/latent.parquet")
    h5ad = anndata.read_h5ad(place.folder / "out/latent.h5ad")
    assert list(parquet.index) == list(text.index) == list(h5ad.obs_names) == list(few.index)
    assert list(h5ad.obs["site"]) == list("aabbb")
    np.testing.assert_allclose(text, parquet, atol=1e-6)
    np.testing.assert_array_equal(h5ad.obsm["X_latent"], parquet)
    assert not place.runs("attributes.run_name LIKE 'encode%'"), "encode only reads"


def wait_for(condition: object, process: subprocess.Popen[str], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert process.poll() is None, "the process ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.02)


TRAIN = """
import sys
import genexp.training.checkpoint
from genexp.cli import main
genexp.training.checkpoint.SECONDS_BETWEEN = genexp.training.checkpoint.SHARE_OF_TIME = 1e-3 + 999 * ("--often" not in sys.argv)
sys.exit(main([option for option in sys.argv[1:] if option != "--often"]))
"""  # noqa: E501


@pytest.mark.slow
def test_a_train_that_is_terminated_is_killed_and_its_rerun_continues(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    long = {
        "cohort": COHORT,
        "epochs": "150",
        "patience": "150",
        "hidden": "256",
        "n_latent": "4",
        "threads": "1",
        "basis": "genes",
    }
    command = [sys.executable, "-c", TRAIN, *place.command("train", **long, cache="cache")[3:]]
    process = subprocess.Popen(
        [*command, "--often"],
        cwd=tmp_path,
        env=place.environment,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    wait_for(lambda: list(tmp_path.glob("cache/checkpoints/*.pt")), process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    (killed,) = place.runs("tags.verb = 'train'")
    assert killed.info.status == "KILLED"
    place.check(command)
    run = place.latest("train")
    assert run.info.status == "FINISHED"
    assert 0 <= int(run.data.tags["resumed_after_epoch"]) < 150
    assert len(place.client.get_metric_history(run.info.run_id, "loss/val")) == 151
    assert not list(tmp_path.glob("cache/checkpoints/*"))


@pytest.mark.slow
def test_a_tune_that_is_killed_outright_goes_on_with_nothing_finished_lost(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    space = {"n_hidden": "16..32", "n_latent": "4..8", "workers": "2", "cache": "cache"}
    command = place.command("tune", **SMALL, **space, n_trials="500")
    process = subprocess.Popen(
        command, cwd=tmp_path, env=place.environment, stderr=subprocess.DEVNULL, text=True
    )
    wait_for(lambda: len(list(tmp_path.glob("cache/studies/*/trial_*.json"))) >= 4, process)
    process.kill()
    process.wait()
    (killed,) = place.runs("tags.verb = 'tune'")
    assert killed.info.status == "RUNNING", "nobody could end it"
    (study,) = tmp_path.glob("cache/studies/*")
    finished = {path: path.read_text() for path in study.glob("trial_*.json")}
    place.check(place.command("tune", **SMALL, **space, n_trials=str(len(finished) + 2)))
    assert {path: path.read_text() for path in finished} == finished
    assert place.client.get_run(killed.info.run_id).info.status == "KILLED"
    assert {child.info.status for child in place.children(killed)} <= {"FINISHED", "KILLED"}
    run = place.latest("tune")
    assert (run.info.status, len(place.children(run)), run.data.tags["study"]) == (
        "FINISHED",
        len(finished) + 2,
        study.name,
    )


@pytest.mark.slow
def test_an_environment_is_made_by_uv(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        if "PIP_FIND_LINKS" in os.environ:  # where a build of torch for CPUs may lie
            patch.setenv("UV_FIND_LINKS", os.environ["PIP_FIND_LINKS"])
        place.mlflow_run("train", env_manager="uv", **SMALL, hidden="16", n_latent="4")
    assert place.client.get_model_version_by_alias("simulated", "champion").version in (1, "1")


@pytest.mark.slow
def test_breast_cancer_is_tuned_and_evaluated_with_survival(
    shared_data: Path, tmp_path: Path
) -> None:
    place = Workplace(tmp_path)
    brca = {
        "cohort": str(shared_data / "tcga_brca_rnaseq.parquet"),
        "obs": str(shared_data / "tcga_brca_rnaseq_samples.tsv"),
    }
    run = place.mlflow_run("tune", **brca, label="pam50", n_trials="3", epochs="10")
    check_evaluated(place, run, METRICS)
    assert run.data.metrics["probe/macro_f1"] > 0.6
    judged = place.mlflow_run("evaluate", **brca, label="pam50", time="OS_days", event="OS_event")
    check_evaluated(place, judged, METRICS - {"loss/train", "loss/val"} | SURVIVAL)


@pytest.mark.slow
def test_a_full_transcriptome_with_genes_in_rows_is_trained_on(
    shared_data: Path, tmp_path: Path
) -> None:
    place = Workplace(tmp_path)
    cohort, obs = (
        str(shared_data / f"tcga_5cohorts_fulltranscriptome{ending}")
        for ending in (".tsv.gz", "_samples.tsv")
    )
    run = place.mlflow_run(
        "train",
        cohort=cohort,
        obs=obs,
        label="cancer_type",
        epochs="10",
        hidden="128",
        n_latent="16",
    )
    report = json.loads(place.fetch(run, "preprocess/report.json").read_text())
    assert (report["cohort"]["n_genes"], report["cohort"]["orientation"]) == (
        20531,
        "genes in rows",
    )
    assert (
        place.client.get_model_version_by_alias(
            "tcga_5cohorts_fulltranscriptome", "champion"
        ).run_id
        == run.info.run_id
    )
