"""(f) What the tracker costs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plan import Plan
from benchmarks.results import Ratio, Section, seconds
from benchmarks.sides import Side, take_turns


def trainings(
    folder: str, hidden: list[int], n_latent: int, epochs: int, tracked: bool
) -> Iterator[dict[str, Any]]:
    """Trainings of a fixed number of epochs, one a turn, with MLflow on SQLite or with a tracker
    that keeps nothing.
    """
    from genexp.preprocessing import load_preprocessed
    from genexp.settings.tracking import RunConfig
    from genexp.settings.training import EncoderConfig
    from genexp.settings.verbs import PreprocessSettings
    from genexp.tracker import NullTracker
    from genexp.training.train import train_encoder

    config = EncoderConfig(
        hidden=hidden, n_latent=n_latent, epochs=epochs, patience=epochs, threads=1
    )
    data = load_preprocessed(Path(folder))
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{cache}/mlflow.db"
        os.chdir(cache)
        from genexp.tracking.runs import start_run

        run = RunConfig(cache=cache)
        while True:
            begin, busy = time.perf_counter(), time.process_time()
            if tracked:
                with start_run("train", PreprocessSettings(run=run)) as tracker:
                    took = _train(train_encoder, data, config, run, tracker)
            else:
                took = _train(train_encoder, data, config, run, NullTracker())
            yield {
                "seconds": took,
                "whole": time.perf_counter() - begin,
                "busy": time.process_time() - busy,
            }


def _train(train_encoder: Any, data: Any, config: Any, run: Any, tracker: Any) -> float:
    start = time.perf_counter()
    train_encoder(data, config, run, 0.2, tracker)
    return time.perf_counter() - start


def measure_tracking(plan: Plan) -> Section:
    """Share of the time that MLflow costs a training, by the clock and by the processor."""
    from genexp.training.basis import build_basis

    data = plan.simulated()
    build_basis(data, "rows", plan.n_latent)
    arguments = {
        "folder": str(data.folder),
        "hidden": list(plan.hidden),
        "n_latent": plan.n_latent,
        "epochs": plan.epochs // 2,
    }
    sides = {
        name: Side(trainings, arguments | {"tracked": name == "mlflow"}, threads=1)
        for name in ("mlflow", "nothing")
    }
    found = {
        name: turns[-2:] for name, turns in take_turns(sides, plan.repeats, plan.apart).items()
    }
    rows: list[dict[str, Any]] = []
    for name, turns in found.items():
        middle = {
            key: float(np.median([turn[key] for turn in turns]))
            for key in ("seconds", "whole", "busy")
        }
        rows.append({"tracker": name} | middle)
    share = {key: rows[0][key] / rows[1][key] - 1 for key in ("seconds", "whole", "busy")}
    section = Section(
        f"(f) Tracker: {plan.epochs // 2} epochs at {plan.n_samples:,} x {plan.n_genes:,}, "
        "MLflow on SQLite"
    )
    section.ratios = [
        Ratio(
            "cost of the tracker",
            seconds(rows[0]["busy"]),
            seconds(rows[1]["busy"]),
            f"{share['busy']:+.1%}",
            "3 %",
        )
    ]
    columns = {
        "seconds": "training",
        "whole": "with start and end of the run",
        "busy": "processor time of that",
    }
    section.tables = [
        [
            {"tracker": str(row["tracker"])}
            | {title: seconds(row[key]) for key, title in columns.items()}
            for row in rows
        ]
        + [
            {"tracker": "difference"}
            | {title: f"{share[key]:+.1%}" for key, title in columns.items()}
        ]
    ]
    section.notes = [
        (
            "The first line takes processor time, which a busy neighbour changes least. The "
            "store exists before the first turn."
        )
    ]
    return section
