"""Names and places are refused before anything is read: what passes here, MLflow and the file
system take.
"""

import os
import re
import string
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import (
    _validate_experiment_name,
    _validate_model_alias_name,
    _validate_model_alias_name_reserved,
    _validate_model_name,
)

from genexp.cli import main
from genexp.errors import ConfigError
from genexp.preflight import check_outputs
from genexp.settings.naming import (
    check_alias,
    check_encoder_name,
    check_experiment_name,
    check_model_name,
    check_run_name,
    check_study_name,
    name_model,
)
from genexp.settings.parse import parse_settings
from genexp.settings.verbs import (
    VERBS,
    CompareSettings,
    EncodeSettings,
    EvaluateSettings,
    TrainSettings,
    TuneSettings,
)

TEXTS = st.text(
    alphabet=st.sampled_from(string.printable + "äß√α.\\/:@v1"), min_size=1, max_size=12
)


@given(TEXTS)
def test_a_model_name_that_passes_is_one_that_mlflow_takes(name: str) -> None:
    try:
        check_model_name(name)
    except ValueError:
        return
    _validate_model_name(name)  # type: ignore[no-untyped-call]


@given(TEXTS)
def test_the_name_of_any_cohort_becomes_a_model_name_or_is_refused(cohort: str) -> None:
    if not cohort.strip("."):
        with pytest.raises(ConfigError, match="give one with name="):
            name_model(cohort)
        return
    assert check_model_name(name_model(cohort)) == name_model(cohort) != ""


@given(st.one_of(TEXTS, st.from_regex(r"\A([vV]\d+|(?i:latest)|[\w-]+)\Z")))
def test_an_alias_that_passes_is_one_that_mlflow_takes_and_does_not_keep(alias: str) -> None:
    try:
        check_alias(alias)
    except ValueError:
        return
    _validate_model_alias_name(alias)  # type: ignore[no-untyped-call]
    _validate_model_alias_name_reserved(alias)  # type: ignore[no-untyped-call]


@given(TEXTS)
def test_an_experiment_that_passes_is_one_that_mlflow_takes(name: str) -> None:
    try:
        check_experiment_name(name)
    except ValueError:
        return
    _validate_experiment_name(name)  # type: ignore[no-untyped-call]


def test_what_mlflow_refuses_is_refused_here() -> None:
    for name in ("a/b", "a:b", ".", "..", "../x", "/x"):
        with pytest.raises(MlflowException):
            _validate_model_name(name)  # type: ignore[no-untyped-call]
        with pytest.raises(ValueError, match="expected a name"):
            check_model_name(name)


@given(TEXTS)
def test_a_study_name_that_passes_is_a_folder_inside_the_one_of_studies(name: str) -> None:
    try:
        check_study_name(name)
    except ValueError:
        return
    assert (Path("/cache/studies") / name).resolve().parent == Path("/cache/studies")


