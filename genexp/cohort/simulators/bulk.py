"""A cohort like TCGA-BRCA whose truths are known: subtypes, programmes, batches and hazards are
planted.

A tumour's expression comes from the activities of programmes (sets of genes that move together).
Most programmes act linearly; some act only inside one subtype, some only together with another one,
and each gene of a saturating programme answers above a threshold of its own, as target genes of a
transcription factor do. So the cohort has a few dozen truths, but more linear components than that:
a principal component analysis recovers much of it and not all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

BRCA_SHAPE = (1218, 20531)
"""Samples and genes of TCGA-BRCA (RNASeqV2), the default."""

SUBTYPES = {"LumA": 566, "LumB": 217, "Basal": 192, "Her2": 82, "Normal-like": 40}
"""PAM50 calls among the 1,097 primary tumours of TCGA-BRCA."""

N_NORMAL, N_METASTATIC = 114, 7
N_PROGRAMMES = 20
N_SATURATING = 8
GATED = {"Basal": 3, "Her2": 5, "LumB": 7}
"""Programmes that act in one subtype only: subtype -> programme whose activity they follow
there."""

SUBTYPE_DISTANCE = 8.0
"""Distance of any two subtypes' centres, in standard deviations of a programme's activity within a
subtype."""

INTERACTIONS = ((0, 4), (1, 6), (2, 8), (4, 11))
"""Pairs of programmes that act together, through the product of their activities."""

LOG_HAZARD_RATIO = {"P00": 0.4, "P04": -0.3, "P10": 0.3, "P12": 0.2}
"""Planted log hazard ratios of one standard deviation (within subtype) of activity."""

LOG_HAZARD_RATIO_AGE = 0.03
"""Planted log hazard ratio of one year of age."""

DEATHS = 0.15
MAX_LEVEL = 21.0
ROWS_AT_A_TIME = 128

GRID = 2.0**-10
"""Activities and loadings are whole multiples of this."""


@dataclass(frozen=True)
class SimulatedCohort:
    """Expression on the log2(normalised count + 1) scale, its annotations, and what was planted.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_genes)
        log2(normalised count + 1).
    obs : DataFrame, (n_samples, n_columns)
        subtype, sample_type, patient_id, age [years], stage, plate, OS_days, OS_event.
    genes : list of str, (n_genes,)
        Gene names, unique.
    truth : dict of DataFrame
        ``activities`` (n_samples, n_features), ``loadings`` (n_genes, n_features) on the log2
        scale, ``saturation`` (n_genes; programme, threshold, weight), ``genes`` (mean,
        signal_share, noise_sd), ``plate_effects`` (n_plates, n_genes), ``hazard`` (log hazard
        ratios), ``samples`` (true subtype, admixture, log hazard).
    """

    X: np.ndarray
    obs: pd.DataFrame
    genes: list[str]
    truth: dict[str, pd.DataFrame]


def simulate_cohort(
    n_samples: int = BRCA_SHAPE[0], n_genes: int = BRCA_SHAPE[1], seed: int = 0
) -> SimulatedCohort:
    """Simulate a cohort; the same arguments give the same values.

    Parameters
    ----------
    n_samples, n_genes : int
        Shape; sample types and subtypes keep the shares of TCGA-BRCA.
    seed : int
        Of everything that is drawn.
    """
    rng = np.random.Generator(np.random.SFC64(seed))
    samples = _draw_samples(n_samples, rng)
    activities = _draw_activities(samples, rng)
    genes = [f"SIM{i:0{len(str(n_genes))}d}" for i in range(1, n_genes + 1)]
    effects = _draw_gene_effects(activities, genes, rng)
    plates = _draw_plates(samples, effects["genes"], rng)
    X = _draw_expression(activities, effects, plates, samples["plate"].to_numpy(), rng)
    hazard = _draw_survival(samples, activities, rng)
    truth = effects | {"activities": activities, "plate_effects": plates, "hazard": hazard}
    truth["samples"] = samples[["true_subtype", "other_subtype", "admixture", "log_hazard"]].copy()
    annotations = [
        "patient_id",
        "sample_type",
        "subtype",
        "age",
        "stage",
        "plate",
        "OS_days",
        "OS_event",
    ]
    return SimulatedCohort(X, samples[annotations].copy(), genes, truth)


def on_grid(values: np.ndarray) -> np.ndarray:
    """Round to whole multiples of ``GRID``, of which float64 holds sums of products exactly.

    A matrix product then has one value, whatever the order in which a machine's linear algebra
    adds; otherwise the last bit of an expected count, and with it here and there a count, would
    depend on the processor and its threads.
    """
    return np.round(values / GRID) * GRID


def share_out(total: int, weights: np.ndarray) -> np.ndarray:
    """Whole numbers in proportion to ``weights`` that sum to ``total`` (largest remainders)."""
    exact = total * weights / weights.sum()
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return counts


def _draw_samples(n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
    """Patients and their samples: one tumour each, for some also the adjacent normal tissue or a
    metastasis.
    """
    n_normal, n_metastatic = (
        round(n * n_samples / BRCA_SHAPE[0]) for n in (N_NORMAL, N_METASTATIC)
    )
    n_patients = n_samples - n_normal - n_metastatic
    subtype = np.repeat(list(SUBTYPES), share_out(n_patients, np.array(list(SUBTYPES.values()))))
    patients = pd.DataFrame(
        {
            "true_subtype": rng.permutation(subtype),
            "age": np.clip(rng.normal(58, 13, n_patients).round(), 26, 90),
        }
    )
    patients["patient_id"] = [f"SIM-{i:0{len(str(n_patients))}d}" for i in range(1, n_patients + 1)]
    patients["other_subtype"] = rng.choice(list(SUBTYPES), n_patients)
    patients["admixture"] = np.where(
        rng.random(n_patients) < 0.25, rng.uniform(0, 0.5, n_patients), 0
    )
    second = rng.permutation(n_patients)[: n_normal + n_metastatic]
    row = np.concatenate([np.arange(n_patients), second])
    kinds = np.repeat(["tumor", "normal", "metastatic"], [n_patients, n_normal, n_metastatic])
    samples = patients.iloc[row].assign(sample_type=kinds, patient=row)
    normal = kinds == "normal"
    samples["subtype"] = samples["true_subtype"].where(~normal)
    samples.loc[normal, "admixture"] = 0.0
    suffix = pd.Series({"tumor": "01", "normal": "11", "metastatic": "06"})
    samples.index = pd.Index(
        samples["patient_id"].to_numpy() + "-" + suffix[kinds].to_numpy(), name="sample_id"
    )
    samples["plate"] = [f"A{i:03d}" for i in rng.integers(0, max(2, n_samples // 45), n_samples)]
    return samples.iloc[rng.permutation(n_samples)].copy()


def _draw_activities(samples: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Activities (n_samples, n_features): programmes, those gated by subtype, products, and normal
    tissue.

    Within a subtype a programme has standard deviation 1; any two subtypes' centres are
    SUBTYPE_DISTANCE apart, and admixed tumours lie between two of them. Half of the variance within
    a subtype is the patient's, so two samples of a patient are alike.
    """
    names = list(SUBTYPES)
    centres = (
        SUBTYPE_DISTANCE
        / np.sqrt(2)
        * np.linalg.qr(rng.normal(size=(N_PROGRAMMES, len(names))))[0].T
    )
    own, other = (
        samples[column].map(names.index).to_numpy() for column in ("true_subtype", "other_subtype")
    )
    alpha = samples["admixture"].to_numpy()[:, None]
    personal = rng.normal(size=(samples["patient"].max() + 1, N_PROGRAMMES))[samples["patient"]]
    values = np.sqrt(0.5) * (personal + rng.normal(size=personal.shape))
    normal = (samples["sample_type"] == "normal").to_numpy()
    values += np.where(normal[:, None], 0, (1 - alpha) * centres[own] + alpha * centres[other])
    features = {f"P{k:02d}": values[:, k] for k in range(N_PROGRAMMES)}
    for name, k in GATED.items():
        features[f"P{k:02d}_in_{name}"] = values[:, k] * ((own == names.index(name)) & ~normal)
    for a, b in INTERACTIONS:
        features[f"P{a:02d}xP{b:02d}"] = values[:, a] * values[:, b] / 2
    features["normal_tissue"] = 4.0 * normal
    return pd.DataFrame(
        on_grid(np.column_stack(list(features.values()))),
        index=samples.index,
        columns=list(features),
    )


