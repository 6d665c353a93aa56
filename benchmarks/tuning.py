"""(c) Trials an hour of ``tune`` and of a plain Optuna loop."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plain import plain_trials
from benchmarks.plan import REAL, Plan
from benchmarks.quality import real_cohorts
from benchmarks.results import Ratio, Section, seconds, times
from benchmarks.sides import Side, take_turns


def genexp_studies(folder: str, n_trials: int, epochs: int, turns: int) -> Iterator[dict[str, Any]]:
    """Whole studies, one a turn: decomposition, workers' start, trials, pictures."""
    from genexp.preprocessing import load_preprocessed
    from genexp.settings.parse import parse_settings
    from genexp.settings.verbs import TuneSettings
    from genexp.tracker import NullTracker
    from genexp.tuning.tune import tune_encoder

    data = load_preprocessed(Path(folder))
    for seed in range(turns):
        shutil.rmtree(data.folder / "row_space", ignore_errors=True)
        with tempfile.TemporaryDirectory() as cache:
            settings = parse_settings(
                TuneSettings,
                {
                    "cache": cache,
                    "n_trials": n_trials,
                    "epochs": epochs,
                    "seed": seed,
                    "workers": 2,
                },
            )
            start = time.perf_counter()
            study = tune_encoder(data, settings, NullTracker())
            took = time.perf_counter() - start
        complete = [trial.result for trial in study.trials if trial.result.state == "complete"]
        n_epochs = sum(
            len((trial.result.history or {}).get("loss/val", ())) for trial in study.trials
        )
        yield {
            "seconds": took,
            "best": min(r.loss_val for r in complete),
            "complete": len(complete),
            "epochs": n_epochs,
        }


def measure_tuning(plan: Plan) -> Section:
    """A study and a plain loop on the full transcriptome, or on the simulated cohort where the real
    one is not here.
    """
    data = (
        plan.preprocess(**real_cohorts()[1].values)
        if REAL.exists() and plan.n_genes > 10000
        else plan.simulated()
    )
    n_train, n_genes = data.matrix("train").shape
    files = {part: str(data.folder / f"{part}.npy") for part in ("train", "val")}
    own = {
        "folder": str(data.folder),
        "n_trials": plan.n_trials,
        "epochs": plan.trial_epochs,
        "turns": min(plan.repeats, 2),
    }
    sides = {
        "genexp": Side(genexp_studies, own),
        "plain": Side(plain_trials, files | {"epochs": plan.trial_epochs, "patience": 10}),
    }
    found = take_turns(sides, plan.plain_trials, plan.apart)
    study = float(np.median([turn["seconds"] for turn in found["genexp"]]))
    trial = float(np.mean([turn["seconds"] for turn in found["plain"]]))
    section = Section(f"(c) Tuning on {data.name}, {n_train:,} x {n_genes:,}")
    whole = trial * plan.n_trials
    section.ratios = [
        Ratio(
            f"{plan.n_trials} trials, plain Optuna loop",
            seconds(study),
            seconds(whole),
            times(whole, study),
            "20 x",
        )
    ]
    section.tables = [
        [
            {"what": "genexp tune, 2 workers"}
            | _row(study, plan.n_trials, min(turn["best"] for turn in found["genexp"])),
            {"what": "plain Optuna loop"}
            | _row(whole, plan.n_trials, min(turn["loss"] for turn in found["plain"])),
        ]
    ]
    epochs = [turn["epochs"] for turn in found["plain"]]
    n_epochs = found["genexp"][0]["epochs"] / plan.n_trials
    section.notes = [
        f"Of the plain loop {len(epochs)} trials were run ({np.mean(epochs):.0f} epochs each "
        f"on average, genexp's {n_epochs:.0f}) and "
        f"their mean time was multiplied by {plan.n_trials}. Same space, at most "
        f"{plan.trial_epochs} epochs and patience 10 on both "
        "sides; the plain loop has torch's own number of threads. genexp's time includes "
        "decomposition, the start of the workers and the "
        f"pictures; {found['genexp'][0]['complete']} of its trials were completed, the "
        "others pruned."
    ]
    return section


def _row(took: float, n_trials: int, best: float) -> dict[str, str]:
    return {
        "time": seconds(took),
        "trials an hour": f"{3600 * n_trials / took:.0f}",
        "best validation loss": f"{best:.4f}",
    }
