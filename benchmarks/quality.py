"""(b) What the latents hold of test rows: reconstruction, label and survival, beside PCA, NMF and a
plain autoencoder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.plan import REAL, Plan
from benchmarks.results import Ratio, Section

HIDDEN = (512,)
METRICS = {"r2": "R2", "macro_f1": "macro F1", "c_index": "C-index"}
NAMES = {"encoder": "genexp", "pca": "PCA", "nmf": "NMF", "plain": "plain autoencoder"}


@dataclass(frozen=True)
class Cohort:
    """A cohort and its annotations, as parameters of genexp."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)


def real_cohorts() -> list[Cohort]:
    """Three shared cohorts: few genes, the full transcriptome, and z-scores with heavy tails; none
    if they are not here.
    """
    survival = {"time": "OS_days", "event": "OS_event"}
    found: dict[str, tuple[str, str, dict[str, Any]]] = {
        "TCGA-BRCA, 909 genes": (
            "tcga_brca_rnaseq.parquet",
            "tcga_brca_rnaseq_samples.tsv",
            {"label": "pam50"},
        ),
        "five TCGA cohorts, full transcriptome": (
            "tcga_5cohorts_fulltranscriptome.tsv.gz",
            "tcga_5cohorts_fulltranscriptome_samples.tsv",
            {"label": "cancer_type"},
        ),
        "TCGA-BLCA, z-scores": (
            "tcga_survival_zscores.parquet",
            "tcga_survival_zscores_patients.tsv",
            {"where": "cohort == 'BLCA'", "clip": 8, "group": "patient_id"},
        ),
    }
    cohorts = [
        Cohort(name, {"cohort": str(REAL / X), "obs": str(REAL / obs)} | survival | own)
        for name, (X, obs, own) in found.items()
    ]
    return [cohort for cohort in cohorts if REAL.exists()]


def judge_split(plan: Plan, cohort: Cohort, seed: int) -> pd.DataFrame:
    """Scores (representations x metrics) on the test rows of one split; all is fitted on its train
    rows.
    """
    from genexp.evaluation.latents import PartLatents
    from genexp.evaluation.probe import Probe, evaluate_probe
    from genexp.evaluation.reconstruction import evaluate_reconstruction
    from genexp.survival.regression import Survival, evaluate_survival

    data = plan.preprocess(seed=seed, **cohort.values)
    X, (X_test, obs_test) = data.matrix("train"), data.access_test()
    fitted = list(_represent(plan, data, seed))
    train = PartLatents("train", data.obs("train"), {one.name: one.latents(X) for one in fitted})
    test = PartLatents("test", obs_test, {one.name: one.latents(X_test) for one in fitted})
    found = evaluate_reconstruction(
        fitted, X_test, X.mean(axis=0, dtype=np.float64), test, data.var.index
    )
    scores = pd.DataFrame({"r2": found.scores["r2"]})
    probe = evaluate_probe(train, test, seed)
    if isinstance(probe, Probe):
        scores["macro_f1"] = probe.scores["macro_f1"]
    clusters = pd.Series(1, index=train.obs.index.append(test.obs.index))
    survival = evaluate_survival(
        train, test, clusters, [f"latent_{i}" for i in range(plan.n_latent)], seed
    )
    if isinstance(survival, Survival):
        scores["c_index"] = survival.scores["c_index"]
    return scores


def _represent(plan: Plan, data: Any, seed: int) -> Iterator[Any]:
    """The encoder, PCA, NMF, and an autoencoder in genes without a skip connection, each with its
    way back to scaled expression.
    """
    from genexp.evaluation.baselines import Representation, fit_pca

    for name, values in {"encoder": {}, "plain": {"skip": "none", "basis": "genes"}}.items():
        encoder = _train(plan, data, seed, values)
        yield Representation(name, encoder.encoder, partial(_decode, encoder.decoder))
    yield fit_pca(data.matrix("train"), plan.n_latent)
    yield _fit_nmf(data.matrix("train"), plan.n_latent, seed)


