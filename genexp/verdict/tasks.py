"""Registry of the evaluation tasks: a file with a subclass of :class:`~genexp.evaluation.task.Task`
and a line below add one.

Tasks are evaluated in this order; each has access to the results of those before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from genexp.evaluation.batch_effects import BatchEffectsTask
from genexp.evaluation.clusters.kmeans import ClusterTask
from genexp.evaluation.clusters.methods import ClusterMethodsTask
from genexp.evaluation.discrimination import DiscriminationTask
from genexp.evaluation.novelty import NoveltyTask
from genexp.evaluation.outcomes import OutcomesTask
from genexp.evaluation.probe import ProbeTask
from genexp.evaluation.projection import EmbeddingsTask
from genexp.evaluation.reconstruction import ReconstructionTask
from genexp.evaluation.task import SampleScores, Task
from genexp.evaluation.terms import TermsTask
from genexp.explain.deletion import DeletionTask
from genexp.explain.explanation import ExplanationTask
from genexp.survival.prognosis import PrognosisTask
from genexp.survival.regression import SurvivalTask
from genexp.verdict.heads import HeadsTask

if TYPE_CHECKING:
    from genexp.preprocessing.store import Preprocessed
    from genexp.settings.evaluation import EvaluationConfig

TASKS: list[Task] = [
    ReconstructionTask(),
    ClusterTask(),
    ClusterMethodsTask(),
    ProbeTask(),
    DiscriminationTask(),
    BatchEffectsTask(),
    OutcomesTask(),
    TermsTask(),
    SurvivalTask(),
    PrognosisTask(),
    HeadsTask(),
    EmbeddingsTask(),
    ExplanationTask(),
    DeletionTask(),
    NoveltyTask(),
]


def check_tasks(config: EvaluationConfig, data: Preprocessed | None = None) -> None:
    """Refuse files that a task cannot use, before hours of training: without a cohort, and for the
    cohort ``data``.
    """
    for task in TASKS:
        task.check(config, data)


def list_task_scores() -> Iterator[tuple[str, type[SampleScores]]]:
    """Names and scores of the tasks that enter the verdict."""
    for task in TASKS:
        if task.scores is not None:
            yield task.name, task.scores


def find_task(name: str) -> Task:
    """Find a task by its name."""
    return next(task for task in TASKS if task.name == name)


def describe_table(name: str) -> str:
    """Meaning of a table of an evaluation; empty if no task has it."""
    return next((task.tables[name] for task in TASKS if name in task.tables), "")


def describe_metric(key: str) -> str:
    """Meaning of a metric by its key; empty if no task has it.

    Baselines (``_pca``, ``_nmf``, ``_random``, ``_raw``) and seeds (``_mean``, ``_sd``) are named
    by a suffix.
    """
    for task in TASKS:
        for pattern, meaning in task.metrics.items():
            if fnmatch(key, pattern):
                return meaning
    stem, _, suffix = key.rpartition("_")
    meaning = describe_metric(stem) if suffix in SUFFIXES else ""
    return f"{meaning} ({SUFFIXES[suffix]})" if meaning else ""


SUFFIXES = {
    "pca": "of PCA",
    "nmf": "of NMF",
    "random": "of a random projection",
    "raw": "of the raw genes",
    "mean": "mean over the seeds of the training",
    "sd": "standard deviation over the seeds of the training",
}
"""Meaning of the last part of a metric's key."""
