"""Kinds by cohorts: what each kind's latents hold of test rows, beside PCA and all genes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.plan import REAL, Plan
from benchmarks.results import Section
from genexp.config import hash_values

HIDDEN = (512,)
METRICS = {"r2": "R2", "macro_f1": "macro F1", "c_index": "C-index"}
SURVIVAL = {"time": "OS_days", "event": "OS_event"}


@dataclass(frozen=True)
class Variant:
    """A line of the table: parameters of training beside the defaults, and whether it needs a label."""

    name: str
    values: dict[str, Any]
    supervised: bool = False


VARIANTS = (
    Variant("deep", {}),
    Variant("vanilla", {"kind": "vanilla"}),
    Variant("sparse", {"kind": "sparse"}),
    Variant("contractive", {"kind": "contractive"}),
    Variant("denoising, Gaussian", {"kind": "denoising"}),
    Variant("denoising, masks", {"kind": "denoising", "corruption": "mask", "corruption_level": 0.2}),
    Variant("stacked", {"kind": "stacked", "hidden": (), "corruption_level": 0.2}),
    Variant("variational", {"kind": "variational"}),
    Variant("deep + label", {"heads": ("label",)}, supervised=True),
    Variant("denoising + label", {"kind": "denoising", "corruption_level": 1.0, "heads": ("label",)}, supervised=True),
    Variant("centre loss", {"kind": "center_loss"}, supervised=True),
    Variant("classifier", {"kind": "classifier"}, supervised=True),
)


def kind_cohorts() -> dict[str, dict[str, Any]]:
    """Shared cohorts by name, as parameters of genexp."""
    zscores = {"clip": 8, "group": "patient_id"} | SURVIVAL
    files = {
        "TCGA-BRCA": ("tcga_brca_rnaseq.parquet", "tcga_brca_rnaseq_samples.tsv", {"label": "pam50"} | SURVIVAL),
        "five TCGA cohorts": (
            "tcga_5cohorts_fulltranscriptome.tsv.gz",
            "tcga_5cohorts_fulltranscriptome_samples.tsv",
            {"label": "cancer_type"} | SURVIVAL,
        ),
        "tumour and normal": (
            "tcga_paired_tumor_normal.parquet",
            "tcga_paired_tumor_normal_samples.tsv",
            {"label": "cancer_type", "group": "patient_id", "missing": "impute_mean"},
        ),
        "BLCA z-scores": ("tcga_survival_zscores.parquet", "tcga_survival_zscores_patients.tsv", zscores | {"where": "cohort == 'BLCA'"}),
        "LUAD z-scores": ("tcga_survival_zscores.parquet", "tcga_survival_zscores_patients.tsv", zscores | {"where": "cohort == 'LUAD'"}),
    }
    return {name: {"cohort": str(REAL / X), "obs": str(REAL / obs)} | values for name, (X, obs, values) in files.items()}


def judge_split(plan: Plan, values: dict[str, Any], seed: int) -> pd.DataFrame:
    """Scores (representations x metrics) on the test rows of one split; all is fitted on its train rows. Kept, so that a run can go on."""
    import torch
    from threadpoolctl import threadpool_limits

    from genexp.evaluation.downstream import score_test

    torch.set_num_threads(1)
    with threadpool_limits(1):
        data = plan.preprocess(seed=seed, **values)
        kept = plan.folder / f"kinds-{hash_values([data.fingerprint, [vars(variant) for variant in VARIANTS], plan.epochs])}.parquet"
        if not kept.exists():
            score_test(list(_represent(plan, data, seed)), data, seed).to_parquet(kept)
        return pd.read_parquet(kept)


def _represent(plan: Plan, data: Any, seed: int) -> Iterator[Any]:
    """The encoder of each kind, PCA, and all genes; the first is named as the encoder of an evaluation is."""
    from genexp.config import EncoderConfig
    from genexp.evaluation.baselines import Representation, fit_pca, fit_raw
    from genexp.evaluation.results import ENCODER
    from genexp.model.kinds import KINDS
    from genexp.training.basis import build_basis
    from genexp.training.loop import fit_autoencoder
    from genexp.training.targets import build_targets
    from genexp.training.train import build_encoder

    labelled = "label" in data.obs("train")
    for variant in VARIANTS:
        if variant.supervised and not labelled:
            continue
        config = EncoderConfig(**{"hidden": HIDDEN, "n_latent": plan.n_latent, "epochs": plan.epochs} | variant.values)
        basis = build_basis(data, config.basis, plan.n_latent, KINDS[config.kind](config).needs_genes)
        encoder = build_encoder(fit_autoencoder(basis, config, seed, targets=build_targets(data, config)), basis, data, 0.2, {})
        name = ENCODER if variant.name == "deep" else variant.name
        yield Representation(name, encoder.encoder, lambda z, decoder=encoder.decoder: decoder(z.astype(np.float32)))
    yield fit_pca(data.matrix("train"), plan.n_latent)
    yield fit_raw(data.matrix("train"), plan.n_latent, seed)


def measure_kinds(plan: Plan) -> Section:
    """Mean and standard deviation over splits of every kind on every cohort."""
    if not REAL.exists():
        raise SystemExit("the real cohorts are not here: set GENEXP_DATA to their folder")
    section = Section(f"Kinds, latent {plan.n_latent}: mean (standard deviation) over {plan.n_splits} splits grouped by patient")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name, values in kind_cohorts().items():
            start = time.perf_counter()
            found = list(pool.map(partial(judge_split, plan, values), range(plan.n_splits)))
            section.tables.append(_tabulate(name, found))
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    section.notes = [
        f"{HIDDEN[0]} hidden units (vanilla and stacked: none), early stopping (patience 10, {plan.epochs} epochs at most), each kind with "
        "its default parameters or those that it is named after. Macro F1 of a logistic probe, C-index of a ridge Cox regression, both on "
        "latents, fitted on train rows; 'raw genes' are all genes in as many columns as there are directions of the train rows."
    ]
    return section


def _tabulate(cohort: str, found: list[pd.DataFrame]) -> list[dict[str, str]]:
    table = pd.concat(dict(enumerate(found)), names=["seed", "representation"])
    titles = {"encoder": "deep", "pca": "PCA", "raw": "all genes"}
    order = ["pca", "raw", *(name for name in found[0].index if name not in ("pca", "raw"))]
    rows = []
    for name in order:
        scores = table.xs(name, level="representation")
        shown = {}
        for key, title in METRICS.items():
            shown[title] = "" if scores[key].isna().all() else f"{scores[key].mean():.3f} ({scores[key].std():.3f})"
        rows.append({"cohort": cohort, "kind": titles.get(name, name)} | shown)
    return rows
