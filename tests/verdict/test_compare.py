"""Encoders side by side: from what runs logged to a table, warnings and paired differences."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from genexp.cli import main
from genexp.report.comparison import render_comparison
from genexp.verdict.compare import (
    Logged,
    compare_pair,
    compare_with_first,
    format_encoders,
    render_text,
    tabulate_encoders,
    warn_of_differences,
)

N = 120


def make_logged(
    name: str = "a/1", error: float = 30.0, split: str = "f" * 16, seed: int = 0
) -> Logged:
    """An evaluation of N test samples, the first half of which are pairs of one patient; ``error``
    of a total of 100.
    """
    rng = np.random.default_rng(7)  # what is the same for every encoder
    index = pd.Index([f"s{i}" for i in range(N)], name="sample_id")
    groups = pd.DataFrame(
        {"part": "test", "group": [f"p{i // 2 if i < N // 2 else i}" for i in range(N)]},
        index=index,
    )
    truth, time, event = (
        rng.choice(["x", "y", "z"], N),
        rng.exponential(900, N),
        rng.random(N) < 0.5,
    )
    own = np.random.default_rng(seed)
    errors = pd.DataFrame(
        {"total": 100.0, "encoder": error + own.normal(size=N), "pca": 40.0}, index=index
    )
    guesses = np.where(own.random(N) < 1 - error / 100, truth, "x")
    patients = pd.DataFrame(
        {"part": "test", "time_days": time, "event": event, "risk_encoder": own.normal(size=N)},
        index=index,
    )
    rows = [
        ("reconstruction", "R2", 1 - error / 100, 0.1),
        ("probe", "macro F1", 0.8, 0.0),
        ("clustering", "silhouette", 0.2, 0.0),
    ]
    verdict = pd.DataFrame(
        [
            {"task": task, "quantity": quantity, "baseline": baseline, "encoder": score, "encoder_low": score - 0.05,  # noqa: E501
             "encoder_high": score + 0.05, "difference": gain, "low": gain - 0.02, "high": gain + 0.02}  # noqa: E501
            for task, quantity, score, gain in rows
            for baseline in ("PCA", "NMF")
        ]
    )  # fmt: skip
    facts = {
        "run": "0" * 32,
        "encoder": name,
        "cohort": "toy",
        "kind": "deep",
        "n_latent": "8",
        "n_seeds": "1",
        "split": split,
    }
    tables = {
        "reconstruction_samples": errors,
        "probe_predictions": pd.DataFrame({"truth": truth, "encoder": guesses}, index=index),
    }
    return Logged(name, facts, verdict, tables | {"survival_patients": patients, "split": groups})


def test_table_has_each_score_with_its_interval_and_a_gap_where_there_is_none() -> None:
    table = tabulate_encoders([make_logged(), make_logged("b/1", 35)])
    assert table.loc[
        "a/1", ["R2 gain over PCA", "R2 gain over PCA_low", "R2 gain over PCA_high"]
    ].tolist() == pytest.approx([0.1, 0.08, 0.12])
    assert table.loc["b/1", "macro F1"] == 0.8
    assert not {"ARI with the label", "C-index"} & set(table), (
        "a silhouette is no ARI, and there is no survival"
    )
    with_survival = make_logged("c/1")
    survival = with_survival.verdict.iloc[2:3].assign(task="survival", quantity="C-index")
    table = tabulate_encoders(
        [
            make_logged(),
            replace(with_survival, verdict=pd.concat([with_survival.verdict, survival])),
        ]
    )
    shown = format_encoders(table).set_index("name")
    assert shown.loc["a/1", "R2 gain over PCA"] == "+0.100 [+0.080, +0.120]"
    assert shown.loc["a/1", "C-index"] == "-"


def test_a_better_encoder_is_better_than_the_first_one_and_the_difference_is_that_of_the_scores() -> (  # noqa: E501
    None
):
    rows, notes = compare_pair(make_logged(error=30), make_logged("b/1", error=20, seed=1))
    found = pd.DataFrame(rows).set_index("task")
    assert notes == []
    assert found.loc["reconstruction", "difference"] == pytest.approx(0.10, abs=0.005)
    assert found.loc["reconstruction", "outcome"] == "better than a/1"
    assert (
        0
        < found.loc["reconstruction", "low"]
        < found.loc["reconstruction", "difference"]
        < found.loc["reconstruction", "high"]
    )
    assert found.loc["survival", "outcome"] == "no different from a/1", "both risks are noise"
    assert (found["n_samples"] == N).all()


def test_an_encoder_does_not_differ_from_itself() -> None:
    rows, _ = compare_pair(make_logged(), make_logged("again"))
    assert [(row["difference"], row["low"], row["high"], row["outcome"]) for row in rows] == [
        (0, 0, 0, "no different from a/1")
    ] * 3


def test_intervals_draw_patients_not_samples() -> None:
    first, second = make_logged(), make_logged("b/1", 25)
    errors = second.samples["reconstruction_samples"]
    # the same for both samples of a patient
    shift = np.repeat(np.random.default_rng(0).normal(scale=20, size=N // 2), 2)
    paired = {"part": "test", "group": [f"p{i // 2}" for i in range(N)]}
    tables = second.samples | {
        "reconstruction_samples": errors.assign(encoder=errors["encoder"] + shift)
    }
    alone = first.samples["split"].assign(group=list(errors.index))
    wide, narrow = (
        compare_pair(
            replace(first, samples=first.samples | {"split": groups}),
            replace(second, samples=tables),
        )[0][0]
        for groups in (alone.assign(**paired), alone)
    )
    assert wide["high"] - wide["low"] > 1.2 * (narrow["high"] - narrow["low"])


def test_different_splits_are_warned_of_and_not_compared_row_by_row() -> None:
    logged = [make_logged(), make_logged("b/1", split="e" * 16), make_logged("c/1")]
    (warning,) = warn_of_differences(logged)
    assert "2 different splits" in warning
    assert "ffffffff: 2 (a/1, c/1); eeeeeeee: 1 (b/1)" in warning
    differences, notes = compare_with_first(logged)
    assert set(differences["encoder"]) == {"c/1"}
    assert notes == ["b/1 and a/1: evaluated on different splits, no paired difference."]
    assert warn_of_differences(logged[:1]) == []


def test_what_was_not_asked_alike_is_not_subtracted() -> None:
    first, second = make_logged(), make_logged("b/1", 20)
    errors, guesses = second.samples["reconstruction_samples"], second.samples["probe_predictions"]
    other = {
        "reconstruction_samples": errors.assign(total=90.0),
        "probe_predictions": guesses.assign(truth="x"),
    }
    rows, notes = compare_pair(first, replace(second, samples=second.samples | other))
    assert [row["task"] for row in rows] == ["survival"]
    assert [note.split(":")[0] for note in notes] == ["reconstruction", "probe"]


def test_too_few_shared_samples_or_events_give_no_difference() -> None:
    def cut(logged: Logged) -> Logged:
        patients = logged.samples["survival_patients"]
        patients = patients.assign(event=np.arange(N) < 4)
        return replace(
            logged,
            samples=logged.samples
            | {
                "survival_patients": patients,
                "probe_predictions": logged.samples["probe_predictions"][:9],
            },
        )

    rows, notes = compare_pair(cut(make_logged()), cut(make_logged("b/1", 20)))
    assert [row["task"] for row in rows] == ["reconstruction"]
    assert notes == [
        "probe: 9 shared test samples, at least 10 are needed, no difference",
        "survival: 4 events among 120 shared test samples, at least 5 are needed, no difference",
    ]


def test_without_a_split_each_sample_is_drawn_alone_and_that_is_said() -> None:
    first, second = (
        replace(one, samples={"reconstruction_samples": one.samples["reconstruction_samples"]})
        for one in [make_logged()] * 2
    )
    rows, notes = compare_pair(first, second)
    assert len(rows) == 1
    assert "intervals may be too narrow" in notes[0]


def test_page_escapes_what_users_named_and_asks_nothing_of_the_network() -> None:
    logged = [make_logged(), make_logged("<script>alert(1)</script>", 20)]
    differences, notes = compare_with_first(logged)
    page = render_comparison(tabulate_encoders(logged), differences, notes)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http" not in page
    assert "better than a/1" in page


def test_text_has_a_line_for_each_difference() -> None:
    logged = [make_logged(), make_logged("b/1", 20)]
    text = render_text(tabulate_encoders(logged), *compare_with_first(logged))
    assert "reconstruction: R2 of b/1 minus a/1 +0.1" in text
    assert "120 test samples: better than a/1" in text


# --- the real command
# -------------------------------------------------------------------------------------------------

EXPERIMENT = "side by side"
JUDGING = ["--max_clusters", "3", "--perplexity", "10"]
SMALL = [
    "--cohort",
    "simulated:200x400",
    "--epochs",
    "3",
    "--hidden",
    "8",
    "--threads",
    "1",
    "--device",
    "cpu",
]


@pytest.fixture(scope="module")
def folder(store: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two encoders were made: ``sbs/1`` of three seeds by main, ``sbs/2`` by train and
    evaluated later.
    """
    folder = tmp_path_factory.mktemp("side by side")
    own = ["--cache", str(folder / "cache"), "--experiment_name", EXPERIMENT]
    assert (
        main(
            [
                "main",
                *own,
                *SMALL,
                *JUDGING,
                "--name",
                "sbs",
                "--n_latent",
                "6",
                "--seeds",
                "3",
                "--run_name",
                "wide",
            ]
        )
        == 0
    )
    assert (
        main(
            ["train", *own, *SMALL, "--name", "sbs", "--n_latent", "2", "--run_name", "unevaluated"]
        )
        == 0
    )
    assert main(["compare", "sbs/1", "sbs/2"]) == 2, "one was never evaluated"
    assert (
        main(
            [
                "evaluate",
                *own,
                *JUDGING,
                "--cohort",
                "simulated:200x400",
                "--encoder",
                "sbs/2",
                "--run_name",
                "narrow",
            ]
        )
        == 0
    )
    return folder


