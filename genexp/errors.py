"""Every error that a user can cause.

    GenexpError
    |-- ConfigError        a parameter is unknown, out of range or contradicts another
    |-- CohortError        a file, table or value that is not a cohort
    |-- ContrastError      groups that cannot be contrasted
    |-- PreprocessError    a cohort that cannot be split, filtered or scaled
    |-- TrainingError      an encoder that cannot be trained on these data
    |-- EvaluationError    a question that these data cannot answer
    `-- RegistryError      an encoder or a tracking server that cannot be reached or used

A message says what was expected, what was found (a count and up to five names) and what to do. The
command line prints it as one paragraph, marks the run FAILED and exits with 2; any other exception
is a bug in genexp.
"""

import textwrap
from collections.abc import Iterable

WIDTH = 110
"""Letters of a line of a message."""
LONGEST_NAME = 60
"""Letters of a name that a message shows."""


class GenexpError(Exception):
    """Base of all errors that the user can mend; what a file holds cannot break the line of its
    message.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(
            "".join(
                letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1]
                for letter in str(message)
            )
        )

    def render(self) -> str:
        """The paragraph that the command line prints."""
        return textwrap.fill(
            f"genexp: {self}", width=WIDTH, break_on_hyphens=False, break_long_words=False
        )

    def _render_traceback_(self) -> list[str]:
        """Lines that a notebook shows, in the place of a traceback through genexp."""
        return self.render().splitlines()


class ConfigError(GenexpError):
    """A parameter is unknown, out of range or contradicts another."""


class CohortError(GenexpError):
    """The input is not a cohort: a file, table or value that cannot be used."""


class ContrastError(GenexpError):
    """The groups of a data set cannot be contrasted."""


class PreprocessError(GenexpError):
    """The cohort cannot be split, filtered, normalised or scaled as asked."""


class TrainingError(GenexpError):
    """The encoder cannot be trained on these data."""


class EvaluationError(GenexpError):
    """The data cannot answer the question that was asked of them."""


class RegistryError(GenexpError):
    """An encoder or a tracking server cannot be reached or used."""


def name_some(names: Iterable[object], limit: int = 5) -> str:
    """Count and first names of a collection, for a message: ``"7 (A, B, C, D, E, ...)"``."""
    listed = [
        name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "..."
        for name in map(str, names)
    ]
    shown = ", ".join(listed[:limit])
    return f"{len(listed)} ({shown}{', ...' if len(listed) > limit else ''})"
