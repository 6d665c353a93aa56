"""Annotations of samples: joined to the matrix by id, missing words emptied, and given their
canonical columns.

Canonical columns are ``label`` (categorical), ``batch``, ``time_days``, ``event``, ``group`` and
``order``. They exist when the configuration names their source (``group`` always), whatever else
the table holds: a column that merely has such a name, with other values, becomes ``given_<name>``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

import numpy as np
import pandas as pd

from genexp.cohort.columns import as_text, pick_column
from genexp.cohort.ids import find_id_column, read_patient
from genexp.cohort.survival import build_survival
from genexp.errors import CohortError, name_some
from genexp.names.likeness import is_missing, normal_title
from genexp.query import named_columns, select_rows
from genexp.settings.cohort import CohortConfig

CANONICAL = ("label", "batch", "time_days", "event", "group", "order")


MAX_CLASSES = 100


PATIENT_TITLES = re.compile(
    r"_?(patient|case|subject|donor|participant|individual|person|mouse|animal)s?(_?(id|ids|barcode|code|number|no|nr|name|uuid|key|submitter_id))?|"
    r"bcr_patient_(barcode|uuid)|(cases?_)?submitter_id|subjid|subject_alias|pt_?id|icgc_donor_id|dbgap_subject_id|individual_identifier|"
    r"characteristics_(individual|patient|donor|subject)|patient_identifier|mrn"
)
"""Columns that name the patient of a sample, in the form of
:func:`genexp.names.likeness.normal_title`."""


BINARY = {"0", "1", "yes", "no", "true", "false", "case", "control"}
"""Values of a column that separates patients from controls and does not identify patients."""


NUMBERED_TEXT = re.compile(r"0\d")


def join_annotations(
    table: pd.DataFrame, ids: list[str], sample_id: str, unmatched: str, said: list[str]
) -> tuple[pd.DataFrame, np.ndarray, dict[str, object]]:
    """Join annotations: return those of samples with a row, the positions of these samples, and
    numbers for the report.

    Parameters
    ----------
    table : DataFrame
        As read: one row per sample or patient.
    ids : list of str, (n_samples,)
        Sample ids of the matrix.
    sample_id : str
        Column with the ids; empty: the one that matches best.
    unmatched : {"refuse", "drop"}
        Treatment of samples without a row.
    said : list of str
        Sentences for the user, which this adds to.

    Raises
    ------
    CohortError
        No column names the samples, an id occurs twice, or samples have no row and are not to be
        dropped.
    """
    match = find_id_column(table, ids, sample_id)
    if match is None and 2 * len(set(ids).intersection(map(str, table.columns))) > len(ids):
        raise CohortError(
            "the annotations have samples in columns (their heading names "
            f"{name_some(ids, 3)}); expected one row per sample: "
            "transpose the table"
        )
    if match is None:
        examples = "; ".join(
            f"{column}: {name_some(table[column].dropna().astype(str), 2)}"
            for column in list(table.columns)[:4]
        )
        raise CohortError(
            f"the annotations match no sample: the matrix has {name_some(ids, 3)}, the "
            f"annotations have {examples}; check that both name "
            "samples alike, and rows=samples|genes"
        )
    if match.twice:
        raise CohortError(
            f"duplicated sample ids in column {match.column!r} of the annotations "
            f"({match.rule.text}): {name_some(match.twice)}; keep one "
            "row per sample, or say which column holds unique ids with sample_id="
        )
    kept = np.flatnonzero(match.rows >= 0)
    n_absent = len(ids) - len(kept)
    if n_absent and unmatched != "drop":
        absent = [ids[i] for i in np.flatnonzero(match.rows < 0)]
        raise CohortError(
            f"{n_absent} of {len(ids)} samples have no row in the annotations (by column "
            f"{match.column!r}): {name_some(absent)}; "
            "leave them "
            "out with unmatched=drop, or add a row for each (other columns may be empty)"
        )
    n_unused = len(table) - len(set(match.rows[kept]))
    how = "" if match.rule.text == "exactly" else f" {match.rule.text}"
    sentence = (
        f"Annotations: {len(kept)} of {len(ids)} samples matched by column {match.column!r}{how}"
    )
    sentence += (
        f", {n_absent} of {len(ids)} samples have no row and are left out" if n_absent else ""
    )
    said.append(sentence + (f"; {n_unused} rows are of no sample." if n_unused else "."))
    obs = table.iloc[match.rows[kept]].set_axis(pd.Index([ids[i] for i in kept], name="sample_id"))
    return (
        obs.drop(columns="sample_id", errors="ignore"),
        kept,
        {"obs_id_column": match.column, "n_obs_unused": n_unused},
    )


def empty_missing_words(
    obs: pd.DataFrame, more: Collection[str]
) -> tuple[pd.DataFrame, dict[str, Counter[str]]]:
    """Empty the words for missing values in columns of text; also count each word by column."""
    words = frozenset(word.strip().lower() for word in more)
    counts: dict[str, Counter[str]] = {}
    columns = {}
    for column in obs.columns:
        values = obs[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(object)
        if values.dtype == object or pd.api.types.is_string_dtype(values.dtype):
            mask = values.map(
                lambda value: isinstance(value, str) and is_missing(value, words)
            ).to_numpy(dtype=bool)
            if "-" not in words and (values == "+").any():
                # in a column with a plus, a minus is a value
                mask &= (values != "-").to_numpy(dtype=bool)
            if mask.any():
                counts[str(column)] = Counter(
                    str(value).strip() for value in values[mask] if str(value).strip()
                )
                values = values.astype(object).mask(mask, np.nan)
        columns[column] = values
    return pd.DataFrame(columns, index=obs.index), counts


def find_types(obs: pd.DataFrame) -> pd.DataFrame:
    """Convert columns of text that hold only numbers or only truth values."""
    return pd.DataFrame(
        {column: _find_type(obs[column]) for column in obs.columns}, index=obs.index
    )


def _find_type(column: pd.Series) -> pd.Series:
    """Convert one column; codes with leading zeros stay text, and so do 1.1 and 1.10, which are two
    texts and one number.
    """
    present = column.dropna()
    if (
        column.dtype != object
        or present.empty
        or not present.map(lambda value: isinstance(value, str)).all()
    ):
        return column
    if present.isin(["True", "False", "TRUE", "FALSE"]).all() and len(present) == len(column):
        return present.str.lower() == "true"
    if present.str.match(NUMBERED_TEXT).any():
        return column
    numbers = pd.to_numeric(column, errors="coerce")
    if (
        numbers.isna().sum() > column.isna().sum()
        or numbers.nunique() < present.str.strip().nunique()
    ):
        return column
    return numbers


def select_samples(obs: pd.DataFrame, where: str) -> np.ndarray:
    """Select the positions of samples for which the query holds, (n_kept,)."""
    kept = np.flatnonzero(select_rows(obs, where))
    if not len(kept):
        columns = (
            f"the annotations have the columns {name_some(obs.columns, 20)}"
            if len(obs.columns)
            else "there are no annotations: give obs"
        )
        named = [
            f"{column}: {name_some(obs[column].dropna().unique(), 8)}"
            for column in named_columns(where)
            if column in obs.columns
        ]
        raise CohortError(
            f"where={where!r} leaves no sample of {len(obs)}; values found: "
            f"{'; '.join(named) or columns}"
        )
    return kept


def add_canonical_columns(
    obs: pd.DataFrame,
    config: CohortConfig,
    texts: pd.DataFrame | None = None,
    said: list[str] | None = None,
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Add ``label``, ``batch``, ``time_days``, ``event``, ``group`` and ``order`` as configured;
    also return numbers for the report.

    Parameters
    ----------
    obs : DataFrame, (n_samples, ...)
        Annotations; index sample id.
    config : CohortConfig
    texts : DataFrame, optional
        The same annotations before numbers were recognised, for labels as text.
    said : list of str, optional
        Sentences for the user, which this adds to.
    """
    said = [] if said is None else said
    texts = obs if texts is None else texts
    report: dict[str, object] = {}
    canonical: dict[str, pd.Series] = {"group": _build_group(obs, config.group, report, said)}
    if config.order:
        canonical["order"] = _build_order(
            pick_column(obs, "order", config.order), canonical["group"], config.order
        )
    if config.label:
        pick_column(obs, "label", config.label)
        canonical["label"] = _build_label(texts[config.label], config.label, report, said)
    if config.batch:
        canonical["batch"] = _build_batch(
            pick_column(obs, "batch", config.batch), config.batch, report
        )
    if bool(config.time) != bool(config.event):
        given, lacking = ("time", "event") if config.time else ("event", "time")
        raise CohortError(
            f"survival needs both time and event; {given} is given and {lacking} is not: "
            "name its column"
        )
    if config.time:
        time, event = pick_column(obs, "time", config.time), pick_column(obs, "event", config.event)
        canonical["time_days"], canonical["event"] = build_survival(
            obs, time, event, config, report, said
        )
    taken = [name for name in dict.fromkeys((*CANONICAL, *canonical)) if name in obs.columns]
    other = [
        name
        for name in taken
        if name not in canonical or not as_text(obs[name]).equals(as_text(canonical[name]))
    ]
    return obs.rename(columns={name: f"given_{name}" for name in other}).assign(**canonical), report


