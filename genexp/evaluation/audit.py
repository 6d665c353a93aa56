"""Audit of the split: checks for leaks between train, validation and test samples, before anything
is evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from genexp.cohort.safety import find_leaks
from genexp.errors import EvaluationError, name_some
from genexp.model.encoder import Encoder
from genexp.preprocessing.store import Preprocessed
from genexp.tracker import Tracker

Rows = Mapping[str, tuple[np.ndarray, pd.DataFrame]]
"""Scaled values (n, n_genes) and annotations of the samples of each part."""
DUPLICATE = 0.999
"""Correlation over standardised genes from which two samples count as copies. In twelve public
cohorts of 50 to 20,223 genes, samples of different patients reached 0.990 (two arrays of one
laboratory), tumours of one patient 0.977, and a copy rounded to three decimals 0.9999."""
MIN_GENES = 20
"""Fewest genes for which a high correlation is evidence of a copy."""
ROWS_AT_A_TIME = 1024
OFF_CENTRE = 0.01
"""Largest distance from 0, in standard errors, of the median gene's train mean. A scaler that has
seen a share h of other rows shifts it by about sqrt(h)."""
OFF_RANGE = 1e-4
"""Largest mean distance of a gene's train minimum and maximum from 0 and 1, for a scaler to this
range."""
PASS, FAIL, UNKNOWN = "pass", "fail", "not checked"


@dataclass(frozen=True)
class Audit:
    """Checks between the parts of the split, made before anything is evaluated.

    Parameters
    ----------
    checks : DataFrame, (n_checks, 2)
        Index ``check``; ``outcome`` (``pass``, ``fail``, ``not checked``) and ``found``, a text
        that names the samples of a leak.
    """

    checks: pd.DataFrame

    @property
    def leakage(self) -> str:
        """``fail`` if a check failed; ``pass`` if none did and patients are known or
        near-duplicates were searched for.

        Otherwise a text that says what is not known.
        """
        outcome = self.checks["outcome"]
        if (outcome == "fail").any():
            return "fail"
        if "pass" in (outcome.get("groups"), outcome.get("near-duplicates")):
            return "pass"
        return "not known: whether samples of one patient are in several parts"

    @property
    def reasons(self) -> str:
        """Findings of the failed checks; empty if none failed."""
        return "; ".join(self.checks.loc[self.checks["outcome"] == "fail", "found"])


def audit_split(rows: Rows, data: Preprocessed, encoder: Encoder) -> Audit:
    """Look for leaks between the parts of the split.

    Parameters
    ----------
    rows : mapping
        Values and annotations of train, val and test.
    data : Preprocessed
        Cohort that they come from.
    encoder : Encoder
        Encoder to evaluate.
    """
    checks = {
        "sample ids": _check_ids(rows),
        "groups": _check_groups(rows, "group")
        if _knows_groups(rows)
        else (UNKNOWN, "no groups are known: every sample counts as a patient of its own"),
        "patients": _check_groups(rows, "patient_id"),
        "near-duplicates": _check_duplicates(rows),
        "genes": _check_genes(rows["train"], data),
        "fitted values": _check_fitted(data),
        "scaling": _check_scaling(rows["train"][0], data, encoder),
    }
    table = pd.DataFrame(checks, index=["outcome", "found"]).T.rename_axis("check")
    return Audit(table)


def log_audit(audit: Audit, tracker: Tracker) -> None:
    """Log ``evaluation/audit.json`` and the tag ``leakage``, with the reasons where it is
    ``fail``.
    """
    content = {"leakage": audit.leakage, "checks": audit.checks.reset_index().to_dict("records")}
    tracker.log_text("evaluation/audit.json", json.dumps(content, indent=1))
    tracker.set_tags(
        {"leakage": audit.leakage} | ({"leakage_reasons": audit.reasons} if audit.reasons else {})
    )


def refuse_leaks(audit: Audit) -> None:
    """Raise if a check failed.

    Raises
    ------
    EvaluationError
        Its message names the samples, and what to do.
    """
    if audit.leakage == FAIL:
        raise EvaluationError(
            "expected train, validation and test samples that share nothing; found "
            f"{audit.reasons}. Nothing was evaluated or registered. "
            "Name the column of the patients with group=, or exclude samples with where=, "
            "and train again"
        )


def _check_ids(rows: Rows) -> tuple[str, str]:
    ids = pd.concat([obs.index.to_series() for _, obs in rows.values()])
    duplicates = ids[ids.duplicated()].unique()
    return (
        (FAIL, f"sample ids that occur twice: {name_some(duplicates)}")
        if len(duplicates)
        else (PASS, f"{len(ids)} different sample ids")
    )


def _check_groups(rows: Rows, column: str) -> tuple[str, str]:
    """Check that each value of a column of the annotations is in one part only."""
    if not all(column in obs for _, obs in rows.values()):
        return UNKNOWN, f"the annotations have no column {column}"
    table = pd.concat([obs[[column]].dropna().assign(part=part) for part, (_, obs) in rows.items()])
    table[column] = table[column].astype(str)
    split = table.groupby(column)["part"].nunique()
    crossing = split.index[split > 1]
    if not len(crossing):
        return PASS, f"{len(split)} values of {column}, each in one part"
    members = table[table[column].isin(crossing)].sort_values(column, kind="stable")
    named = (
        f"{sample} of {value} in {part}"
        for sample, value, part in zip(members.index, members[column], members["part"], strict=True)
    )
    return FAIL, f"{len(crossing)} values of {column} in several parts: samples {name_some(named)}"


def _knows_groups(rows: Rows) -> bool:
    """Check that groups are more than the samples themselves."""
    return any(
        (obs["group"].astype(str) != obs.index.astype(str)).any()
        for _, obs in rows.values()
        if "group" in obs
    )


def _check_genes(train: tuple[np.ndarray, pd.DataFrame], data: Preprocessed) -> tuple[str, str]:
    """Check on train samples that no gene encodes a label, an event or a batch. Copies of numbers
    are found in reading, before scaling.
    """
    X, obs = train
    classes = {name: obs[name] for name in ("label", "event", "batch") if name in obs}
    leaks = find_leaks(
        X, [str(gene) for gene in data.var.index[: X.shape[1]]], obs.iloc[:, :0], classes
    )
    certain = [f"{leak.gene} {leak.text}" for leak in leaks if leak.is_certain]
    if certain:
        return FAIL, f"genes that are copies of annotations: {name_some(certain)}"
    suspects = f"; {name_some(f'{leak.gene} {leak.text}' for leak in leaks)}" if leaks else ""
    return PASS, f"none of {X.shape[1]} genes alone determines a class{suspects}"


def _check_duplicates(rows: Rows) -> tuple[str, str]:
    """Correlate every sample with every sample of the other parts, except those of its own
    group.
    """
    X_train = rows["train"][0]
    if X_train.shape[1] < MIN_GENES:
        return UNKNOWN, f"{X_train.shape[1]} genes are too few to recognise a copy"
    mean_std = _measure(X_train)
    pairs = [
        pair
        for first, second in combinations(rows, 2)
        for pair in _correlate(rows[first], rows[second], *mean_std)
    ]
    copies = sorted((pair for pair in pairs if pair[0] >= DUPLICATE), reverse=True)
    if copies:
        named = (f"{first} and {second} r={r:.5f}" for r, first, second in copies)
        return FAIL, f"pairs of nearly identical samples: {name_some(named)}"
    return PASS, "closest pair: {1} and {2}, r={0:.4f}".format(*max(pairs)) if pairs else "no pairs"


def _correlate(
    first: tuple[np.ndarray, pd.DataFrame],
    second: tuple[np.ndarray, pd.DataFrame],
    mean: np.ndarray,
    std: np.ndarray,
) -> Iterator[tuple[float, str, str]]:
    """Pair each sample of a part with its most similar sample of another; give their correlation
    over standardised genes.
    """
    (X, obs), (X_other, obs_other) = first, second
    unit_rows, group, group_other = (
        _unit_rows(X_other, mean, std),
        *(table["group"].astype(str).to_numpy() for table in (obs, obs_other)),
    )
    for start in range(0, len(X) if len(unit_rows) else 0, ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        r = _unit_rows(X[block], mean, std) @ unit_rows.T
        r[group[block, None] == group_other] = -1.0
        nearest = r.argmax(axis=1)
        for row, (sample, partner) in enumerate(
            zip(obs.index[block], obs_other.index[nearest], strict=True)
        ):
            yield float(r[row, nearest[row]]), str(sample), str(partner)


def _measure(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every gene, as float32 (n_genes,); 1 for a gene that does not
    vary.
    """
    std = X.std(axis=0, dtype=np.float64).astype(np.float32)
    return X.mean(axis=0, dtype=np.float64).astype(np.float32), np.where(
        std > 0, std, np.float32(1)
    )