def _draw_gene_effects(
    activities: pd.DataFrame, genes: list[str], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Level, spread and programme weights of every gene.

    A gene follows a handful of features, one of them (its home programme) most; the explained share
    of its variance is Beta distributed, so some genes follow closely and others are mostly noise.
    One gene in five is low or silent, as in tissue.
    """
    n_genes, n_features = len(genes), activities.shape[1]
    mean = np.where(
        rng.random(n_genes) < 0.2, rng.normal(-1.5, 2.5, n_genes), rng.normal(8.2, 2.4, n_genes)
    )
    spread = np.exp(rng.normal(-0.1, 0.45, n_genes))
    share = rng.beta(2.6, 1.4, n_genes)
    home = rng.integers(0, n_features, n_genes)
    weights = (
        rng.normal(size=(n_genes, n_features)) * (rng.random((n_genes, n_features)) < 0.15) * 0.5
    )
    weights[np.arange(n_genes), home] += rng.choice(
        [-1.0, 1.0], n_genes, p=[0.35, 0.65]
    ) * rng.gamma(4, 0.3, n_genes)
    weights = on_grid(weights)
    saturation = pd.DataFrame(
        {
            "programme": rng.integers(0, N_SATURATING, n_genes),
            "threshold": rng.normal(0, 1.5, n_genes),
            "weight": np.where(
                rng.random(n_genes) < 0.4,
                rng.choice([-1.0, 1.0], n_genes) * rng.uniform(1, 2.5, n_genes),
                0.0,
            ),
        },
        index=genes,
    )
    scale = np.sqrt(share) * spread / _spread_of_signal(activities.to_numpy(), weights, saturation)
    saturation["weight"] *= scale
    loadings = pd.DataFrame(
        on_grid(weights * scale[:, None]), index=genes, columns=activities.columns
    )
    table = pd.DataFrame(
        {"mean": mean, "signal_share": share, "noise_sd": np.sqrt(1 - share) * spread}, index=genes
    )
    return {"loadings": loadings, "saturation": saturation, "genes": table}


def _spread_of_signal(
    activities: np.ndarray, weights: np.ndarray, saturation: pd.DataFrame, n_rows: int = 200
) -> np.ndarray:
    """Standard deviation of each gene's unscaled signal (n_genes,), over evenly spaced samples."""
    rows = activities[np.linspace(0, len(activities) - 1, min(n_rows, len(activities))).astype(int)]
    signal = rows @ weights.T + _saturate(rows, saturation)
    return np.maximum(signal.std(axis=0), 1e-3)


def _saturate(activities: np.ndarray, saturation: pd.DataFrame) -> np.ndarray:
    """Answer of the saturating genes: weight * tanh(activity - threshold), (n_samples, n_genes)."""
    programme, threshold, weight = (
        saturation[column].to_numpy() for column in ("programme", "threshold", "weight")
    )
    answer = np.zeros((len(activities), len(saturation)), dtype=np.float32)
    answering = np.flatnonzero(weight)
    steps = np.tanh(
        activities.astype(np.float32)[:, programme[answering]]
        - threshold[answering].astype(np.float32)
    )
    answer[:, answering] = steps * weight[answering].astype(np.float32)
    return answer


def _draw_plates(
    samples: pd.DataFrame, table: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Mild shifts of the plates (n_plates, n_genes), with a standard deviation of 0.15 of the
    gene's noise.
    """
    names = sorted(samples["plate"].unique())
    shifts = rng.standard_normal((len(names), len(table)), dtype=np.float32) * (
        0.15 * table["noise_sd"].to_numpy(np.float32)
    )
    return pd.DataFrame(shifts, index=names, columns=table.index)


def _draw_expression(
    activities: pd.DataFrame,
    effects: dict[str, pd.DataFrame],
    plates: pd.DataFrame,
    plate: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Negative-binomial-like counts, normalised for depth: log2(count / depth + 1), (n_samples,
    n_genes) float32.

    Biological spread on the log2 scale is followed by the sampling noise of counts (variance =
    mean), which makes low genes noisy and gives whole numbers with true zeros.
    """
    features, loadings = activities.to_numpy(), effects["loadings"].to_numpy().T
    mean, noise_sd = (
        effects["genes"][column].to_numpy(np.float32) for column in ("mean", "noise_sd")
    )
    base = mean - (on_grid(features.mean(axis=0)) @ loadings).astype(np.float32)
    shifts, plate_of = plates.to_numpy(), plates.index.get_indexer(plate)
    depth = np.exp(rng.normal(0, 0.3, len(features))).astype(np.float32)[:, None]
    X = np.empty((len(features), len(mean)), dtype=np.float32)
    for start in range(0, len(X), ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        level = (features[block] @ loadings).astype(np.float32)
        level += base + shifts[plate_of[block]] + _saturate(features[block], effects["saturation"])
        level += rng.standard_normal(level.shape, dtype=np.float32) * noise_sd
        expected = np.exp2(np.minimum(level, MAX_LEVEL), out=level)
        expected *= depth[block]
        counts = np.rint(
            expected + np.sqrt(expected) * rng.standard_normal(level.shape, dtype=np.float32)
        )
        np.log2(np.maximum(counts, 0) / depth[block] + 1, out=X[block])
    return X


def _draw_survival(
    samples: pd.DataFrame, activities: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Add stage, OS_days and OS_event by proportional hazards on the primary tumour; return the
    planted log hazard ratios.

    Times are Weibull (shape 1.2), T = s (E / exp(eta))^(1/1.2) with E standard exponential and eta
    the log hazard. A death is seen when T <= C, the time of censoring; the scale s is the one at
    which the planted share of patients dies.
    """
    programmes = pd.Series(LOG_HAZARD_RATIO)
    tumours = samples["sample_type"] == "tumor"
    risk = pd.Series(
        (activities.loc[tumours, programmes.index] @ programmes).to_numpy(float),
        index=samples.loc[tumours, "patient"],
    )
    risk = risk.sort_index()
    age = samples.loc[tumours].set_index("patient")["age"].sort_index()
    eta = risk - risk.mean() + LOG_HAZARD_RATIO_AGE * (age - 58)
    unscaled = (rng.exponential(size=len(eta)) / np.exp(eta.to_numpy())) ** (1 / 1.2)
    censored = np.clip(rng.gamma(1.3, 900, len(eta)), 30, 8000)
    scale = np.quantile(censored / unscaled, 1 - DEATHS)
    died = scale * unscaled <= censored
    days = np.maximum(np.ceil(np.where(died, scale * unscaled, censored)), 1)
    bounds = np.quantile(noisy := risk.to_numpy() + rng.normal(0, 2, len(risk)), [0.17, 0.75, 0.98])
    stage = np.array(["Stage I", "Stage II", "Stage III", "Stage IV"])[
        np.searchsorted(bounds, noisy)
    ]
    patient = samples["patient"].to_numpy()
    samples["stage"], samples["OS_days"], samples["OS_event"] = (
        stage[patient],
        days[patient],
        died[patient].astype(int),
    )
    samples["log_hazard"] = eta.to_numpy()[patient]
    return pd.concat([programmes, pd.Series({"age": LOG_HAZARD_RATIO_AGE})]).to_frame(
        "log_hazard_ratio"
    )
