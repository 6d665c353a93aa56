"""A study: rounds of trials that Optuna proposes, that workers train in parallel, and that are
reported back in order.

The same seed and number of workers give the same trials whatever the timing: a trial's sampler is
seeded by its number, sees only earlier rounds as finished, and pruning compares with earlier rounds
alone. A study lives in a folder of the cache, so an interrupted study continues, and keeps its
finished trials.
"""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genexp.cores import count_cores
from genexp.errors import ConfigError, TrainingError
from genexp.model.model_type import ModelType
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import TuneSettings
from genexp.training.basis import build_basis
from genexp.tuning.objective import (
    LOSS,
    check_objectives,
    correlate_objectives,
    direction,
    find_front,
    orient,
    read_objective,
)
from genexp.tuning.space import configure, list_grid, suggest
from genexp.tuning.workers import Job, TrialResult, Workers, count_workers, read_result

if TYPE_CHECKING:
    import optuna

RUNGS = (5, 10, 20, 40, 80, 160)
"""Epochs at which a trial is compared with earlier rounds, for pruning."""
TRIALS_BEFORE_PRUNING = 4
"""Number of earlier trials that a median needs before it prunes."""


@dataclass(frozen=True)
class FinishedTrial:
    """A finished trial: its configuration and its result."""

    config: EncoderConfig
    result: TrialResult


@dataclass(frozen=True)
class Study:
    """A finished search.

    Parameters
    ----------
    name : str
    trials : tuple of FinishedTrial
        Trials in the order of their numbers.
    selected : FinishedTrial
        Selected trial; ``reason`` says why.
    n_workers : int
    objectives : tuple of str
        Names of the objectives.
    frozen : optuna.study.Study
        Optuna's study, for figures.
    """

    name: str
    trials: tuple[FinishedTrial, ...]
    selected: FinishedTrial
    reason: str
    n_workers: int
    objectives: tuple[str, ...]
    frozen: optuna.study.Study

    def table(self) -> pd.DataFrame:
        """Return one row per trial: state, configuration, losses, seconds, and whether it was
        selected.
        """
        rows = [
            {
                "trial": trial.result.number,
                "selected": trial is self.selected,
                "state": trial.result.state,
                "kind": trial.config.kind,
                "n_latent": trial.config.n_latent,
                "hidden": "-".join(map(str, trial.config.hidden)),
                "dropout": trial.config.dropout,
                "learning_rate": trial.config.learning_rate,
                "weight_decay": trial.config.weight_decay,
                "loss_val": trial.result.loss_val,
                "standard_error": trial.result.standard_error,
                "loss_val_pca": trial.result.loss_pca,
                "best_epoch": trial.result.best_epoch,
                **(trial.result.scores or {}),
                "seconds": trial.result.seconds,
                "reason": trial.result.reason,
            }
            for trial in self.trials
        ]
        return pd.DataFrame(rows).set_index("trial")

    @property
    def objective_correlations(self) -> pd.DataFrame:
        """Correlations of objectives over the complete trials:
        :func:`~genexp.tuning.objective.correlate_objectives`.
        """
        return correlate_objectives(
            [trial.result for trial in self.trials if trial.result.state == "complete"]
        )


def run_study(
    data: Preprocessed,
    settings: TuneSettings,
    folder: Path,
    fingerprint: str,
    on_trial: Callable[[FinishedTrial, int], None],
) -> Study:
    """Search until ``n_trials`` trials have ended, or the time limit is reached.

    Parameters
    ----------
    data : Preprocessed
    settings : TuneSettings
    folder : Path
        Folder of the study; an existing study is resumed.
    fingerprint : str
        Hash of all that must be equal for trials to be comparable.
    on_trial : callable
        Called with each finished trial, in order, and the total number of trials.

    Raises
    ------
    ConfigError
        The model types have losses that cannot be compared, or the folder holds a running study, or
        one of other data or another space.
    TrainingError
        No trial could be completed.
    """
    check_objectives(settings.search.objective, data)
    n_train, n_genes = data.matrix("train").shape
    n_latent_max = min(n_train - 1, n_genes)
    if settings.space.n_latent.low > n_latent_max:
        raise TrainingError(
            f"n_latent={settings.space.n_latent} is more than the data allow: {n_train} "
            f"train samples of {n_genes} genes span at most "
            f"{n_latent_max} dimensions; choose a lower range"
        )
    model_types = _check_model_types(data, settings)
    n_latent = int(min(settings.space.n_latent.high, n_latent_max))
    for needs_genes in dict.fromkeys(model_type.needs_genes for model_type in model_types):
        basis = build_basis(data, settings.training.basis, n_latent, needs_genes)
    n_inputs, n_hidden = basis.train.shape[1], int(settings.space.n_hidden.high)
    n_workers = min(
        count_workers(settings.search.workers, 2 * n_inputs * n_hidden + n_hidden**2),
        settings.search.n_trials,
    )
    n_threads = (
        settings.training.threads
        if settings.training.threads != "auto"
        else max(1, count_cores() // n_workers)
    )
    with _lock(folder), Workers(n_workers, n_threads, data.folder, folder) as workers:
        study = _open_study(folder, fingerprint, settings.search.objective)
        trials = list(_run_rounds(study, workers, settings, folder, n_latent_max, on_trial))
    selected, reason = select(trials, settings.search.selection, settings.search.objective)
    return Study(
        folder.name, tuple(trials), selected, reason, n_workers, settings.search.objective, study
    )


def _check_model_types(data: Preprocessed, settings: TuneSettings) -> list[ModelType]:
    """Refuse model types that this cohort does not suit, before any trial, and model types whose
    losses cannot be compared.
    """
    space = settings.space
    model_types = [
        create_model_type(configure(space, settings.training, {"kind": kind}))
        for kind in space.kind
    ]
    for model_type in model_types:
        model_type.check(data)
    losses = {
        kind: model_type.loss for kind, model_type in zip(space.kind, model_types, strict=True)
    }
    if len(set(losses.values())) > 1:
        listed = ", ".join(f"the loss of {kind} is a {loss}" for kind, loss in losses.items())
        raise ConfigError(
            f"kind={','.join(settings.space.kind)}: expected model types whose losses can be "
            f"compared; {listed}. Search each in a separate "
            "study, and compare their evaluations"
        )
    return model_types


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"the study '{folder.name}' is running in another process; wait until it "
                "ends, or name another study with study_name="
            ) from None
        yield


