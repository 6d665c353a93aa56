"""Search with tracking: a parent run with a child run per trial, figures, and a table."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from genexp.preprocessing import Preprocessed
from genexp.settings.search import SearchSpace
from genexp.settings.training import EncoderConfig, TrainingConfig
from genexp.settings.values import hash_values, section_values
from genexp.settings.verbs import TuneSettings
from genexp.tracker import Tracker
from genexp.tuning.figures.search import draw_study
from genexp.tuning.space import name_trial
from genexp.tuning.study import FinishedTrial, Study, run_study


def fingerprint_study(data: Preprocessed, settings: TuneSettings) -> str:
    """Hash everything that must be equal for trials to be comparable: data, space, training,
    objective and seed.
    """
    values = section_values(settings, SearchSpace, TrainingConfig)
    return hash_values(
        [
            data.fingerprint,
            values,
            settings.search.objective,
            settings.search.sampler,
            settings.search.prune,
            settings.run.seed,
        ]
    )


def study_folder(data: Preprocessed, settings: TuneSettings) -> Path:
    """Return the folder of a study in the cache, by its name, else by its fingerprint."""
    name = settings.search.study_name or f"{data.name}-{fingerprint_study(data, settings)[:8]}"
    return Path(settings.run.cache) / "studies" / name


def tune_encoder(data: Preprocessed, settings: TuneSettings, tracker: Tracker) -> Study:
    """Search the space; the tracker's run becomes the parent of one run per trial."""
    folder = study_folder(data, settings)
    tracker.set_tags({"study": folder.name})
    best = float("inf")
    with tqdm(
        total=settings.search.n_trials, desc="tune", unit="trial", disable=not sys.stderr.isatty()
    ) as bar:

        def on_trial(trial: FinishedTrial, n_trials: int) -> None:
            nonlocal best
            log_trial(trial, tracker)
            if trial.result.state == "complete":
                best = min(best, trial.result.loss_val)
                tracker.log_metrics(
                    {"tune/loss_val": trial.result.loss_val, "tune/best_loss_val": best},
                    step=trial.result.number,
                )
            line = (
                f"{name_trial(trial.result.number, trial.config)}: {trial.result.state}, loss "
                f"{trial.result.loss_val:.5g}"
            )
            bar.update()
            bar.set_postfix_str(f"best loss {best:.5g}")
            if bar.disable:
                print(
                    f"{line} (best {best:.5g}, {trial.result.number + 1} of {n_trials})",
                    file=sys.stderr,
                )

        study = run_study(data, settings, folder, fingerprint_study(data, settings), on_trial)
    tracker.set_tags(
        {
            "workers": study.n_workers,
            "selected": study.selected.result.number,
            "selection.reason": study.reason,
        }
    )
    tracker.log_table("tuning/trials.tsv", study.table())
    tracker.log_table("tuning/objective_worth.tsv", study.objective_correlations)
    tracker.log_metrics(_name_correlations(study))
    for name, figure in draw_study(study):
        tracker.log_figure(name, figure)
    return study


def log_trial(trial: FinishedTrial, tracker: Tracker) -> None:
    """Log a finished trial as a nested run, with its curves."""
    result = trial.result
    with tracker.child(name_trial(result.number, trial.config)) as child:
        child.log_params(section_values(trial.config, EncoderConfig))
        child.set_tags(
            {"trial": result.number, "state": result.state}
            | ({"reason": result.reason} if result.reason else {})
        )
        history = result.history or {}
        for epoch in range(len(history.get("loss/val", ()))):
            child.log_metrics({name: column[epoch] for name, column in history.items()}, step=epoch)
        if result.state != "failed":
            summary = {
                "loss/val_best": result.loss_val,
                "epoch/best": result.best_epoch,
                "loss/val_pca": result.loss_pca,
            }
            child.log_metrics(
                summary | {"train/seconds": result.seconds} | drop_undefined(result.scores or {})
            )


def _name_correlations(study: Study) -> dict[str, float]:
    """Name the rank correlations of the (first) objective with the others as metrics."""
    first = study.objectives[0]
    if first not in study.objective_correlations:
        return {}
    others = study.objective_correlations.loc[first].drop(first)
    return drop_undefined(
        {f"tune/rho_{name.replace('/', '_')}": float(value) for name, value in others.items()}
    )


def drop_undefined(metrics: Mapping[str, float]) -> dict[str, float]:
    """Drop metrics that are not finite."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
