"""The leak firewall: what must hold between train, validation and test samples before anything is judged on the last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.cohort.safety import find_leaks
from genexp.errors import EvaluationError, name_some
from genexp.model.encoder import Encoder
from genexp.preprocessing.store import Preprocessed
from genexp.tracker import Tracker

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Audit:
    """What was looked at between the parts of the split before anything was judged.

    Parameters
    ----------
    checks : DataFrame, (n_checks, 2)
        Index ``check``; ``outcome`` (``pass``, ``fail``, ``not checked``) and ``found``, which names the samples of a leak.
    """

    checks: pd.DataFrame

    @property
    def leakage(self) -> str:
        """``fail`` where a check failed; ``pass`` where none did and patients are known or near-duplicates were looked for.

        Else what is not known.
        """
        outcome = self.checks["outcome"]
        if (outcome == "fail").any():
            return "fail"
        if "pass" in (outcome.get("groups"), outcome.get("near-duplicates")):
            return "pass"
        return "not known: whether samples of one patient are in several parts"

    @property
    def reasons(self) -> str:
        """What the failed checks found; empty where none failed."""
        return "; ".join(self.checks.loc[self.checks["outcome"] == "fail", "found"])


Rows = Mapping[str, tuple[np.ndarray, pd.DataFrame]]
"""Scaled values (n, n_genes) and annotations of the samples of each part."""


DUPLICATE = 0.999
"""Correlation over standardised genes from which two samples count as one. Over twelve public cohorts of 50 to 20,223 genes, samples
of different patients reached 0.990 (two arrays of one study) and tumours of one patient 0.977; a copy rounded to three decimals 0.9999."""


MIN_GENES = 20
"""Genes without which a high correlation means nothing."""


ROWS_AT_A_TIME = 1024


OFF_CENTRE = 0.01
"""Standard errors by which the median gene's train mean may be off 0; of a scaler that has seen a share h of other rows it is off
by about sqrt(h)."""


OFF_RANGE = 1e-4
"""How far the train values may end from 0 and 1, on average over genes, where those are the scaler's range."""


PASS, FAIL, UNKNOWN = "pass", "fail", "not checked"


def audit_split(rows: Rows, data: Preprocessed, encoder: Encoder) -> Audit:
    """Look for leaks between the parts of the split.

    Parameters
    ----------
    rows : mapping
        Of train, val and test.
    data : Preprocessed
        Where they come from.
    encoder : Encoder
        The encoder to be judged.
    """
    checks = {
        "sample ids": _check_ids(rows),
        "groups": _check_groups(rows, "group") if _knows_groups(rows) else (UNKNOWN, "every sample is taken for a patient of its own"),
        "patients": _check_groups(rows, "patient_id"),
        "near-duplicates": _check_duplicates(rows),
        "genes": _check_genes(rows["train"], data),
        "fitted values": _check_fitted(data),
        "scaling": _check_scaling(rows["train"][0], data, encoder),
    }
    table = pd.DataFrame(checks, index=["outcome", "found"]).T.rename_axis("check")
    return Audit(table)


def log_audit(audit: Audit, tracker: Tracker) -> None:
    """Log ``evaluation/audit.json`` and the tag ``leakage``, with the reasons where it is ``fail``."""
    found = {"leakage": audit.leakage, "checks": audit.checks.reset_index().to_dict("records")}
    tracker.log_text("evaluation/audit.json", json.dumps(found, indent=1))
    tracker.set_tags({"leakage": audit.leakage} | ({"leakage_reasons": audit.reasons} if audit.reasons else {}))


def refuse_leaks(audit: Audit) -> None:
    """Raise where a check has failed.

    Raises
    ------
    EvaluationError
        Names the samples, and says what to do.
    """
    if audit.leakage == FAIL:
        raise EvaluationError(
            f"expected train, validation and test samples that share nothing; found {audit.reasons}. Nothing was judged or registered. "
            "Name the column whose values belong together with group=, or leave samples out with where=, and train again"
        )


def _check_ids(rows: Rows) -> tuple[str, str]:
    ids = pd.concat([obs.index.to_series() for _, obs in rows.values()])
    twice = ids[ids.duplicated()].unique()
    return (FAIL, f"samples that are there twice: {name_some(twice)}") if len(twice) else (PASS, f"{len(ids)} different sample ids")


def _check_groups(rows: Rows, column: str) -> tuple[str, str]:
    """No value of a column of the annotations stands on two sides."""
    if not all(column in obs for _, obs in rows.values()):
        return UNKNOWN, f"the annotations have no column {column}"
    table = pd.concat([obs[[column]].dropna().assign(part=part) for part, (_, obs) in rows.items()])
    table[column] = table[column].astype(str)
    split = table.groupby(column)["part"].nunique()
    crossing = split.index[split > 1]
    if not len(crossing):
        return PASS, f"{len(split)} values of {column}, each in one part"
    members = table[table[column].isin(crossing)].sort_values(column, kind="stable")
    named = (f"{sample} of {value} in {part}" for sample, value, part in zip(members.index, members[column], members["part"], strict=True))
    return FAIL, f"{len(crossing)} values of {column} on several sides: samples {name_some(named)}"


