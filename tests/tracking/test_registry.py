"""A registered encoder carries its contract: it loads by name, without genexp, without a pickle,
and gives the same latents.
"""

import json
import os
import subprocess
import sys
import textwrap
import venv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

import genexp
from genexp.errors import RegistryError
from genexp.model.encoder import Affine, Convolution, Encoder, LogCpm, Network
from genexp.settings.tracking import RegistryConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracking.registry import (
    Registration,
    download_artifact,
    load_encoder,
    model_text,
    register_encoder,
    training_run,
)
from genexp.tracking.runs import start_run
from genexp.tracking.tracker import MlflowTracker
from tests.small_encoder import make_encoder, make_expression


@pytest.fixture(scope="module")
def client(store: str) -> MlflowClient:
    return MlflowClient()


@pytest.fixture(scope="module")
def tracker(client: MlflowClient) -> Iterator[MlflowTracker]:
    with start_run("train", PreprocessSettings(experiment_name="tests of the registry")) as tracker:
        yield tracker


def register(tracker: MlflowTracker, name: str, loss_val: float, data: str = "d1") -> Registration:
    return register_encoder(
        make_encoder(data_fingerprint=data), RegistryConfig(name=name), loss_val, tracker
    )


@pytest.fixture(scope="module")
def registered(tracker: MlflowTracker) -> Encoder:
    encoder = make_encoder()
    tags = {"kind": "deep", "verdict": "r2: better than PCA"}
    register_encoder(
        encoder, RegistryConfig(name="brca"), 0.5, tracker, "Deep autoencoder of 40 genes", tags
    )
    return encoder


@pytest.fixture(scope="module")
def model(registered: Encoder) -> mlflow.pyfunc.PyFuncModel:
    return mlflow.pyfunc.load_model("models:/brca@champion")


def test_the_model_gives_the_encoders_latents_with_the_row_index(
    registered: Encoder, model: mlflow.pyfunc.PyFuncModel
) -> None:
    expression = make_expression()
    latent = model.predict(expression)
    pd.testing.assert_frame_equal(latent, registered.encode(expression))
    assert list(latent.index) == list(expression.index)
    assert list(latent.columns) == ["latent_0", "latent_1", "latent_2"]


def test_columns_come_in_any_order_and_others_are_ignored(
    registered: Encoder, model: mlflow.pyfunc.PyFuncModel
) -> None:
    expression = make_expression()
    shuffled = expression.iloc[:, ::-1].assign(OTHER=1.0, age=60)
    pd.testing.assert_frame_equal(model.predict(shuffled), registered.encode(expression))
    named_as_in_the_file = expression.rename(
        columns=dict(zip(registered.genes, registered.sources, strict=True))
    )
    pd.testing.assert_frame_equal(
        model.predict(named_as_in_the_file), registered.encode(expression)
    )


def test_missing_genes_are_filled_and_reported_up_to_the_stated_share(
    model: mlflow.pyfunc.PyFuncModel,
) -> None:
    with pytest.warns(
        UserWarning, match="2 of 40 genes are absent and stand at their training mean: GENE0, GENE1"
    ):
        latent = model.predict(make_expression().iloc[:, 2:])
    assert latent.notna().all(axis=None)
    with pytest.raises(
        Exception,
        match=r"9 of the encoder's 40 genes are absent \(GENE0, GENE1, GENE2, GENE3, GENE4, \.\.\.\)",  # noqa: E501
    ):
        model.predict(make_expression().iloc[:, 9:])


def test_the_model_decodes_when_asked(
    registered: Encoder, model: mlflow.pyfunc.PyFuncModel
) -> None:
    expression = make_expression()
    decoded = model.predict(expression, params={"output": "reconstruction"})
    pd.testing.assert_frame_equal(decoded, registered.decode(registered.encode(expression)))


def test_the_registry_page_tells_what_the_version_is(
    client: MlflowClient, registered: Encoder
) -> None:
    version = client.get_model_version_by_alias("brca", "champion")
    assert version.description == "Deep autoencoder of 40 genes"
    expected = {
        "loss/val": "0.5",
        "data_fingerprint": "d1",
        "split_hash": "s1",
        "kind": "deep",
        "verdict": "r2: better than PCA",
    }
    assert {key: version.tags[key] for key in expected} == expected
    info = mlflow.models.get_model_info("models:/brca@champion")
    assert info.metadata == {"scale": "counts", "n_genes": 40, "n_latent": 3, "max_missing": 0.2}
    assert info.signature.outputs.input_names() == registered.latents


def test_the_model_belongs_to_its_run(
    client: MlflowClient, registered: Encoder, tracker: MlflowTracker
) -> None:
    version = client.get_model_version_by_alias("brca", "champion")
    assert version.run_id == training_run("brca") == training_run("brca/1") == tracker.run_id
    (logged,) = (
        found
        for found in client.search_logged_models([tracker.experiment_id])
        if '"brca"' in found.tags["mlflow.modelVersions"]
    )
    assert (logged.source_run_id, logged.experiment_id, logged.status) == (
        tracker.run_id,
        tracker.experiment_id,
        "READY",
    )
    assert logged.params["split"] == "70/15/15"