def _open_study(
    folder: Path, fingerprint: str, objectives: Sequence[str] = (LOSS,)
) -> optuna.study.Study:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(logging.WARNING)
    # A tune that was killed while writing leaves Optuna's lock behind, and the next one would wait
    # for it forever: with a relative
    # path Optuna cannot tell how old its lock is. The folder's lock is held here, so nobody else
    # writes the journal.
    journal = folder.resolve() / "journal.log"
    journal.with_name("journal.log.lock").unlink(missing_ok=True)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(
        storage=storage,
        study_name=folder.name,
        load_if_exists=True,
        directions=[direction(name) for name in objectives],
    )
    stored = study.user_attrs.get("fingerprint")
    if stored is None:
        study.set_user_attr("fingerprint", fingerprint)
    elif stored != fingerprint:
        raise ConfigError(
            f"the study '{folder.name}' has another cohort, space or seed; its trials cannot "
            "be compared with new ones: "
            "name another study with study_name=, or repeat the study with its settings"
        )
    return study


def _run_rounds(
    study: optuna.study.Study,
    workers: Workers,
    settings: TuneSettings,
    folder: Path,
    n_latent_max: int,
    on_trial: Callable[[FinishedTrial, int], None],
) -> Iterator[FinishedTrial]:
    """Finish rounds of one trial per worker; trials of an earlier process are reported, not trained
    again.
    """
    start, n_workers = time.monotonic(), workers.n_workers
    finished: list[FinishedTrial] = []
    grid = list_grid(settings.space, n_latent_max) if settings.search.sampler == "grid" else None
    n_trials = min(settings.search.n_trials, len(grid)) if grid else settings.search.n_trials
    for first in range(0, n_trials, n_workers):
        is_known = len(study.get_trials(deepcopy=False)) > first
        if (
            settings.search.timeout
            and time.monotonic() - start > 60 * settings.search.timeout
            and finished
            and not is_known
        ):
            break
        numbers = range(first, min(first + n_workers, n_trials))
        for number in numbers[max(0, len(study.get_trials(deepcopy=False)) - first) :]:
            _ask(study, settings, n_latent_max, number, grid)
        parameters = [study.get_trials(deepcopy=False)[number].params for number in numbers]
        configs = [configure(settings.space, settings.training, values) for values in parameters]
        prune_above = (
            _prune_levels(finished)
            if settings.search.prune
            and settings.search.objective == (LOSS,)
            and len(settings.space.kind) == 1
            else {}
        )
        results = {
            number: result
            for number in numbers
            if (result := _known_result(study, folder, number)) is not None
        }
        jobs = [
            Job(n, config, settings.run.seed, prune_above)
            for n, config in zip(numbers, configs, strict=True)
            if n not in results
        ]
        results |= {result.number: result for result in workers.train(jobs)}
        for number, config in zip(numbers, configs, strict=True):
            _tell(study, results[number], settings.search.objective)
            finished.append(FinishedTrial(config, results[number]))
            on_trial(finished[-1], n_trials)
            yield finished[-1]