def _knows_groups(rows: Rows) -> bool:
    """Whether groups are more than the samples themselves."""
    return any((obs["group"].astype(str) != obs.index.astype(str)).any() for _, obs in rows.values() if "group" in obs)


def _check_genes(train: tuple[np.ndarray, pd.DataFrame], data: Preprocessed) -> tuple[str, str]:
    """No gene is the codes of a label, an event or a batch; on train samples. Scaling hides copies of numbers, which reading looks for."""
    X, obs = train
    classes = {name: obs[name] for name in ("label", "event", "batch") if name in obs}
    leaks = find_leaks(X, [str(gene) for gene in data.var.index[: X.shape[1]]], obs.iloc[:, :0], classes)
    certain = [f"{leak.gene} {leak.text}" for leak in leaks if leak.is_certain]
    if certain:
        return FAIL, f"genes that are annotations: {name_some(certain)}"
    told = f"; {name_some(f'{leak.gene} {leak.text}' for leak in leaks)}" if leaks else ""
    return PASS, f"none of {X.shape[1]} genes gives a class away alone{told}"


def _check_duplicates(rows: Rows) -> tuple[str, str]:
    """Correlate every held-out sample with every sample of the other parts, but those of its own group."""
    X_train = rows["train"][0]
    if X_train.shape[1] < MIN_GENES:
        return UNKNOWN, f"{X_train.shape[1]} genes are too few to tell a copy"
    gauge = _measure(X_train)
    pairs = [pair for one, other in combinations(rows, 2) for pair in _correlate(rows[one], rows[other], *gauge)]
    found = sorted((pair for pair in pairs if pair[0] >= DUPLICATE), reverse=True)
    if found:
        named = (f"{one} and {other} r={r:.5f}" for r, one, other in found)
        return FAIL, f"pairs of samples that are nearly the same: {name_some(named)}"
    return PASS, "closest pair: {1} and {2}, r={0:.4f}".format(*max(pairs)) if pairs else "no pairs"


def _correlate(
    one: tuple[np.ndarray, pd.DataFrame], other: tuple[np.ndarray, pd.DataFrame], mean: np.ndarray, spread: np.ndarray
) -> Iterator[tuple[float, str, str]]:
    """Each sample of a part with the sample of another that is most like it, and their correlation over genes standardised so."""
    (X, obs), (X_other, obs_other) = one, other
    held, group, group_other = _unit_rows(X_other, mean, spread), *(table["group"].astype(str).to_numpy() for table in (obs, obs_other))
    for start in range(0, len(X) if len(held) else 0, ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        r = _unit_rows(X[block], mean, spread) @ held.T
        r[group[block, None] == group_other] = -1.0
        nearest = r.argmax(axis=1)
        for place, (sample, like) in enumerate(zip(obs.index[block], obs_other.index[nearest], strict=True)):
            yield float(r[place, nearest[place]]), str(sample), str(like)


def _measure(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every gene, as float32 (n_genes,); 1 for a gene that does not vary."""
    spread = X.std(axis=0, dtype=np.float64).astype(np.float32)
    return X.mean(axis=0, dtype=np.float64).astype(np.float32), np.where(spread > 0, spread, np.float32(1))


def _unit_rows(X: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Rows whose products are correlations; 0 for a row that does not vary."""
    rows: np.ndarray = (X - mean) / spread
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))


def _check_fitted(data: Preprocessed) -> tuple[str, str]:
    """What :func:`genexp.preprocessing.invariance.find_dependent` found when the cohort was preprocessed."""
    found = data.report.get("fitted_state")
    if found is None:
        return UNKNOWN, "nothing was fitted on this cohort: genes and scaling are the encoder's own"
    if found["changed"]:
        return FAIL, f"fitted values that changed with the held-out samples: {name_some(found['changed'])}"
    return PASS, f"refitted after corrupting {found['n_held_out']} held-out samples: genes and scaling unchanged"


def _check_scaling(X_train: np.ndarray, data: Preprocessed, encoder: Encoder) -> tuple[str, str]:
    """A scaler fitted on these train samples, and no others, leaves them at mean 0 and variance 1, or from 0 to 1."""
    shift, spread = data.transform.shift, data.transform.spread
    if not shift.any() and (spread == 1).all():
        return UNKNOWN, "nothing was scaled"
    if encoder.card.get("split_hash", data.split_hash) != data.split_hash:
        return UNKNOWN, "these are not exactly the samples that the encoder was trained on"
    centre = float(np.median(np.abs(X_train.mean(axis=0, dtype=np.float64)))) * len(X_train) ** 0.5
    ends = float(np.mean(np.abs(X_train.min(axis=0)) + np.abs(X_train.max(axis=0) - 1)))
    if centre <= OFF_CENTRE or ends <= OFF_RANGE:
        return PASS, "train samples alone give this scaling"
    found = f"the median gene's mean over train samples is {centre:.2g} standard errors off 0"
    return FAIL, f"scaling that is not of these train samples: {found}. It was fitted on other samples too, or the values have changed"
