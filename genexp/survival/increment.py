"""C-index that the latents add to clinical covariates (age, stage) and to proliferation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from genexp.evaluation.bootstrap import draw_replicates, summarise_replicates
from genexp.survival.cox import c_index
from genexp.survival.regression import choose_cox_penalty, fit_ridge
from genexp.survival.scores import FollowUp

PROLIFERATION = (
    "MKI67", "PCNA", "TOP2A", "CCNB1", "CCNB2", "CDK1", "BUB1", "AURKA", "AURKB", "BIRC5", "CDC20", "TYMS", "RRM2", "UBE2C", "MYBL2",  # noqa: E501
    "MCM2", "MCM6", "PLK1", "TPX2", "FOXM1",
)  # fmt: skip
"""Genes of dividing cells, common to the proliferation signatures of breast and other cancers
(Whitfield et al., Nature Reviews Cancer 2006; Venet et al., PLoS Computational Biology 2011)."""
MIN_GENES = 5
"""Fewest measured proliferation genes for a score."""
MIN_KNOWN = 0.5
"""Share of train patients whose value must be known for a covariate to be used."""
FREEDOM = 10.0
"""Factor on covariates in a model with latents: the ridge penalty on their coefficients is a
hundredth of that on the latents."""
INCREMENT = [
    "known",
    *(
        f"{model}{end}"
        for model in ("covariates", "latents", "both")
        for end in ("", "_low", "_high")
    ),
    *("increment", "low", "high", "sentence"),
]
"""Columns of the increments."""
WORDS = re.compile(r"[\W_]+")
"""Separators of the words in a column's name."""
STAGE = re.compile(r"^(?:stage|tnm)?[\s_-]*(iv|iii|ii|i|0|[1-4])(?:[\s_-]*[abcs][1-3]?)?$")
RANKS = {"i": 1.0, "ii": 2.0, "iii": 3.0, "iv": 4.0}


def read_stage(values: pd.Series) -> pd.Series:
    """Tumour stage as a number, 0 to 4, without its letters: ``Stage IIA`` -> 2; NaN for anything
    else.
    """
    stage = (
        values.astype(str)
        .str.strip()
        .str.lower()
        .str.replace(r"\.0$", "", regex=True)
        .str.extract(STAGE)[0]
    )
    return stage.map(lambda rank: RANKS.get(rank, rank)).astype(float)


def read_age(values: pd.Series) -> pd.Series:
    """Numbers; NaN for anything else."""
    return pd.to_numeric(values, errors="coerce").astype(float)


COVARIATES = {"age": read_age, "stage": read_stage}
"""Clinical covariates, by the word that names their column, and how they are read."""


def read_covariates(obs: pd.DataFrame, in_train: np.ndarray) -> tuple[pd.DataFrame, list[str]]:
    """Clinical covariates that the annotations hold, standardised on train patients.

    Among the columns with the word ``age`` (or ``stage``) in their name, the one known for most
    train patients is used. It must be known for a share ``MIN_KNOWN`` of them and vary. A missing
    value becomes the train median.

    Parameters
    ----------
    obs : DataFrame, (n_patients, ...)
        Annotations of train and test patients.
    in_train : ndarray of bool, (n_patients,)

    Returns
    -------
    covariates : DataFrame of float64, (n_patients, 0 to 2)
        Columns ``age`` and ``stage``, where they exist.
    notes : list of str
        Names of the columns, and numbers of missing values.
    """
    covariates, notes = {}, []
    for word, read in COVARIATES.items():
        columns = {
            str(column): read(obs[column])
            for column in obs
            if word in re.split(WORDS, str(column).lower())
        }
        usable = {name: values for name, values in columns.items() if _is_usable(values[in_train])}
        if not usable:
            continue
        name = max(usable, key=lambda name: usable[name][in_train].notna().sum())
        missing = int(usable[name].isna().sum())
        filled = (
            f"; {missing} of {len(obs)} patients lack it and got the train median"
            if missing
            else ""
        )
        notes.append(f"Survival: {word} is the column {name!r}{filled}.")
        values = usable[name].fillna(usable[name][in_train].median())
        covariates[word] = (values - values[in_train].mean()) / values[in_train].std(ddof=0)
    return pd.DataFrame(covariates, index=obs.index), notes


def _is_usable(train: pd.Series) -> bool:
    return bool(train.notna().mean() >= MIN_KNOWN and train.nunique() > 1)


