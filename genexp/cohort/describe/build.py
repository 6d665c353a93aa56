"""From a configuration to a description: the reader's steps, one after the other, as far as they go."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from genexp.cohort.annotations import add_canonical_columns, as_text, empty_missing_words, find_types
from genexp.cohort.check import check_values
from genexp.cohort.describe.description import Description, Question, Values, list_given, write_command
from genexp.cohort.describe.facts import (
    describe_bytes,
    describe_file,
    describe_genes_found,
    describe_missing,
    describe_samples,
    describe_values,
    sample_values,
)
from genexp.cohort.describe.inquiry import Inquiry
from genexp.cohort.describe.roles import Candidate, find_candidates, list_columns, summarise_column
from genexp.cohort.describe.suggest import describe_endpoints, suggest_parameters
from genexp.cohort.formats import Table
from genexp.cohort.ids import count_matches
from genexp.cohort.orientation import Orientation, describe_sides, find_orientation
from genexp.cohort.read import (
    MIN_SAMPLES,
    OpenedCohort,
    annotate_samples,
    check_leaks,
    check_matrix,
    check_samples,
    describe_genes,
    fill_defaults,
    fill_values,
    is_simulated,
    list_named_columns,
    open_cohort,
)
from genexp.cohort.safety import find_leaks
from genexp.cohort.samples import describe_near_duplicates, describe_unusual, find_near_duplicates, find_unusual, measure_samples
from genexp.cohort.scale import SCALE_NAMES
from genexp.cohort.sides import Sides, find_sides
from genexp.cohort.source import read_name
from genexp.config import CohortConfig
from genexp.errors import CohortError

MAX_LABELS = 5
"""Further columns that could be labels for which genes are looked for that tell their classes alone."""
WITHOUT_CANONICAL: tuple[dict[str, object], ...] = (
    {"label": ""},
    {"time": "", "event": ""},
    {"study": ""},
    {"order": ""},
    {"group": ""},
    {"label": "", "time": "", "event": "", "study": "", "order": "", "group": ""},
)
"""What is left out where a column that the user names cannot be read."""


def describe_cohort(config: CohortConfig, seed: int = 0) -> Description:
    """Describe a file of expression values and its annotations.

    Parameters
    ----------
    config : CohortConfig
        Which cohort, and how to read it.
    seed : int
        Of the simulated cohort.

    Returns
    -------
    Description
        What is known; where the reader asks, with its questions.

    Raises
    ------
    CohortError
        There is no such file.
    """
    inquiry = Inquiry(fill_defaults(config))
    with ExitStack() as files:
        opened = inquiry.ask(
            "File", lambda config, said: files.enter_context(open_cohort(config, seed)), *([{"obs": ""}] if config.obs else [])
        )
        if opened is None:
            return _describe_unread(inquiry, config)
        return _describe_opened(opened, inquiry, config)


def _describe_unread(inquiry: Inquiry, given: CohortConfig) -> Description:
    """Describe a file that no format reads."""
    path = Path(given.cohort).expanduser()
    if not path.exists():
        raise CohortError(inquiry.questions[0].text)
    inquiry.add_facts("File", *describe_bytes(path))
    return _finish(inquiry, given, "not read")


def _describe_opened(opened: OpenedCohort, inquiry: Inquiry, given: CohortConfig) -> Description:
    """Describe a file whose names and annotations are known."""
    table = opened.table
    path = None if is_simulated(given.cohort) else Path(given.cohort).expanduser()
    inquiry.add_facts("File", *describe_file(table, path, opened.annotations), *table.notes)
    orientation = inquiry.ask("Way round", partial(_find_orientation, opened))
    sides = None if orientation is None else inquiry.ask("Left out", partial(_find_sides, opened, orientation))
    if sides is None:
        return _describe_undecided(opened, inquiry, given)
    obs, texts, kept = _annotate(opened, sides, inquiry)
    step = inquiry.ask(
        "Genes", partial(_name_genes, sides), {"date_genes": "repair"}, {"date_genes": "keep"}, {"duplicates": "max_variance"}
    )
    genes = pd.Index(sides.genes) if step is None else step
    X = fill_values(table, sides, kept)
    inquiry.facts["Samples"] = [describe_samples(list(obs.index), len(sides.samples))]
    inquiry.facts["Genes"] = [*describe_genes_found(genes, X), *inquiry.facts.get("Genes", [])]
    canonical = inquiry.ask("Annotations", partial(_add_canonical, obs, texts), *WITHOUT_CANONICAL)
    X, scale, by_gene = _describe_matrix(X, obs, genes, table, inquiry)
    if len(obs) < MIN_SAMPLES:
        inquiry.warnings.append(f"Found {len(obs)} samples; training needs {MIN_SAMPLES} or more.")
    candidates = find_candidates(obs)
    endpoints, suggested = describe_endpoints(obs, candidates, inquiry.config), suggest_parameters(obs, candidates, inquiry.config)
    obs = obs if canonical is None else canonical
    _look_for_leaks(X, obs, texts, genes, scale, candidates, suggested, inquiry)
    values = _describe_samples(X, obs, scale, by_gene, _find_batch(texts, candidates), inquiry)
    shape = f"{len(obs):,} samples x {len(genes):,} genes"
    headline = f"{shape}, {SCALE_NAMES[scale]}" if scale else f"{shape} of unknown scale"
    return _finish(inquiry, given, headline, candidates, texts, endpoints, suggested, values)


def _describe_undecided(opened: OpenedCohort, inquiry: Inquiry, given: CohortConfig) -> Description:
    """Describe a table of which it is not known which side holds the samples: values, and the annotations by themselves."""
    table = opened.table
    rows, columns = (np.linspace(0, n - 1, min(n, 200)).astype(int) for n in (len(table.rows), len(table.columns)))
    part = table.values.read(rows, columns)
    sampled = part[np.isfinite(part)]
    values = None
    if len(sampled):
        inquiry.add_facts("Scale", describe_values(sampled))
        values = Values("", sampled, [], pd.DataFrame(), {}, np.empty(0))
    candidates, texts = [], pd.DataFrame()
    if opened.annotations is not None:
        texts = empty_missing_words(opened.annotations, inquiry.config.missing_words)[0]
        candidates = find_candidates(find_types(texts))
    headline = f"{len(table.rows):,} rows x {len(table.columns):,} columns, not known which are samples"
    return _finish(inquiry, given, headline, candidates, texts, values=values)


def _find_orientation(opened: OpenedCohort, config: CohortConfig, said: list[str]) -> Orientation:
    table = opened.annotations
    matches = None if table is None else partial(count_matches, table, sample_id=config.sample_id)
    orientation = find_orientation(opened.table, config.rows, list_named_columns(config, table), matches)
    said.append(describe_sides(orientation))
    return orientation


def _find_sides(opened: OpenedCohort, orientation: Orientation, config: CohortConfig, said: list[str]) -> Sides:
    named = list_named_columns(config, opened.annotations)
    sides = find_sides(opened.table, orientation.genes_in_rows, named, config.metadata, said)
    check_samples(sides.samples)
    return sides


def _annotate(opened: OpenedCohort, sides: Sides, inquiry: Inquiry) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Annotations of the kept samples, the same as texts, and the positions of these samples."""

    def join(config: CohortConfig, said: list[str]) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
        return annotate_samples(opened, sides, config, said)[:3]

    answers = [{"unmatched": "drop"}, {"where": ""}, {"unmatched": "drop", "where": ""}]
    annotated = inquiry.ask("Annotations", join, *answers)
    if annotated is None:
        without = replace(opened, annotations=None)
        annotated = annotate_samples(without, sides, inquiry.config.model_copy(update={"where": ""}), [])[:3]
    elif inquiry.questions and inquiry.config.unmatched == "drop" and 2 * len(annotated[2]) < len(sides.samples):
        last = inquiry.questions.pop()  # to lose most samples is no answer
        inquiry.questions.append(Question(last.text, last.answers))
    if not len(annotated[0].columns):
        inquiry.add_facts("Annotations", "None: give a table of the samples with --obs FILE.")
    return annotated