def _build_group(
    obs: pd.DataFrame, column: str, report: dict[str, object], said: list[str]
) -> pd.Series:
    """Build the group of each sample: its patient by a column or a barcode; a sample of unknown
    group forms its own group.
    """
    samples = pd.Series(obs.index.astype(str), index=obs.index, dtype=object)
    source = column
    if column == "none":
        group, source = samples, "sample"
        said.append(
            "Groups: none, as group=none says; samples of one patient may be in several parts."
        )
    elif column:
        group = as_text(pick_column(obs, "group", column))
    else:
        group, source = _find_patients(obs, samples)
    report |= {"group": source, "n_without_group": int(group.isna().sum())}
    group = group.fillna(samples)
    report["n_groups"] = int(group.nunique())
    if source not in ("sample", column):
        what = "the patient of their barcodes" if source == "barcode" else f"column {source!r}"
        n_repeated = int((group.value_counts() > 1).sum())
        said.append(
            f"Patients: samples are grouped by {what}: {report['n_groups']} patients, "
            f"{n_repeated} with several samples (group=none "
            "switches it off)."
        )
    elif source == "sample" and column != "none":
        said.append(
            "Patients: not known; every sample is taken for a patient of its own (name the "
            "column of patients with group=)."
        )
    return group


def _find_patients(obs: pd.DataFrame, samples: pd.Series) -> tuple[pd.Series, str]:
    """Find the patient of each sample, and its source: a column, ``barcode`` for names of samples,
    or ``sample`` without a source.
    """
    titles = find_patient_columns(obs)
    barcodes = _read_patients(samples)
    has_barcodes = barcodes.notna().mean() > 0.5
    if titles:
        # it may hold barcodes of samples
        named = as_text(obs[titles[0]]).map(
            lambda name: read_patient(name) or name, na_action="ignore"
        )
        if not has_barcodes or named.nunique() < len(obs) or barcodes.nunique() == len(obs):
            return named, titles[0]
    if has_barcodes:
        return barcodes, "barcode"
    for column in obs.columns:
        if obs[column].dtype == object:
            named = _read_patients(as_text(obs[column]))
            if named.notna().mean() > 0.5:
                return named, str(column)
    return samples, "sample"


