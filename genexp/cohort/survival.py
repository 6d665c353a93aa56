"""Survival of samples from a column of times and one of events: units, words, and
contradictions.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from genexp.cohort.columns import as_text
from genexp.errors import CohortError, name_some
from genexp.query import quote_column
from genexp.settings.cohort import CohortConfig

HALF_DAY = 0.5
"""Time given to a follow-up of 0 days, because the likelihood of survival models needs times above
0."""
DAYS = {"days": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25}
UNIT_NAMES = {
    "days": re.compile(r"(^|[^a-z])days?($|[^a-z])|_d$"),
    "weeks": re.compile(r"(^|[^a-z])(weeks?|wks?)($|[^a-z])"),
    "months": re.compile(r"(^|[^a-z])(months?|mos?|mths?|mon)($|[^a-z])"),
    "years": re.compile(r"(^|[^a-z])(years?|yrs?|y)($|[^a-z])"),
}
TRUTHS = frozenset({"0", "1", "0.0", "1.0", "true", "false", "t", "f", "yes", "no", "y", "n"})
REVERSE_TITLES = re.compile(
    r"(^|_)(cens(or(ed|ing)?)?|alive|living|survived|survivor|(disease|event|relapse|progression)_?free)($|_)"
)
EVENT_TITLES = re.compile("dead|death|died|deceased|event|relapsed|progressed")
"""Titles of columns in which 1 may mean that nothing happened, and words that contradict this."""
MIN_DAYS, MAX_YEARS, MAX_MONTHS = 500.0, 60.0, 600.0
"""Times above the first can only be days; no follow-up has more years, or more months, than the
others."""

SEEN = frozenset(
    word.strip()
    for word in """
1, 1.0, true, t, yes, y, dead, deceased, died, death, event, relapse, relapsed, recurrence, recurred, progressed,
progression, progression/recurrence, recurred/progressed, d, exitus, positive, metastasis, died of disease, dead of
disease, dead with tumor, dod, dead of cancer, died of cancer, died from disease
""".replace("\n", " ").split(",")  # noqa: E501
)
CENSORED = frozenset(
    word.strip()
    for word in """
