"""Write a cohort of two laboratories and the encoder that genexp trains on it, with the names of
parameters as of 0.1.

Run in the folder of this file, with the code of commit b98071e on the path and a new tracking
store: ``MLFLOW_TRACKING_URI=sqlite:///$(mktemp -d)/mlflow.db PYTHONPATH=CHECKOUT python make.py``.
"""

import shutil
import tempfile
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

from genexp.cli import main

N_SAMPLES, N_GENES = 60, 20


def write_cohort() -> None:
    """Write ``values.tsv`` and ``samples.tsv``: genes 0..4 tell the label, and the laboratories
    differ by shift and factor.
    """
    rng = np.random.default_rng(0)
    lab, label = np.arange(N_SAMPLES) % 2, np.arange(N_SAMPLES) // 2 % 2
    x = rng.normal(size=(N_SAMPLES, N_GENES))
    x[:, :5] += 1.5 * label[:, None]
    x = np.maximum(
        6 + x * np.array([0.8, 1.3])[lab][:, None] + rng.normal(size=(2, N_GENES))[lab], 0
    )
    ids = pd.Index([f"s{i}" for i in range(N_SAMPLES)], name="sample")
    pd.DataFrame(x, ids, [f"GENE{j}" for j in range(N_GENES)]).to_csv(
        "values.tsv", sep="\t", float_format="%.2f"
    )
    obs = pd.DataFrame(
        {"lab": np.array(["north", "south"])[lab], "state": np.array(["normal", "tumor"])[label]},
        ids,
    )
    obs.to_csv("samples.tsv", sep="\t")


write_cohort()
options = {
    "cohort": "values.tsv",
    "obs": "samples.tsv",
    "rows": "samples",
    "scale": "log2_tpm",
    "label": "state",
}
options |= {
    "study": "lab",
    "correction": "combat",
    "unseen_study": "estimate",
    "anchor": "none",
    "basis": "span",
    "name": "former",
}
options |= {
    "epochs": 2,
    "hidden": 4,
    "n_latent": 2,
    "threads": 1,
    "device": "cpu",
    "cache": tempfile.mkdtemp(),
}
assert main(["train", *(f"--{name}={value}" for name, value in options.items())]) == 0
folder = Path(
    mlflow.artifacts.download_artifacts("models:/former@champion", dst_path=tempfile.mkdtemp())
)
shutil.rmtree("encoder", ignore_errors=True)
shutil.copytree(folder / "artifacts" / "encoder", "encoder")
assert main(["encode", "--encoder=former", "--out=latent.tsv"]) == 0
for extra in Path().glob("latent.tsv.*"):
    extra.unlink()