def _read_patients(names: pd.Series) -> pd.Series:
    """Read patients from barcodes; NaN for other names."""
    return names.map(lambda name: read_patient(name) or np.nan, na_action="ignore")


def find_patient_columns(obs: pd.DataFrame) -> list[str]:
    """Find columns that name patients, by usual titles and values that are no measurement;
    ``patient_id`` first.
    """
    titles = [
        str(column) for column in obs.columns if PATIENT_TITLES.fullmatch(normal_title(str(column)))
    ]
    filled = [
        title
        for title in titles
        if obs[title].notna().mean() > 0.5 and not pd.api.types.is_bool_dtype(obs[title].dtype)
    ]
    # all samples of one patient could not be split
    filled = [title for title in filled if obs[title].nunique() > 1]
    filled = [
        title
        for title in filled
        if not _is_measurement(obs[title])
        and not set(as_text(obs[title]).dropna().str.lower()) <= BINARY
    ]
    return sorted(
        filled,
        key=lambda title: (
            title != "patient_id",
            "uuid" in title.lower(),
            obs[title].nunique() == len(obs),
            titles.index(title),
        ),
    )


def _is_measurement(values: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(values.dtype) and bool((values.dropna() % 1 != 0).any())


def _build_order(values: pd.Series, group: pd.Series, column: str) -> pd.Series:
    """Build numbers that rise with the order of samples; texts are ordered by their words and the
    numbers in them (V2 before V10).

    In a group with several samples, each needs a different value.
    """
    order = (
        values.astype(float)
        if pd.api.types.is_numeric_dtype(values.dtype)
        else _rank_texts(as_text(values))
    )
    several = group.duplicated(keep=False)
    if len(absent := order.index[several & order.isna()]):
        raise CohortError(
            f"order={column!r}: expected a value for every sample of a group with several; "
            f"found none for {name_some(absent)}; fill them in"
        )
    tied = several & pd.DataFrame({"group": group, "order": order}).duplicated(keep=False)
    if tied.any():
        ties = [
            f"{name} at {value}"
            for name, value in dict.fromkeys(zip(group[tied], values[tied], strict=True))
        ]
        raise CohortError(
            f"order={column!r}: expected different values within a group; found equal ones: "
            f"{name_some(ties)}; keep one of each with "
            "where=, or name a "
            "finer column"
        )
    return order


def _rank_texts(texts: pd.Series) -> pd.Series:
    def key(text: str) -> list[str | int]:
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]

    ranks = {text: i for i, text in enumerate(sorted(texts.dropna().unique(), key=key))}
    return texts.map(ranks).astype(float)


