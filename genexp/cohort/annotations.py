"""Annotation tables: read, joined to the matrix by sample id, queried, and given their canonical columns.

Canonical columns are ``label`` (categorical), ``study``, ``time_days``, ``event``, ``group`` and ``order``. They exist when the
configuration names their source (``group`` always), whatever else the table holds: a column that merely has such a name, with other
values, becomes ``given_<name>``; one called ``study`` only where another is named.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from genexp.cohort.matrix import find_delimiter, open_text
from genexp.cohort.source import read_ending
from genexp.config import CohortConfig
from genexp.errors import CohortError, name_some

CANONICAL = ("label", "time_days", "event", "group", "order")
HALF_DAY = 0.5
DAYS = {"days": 1.0, "months": 30.4375, "years": 365.25}
MAX_CLASSES = 100

SEEN = {"1", "1.0", "true", "yes", "dead", "deceased", "died", "event"}
CENSORED = {"0", "0.0", "false", "no", "alive", "living", "censored", "disease-free", "diseasefree"}


def read_annotations(path: Path, name: str) -> pd.DataFrame:
    """Read an annotation table; columns of a text file stay text until :func:`join_annotations` knows which one holds the ids."""
    try:
        if read_ending(path.name) in (".parquet", ".pq"):
            table = pd.read_parquet(path)
            return table.reset_index() if table.index.name is not None or table.index.dtype == object else table
        with open_text(path) as stream:
            first = stream.read(1 << 16).decode(errors="replace").partition("\n")[0]
        with open_text(path) as stream:
            return pd.read_csv(stream, sep=find_delimiter(first, path), dtype=str, encoding="utf-8-sig")
    except (ValueError, OSError) as error:  # of pandas and pyarrow: not a table, not UTF-8, not Parquet
        raise CohortError(f"{name}: expected an annotation table with a heading and one row per sample ({str(error)[:200]})") from None


def find_id_column(table: pd.DataFrame, ids: list[str], sample_id: str = "") -> tuple[str, int]:
    """Column whose values match ``ids`` best, and how many of ``ids`` it holds."""
    if sample_id and sample_id not in table.columns:
        raise CohortError(f"sample_id={sample_id!r} is not a column of the annotations; they have {name_some(table.columns, 20)}")
    wanted = set(ids)
    columns = [sample_id] if sample_id else list(table.columns)
    matches = {column: len(wanted.intersection(table[column].dropna().astype(str))) for column in columns}
    best = max(matches, key=lambda column: matches[column], default="")
    return best, matches.get(best, 0)


def join_annotations(table: pd.DataFrame, ids: list[str], sample_id: str = "") -> tuple[pd.DataFrame, dict[str, object]]:
    """Annotations in the order of ``ids``, with the index ``sample_id``, and figures for the report.

    Every sample of the matrix must have one row; rows of other samples are counted and left out.
    """
    column, n_found = find_id_column(table, ids, sample_id)
    found = table[column].astype(str) if column else pd.Series(dtype=str)
    if n_found == 0:
        raise CohortError(
            f"the annotations match no sample: the matrix has {name_some(ids, 3)}, column {column!r} of the annotations has "
            f"{name_some(found, 3)}; check that both name samples alike, and rows=samples|genes"
        )
    absent = sorted(set(ids) - set(found))
    if absent:
        raise CohortError(
            f"{len(absent)} of {len(ids)} samples have no row in the annotations (by column {column!r}): {name_some(absent)}; "
            "add a row for each (other columns may be empty), or take these samples out of the matrix"
        )
    rows = table[found.isin(ids)].copy()
    rows.index = pd.Index(rows[column].astype(str), name="sample_id")
    twice = rows.index[rows.index.duplicated()].unique()
    if len(twice):
        raise CohortError(f"duplicated sample ids in column {column!r} of the annotations: {name_some(twice)}; keep one row per sample")
    obs = rows.loc[ids].drop(columns="sample_id", errors="ignore").apply(_find_type)
    return obs, {"obs_id_column": column, "n_obs_unused": len(table) - len(rows)}


def _find_type(column: pd.Series) -> pd.Series:
    """Numbers or truth values where a text column holds nothing else; codes with leading zeros stay text."""
    known = column.dropna()
    if column.dtype != object or known.empty or not known.map(lambda value: isinstance(value, str)).all():
        return column
    if known.isin(["True", "False", "TRUE", "FALSE"]).all() and len(known) == len(column):
        return known.str.lower() == "true"
    if known.str.match(r"^0\d").any():
        return column
    numbers = pd.to_numeric(column, errors="coerce")
    return column if numbers.isna().sum() > column.isna().sum() else numbers


def select_samples(obs: pd.DataFrame, where: str) -> np.ndarray:
    """Positions of the samples for which the query holds, (n_kept,)."""
    if not where.strip():
        return np.arange(len(obs))
    columns = f"the annotations have the columns {name_some(obs.columns, 20)}" if len(obs.columns) else "there are no annotations: give obs"
    try:
        holds = obs.eval(where, engine="python", local_dict={}, global_dict={})
    except Exception as error:  # whatever pandas raises on a user's expression
        raise CohortError(f"where={where!r} cannot be answered ({type(error).__name__}: {error}); {columns}") from None
    if not isinstance(holds, pd.Series) or not pd.api.types.is_bool_dtype(holds.dtype):
        raise CohortError(f"where={where!r} is not a condition on samples, such as sample_type == 'tumor'; {columns}")
    kept = np.flatnonzero(holds.fillna(False).to_numpy(dtype=bool))
    if not len(kept):
        named = [f"{column}: {name_some(obs[column].dropna().unique(), 8)}" for column in obs.columns if str(column) in where]
        raise CohortError(f"where={where!r} leaves no sample of {len(obs)}; values found: {'; '.join(named) or columns}")
    return kept


def add_canonical_columns(obs: pd.DataFrame, config: CohortConfig) -> tuple[pd.DataFrame, dict[str, object]]:
    """Add ``label``, ``study``, ``time_days``, ``event``, ``group`` and ``order`` as configured; also figures for the report."""
    report: dict[str, object] = {}
    canonical: dict[str, pd.Series] = {"group": _build_group(obs, config.group, report)}
    if config.order:
        canonical["order"] = _build_order(pick_column(obs, "order", config.order), canonical["group"], config.order)
    if config.label:
        canonical["label"] = _build_label(pick_column(obs, "label", config.label), config.label, report)
    if config.study:
        canonical["study"] = _build_study(pick_column(obs, "study", config.study), config.study, report)
    if bool(config.time) != bool(config.event):
        given, lacking = ("time", "event") if config.time else ("event", "time")
        raise CohortError(f"survival needs both time and event; {given} is given and {lacking} is not: name its column")
    if config.time:
        canonical["time_days"], canonical["event"] = _build_survival(obs, config, report)
    taken = [name for name in dict.fromkeys((*CANONICAL, *canonical)) if name in obs.columns]
    other = [name for name in taken if name not in canonical or not as_text(obs[name]).equals(as_text(canonical[name]))]
    return obs.rename(columns={name: f"given_{name}" for name in other}).assign(**canonical), report


def pick_column(obs: pd.DataFrame, parameter: str, column: str) -> pd.Series:
    """Column of the annotations that a parameter names."""
    if column not in obs.columns:
        has = f"they have {name_some(obs.columns, 20)}" if len(obs.columns) else "there are none: give obs"
        raise CohortError(f"{parameter}={column!r} is not a column of the annotations; {has}")
    return obs[column]


def as_text(values: pd.Series) -> pd.Series:
    """Values as text, whole numbers without a decimal point; blank and missing ones become NaN."""
    if pd.api.types.is_float_dtype(values.dtype) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    text = values.astype(object).where(values.notna(), None).map(lambda value: None if value is None else str(value).strip())
    return text.where(text.notna() & (text != ""), np.nan)


def _build_group(obs: pd.DataFrame, column: str, report: dict[str, object]) -> pd.Series:
    """Group of each sample; a sample whose group is unknown is a group of its own."""
    column = column or ("patient_id" if "patient_id" in obs.columns else "")
    own = pd.Series(obs.index.astype(str), index=obs.index, dtype=object)
    group = as_text(pick_column(obs, "group", column)) if column else own
    report |= {"group": column or "sample", "n_without_group": int(group.isna().sum())}
    group = group.fillna(own)
    report["n_groups"] = int(group.nunique())
    return group


def _build_order(values: pd.Series, group: pd.Series, column: str) -> pd.Series:
    """Numbers that rise with the order of samples; texts stand in the order of their words and of the numbers in them (V2 before V10).

    Where a group has several samples, each needs a place of its own.
    """
    place = values.astype(float) if pd.api.types.is_numeric_dtype(values.dtype) else _rank_texts(as_text(values))
    several = group.duplicated(keep=False)
    if len(absent := place.index[several & place.isna()]):
        raise CohortError(f"order={column!r}: samples of groups with several are without a place: {name_some(absent)}; fill them in")
    tied = several & pd.DataFrame({"group": group, "place": place}).duplicated(keep=False)
    if tied.any():
        found = [f"{one} at {at}" for one, at in dict.fromkeys(zip(group[tied], values[tied], strict=True))]
        raise CohortError(
            f"order={column!r}: samples of one group at the same place: {name_some(found)}; keep one of each with where=, or name a "
            "finer column"
        )
    return place


def _rank_texts(texts: pd.Series) -> pd.Series:
    def key(text: str) -> list[str | int]:
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]

    places = {text: i for i, text in enumerate(sorted(texts.dropna().unique(), key=key))}
    return texts.map(places).astype(float)


def _build_label(values: pd.Series, column: str, report: dict[str, object]) -> pd.Series:
    """Label as a categorical of texts."""
    text = as_text(values)
    counts = text.value_counts().sort_index()
    n_labelled = int(counts.sum())
    if len(counts) < 2:
        raise CohortError(
            f"label={column!r} has {len(counts)} class{'' if len(counts) else 'es'} ({', '.join(counts.index) or 'all empty'}) among the "
            f"{len(values)} samples kept; a label needs at least two classes: choose another column or a wider where"
        )
    if len(counts) > min(MAX_CLASSES, n_labelled / 3):
        raise CohortError(
            f"label={column!r} has {len(counts)} distinct values among {n_labelled} labelled samples ({name_some(counts.index)}); "
            f"expected at most {MAX_CLASSES} classes of three samples or more on average: a measurement or an identifier is no label, "
            "cut it into classes first"
        )
    report |= {"n_labelled": n_labelled, "classes": {str(name): int(n) for name, n in counts.items()}}
    return text.astype("category")


def _build_study(values: pd.Series, column: str, report: dict[str, object]) -> pd.Series:
    """Study of every sample as text."""
    study = as_text(values)
    unknown = study.index[study.isna()]
    if len(unknown):
        raise CohortError(
            f"study={column!r}: expected the study of every sample, found none for {name_some(unknown)} of {len(study)}; complete the "
            "column, or leave these samples out with where="
        )
    report["studies"] = {str(name): int(n) for name, n in study.value_counts().sort_index().items()}
    return study


def _build_survival(obs: pd.DataFrame, config: CohortConfig, report: dict[str, object]) -> tuple[pd.Series, pd.Series]:
    """Time in days and event (1.0 seen, 0.0 censored), both NaN where the outcome is unknown.

    Unknown are samples that lack either value; those whose follow-up is 0 are unknown too (``zero_time=drop``) or are given half a
    day (``half_day``); all are counted. An event that was seen but has no time, and a negative time, contradict themselves and are
    refused.
    """
    given, days = pick_column(obs, "time", config.time), DAYS[config.time_unit]
    time = pd.to_numeric(given, errors="coerce")
    texts = given[given.notna() & time.isna()]
    if len(texts):
        raise CohortError(f"time={config.time!r}: expected numbers of {config.time_unit}, found text: {name_some(texts.unique())}")
    event = _read_event(pick_column(obs, "event", config.event), config.event)
    negative = obs.index[time < 0]
    if len(negative):
        raise CohortError(
            f"time={config.time!r}: expected survival times of 0 or more, found negative ones: {name_some(negative)}; "
            f'correct them, or leave them out with where="not {_quote(config.time)} < 0"'
        )
    timeless = obs.index[(event == 1) & time.isna()]
    if len(timeless):
        seen = obs[config.event][timeless[0]]
        query = f"not ({_quote(config.event)} == {seen.item() if hasattr(seen, 'item') else seen!r} and {_quote(config.time)}.isna())"
        raise CohortError(
            f"samples with an event ({config.event!r}) but no time ({config.time!r}): {name_some(timeless)}; complete them, or leave them "
            f'out with where="{query}"'
        )
    unknown = time.isna() | event.isna()
    zero = (time == 0) & ~unknown
    time = (time.astype(float) * days).mask(zero, HALF_DAY)
    lost = unknown | zero if config.zero_time == "drop" else unknown
    time, event = time.mask(lost), event.mask(lost)
    if time.notna().sum() == 0:
        raise CohortError(f"no sample has both a time ({config.time!r}) above 0 and an event ({config.event!r}); choose other columns")
    report |= {"n_survival": int(time.notna().sum()), "n_events": int(event.sum()), "n_survival_unknown": int(unknown.sum())}
    report["n_survival_time_zero"] = int(zero.sum())
    return time, event


def _quote(column: str) -> str:
    """Name of a column as a query writes it."""
    return column if column.isidentifier() else f"`{column}`"


def _read_event(values: pd.Series, column: str) -> pd.Series:
    """1.0, 0.0 or NaN from numbers, truth values or words; cBioPortal's ``1:DECEASED`` is read by its number."""
    text = as_text(values).str.lower().str.replace(r"^([01]):.*$", r"\1", regex=True)
    event = pd.Series(np.nan, index=values.index).mask(text.isin(SEEN), 1.0).mask(text.isin(CENSORED), 0.0)
    strange = values[text.notna() & event.isna()]
    if len(strange):
        raise CohortError(
            f"event={column!r}: expected 1/0, true/false, dead/alive or an empty field, found {name_some(strange.unique())}; "
            "recode these values"
        )
    return event
