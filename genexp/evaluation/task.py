"""Common interface of the evaluation tasks.

A task is a class in a file of its own and a line in :mod:`genexp.verdict.tasks`. It gets the
latents of all parts of the split, fits on train samples alone, and scores test samples. Metrics,
tables, notes, figures and a section of the report follow from its
:class:`Result`; a result with :class:`SampleScores` also enters the verdict, several seeds, and
``compare``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
import pandas as pd

from genexp.evaluation.bootstrap import draw_weights
from genexp.evaluation.latents import ENCODER, PartLatents

if TYPE_CHECKING:
    from typing import Self

    from matplotlib.figure import Figure

    from genexp.evaluation.baselines import Representation
    from genexp.model.encoder import Encoder
    from genexp.preprocessing.store import Preprocessed
    from genexp.settings.evaluation import EvaluationConfig

AnyResult = TypeVar("AnyResult", bound="Result")


@dataclass(frozen=True)
class SampleScores(ABC):
    """Test samples of a task, from which its score is computed for any weights. The verdict
    resamples them.

    Everything is in one sample table, so that ``compare`` computes the same score from the table
    that a run logged.

    Parameters
    ----------
    samples : DataFrame, (n_scored, ...)
        Sample table of the scored test samples.
    """

    table: ClassVar[str]
    """Name of the logged table."""
    unit: ClassVar[str] = "test samples"
    """Name of the rows as it is printed."""
    gain: ClassVar[bool] = False
    """True if ``compare`` shows the difference from PCA, as for scores that depend on the scale of
    the genes."""

    samples: pd.DataFrame

    @property
    @abstractmethod
    def quantity(self) -> str:
        """Name of the score as it is printed: ``macro F1``."""

    @property
    @abstractmethod
    def metric(self) -> str:
        """Key of the same score among the metrics: ``probe/macro_f1``."""

    @property
    @abstractmethod
    def representations(self) -> list[str]:
        """Names of the representations that have a score."""

    @abstractmethod
    def score(self, representation: str, weights: np.ndarray) -> np.ndarray:
        """Score (n_draws,) of a representation when samples count ``weights`` (n_draws, n_scored)
        times; larger is better.
        """

    @abstractmethod
    def matches(self, other: Self) -> bool:
        """Check that the same samples have the same truth in another evaluation, so that both can
        be compared.
        """

    @property
    def column(self) -> str:
        """Last part of the metric's key; names the score in tables by seed."""
        return self.metric.replace("/test", "").rpartition("/")[2]

    @property
    def n_events(self) -> int | None:
        """Number of events, where the score depends on them."""
        return None

    @classmethod
    def read(cls, logged: pd.DataFrame) -> Self:
        """Scores from the table that a run logged."""
        return cls(logged)

    def pick(self, ids: pd.Index) -> Self:
        """The same scores of some of the samples, in the order of ``ids``."""
        return replace(self, samples=self.samples.loc[ids])


