"""(a) Training in the row space against the loop that a user would write, and against Lightning."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plain import lightning_epochs, plain_epochs
from benchmarks.plan import PEERS, Plan, Stamps
from benchmarks.results import Ratio, Section, gib, seconds, times
from benchmarks.sides import Side, take_turns


def span_epochs(
    folder: str, hidden: list[int], n_latent: int, turns: int, burst: int = 10
) -> Iterator[dict[str, Any]]:
    """Whole trainings of a few epochs, from the preprocessed cohort to the encoder in genes;
    nothing is kept from one to the next.
    """
    from genexp.preprocessing import load_preprocessed
    from genexp.settings.tracking import RunConfig
    from genexp.settings.training import EncoderConfig
    from genexp.training.train import train_encoder

    data = load_preprocessed(Path(folder))
    config = EncoderConfig(hidden=hidden, n_latent=n_latent, epochs=burst, patience=burst)
    for _ in range(turns):
        shutil.rmtree(data.folder / "row_space", ignore_errors=True)
        stamps = Stamps()
        with tempfile.TemporaryDirectory() as cache:
            trained = train_encoder(data, config, RunConfig(cache=cache), 0.2, stamps)
        basis = trained.encoder.card["basis"]
        del trained
        yield {
            "seconds": float(np.median(np.diff(stamps.ends))),
            "ends": stamps.ends,
            "losses": stamps.losses,
            "basis": basis,
        }


def measure_training(plan: Plan) -> Section:
    """Seconds an epoch, seconds to the plain loop's best validation loss, and peak memory."""
    data = plan.simulated()
    n_train, n_genes = data.matrix("train").shape
    shape = {"hidden": list(plan.hidden), "n_latent": plan.n_latent}
    files = {part: str(data.folder / f"{part}.npy") for part in ("train", "val")}
    own = {"folder": str(data.folder), "turns": plan.repeats + 2}
    sides = {"genexp": Side(span_epochs, own | shape), "plain": Side(plain_epochs, files | shape)}
    if PEERS.exists() and plan.apart:
        sides["lightning"] = Side(lightning_epochs, files | shape | {"turns": 2}, python=str(PEERS))
    found = take_turns(sides, plan.plain_epochs, plan.apart)
    return _compare(
        found, f"{n_train:,} x {n_genes:,}, {'-'.join(map(str, (*plan.hidden, plan.n_latent)))}"
    )


def _compare(found: dict[str, list[dict[str, Any]]], shape: str) -> Section:
    own, plain = found["genexp"], [turn for turn in found["plain"] if turn["chosen"]]
    section = Section(f"(a) Training at {shape}")
    epoch = float(np.median([turn["seconds"] for turn in own]))
    plain_epoch = float(np.median([turn["seconds"] for turn in plain]))
    target = min(turn["loss"] for turn in found["plain"])
    n_epochs = 1 + int(np.argmin([turn["loss"] for turn in found["plain"]]))
    plain_reach = plain_epoch * n_epochs
    reach = float(np.median([_reach(turn, target) for turn in own]))
    peaks = {name: max(turn["peak"] for turn in turns) for name, turns in found.items()}
    section.ratios = [
        Ratio(
            "epoch, plain PyTorch loop",
            seconds(epoch),
            seconds(plain_epoch),
            times(plain_epoch, epoch),
            "30 x",
        ),
        Ratio(
            "to the plain loop's best validation loss",
            seconds(reach),
            seconds(plain_reach),
            times(plain_reach, reach),
            "30 x",
        ),
        Ratio(
            "peak memory, plain PyTorch loop",
            gib(peaks["genexp"]),
            gib(peaks["plain"]),
            times(peaks["plain"], peaks["genexp"]),
            "2 x",
        ),
    ]
    if "lightning" in found:
        other = float(np.median([turn["seconds"] for turn in found["lightning"]]))
        section.ratios.append(
            Ratio("epoch, Lightning", seconds(epoch), seconds(other), times(other, epoch))
        )
        section.ratios.append(
            Ratio(
                "peak memory, Lightning",
                gib(peaks["genexp"]),
                gib(peaks["lightning"]),
                times(peaks["lightning"], peaks["genexp"]),
            )
        )
    best = min(min(turn["losses"]) for turn in own)
    section.notes = [
        "genexp's time to the plain loop's best loss begins at the preprocessed cohort: "
        "decomposition, choice of threads, and "
        f"{_epochs_to(own[0], target)} epochs (epoch 0 is PCA). The plain loop's best "
        f"validation loss, {target:.4f}, came at epoch "
        f"{n_epochs} of {len(found['plain'])}, counted at its median epoch; genexp's was "
        f"{best:.4f} within {len(own[0]['losses']) - 1}.",
        f"Basis of genexp: {own[0]['basis']}. The plain loop ran with {plain[0]['threads']} "
        "thread(s), the faster of 1 and all. Both sides "
        "train in float32 with minibatches of 256; genexp's memory includes decomposition, "
        "folding to genes and the figure.",
    ]
    return section


def _epochs_to(turn: dict[str, Any], target: float) -> int:
    """First epoch whose validation loss is not above the target; the last one where none is."""
    below = np.flatnonzero(np.array(turn["losses"]) <= target)
    return int(below[0]) if len(below) else len(turn["losses"]) - 1


def _reach(turn: dict[str, Any], target: float) -> float:
    if min(turn["losses"]) > target:
        return float("inf")
    return turn["ends"][_epochs_to(turn, target)]
