"""Bad input: exit code 2, one clear paragraph, a FAILED run that says why, and nothing
half-written.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from genexp.cli import main

ROOT = Path(__file__).parents[1]
N_SAMPLES, N_GENES = 60, 80
SMALL = ["--epochs", "1", "--hidden", "8", "--n_latent", "3", "--threads", "1"]


class Table:
    """A matrix (samples in rows) and its annotations, to be spoilt and written."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        samples = pd.Index([f"s{i:02d}" for i in range(N_SAMPLES)], name="sample_id")
        values = rng.normal(8, 2, size=(N_SAMPLES, N_GENES)).clip(0.5, 15).round(3)
        self.matrix = pd.DataFrame(
            values, index=samples, columns=[f"GENE{j}" for j in range(N_GENES)], dtype=object
        )
        kinds, sites = ["tumor", "tumor", "normal"] * (N_SAMPLES // 3), ["breast"] * N_SAMPLES
        days, dead = np.arange(1, N_SAMPLES + 1), np.arange(N_SAMPLES) % 2
        self.obs = pd.DataFrame(
            {"kind": kinds, "site": sites, "days": days, "dead": dead}, index=samples, dtype=object
        )

    def write(self, folder: Path) -> list[str]:
        self.matrix.to_csv(folder / "matrix.tsv", sep="\t")
        self.obs.to_csv(folder / "samples.tsv", sep="\t")
        return [
            "--cohort",
            str(folder / "matrix.tsv"),
            "--obs",
            str(folder / "samples.tsv"),
            "--rows",
            "samples",
        ]


Spoil = Callable[[Table], None]


def put(row: int, column: int, value: object) -> Spoil:
    def spoil(table: Table) -> None:
        table.matrix.iloc[row, column] = value

    return spoil


def annotate(row: int, column: str, value: object) -> Spoil:
    def spoil(table: Table) -> None:
        table.obs.loc[table.obs.index[row], column] = value

    return spoil


def leave(table: Table) -> None:
    """Spoil nothing."""


def repeat_sample(table: Table) -> None:
    table.matrix.index = pd.Index(["s00", "s00", *table.matrix.index[2:]], name="sample_id")


def repeat_gene(table: Table) -> None:
    table.matrix.columns = ["GENE1", *table.matrix.columns[1:]]


def rename_annotated(table: Table) -> None:
    table.obs.index = pd.Index([f"other{i}" for i in range(N_SAMPLES)], name="sample_id")


def keep_nineteen(table: Table) -> None:
    table.matrix = table.matrix.iloc[:19]


SURVIVAL = ["--time", "days", "--event", "dead"]
REFUSALS: dict[str, tuple[Spoil, list[str], str]] = {
    "text where numbers should be": (
        put(3, 7, "high"),
        [],
        "expected numbers, found text in 1 ('high' at s03, GENE7)",
    ),
    "a missing value without a policy": (
        put(3, 7, np.nan),
        [],
        "found 1 missing values in genes 1 (GENE7); say what to do: missing=",
    ),
    "an infinite value": (put(3, 7, "inf"), [], "found 1 infinite values"),
    "negative counts": (put(3, 7, -4), ["--scale", "norm_count"], "negative values"),
    "another scale than the declared one": (
        put(3, 7, 5.5),
        ["--scale", "log2fc"],
        "means values of both signs",
    ),
    "duplicated sample ids": (repeat_sample, [], "duplicated sample ids in the matrix: 1 (s00)"),
    "duplicated genes under refuse": (
        repeat_gene,
        ["--duplicates", "refuse"],
        "duplicated genes: 1 (GENE1)",
    ),
    "a where that names no column": (
        leave,
        ["--where", "tissue == 'tumor'"],
        "where=\"tissue == 'tumor'\" cannot be answered",
    ),
    "a where that leaves no sample": (
        leave,
        ["--where", "kind == 'cell line'"],
        "leaves no sample of 60; values found: kind: 2 (tumor, normal)",
    ),
    "a where that is no condition": (
        leave,
        ["--where", "days + 1"],
        "is not a condition on samples",
    ),
    "a where that runs code": (
        leave,
        ["--where", "__import__('os').getpid() > 0"],
        "cannot be answered",
    ),
    "annotations of other samples": (rename_annotated, [], "the annotations match no sample"),
    "a label that is no column": (
        leave,
        ["--label", "pam50"],
        (
            "label='pam50' is not a column of the annotations or of the matrix; they have 4 "
            "(kind, site, days"
        ),
    ),
    "a label of one class": (leave, ["--label", "site"], "label='site' has 1 class (breast)"),
    "a label that is a measurement": (
        leave,
        ["--label", "days"],
        "has 60 distinct values among 60 labelled samples",
    ),
    "fewer than twenty samples": (keep_nineteen, [], "found 19 samples; expected 20 or more"),
    "too few samples after where": (leave, ["--where", "days < 9"], "found 8 samples after where"),
    "an event without a time column": (
        leave,
        ["--event", "dead"],
        "survival needs both time and event; event is given and time is not",
    ),
    "an event that was seen at no time": (
        annotate(1, "days", np.nan),
        SURVIVAL,
        "samples with an event ('dead') but no time ('days'): 1 (s01)",
    ),
    "a negative time": (annotate(1, "days", -5), SURVIVAL, "found negative ones: 1 (s01)"),
    "an event that is a word": (annotate(1, "dead", "maybe"), SURVIVAL, "event_value=maybe"),
    "more latents than the data allow": (
        leave,
        ["--n_latent", "60"],
        "n_latent=60 is more than the data allow: 42 train samples",
    ),
    "genes that never vary": (
        leave,
        ["--min_variance", "1000"],
        "expected at least two genes after the filter",
    ),
}


@pytest.fixture(scope="module")
def client(store: str) -> MlflowClient:
    return MlflowClient()


class Command:
    """Runs a verb in this process and checks what every refusal has in common."""

    def __init__(
        self, client: MlflowClient, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.client, self.folder, self.capsys = client, folder, capsys
        self.cache, self.name = folder / "cache", f"refused-{folder.name}"

    def refuse(self, verb: str, *options: str) -> str:
        """Give the paragraph of a command that must be refused."""
        before = self.registered()
        code = main([verb, *options])
        error = self.capsys.readouterr().err
        assert code == 2, error
        assert "Traceback" not in error
        lines = error.splitlines()
        (start,) = (number for number, line in enumerate(lines) if line.startswith("genexp: "))
        assert all(line.strip() for line in lines[start:]), (
            "one paragraph, and the last thing that is said"
        )
        assert self.registered() == before
        assert not [path for path in self.folder.rglob("*") if path.name.startswith(".")], (
            "a temporary file is left"
        )
        assert not list(self.cache.glob("running/*"))
        return " ".join(lines[start:]).removeprefix("genexp: ")

    def refuse_run(self, verb: str, *options: str) -> str:
        """Give the paragraph of a command with a run, which must be FAILED and say the same."""
        message = self.refuse(
            verb,
            *options,
            "--cache",
            str(self.cache),
            "--experiment_name",
            "bad input",
            "--run_name",
            self.name,
        )
        experiment = self.client.get_experiment_by_name("bad input")
        assert experiment is not None
        (run,) = self.client.search_runs(
            [experiment.experiment_id], f"attributes.run_name = '{self.name}'"
        )
        assert run.info.status == "FAILED"
        assert " ".join(run.data.tags["error"].split()) == message
        assert message[:50] in run.data.tags["mlflow.note.content"]
        return message

    def registered(self) -> dict[str, list[str]]:
        return {
            model.name: [str(version.version) for version in model.latest_versions]
            for model in self.client.search_registered_models()
        }


@pytest.fixture
def command(client: MlflowClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(client, tmp_path, capsys)


@pytest.mark.parametrize("what", REFUSALS)
def test_a_cohort_is_refused_for(what: str, command: Command, tmp_path: Path) -> None:
    spoil, options, fragment = REFUSALS[what]
    table = Table()
    spoil(table)
    assert fragment in command.refuse_run("train", *table.write(tmp_path), *SMALL, *options)
    is_cohort = what == "more latents than the data allow"
    assert len(list(command.cache.glob("cohorts/*"))) == is_cohort


@pytest.mark.parametrize(
    ("make", "fragment"),
    [
        (lambda path: None, "but it does not exist"),
        (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
        (lambda path: path.mkdir(), "is a folder of an unknown format"),
        (lambda path: path.write_text("a heading only\n"), "matrix.tsv"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08broken"), "cannot be decompressed"),
        (
            lambda path: path.write_bytes(bytes(range(128, 256))),
            "separated by tab, comma, semicolon or blanks",
        ),
    ],
    ids=["missing", "empty", "folder", "heading alone", "broken gzip", "not text"],
)
def test_a_file_is_refused_that_is(
    make: Callable[[Path], object], fragment: str, command: Command, tmp_path: Path
) -> None:
    make(tmp_path / "matrix.tsv")
    assert fragment in command.refuse_run("preprocess", "--cohort", str(tmp_path / "matrix.tsv"))
    assert not list(command.cache.glob("cohorts/*"))


def test_annotations_that_do_not_exist_are_refused(command: Command, tmp_path: Path) -> None:
    options = Table().write(tmp_path)
    options[options.index("--obs") + 1] = str(tmp_path / "nowhere.tsv")
    assert "nowhere.tsv, but it does not exist" in command.refuse_run("preprocess", *options)


def test_a_search_for_more_latents_than_the_data_allow_is_refused(
    command: Command, tmp_path: Path
) -> None:
    message = command.refuse_run(
        "tune",
        *Table().write(tmp_path),
        "--n_latent",
        "50..60",
        "--n_trials",
        "1",
        "--workers",
        "1",
    )
    assert "n_latent=50..60 is more than the data allow: 42 train samples" in message
    assert not list(command.cache.glob("studies/*/trial_*"))


@pytest.mark.parametrize("verb", ["main", "tune", "evaluate"])
def test_gene_sets_that_are_not_there_are_refused_before_anything_is_read(
    verb: str, command: Command, tmp_path: Path
) -> None:
    message = command.refuse_run(
        verb, *Table().write(tmp_path), "--gene_sets", str(tmp_path / "nowhere.gmt")
    )
    assert f"found no file {tmp_path / 'nowhere.gmt'}" in message
    assert not list(command.cache.glob("cohorts/*"))


@pytest.mark.parametrize("verb", ["main", "tune"])
def test_gene_sets_of_other_genes_are_refused_before_training(
    verb: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "other.gmt").write_text(
        "SET\tabout\t" + "\t".join(f"ENSG{i}" for i in range(9)) + "\n"
    )
    message = command.refuse_run(
        verb, *Table().write(tmp_path), "--gene_sets", str(tmp_path / "other.gmt")
    )
    assert "the largest of 1 sets has 0" in message
    assert list(command.cache.glob("cohorts/*"))
    assert not list(command.cache.glob("cohorts/*/span*"))
    assert not list(command.cache.glob("studies/*"))


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["train", "--n_latnt", "3"], "unknown parameter 'n_latnt'; did you mean 'n_latent'?"),
        (["main", "--seeds", "0"], "seeds='0': input should be greater than or equal to 1"),
        (["train", "--n_latent", "0"], "n_latent='0': input should be greater than or equal to 1"),
        (
            ["train", "--dropout", "1.5", "--split", "70/40"],
            "split='70/40': the shares must be positive and sum to 100",
        ),
        (["tune", "--n_latent", "64..8"], "expected low..high with low <= high"),
        (["tune", "--n_trials", "many"], "n_trials='many'"),
        (["preprocess", "--scale", "log"], "scale='log'"),
        (["tune", "simulated"], "expected --parameter value, found 'simulated'"),
        (["tune", "--cohort"], "expected one argument"),
        (["tuna"], "invalid choice: 'tuna'"),
        ([], "VERB"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("made_by_mlflow", [False, True])
def test_a_parameter_is_refused_before_anything_is_done(
    options: list[str],
    fragment: str,
    made_by_mlflow: bool,
    client: MlflowClient,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = client.create_run("0").info.run_id if made_by_mlflow else ""
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    assert main(options) == 2
    error = " ".join(command.capsys.readouterr().err.split())
    assert fragment in error
    assert "Traceback" not in error
    if made_by_mlflow:
        run = client.get_run(run_id)
        assert (run.info.status, fragment in run.data.tags["error"]) == ("FAILED", True)


@pytest.fixture(scope="module")
def encoder(client: MlflowClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a registered encoder of the cohort that is not spoilt."""
    folder = tmp_path_factory.mktemp("trained")
    options = [
        *Table().write(folder),
        *SMALL,
        "--cache",
        str(folder / "cache"),
        "--name",
        "good",
        "--experiment_name",
        "bad input",
    ]
    assert main(["train", *options]) == 0
    return "good@champion"


UNKNOWN = [
    ("brcx", "found 'brcx'. Registered:"),
    ("good@nobody", "'good@nobody' names no version"),
    ("good/7", "versions: 1 (1)"),
]


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize(("name", "fragment"), [*UNKNOWN, ("runs:/0123456789abcdef", "not found")])
def test_an_encoder_that_is_not_there_is_refused(
    name: str, fragment: str, command: Command, tmp_path: Path
) -> None:
    options = [*Table().write(tmp_path), "--encoder", name]
    assert fragment in command.refuse_run("evaluate", *options)
    assert fragment in command.refuse("encode", *options, "--out", str(tmp_path / "latent.tsv"))
    assert not (tmp_path / "latent.tsv").exists()


def test_a_cohort_that_shares_too_few_genes_is_refused(
    encoder: str, command: Command, tmp_path: Path
) -> None:
    table = Table()
    table.matrix.columns = [
        f"OTHER{j}" if j < 60 else name for j, name in enumerate(table.matrix.columns)
    ]
    options = [*table.write(tmp_path), "--encoder", encoder]
    fragment = (
        "60 of the encoder's 80 genes are absent (GENE0, GENE1, GENE2, GENE3, GENE4, ...); it "
        "accepts up to 20%"
    )
    assert fragment in command.refuse_run("evaluate", *options)
    assert fragment in command.refuse("encode", *options, "--out", str(tmp_path / "latent.parquet"))
    assert not (tmp_path / "latent.parquet").exists()
    assert not list(command.cache.glob("cohorts/*"))


def test_a_foreign_cohort_is_not_evaluated_but_may_be_encoded(
    encoder: str, command: Command, tmp_path: Path
) -> None:
    table = Table()
    table.matrix.index = table.obs.index = pd.Index(
        [f"foreign{i}" for i in range(N_SAMPLES)], name="sample_id"
    )
    options = [*table.write(tmp_path), "--encoder", encoder]
    message = command.refuse_run("evaluate", *options)
    assert (
        "none of the 60 samples of matrix (foreign0, foreign1, foreign2, ...) is one that "
        "good@champion was trained on"
    ) in message
    assert "python -m genexp encode" in message
    assert not list(command.cache.glob("cohorts/*"))
    assert main(["encode", *options, "--out", str(tmp_path / "latent.tsv")]) == 0


def test_another_scale_than_the_encoders_is_refused(
    encoder: str, command: Command, tmp_path: Path
) -> None:
    options = [*Table().write(tmp_path), "--encoder", encoder, "--scale", "counts"]
    assert "scale=counts: this encoder was trained on log2_intensity" in command.refuse_run(
        "evaluate", *options
    )


@pytest.mark.parametrize("out", ["latent.xlsx", "latent", "a file/latent.tsv", "a folder.tsv"])
def test_a_place_for_latents_that_cannot_be_written_is_refused(
    out: str, encoder: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "a folder.tsv").mkdir()
    message = command.refuse(
        "encode", *Table().write(tmp_path), "--encoder", encoder, "--out", str(tmp_path / out)
    )
    assert re.match(f"out='?{re.escape(str(tmp_path / out))}'?: expected a file", message)
    assert not (tmp_path / out).is_file()


@pytest.mark.parametrize("verb", ["preprocess", "train", "tune", "evaluate", "main"])
def test_a_cache_that_cannot_be_written_is_refused(
    verb: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    command.cache = tmp_path / "a file" / "cache"
    message = command.refuse(verb, *Table().write(tmp_path), "--cache", str(command.cache))
    assert (
        f"cache={command.cache}: expected a folder that can be written; found that "
        f"{tmp_path / 'a file'} is not a folder"
    ) in message


def test_a_tracking_store_that_cannot_be_written_is_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'a file' / 'mlflow.db'}")
    monkeypatch.setattr(command, "registered", dict)
    assert "expected a tracking store that can be written" in command.refuse(
        "preprocess", "--cache", str(command.cache)
    )
    assert not command.cache.exists()


@pytest.mark.parametrize(
    ("options", "uri", "fragment"),
    [
        (["train", "--cohort", "nowhere.tsv"], "", "nowhere.tsv, but it does not exist"),
        (["train", "--n-latent", "none"], "", "n_latent='none'"),
        (
            ["tune"],
            "http://127.0.0.1:1",
            "expected an MLflow server at http://127.0.0.1:1; it did not answer",
        ),
    ],
    ids=["file missing", "value out of range", "server unreachable"],
)
def test_a_process_ends_with_two_and_says_why(
    options: list[str], uri: str, fragment: str, store: str, tmp_path: Path
) -> None:
    environment = os.environ | {"MLFLOW_TRACKING_URI": uri or store, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "genexp", *options]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert fragment in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob(".genexp/cohorts/*"))