@dataclass(frozen=True, kw_only=True)
class Result:
    """Result of a task.

    Parameters
    ----------
    notes : tuple of str
        Exclusions and their reasons, one sentence each.
    """

    notes: tuple[str, ...] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics by key; those that are not finite are not logged, and a note names them."""
        return {}

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        return {}

    @property
    def scores_by_sample(self) -> SampleScores | None:
        """Scores that enter the verdict; None for a task that does not compare representations."""
        return None

    @property
    def sentences(self) -> list[str]:
        """Sentences for the description of the run, in addition to those of the verdict."""
        return []


@dataclass(frozen=True)
class Skipped:
    """A task that could not be evaluated.

    Parameters
    ----------
    notes : tuple of str
        Reasons, one sentence each; empty where the cohort has no data for the task (no label, no
        survival).
    """

    notes: tuple[str, ...] = ()


class Results(Mapping[str, Result]):
    """Results by the name of their task, in the order of the tasks; :meth:`get_result` finds one by
    its class.
    """

    def __init__(self, results: Mapping[str, Result] | None = None) -> None:
        self._results = dict(results or {})

    def __getitem__(self, name: str) -> Result:
        return self._results[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def get_result(self, kind: type[AnyResult]) -> AnyResult | None:
        """Result of a class; None where its task was skipped."""
        return next((result for result in self._results.values() if isinstance(result, kind)), None)

    def require(self, kind: type[AnyResult]) -> AnyResult:
        """Result of a class that every evaluation has.

        Raises
        ------
        KeyError
            There is none: its task comes later in the registry, or is not in it.
        """
        result = self.get_result(kind)
        if result is None:
            raise KeyError(
                f"expected a {kind.__name__} among the results; found {', '.join(self) or 'none'}"
            )
        return result

    def add(self, name: str, result: Result) -> Results:
        """The same results and one more."""
        return Results({**self._results, name: result})


@dataclass(frozen=True)
class EvaluationInputs:
    """Inputs of every task.

    Parameters
    ----------
    encoder : Encoder
        The encoder to evaluate.
    X : mapping of str to ndarray of float32, (n_samples, n_genes)
        Scaled expression by part, ``train``, ``val``, ``test``.
    parts : mapping of str to PartLatents
        Annotations and latents of the same samples.
    representations : sequence of Representation
        The encoder and the baselines; only the encoder when that of another seed is evaluated.
    genes : Index, (n_genes,)
        Names of the genes.
    config : EvaluationConfig
    seed : int
        Of folds, starts, figures and bootstrap.
    results : Results
        Results of the tasks before this one.
    """

    encoder: Encoder
    X: Mapping[str, np.ndarray]
    parts: Mapping[str, PartLatents]
    representations: Sequence[Representation]
    genes: pd.Index
    config: EvaluationConfig
    seed: int
    results: Results = field(default_factory=Results)

    @property
    def train(self) -> PartLatents:
        """Train samples."""
        return self.parts["train"]

    @property
    def test(self) -> PartLatents:
        """Held-out test samples."""
        return self.parts["test"]

    @property
    def all_parts(self) -> list[PartLatents]:
        """Train, validation and test samples, in this order."""
        return [self.parts[name] for name in ("train", "val", "test")]

    @cached_property
    def weights(self) -> np.ndarray:
        """Bootstrap weights (n_draws, n_test) of the test samples, by groups."""
        return draw_weights(self.test.obs["group"].astype(str).to_numpy(), self.seed)


class Task(ABC):
    """Base class of the tasks."""

    name: ClassVar[str]
    """First part of its metrics and tables, name of its section: ``probe``."""
    title: ClassVar[str]
    """Heading of its section."""
    metrics: ClassVar[Mapping[str, str]] = {}
    """Meaning of each metric by its key; ``*`` stands for any text. Those by representation and by
    seed follow from these."""
    tables: ClassVar[Mapping[str, str]] = {}
    """Meaning of each table by its name."""
    scores: ClassVar[type[SampleScores] | None] = None
    """Class of the scores that enter the verdict, if the task has any."""
    one_thread: ClassVar[bool] = True
    """True if linear algebra runs in one thread: on arrays as small as latents more threads only
    wait for each other, for minutes on a busy machine."""

    @abstractmethod
    def evaluate(self, inputs: EvaluationInputs) -> Result | Skipped:
        """Fit on train samples, score test samples."""

    def rescore(self, inputs: EvaluationInputs, first: Result) -> Result | Skipped:
        """Evaluate the encoder of another seed, given the result of the registered one: only its
        scores are needed.
        """
        del first
        return self.evaluate(inputs)

    def check(self, config: EvaluationConfig, data: Preprocessed | None) -> None:
        """Refuse files that the task cannot use, before hours of training: without a cohort, and
        for the cohort ``data``.
        """
        del config, data

    def draw(self, result: Result) -> Iterable[tuple[str, Figure]]:
        """Figures of the result, each with its name; tasks of genexp have theirs in
        :mod:`genexp.report.figures`.
        """
        del result
        return ()


def name_scores(prefix: str, scores: pd.DataFrame) -> dict[str, float]:
    """Metrics of a table of scores by representation: ``probe/macro_f1`` of the encoder,
    ``probe/macro_f1_pca`` of a baseline.
    """
    return {
        f"{prefix}/{quantity}{name_suffix(representation)}": float(value)
        for representation, row in scores.iterrows()
        for quantity, value in row.items()
    }


def name_suffix(representation: object) -> str:
    """Last part of a metric's key: empty for the encoder."""
    return "" if representation == ENCODER else f"_{representation}"