def _name_genes(sides: Sides, config: CohortConfig, said: list[str]) -> pd.Index:
    return describe_genes(sides, config, said)[0].index


def _add_canonical(obs: pd.DataFrame, texts: pd.DataFrame, config: CohortConfig, said: list[str]) -> pd.DataFrame:
    return add_canonical_columns(obs, config, texts, said)[0]


def _describe_matrix(
    X: np.ndarray, obs: pd.DataFrame, genes: pd.Index, table: Table, inquiry: Inquiry
) -> tuple[np.ndarray, str, np.ndarray]:
    """Values without infinite ones, their scale (empty if unknown), and the share of samples that each gene lacks."""
    missing, by_gene = describe_missing(X)
    inquiry.add_facts("Missing values", *missing)

    def check(config: CohortConfig, said: list[str]) -> bool:
        return bool(check_values(X, genes, config.missing)[0].sum() >= 0)

    answer = "drop_gene" if (by_gene > 0).mean() < 0.1 else "impute_mean"
    if inquiry.ask("Missing values", check, {"missing": answer}) is None:
        X[~np.isfinite(X)] = np.nan
        inquiry.config = inquiry.config.model_copy(update={"missing": "impute_mean"})

    def scale_values(config: CohortConfig, said: list[str]) -> tuple[np.ndarray, str]:
        return check_matrix(X, obs, genes, table, config, said)[:2]

    scaled = inquiry.ask("Scale", scale_values) if np.isfinite(X).any() else None
    if scaled is not None:
        X = scaled[0]
    if len(sampled := sample_values(X)):
        inquiry.add_facts("Scale", describe_values(sampled))
    return X, "" if scaled is None else scaled[1], by_gene


