"""A registered encoder brings its correction of batches along: by genexp, by MLflow alone, and on
the command line.
"""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from genexp.cli import main
from genexp.model.encoder import Encoder
from genexp.settings.tracking import RegistryConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracking.registry import load_encoder, register_encoder
from genexp.tracking.runs import start_run
from genexp.tracking.tracker import MlflowTracker
from tests.preprocessing.test_combat import correct, make_cohort
from tests.small_encoder import N_GENES as N_ENCODED
from tests.small_encoder import make_encoder, make_expression

SCRIPT = """
    import importlib.util, sys
    import mlflow, pandas as pd
    assert importlib.util.find_spec("genexp") is None
    expression = pd.read_json(sys.argv[1], orient="split", dtype="float32")
    model = mlflow.pyfunc.load_model("models:/batches@champion")
    for batch in ("GSE2", "GSE9"):
        model.predict(expression, params={"batch": batch}).to_json(batch, orient="split", double_precision=15)
"""  # noqa: E501


@pytest.fixture(scope="module")
def tracker(store: str) -> Iterator[MlflowTracker]:
    with start_run("train", PreprocessSettings(experiment_name="tests of batches")) as tracker:
        yield tracker


@pytest.fixture(scope="module")
def registered(tracker: MlflowTracker, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """Random weights behind a fitted transform of 40 genes."""
    data = correct(
        make_cohort()[:, :N_ENCODED].copy(),
        tmp_path_factory.mktemp("cohort"),
        unseen_batch="estimate",
    )
    encoder = replace(make_encoder(), scale="log2fc", transform=data.transform)
    register_encoder(encoder, RegistryConfig(name="batches"), 0.5, tracker)
    return encoder


def make_rows() -> pd.DataFrame:
    return make_cohort(seed=1)[:12, :N_ENCODED].to_df()


@pytest.mark.parametrize("batch", ["GSE1", "GSE9"])
def test_the_model_takes_the_batch_as_a_parameter(registered: Encoder, batch: str) -> None:
    model, expression = mlflow.pyfunc.load_model("models:/batches@champion"), make_rows()
    latent = model.predict(expression, params={"batch": batch})
    pd.testing.assert_frame_equal(latent, registered.encode(expression, batch))
    pd.testing.assert_frame_equal(
        latent, load_encoder("batches").encode(expression, [batch] * len(expression))
    )
    assert not np.allclose(latent, registered.encode(expression, "GSE2"))


def test_the_model_refuses_samples_without_a_batch(registered: Encoder) -> None:
    model = mlflow.pyfunc.load_model("models:/batches@champion")
    with pytest.raises(
        Exception, match=r"expected the batch of the samples.*Known batches: 3 \(GSE1, GSE2, GSE3\)"
    ):
        model.predict(make_rows())


def test_an_encoder_without_correction_asks_for_no_batch(tracker: MlflowTracker) -> None:
    encoder = make_encoder()
    register_encoder(encoder, RegistryConfig(name="plain"), 0.5, tracker)
    model = mlflow.pyfunc.load_model("models:/plain@champion")
    assert model.metadata.get_params_schema().to_dict() == [
        {"name": "output", "type": "string", "default": "latent", "shape": None}
    ]
    pd.testing.assert_frame_equal(
        model.predict(make_expression()), encoder.encode(make_expression(), "GSE1")
    )


def test_batches_are_corrected_where_genexp_is_not(registered: Encoder, tmp_path: Path) -> None:
    expression = make_rows()
    expression.to_json(tmp_path / "expression.json", orient="split")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    command = [sys.executable, "-I", "-c", textwrap.dedent(SCRIPT), "expression.json"]
    subprocess.run(
        command,
        cwd=tmp_path,
        env=environment | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
        check=True,
    )
    for batch in ("GSE2", "GSE9"):
        found = json.loads((tmp_path / batch).read_text())
        np.testing.assert_allclose(
            found["data"], registered.encode(expression, batch), rtol=1e-4, atol=1e-4
        )


@pytest.fixture(scope="module")
def trained(store: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a cohort on which ``batches_cli`` was trained; the annotations call the batch
    ``lab``.
    """
    folder, adata = tmp_path_factory.mktemp("command line"), make_cohort()
    adata.to_df().to_csv(folder / "values.tsv", sep="\t")
    adata.obs.rename(columns={"batch": "lab"}).drop(columns="group").to_csv(
        folder / "samples.tsv", sep="\t"
    )
    options = {
        "cohort": folder / "values.tsv",
        "obs": folder / "samples.tsv",
        "rows": "samples",
        "scale": "log2_tpm",
        "label": "label",
    }
    options |= {
        "batch": "lab",
        "correction": "combat",
        "unseen_batch": "estimate",
        "name": "batches_cli",
        "cache": folder / "cache",
    }
    options |= {"epochs": 2, "hidden": 8, "n_latent": 3, "threads": 1, "device": "cpu"}
    assert main(["train", *(f"--{name}={value}" for name, value in options.items())]) == 0
    return folder


def test_encode_reads_the_batch_of_every_sample(trained: Path) -> None:
    """Without ``--batch`` it is the column of the training, in the same cohort as in a new one."""
    encoder, adata = load_encoder("batches_cli"), make_cohort()
    out = trained / "latent.parquet"
    assert main(["encode", "--encoder=batches_cli", f"--out={out}"]) == 0
    expected = encoder.encode(adata.to_df(), adata.obs["batch"])
    np.testing.assert_allclose(pd.read_parquet(out), expected, atol=1e-4)
    new = make_cohort(seed=3)[:30]
    new.to_df().to_csv(trained / "new.tsv", sep="\t")
    lab = new.obs["batch"].replace({"GSE1": "GSE7"}).rename("lab")
    lab.to_csv(trained / "new_samples.tsv", sep="\t")
    command = [
        "encode",
        "--encoder=batches_cli",
        f"--cohort={trained / 'new.tsv'}",
        "--rows=samples",
        f"--out={out}",
    ]
    assert main([*command, f"--obs={trained / 'new_samples.tsv'}"]) == 0
    np.testing.assert_allclose(pd.read_parquet(out), encoder.encode(new.to_df(), lab), atol=1e-4)


def test_encode_refuses_a_cohort_without_the_batch(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_cohort(seed=3)[:30].to_df().to_csv(trained / "bare.tsv", sep="\t")
    assert (
        main(
            [
                "encode",
                "--encoder=batches_cli",
                f"--cohort={trained / 'bare.tsv'}",
                "--rows=samples",
                f"--out={trained / 'l.tsv'}",
            ]
        )
        == 2
    )
    assert "batch='lab' is not a column of the annotations" in capsys.readouterr().err


@pytest.mark.slow
def test_the_cohort_by_a_registered_encoder_is_that_of_the_training(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cohort,) = (folder for folder in (trained / "cache" / "cohorts").iterdir() if folder.is_dir())
    assert (
        main(
            [
                "evaluate",
                "--encoder=batches_cli",
                f"--cache={trained / 'again'}",
                "--perplexity=5",
                "--max_clusters=3",
            ]
        )
        == 0
    )
    (again,) = (folder for folder in (trained / "again" / "cohorts").iterdir() if folder.is_dir())
    for part in ("train", "val", "test"):
        np.testing.assert_array_equal(
            np.load(cohort / f"{part}.npy"), np.load(again / f"{part}.npy")
        )
