"""Kinds by cohorts: what each kind's latents hold of test rows, beside PCA and all genes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.plan import REAL, Plan
from benchmarks.results import Section, read_tables
from genexp.cores import count_cores
from genexp.settings.values import hash_values

HIDDEN = (512,)
METRICS = {"r2": "R2", "macro_f1": "macro F1", "c_index": "C-index"}
SURVIVAL = {"time": "OS_days", "event": "OS_event"}


@dataclass(frozen=True)
class Variant:
    """A line of the table: parameters of training beside the defaults, and whether it needs a
    label.
    """

    name: str
    values: dict[str, Any]
    supervised: bool = False


VARIANTS = (
    Variant("deep", {}),
    Variant("vanilla", {"kind": "vanilla"}),
    Variant("sparse", {"kind": "sparse"}),
    Variant("contractive", {"kind": "contractive"}),
    Variant("denoising, Gaussian", {"kind": "denoising"}),
    Variant(
        "denoising, masks", {"kind": "denoising", "corruption": "mask", "corruption_level": 0.2}
    ),
    Variant("stacked", {"kind": "stacked", "hidden": (), "corruption_level": 0.2}),
    Variant("variational", {"kind": "variational"}),
    Variant("deep + label", {"heads": ("label",)}, supervised=True),
    Variant(
        "denoising + label",
        {"kind": "denoising", "corruption_level": 1.0, "heads": ("label",)},
        supervised=True,
    ),
    Variant("centre loss", {"kind": "center_loss"}, supervised=True),
    Variant("classifier", {"kind": "classifier"}, supervised=True),
    Variant("graph", {"kind": "graph", "graph": str(REAL / "hallmark.gmt")}),
    Variant("convolutional", {"kind": "convolutional"}),
    Variant("convolutional, shuffled", {"kind": "convolutional", "gene_order": "shuffled"}),
)
BASELINES = ("PCA", "all genes")
SHUFFLED_MINUS_ORDERED = "shuffled minus ordered"
"""Line of the paired difference of the last two variants."""


def kind_cohorts() -> dict[str, dict[str, Any]]:
    """Shared cohorts by name, as parameters of genexp."""
    zscores = {"clip": 8, "group": "patient_id"} | SURVIVAL
    files: dict[str, tuple[str, str, dict[str, Any]]] = {
        "TCGA-BRCA": (
            "tcga_brca_rnaseq.parquet",
            "tcga_brca_rnaseq_samples.tsv",
            {"label": "pam50"} | SURVIVAL,
        ),
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
        "BLCA z-scores": (
            "tcga_survival_zscores.parquet",
            "tcga_survival_zscores_patients.tsv",
            zscores | {"where": "cohort == 'BLCA'"},
        ),
        "LUAD z-scores": (
            "tcga_survival_zscores.parquet",
            "tcga_survival_zscores_patients.tsv",
            zscores | {"where": "cohort == 'LUAD'"},
        ),
    }
    return {
        name: {"cohort": str(REAL / X), "obs": str(REAL / obs)} | values
        for name, (X, obs, values) in files.items()
    }


def judge_split(plan: Plan, values: dict[str, Any], seed: int) -> pd.DataFrame:
    """Scores (lines x metrics) on the test rows of one split; all is fitted on its train rows."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    with threadpool_limits(1):
        data = plan.preprocess(seed=seed, **values)
        labelled = "label" in data.obs("train")
        chosen = [
            one
            for one in VARIANTS
            if (one.name in plan.variants or not plan.variants) and (labelled or not one.supervised)
        ]
        found = [_keep(plan, data, [seed, BASELINES], partial(_judge_baselines, plan, data, seed))]
        found += [
            _keep(
                plan,
                data,
                [seed, HIDDEN, vars(one)],
                partial(_judge_variant, plan, data, seed, one),
            )
            for one in chosen
        ]
        return pd.concat(found)


def _keep(
    plan: Plan, data: Any, what: list[Any], judge: Callable[[], pd.DataFrame]
) -> pd.DataFrame:
    """Score of an encoder, kept in a file: an interrupted run continues, and a further variant
    costs its own training only.
    """
    path = (
        plan.folder
        / f"kinds-{hash_values([data.fingerprint, plan.n_latent, plan.epochs, what])}.parquet"
    )
    if not path.exists():
        judge().to_parquet(path)
    return pd.read_parquet(path)