@pytest.mark.parametrize(
    ("kind", "values", "fragment"),
    [
        (
            TrainSettings,
            {"name": "o'brien"},
            'name="o\'brien": expected a name without blanks, quotes',
        ),
        (TrainSettings, {"name": "brca:2"}, "name='brca:2'"),
        (TrainSettings, {"name": "x" * 201}, "at most 200 bytes, found 201"),
        (
            TrainSettings,
            {"alias": "latest"},
            "alias='latest': expected another word than 'latest' and 'v1'",
        ),
        (TrainSettings, {"alias": "V2"}, "alias='V2'"),
        (TrainSettings, {"alias": "2nd"}, "alias='2nd': expected a letter, then letters, digits"),
        (TrainSettings, {"alias": "champion\n"}, "expected a letter"),
        (TrainSettings, {"experiment_name": "  "}, "experiment_name='  ': expected a name"),
        (TrainSettings, {"experiment_name": ".."}, "experiment_name='..'"),
        (TrainSettings, {"experiment_name": "x" * 257}, "at most 256 bytes, found 257"),
        (TrainSettings, {"experiment_name": "a\nb"}, "one line"),
        (TrainSettings, {"run_name": "x" * 251}, "at most 250 bytes, found 251"),
        (
            TuneSettings,
            {"study_name": "../../x"},
            "study_name='../../x': expected the name of a folder",
        ),
        (TuneSettings, {"study_name": "/tmp/x"}, "study_name='/tmp/x'"),
        (TuneSettings, {"study_name": ".hidden"}, "study_name='.hidden'"),
        (TuneSettings, {"study_name": "x" * 201}, "at most 200 bytes"),
        (
            TrainSettings,
            {"init": "brca@"},
            "init='brca@': expected NAME@alias, NAME/version or runs:/ID",
        ),
        (
            EvaluateSettings,
            {"encoder": "a/b/c"},
            "encoder='a/b/c': expected NAME@alias, NAME/version or runs:/ID",
        ),
        (EvaluateSettings, {"encoder": "runs:/"}, "encoder='runs:/'"),
        (
            EncodeSettings,
            {"out": "latent.xlsx"},
            "out='latent.xlsx': expected a file ending in .parquet, .tsv, .csv, .h5ad",
        ),
        (EncodeSettings, {"out": "folder/.tsv"}, "out='folder/.tsv': expected a file ending in"),
        (
            CompareSettings,
            {"out": "table.csv"},
            "out='table.csv': expected a file ending in .html, .tsv",
        ),
    ],
)
def test_a_name_is_refused_with_what_was_expected(
    kind: type, values: dict[str, str], fragment: str
) -> None:
    with pytest.raises(ConfigError) as error:
        parse_settings(kind, values)
    assert fragment in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "name",
    ["", "brca", "brca@champion", "brca/12", "models:/brca/12", "runs:/0a1b", "runs:/0a1b/encoder"],
)
def test_each_form_of_an_encoders_name_passes(name: str) -> None:
    assert check_encoder_name(name) == name


@pytest.mark.parametrize("name", ["", "nightly 3", "seed=0, n=20", "Größe"])
def test_ordinary_names_of_searches_and_runs_pass(name: str) -> None:
    assert check_study_name(name) == check_run_name(name) == name


def place(verb: str, **values: Any) -> None:
    check_outputs(verb, VERBS[verb](**values))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder.tsv").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("verb", "name", "path", "fragment"),
    [
        ("train", "cache", "file", "file is not a folder; name another folder with cache="),
        ("tune", "cache", "file/cache", "file is not a folder"),
        ("main", "keep", "file", "keep={}: expected a folder that can be written; found that"),
        (
            "encode",
            "out",
            "folder.tsv",
            "out={}: expected a file that can be written; found a folder",
        ),
        ("encode", "out", "file/latent.tsv", "file is not a folder; name another file with out="),
        ("compare", "out", "file/page.html", "file is not a folder"),
        ("contrasts", "out", "file", "out={}: expected a folder that can be written"),
        ("encode", "out", f"{'x' * 210}.tsv", "found a name of 214 bytes"),
        ("train", "cache", "x" * 300, "cannot be a path (File name too long)"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(
    verb: str, name: str, path: str, fragment: str, folder: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        place(verb, **{name: str(folder / path)})
    assert fragment.format(folder / path) in str(error.value)


@pytest.mark.parametrize("path", ["s3://bucket/cache", "~/cache", "~"])
def test_a_place_that_would_become_a_folder_of_an_odd_name_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match=f"cache={re.escape(path)}: expected a .*path"):
        place("train", cache=path)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="may not be written to"):
        place("train", cache=str(tmp_path / "cache"))


def test_a_link_to_nowhere_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "cache").symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match="cache is not a folder"):
        place("train", cache=str(tmp_path / "cache" / "below"))


def test_folders_that_are_yet_to_be_made_pass_and_are_not_made(tmp_path: Path) -> None:
    place("main", cache=str(tmp_path / "a" / "cache"), keep=str(tmp_path / "a" / "kept"))
    place("encode", out=str(tmp_path / "a" / "latent.tsv"))
    assert not list(tmp_path.iterdir())


