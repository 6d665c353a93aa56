"""Parameters that columns of annotations suggest, tried before they are proposed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from genexp.cohort.columns import as_text
from genexp.cohort.survival import build_survival
from genexp.describe.roles import ROLES, Candidate, list_role_columns, pair_endpoints
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig

MAX_PAIRS, MAX_CONFOUNDED = 6, 3
"""Largest number of pairs of time and event, and of batches and labels, that are tried."""


def describe_endpoints(
    obs: pd.DataFrame, candidates: Sequence[Candidate], config: CohortConfig
) -> tuple[str, ...]:
    """Describe the survival by each pair of time and event, or the question about it."""
    sentences = []
    for time, event in _pair(candidates):
        report, said = _try_survival(obs, time, event, config)
        pair = f"{time} with {event}"
        sentences.append(
            f"{pair}: {' '.join(said)}" if report else f"{pair} would be asked about: {said[0]}."
        )
    return tuple(sentences)


def describe_confounding(texts: pd.DataFrame, candidates: Sequence[Candidate]) -> list[str]:
    """Warn of each column of batches whose every value has only one label."""
    sentences = []
    for batch in list_role_columns(candidates, "batch")[:MAX_CONFOUNDED]:
        for label in list_role_columns(candidates, "label")[:MAX_CONFOUNDED]:
            table = pd.crosstab(as_text(texts[batch]), as_text(texts[label]))
            if label != batch and min(table.shape) > 1 and ((table > 0).sum(axis=1) == 1).all():
                sentences.append(
                    f"Each value of {batch!r} has only one value of {label!r}: effects of "
                    "batch and label cannot be separated."
                )
    return sentences


def suggest_parameters(
    obs: pd.DataFrame, candidates: Sequence[Candidate], config: CohortConfig
) -> dict[str, str]:
    """Suggest label, time, event, batch and group, where the configuration names none."""
    suggested = {}
    for role in ("label", "batch", "patient"):
        likely = [
            candidate for candidate in candidates if candidate.role == role and candidate.is_likely
        ]
        if likely and not getattr(config, ROLES[role]):
            suggested[ROLES[role]] = likely[0].column
    if not config.time and not config.event:
        suggested |= _suggest_survival(obs, candidates, config)
    return {
        name: suggested[name]
        for name in ("label", "time", "event", "batch", "group")
        if name in suggested
    }


def _suggest_survival(
    obs: pd.DataFrame, candidates: Sequence[Candidate], config: CohortConfig
) -> dict[str, str]:
    """Suggest the first pair that can be read and has censored samples."""
    likely = [candidate for candidate in candidates if candidate.is_likely]
    for time, event in _pair(likely):
        report, _ = _try_survival(obs, time, event, config)
        if report and 0 < int(str(report["n_events"])) < int(str(report["n_survival"])):
            return {"time": time, "event": event}
    return {}


def _pair(candidates: Sequence[Candidate]) -> list[tuple[str, str]]:
    return pair_endpoints(
        list_role_columns(candidates, "time"), list_role_columns(candidates, "event")
    )[:MAX_PAIRS]


def _try_survival(
    obs: pd.DataFrame, time: str, event: str, config: CohortConfig
) -> tuple[dict[str, object], list[str]]:
    """Try survival by two columns: return numbers and sentences, or no numbers and the question."""
    report: dict[str, object] = {}
    said: list[str] = []
    try:
        build_survival(
            obs,
            obs[time],
            obs[event],
            config.model_copy(update={"time": time, "event": event}),
            report,
            said,
        )
    except CohortError as error:
        return {}, [str(error)]
    return report, [sentence.removeprefix("Survival: ") for sentence in said]