def _judge_baselines(plan: Plan, data: Any, seed: int) -> pd.DataFrame:
    from genexp.evaluation.baselines import fit_pca, fit_raw
    from genexp.evaluation.latents import ENCODER
    from genexp.verdict.downstream import score_test

    X = data.matrix("train")
    pca = replace(fit_pca(X, plan.n_latent), name=ENCODER)
    return score_test([pca, fit_raw(X, plan.n_latent, seed)], data, seed).set_axis(BASELINES)


def _judge_variant(plan: Plan, data: Any, seed: int, variant: Variant) -> pd.DataFrame:
    from genexp.evaluation.baselines import Representation
    from genexp.evaluation.latents import ENCODER
    from genexp.model.types import create_model_type
    from genexp.settings.training import EncoderConfig
    from genexp.training.basis import build_basis
    from genexp.training.loop import fit_autoencoder
    from genexp.training.targets import build_targets
    from genexp.training.train import build_encoder
    from genexp.verdict.downstream import score_test

    config = EncoderConfig(
        **{"hidden": HIDDEN, "n_latent": plan.n_latent, "epochs": plan.epochs} | variant.values
    )
    model_type = create_model_type(config)
    basis = build_basis(data, config.basis, plan.n_latent, model_type.needs_genes)
    encoder = build_encoder(
        fit_autoencoder(basis, model_type, seed, targets=build_targets(data, model_type)),
        basis,
        data,
        0.2,
        {},
    )
    one = Representation(ENCODER, encoder.encoder, lambda z: encoder.decoder(z.astype(np.float32)))
    return score_test([one], data, seed).set_axis([variant.name])


def measure_kinds(plan: Plan) -> Section:
    """Mean and standard deviation over splits of every kind on every cohort; kinds that are not
    asked for keep their earlier lines.
    """
    if not REAL.exists():
        raise SystemExit("the real cohorts are not here: set GENEXP_DATA to their folder")
    section = Section(
        f"Kinds, latent {plan.n_latent}: mean (standard deviation) over {plan.n_splits} "
        "splits grouped by patient"
    )
    earlier = {(row["cohort"], row["kind"]): row for table in read_tables("kinds") for row in table}
    with ProcessPoolExecutor(count_cores(), mp_context=get_context("spawn")) as pool:
        run = pool.map if plan.apart else map
        for name, values in kind_cohorts().items():
            start = time.perf_counter()
            found = pd.concat(
                dict(enumerate(run(partial(judge_split, plan, values), range(plan.n_splits)))),
                names=["seed", "kind"],
            )
            section.tables.append(_tabulate(name, found, earlier))
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    section.notes = [
        f"{HIDDEN[0]} hidden units (vanilla and stacked: none), early stopping (patience 10, "
        f"{plan.epochs} epochs at most), each kind with "
        "its default parameters or those that it is named after. Macro F1 of a logistic "
        "probe, C-index of a ridge Cox regression, both on "
        "latents, fitted on train rows; 'all genes' are they in as many columns as there are "
        "directions of the train rows. graph: the 50 "
        "hallmark sets take the place of the hidden units. None of these cohorts is counts, "
        "which `count` needs: see "
        "`experiments/scrna_denoising`."
    ]
    return section


def _tabulate(
    cohort: str, found: pd.DataFrame, earlier: Mapping[tuple[str, str], dict[str, str]]
) -> list[dict[str, str]]:
    """A line for each baseline, each variant and their difference, those measured now before
    earlier ones.
    """
    lines = {str(kind): scores for kind, scores in found.groupby(level="kind")}
    ordered, shuffled = (lines.get(one.name) for one in VARIANTS[-2:])
    if ordered is not None and shuffled is not None:
        lines[SHUFFLED_MINUS_ORDERED] = shuffled.droplevel("kind") - ordered.droplevel("kind")
    rows = {
        (cohort, kind): {"cohort": cohort, "kind": kind} | _describe(scores)
        for kind, scores in lines.items()
    }
    known = {**earlier, **rows}
    order = [*BASELINES, *(variant.name for variant in VARIANTS), SHUFFLED_MINUS_ORDERED]
    return [known[cohort, kind] for kind in order if (cohort, kind) in known]


def _describe(scores: pd.DataFrame) -> dict[str, str]:
    return {
        title: ""
        if scores[key].isna().all()
        else f"{scores[key].mean():.3f} ({scores[key].std():.3f})"
        for key, title in METRICS.items()
    }
