"""The Python API: the command line's settings, checks and numbers, for AnnData and in notebooks."""

import contextlib
import doctest
import importlib
import inspect
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anndata
import mlflow
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import genexp
from genexp import api
from genexp.errors import CohortError, ConfigError, EvaluationError, RegistryError
from genexp.settings import functions
from genexp.settings.section import Section
from genexp.settings.values import parameter_names

SMALL = {"n_latent": 4, "hidden": (16,), "epochs": 3}
FUNCTIONS = (
    "read",
    "simulate",
    "preprocess",
    "train",
    "tune",
    "evaluate",
    "embed",
    "load_encoder",
    "compare",
)


@contextlib.contextmanager
def named_store(uri: str) -> Iterator[None]:
    """Set MLflow to a store, or with an empty address to none; fixtures of the module are made
    before those of a test.
    """
    with pytest.MonkeyPatch.context() as patch:
        if uri:
            patch.setenv("MLFLOW_TRACKING_URI", uri)
        else:
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No tracking, and an empty folder to work in."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tracked(store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    return store


@pytest.fixture(scope="module")
def cohort() -> anndata.AnnData:
    return genexp.simulate(160, 100)


@pytest.fixture(scope="module")
def plain(cohort: anndata.AnnData) -> anndata.AnnData:
    """An AnnData as others make it: values, annotations, a layer, and nothing of genexp."""
    columns = ["patient_id", "subtype", "plate", "age", "OS_days", "OS_event"]
    adata = anndata.AnnData(
        np.asarray(cohort.X),
        cohort.obs[columns].copy(),
        pd.DataFrame({"chromosome": "1"}, index=list(cohort.var_names)),
    )
    adata.layers["counts"] = scipy.sparse.csr_matrix(np.round(np.exp2(cohort.X) - 1))
    adata.uns["note"] = "of ours"
    return adata


@pytest.fixture(scope="module")
def data(plain: anndata.AnnData) -> genexp.Data:
    with named_store(""):
        return genexp.preprocess(
            plain, label="subtype", group="patient_id", time="OS_days", event="OS_event"
        )


@pytest.fixture(scope="module")
def model(data: genexp.Data) -> genexp.Model:
    with named_store(""):
        return genexp.train(data, **SMALL)


@pytest.fixture(scope="module")
def tracked_model(data: genexp.Data, store: str) -> genexp.Model:
    with named_store(store):
        return genexp.train(data, **SMALL, run_name="of the api")


@pytest.fixture(scope="module")
def other_report(data: genexp.Data) -> genexp.Report:
    with named_store(""):
        return genexp.evaluate(genexp.train(data, **SMALL | {"n_latent": 3}), data)


@pytest.fixture(scope="module")
def report(model: genexp.Model, data: genexp.Data) -> genexp.Report:
    with named_store(""):
        return genexp.evaluate(model, data)


def weights(encoder: genexp.Encoder) -> np.ndarray:
    return np.concatenate(
        [np.ravel(value) for value in encoder.encoder.to_parts("encoder")[1].values()]
    )


def test_the_package_lists_its_public_names_and_each_is_there() -> None:
    assert set(FUNCTIONS) | {"Autoencoder"} <= set(dir(genexp)) == set(genexp.__all__)
    assert all(getattr(genexp, name) is not None for name in genexp.__all__)
    assert (Path(genexp.__file__).parent / "py.typed").exists()
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        genexp.trian  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, genexp; dir(genexp)\n"
        "heavy = {'torch', 'pandas', 'numpy', 'mlflow', 'sklearn', 'anndata', 'optuna', "
        "'matplotlib', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "genexp.train\n"
        "heavy = {'torch', 'mlflow', 'sklearn', 'optuna', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(genexp.__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("read", functions.Reading),
        ("preprocess", functions.Preprocessing),
        ("train", functions.Training),
        ("tune", functions.Tuning),
        ("evaluate", functions.Evaluating),
    ],
)
def test_signatures_and_docstrings_are_rendered_from_the_settings(
    name: str, section: type[Section]
) -> None:
    function = getattr(genexp, name)
    parameters = inspect.signature(function).parameters
    for parameter in set(parameter_names(section)) - {"cohort"}:
        field = section.model_fields[parameter]
        assert parameters[parameter].default == field.default
        assert parameters[parameter].kind is inspect.Parameter.KEYWORD_ONLY
        assert f"    {parameter} : default " in function.__doc__
        assert (
            " ".join(str(field.description).split()[:4]).lower()
            in " ".join(function.__doc__.split()).lower()
        )


