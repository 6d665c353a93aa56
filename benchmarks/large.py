"""Large shapes: decomposition, seconds a step and memory where other tools run out of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.plan import Plan
from benchmarks.results import Section, gib, seconds
from benchmarks.sides import Side, take_turns

N_FACTORS = 60
ROWS_AT_A_TIME = 512


def write_factors(folder: Path, n_samples: int, n_genes: int) -> Path:
    """A preprocessed cohort of N_FACTORS linear factors and as much noise, made and written in
    blocks of rows.
    """
    from genexp.preprocessing.split import draw_split
    from genexp.preprocessing.store import write_preprocessed
    from genexp.preprocessing.transform import Transform

    target = folder / "cohorts" / f"factors-{n_samples}x{n_genes}"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    loadings = (rng.standard_normal((N_FACTORS, n_genes)) / np.sqrt(N_FACTORS)).astype(np.float32)
    samples = pd.Index([f"S{i:06d}" for i in range(n_samples)], name="sample_id")
    obs = pd.DataFrame({"group": samples}, index=samples)
    split = pd.DataFrame({"part": draw_split(obs, "70/15/15", 0), "group": samples}, index=samples)
    genes = pd.Index([f"G{j:05d}" for j in range(n_genes)], name="gene")
    transform = Transform(
        "none",
        None,
        np.zeros(n_genes, np.float32),
        np.zeros(n_genes, np.float32),
        np.ones(n_genes, np.float32),
    )

    def rows(chosen: np.ndarray) -> np.ndarray:
        draw = np.random.default_rng(chosen[0])
        noise = draw.standard_normal((len(chosen), n_genes), dtype=np.float32)
        noise += draw.standard_normal((len(chosen), N_FACTORS), dtype=np.float32) @ loadings
        return noise

    report = {"name": target.name, "scale": "log2fc", "policies": {"duplicates": "refuse"}}
    var = pd.DataFrame({"source": genes}, index=genes)
    return write_preprocessed(target, rows, obs, split, var, transform, report, {}).folder


def stages(
    folder: str, hidden: list[int], n_latent: int, basis: str, n_steps: int, train: bool
) -> Iterator[dict[str, Any]]:
    """Decomposition, some steps, and the encoder in genes; each turn anew after the first, which
    decomposes.
    """
    import shutil

    import torch

    from genexp.model.types import create_model_type
    from genexp.preprocessing import load_preprocessed
    from genexp.settings.training import EncoderConfig
    from genexp.training.basis import build_basis
    from genexp.training.build import build_model, load_rows
    from genexp.training.loop import fit_autoencoder, train_epoch
    from genexp.training.optimiser import build_optimiser
    from genexp.training.targets import NO_TARGETS
    from genexp.training.train import build_encoder

    data = load_preprocessed(Path(folder))
    for name in ("row_space", "principal"):
        shutil.rmtree(data.folder / name, ignore_errors=True)
    config = EncoderConfig(
        hidden=hidden, n_latent=n_latent, basis=basis, epochs=1, patience=1, minibatch=256
    )
    start = time.perf_counter()
    built = build_basis(data, basis, config.n_latent)
    decomposed = time.perf_counter() - start
    figures = {
        "decomposition": decomposed,
        "basis": built.name,
        "shape": data.matrix("train").shape,
    }
    if train:
        start = time.perf_counter()
        fitted = fit_autoencoder(built, create_model_type(config), 0)
        figures |= {
            "training": time.perf_counter() - start,
            "r2": float(fitted.history["r2/val"].max()),
        }
        figures["r2_pca"] = float(fitted.history["r2/val"][0])
        start = time.perf_counter()
        build_encoder(fitted, built, data, 0.2, {})
        figures["fold"] = time.perf_counter() - start
        del fitted
    model = build_model(built, create_model_type(config))
    optimiser = build_optimiser(model.network, config)
    whole, _ = load_rows(built, NO_TARGETS, torch.device("cpu"))
    rows = whole.pick(torch.arange(min(256 * n_steps, len(whole.x))))
    train_epoch(model, optimiser, whole.pick(torch.arange(min(512, len(whole.x)))), 1)
    while True:
        start = time.perf_counter()
        train_epoch(model, optimiser, rows, 1)
        yield figures | {"step": (time.perf_counter() - start) / n_steps}


def measure_large(
    plan: Plan, shapes: tuple[tuple[int, int], ...] = ((7130, 48978), (10459, 5000), (20000, 20000))
) -> Section:
    """Each shape in the basis that ``auto`` takes; where that is the row space, steps in genes
    stand beside it.
    """
    hidden = [min(2000, plan.hidden[0])]
    n_latent = plan.n_latent
    section = Section(f"Large shapes, {hidden[0]} hidden units, latent {n_latent}")
    rows = []
    for n_samples, n_genes in shapes:
        folder = write_factors(plan.folder, n_samples, n_genes)
        given = {"folder": str(folder), "hidden": hidden, "n_latent": n_latent, "n_steps": 4}
        own = take_turns(
            {"genexp": Side(stages, given | {"basis": "auto", "train": True})}, 1, plan.apart
        )["genexp"][0]
        both = {"genexp": Side(stages, given | {"basis": "auto", "train": False})}
        if own["basis"] == "rows":
            both["genes"] = Side(stages, given | {"basis": "genes", "train": False})
        steps = {
            name: [turn["step"] for turn in turns]
            for name, turns in take_turns(both, plan.repeats, plan.apart).items()
        }
        rows.append(
            {
                "train rows x genes": " x ".join(f"{n:,}" for n in own["shape"]),
                "basis": own["basis"],
                "decomposition": seconds(own["decomposition"]),
                "one epoch and scores": seconds(own["training"]),
                "fold to genes": seconds(own["fold"]),
                "step": seconds(float(np.median(steps["genexp"]))),
                "step in genes": seconds(float(np.median(steps["genes"])))
                if "genes" in steps
                else "",
                "peak memory": gib(own["peak"]),
                "R2 val, PCA": f"{own['r2']:.4f}, {own['r2_pca']:.4f}",
            }
        )
        print(rows[-1], flush=True)
    section.tables = [rows]
    section.notes = [
        (
            f"Cohorts of {N_FACTORS} linear factors and noise of the same variance, made in "
            "blocks and read as memory maps."
        )
    ]
    return section
