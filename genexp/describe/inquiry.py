"""Reading step by step: a question of the reader is kept, and reading continues with an assumed
answer if there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from genexp.describe.description import BLANK, Question, find_answers
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig
from genexp.settings.section import format_value

Outcome = TypeVar("Outcome")
Step = Callable[[CohortConfig, list[str]], Outcome]
"""A step of reading: a function of the configuration and of a list to which it adds sentences for
the user."""
TOPICS = {
    "Format": "File",
    "Gene names": "Genes",
    "Scale": "Scale",
    "Annotations": "Annotations",
    "Patients": "Patients",
    "Groups": "Patients",
}
"""First words of the reader's sentences, and their topics."""

TRIED = ("layer",)
"""Parameters whose proposed value is tried; the user chooses among several."""


class Inquiry:
    """Facts, questions and warnings collected while a cohort is read.

    Parameters
    ----------
    config : CohortConfig
        Configuration given by the user.
    """

    def __init__(self, config: CohortConfig) -> None:
        self.config = config
        self.facts: dict[str, list[str]] = {}
        self.questions: list[Question] = []
        self.warnings: list[str] = []

    def ask(
        self, topic: str, step: Step[Outcome], *answers: Mapping[str, object]
    ) -> Outcome | None:
        """Take a step, or keep its question and take the step with the first answer that works.

        Parameters
        ----------
        topic : str
            Topic of the sentences that the step adds.
        step : callable
        *answers : mapping of str to object
            Values of parameters to continue with. Empty ones only drop what cannot be read, so the
            question stays open.

        Returns
        -------
        object or None
            Outcome of the step; None where no answer works.
        """
        try:
            return self._take(topic, step, self.config)
        except CohortError as error:
            text = str(error)
        proposed = [
            {name: value}
            for name, value in find_answers(text, self.config)
            if name in TRIED and value != BLANK.get(name)
        ]
        for values in (*answers, *proposed):
            config = self.config.model_copy(update=dict(values))
            try:
                result = self._take(topic, step, config)
            except CohortError:
                continue
            settles = all(values.values()) and len(proposed) < 2
            self.add_question(
                text,
                {name: format_value(value) for name, value in values.items()} if settles else {},
            )
            self.config = config
            return result
        self.add_question(text)
        return None

    def _take(self, topic: str, step: Step[Outcome], config: CohortConfig) -> Outcome:
        """Take a step and keep its sentences."""
        said: list[str] = []
        result = step(config, said)
        self.add_facts(topic, *said)
        return result

    def add_facts(self, topic: str, *sentences: str) -> None:
        """Add sentences to a topic, or to the topic named by their first word; skip empty ones."""
        for sentence in filter(None, sentences):
            word, colon, rest = sentence.partition(": ")
            if colon and word in ("Warning", "Note"):
                self.warnings.append(rest[:1].upper() + rest[1:])
            elif colon and word == "Missing":
                continue  # describe_missing says more
            elif colon and word in TOPICS:
                self.facts.setdefault(TOPICS[word], []).append(_capitalise(rest))
            else:
                self.facts.setdefault(topic, []).append(_capitalise(sentence))

    def add_question(self, text: str, assumed: Mapping[str, str] | None = None) -> None:
        """Keep a question, with the answers that its text names."""
        self.questions.append(Question(text, find_answers(text, self.config), assumed or {}))


def _capitalise(sentence: str) -> str:
    """Capitalise a sentence, unless it starts with a name, or with a scale followed by brackets."""
    first, _, rest = sentence.partition(" ")
    return (
        sentence[:1].upper() + sentence[1:]
        if first.isalpha() and first.islower() and not rest.startswith("(")
        else sentence
    )
