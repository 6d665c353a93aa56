"""Every error that a user can cause.

    GenexpError
    |-- ConfigError        a parameter is unknown, out of range or contradicts another
    |-- CohortError        a file, table or value that is not a cohort
    |-- ContrastError      groups that cannot be contrasted
    |-- PreprocessError    a cohort that cannot be split, filtered or scaled
    |-- TrainingError      an encoder that cannot be trained on these data
    |-- EvaluationError    a question that these data cannot answer
    `-- RegistryError      an encoder or a tracking server that cannot be reached or used

A message says what was expected, what was found (a count and up to five names) and what to do. The command
line prints it as one paragraph, marks the run FAILED and exits with 2; any other exception is a bug in genexp.
"""

from collections.abc import Iterable


class GenexpError(Exception):
    """Base of all errors that the user can mend."""


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
    listed = [str(name) for name in names]
    shown = ", ".join(listed[:limit])
    return f"{len(listed)} ({shown}{', ...' if len(listed) > limit else ''})"