def test_the_settings_are_those_of_the_command_line() -> None:
    from genexp.settings.verbs import TrainSettings, TuneSettings

    for function, kind in ((genexp.train, TrainSettings), (genexp.tune, TuneSettings)):
        of_verb, own = (
            set(parameter_names(kind)),
            set(inspect.signature(function).parameters) - {"data"},
        )
        assert own <= of_verb
        assert of_verb - own <= {
            *parameter_names(functions.Preprocessing),
            *parameter_names(functions.Evaluating),
            "name",
            "alias",
        }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda data: genexp.train(data, n_latnet=3),
            "unknown parameter 'n_latnet'; did you mean 'n_latent'?",
        ),
        (lambda data: genexp.train(data, label="subtype"), "unknown parameter 'label'"),
        (
            lambda data: genexp.preprocess("x.tsv", splt="70/30"),
            "unknown parameter 'splt'; did you mean 'split'?",
        ),
        (
            lambda data: genexp.train(data, n_latent=0),
            "n_latent=0: input should be greater than or equal to 1 .latent dimensions.",
        ),
        (
            lambda data: genexp.train("x.tsv"),
            "expected data that genexp.preprocess gave, found str",
        ),
        (
            lambda data: genexp.simulate(60, 80, "tumours"),
            "cohort='tumours': expected one of simulated",
        ),
        (lambda data: genexp.compare(["a"]), "expected two evaluations or more, found 1"),
    ],
)
def test_wrong_arguments_are_refused_as_on_the_command_line(
    data: genexp.Data, call: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        call(data)  # type: ignore[operator]


def test_an_error_in_a_notebook_reads_as_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from genexp.cli import main

    (tmp_path / "cohort.tsv").write_text("sample\tTP53\ns1\tmuch\n")
    assert main(["preprocess", "--cohort", "cohort.tsv", "--cache", "cache"]) == 2
    told = capsys.readouterr().err
    with pytest.raises(genexp.GenexpError) as refused:
        genexp.preprocess("cohort.tsv")
    assert told.endswith("\n".join(refused.value._render_traceback_()) + "\n")


def test_values_of_numpy_paths_and_ranges_are_taken(plain: anndata.AnnData, tmp_path: Path) -> None:
    data = genexp.preprocess(plain, cache=tmp_path / "cache", n_top_genes=np.int64(50), label=None)
    assert len(data.var) == 50
    assert (tmp_path / "cache" / "cohorts").is_dir()
    config = api._configure(api.TuneSettings, data, {"n_latent": "2..8"})
    study = api.takes(functions.Tuning)(lambda data, **settings: settings)
    assert study(data, n_latent=(2, 8), n_hidden=np.int64(16)) == {
        "n_latent": "2..8",
        "n_hidden": 16,
    }
    assert str(config.space.n_latent) == "2..8"


def test_an_anndata_gives_what_the_same_cohort_in_a_file_gives(
    plain: anndata.AnnData, data: genexp.Data, tmp_path: Path
) -> None:
    plain.copy().write_h5ad(tmp_path / "cohort.h5ad")
    named = {"label": "subtype", "group": "patient_id", "time": "OS_days", "event": "OS_event"}
    of_file = genexp.preprocess(tmp_path / "cohort.h5ad", **named)
    assert of_file.preprocessed.split_hash == data.preprocessed.split_hash
    for part in ("train", "val"):
        assert np.array_equal(of_file.matrix(part), data.matrix(part))
        assert list(of_file.obs(part)) == list(data.obs(part))
    assert np.array_equal(
        weights(genexp.train(of_file, **SMALL).encoder),
        weights(genexp.train(data, **SMALL).encoder),
    )


def test_layers_batches_and_scales_of_an_anndata_are_read(plain: anndata.AnnData) -> None:
    data = genexp.preprocess(plain, layer="counts", batch="plate")
    assert data.preprocessed.scale == "counts"
    assert data.preprocessed.transform.normalise == "log2_cpm"
    assert "studies" in data.report["cohort"] or "batches" in data.report["cohort"]


@pytest.mark.parametrize("name", ["label", "batch", "group", "time", "event"])
def test_a_missing_column_is_refused_with_the_command_lines_text(
    plain: anndata.AnnData, tmp_path: Path, name: str
) -> None:
    settings = {"time": "OS_days", "event": "OS_event"} | {name: "pam50"}
    plain.copy().write_h5ad(tmp_path / "anndata.h5ad")
    messages = []
    for of in (plain, str(tmp_path / "anndata.h5ad")):
        with pytest.raises(CohortError) as refused:
            genexp.preprocess(of, **settings)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
    assert f"{name}='pam50' is not a column of the annotations" in messages[0]


def test_a_read_cohort_is_preprocessed_as_the_file_would_be_without_reading_it_again(
    plain: anndata.AnnData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain.copy().write_h5ad(tmp_path / "brca.h5ad")
    cohort = genexp.read(tmp_path / "brca.h5ad", label="subtype", time="OS_days", event="OS_event")
    assert capsys.readouterr().err.startswith("read brca: 160 samples x 100 genes")
    of_cohort, of_file = (
        genexp.preprocess(cohort),
        genexp.preprocess(
            tmp_path / "brca.h5ad", label="subtype", time="OS_days", event="OS_event"
        ),
    )
    assert of_cohort.preprocessed.fingerprint == of_file.preprocessed.fingerprint
    assert of_file.reused
    assert (of_cohort.cohort_hash, of_cohort.settings) == (of_file.cohort_hash, of_file.settings)
    assert capsys.readouterr().err.count("read brca: ") == 1


def test_what_was_read_can_be_written_and_is_recognised(
    plain: anndata.AnnData, tmp_path: Path
) -> None:
    plain.copy().write_h5ad(tmp_path / "brca.h5ad")
    cohort = genexp.read(tmp_path / "brca.h5ad", label="subtype")
    cohort.write_h5ad(tmp_path / "read.h5ad")
    again = anndata.read_h5ad(tmp_path / "read.h5ad")
    assert (
        genexp.preprocess(again).preprocessed.fingerprint
        == genexp.preprocess(cohort).preprocessed.fingerprint
    )
    assert "reading" in json.loads(again.uns["genexp"]["reading"])


def test_a_cohort_that_was_changed_after_reading_is_checked_again_with_its_columns(
    cohort: anndata.AnnData,
) -> None:
    few = cohort[cohort.obs["label"] != "Basal"].copy()
    data = genexp.preprocess(few)
    assert data.name == "simulated_in_memory"
    assert len(data.split) == few.n_obs
    assert set(data.obs("train")["label"].dropna()) == set(few.obs["label"].dropna())
    assert {"time_days", "event"} <= set(data.obs("train"))
    np.testing.assert_array_equal(
        data.obs("train")["time_days"], few.obs.loc[data.obs("train").index, "time_days"]
    )


def test_what_is_named_after_reading_holds_as_if_it_had_been_named_before(
    plain: anndata.AnnData, tmp_path: Path
) -> None:
    plain.copy().write_h5ad(tmp_path / "brca.h5ad")
    named = {"label": "subtype", "time": "OS_days", "event": "OS_event", "group": "patient_id"}
    before, after = (
        genexp.read(tmp_path / "brca.h5ad", **named),
        genexp.read(tmp_path / "brca.h5ad", label="plate"),
    )
    datas = [genexp.preprocess(before), genexp.preprocess(after, **named)]
    assert datas[0].settings == datas[1].settings
    assert datas[0].cohort_hash == datas[1].cohort_hash
    assert datas[0].preprocessed.split_hash == datas[1].preprocessed.split_hash
    assert [data.name for data in datas] == ["brca", "brca"]
    pd.testing.assert_series_equal(datas[0].obs("train")["label"], datas[1].obs("train")["label"])
    assert np.array_equal(datas[0].matrix("train"), datas[1].matrix("train"))


@pytest.mark.parametrize(
    "damage", ["nothing", {"settings": "{"}, {"settings": "{}", "reading": "{}"}, {}]
)
def test_an_entry_of_uns_that_is_not_understood_is_passed_over(
    cohort: anndata.AnnData, damage: object
) -> None:
    other = cohort.copy()
    other.uns["genexp"] = damage
    assert genexp.preprocess(other, label="subtype").name == "simulated_in_memory"


def test_an_anndata_without_its_name_is_still_recognised(cohort: anndata.AnnData) -> None:
    other = cohort.copy()
    del other.uns["name"], other.uns["digest"]
    assert genexp.preprocess(other).cohort_hash == genexp.preprocess(cohort).cohort_hash


def test_batches_are_corrected_by_the_column_of_training(plain: anndata.AnnData) -> None:
    adata = plain.copy()
    adata.obs["lab"] = np.where(np.arange(160) % 2, "north", "south")
    model = genexp.train(genexp.preprocess(adata, batch="lab", correction="zscore"), **SMALL)
    assert np.array_equal(model.transform(adata), model.transform(adata, batch="lab"))
    with pytest.raises(CohortError, match="batch='lab' is not a column of the annotations"):
        model.transform(plain)
    renamed = plain.copy()
    renamed.obs["site"] = adata.obs["lab"]
    assert np.array_equal(model.transform(renamed, batch="site"), model.transform(adata))


def test_the_given_anndata_stays_as_it_was(plain: anndata.AnnData) -> None:
    before = plain.copy()
    genexp.preprocess(plain, label="subtype", layer="counts")
    assert np.array_equal(plain.X, before.X)
    pd.testing.assert_frame_equal(plain.obs, before.obs)
    assert set(plain.uns) == set(before.uns)


def test_training_gives_what_the_command_line_gives(tracked: str, tmp_path: Path) -> None:
    from genexp.cli import main

    arguments = [
        "--cohort",
        "simulated:120x80",
        "--n_latent",
        "4",
        "--hidden",
        "16",
        "--epochs",
        "3",
        "--seed",
        "5",
        "--name",
        "of_cli",
    ]
    assert main(["train", *arguments, "--cache", str(tmp_path / "cache")]) == 0
    of_cli = genexp.load_encoder("of_cli")
    of_api = genexp.train(genexp.preprocess(genexp.simulate(120, 80, seed=5)), **SMALL).encoder
    assert np.array_equal(weights(of_api), weights(of_cli))
    assert {
        name: of_api.card[name]
        for name in ("seed", "cohort_settings", "cohort_hash", "data_fingerprint", "config")
    } == {
        name: of_cli.card[name]
        for name in ("seed", "cohort_settings", "cohort_hash", "data_fingerprint", "config")
    }


def test_a_seed_of_its_own_changes_the_training_and_not_the_split(
    data: genexp.Data, model: genexp.Model
) -> None:
    other = genexp.train(data, **SMALL, seed=3)
    assert other.encoder.card["training_seed"] == 3
    assert other.encoder.card["split_hash"] == model.encoder.card["split_hash"]


def test_without_tracking_nothing_is_written(
    data: genexp.Data, report: genexp.Report, tmp_path: Path
) -> None:
    model = genexp.train(data, **SMALL)
    model.transform(genexp.simulate(160, 100))
    assert list(tmp_path.iterdir()) == []
    assert model.run_id == report.run_id == ""


def test_a_tracking_address_logs_runs_like_those_of_the_command_line(
    tracked_model: genexp.Model, tracked: str
) -> None:
    from genexp.tracking.store import open_store

    client = open_store()
    run = client.get_run(tracked_model.run_id)
    assert run.info.run_name == "of the api"
    assert run.info.status == "FINISHED"
    assert run.data.params["n_latent"] == "4"
    assert run.data.tags["verb"] == "train"
    assert run.data.tags["n_train"] == str(len(tracked_model.data.obs("train")))
    files = {
        entry.path
        for folder in ("preprocess", "cohort", "figures")
        for entry in client.list_artifacts(run.info.run_id, folder)
    }
    assert {"preprocess/split.tsv", "cohort/reading.json", "figures/loss.png"} <= files


def test_an_evaluation_is_logged_and_its_verdict_registered(
    tracked_model: genexp.Model, tracked: str, plain: anndata.AnnData
) -> None:
    from genexp.tracking.store import open_store

    client = open_store()
    report = genexp.evaluate(tracked_model, tracked_model.data)
    run = client.get_run(report.run_id)
    assert run.data.tags["encoder_run"] == tracked_model.run_id
    assert run.data.tags["verdict"] == report.verdict
    assert "report.html" in {entry.path for entry in client.list_artifacts(report.run_id)}
    assert tracked_model.register("of_the_api") == "of_the_api/1"
    encoder = genexp.load_encoder("of_the_api@champion")
    assert np.array_equal(weights(encoder), weights(tracked_model.encoder))
    registered = client.get_model_version("of_the_api", "1")
    assert registered.tags["verdict"] == report.verdict
    assert registered.run_id == tracked_model.run_id
    assert np.array_equal(
        genexp.embed(plain.copy(), "of_the_api").obsm["X_latent"], tracked_model.transform(plain)
    )
    assert list(genexp.compare([report, "of_the_api"]).encoders["run"]) == [
        report.run_id,
        report.run_id,
    ]
    with pytest.raises(
        RegistryError, match="expected the name of a registered encoder; found 'of_the_apy'"
    ):
        genexp.load_encoder("of_the_apy")


def test_an_experiment_alone_asks_for_tracking(
    data: genexp.Data, store: str, tmp_path: Path
) -> None:
    # where MLflow logs by default; making one takes seconds
    shutil.copy(store.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    model = genexp.train(data, **SMALL, experiment_name="of notebooks")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        runs = database.execute(
            "SELECT run_uuid, e.name FROM runs JOIN experiments AS e USING (experiment_id)"
        ).fetchall()
    assert (model.run_id, "of notebooks") in runs


def test_an_active_run_becomes_the_parent(tracked: str, data: genexp.Data) -> None:
    from genexp.tracking.store import open_store

    with mlflow.start_run() as active:
        model = genexp.train(data, **SMALL)
    assert open_store().get_run(model.run_id).data.tags["mlflow.parentRunId"] == active.info.run_id


def test_latents_go_back_into_the_anndata_and_all_else_stays(
    plain: anndata.AnnData, model: genexp.Model
) -> None:
    adata, before = plain.copy(), plain.copy()
    given = genexp.embed(adata, model)
    assert given is adata
    assert adata.obsm["X_latent"].shape == (160, 4)
    assert np.array_equal(adata.obsm["X_latent"], model.transform(before))
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    pd.testing.assert_frame_equal(adata.var, before.var)
    assert adata.uns["note"] == "of ours"
    assert adata.uns["genexp"]["encoder"]["latents"] == "4"
    assert np.array_equal(adata.X, before.X)
    adata.write_h5ad("embedded.h5ad")
    assert np.array_equal(
        anndata.read_h5ad("embedded.h5ad").obsm["X_latent"], adata.obsm["X_latent"]
    )
    part = genexp.embed(plain[:30], model)
    assert not part.is_view
    np.testing.assert_allclose(
        part.obsm["X_latent"], adata.obsm["X_latent"][:30], rtol=1e-4, atol=1e-5
    )
    assert "X_latent" not in plain.obsm


def test_latents_of_a_table_are_those_of_the_anndata(
    plain: anndata.AnnData, model: genexp.Model
) -> None:
    frame = plain.to_df()[list(plain.var_names[::-1])]
    frame.index = np.arange(160)
    latents = model.transform(frame)
    assert latents.index.equals(frame.index)
    np.testing.assert_allclose(latents, model.transform(plain), rtol=1e-5, atol=1e-6)
    assert model.transform(plain[:1]).shape == (1, 4)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda adata: adata[:, :60].copy(), RegistryError, "genes"),
        (lambda adata: adata.T, CohortError, "found 100 rows that are genes: transpose it"),
        (lambda adata: adata.layers["counts"], CohortError, "expected an AnnData, or a DataFrame"),
        (
            lambda adata: anndata.AnnData(adata.layers["counts"], adata.obs, adata.var),
            RegistryError,
            "this encoder takes log2_norm_count",
        ),
    ],
)
def test_samples_that_do_not_fit_the_encoder_are_refused(
    plain: anndata.AnnData,
    model: genexp.Model,
    change: object,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        model.transform(change(plain))  # type: ignore[operator]


def test_a_report_has_metrics_verdict_tables_and_a_page(
    report: genexp.Report, tmp_path: Path
) -> None:
    assert {"r2/test", "r2/test_pca", "survival/c_index"} & set(report.metrics)
    assert report.verdict == report.evaluation.verdict
    assert isinstance(report.tables["verdict"], pd.DataFrame)
    inline = report._repr_html_()
    assert inline.startswith("<iframe srcdoc=")
    assert "&lt;html" in inline
    report.save(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == report.html


def test_an_encoder_is_evaluated_on_the_data_that_it_was_trained_on_alone(
    model: genexp.Model, plain: anndata.AnnData
) -> None:
    named = {"label": "subtype", "group": "patient_id", "time": "OS_days", "event": "OS_event"}
    with pytest.raises(EvaluationError, match="trained on another split"):
        genexp.evaluate(model, genexp.preprocess(plain, **named, seed=1))
    with pytest.raises(EvaluationError, match="trained on values that were prepared otherwise"):
        genexp.evaluate(model.encoder, genexp.preprocess(plain, **named, clip=3.0))


@pytest.mark.slow
def test_a_study_has_its_best_model_and_its_trials(data: genexp.Data) -> None:
    study = genexp.tune(
        data, n_trials=2, n_latent=(2, 4), n_layers=1, n_hidden=16, epochs=3, workers=1
    )
    assert len(study.trials) == 2
    assert study.best.encoder.n_latent == int(
        study.trials.loc[study.trials["selected"], "n_latent"].iloc[0]
    )
    assert study.best.config.kind == "deep"
    assert study.reason
    assert "<table" in study._repr_html_()
    assert repr(study).startswith("<Study: ")


@pytest.mark.slow
def test_a_script_without_a_guard_searches_once(tmp_path: Path) -> None:
    lines = (
        "import genexp",
        "data = genexp.preprocess(genexp.simulate(60, 80))",
        (
            "study = genexp.tune(data, n_trials=1, n_latent=4, n_layers=1, n_hidden=16, "
            "epochs=2, workers=1)"
        ),
        "print(study.trials['state'].tolist())",
    )
    (tmp_path / "script.py").write_text("\n".join(lines))
    root = str(Path(genexp.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "script.py"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": root},
    )
    assert done.stdout.splitlines() == ["['complete']"], done.stderr


def test_reports_are_compared_by_paired_differences(
    report: genexp.Report, other_report: genexp.Report
) -> None:
    comparison = genexp.compare({"four": report, "two": other_report})
    assert list(comparison.encoders.index) == ["four", "two"]
    assert {"reconstruction"} <= set(comparison.differences["task"])
    assert comparison._repr_html_().startswith("<iframe")
    assert list(genexp.compare([report, report]).encoders.index) == [
        "deep, 4 latents",
        "deep, 4 latents (2)",
    ]


def test_an_untracked_model_gets_a_run_when_it_is_registered(
    tracked: str, model: genexp.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genexp.tracking.store import open_store

    assert (
        genexp.Model(
            model.encoder, model.data, model.config, model.replicates, model.settings
        ).register("untracked")
        == "untracked/1"
    )
    run = open_store().get_run(open_store().get_model_version("untracked", "1").run_id)
    assert run.data.params["n_latent"] == "4"
    assert {entry.path for entry in open_store().list_artifacts(run.info.run_id, "preprocess")} >= {
        "preprocess/split.tsv"
    }


def test_a_saved_model_is_loaded_from_its_folder(model: genexp.Model) -> None:
    model.save("encoder")
    assert np.array_equal(weights(genexp.load_encoder("encoder")), weights(model.encoder))
    assert np.array_equal(weights(genexp.load_encoder(Path("encoder"))), weights(model.encoder))


def test_everything_is_shown_in_one_line_and_as_html(
    data: genexp.Data, model: genexp.Model, report: genexp.Report, plain: anndata.AnnData
) -> None:
    for shown in (data, model, model.encoder):
        assert "\n" not in repr(shown)
        assert len(repr(shown)) < 200
        assert shown._repr_html_().startswith("<table>")
    assert "\n" not in repr(report)
    assert len(repr(report)) < 1000


EXAMPLES = [
    example
    for module in ("genexp.api", "genexp.notebook", "genexp.estimator")
    for example in doctest.DocTestFinder(exclude_empty=True).find(
        importlib.import_module(module), module
    )
    if example.examples
]


def test_every_function_has_an_example() -> None:
    named = {example.name.rpartition(".")[2] for example in EXAMPLES}
    assert {*FUNCTIONS, "transform", "register", "save", "Autoencoder"} <= named


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_examples_of_docstrings_run(
    example: doctest.DocTest, request: pytest.FixtureRequest
) -> None:
    source = "".join(line.source for line in example.examples)
    given = set(re.findall(r"\w+", source)) & {"data", "model", "report", "other_report"} - set(
        re.findall(r"^(\w+) = ", source, re.MULTILINE)
    )
    example.globs |= {name: request.getfixturevalue(name) for name in given} | {"genexp": genexp}
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    with (
        named_store(request.getfixturevalue("store"))
        if "register(" in source
        else contextlib.nullcontext()
    ):
        failed = doctest.DocTestRunner(optionflags=options, verbose=False).run(
            example, out=sys.stdout.write
        )
    assert failed.failed == 0
