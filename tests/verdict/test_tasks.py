"""The registry of tasks: every metric and table is documented, and a task of one's own is seen
everywhere.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from genexp.model.encoder import Affine, Network
from genexp.preprocessing.pipeline import preprocess_anndata
from genexp.report.figures.draw import FIGURES
from genexp.report.page import render_report
from genexp.report.sections.registry import SECTIONS
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.verdict.compare import Logged, compare_with_first, tabulate_encoders
from genexp.verdict.evaluate import evaluate_encoder
from genexp.verdict.evaluation import Evaluation
from genexp.verdict.metrics_page import render_metrics
from genexp.verdict.tasks import TASKS, describe_metric, describe_table
from tests.verdict.test_evaluate import make_cohort, make_pca_encoder

ROOT = Path(__file__).parents[2]
BELONG_TO_NO_TASK = {
    "verdict",
    "audit",
    "latent",
    "seeds",
    "attribution_seeds",
    "attribution/rho_seeds",
}


@pytest.fixture(scope="module")
def own_task() -> object:
    """The task of the page on extending, as it stands there; thirty lines without imports and blank
    ones.
    """
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    code = next(
        block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "(Task)" in block
    )
    assert (
        len(
            [
                line
                for line in code.splitlines()
                if line.strip() and not re.match(r"from |import ", line)
            ]
        )
        <= 30
    )
    module = sys.modules["own_task"] = ModuleType("own_task")
    exec(compile(code, "extending.md", "exec"), vars(module))
    return module.NeighboursTask()


@pytest.fixture(scope="module")
def evaluations(own_task: object, tmp_path_factory: pytest.TempPathFactory) -> list[Evaluation]:
    """A good and a spoilt encoder, each evaluated with the task of one's own, and with a second
    seed.
    """
    data = preprocess_anndata(
        make_cohort(),
        PreprocessSettings(split="60/15/25"),
        tmp_path_factory.mktemp("cohort") / "planted",
    )
    good = make_pca_encoder(data)
    noise = (
        np.random.default_rng(0).normal(size=good.encoder.layers[0].weight.shape).astype(np.float32)
    )
    bad = replace(good, encoder=Network((Affine(noise, np.zeros(len(noise), dtype=np.float32)),)))
    TASKS.append(own_task)
    try:
        return [
            evaluate_encoder(
                one, data, EvaluationConfig(max_clusters=3), 0, others={1: lambda: good}
            )
            for one in (good, bad)
        ]
    finally:
        TASKS.remove(own_task)


@pytest.fixture
def registered(own_task: object) -> object:
    TASKS.append(own_task)
    yield own_task
    TASKS.remove(own_task)


def test_every_metric_and_table_of_an_evaluation_is_documented(
    evaluations: list[Evaluation], registered: object
) -> None:
    assert [
        key
        for key in evaluations[0].all_metrics
        if not describe_metric(key) and key not in BELONG_TO_NO_TASK
    ] == []
    undocumented = [
        name
        for name in evaluations[0].tables
        if not describe_table(name) and name not in BELONG_TO_NO_TASK
    ]
    assert undocumented == ["neighbour_samples"], "the page leaves it out for brevity"


def test_the_page_of_metrics_is_that_of_the_tasks() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == render_metrics(), (
        "run make mlproject"
    )


def test_every_task_has_its_figures_and_section_or_draws_its_own() -> None:
    names = {task.name for task in TASKS}
    assert set(FIGURES) <= names
    assert {name for section in SECTIONS for name in section.tasks} == names
    assert len(names) == len(TASKS)


def test_a_task_of_ones_own_is_in_metrics_and_verdict(evaluations: list[Evaluation]) -> None:
    good, bad = evaluations
    assert good.metrics["neighbours/accuracy"] > 0.8 > bad.metrics["neighbours/accuracy"]
    assert {"neighbours/accuracy_pca", "neighbours/accuracy_mean", "neighbours/accuracy_sd"} <= set(
        good.metrics
    )
    rows = bad.comparison.rows.set_index(["task", "baseline"])
    assert rows.loc[("neighbours", "PCA"), "quantity"] == "1-NN accuracy"
    assert "neighbours no different from PCA" in good.verdict


def test_a_task_of_ones_own_has_a_section_with_its_metrics(
    evaluations: list[Evaluation], registered: object
) -> None:
    page = render_report(evaluations[0])
    section = page[page.index('<section id="neighbours"') :].split("</section>")[0]
    assert "The label of the nearest train sample among the latents." in section
    assert "share of test samples whose nearest train sample has their label" in section
    assert '<a href="#neighbours">Neighbours</a>' in page


def test_a_task_of_ones_own_is_compared(evaluations: list[Evaluation], registered: object) -> None:
    facts = {
        "encoder": "",
        "cohort": "planted",
        "kind": "",
        "n_latent": "4",
        "n_seeds": "1",
        "split": "f" * 16,
    }
    logged = [
        Logged(name, {**facts, "run": name}, one.comparison.rows, one.tables)
        for name, one in zip(("good", "bad"), evaluations, strict=True)
    ]
    assert "1-NN accuracy" in tabulate_encoders(logged)
    differences, _ = compare_with_first(logged)
    found = differences.set_index("task").loc["neighbours"]
    assert found["difference"] < 0
    assert found["outcome"] == "worse than good"
    assert {"reconstruction", "clustering", "probe", "survival"} < set(differences["task"])


def test_a_task_of_ones_own_is_in_the_page_of_metrics(registered: object) -> None:
    assert "| `neighbours/accuracy` | share of test samples" in render_metrics()


def test_a_skipped_task_leaves_the_reason_as_a_note(own_task: object, tmp_path: Path) -> None:
    cohort = make_cohort()
    cohort.obs["label"] = pd.Categorical(["a"] * cohort.n_obs)
    data = preprocess_anndata(cohort, PreprocessSettings(split="60/15/25"), tmp_path / "one")
    evaluation = evaluate_encoder(make_pca_encoder(data), data, EvaluationConfig(max_clusters=3), 0)
    assert "probe" not in evaluation.results
    assert any(note.startswith("No probe: 1 classes") for note in evaluation.notes)