def _unit_rows(X: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Rows whose products are correlations; 0 for a row that does not vary."""
    rows: np.ndarray = (X - mean) / std
    rows -= rows.mean(axis=1, keepdims=True)
    # The clamp only avoids 0 / 0 for a row that does not vary
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))


def _check_fitted(data: Preprocessed) -> tuple[str, str]:
    """Report the result of :func:`genexp.preprocessing.invariance.find_dependent` when the cohort
    was preprocessed.
    """
    state = data.report.get("fitted_state")
    if state is None:
        return (
            UNKNOWN,
            "nothing was fitted on this cohort: genes and scaling are those of the encoder",
        )
    if state["changed"]:
        return (
            FAIL,
            f"fitted values that changed with the held-out samples: {name_some(state['changed'])}",
        )
    return (
        PASS,
        (
            f"refitted after corrupting {state['n_held_out']} held-out samples: genes and "
            "scaling unchanged"
        ),
    )


def _check_scaling(X_train: np.ndarray, data: Preprocessed, encoder: Encoder) -> tuple[str, str]:
    """Check that a scaler fitted on these train samples alone gives them mean 0 and variance 1, or
    the range 0 to 1.
    """
    shift, std = data.transform.shift, data.transform.spread
    if not shift.any() and (std == 1).all():
        return UNKNOWN, "nothing was scaled"
    if encoder.card.get("split_hash", data.split_hash) != data.split_hash:
        return UNKNOWN, "these are not exactly the samples that the encoder was trained on"
    centre = float(np.median(np.abs(X_train.mean(axis=0, dtype=np.float64)))) * len(X_train) ** 0.5
    ends = float(np.mean(np.abs(X_train.min(axis=0)) + np.abs(X_train.max(axis=0) - 1)))
    if centre <= OFF_CENTRE or ends <= OFF_RANGE:
        return PASS, "the scaling follows from the train samples alone"
    distance = f"the median gene's mean over train samples is {centre:.2g} standard errors from 0"
    return (
        FAIL,
        (
            f"scaling that does not fit these train samples: {distance}. It was fitted on other "
            "samples too, or the values have changed"
        ),
    )