def test_an_input_is_not_written_over(tmp_path: Path) -> None:
    cohort = tmp_path / "cohort.tsv"
    cohort.write_text("precious")
    (tmp_path / "link.tsv").symlink_to(cohort)
    for out in (cohort, tmp_path / "link.tsv"):
        with pytest.raises(ConfigError, match="that of cohort=, which would be overwritten"):
            place("encode", cohort=str(cohort), out=str(out))


def test_a_cohort_whose_name_cannot_be_a_models_is_told_to_name_one() -> None:
    with pytest.raises(ConfigError, match="give one with name="):
        place("train", cohort=f"{'x' * 240}.tsv")
    with pytest.raises(ConfigError, match="name the study with study_name="):
        place("tune", cohort=f"{'x' * 240}.tsv", name="brca")
    place("train", cohort="O'Brien (2019): 50% 'raw'.tsv")
    place("train", cohort=f"{'x' * 240}.tsv", name="brca")
    assert name_model("O'Brien (2019): 50% 'raw'") == "O_Brien_(2019)_50_raw_"


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """A file that would be read if anything were."""
    values = np.random.default_rng(0).normal(8, 2, size=(40, 30)).clip(0.5, 15).round(3)
    table = pd.DataFrame(
        values, index=[f"s{i}" for i in range(40)], columns=[f"GENE{j}" for j in range(30)]
    )
    table.rename_axis("sample_id").to_csv(tmp_path / "cohort.tsv", sep="\t")
    return tmp_path / "cohort.tsv"


@pytest.mark.parametrize(
    ("verb", "options", "fragment"),
    [
        ("tune", ["--study_name", "../../x"], "study_name='../../x'"),
        ("tune", ["--name", "a:b"], "name='a:b'"),
        ("train", ["--alias", "v1"], "alias='v1'"),
        ("train", ["--init", "brca@"], "init='brca@'"),
        ("train", ["--cache", "cohort.tsv"], "cache=cohort.tsv: expected a folder"),
        ("main", ["--keep", "cohort.tsv/x"], "keep=cohort.tsv/x: expected a folder"),
    ],
)
def test_a_run_that_mlflow_made_fails_with_the_reason_and_nothing_is_written(
    verb: str,
    options: list[str],
    fragment: str,
    store: str,
    cohort: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = MlflowClient()
    run_id = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    monkeypatch.chdir(cohort.parent)
    assert main([verb, "--cohort", "cohort.tsv", *options]) == 2
    assert fragment in " ".join(capsys.readouterr().err.split())
    run = client.get_run(run_id)
    assert run.info.status == "FAILED"
    assert fragment in run.data.tags["error"]
    assert sorted(path.name for path in cohort.parent.iterdir()) == ["cohort.tsv"]


def test_an_encoder_to_start_from_that_is_not_there_is_told_before_the_cohort_is_read(
    store: str, cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = cohort.parent / "cache"
    options = [
        "--cohort",
        str(cohort),
        "--cache",
        str(cache),
        "--experiment_name",
        "preflight",
        "--init",
        "nowhere@champion",
    ]
    assert main(["train", *options]) == 2
    assert "found 'nowhere'" in capsys.readouterr().err
    assert not list(cache.glob("cohorts/*"))


def test_a_deleted_experiment_is_told_before_the_cohort_is_read(
    store: str, cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = MlflowClient()
    client.delete_experiment(client.create_experiment("preflight, deleted"))
    cache = cohort.parent / "cache"
    assert (
        main(
            [
                "preprocess",
                "--cohort",
                str(cohort),
                "--cache",
                str(cache),
                "--experiment_name",
                "preflight, deleted",
            ]
        )
        == 2
    )
    assert "was deleted: restore it with 'mlflow experiments restore" in " ".join(
        capsys.readouterr().err.split()
    )
    assert not cache.exists()
