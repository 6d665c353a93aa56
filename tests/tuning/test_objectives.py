"""Objectives: several at once, each with its worth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genexp.errors import ConfigError
from genexp.preprocessing import Preprocessed
from genexp.settings.parse import parse_settings
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import TuneSettings
from genexp.tuning.figures.search import draw_study
from genexp.tuning.objective import correlate_objectives, find_front
from genexp.tuning.study import FinishedTrial, Study, run_study, select
from genexp.tuning.workers import TrialResult
from genexp.verdict.downstream import list_validation_scores, score_latents
from tests.planted import make_preprocessed

SPACE = {
    "n_latent": "2..8",
    "n_hidden": "8..32",
    "epochs": "4",
    "n_trials": "6",
    "workers": "2",
    "minibatch": "32",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(tmp_path_factory.mktemp("cohorts"), labelled=True)


@pytest.fixture(scope="module")
def study(data: Preprocessed, tmp_path_factory: pytest.TempPathFactory) -> Study:
    settings = parse_settings(
        TuneSettings,
        SPACE | {"objective": "r2/val_gain,probe/macro_f1_val", "kind": "deep,denoising"},
    )
    return run_study(
        data, settings, tmp_path_factory.mktemp("studies"), "same", lambda trial, n: None
    )


def test_every_trial_has_every_score_and_the_front_holds_the_winner(study: Study) -> None:
    table = study.table()
    assert (
        table[["r2/val_gain", "probe/macro_f1_val", "survival/c_index_val", "cluster/ari_val"]]
        .notna()
        .all(axis=None)
    )
    chosen = table[table["selected"]].iloc[0]
    better = (table["r2/val_gain"] > chosen["r2/val_gain"]) & (
        table["probe/macro_f1_val"] > chosen["probe/macro_f1_val"]
    )
    assert not better.any()
    assert "Pareto front" in study.reason
    assert set(table["kind"]) == {"deep", "denoising"}


def test_the_front_and_the_worth_of_objectives_are_drawn(study: Study, tmp_path: Path) -> None:
    drawn = dict(draw_study(study))
    assert {"figures/tuning_front.png", "figures/tuning_worth.png"} <= set(drawn)
    for figure in drawn.values():
        figure.savefig(tmp_path / "figure.png")


def test_the_front_is_what_no_other_beats_in_everything() -> None:
    losses = np.array([[1.0, 5.0], [2.0, 2.0], [3.0, 3.0], [5.0, 1.0], [1.0, 5.0]])
    assert find_front(losses).tolist() == [True, True, False, True, True]


def result(number: int, loss: float, **scores: float) -> TrialResult:
    return TrialResult(
        number,
        "complete",
        loss_val=loss,
        standard_error=0.1,
        scores={name.replace("__", "/"): v for name, v in scores.items()},
    )


def test_worth_says_whether_what_is_minimised_helps_what_is_wanted() -> None:
    """The loss falls while R2 rises with it and macro F1 falls."""
    results = [
        result(i, 10.0 - i, r2__val_gain=0.1 * i, probe__macro_f1_val=1 - 0.1 * i) for i in range(5)
    ]
    worth = correlate_objectives(results)
    assert worth.loc["loss/val", "r2/val_gain"] == pytest.approx(1)
    assert worth.loc["loss/val", "probe/macro_f1_val"] == pytest.approx(-1)


def test_one_objective_takes_its_best_and_several_the_best_mean_rank_of_the_front() -> None:
    scores = [(0.1, 0.9), (0.2, 0.8), (0.3, 0.1), (0.15, 0.7)]
    trials = [
        FinishedTrial(EncoderConfig(), result(i, 1.0, r2__val_gain=a, probe__macro_f1_val=b))
        for i, (a, b) in enumerate(scores)
    ]
    assert select(trials, "best", ("probe/macro_f1_val",))[0].result.number == 0
    assert select(trials, "best", ("r2/val_gain", "probe/macro_f1_val"))[0].result.number == 1


def test_scores_see_a_label_that_is_in_the_latents_and_none_that_is_not(data: Preprocessed) -> None:
    obs = {part: data.obs(part) for part in ("train", "val")}
    rng = np.random.default_rng(0)
    noise = {part: rng.standard_normal((len(table), 3)) for part, table in obs.items()}
    told = {
        part: np.column_stack([z, 9 * (obs[part]["label"] == "high")]) for part, z in noise.items()
    }
    assert score_latents(told, obs, 0)["probe/macro_f1_val"] == 1
    assert score_latents(told, obs, 0)["cluster/ari_val"] == 1
    assert score_latents(noise, obs, 0)["probe/macro_f1_val"] < 0.85
    assert 0 < score_latents(noise, obs, 0)["survival/c_index_val"] < 1


def test_scores_follow_the_annotations() -> None:
    assert list_validation_scores(pd.DataFrame({"group": ["a", "b"]})) == []
    assert list_validation_scores(pd.DataFrame({"label": ["a", None]})) == []
    assert list_validation_scores(pd.DataFrame({"label": ["a", "b"]})) == [
        "probe/macro_f1_val",
        "cluster/ari_val",
    ]


def test_an_objective_that_cannot_be_measured_is_refused_before_any_trial(tmp_path: Path) -> None:
    data = make_preprocessed(tmp_path)
    settings = parse_settings(TuneSettings, SPACE | {"objective": "probe/macro_f1_val"})
    with pytest.raises(ConfigError, match="probe/macro_f1_val cannot be measured on this cohort"):
        run_study(data, settings, tmp_path / "study", "same", lambda trial, n: None)
