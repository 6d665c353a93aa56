"""Value of an objective: rank correlation, over trials, of its score on validation samples with the
score on test samples.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.kinds import kind_cohorts
from benchmarks.plan import REAL, Plan
from benchmarks.results import Section

WANTED = {
    "r2": "R2",
    "probe/macro_f1_val": "macro F1",
    "survival/c_index_val": "C-index",
    "cluster/ari_val": "ARI",
}
COHORTS = ("TCGA-BRCA", "five TCGA cohorts", "tumour and normal", "BLCA z-scores")


def judge_trial(plan: Plan, values: dict[str, Any], number: int) -> dict[str, float]:
    """Validation and test scores of one trial of the default space, drawn at random."""
    import optuna
    import torch
    from threadpoolctl import threadpool_limits

    from genexp.settings.parse import parse_settings
    from genexp.settings.verbs import TuneSettings
    from genexp.tuning.space import configure, suggest
    from genexp.verdict.downstream import score_latents

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with threadpool_limits(1):
        data = plan.preprocess(**values)
        settings = parse_settings(TuneSettings, {"epochs": plan.epochs})
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=number))
        suggest(study.ask(), settings.space, min(data.matrix("train").shape) - 1)
        config = configure(settings.space, settings.training, study.get_trials()[0].params)
        encoder, found = _train(data, config, number)
        X_test, obs_test = data.access_test()
        X = np.asarray(data.matrix("train"))
        z, z_test = encoder.encoder(X), encoder.encoder(X_test)
        rest = np.square(X_test - encoder.decoder(z_test), dtype=np.float64).sum()
        test = {"r2": 1 - rest / np.square(X_test - X.mean(axis=0), dtype=np.float64).sum()}
        test |= score_latents(
            {"train": z, "val": z_test}, {"train": data.obs("train"), "val": obs_test}, 0
        )
    return found | {f"test {name}": value for name, value in test.items()}


def _train(data: Any, config: Any, seed: int) -> tuple[Any, dict[str, float]]:
    from genexp.model.types import create_model_type
    from genexp.training.basis import build_basis
    from genexp.training.loop import fit_autoencoder
    from genexp.training.train import build_encoder, encode_rows, summarise
    from genexp.verdict.downstream import score_latents

    basis = build_basis(data, config.basis, config.n_latent)
    fitted = fit_autoencoder(basis, create_model_type(config), seed)
    latents = {part: encode_rows(fitted, getattr(basis, part)) for part in ("train", "val")}
    scores = score_latents(latents, {part: data.obs(part) for part in latents}, 0)
    found = {
        "loss/val": -fitted.loss_val,
        "r2/val_gain": summarise(fitted)["r2/val_gain"],
        "n_latent": float(config.n_latent),
    }
    return build_encoder(fitted, basis, data, 0.2, {}), found | scores


def measure_objectives(plan: Plan) -> Section:
    """Spearman correlations by cohort; + means that the better trial by the objective is the better
    one on test rows.
    """
    if not REAL.exists():
        raise SystemExit("the real cohorts are not here: set GENEXP_DATA to their folder")
    section = Section(
        f"Objectives: Spearman correlation over {plan.n_trials} random trials with what "
        "comes out on test rows"
    )
    rows = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name in COHORTS:
            start = time.perf_counter()
            trials = pd.DataFrame(
                list(
                    pool.map(partial(judge_trial, plan, kind_cohorts()[name]), range(plan.n_trials))
                )
            )
            rows += _correlate(name, trials)
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    section.tables = [rows]
    section.notes = [
        "Trials of the default space (1 to 3 hidden layers, 128 to 1,024 units, 8 to 64 "
        "latents, dropout 0 to 0.5). The loss counts with "
        "its sign turned, so + is good everywhere; 'n_latent' stands beside the objectives "
        "to show how much of each is the width alone."
    ]
    return section


def _correlate(cohort: str, trials: pd.DataFrame) -> list[dict[str, str]]:
    ranks = trials.corr("spearman")
    objectives = [
        name
        for name in ("loss/val", "r2/val_gain", *list(WANTED)[1:], "n_latent")
        if name in trials
    ]
    wanted = {title: f"test {name}" for name, title in WANTED.items()}
    return [
        {"cohort": cohort, "objective": name}
        | {
            title: _write(ranks.loc[name, column]) if column in trials else ""
            for title, column in wanted.items()
        }
        for name in objectives
    ]


def _write(correlation: float) -> str:
    return f"{correlation:+.2f}" if np.isfinite(correlation) else "constant"