def score_proliferation(
    X: np.ndarray, in_train: np.ndarray, symbols: Sequence[str]
) -> tuple[np.ndarray | None, int]:
    """Mean z-score (n,) of the measured ``PROLIFERATION`` genes, each standardised on train rows;
    and how many are measured.

    None where fewer than ``MIN_GENES`` of them are measured and vary.

    Parameters
    ----------
    X : ndarray of float32, (n, n_genes)
        Rows of train and test patients.
    in_train : ndarray of bool, (n,)
    symbols : sequence of str, (n_genes,)
    """
    indices = {symbol.upper(): j for j, symbol in enumerate(symbols)}
    genes = [indices[name] for name in PROLIFERATION if name in indices]
    values = X[:, genes].astype(np.float64)
    std = values[in_train].std(axis=0)
    values, std = values[:, std > 1e-12], std[std > 1e-12]
    if len(std) < MIN_GENES:
        return None, len(std)
    return ((values - values[in_train].mean(axis=0)) / std).mean(axis=1), len(std)


def measure_increments(
    z: np.ndarray,
    covariates: Mapping[str, pd.DataFrame],
    patients: pd.DataFrame,
    risk: np.ndarray,
    seed: int,
) -> pd.DataFrame:
    """Measure the concordance of covariates, of the latents, and of both, on test patients.

    Each is a ridge Cox regression on train patients, with the penalty chosen by cross-validation
    among them. In the model with latents the covariates are hardly penalised.

    Parameters
    ----------
    z : ndarray of float64, (n_patients, n_latent)
        Standardised latents of train and test patients.
    covariates : mapping of str to DataFrame of float64, (n_patients, n_covariates)
        Standardised, by the name of the model.
    patients : DataFrame, (n_patients, ...)
        ``part``, ``time_days``, ``event``.
    risk : ndarray of float64, (n_patients,)
        Risk by the latents alone.
    seed : int
        Of folds and bootstrap.

    Returns
    -------
    DataFrame, (n_models, 14)
        Index ``model``: ``known`` (names of the covariates); ``covariates``, ``latents``, ``both``
        (C-index) with ``_low`` and ``_high``; ``increment`` (both - covariates) with ``low``,
        ``high`` (95 %, paired bootstrap over test patients); ``sentence``.
    """
    in_train = (patients["part"] == "train").to_numpy()
    train, test = FollowUp.of(patients[in_train]), FollowUp.of(patients[~in_train])
    draws = draw_replicates(np.arange(len(test.time)), seed)

    def predict(columns: np.ndarray) -> np.ndarray:
        fit = columns[in_train]
        return columns[~in_train] @ fit_ridge(
            fit, train.time, train.event, choose_cox_penalty(fit, train.time, train.event, seed)
        )

    latents = c_index(test.time, test.event, risk[~in_train], draws)
    rows = []
    for table in covariates.values():
        alone = c_index(test.time, test.event, predict(table.to_numpy()), draws)
        both = c_index(test.time, test.event, predict(np.column_stack([FREEDOM * table, z])), draws)
        names = " and ".join(
            [", ".join(table.columns[:-1]), table.columns[-1]][table.shape[1] == 1 :]
        )
        rows.append(
            _describe_increment(names, {"covariates": alone, "latents": latents, "both": both})
        )
    return pd.DataFrame(rows, index=pd.Index(covariates, name="model"), columns=INCREMENT)


def _describe_increment(name: str, indices: Mapping[str, np.ndarray]) -> dict[str, object]:
    row: dict[str, object] = {"known": name}
    for model, values in indices.items():
        row |= dict(
            zip((model, f"{model}_low", f"{model}_high"), summarise_replicates(values), strict=True)
        )
    increment, low, high = summarise_replicates(indices["both"] - indices["covariates"])
    effect = (
        "add to it"
        if low > 0
        else "make it worse"
        if high < 0
        else "add nothing that these test patients can show"
    )
    if not np.isfinite(low):
        effect = "cannot be evaluated on these test patients"
    numbers = (
        f"C-index {indices['covariates'][0]:.3f} by {name}, {indices['both'][0]:.3f} with the "
        "latents"
    )
    sentence = f"{numbers} ({increment:+.3f} [{low:+.3f}, {high:+.3f}]): the latents {effect}"
    return {**row, "increment": increment, "low": low, "high": high, "sentence": sentence}
