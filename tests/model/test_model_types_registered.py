"""Every kind goes the whole way: trained, judged with the full report, registered, loaded by name
with MLflow alone.
"""

import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

import genexp
from genexp.cli import main
from genexp.cohort import read_cohort
from genexp.model.types import MODEL_TYPES
from genexp.settings.cohort import CohortConfig

COHORT = "simulated:200x300"
OWN = {
    "stacked": {"pretrain_epochs": "2"},
    "convolutional": {"kernel": "16", "stride": "8"},
    "recurrent": {"order": "sample_type"},
}
LOAD = (
    "import sys, mlflow, pandas as pd\n"
    "class Refuse:\n"
    "    def find_spec(self, name, *_):\n"
    "        if name.split('.')[0] in ('genexp', 'torch'): raise ImportError(name)\n"
    "sys.meta_path.insert(0, Refuse())\n"
    "model = mlflow.pyfunc.load_model(sys.argv[1])\n"
    "model.predict(pd.read_parquet(sys.argv[2])).to_parquet(sys.argv[3])\n"
)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    adata = read_cohort(CohortConfig(cohort=COHORT))
    path = tmp_path_factory.mktemp("raw") / "raw.parquet"
    pd.DataFrame(np.asarray(adata.X), index=adata.obs_names, columns=adata.var_names).to_parquet(
        path
    )
    return path


@pytest.fixture(scope="module")
def gene_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sets") / "sets.gmt"
    names = [f"SIM{i:03d}" for i in range(1, 301)]
    path.write_text(
        "".join(
            f"SET_{k}\tplanted\t" + "\t".join(names[20 * k : 20 * k + 30]) + "\n" for k in range(14)
        )
    )
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", [name for name in MODEL_TYPES if name != "count"])
def test_every_kind_is_judged_registered_and_loaded_without_genexp(
    kind: str, raw: Path, gene_sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri := f"sqlite:///{tmp_path / 'm.db'}")
    values = {
        "kind": kind,
        "cohort": COHORT,
        "hidden": "16",
        "n_latent": "6",
        "epochs": "4",
        "threads": "1",
        "cache": "cache",
    }
    values |= OWN.get(kind, {}) | ({"graph": str(gene_sets)} if kind == "graph" else {})
    assert (
        main(["main", *(text for name, value in values.items() for text in (f"--{name}", value))])
        == 0
    )
    run = MlflowClient(uri).search_runs(["1"])[0]
    assert run.data.tags["kind"] == kind
    terms = {name for name in run.data.metrics if name.startswith("loss_")}
    assert len(terms) % 2 == 0
    assert terms or kind in ("deep", "vanilla", "denoising", "stacked", "graph", "convolutional")
    done = [
        sys.executable,
        "-c",
        LOAD,
        "models:/simulated@champion",
        str(raw),
        str(tmp_path / "latent.parquet"),
    ]
    subprocess.run(done, check=True, cwd=tmp_path)
    by_genexp = genexp.load_encoder("simulated@champion").encode(pd.read_parquet(raw))
    np.testing.assert_allclose(pd.read_parquet(tmp_path / "latent.parquet"), by_genexp, atol=1e-5)
    mlflow.set_tracking_uri(None)