@pytest.mark.parametrize(
    "name",
    [
        "brca",
        "brca@champion",
        "brca/1",
        "models:/brca@champion",
        "models:/brca/1",
        "runs:/RUN",
        "runs:/RUN/encoder",
    ],
)
def test_an_encoder_loads_by_each_of_its_names(
    registered: Encoder, tracker: MlflowTracker, name: str
) -> None:
    encoder = genexp.load_encoder(name.replace("RUN", tracker.run_id))
    expression = make_expression()
    pd.testing.assert_frame_equal(encoder.encode(expression), registered.encode(expression))
    assert (list(encoder.genes), encoder.card) == (list(registered.genes), registered.card)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("brcx", r"found 'brcx'. Registered: \d+ \(.*brca"),
        (
            "brca@nobody",
            r"'brca@nobody' names no version of 'brca'. Aliases: 1 \(@champion\); versions: 1 \(1\)",  # noqa: E501
        ),
        ("brca/7", r"versions: 1 \(1\). Write brca@alias or brca/version"),
        ("runs:/0123456789", "Run with id=0123456789 not found"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_those_that_are(
    registered: Encoder, name: str, message: str
) -> None:
    with pytest.raises(RegistryError, match=message):
        load_encoder(name)


def test_the_alias_moves_to_a_lower_validation_loss_only(
    client: MlflowClient, tracker: MlflowTracker
) -> None:
    first, worse, better = (register(tracker, "ranked", loss) for loss in (0.5, 0.6, 0.4))
    assert [first.holds_alias, worse.holds_alias, better.holds_alias] == [True, False, True]
    assert client.get_model_version_by_alias("ranked", "champion").version == int(better.version)
    assert (
        worse.reason == "not better: validation loss 0.6 against 0.5 of version 1 on the same data"
    )
    assert (
        client.get_model_version("ranked", better.version).tags["champion_reason"] == better.reason
    )
    tie = register(tracker, "ranked", 0.4)
    assert not tie.holds_alias


def test_losses_on_different_data_are_not_compared(
    client: MlflowClient, tracker: MlflowTracker
) -> None:
    register(tracker, "rescaled", 0.1, data="d1")
    newer = register(tracker, "rescaled", 0.9, data="d2")
    assert newer.holds_alias
    assert (
        newer.reason
        == "newer than version 1, whose validation loss is of other data and cannot be compared"
    )


def test_a_loss_that_is_not_finite_registers_nothing(
    client: MlflowClient, tracker: MlflowTracker
) -> None:
    with pytest.raises(RegistryError, match="expected a finite validation loss; found nan"):
        register(tracker, "broken", float("nan"))
    assert client.search_registered_models("name = 'broken'") == []


def test_an_artifact_of_the_training_run_is_fetched(tracker: MlflowTracker, tmp_path: Path) -> None:
    tracker.log_text("cohort/split.tsv", "sample_id\tpart\n")
    assert (
        download_artifact(tracker.run_id, "cohort/split.tsv", tmp_path).read_text()
        == "sample_id\tpart\n"
    )
    with pytest.raises(RegistryError, match=r"artifact 'nothing\.tsv' of run"):
        download_artifact(tracker.run_id, "nothing.tsv", tmp_path)


def test_the_text_of_the_model_imports_nothing_of_genexp() -> None:
    text = model_text()
    compile(text, "registered_encoder.py", "exec")
    assert not any(
        line.lstrip().startswith(("import genexp", "from genexp")) for line in text.splitlines()
    )


SCRIPT = """
    import importlib.util, sys
    import mlflow, pandas as pd
    assert importlib.util.find_spec("genexp") is None
    expression = pd.read_json(sys.argv[1], orient="split", dtype="float32")
    mlflow.pyfunc.load_model("models:/brca@champion").predict(expression).to_json(sys.argv[2], orient="split", double_precision=15)
"""  # noqa: E501


def check_latents_elsewhere(python: Path | str, encoder: Encoder, folder: Path) -> None:
    """Predict with another interpreter, outside this checkout and with pickles refused."""
    expression = make_expression()
    expression.to_json(folder / "expression.json", orient="split")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    command = [str(python), "-I", "-c", textwrap.dedent(SCRIPT), "expression.json", "latent.json"]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    found = json.loads((folder / "latent.json").read_text())
    expected = encoder.encode(expression)
    assert (found["index"], found["columns"]) == (list(expected.index), list(expected.columns))
    np.testing.assert_allclose(found["data"], expected.to_numpy(), rtol=1e-5, atol=1e-5)


def test_the_model_loads_where_genexp_is_not_and_pickles_are_refused(
    registered: Encoder, tmp_path: Path
) -> None:
    check_latents_elsewhere(sys.executable, registered, tmp_path)


@pytest.mark.slow
def test_the_model_loads_in_an_environment_made_of_its_own_requirements(
    registered: Encoder, tmp_path: Path
) -> None:
    requirements = mlflow.artifacts.download_artifacts(
        "models:/brca@champion/requirements.txt", dst_path=str(tmp_path)
    )
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    check_latents_elsewhere(python, registered, tmp_path)


def test_windows_along_genes_and_proportions_ship_as_text_too(tracker: MlflowTracker) -> None:
    made, rng = make_encoder(), np.random.default_rng(0)
    weight, bias, origin = (rng.normal(size=shape).astype(np.float32) for shape in ((2, 6), 2, 40))
    windows = Convolution(rng.permutation(40), origin, weight, bias, 4, "relu")
    encoder = Network(
        (
            windows,
            Affine(rng.normal(size=(3, 2 * windows.n_windows)).astype(np.float32), bias[[0, 1, 1]]),
        )
    )
    output = LogCpm(made.transform.shift, made.transform.spread)
    shipped = replace(made, encoder=encoder, decoder=replace(made.decoder, output=output))
    register_encoder(shipped, RegistryConfig(name="windows"), 0.5, tracker)
    model, expression = mlflow.pyfunc.load_model("models:/windows@champion"), make_expression()
    latent = model.predict(expression)
    pd.testing.assert_frame_equal(latent, shipped.encode(expression))
    decoded = model.predict(expression, params={"output": "reconstruction"})
    pd.testing.assert_frame_equal(decoded, shipped.decode(latent))
    np.testing.assert_allclose((np.exp2(decoded) - 1).sum(axis=1), 1e6, rtol=1e-3)
