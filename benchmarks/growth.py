"""(e) How time and memory grow as samples, genes and trials double."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plan import Plan, Stamps
from benchmarks.results import Section, gib, seconds
from benchmarks.sides import Side, take_turns
from benchmarks.tuning import genexp_studies


def stages(folder: str, hidden: list[int], n_latent: int, epochs: int) -> Iterator[dict[str, Any]]:
    """Decomposition, epochs in the row space, and folding to genes."""
    import shutil

    from genexp.model.types import create_model_type
    from genexp.preprocessing import load_preprocessed
    from genexp.settings.training import EncoderConfig
    from genexp.training.basis import build_basis
    from genexp.training.loop import fit_autoencoder
    from genexp.training.train import build_encoder

    data = load_preprocessed(Path(folder))
    shutil.rmtree(data.folder / "row_space", ignore_errors=True)
    start = time.perf_counter()
    basis = build_basis(data, "rows", n_latent)
    decomposed = time.perf_counter()
    stamps = Stamps()
    config = EncoderConfig(
        hidden=hidden, n_latent=n_latent, epochs=epochs, patience=epochs, basis="rows", threads=1
    )
    fitted = fit_autoencoder(basis, create_model_type(config), 0, stamps)
    trained = time.perf_counter()
    build_encoder(fitted, basis, data, 0.2, {})
    yield {
        "decomposition": decomposed - start,
        "epoch": float(np.median(np.diff(stamps.ends))),
        "fold": time.perf_counter() - trained,
        "shape": data.matrix("train").shape,
    }


def measure_growth(plan: Plan) -> Section:
    """Half, whole and double of samples, of genes and of trials."""
    section = Section(f"(e) Growth, hidden {'-'.join(map(str, plan.hidden))}, one thread")
    samples, genes = plan.n_samples // 2, plan.n_genes // 2
    shapes = [
        (samples // 2, genes),
        (samples, genes),
        (samples * 2, genes),
        (samples, genes // 2),
        (samples, genes * 2),
    ]
    rows = []
    for n_samples, n_genes in shapes:
        data = plan.preprocess(
            cohort=f"simulated:{n_samples}x{n_genes}",
            split="85/10/5",
            min_detected=0,
            min_sample_detected=0,
        )
        shape = {"hidden": list(plan.hidden), "n_latent": plan.n_latent}
        side = Side(stages, {"folder": str(data.folder), "epochs": 5} | shape, threads=1)
        turn = take_turns({"genexp": side}, 1, plan.apart)["genexp"][0]
        shown = {name: seconds(turn[name]) for name in ("decomposition", "epoch", "fold")}
        n_train, n_kept = turn["shape"]
        rows.append(
            {"train samples": f"{n_train:,}", "genes": f"{n_kept:,}"}
            | shown
            | {"peak memory": gib(turn["peak"])}
        )
    section.tables = [rows, _grow_trials(plan, samples // 2, genes)]
    return section


def _grow_trials(plan: Plan, n_samples: int, n_genes: int) -> list[dict[str, str]]:
    data = plan.preprocess(
        cohort=f"simulated:{n_samples}x{n_genes}",
        split="85/10/5",
        min_detected=0,
        min_sample_detected=0,
    )
    rows = []
    for n_trials in (max(1, plan.n_trials // 2), plan.n_trials, 2 * plan.n_trials):
        arguments = {
            "folder": str(data.folder),
            "n_trials": n_trials,
            "epochs": plan.trial_epochs,
            "turns": 1,
        }
        turn = take_turns({"genexp": Side(genexp_studies, arguments)}, 1, plan.apart)["genexp"][0]
        rows.append(
            {
                "trials": str(n_trials),
                "time": seconds(turn["seconds"]),
                "peak memory of the driver": gib(turn["peak"]),
            }
        )
    return rows
