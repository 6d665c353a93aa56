"""Experiments run, at toy size; what came out at full size stands in their folders."""

from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from experiments.cohorts.readme import list_genes, list_results
from experiments.cohorts.run import add_results
from experiments.keeping import MAX_PICTURE, list_means, put_tables
from experiments.run import ExperimentRun, Job, Tables, list_experiments
from genexp.cli import main
from genexp.settings.verbs import MainSettings
from genexp.tracking.runs import start_run
from tests.small_experiment import run_small


@pytest.mark.slow
def test_cohorts_are_run_and_what_came_out_is_kept(store: str, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "README.md").write_text(
        "before\n<!-- results: written by run.py -->\nold\n<!-- end of results -->\nafter\n"
    )
    kept = run_small("cohorts", tmp_path)
    results = pd.read_csv(kept / "results.tsv", sep="\t")
    assert set(results["kind"]) == {
        "tag",
        "metric",
        "verdict",
        "increment",
        "planted genes",
        "planted hazard",
    }
    assert results.loc[results["name"] == "leakage", "text"].tolist() == ["pass"]
    genes = results[results["kind"] == "planted genes"]
    assert (genes["value"] > 1).all()
    hazards = results[results["kind"] == "planted hazard"]
    assert hazards["outcome"].isin(["covered", "missed"]).all()
    assert (hazards["low"] < hazards["value"]).all()
    assert {path.stat().st_size <= MAX_PICTURE for path in kept.glob("*.png")} == {True}
    readme = (kept / "README.md").read_text()
    assert readme.startswith("before")
    assert readme.endswith("after\n")
    assert "| simulated | R2 " in readme
    assert "old" not in readme


def test_results_list_every_cohort_once() -> None:
    def row(value: float) -> dict[str, object]:
        interval = {"low": 0.1, "high": 0.9, "beside": "PCA", "outcome": "above PCA"}
        return {"kind": "verdict", "name": "probe: macro F1", "value": value, **interval}

    table = add_results(add_results(pd.DataFrame(), "brca", [row(0.6)]), "luad", [row(0.7)])
    assert table[["cohort", "value"]].to_numpy().tolist() == [["brca", 0.6], ["luad", 0.7]]
    assert "| luad |  |  | macro F1 0.700 [0.100, 0.900]: above PCA |  |" in list_results(table)


def test_leading_genes_are_listed_with_their_direction() -> None:
    rows = [
        {"cohort": "sex", "kind": "gene", "name": gene, "value": value}
        for gene, value in (("XIST", 0.2), ("RPS4Y1", -0.1))
    ]
    assert list_genes(pd.DataFrame(rows))[-1] == "| sex | XIST +, RPS4Y1 − |"


def test_unknown_experiments_are_refused_with_those_that_there_are(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        "--experiment",
        "brcaa",
        "--cache",
        str(tmp_path),
        "--experiment_name",
        "experiment unknown",
    ]
    assert main(["main", *options]) == 2
    assert "expected one of" in " ".join(capsys.readouterr().err.split())


def test_every_experiment_has_its_readme_with_the_command() -> None:
    for name in list_experiments():
        text = (Path(__file__).parents[2] / "experiments" / name / "README.md").read_text()
        assert f"experiment={name}" in text
        assert "written by run.py" in text


def count_letters(job: Job) -> Tables:
    with Path(job["log"]).open("a") as file:
        file.write(job["word"] + "\n")
    history = pd.DataFrame({"loss/train": [2.0, 1.0]}, index=pd.RangeIndex(2, name="epoch"))
    return {
        "scores": pd.DataFrame(
            {"letters": [float(len(job["word"]))]}, index=["encoder + label, 2"]
        ),
        "history": history,
    }


def test_jobs_are_nested_runs_and_finished_ones_are_not_run_again(
    store: str, tmp_path: Path
) -> None:
    settings = MainSettings(experiment="cohorts", experiment_name="jobs", cache=str(tmp_path))
    words = {
        word: {"word": word, "log": str(tmp_path / "log")}
        for word in ("adenine", "guanine", "uracil")
    }
    with start_run("main", settings) as tracker:
        experiment = ExperimentRun(settings, tracker)
        experiment.run_jobs(count_letters, {"adenine": words["adenine"]}, workers=1)
        found = experiment.run_jobs(count_letters, words, workers=2)
    assert [float(tables["scores"]["letters"].iloc[0]) for tables in found.values()] == [7, 7, 6]
    assert sorted((tmp_path / "log").read_text().split()) == ["adenine", "guanine", "uracil"]
    children = MlflowClient(store).search_runs(
        [tracker.experiment_id], f"tags.`mlflow.parentRunId` = '{tracker.run_id}'"
    )
    assert sorted(run.info.run_name for run in children) == [
        "adenine",
        "adenine",
        "guanine",
        "uracil",
    ]
    assert {run.data.metrics["scores/letters_encoder___label__2"] for run in children} == {7.0, 6.0}
    assert [
        one.value
        for one in MlflowClient(store).get_metric_history(children[0].info.run_id, "loss/train")
    ] == [2.0, 1.0]


def test_what_the_user_says_goes_before_the_parameters_of_the_experiment(
    store: str, tmp_path: Path
) -> None:
    settings = MainSettings(
        experiment="cohorts", experiment_name="given", cache=str(tmp_path), epochs=3, seed=5
    )
    with start_run("main", settings) as tracker:
        experiment = ExperimentRun(settings, tracker)
        assert experiment.given == {"epochs": "3"}
        assert experiment.encoder_values(epochs=50, hidden=(8,), split="85/15") == {
            "epochs": "3",
            "hidden": (8,),
        }
        experiment.say("a thing came out")
        experiment.describe_kept()
    assert (
        MlflowClient(store).get_run(tracker.run_id).data.tags["mlflow.note.content"]
        == "- a thing came out\n"
    )


def test_means_are_listed_with_their_spread_and_tables_take_the_place_of_earlier_ones(
    tmp_path: Path,
) -> None:
    table = pd.DataFrame(
        {"kind": ["PCA", "deep", "PCA", "deep"], "r2": [0.5, 0.6, 0.7, float("nan")]}
    )
    lines = list_means(table, "kind", {"r2": "R2"}, digits=2)
    assert lines == ["| kind | R2 |", "|---|---|", "| PCA | 0.60 (0.14) |", "| deep | 0.60 |"]
    (tmp_path / "README.md").write_text(
        "<!-- one: written by run.py -->\nold\n<!-- end of one -->\n"
    )
    put_tables(tmp_path / "README.md", {"one": lines, "none": ["x"]})
    assert (tmp_path / "README.md").read_text().splitlines()[1:-1] == lines
    put_tables(tmp_path / "new.md", {"one": lines, "two": ["x"]})
    made = (tmp_path / "new.md").read_text()
    assert "\n".join(lines) in made
    assert "<!-- two: written by run.py -->\nx\n<!-- end of two -->" in made