def _ask(
    study: optuna.study.Study,
    settings: TuneSettings,
    n_latent_max: int,
    number: int,
    grid: list[dict[str, Any]] | None,
) -> None:
    from optuna.samplers import RandomSampler, TPESampler

    seed = int(np.random.SeedSequence((settings.run.seed, number)).generate_state(1)[0])
    study.sampler = (
        TPESampler(seed=seed) if settings.search.sampler == "tpe" else RandomSampler(seed=seed)
    )
    if grid:
        study.enqueue_trial(grid[number])
    trial = study.ask()
    suggest(trial, settings.space, n_latent_max)
    assert trial.number == number


def _known_result(study: optuna.study.Study, folder: Path, number: int) -> TrialResult | None:
    """Read a result of an earlier process: its file, or the failure stored in the study."""
    trial = study.get_trials(deepcopy=False)[number]
    if trial.state.name == "FAIL":
        return TrialResult(number, "failed", trial.user_attrs.get("reason", ""))
    return read_result(folder, number)


def _tell(
    study: optuna.study.Study, result: TrialResult, objectives: Sequence[str] = (LOSS,)
) -> None:
    from optuna.trial import Trial, TrialState

    if study.get_trials(deepcopy=False)[result.number].state.is_finished():
        return
    trial = Trial(
        study,
        study._storage.get_trial_id_from_study_id_trial_number(study._study_id, result.number),
    )
    if result.state == "failed":
        trial.set_user_attr("reason", result.reason)
        study.tell(result.number, state=TrialState.FAIL)
        return
    if result.state == "pruned":
        for epoch, loss in enumerate(np.minimum.accumulate((result.history or {})["loss/val"])):
            if epoch in RUNGS:
                trial.report(float(loss), epoch)
        study.tell(result.number, state=TrialState.PRUNED)
        return
    values = [read_objective(result, name) for name in objectives]
    if np.isfinite(values).all():
        study.tell(result.number, values)
    else:
        trial.set_user_attr("reason", "an objective is undefined")
        study.tell(result.number, state=TrialState.FAIL)


def _prune_levels(finished: list[FinishedTrial]) -> dict[int, float]:
    """Compute the loss at each rung above which a trial stops: the median of earlier rounds plus
    their standard error.

    The margin keeps trials that the one-standard-error rule could still select.
    """
    curves = [
        np.minimum.accumulate(t.result.history["loss/val"]) for t in finished if t.result.history
    ]
    margin = (
        float(np.median([t.result.standard_error for t in finished if t.result.history]))
        if curves
        else 0.0
    )
    levels = {}
    for rung in RUNGS:
        reached = [curve[min(rung, len(curve) - 1)] for curve in curves]
        if len(reached) >= TRIALS_BEFORE_PRUNING:
            levels[rung] = float(np.median(reached)) + margin
    return levels


def select(
    trials: list[FinishedTrial], rule: str, objectives: Sequence[str] = (LOSS,)
) -> tuple[FinishedTrial, str]:
    """Select the best trial; return it with the reason.

    By the loss: the lowest, or the fewest latent dimensions within one standard error of it (the
    rule of Breiman et al., Classification and Regression Trees, 1984). By another objective: the
    best. By several: the best mean rank on the Pareto front.
    """
    complete = [trial for trial in trials if trial.result.state == "complete"]
    if not complete:
        reasons = sorted({trial.result.reason for trial in trials if trial.result.reason})
        raise TrainingError(
            f"none of {len(trials)} trials was completed: "
            f"{'; '.join(reasons[:3]) or 'all were pruned'}"
        )
    if tuple(objectives) == (LOSS,):
        return _select_by_loss(complete, rule)
    losses = orient(
        np.array(
            [[read_objective(trial.result, name) for name in objectives] for trial in complete]
        ),
        objectives,
    )
    ranks = pd.DataFrame(losses).rank().mean(axis=1).to_numpy()
    front = find_front(losses)
    winner = complete[int(np.where(front, ranks, np.inf).argmin())]
    scores = ", ".join(f"{name} {read_objective(winner.result, name):.4g}" for name in objectives)
    if len(objectives) == 1:
        return winner, f"best of {len(complete)} trials: {scores}"
    return winner, f"best mean rank of the {front.sum()} trials on the Pareto front: {scores}"


def _select_by_loss(complete: list[FinishedTrial], rule: str) -> tuple[FinishedTrial, str]:
    best = min(complete, key=lambda trial: trial.result.loss_val)
    if rule == "best":
        return best, f"lowest validation loss, {best.result.loss_val:.5g}"
    limit = best.result.loss_val + best.result.standard_error
    within = [trial for trial in complete if trial.result.loss_val <= limit]
    winner = min(within, key=lambda trial: (trial.config.n_latent, trial.result.loss_val))
    return winner, (
        f"fewest latent dimensions ({winner.config.n_latent}) of {len(within)} trials within "
        "one standard error of the lowest validation "
        "loss: "
        f"{winner.result.loss_val:.5g} <= {best.result.loss_val:.5g} + "
        f"{best.result.standard_error:.2g}"
    )