def test_seeds_through_the_command_are_nested_runs_and_one_registered_encoder(
    folder: Path, store: str
) -> None:
    client = MlflowClient(store)
    version = client.get_model_version("sbs", "1")
    run = client.get_run(version.run_id)
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    )
    assert sorted(child.info.run_name for child in children) == ["seed 1", "seed 2"]
    assert all(
        len(client.get_metric_history(child.info.run_id, "loss/val")) == 4 for child in children
    )
    assert {
        "loss/val_best_mean",
        "loss/val_best_sd",
        "r2/val_gain_mean",
        "r2/val_gain_sd",
        "r2/test_mean",
        "r2/test_sd",
    } <= set(run.data.metrics)
    best = min(
        [
            run.data.metrics["loss/val_best"],
            *(child.data.metrics["loss/val_best"] for child in children),
        ]
    )
    assert float(version.tags["loss/val"]) == pytest.approx(
        run.data.metrics["loss/val_best"], rel=1e-6
    )
    assert run.data.metrics["loss/val_best"] == best
    assert "over 3 seeds" in run.data.tags["mlflow.note.content"]
    seeds = pd.read_csv(
        client.download_artifacts(run.info.run_id, "evaluation/seeds.tsv"), sep="\t"
    )
    assert seeds["seed"].tolist() == ["0", "1", "2", "mean", "sd"]
    assert seeds.loc[seeds["registered"].astype(str) == "True", "seed"].tolist() == [
        run.data.tags["training_seed"]
    ]
    assert run.data.tags["test_openings"] == "1"


