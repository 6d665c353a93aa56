"""Reading step by step: where the reader asks, the question is kept, and reading goes on under an answer where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from genexp.describe.description import BLANK, Question, find_answers
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig
from genexp.settings.section import format_value

Result = TypeVar("Result")
Step = Callable[[CohortConfig, list[str]], Result]
"""A step of reading: it takes the configuration and a list to which it adds sentences for the user."""
TOPICS = {
    "Format": "File",
    "Gene names": "Genes",
    "Scale": "Scale",
    "Annotations": "Annotations",
    "Patients": "Patients",
    "Groups": "Patients",
}
"""First words of the reader's sentences, and the topics that they belong to."""

TRIED = ("layer",)
"""Parameters whose value is tried where a message proposes one; of several, it is the user who chooses."""


class Inquiry:
    """What is found while a cohort is read.

    Parameters
    ----------
    config : CohortConfig
        As the user gave it.
    """

    def __init__(self, config: CohortConfig) -> None:
        self.config = config
        self.facts: dict[str, list[str]] = {}
        self.questions: list[Question] = []
        self.warnings: list[str] = []

    def ask(self, topic: str, step: Step[Result], *answers: Mapping[str, object]) -> Result | None:
        """Take a step, or keep its question and take it under the first answer by which it goes on.

        Parameters
        ----------
        topic : str
            Of the sentences that the step adds.
        step : callable
        *answers : mapping of str to object
            Values of parameters to go on with. Empty ones only leave out what cannot be read: the question stays open.

        Returns
        -------
        object or None
            None where no answer goes on.
        """
        try:
            return self._take(topic, step, self.config)
        except CohortError as error:
            text = str(error)
        proposed = [{name: value} for name, value in find_answers(text, self.config) if name in TRIED and value != BLANK.get(name)]
        for values in (*answers, *proposed):
            config = self.config.model_copy(update=dict(values))
            try:
                result = self._take(topic, step, config)
            except CohortError:
                continue
            settles = all(values.values()) and len(proposed) < 2
            self.add_question(text, {name: format_value(value) for name, value in values.items()} if settles else {})
            self.config = config
            return result
        self.add_question(text)
        return None

    def _take(self, topic: str, step: Step[Result], config: CohortConfig) -> Result:
        """Take a step and keep its sentences."""
        said: list[str] = []
        result = step(config, said)
        self.add_facts(topic, *said)
        return result

    def add_facts(self, topic: str, *sentences: str) -> None:
        """Add sentences to a topic, or to the one that their first word names; empty ones are left out."""
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
    """Sentence with a capital, unless it begins with a name or a scale, which brackets follow."""
    first, _, rest = sentence.partition(" ")
    return sentence[:1].upper() + sentence[1:] if first.isalpha() and first.islower() and not rest.startswith("(") else sentence
