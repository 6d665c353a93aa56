"""Outcomes of evaluation tasks, for tests that look at results and notes."""

from typing import Any

from genexp.evaluation.task import Result, Skipped


def unpack(outcome: Result | Skipped) -> tuple[Any, list[str]]:
    """Result, None where the task was skipped, and notes."""
    return (outcome if isinstance(outcome, Result) else None), list(outcome.notes)