def _decode(decoder: Callable[[np.ndarray], np.ndarray], z: np.ndarray) -> np.ndarray:
    return decoder(z.astype(np.float32))


def _train(plan: Plan, data: Any, seed: int, values: dict[str, str]) -> Any:
    from genexp.model.types import create_model_type
    from genexp.settings.training import EncoderConfig
    from genexp.training.basis import build_basis
    from genexp.training.loop import fit_autoencoder
    from genexp.training.threads import choose_threads
    from genexp.training.train import build_encoder

    config = EncoderConfig(hidden=HIDDEN, n_latent=plan.n_latent, epochs=plan.epochs, **values)
    basis = build_basis(data, config.basis, plan.n_latent)
    model_type = create_model_type(config)
    choose_threads(basis, model_type)
    return build_encoder(fit_autoencoder(basis, model_type, seed), basis, data, 0.2, {})


def _fit_nmf(X: np.ndarray, n_latent: int, seed: int) -> Any:
    """Non-negative factors of scaled expression above each gene's lowest train value; what lies
    below counts as 0.
    """
    import warnings

    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    from genexp.evaluation.baselines import Representation

    low = X.min(axis=0)
    model = NMF(n_latent, init="nndsvda", max_iter=200, tol=1e-3, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X - low)
    return Representation(
        "nmf",
        lambda x: model.transform(np.maximum(x - low, 0)),
        lambda z: z.astype(X.dtype) @ model.components_ + low,
    )


def measure_quality(plan: Plan) -> Section:
    """Mean and standard deviation over splits, and genexp's difference to PCA split by split."""
    section = Section(
        f"(b) Test rows, latent {plan.n_latent}: mean (standard deviation) over "
        f"{plan.n_splits} splits grouped by patient"
    )
    rows = []
    for cohort in real_cohorts():
        start = time.perf_counter()
        found = pd.concat(
            {seed: judge_split(plan, cohort, seed) for seed in range(plan.n_splits)}, names=["seed"]
        )
        found = found.swaplevel().sort_index()
        for name, title in NAMES.items():
            scores = found.loc[name]
            shown = {
                METRICS[key]: f"{scores[key].mean():.3f} ({scores[key].std():.3f})"
                for key in scores
            }
            rows.append(
                {"cohort": cohort.name, "representation": title}
                | {title: shown.get(title, "") for title in METRICS.values()}
            )
        section.ratios += [_compare(cohort.name, key, found) for key in found]
        print(f"{cohort.name}: {time.perf_counter() - start:.0f} s", flush=True)
    section.tables = [rows]
    if not rows:
        section.notes = [
            f"Not measured: the real cohorts are not in {REAL.name} (set GENEXP_DATA)."
        ]
        return section
    section.notes = [
        f"genexp is trained as `train` does it, with {HIDDEN[0]} hidden units; the plain "
        "autoencoder is the same network without skip "
        f"connection, in genes, with the same early stopping (patience 10, {plan.epochs} "
        "epochs at most). NMF is fitted on scaled values "
        "above each gene's lowest train value. Macro F1 is that of a logistic probe, C-index "
        "that of a ridge Cox regression, both "
        "fitted on train "
        "rows. Column 'ratio' of the first table: mean difference to PCA over splits, its "
        "standard error, and the splits below PCA."
    ]
    return section


def _compare(cohort: str, key: str, found: pd.DataFrame) -> Ratio:
    own, pca = found.loc["encoder"][key], found.loc["pca"][key]
    gain = own - pca
    error = gain.std() / np.sqrt(len(gain))
    text = f"{gain.mean():+.4f} +- {error:.4f}, {(gain < 0).sum()} of {len(gain)} below"
    target = "never below, above on average" if key == "r2" else "not below beyond 1 standard error"
    return Ratio(
        f"{METRICS[key]}, {cohort}, PCA", f"{own.mean():.3f}", f"{pca.mean():.3f}", text, target
    )