def test_registered_encoders_are_compared_by_name_and_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "out" / "comparison.html"
    assert main(["compare", "sbs@champion", "sbs/2", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "reconstruction: R2 of sbs/2 minus sbs@champion -0." in printed
    assert "worse than sbs@champion" in printed
    assert "drawn singly" not in printed
    assert "paired differences are those of the registered encoders" in printed
    assert "Encoders compared" in out.read_text()


def test_an_experiment_is_summed_up_by_its_evaluations(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "summary.tsv"
    assert main(["compare", "--experiment_name", EXPERIMENT, "--out", str(out)]) == 0
    assert "minus" not in capsys.readouterr().out
    table = pd.read_csv(out, sep="\t").set_index("name")
    assert {"wide", "narrow"} <= set(table.index)
    assert "unevaluated" not in table.index
    assert not [name for name in table.index if name.startswith("seed ")], (
        "children have no evaluation"
    )
    assert table.loc["wide", ["n_latent", "n_seeds", "cohort", "kind"]].tolist() == [
        6,
        3,
        "simulated",
        "deep",
    ]
    assert (
        table.loc["wide", "C-index_low"]
        < table.loc["wide", "C-index"]
        < table.loc["wide", "C-index_high"]
    )


@pytest.mark.usefixtures("folder")
def test_a_run_without_an_evaluation_is_refused(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    child = client.search_runs([experiment.experiment_id], "attributes.run_name = 'seed 1'")[
        0
    ].info.run_id
    assert main(["compare", "sbs/1", child]) == 2
    assert f"found no evaluation of {child}" in " ".join(capsys.readouterr().err.split())


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ([], "expected two evaluations or more, or an experiment"),
        (["sbs/1"], "expected two evaluations or more, or an experiment"),
        (
            ["sbs/1", "sbs/2", "--experiment_name", "x"],
            "expected two evaluations or more, or an experiment",
        ),
        (["sbs/1", "sbs/9"], "'sbs/9' names no version"),
        (["sbs/1", "0" * 32], "run " + "0" * 32),
        (["--experiment_name", "nowhere"], "found 'nowhere'"),
        (["sbs/1", "sbs/2", "--out", "table.xlsx"], "expected a file ending in .html, .tsv"),
    ],
)
def test_a_comparison_is_refused(
    options: list[str], fragment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *options]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert fragment in error
    assert "Traceback" not in error


@pytest.mark.usefixtures("folder")
def test_a_deleted_experiment_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    client = MlflowClient()
    client.delete_experiment(client.create_experiment("gone compared"))
    assert main(["compare", "--experiment_name", "gone compared"]) == 2
    assert "'gone compared' was deleted; restore it with 'mlflow experiments restore" in " ".join(
        capsys.readouterr().err.split()
    )