def _look_for_leaks(
    X: np.ndarray, obs: pd.DataFrame, texts: pd.DataFrame, genes: pd.Index, scale: str,
    candidates: list[Candidate], suggested: dict[str, str], inquiry: Inquiry,
) -> None:  # fmt: skip
    """Look for genes that are annotations, or that tell the classes of a column alone."""
    named = {name: as_text(texts[column]) for name, column in suggested.items() if name in ("label", "event", "study") and column in texts}
    said: list[str] = []
    try:
        check_leaks(X, genes, obs.assign(**named), scale, inquiry.config, said)
    except CohortError as error:
        text = str(error)
        inquiry.add_question(text)
    inquiry.add_facts("Genes", *said)
    others = [name for name in list_columns(candidates, "label") if name not in suggested.values()][:MAX_LABELS]
    leaks = find_leaks(X, list(genes), obs[[]], {name: as_text(texts[name]) for name in others})
    inquiry.warnings += [f"Gene {leak.gene} {leak.text}." for leak in leaks]


def _find_batch(texts: pd.DataFrame, candidates: list[Candidate]) -> pd.Series | None:
    """Batch of the samples by the first column that could be one and has few values."""
    columns = [name for name in list_columns(candidates, "batch") if texts[name].nunique() <= 8]
    return as_text(texts[columns[0]]).rename(columns[0]) if columns else None


def _describe_samples(
    X: np.ndarray, obs: pd.DataFrame, scale: str, by_gene: np.ndarray, batch: pd.Series | None, inquiry: Inquiry
) -> Values:
    """Statistics of the samples; unusual ones and near-duplicates become warnings."""
    samples = [str(name) for name in obs.index]
    statistics = measure_samples(X, scale)
    unusual = find_unusual(statistics, scale)
    inquiry.warnings += describe_unusual(statistics, unusual, samples, scale)
    groups = obs["group"].astype(str).tolist() if "group" in obs else samples
    inquiry.warnings += filter(None, [describe_near_duplicates(find_near_duplicates(X, scale), samples, groups)])
    return Values(scale, sample_values(X), samples, statistics, unusual, by_gene, batch)


def _finish(
    inquiry: Inquiry, given: CohortConfig, headline: str, candidates: list[Candidate] | None = None, texts: pd.DataFrame | None = None,
    endpoints: tuple[str, ...] = (), suggested: dict[str, str] | None = None, values: Values | None = None,
) -> Description:  # fmt: skip
    columns = () if texts is None else tuple((str(name), summarise_column(find_types(texts[[name]])[name])) for name in texts.columns)
    return Description(
        read_name(given.cohort) if not is_simulated(given.cohort) else given.cohort,
        headline,
        {topic: tuple(inquiry.facts[topic]) for topic in TOPICS if inquiry.facts.get(topic)},
        tuple(candidates or ()),
        endpoints,
        columns,
        tuple(inquiry.warnings),
        tuple(inquiry.questions),
        _write_commands(inquiry, given, suggested or {}),
        values,
    )


TOPICS = ("File", "Way round", "Left out", "Samples", "Genes", "Scale", "Missing values", "Annotations", "Patients")
"""Topics of the facts, in their order."""


def _write_commands(inquiry: Inquiry, given: CohortConfig, suggested: dict[str, str]) -> tuple[tuple[str, ...], ...]:
    """Command lines to go on with: to describe again with an answer where a question is open, else to preprocess and tune."""
    parameters = list_given(given)
    still_open = [question for question in inquiry.questions if not question.assumed]
    if still_open:
        answers = dict.fromkeys(answer for question in still_open for answer in question.answers)
        return tuple(write_command("describe", parameters | {name: value}) for name, value in answers)
    for question in inquiry.questions:
        parameters |= question.assumed
    return tuple(write_command(verb, parameters | suggested) for verb in ("preprocess", "tune"))
