"""A model type, a task and a format of one's own, each one file and one line, are seen everywhere:
on a copy of the package.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
SMALL = [
    "--epochs",
    "3",
    "--hidden",
    "8",
    "--n_latent",
    "3",
    "--threads",
    "1",
    "--max_clusters",
    "3",
    "--perplexity",
    "10",
]
OWN = {
    "model/types/decorrelated.py": (
        "README.md",
        "(Deep)",
        "model/types/__init__.py",
        "Decorrelated",
    ),
    "formats/json_matrix.py": (
        "docs/extending.md",
        "Format(",
        "formats/__init__.py",
        "json_matrix",
    ),
    "evaluation/neighbours.py": (
        "docs/extending.md",
        "(Task)",
        "verdict/tasks.py",
        "NeighboursTask",
    ),
}
"""Files to add: where their code is shown, words by which it is found there, the registry, and the
name that is imported."""
LINES = {
    "model/types/__init__.py": ('    "deep": Deep,\n', '    "decorrelated": Decorrelated,\n'),
    "formats/__init__.py": ("    refused.FORMAT,\n", "    json_matrix.FORMAT,\n"),
    "verdict/tasks.py": ("    ProbeTask(),\n", "    NeighboursTask(),\n"),
}
"""The line of each registry below which a line is added."""


def read_code(page: str, words: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    return next(
        block
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        if words in block and len(block) > 200
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with three files and three lines more, and a cohort in JSON with its
    annotations.
    """
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(
        ROOT / "genexp", folder / "genexp", ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "docs").mkdir()
    for path, (page, words, registry, name) in OWN.items():
        (folder / "genexp" / path).write_text(read_code(page, words), encoding="utf-8")
        module, (below, line) = (
            f"genexp.{path.removesuffix('.py').replace('/', '.')}",
            LINES[registry],
        )
        text = (folder / "genexp" / registry).read_text(encoding="utf-8")
        assert below in text
        imported = (
            f"from {module.rpartition('.')[0]} import {name}\n"
            if name == "json_matrix"
            else f"from {module} import {name}\n"
        )
        head, tail = text.split("\nfrom genexp", 1)
        text = f"{head}\n{imported}from genexp{tail}".replace(below, below + line)
        (folder / "genexp" / registry).write_text(text, encoding="utf-8")
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 150)
    values = 8 + 3 * np.eye(3)[label] @ rng.normal(size=(3, 60)) / 2 + rng.normal(size=(150, 60))
    samples, genes = [f"S{i}" for i in range(150)], [f"ENSG{i:011d}" for i in range(60)]
    content = {
        "samples": samples,
        "genes": genes,
        "values": np.maximum(values, 0).round(3).tolist(),
    }
    (folder / "cohort.json").write_text(json.dumps(content), encoding="utf-8")
    pd.DataFrame(
        {"subtype": np.array(["a", "b", "c"])[label]}, index=pd.Index(samples, name="id")
    ).to_csv(folder / "obs.tsv", sep="\t")
    return folder


def run(copy: Path, *arguments: str) -> str:
    """Run genexp's copy; gives back what it printed."""
    environment = os.environ | {
        "PYTHONPATH": str(copy),
        "MLFLOW_TRACKING_URI": f"sqlite:///{copy}/mlflow.db",
        "PYTHONSAFEPATH": "1",
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_each_is_in_help_and_docs(copy: Path) -> None:
    assert "--decorrelation" in run(copy, "-m", "genexp", "train", "--help")
    run(copy, "-m", "genexp.settings.mlproject")
    run(copy, "-m", "genexp.verdict.metrics_page")
    assert 'decorrelation: {type: string, default: "0.01"}' in (copy / "MLproject").read_text(
        encoding="utf-8"
    )
    assert "`decorrelation`" in (copy / "docs" / "parameters.md").read_text(encoding="utf-8")
    assert "neighbours/accuracy" in (copy / "docs" / "metrics.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_each_is_in_metrics_report_and_compare(copy: Path, tmp_path: Path) -> None:
    cohort = [
        "--cohort",
        "cohort.json",
        "--obs",
        "obs.tsv",
        "--label",
        "subtype",
        "--group",
        "none",
        "--experiment_name",
        "own",
    ]
    printed = [
        run(copy, "-m", "genexp", "main", *cohort, *SMALL, "--kind", kind, "--name", kind)
        for kind in ("decorrelated", "deep")
    ]
    assert "JSON matrix" in printed[0]
    client = mlflow.MlflowClient(f"sqlite:///{copy}/mlflow.db")
    (experiment,) = (one for one in client.search_experiments() if one.name == "own")
    runs = client.search_runs([experiment.experiment_id], "tags.kind = 'decorrelated'")
    assert {"neighbours/accuracy", "neighbours/accuracy_pca"} <= set(runs[0].data.metrics)
    assert client.get_metric_history(runs[0].info.run_id, "loss_decorrelation/val")
    page = Path(
        client.download_artifacts(runs[0].info.run_id, "report.html", str(tmp_path))
    ).read_text(encoding="utf-8")
    assert '<section id="neighbours"' in page
    compared = run(copy, "-m", "genexp", "compare", "decorrelated/1", "deep/1")
    assert "1-NN accuracy" in compared
    assert "neighbours: 1-NN accuracy of deep/1 minus decorrelated/1" in compared
