"""Likely roles of columns of annotations: label, survival time, event, batch or patient."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from genexp.cohort.annotations import PATIENT_TITLES, find_patient_columns
from genexp.cohort.columns import as_text
from genexp.cohort.survival import CENSORED, SEEN
from genexp.names.likeness import normal_title
from genexp.names.vocabulary import FURTHER, OUTCOMES

ROLES = {"label": "label", "time": "time", "event": "event", "batch": "batch", "patient": "group"}
"""Roles of columns, and their parameters."""
MIN_CLASS, MAX_CLASSES, MAX_NAMED_CLASSES = 5, 20, 60
"""Samples of a class, and classes, of what is proposed as a label; more classes where the name says
that it is one, such as cancer_type."""
MIN_BATCH, MAX_BATCHES = 3, 100
"""Samples of a batch that is proposed, and batches of what could be one."""
UNIT = r"(time|days?|months?|mos?|weeks?|years?|yrs?)"
ENDPOINT = rf"({OUTCOMES}|{FURTHER}|progression|progression_free|disease_free|metastasis|event|last_follow_?up|surv)"  # noqa: E501
TIME_TITLES = re.compile(
    rf"(.*_)?{ENDPOINT}(_survival)?_?(in_)?{UNIT}|{UNIT}_(to|until|of)_(.*_)?{ENDPOINT}(_.*)?|{OUTCOMES}|futime|time|survival_time|follow_?up(_time)?"
)
"""Columns of survival times, in the form of :func:`genexp.names.likeness.normal_title`."""
EVENT_TITLES = re.compile(
    rf"(.*_)?{ENDPOINT}(_.*)?|(.*_)?(event|status|vital|dead|death|deceased|alive|died|censor(ed|ing)?|fustat)(_.*)?"
)
CENSOR_TITLES = re.compile(r"(.*_)?censor(ed|ing)?(_.*)?")
PLAIN_WORDS = frozenset(
    [
        "1",
        "0",
        "1.0",
        "0.0",
        "true",
        "false",
        "t",
        "f",
        "yes",
        "no",
        "y",
        "n",
        "d",
        "a",
        "positive",
        "negative",
        "none",
    ]
)
"""Words of events that say something else in columns of other names: is_female is no event."""
RECEPTORS = re.compile(
    r"(er|pr|her2|hpv|msi|braf|kras|estrogen|progesterone|receptor|mutation|smok\w*|menopause)(_.*)?"
)
BATCH_TITLES = re.compile(
    r"(.*_)?(batch|plate|cent(re|er)|site|study|platform|series|data_?set|laborator(y|ies)|lab|institut(e|ion)|hospital|protocol|instrument|scanner|"
    r"sequencer|flow_?cell|lane|library_prep|chip|array_batch|run|sequencing_run|run_date|scan_date|gse|chemistry|experiment)(_(id|ids|name|number|no|code|accession))?"
)
ANATOMY = re.compile(
    r".*(primary|tumou?r|anatom|biops|metasta|resection|lesion|disease|body|organ|tissue_site).*site.*|.*site_of.*|primarysite"
)
MAYBE_BATCH_TITLES = re.compile(r"cohort|project|project_id|source|country|region")
LABEL_TITLES = (
    re.compile(r"labels?|class(es)?|target|y"),
    re.compile(
        r"(.*_)?(pam50|subtypes?|molecular_.*|consensus_.*)(_.*)?|pam50.*|cell_?types?(_.*)?"
    ),
    re.compile(
        r"(cancer|tumou?r|disease|histolog\w*|cell|oncotree)_?(types?|class|code|subtypes?)|diagnosis|disease|histology|phenotype|acronym|entity"
    ),
    re.compile(
        r"(sample|tissue)_?types?|types?|conditions?|groups?|treatments?|arm|response|responders?|status|tissue|organ|genotype|clusters?|leiden|louvain"
    ),
    re.compile(
        r"(.*_)?(stage|grade|status|type|class|risk|response)(_.*)?|.*(stage|grade|status|type)"
    ),
)
"""Names of labels, the most telling first."""
DEMOGRAPHIC = re.compile(
    r"(.*_)?(sex|gender|race|ethnicity|ancestry|female|male|smoker|country|laterality|side)(_.*)?"
)
MEASUREMENT = re.compile(
    r"(.*_)?(age|year|date|days?|months?|years?|time|count|number|n|volume|size|weight|height|percent|pct|bmi)(_.*)?"
)
STOP_WORDS = frozenset(
    [
        *(
            "time",
            "times",
            "day",
            "days",
            "week",
            "weeks",
            "month",
            "months",
            "mo",
            "mos",
            "year",
            "years",
            "yr",
            "yrs",
            "in",
            "to",
            "of",
        ),
        *("event", "events", "status", "censor", "censored", "censoring", "ind", "indicator"),
    ]
)
SAME_ENDPOINT = {
    "os": (
        *("", "os", "overall", "overall_survival", "survival", "surv", "futime", "fustat"),
        *("vital", "death", "dead", "died", "deceased", "alive", "follow_up", "followup", "last_follow_up", "last_contact"),  # noqa: E501
    ),
    "dfs": ("dfs", "disease_free", "disease_free_survival"),
    "pfs": ("pfs", "progression", "progression_free", "progression_free_survival"),
    "rfs": ("rfs", "relapse", "relapse_free", "relapse_free_survival"),
    "recurrence": ("recurrence", "tumor_recurrence", "tumour_recurrence", "recurred"),
}  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """A column with a likely role.

    Parameters
    ----------
    role : str
        A key of ``ROLES``.
    column : str
    values : str
        Its values with their counts, or their range.
    is_likely : bool
        Whether its name says so, too, so that it may be proposed.
    note : str
        What to mind; empty if nothing.
    """

    role: str
    column: str
    values: str
    is_likely: bool = True
    note: str = ""


def find_candidates(obs: pd.DataFrame) -> list[Candidate]:
    """Find the likely roles of columns, role by role, the likeliest column first.

    Parameters
    ----------
    obs : DataFrame, (n_samples, ...)
        Annotations with numbers recognised and words for missing values emptied.
    """
    texts = {str(column): as_text(obs[column]) for column in obs.columns}
    times = [_describe_time(obs[name], name) for name in texts if _is_time(obs[name], name)]
    events = [_describe_event(texts[name], name) for name in texts if _is_event(texts[name], name)]
    patients = _find_patients(obs, texts)
    batches = [_describe_batch(texts[name], name) for name in texts if _is_batch(texts[name], name)]
    no_label = {candidate.column for candidate in (*times, *events, *patients)} | set(
        filter(_is_batch_title, texts)
    )
    labels = [
        name for name in texts if name not in no_label and _is_label(obs[name], texts[name], name)
    ]
    labels.sort(key=lambda name: _rank_label(texts[name], name))
    return [
        *(_describe_label(texts[name], name) for name in labels),
        *times,
        *events,
        *sorted(batches, key=lambda batch: (not batch.is_likely, texts[batch.column].isna().any())),
        *patients,
    ]


def pair_endpoints(times: Sequence[str], events: Sequence[str]) -> list[tuple[str, str]]:
    """Pair columns of times with columns of events by their names, overall survival first:
    ``OS.time`` with ``OS``.
    """
    pairs = [(time, event) for time in times for event in events if _stem(time) == _stem(event)]
    paired_times, paired_events = {time for time, _ in pairs}, {event for _, event in pairs}
    for time in times:
        matching = [event for event in events if _endpoint(event) == _endpoint(time)]
        matching = [event for event in matching if event not in paired_events] or matching
        if time not in paired_times and matching:
            pairs.append((time, matching[0]))
    if not pairs and len(times) == len(events) == 1:
        pairs = [(times[0], events[0])]
    return sorted(pairs, key=lambda pair: _endpoint(pair[0]) != "os")


def count_values(values: pd.Series, limit: int = 8) -> str:
    """Describe values with their counts, the most frequent first, and the number of empty ones."""
    counts = values.value_counts()
    text_line = ", ".join(f"{_shorten(name)} ({n:,})" for name, n in counts.head(limit).items())
    more = f" and {len(counts) - limit:,} more" if len(counts) > limit else ""
    return text_line + more + _count_empty(values)


def summarise_column(values: pd.Series) -> str:
    """Describe the values of any column in a few words."""
    known = values.dropna()
    if known.empty:
        return "all empty"
    if (
        pd.api.types.is_numeric_dtype(values.dtype)
        and not pd.api.types.is_bool_dtype(values.dtype)
        and known.nunique() > 6
    ):
        return _span(values)
    texts = as_text(values)
    n_values = texts.nunique()
    if n_values > MAX_CLASSES and n_values > 0.3 * len(known):
        return (
            f"{n_values:,} values "
            f"({', '.join(_shorten(text) for text in texts.dropna().unique()[:3])}, "
            f"...){_count_empty(values)}"
        )
    return count_values(texts, 5)


def _title(name: str) -> str:
    """Return a title in lower case with ``_`` between words, also for words separated by capitals:
    ``DaysToDeath``.
    """
    return normal_title(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))


def _stem(name: str) -> str:
    """Return the words of a title other than time, unit and event: ``OS.time`` -> ``os``."""
    return "_".join(word for word in _title(name).split("_") if word not in STOP_WORDS)


def _endpoint(name: str) -> str:
    stem = _stem(name)
    return next((endpoint for endpoint, stems in SAME_ENDPOINT.items() if stem in stems), stem)


def _shorten(text: object, limit: int = 28) -> str:
    text_line = " ".join(str(text).split())
    return text_line if len(text_line) <= limit else text_line[: limit - 3] + "..."


def _have(n: int) -> str:
    return "has" if n == 1 else "have"


def _count_empty(values: pd.Series) -> str:
    n = int(values.isna().sum())
    return f"; {n:,} empty" if n else ""


def _span(values: pd.Series) -> str:
    known = values.dropna().astype(float)
    return (
        f"{known.min():,.6g} to {known.max():,.6g}, median "
        f"{known.median():,.6g}{_count_empty(values)}"
    )


def _is_time(values: pd.Series, name: str) -> bool:
    """Check whether a column holds numbers, and has the name of a survival time."""
    if not TIME_TITLES.fullmatch(_title(name)) or re.search(
        r"(^|_)(birth|age|collection|diagnosis)(_|$)", _title(name)
    ):
        return False
    known = values.dropna()
    is_number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(
        values.dtype
    )
    return bool(
        is_number
        and len(known) >= MIN_CLASS
        and known.nunique() > min(10, len(known) / 2)
        and (known >= 0).mean() > 0.95
    )


def _describe_time(values: pd.Series, name: str) -> Candidate:
    return Candidate("time", name, _span(values))


def _is_event(texts: pd.Series, name: str) -> bool:
    """Check whether a column has two values, both of them words of events; of common words, only
    where its name says so.
    """
    words = set(texts.dropna().str.lower().str.replace(r"^([01])\s*:.*$", r"\1", regex=True))
    if (
        not words
        or len(words) > 6
        or not (words & SEEN)
        or not (words & CENSORED)
        or not words <= SEEN | CENSORED
    ):
        return False
    title = _title(name)
    return not RECEPTORS.fullmatch(title) and bool(
        not words <= PLAIN_WORDS or EVENT_TITLES.fullmatch(title)
    )


def _describe_event(texts: pd.Series, name: str) -> Candidate:
    is_censoring = CENSOR_TITLES.fullmatch(_title(name)) is not None
    note = (
        (
            "its name says that it marks censored samples: check which value is the event, and "
            "name it with --event_value"
        )
        if is_censoring
        else ""
    )
    return Candidate("event", name, count_values(texts), is_likely=not is_censoring, note=note)


def _is_batch_title(name: str) -> bool:
    title = _title(name)
    return BATCH_TITLES.fullmatch(title) is not None and not ANATOMY.fullmatch(title)


def _is_batch(texts: pd.Series, name: str) -> bool:
    is_named = _is_batch_title(name) or MAYBE_BATCH_TITLES.fullmatch(_title(name)) is not None
    n_values = texts.nunique()
    return is_named and 2 <= n_values <= min(MAX_BATCHES, texts.notna().sum() / 2)


def _describe_batch(texts: pd.Series, name: str) -> Candidate:
    sizes = texts.value_counts()
    n_small = int((sizes < MIN_BATCH).sum())
    notes = (
        [f"{n_small} of {len(sizes)} {_have(n_small)} fewer than {MIN_BATCH} samples"]
        if n_small
        else []
    )
    if texts.isna().any():
        notes.append(
            "a batch is needed for every sample: exclude the others with --where, or "
            "complete the column"
        )
    is_likely = _is_batch_title(name) and not notes
    return Candidate(
        "batch", name, f"{len(sizes)} values: {count_values(texts, 5)}", is_likely, "; ".join(notes)
    )


def _is_label(values: pd.Series, texts: pd.Series, name: str) -> bool:
    """Check whether a column has a few classes, nearly all of whose samples are in classes that are
    large enough.
    """
    sizes = texts.value_counts()
    most = MAX_NAMED_CLASSES if _rank_label(texts, name)[1] < len(LABEL_TITLES) - 1 else MAX_CLASSES
    if (
        not 2 <= len(sizes) <= most
        or (sizes >= MIN_CLASS).sum() < 2
        or sizes[sizes < MIN_CLASS].sum() > 0.1 * sizes.sum()
    ):
        return False
    is_number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(
        values.dtype
    )
    return not (
        is_number and (MEASUREMENT.fullmatch(_title(name)) or (values.dropna() % 1 != 0).any())
    )


def _rank_label(texts: pd.Series, name: str) -> tuple[bool, int, int]:
    """Rank columns: mostly empty ones come last, before them those with less specific names."""
    title = _title(name)
    tier = next(
        (i for i, pattern in enumerate(LABEL_TITLES) if pattern.fullmatch(title)), len(LABEL_TITLES)
    )
    tier += 2 * len(LABEL_TITLES) if DEMOGRAPHIC.fullmatch(title) else 0
    return bool(texts.notna().mean() < 0.5), tier, len(title)


def _describe_label(texts: pd.Series, name: str) -> Candidate:
    sizes = texts.value_counts()
    n_rare = int((sizes < MIN_CLASS).sum())
    note = (
        f"{n_rare} of {len(sizes)} classes {_have(n_rare)} fewer than {MIN_CLASS} samples"
        if n_rare
        else ""
    )
    return Candidate(
        "label", name, count_values(texts), _rank_label(texts, name)[1] < len(LABEL_TITLES), note
    )


def _find_patients(obs: pd.DataFrame, texts: dict[str, pd.Series]) -> list[Candidate]:
    """Find columns that name patients, and others whose identifiers repeat."""
    named = find_patient_columns(obs)
    others = [name for name, values in texts.items() if name not in named and _repeats_ids(values)]
    return [_describe_patients(texts[name], name) for name in (*named, *others)]


def _repeats_ids(texts: pd.Series) -> bool:
    """Check whether a column holds identifiers, most of which occur once or a few times."""
    known = texts.dropna()
    if len(known) < max(10, 0.5 * len(texts)):
        return False
    sizes = known.value_counts()
    is_identifier = known.str.fullmatch(r"(?=\S*\d)(?=\S*[A-Za-z])\S{3,40}")
    return bool(
        0.3 * len(known) < len(sizes) < len(known)
        and sizes.max() <= 20
        and is_identifier.mean() > 0.9
    )


def _describe_patients(texts: pd.Series, name: str) -> Candidate:
    sizes = texts.value_counts()
    several = int((sizes > 1).sum())
    values = f"{len(sizes):,} values, {several:,} with several samples{_count_empty(texts)}"
    return Candidate(
        "patient", name, values, PATIENT_TITLES.fullmatch(normal_title(name)) is not None
    )


def list_role_columns(candidates: Iterable[Candidate], role: str) -> list[str]:
    """List the columns with a likely role, the likeliest first."""
    return [candidate.column for candidate in candidates if candidate.role == role]
