"""The tutorials run as they are, in a folder of their own, and are stored without outputs."""

import ast
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import genexp

TUTORIALS = sorted((Path(__file__).parents[1] / "docs" / "tutorials").glob("*.ipynb"))
MAX_LINES = 25


def read_code(path: Path) -> list[str]:
    """Sources of the code cells."""
    return [
        "".join(cell["source"])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]


def run_cell(source: str, namespace: dict[str, Any]) -> Any:
    """Run a cell as a notebook would; gives the value of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), namespace)
    return (
        None
        if last is None
        else eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)
    )  # type: ignore[attr-defined]


def run_tutorial(name: str) -> tuple[dict[str, Any], list[Any]]:
    """Run all cells of a tutorial in one namespace; also what each shows."""
    namespace: dict[str, Any] = {}
    path = next(path for path in TUTORIALS if path.stem == name)
    return namespace, [run_cell(source, namespace) for source in read_code(path)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str) -> Path:
    """An empty folder to work in, with a new store where MLflow has its own by default: making one
    takes seconds.
    """
    shutil.copy(store.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_are_notebooks_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert all(
        not cell["outputs"] and cell["execution_count"] is None
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    )


def test_the_whole_way_of_an_anndata_takes_25_lines_of_code_at_most() -> None:
    path = next(path for path in TUTORIALS if path.stem == "anndata")
    assert (
        len([line for source in read_code(path) for line in source.splitlines() if line.strip()])
        <= MAX_LINES
    )


@pytest.mark.slow
def test_an_anndata_becomes_latents_a_report_and_an_encoder_with_a_name() -> None:
    names, shown = run_tutorial("anndata")
    adata, report, study = names["adata"], names["report"], names["study"]
    assert len(study.trials) == 5
    assert report._repr_html_().startswith("<iframe srcdoc=")
    assert "PCA" in shown[4]
    assert adata.obsm["X_latent"].shape == (300, study.best.encoder.n_latent)
    assert names["encoder"].genes == study.best.encoder.genes
    assert shown[-1]["cohort"] == "simulated_in_memory"
    for value in shown[1:4]:
        assert value._repr_html_()


@pytest.mark.slow
def test_the_estimator_separates_the_subtypes_in_cross_validation() -> None:
    names, shown = run_tutorial("estimator")
    scores = shown[1]
    assert {len(of_folds) for of_folds in scores.values()} == {3}
    assert min(scores["autoencoder"]) > 0.7
    assert list(names["latents"].columns[:2]) == ["latent_0", "latent_1"]


def test_the_page_of_python_runs_as_it_is() -> None:
    page = (TUTORIALS[0].parents[1] / "python.md").read_text(encoding="utf-8")
    namespace: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        run_cell(block, namespace)
    assert namespace["latents"].shape == (200, 8)
    assert "PCA" in namespace["report"].verdict
    assert namespace["x_hat"].shape == (100, 30)


def test_the_page_of_python_names_every_function_and_what_it_links() -> None:
    page = TUTORIALS[0].parents[1] / "python.md"
    text = page.read_text(encoding="utf-8")
    assert all(
        f"`{name}`" in text or f"genexp.{name}" in text
        for name in genexp.__all__
        if not name.startswith("_")
    )
    assert all((page.parent / target).exists() for target in re.findall(r"\]\(([^)]+)\)", text))