0, 0.0, false, f, no, n, alive, living, censored, censor, disease-free, diseasefree, a, lebt, negative, none, norelapse,
nonrelapsed, nonrecurrent, alive with disease, no event, disease free, alive or dead tumor free, progression free, no
recurrence, no relapse, ned, awd
""".replace("\n", " ").split(",")  # noqa: E501
)
"""Words for an observed event (SEEN) and for a censored one, in lower case."""


def build_survival(
    obs: pd.DataFrame,
    time_column: pd.Series,
    event_column: pd.Series,
    config: CohortConfig,
    report: dict[str, object],
    said: list[str],
) -> tuple[pd.Series, pd.Series]:
    """Build time in days and event (1.0 observed, 0.0 censored), both NaN where the outcome is
    unknown.

    Samples that lack either value are unknown. Samples with a follow-up of 0 are unknown too
    (``zero_time=drop``) or get half a day (``half_day``); all are counted. An event without a time,
    and a negative time, are contradictions and refused.
    """
    time = _read_times(time_column, config)
    unit, reason = _find_unit(time, config)
    event = read_event(event_column, config.event, config.event_value)
    _check_times(obs, time, event, event_column, config)
    unknown = time.isna() | event.isna()
    zero = (time == 0) & ~unknown
    days = (time * DAYS[unit]).mask(zero, HALF_DAY)
    excluded = unknown | zero if config.zero_time == "drop" else unknown
    days, event = days.mask(excluded), event.mask(excluded)
    n_known, n_events = int(days.notna().sum()), int(event.sum())
    if not n_known:
        raise CohortError(
            f"no sample has both a time ({config.time!r}) above 0 and an event "
            f"({config.event!r}); choose other columns"
        )
    report |= {
        "n_survival": n_known,
        "n_events": n_events,
        "n_survival_unknown": int(unknown.sum()),
    }
    report |= {"n_survival_time_zero": int(zero.sum()), "time_unit": unit}
    said.append(
        f"Survival: {n_events} events among {n_known} samples with a known time ({unit}, {reason})."
    )
    if n_events == n_known:
        said.append(
            "Warning: no censoring: every sample with a time has the event, as in a column "
            "that holds the days to death alone. Samples "
            "without the event lack their follow-up time and are left out of survival: give "
            "the time of last contact for them"
            f" ({int((unknown & (event_column.notna())).sum())} samples)."
        )
    elif not n_events:
        said.append("Warning: no sample has the event: nothing can be learnt about survival.")
    return days, event


def _read_times(column: pd.Series, config: CohortConfig) -> pd.Series:
    time = pd.to_numeric(column, errors="coerce").astype(float)
    texts = column[column.notna() & time.isna()]
    if len(texts):
        has_commas = texts.astype(str).str.fullmatch(r"\d+,\d+").all()
        advice = (
            "write the decimal comma as a point"
            if has_commas
            else "empty these fields, or recode them"
        )
        raise CohortError(
            f"time={config.time!r}: expected numbers, found text: "
            f"{name_some(texts.unique())}; {advice}"
        )
    infinite = time.index[np.isinf(time)]
    if len(infinite):
        raise CohortError(
            f"time={config.time!r}: expected finite times, found infinite ones (inf): "
            f"{name_some(infinite)}; correct them"
        )
    return time


def _find_unit(time: pd.Series, config: CohortConfig) -> tuple[str, str]:
    """Find the unit of the times, with the reason; refuse where name and values are unclear or
    contradict each other.
    """
    longest = float(time.max()) if time.notna().any() else np.nan
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", config.time).lower().replace("_", " ")
    named = [unit for unit, pattern in UNIT_NAMES.items() if pattern.search(name)]
    if config.time_unit != "auto":
        return config.time_unit, f"as time_unit={config.time_unit} says" + (
            f"; the column's name says {named[0]}"
            if named and config.time_unit not in named
            else ""
        )
    ask = f"time={config.time!r}: the unit of the times (longest {longest:g}) is not clear"
    choices = "say time_unit=days, weeks, months or years"
    if len(named) == 1:
        unit = named[0]
        whole = bool((time.dropna() % 1 == 0).all())
        if (
            (unit == "years" and longest > MAX_YEARS)
            or (unit == "months" and longest > MAX_MONTHS)
            or (unit == "days" and longest < 60 and not whole)
        ):
            raise CohortError(f"{ask}: its name says {unit}, its values do not; {choices}")
        return unit, "by the column's name"
    if longest > MIN_DAYS:
        return "days", f"since the longest is {longest:g}"
    raise CohortError(
        f"{ask}: its name tells no unit, and they may be days, months or years; {choices}"
    )


def _check_times(
    obs: pd.DataFrame,
    time: pd.Series,
    event: pd.Series,
    event_column: pd.Series,
    config: CohortConfig,
) -> None:
    negative = obs.index[time < 0]
    if len(negative):
        raise CohortError(
            f"time={config.time!r}: expected survival times of 0 or more, found negative "
            f"ones: {name_some(negative)}; "
            f'correct them, or leave them out with where="not {quote_column(config.time)} < 0"'
        )
    timeless = obs.index[(event == 1) & time.isna()]
    if len(timeless):
        seen = event_column[timeless[0]]
        seen = seen.item() if hasattr(seen, "item") else seen
        query = (
            f"not ({quote_column(config.event)} == {seen!r} and {quote_column(config.time)} is "
            "missing)"
        )
        raise CohortError(
            f"samples with an event ({config.event!r}) but no time ({config.time!r}): "
            f"{name_some(timeless)}; complete them, or exclude "
            "them "
            f'with where="{query}"'
        )


def read_event(values: pd.Series, column: str, event_value: tuple[str, ...] = ()) -> pd.Series:
    """Read events as 1.0, 0.0 or NaN from numbers, truth values or words; cBioPortal's
    ``1:DECEASED`` is read by its number.

    Raises
    ------
    CohortError
        The meaning of a value is unknown; ``event_value`` names the values that mean the event.
    """
    text = as_text(values)
    numbered = text.str.lower().str.extract(r"^([01])\s*:\s*(.*)$")
    words = numbered[0].where(numbered[0].notna(), text.str.lower())
    if event_value:
        wanted = {value.strip().lower() for value in event_value}
        seen = words.isin(wanted) | text.str.lower().isin(wanted)
        if not seen.any():
            raise CohortError(
                f"event_value={','.join(event_value)}: {column!r} has no such value; it has "
                f"{name_some(text.dropna().unique())}"
            )
        return seen.astype(float).mask(text.isna())
    event = (
        pd.Series(np.nan, index=values.index)
        .mask(words.isin(SEEN), 1.0)
        .mask(words.isin(CENSORED), 0.0)
    )
    title = re.sub(r"[^a-z]+", "_", column.lower())
    reverse = (
        bool(REVERSE_TITLES.search(title))
        and not EVENT_TITLES.search(title)
        and words.dropna().isin(TRUTHS).all()
    )
    contradict = ((numbered[0] == "1") & numbered[1].isin(CENSORED)) | (
        (numbered[0] == "0") & numbered[1].isin(SEEN)
    )
    strange = text[text.notna() & (event.isna() | reverse | contradict)]
    if len(strange):
        advice = (
            "say which values mean the event with event_value=, for example event_value="
            + str(sorted(strange.unique())[-1])
        )
        raise CohortError(
            f"event={column!r}: expected 1/0, true/false, dead/alive or an empty field, "
            f"found {name_some(text.dropna().unique())}; {advice}"
        )
    return event
