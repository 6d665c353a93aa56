"""Tuning: deterministic rounds, resumption, pruning by earlier rounds, deaths that cost one
trial.
"""

import json
import os
import shutil
import signal
from pathlib import Path

import optuna
import pytest

from genexp.errors import ConfigError, TrainingError
from genexp.preprocessing import Preprocessed
from genexp.settings.parse import parse_settings
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import TuneSettings
from genexp.training.basis import build_basis
from genexp.tuning import study as study_module
from genexp.tuning.figures.search import draw_study
from genexp.tuning.space import configure, halve, list_grid, suggest
from genexp.tuning.study import FinishedTrial, Study, run_study, select
from genexp.tuning.workers import Job, TrialResult, Workers, count_workers, result_path
from tests.planted import make_preprocessed


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    data = make_preprocessed(tmp_path_factory.mktemp("cohorts"))
    build_basis(data, "rows", 8)
    return data


def settings(**values: str) -> TuneSettings:
    small = {
        "n_latent": "2..8",
        "n_hidden": "8..32",
        "epochs": "6",
        "n_trials": "6",
        "workers": "2",
        "minibatch": "32",
        "basis": "rows",
    }
    return parse_settings(TuneSettings, small | values)


def search(data: Preprocessed, folder: Path, **values: str) -> Study:
    return run_study(data, settings(**values), folder, "same", lambda trial, n: None)


def outcome(study: Study) -> list[tuple]:
    return [
        (t.config, t.result.state, t.result.loss_val, tuple((t.result.history or {})["loss/val"]))
        for t in study.trials
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies") / "whole"


@pytest.fixture(scope="module")
def whole(data: Preprocessed, home: Path) -> Study:
    return search(data, home)


def test_same_seed_and_workers_give_the_same_trials_bit_for_bit(
    data: Preprocessed, whole: Study, tmp_path: Path
) -> None:
    assert outcome(search(data, tmp_path / "again")) == outcome(whole)


def test_another_seed_asks_for_other_trials(whole: Study, tmp_path: Path) -> None:
    other = study_module._open_study(tmp_path, "same")
    study_module._ask(other, settings(seed="1"), 83, 0, None)
    assert other.get_trials()[0].params != whole.frozen.get_trials()[0].params


def test_resumed_study_equals_an_uninterrupted_one(
    data: Preprocessed, whole: Study, home: Path, tmp_path: Path
) -> None:
    """Killed in the second round: one of its trials has a result on disk that nobody told, the
    other has none.
    """
    folder = tmp_path / "killed"
    folder.mkdir()
    killed = study_module._open_study(folder, "same")
    for number in range(4):
        study_module._ask(killed, settings(), 83, number, None)
        if number == 1:
            for told in whole.trials[:2]:
                study_module._tell(killed, told.result)
    for number in range(3):
        shutil.copy(result_path(home, number), folder)
    written = result_path(folder, 2).stat().st_mtime_ns
    assert outcome(search(data, folder)) == outcome(whole)
    assert result_path(folder, 2).stat().st_mtime_ns == written


def test_a_finished_study_is_read_not_repeated(
    data: Preprocessed, whole: Study, home: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(home, tmp_path / "whole")
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("trial_*.json")}
    assert outcome(search(data, folder)) == outcome(whole)
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("trial_*.json")} == before


