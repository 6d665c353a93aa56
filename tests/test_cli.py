"""The command line as a user meets it: help, spellings, names, interrupts."""

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

import genexp
from genexp.application import ANNOTATING, READING, read_for_encoder
from genexp.cli import main, parse_arguments
from genexp.settings.values import parameter_names
from genexp.settings.verbs import VERBS
from tests.planted import make_expression


@pytest.mark.parametrize("verb", VERBS)
def test_help_names_every_parameter_with_its_default(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"--{name} VALUE" in text for name in parameter_names(VERBS[verb]))
    assert text.count("(default:") == len(parameter_names(VERBS[verb]))


@pytest.mark.parametrize(
    "option", [["--n_latent", "7"], ["--n-latent", "7"], ["--n-latent=7"], ["--n_latent=7"]]
)
def test_a_parameter_is_written_with_dashes_or_underscores(option: list[str]) -> None:
    assert parse_arguments(["train", *option])[1].n_latent == 7


def test_a_value_keeps_its_dashes_and_quotes() -> None:
    where = "site-code == 'a-b' and not `days-to-death` < 0"
    assert (
        parse_arguments(["train", "--where", where, "--hidden", "", "--clip", ""])[1].where == where
    )


def test_an_installed_command_reads_the_arguments_of_its_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["genexp", "tuna"])
    assert main() == 2
    assert "invalid choice: 'tuna'" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupt_is_no_traceback_and_leaves_a_killed_run(store: str, tmp_path: Path) -> None:
    client = MlflowClient(store, store)
    experiment_id = client.create_experiment("interrupted")
    endless = [
        "--cohort",
        "simulated:60x80",
        "--hidden",
        "8",
        "--n_latent",
        "2",
        "--epochs",
        "100000",
        "--patience",
        "100000",
        "--threads",
        "1",
    ]
    command = [
        sys.executable,
        "-m",
        "genexp",
        "train",
        *endless,
        "--cache",
        str(tmp_path),
        "--experiment_name",
        "interrupted",
    ]
    # a shell's background jobs ignore it, and so would their children
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    # No thread holds a lock here.
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parents[1],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heard,  # noqa: PLW1509
    )
    while not any("loss/val" in run.data.metrics for run in client.search_runs([experiment_id])):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode in (130, -signal.SIGINT), "a shell calls both 130"
    assert "Traceback" not in error
    assert "the same command goes on where this one stood" in error
    assert [run.info.status for run in client.search_runs([experiment_id])] == ["KILLED"]


@pytest.mark.usefixtures("store")
def test_a_cohort_is_found_again_by_its_content_whatever_its_name_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    samples = pd.Index([f"{i:03d}" for i in range(60)], name="sample_id")
    pd.DataFrame(
        make_expression(60, 80), index=samples, columns=[f"GENE{j}" for j in range(80)]
    ).to_csv("TCGA breast: 1.tsv", sep="\t")
    pd.DataFrame({"code": samples, "kind": ["a", "b", "c"] * 20}).to_csv(
        "samples.tsv", sep="\t", index=False
    )
    small = [
        "--hidden",
        "8",
        "--n_latent",
        "3",
        "--epochs",
        "1",
        "--threads",
        "1",
        "--scale",
        "log2fc",
        "--experiment_name",
        "command line",
    ]
    cohort = [
        "--cohort",
        "TCGA breast: 1.tsv",
        "--obs",
        "samples.tsv",
        "--where",
        "kind != 'c'",
        "--label",
        "kind",
    ]
    assert main(["train", *cohort, *small]) == 0
    assert "models:/TCGA_breast_1/1, now @champion" in capsys.readouterr().err
    Path("elsewhere").mkdir()
    Path("TCGA breast: 1.tsv").rename("elsewhere/moved.tsv")
    evaluate = [
        "evaluate",
        "--encoder",
        "TCGA_breast_1",
        "--cohort",
        "elsewhere/moved.tsv",
        "--experiment_name",
        "command line",
    ]
    adata = read_for_encoder(
        genexp.load_encoder("TCGA_breast_1"), parse_arguments(evaluate)[1], READING + ANNOTATING, 20
    )
    assert (sorted(adata.obs["label"].unique()), adata.n_obs) == (["a", "b"], 40), (
        "obs, where and label are those of the training"
    )
    assert main(["encode", *evaluate[1:5], "--out", "latent.tsv"]) == 0
    assert len(pd.read_csv("latent.tsv", sep="\t")) == 60, "encode takes all samples"
    assert len(pd.read_csv("latent.tsv.novelty.tsv", sep="\t")) == 60
