"""Matching of samples and rows of an annotation table: ids compared exactly, and by rules that are
reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.names.likeness import counts_rows
from genexp.names.vocabulary import ROW_NUMBER_TITLES

BARCODE = re.compile(r"TCGA-\w\w-\w{4}(-.*)?", re.IGNORECASE)
BARCODE_LENGTHS = (16, 15)
"""Numbers of characters of a TCGA barcode that identify the vial and the sample."""
PATIENT = re.compile(
    r"(TCGA[-.]\w\w[-.]\w{4}|TARGET[-.]\d\d[-.]\w{6}|GTEX[-.]\w{4,5}|C3[LN][-.]\d{5})([-._].*)?",
    re.IGNORECASE,
)
"""Barcodes of TCGA, TARGET, GTEx and CPTAC, and their part that names the patient."""
FINER_SHARE = 0.1
"""Share of samples named by another column at which it is doubtful that rows describe patients."""
RIVAL_SHARE = 0.9
"""Share of the best column's matches at which a contradicting column makes the ids doubtful."""
ACCESSION = re.compile(r"^((?:GSM|[SED]R[RSX]|SAM(?:N|EA|D))\d{3,})[_.\- ].*$", re.DOTALL)
FILE_ENDINGS = re.compile(
    r"(\.(sorted|aligned\w*|out|bam|sam|cram|cel|txt|tsv|counts?|htseq|fastq|fq|gz))+$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Rule:
    """Normal form of ids for comparison, and its description for messages."""

    form: Callable[[str], str]
    text: str
    shares_rows: bool = False


def _cut(n: int) -> Callable[[str], str]:
    def form(name: str) -> str:
        name = name.replace(".", "-").upper()
        return name[:n] if BARCODE.fullmatch(name) else name

    return form


def read_patient(name: str) -> str:
    """Read the patient from a barcode of TCGA, TARGET, GTEx or CPTAC; empty for other names."""
    barcode = PATIENT.fullmatch(name.strip())
    return barcode[1].replace(".", "-").upper() if barcode else ""


def _plain_number(name: str) -> str:
    return re.sub(r"^(\d+)\.0+$", r"\1", name)


RULES = (
    Rule(lambda name: name, "exactly"),
    Rule(_plain_number, "after 1001.0 is read as 1001"),
    Rule(
        lambda name: re.sub(r"[.\-_ :/]+", "-", name),
        "after '.', '-', '_' and blanks are taken as the same",
    ),
    Rule(
        lambda name: re.sub(r"[.\-_ :/]+", "-", name).lower(),
        "without regard to case and to '.', '-', '_' and blanks",
    ),
    Rule(
        lambda name: (
            _plain_number(name).lstrip("0") or "0" if re.fullmatch(r"[\d.]+", name) else name
        ),
        "without leading zeros",
    ),
    Rule(
        lambda name: re.sub(r"^X(?=[\d.])", "", re.sub(r"[.\-_ :/]+", "-", name)).lower(),
        "without the X that R puts before numbers",
    ),
    Rule(
        lambda name: FILE_ENDINGS.sub("", re.split(r"[/\\]", name)[-1]),
        "by file names without folders and endings",
    ),
    Rule(
        lambda name: ACCESSION.sub(r"\1", name),
        "by the accession of GEO or SRA that they start with",
    ),
    *(
        Rule(_cut(n), f"by the first {n} characters of the barcodes", shares_rows=True)
        for n in BARCODE_LENGTHS
    ),
    Rule(
        lambda name: read_patient(name) or name,
        "by the patient of the barcodes (of TCGA the first 12 characters)",
        shares_rows=True,
    ),
)
"""Rules in the order in which they are tried; a patient's row may describe several samples."""
SAMPLE_RULES = tuple(rule for rule in RULES if not rule.shares_rows)
"""Rules by which a row describes one sample."""


@dataclass(frozen=True)
class Match:
    """Match of a column of annotations with the samples.

    Parameters
    ----------
    column : str
        Column of the annotations.
    rule : Rule
    rows : ndarray of int, (n_ids,)
        Row that describes each sample, -1 for none.
    twice : list of str
        Ids that occur more than once in the column, and that a sample has.
    """

    column: str
    rule: Rule
    rows: np.ndarray
    twice: list[str]

    @property
    def n_matches(self) -> int:
        """Number of samples with a row."""
        return int((self.rows >= 0).sum())


def match_column(values: pd.Series, ids: Sequence[str], rules: Sequence[Rule] = ()) -> Match:
    """Match ids with a column by the first rule (of all, if none are given) that gives most samples
    a row.
    """
    rules = rules or RULES
    texts = [_as_id(value) for value in values]
    names = [name.strip() for name in ids]
    best = _match(str(values.name), texts, names, rules[0])
    for rule in rules[1:]:
        if best.n_matches == len(names):
            break
        match = _match(str(values.name), texts, names, rule)
        if match.n_matches > best.n_matches and (not match.twice or best.n_matches == 0):
            best = match
    return best


def _match(column: str, texts: list[str], names: list[str], rule: Rule) -> Match:
    forms = [rule.form(text) if text else "" for text in texts]
    wanted = [rule.form(name) for name in names]
    if len(set(wanted)) < len(wanted) and rule.form is not RULES[0].form and not rule.shares_rows:
        return Match(column, rule, np.full(len(names), -1), [])  # two samples would become equal
    row_of: dict[str, int] = {}
    repeated = set()
    for i, form in enumerate(forms):
        if form and form in row_of:
            repeated.add(form)
        elif form:
            row_of[form] = i
    rows = np.array([row_of.get(form, -1) for form in wanted], dtype=np.int64).reshape(len(names))
    if rule.shares_rows:  # a row of another sample of the patient does not describe this one
        sample = _cut(BARCODE_LENGTHS[-1])
        pairs = [
            (texts[i], name) if i >= 0 else ("", "") for i, name in zip(rows, names, strict=True)
        ]
        rows[
            [
                read_patient(text) != text != ""
                and read_patient(name) != name
                and sample(text) != sample(name)
                for text, name in pairs
            ]
        ] = -1
    return Match(column, rule, rows, sorted(repeated.intersection(wanted)))


def count_matches(table: pd.DataFrame, ids: Sequence[str], sample_id: str = "") -> int:
    """Count the ids that the best column of a table holds."""
    sampled = [ids[i] for i in np.linspace(0, len(ids) - 1, min(len(ids), 2000)).astype(int)]
    best = max((match.n_matches for match in _match_columns(table, sampled, sample_id)), default=0)
    return round(best * len(ids) / max(len(sampled), 1))


def _match_columns(table: pd.DataFrame, ids: Sequence[str], sample_id: str) -> list[Match]:
    """Match the columns that may hold ids; by rules only where no column holds all ids as they
    are.
    """
    columns = (
        [sample_id]
        if sample_id and sample_id in table.columns
        else [column for column in table.columns if _may_hold_ids(table[column])]
    )
    exact = [
        _match(
            str(column),
            [_as_id(value) for value in table[column]],
            [name.strip() for name in ids],
            RULES[0],
        )
        for column in columns
    ]
    full = [match for match in exact if match.n_matches == len(ids)]
    if full:
        return [match for match in exact if match.n_matches >= RIVAL_SHARE * len(ids)]
    several = {column for column in columns if table[column].nunique() > 0.3 * len(table)} | {
        sample_id
    }
    return [
        match_column(table[match.column], ids) if match.column in several else match
        for match in exact
    ]


def _as_id(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.15g}"
    return "" if value is None or value is pd.NA else str(value).strip()


def _may_hold_ids(values: pd.Series) -> bool:
    """Check whether values are text or whole numbers."""
    return not pd.api.types.is_bool_dtype(values.dtype) and not (
        pd.api.types.is_float_dtype(values.dtype) and (values.dropna() % 1 != 0).any()
    )


def find_id_column(table: pd.DataFrame, ids: Sequence[str], sample_id: str = "") -> Match | None:
    """Find the column that names most samples; None if no column names any.

    A column that only counts rows never takes precedence over one of names.

    Raises
    ------
    CohortError
        ``sample_id`` is not a column, or several columns name the samples equally well and
        differently.
    """
    if sample_id and sample_id not in table.columns:
        raise CohortError(
            f"sample_id={sample_id!r} is not a column of the annotations; they have "
            f"{name_some(table.columns, 20)}"
        )
    matches = [match for match in _match_columns(table, ids, sample_id) if match.n_matches]
    if not matches:
        return None
    counting = {match.column for match in matches if _is_counter(table, match.column)}
    rank = {
        match.column: (match.column not in counting, match.n_matches, -RULES.index(match.rule))
        for match in matches
    }
    names_few = {
        column
        for column, (is_name, n, _) in rank.items()
        if is_name and 2 * n < max(match.n_matches for match in matches)
    }
    rank = {
        column: (value[0] and column not in names_few, *value[1:]) for column, value in rank.items()
    }
    best = max(matches, key=lambda match: rank[match.column])
    # a single patient among the ids gives every column of samples one match more by patient
    finer = [
        m
        for match in matches
        if best.rule.shares_rows
        for m in [match_column(table[match.column], ids, SAMPLE_RULES)]
        if m.n_matches >= FINER_SHARE * len(ids)
    ]
    if finer:
        raise CohortError(
            f"column {finer[0].column!r} of the annotations names {finer[0].n_matches} of "
            f"{len(ids)} samples {finer[0].rule.text}, "
            "and column "
            f"{best.column!r} {best.n_matches} {best.rule.text}: it is not clear whether "
            "rows describe samples or patients; say "
            f"sample_id={finer[0].column} (and unmatched=drop to leave the other samples "
            f"out) or sample_id={best.column}"
        )
    rivals = [
        m
        for m in matches
        if m is not best
        and rank[m.column][0]
        and m.n_matches >= RIVAL_SHARE * best.n_matches
        and _contradict(m, best)
    ]
    if rivals:
        raise CohortError(
            f"the columns {best.column!r} and {rivals[0].column!r} of the annotations name "
            "the samples about equally well "
            f"({best.n_matches} of "
            f"{len(ids)}) but in another order; say which holds the ids with sample_id="
        )
    return best


def _contradict(match: Match, other: Match) -> bool:
    """Check whether two columns assign different rows to most samples that both name."""
    both = (match.rows >= 0) & (other.rows >= 0)
    return bool(2 * (match.rows[both] != other.rows[both]).sum() > both.sum())


def _is_counter(table: pd.DataFrame, column: str) -> bool:
    return ROW_NUMBER_TITLES.fullmatch(str(column).strip()) is not None and counts_rows(
        [str(value) for value in table[column]]
    )