@pytest.mark.usefixtures("whole")
def test_a_study_of_other_data_is_not_continued(
    data: Preprocessed, home: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(home, tmp_path / "whole")
    with pytest.raises(ConfigError, match="another cohort, space or seed"):
        run_study(data, settings(), folder, "different", lambda trial, n: None)


@pytest.mark.usefixtures("whole")
def test_a_lock_that_a_killed_process_left_in_the_journal_keeps_nobody_waiting(
    data: Preprocessed, home: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(home, tmp_path / "whole")
    (folder / "journal.log.lock").symlink_to("cache/studies/whole/journal.log")
    assert study_module._open_study(folder, "same").get_trials()
    assert not (folder / "journal.log.lock").is_symlink()


def test_two_processes_cannot_run_one_study(data: Preprocessed, tmp_path: Path) -> None:
    with (
        study_module._lock(tmp_path / "busy"),
        pytest.raises(ConfigError, match="running in another process"),
    ):
        search(data, tmp_path / "busy")


def test_a_worker_that_dies_costs_its_trial_not_the_study(
    data: Preprocessed, tmp_path: Path
) -> None:
    endless = EncoderConfig(
        hidden=(16,), n_latent=2, epochs=100000, patience=100000, minibatch=2, basis="rows"
    )
    quick = endless.model_copy(update={"epochs": 2, "patience": 2})
    impossible = EncoderConfig(n_latent=500, basis="rows")
    with Workers(2, 1, data.folder, tmp_path) as workers:
        results = workers.train([Job(0, quick, 0, {}), Job(1, endless, 0, {})])
        first = next(results)
        os.kill(workers.processes[1][0].pid, signal.SIGKILL)
        second = next(results)
        assert (first.state, second.state) == ("complete", "failed")
        assert "out of memory, or killed" in second.reason
        after = {
            result.number: result
            for result in workers.train([Job(2, quick, 0, {}), Job(3, impossible, 0, {})])
        }
    assert after[2].state == "complete"
    assert after[3].state == "failed"
    assert "more than the data allow" in after[3].reason


def test_pruning_compares_with_earlier_rounds_alone(whole: Study) -> None:
    trials = list(whole.trials)
    levels = study_module._prune_levels(trials[:4])
    assert levels == study_module._prune_levels(trials[:4][::-1])
    assert study_module._prune_levels(trials[:3]) == {}
    curves = sorted(min((t.result.history or {})["loss/val"][:6]) for t in trials[:4])
    margin = sorted(t.result.standard_error for t in trials[:4])
    assert levels[5] == pytest.approx((curves[1] + curves[2]) / 2 + (margin[1] + margin[2]) / 2)


def trial(number: int, n_latent: int, loss: float, state: str = "complete") -> FinishedTrial:
    return FinishedTrial(
        EncoderConfig(n_latent=n_latent),
        TrialResult(number, state, loss_val=loss, standard_error=0.1),
    )


def test_one_standard_error_rule_takes_the_smallest_latent_that_is_as_good() -> None:
    trials = [
        trial(0, 64, 1.0),
        trial(1, 16, 1.09),
        trial(2, 8, 1.2),
        trial(3, 16, 1.05),
        trial(4, 4, 1.0, "pruned"),
    ]
    assert select(trials, "one_se")[0].result.number == 3
    assert select(trials, "best")[0].result.number == 0


def test_a_study_without_a_complete_trial_is_an_error_that_says_why() -> None:
    failed = FinishedTrial(EncoderConfig(), TrialResult(0, "failed", "out of memory"))
    with pytest.raises(TrainingError, match="none of 1 trials was completed: out of memory"):
        select([failed], "best")


def test_the_space_is_the_ranges_of_the_settings() -> None:
    asked = settings(n_layers="1..3", dropout="0.1", learning_rate="1e-4..1e-2")
    drawn = draw(asked, n_latent_max=5)
    assert set(drawn.params) == {"n_layers", "n_hidden", "n_latent", "learning_rate"}
    assert drawn.distributions["n_latent"].high == 5
    config = configure(
        asked, asked, {"n_layers": 3, "n_hidden": 32, "n_latent": 5, "learning_rate": 0.002}
    )
    assert (config.hidden, config.dropout, config.learning_rate) == ((32, 16, 8), 0.1, 0.002)
    assert halve(64, 3, 20) == (64, 32, 20)


def draw(asked: TuneSettings, n_latent_max: int = 50) -> optuna.trial.FrozenTrial:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    suggest(study.ask(), asked, n_latent_max)
    return study.get_trials()[0]


def test_parameters_of_a_kind_act_in_its_trials_only() -> None:
    fixed = {"n_layers": "1", "n_hidden": "16", "n_latent": "4", "dropout": "0"}
    for kind, own in {"variational": {"beta"}, "denoising": set(), "deep": set()}.items():
        assert set(draw(settings(**fixed, kind=kind, beta="0.1..10")).params) == own
    asked = settings(**fixed, kind="deep,variational", beta="0.1..10", warm_up="3")
    assert [point.get("beta") for point in list_grid(asked, 50)] == [
        None,
        0.1,
        pytest.approx(1.0),
        pytest.approx(10.0),
    ]
    config = configure(asked, asked, {"kind": "variational", "beta": 2.0})
    assert (config.kind, config.beta, config.warm_up, config.hidden) == (
        "variational",
        2.0,
        3,
        (16,),
    )


@pytest.mark.slow
def test_a_grid_is_tried_once_and_whole(data: Preprocessed, tmp_path: Path) -> None:
    asked = {"n_latent": "2..4", "n_layers": "1", "n_hidden": "8", "dropout": "0", "epochs": "1"}
    study = run_study(
        data,
        settings(**asked, sampler="grid", n_trials="9"),
        tmp_path / "grid",
        "same",
        lambda trial, n: None,
    )
    assert [trial.config.n_latent for trial in study.trials] == [2, 3, 4]


def test_workers_fit_the_memory() -> None:
    assert count_workers(3, 10**12) == 3
    assert count_workers("auto", 10**12) == 1


def test_every_picture_of_a_study_is_drawn(whole: Study, tmp_path: Path) -> None:
    drawn = dict(draw_study(whole))
    assert {Path(name).stem for name in drawn} == {
        "tuning_history",
        "tuning_slice",
        "tuning_parallel",
        "tuning_importances",
        "tuning_worth",
    }
    for figure in drawn.values():
        figure.savefig(tmp_path / "figure.png")


def test_the_table_names_the_selected_trial(whole: Study) -> None:
    table = whole.table()
    assert table["selected"].sum() == 1
    assert len(table) == 6


@pytest.mark.usefixtures("whole")
def test_results_are_plain_json(home: Path) -> None:
    assert json.loads(result_path(home, 0).read_text())["state"] == "complete"