def _build_label(
    values: pd.Series, column: str, report: dict[str, object], said: list[str]
) -> pd.Series:
    """Build the label as a categorical of texts."""
    text = as_text(values)
    counts = text.value_counts().sort_index()
    n_labelled = int(counts.sum())
    if len(counts) < 2:
        raise CohortError(
            f"label={column!r} has {len(counts)} class{'' if len(counts) else 'es'} "
            f"({', '.join(counts.index) or 'all empty'}) among the "
            f"{len(values)} samples kept; a label needs at least two classes: choose another "
            "column or a wider where"
        )
    if len(counts) > min(MAX_CLASSES, n_labelled / 3):
        raise CohortError(
            f"label={column!r} has {len(counts)} distinct values among {n_labelled} labelled "
            f"samples ({name_some(counts.index)}); "
            f"expected at most {MAX_CLASSES} classes of three samples or more on average: a "
            "measurement or an identifier is no label, "
            "cut it into classes first"
        )
    report |= {
        "n_labelled": n_labelled,
        "classes": {str(name): int(n) for name, n in counts.items()},
    }
    classes = ", ".join(
        f"{name} {n}" for name, n in list(counts.sort_values(ascending=False).items())[:8]
    )
    more = f", and {len(counts) - 8} more" if len(counts) > 8 else ""
    n_missing = len(values) - n_labelled
    unlabelled = f"; {n_missing} of {len(values)} samples are without a label" if n_missing else ""
    said.append(f"Label {column!r}: {classes}{more}{unlabelled}.")
    return text.astype("category")


def _build_batch(values: pd.Series, column: str, report: dict[str, object]) -> pd.Series:
    """Build the batch of every sample as text."""
    batch = as_text(values)
    unknown = batch.index[batch.isna()]
    if len(unknown):
        raise CohortError(
            f"batch={column!r}: expected the batch of every sample, found none for "
            f"{name_some(unknown)} of {len(batch)}; complete the "
            "column, or exclude these samples with where="
        )
    report["batches"] = {str(name): int(n) for name, n in batch.value_counts().sort_index().items()}
    return batch
