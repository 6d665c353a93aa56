"""Evaluations of made-up latents, for the tests of pictures and report: every table has the shape
that its class states.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from genexp.evaluation.audit import Audit
from genexp.evaluation.clusters.features import find_features
from genexp.evaluation.clusters.kmeans import Clustering
from genexp.evaluation.clusters.methods import ClusterMethods
from genexp.evaluation.latents import PartLatents
from genexp.evaluation.novelty import Novelty
from genexp.evaluation.probe import Probe
from genexp.evaluation.projection import Embeddings
from genexp.evaluation.reconstruction import Reconstruction
from genexp.evaluation.task import Result, Results
from genexp.explain.attribution import Attribution
from genexp.explain.enrichment import find_enrichment
from genexp.explain.explanation import Explanation
from genexp.explain.signatures import find_signatures
from genexp.survival.prognosis import Prognosis, evaluate_prognosis
from genexp.survival.regression import Survival
from genexp.survival.scores import score_risks
from genexp.verdict.evaluation import Evaluation
from genexp.verdict.verdict import Verdict
from tests.outcomes import unpack

N_LATENT = 6


def make_evaluation(
    labels: Sequence[str] = ("LumA", "LumB", "Basal"),
    k: int = 3,
    survival: bool = True,
    n_samples: int = 150,
    n_genes: int = 60,
    gene_sets: bool = True,
) -> Evaluation:
    """Evaluation of ``n_samples`` samples, one in ten unlabelled; no labels mean no probe."""
    rng = np.random.default_rng(len(labels) + k)
    coordinates = _make_coordinates(labels, k, n_samples, rng)
    n_test = int((coordinates["part"] == "test").sum())
    latents = pd.DataFrame(
        rng.normal(size=(n_samples, N_LATENT)),
        index=coordinates.index,
        columns=[f"latent_{i}" for i in range(N_LATENT)],
    )
    counts = {
        f"n_{part}": int((coordinates["part"] == part).sum()) for part in ("train", "val", "test")
    }
    found, prognosis = _judge_survival(len(labels), k, n_samples) if survival else (None, None)
    summary = {
        "cohort": "planted",
        "scale": "log2_tpm",
        "fingerprint": "0" * 16,
        "split_hash": "f" * 16,
        "n_genes": n_genes,
    }
    summary |= {
        "n_latent": N_LATENT,
        **counts,
        "test_openings": 1,
        "seed": 7,
        "perplexity": 30.0,
        "max_clusters": 10,
    }
    summary |= {
        "versions": {"genexp": "0.1.0", "openTSNE": "1.0.4"},
        "card": {"basis": "rows", "config": {"hidden": "64,16"}},
    }
    results: dict[str, Result] = {
        "reconstruction": _make_reconstruction(coordinates.index[-n_test:], n_genes, rng),
        "clustering": _make_clustering(coordinates, k, bool(labels)),
        "cluster_methods": _make_methods(coordinates, k, bool(labels)),
        **({"probe": _make_probe(coordinates)} if labels else {}),
        **(
            {"survival": found, "prognosis": prognosis}
            if found is not None and prognosis is not None
            else {}
        ),
        "embeddings": Embeddings(coordinates, np.array([0.31, 0.155]), 30.0, _make_faithfulness()),
        "explanation": make_explanation(labels, survival, n_genes, gene_sets),
        "novelty": _make_novelty(coordinates.index[-n_test:], rng),
    }
    return Evaluation(
        results=Results(results),
        audit=Audit(
            pd.DataFrame(
                {"outcome": ["pass"], "found": ["150 different sample ids"]},
                index=pd.Index(["sample ids"], name="check"),
            )
        ),
        comparison=_make_verdict(bool(labels), survival),
        latents=latents,
        summary=summary,
        notes=() if labels else ("No probe: the cohort has no label.",),
    )


def _make_coordinates(
    labels: Sequence[str], k: int, n: int, rng: np.random.Generator
) -> pd.DataFrame:
    index = pd.Index([f"TCGA-{i:04d}-01" for i in range(n)], name="sample_id")
    code = np.arange(n) % max(len(labels), 1)
    names = [None if not labels or i % 10 == 9 else labels[c] for i, c in enumerate(code)]
    part = np.repeat(["train", "val", "test"], [n - 2 * (n // 4), n // 4, n // 4])
    places = {
        f"{name}_{i}": rng.normal(size=n) + 3 * code
        for name in ("tsne", "umap", "pca")
        for i in (1, 2)
    }
    clusters = 1 + code % k
    return pd.DataFrame(
        {"part": part, "label": pd.Categorical(names), "cluster": clusters, **places}, index=index
    )


def _make_reconstruction(index: pd.Index, n_genes: int, rng: np.random.Generator) -> Reconstruction:
    r2 = np.sort(rng.beta(5, 3, n_genes))
    r2[0] = -4.2
    genes = pd.DataFrame(
        {"mse": 1 - r2, "variance": 1.0, "r2": r2, "r2_pca": r2 - 0.02},
        index=[f"GENE{i}" for i in range(n_genes)],
    )
    scores = pd.DataFrame({"mse": [0.44, 0.46], "r2": [0.56, 0.54]}, index=["encoder", "pca"])
    samples = pd.DataFrame({"total": 60.0, "encoder": 26.0, "pca": 27.0}, index=index)
    return Reconstruction(scores, genes, samples)


def _make_clustering(coordinates: pd.DataFrame, k: int, labelled: bool) -> Clustering:
    test = coordinates[coordinates["part"] == "test"]
    scores = pd.DataFrame(
        {"k": k, "silhouette": [0.2, 0.1], "calinski_harabasz": 40.0, "davies_bouldin": 1.5},
        index=["encoder", "pca"],
    )
    choice = pd.DataFrame(
        {"encoder": np.linspace(0.3, 0.1, 9), "pca": 0.1}, index=pd.RangeIndex(2, 11, name="k")
    )
    sizes = pd.crosstab(coordinates["cluster"], coordinates["part"]).reindex(
        columns=["train", "val", "test"], fill_value=0
    )
    samples = pd.DataFrame({"cluster_encoder": test["cluster"], "cluster_pca": test["cluster"]})
    contingency = None
    if labelled:
        scores = scores.assign(ari=[0.4, 0.3], nmi=[0.5, 0.4])
        contingency = pd.crosstab(test["label"].astype(object), test["cluster"]).reindex(
            columns=range(1, k + 1), fill_value=0
        )
    return Clustering(k, choice, coordinates["cluster"], scores, sizes, contingency, samples)


def _make_faithfulness() -> pd.DataFrame:
    columns = ["trustworthiness", "neighbours", "trustworthiness_test", "neighbours_test"]
    return pd.DataFrame(
        [[0.95, 0.5, 0.9, 0.4]] * 3,
        index=pd.Index(["tsne", "umap", "pca"], name="map"),
        columns=columns,
    )


def _make_methods(coordinates: pd.DataFrame, k: int, labelled: bool) -> ClusterMethods:
    train, test = (coordinates[coordinates["part"] == part] for part in ("train", "test"))
    index = pd.Index(["k-means", "Gaussian mixture", "Ward"], name="method")
    scores = pd.DataFrame(
        {"k": float(k), "silhouette_train": 0.2, "stability": [0.95, 0.8, 0.7]}, index=index
    )
    scores = scores.assign(
        silhouette=0.2,
        calinski_harabasz=40.0,
        davies_bouldin=1.5,
        silhouette_low=0.1,
        silhouette_high=0.3,
    )
    if labelled:
        scores = scores.assign(
            ari=0.4, nmi=0.5, ari_low=0.3, ari_high=0.5, nmi_low=0.4, nmi_high=0.6
        )
    choice = pd.DataFrame(
        {method: np.linspace(0.3, 0.1, 9) for method in index}, index=pd.RangeIndex(2, 11, name="k")
    )
    clusters = train["cluster"].sort_values(kind="stable")[:400]
    together = (clusters.to_numpy()[:, None] == clusters.to_numpy()).astype(float)
    features = find_features(test.drop(columns=["part", "cluster"]), test["cluster"].to_numpy())
    return ClusterMethods(
        scores,
        choice,
        pd.DataFrame(together, clusters.index, clusters.index),
        clusters,
        features,
        "test samples",
    )


def _make_novelty(index: pd.Index, rng: np.random.Generator) -> Novelty:
    samples = pd.DataFrame(
        rng.gamma(9.0, 0.1, (len(index), 2)), index=index, columns=["error", "distance"]
    )
    samples = samples.assign(
        p_error=0.5, p_distance=0.5, p=np.linspace(0.01, 1, len(index)), q=0.5, novel=False
    )
    samples.loc[index[:3], ["error", "q", "novel"]] = [4.0, 0.03, True]
    reference = pd.DataFrame(rng.gamma(9.0, 0.1, (99, 2)), columns=["error", "distance"])
    return Novelty(samples.astype({"novel": bool}), reference, 0.01)


def _make_probe(coordinates: pd.DataFrame) -> Probe:
    test = coordinates[(coordinates["part"] == "test") & coordinates["label"].notna()]
    classes = tuple(sorted(coordinates["label"].cat.categories))
    truth = pd.Categorical(test["label"], categories=classes)
    confusion = (
        pd.crosstab(truth, truth, dropna=False).astype(int).rename_axis(index=None, columns=None)
    )
    per_class = pd.DataFrame(
        {
            "n_train": 20,
            "n_test": confusion.sum(axis=1),
            "precision": 0.9,
            "recall": 0.8,
            "f1": 0.85,
            "f1_pca": 0.8,
        }
    )
    per_class.loc[per_class["n_test"] == 0, ["precision", "recall", "f1", "f1_pca"]] = np.nan
    scores = pd.DataFrame(
        {"macro_f1": [0.85, 0.8], "balanced_accuracy": 0.8, "accuracy": 0.9, "C": 0.1},
        index=["encoder", "pca"],
    )
    predictions = pd.DataFrame(
        {
            "truth": test["label"].astype(str),
            "encoder": test["label"].astype(str),
            "pca": test["label"].astype(str),
        }
    )
    weights = pd.DataFrame(np.eye(len(classes), N_LATENT), index=pd.Index(classes, name="class"))
    return Probe(classes, scores, per_class.rename_axis("class"), confusion, predictions, weights)


@cache
def _judge_survival(n_labels: int, k: int, n_samples: int) -> tuple[Survival, Prognosis]:
    """Both are the same for every evaluation of this shape, and the second takes a second."""
    rng = np.random.default_rng(n_labels + k)
    coordinates = _make_coordinates([str(label) for label in range(n_labels)], k, n_samples, rng)
    survival = _make_survival(coordinates, rng)
    return survival, _make_prognosis(survival, coordinates, rng)


def _make_survival(coordinates: pd.DataFrame, rng: np.random.Generator) -> Survival:
    used = coordinates[coordinates["part"] != "val"]
    used = used.iloc[:: -(-len(used) // 400)]
    patients = pd.DataFrame(
        {"part": used["part"], "group": used.index, "cluster": used["cluster"]}, index=used.index
    )
    patients["time_days"] = np.ceil(rng.exponential(1200, len(used))) + 1
    patients["event"] = rng.random(len(used)) < 0.4
    patients["risk_encoder"], patients["risk_pca"] = rng.normal(size=(2, len(used)))
    test = patients[patients["part"] == "test"]
    steps = pd.concat(
        [
            _estimate_survival(own).assign(cluster=cluster)
            for cluster, own in test.groupby("cluster")
        ],
        ignore_index=True,
    )
    ratio = np.exp(np.linspace(-0.5, 0.4, N_LATENT))
    cox = pd.DataFrame(
        {
            "hazard_ratio": ratio,
            "low": ratio / 1.2,
            "high": ratio * 1.2,
            "p": 0.01,
            "q": 0.03,
            "joint_hazard_ratio": ratio,
        }
    )
    cox = cox.set_axis(pd.Index([f"latent_{i}" for i in range(N_LATENT)], name="latent"))
    cox.loc["latent_0", ["hazard_ratio", "low", "high"]] = [1.0, 0.0, np.inf]
    scores = pd.DataFrame({"c_index": [0.62, 0.61], "penalty": 0.1}, index=["encoder", "pca"])
    log_rank_p = 0.012 if test["cluster"].nunique() > 1 else float("nan")
    return Survival(
        scores,
        score_risks(patients, ["encoder", "pca"], seed=0),
        cox,
        steps,
        log_rank_p,
        patients,
        {"no follow-up": 3},
    )


def _make_prognosis(
    survival: Survival, coordinates: pd.DataFrame, rng: np.random.Generator
) -> Prognosis:
    """The real thing, on random genes and patients of random age."""
    parts = {part: coordinates.index[coordinates["part"] == part] for part in ("train", "test")}
    obs = {
        name: pd.DataFrame({"age": rng.normal(60, 9, len(own))}, own) for name, own in parts.items()
    }
    train, test = (
        PartLatents(name, own, {"encoder": rng.normal(size=(len(own), N_LATENT))})
        for name, own in obs.items()
    )
    genes = ["MKI67", "PCNA", "TOP2A", "CCNB1", "CDK1", *(f"GENE{i}" for i in range(20))]
    rows = {
        name: rng.normal(size=(len(own), len(genes))).astype(np.float32)
        for name, own in parts.items()
    }
    return unpack(evaluate_prognosis(survival, rows, train, test, genes, seed=0))[0]


def _estimate_survival(patients: pd.DataFrame) -> pd.DataFrame:
    """Kaplan-Meier steps by hand: the product of 1 - events / at risk."""
    rows = [{"time_days": 0.0, "survival": 1.0, "at_risk": len(patients), "events": 0}]
    for time in np.sort(patients.loc[patients["event"], "time_days"].unique()):
        at_risk = int((patients["time_days"] >= time).sum())
        events = int((patients["event"] & (patients["time_days"] == time)).sum())
        rows.append(
            {
                "time_days": time,
                "survival": rows[-1]["survival"] * (1 - events / at_risk),
                "at_risk": at_risk,
                "events": events,
            }
        )
    steps = pd.DataFrame(rows)
    return steps.assign(
        low=(steps["survival"] - 0.1).clip(0), high=(steps["survival"] + 0.1).clip(upper=1)
    )


def _make_verdict(labelled: bool, survival: bool) -> Verdict:
    tasks = [
        ("reconstruction", "R2", 0.56, 0.02, 0.005, "better than PCA"),
        ("clustering", "silhouette", 0.2, -0.1, 0.02, "worse than PCA"),
    ]
    tasks += [("probe", "macro F1", 0.85, 0.05, 0.08, "no different from PCA")] if labelled else []
    tasks += (
        [("survival", "C-index", 0.62, 0.01, 0.05, "no different from PCA")] if survival else []
    )
    rows = [
        {"task": task, "quantity": quantity, "baseline": "PCA", "encoder": score, "encoder_low": score - 0.05, "encoder_high": score + 0.05,  # noqa: E501
         "baseline_score": score - gain, "difference": gain, "low": gain - half, "high": gain + half, "outcome": outcome,  # noqa: E501
         "sentence": f"{task}: {outcome}"}
        for task, quantity, score, gain, half, outcome in tasks
    ]  # fmt: skip
    return Verdict(pd.DataFrame(rows), ", ".join(f"{row['task']} {row['outcome']}" for row in rows))


def make_explanation(
    labels: Sequence[str], survival: bool, n_genes: int, gene_sets: bool
) -> Explanation:
    """Random strengths, but the first genes, which are one gene set, drive every target."""
    rng = np.random.default_rng(n_genes)
    genes, latents = (
        pd.Index([f"GENE{i}" for i in range(n_genes)], name="gene"),
        [f"latent_{i}" for i in range(N_LATENT)],
    )
    targets = pd.Index(
        [
            *latents,
            *(f"class {label}" for label in sorted(labels)),
            *(["risk"] if survival else []),
        ],
        name="target",
    )
    strength = pd.DataFrame(rng.normal(size=(n_genes, len(targets))), index=genes, columns=targets)
    strength.iloc[:6] += 8.0
    columns = ["completeness_delta", "rho_baselines", "top_baselines", "rho_halves", "top_halves"]
    checks = pd.DataFrame(
        [[0.002, 0.98, 0.9, 0.95, 0.8]] * len(targets), index=targets, columns=columns
    )
    weights = strength[latents].rename_axis(columns=None)
    signatures = find_signatures(
        weights, strength, rng.normal(size=(70, N_LATENT)), rng.normal(size=(20, N_LATENT))
    )
    sets = {"DRIVERS": [*genes[:6]], "OTHERS": [*genes[-20:]]}
    enrichment = find_enrichment(sets, genes, signatures.genes, strength) if gene_sets else None
    named = ("the mean of the train samples", "the mean of the train samples of a")
    attribution = Attribution(strength, strength / 2, checks, 37, "integrated gradients", named)
    return Explanation(attribution, signatures, enrichment)
