"""A description as text for a terminal."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Sequence

from genexp.describe.description import Description
from genexp.describe.roles import ROLES, Candidate
from genexp.errors import name_some

WIDTH = 110
INDENT = "  "
MAX_CANDIDATES = 8
"""Largest number of columns of one role in the terminal; the page lists all."""
NOTHING = (
    "Nothing: no value that the scale cannot have, no gene that equals an annotation or "
    "tells a label alone, no sample of another total, "
    "without signal or with many missing values, no samples that are nearly the same."
)
"""Sentence for values without warnings: the checks that were done."""
NO_CANDIDATES = "No column looks like a label, survival, a batch or patients."
ROLE_TITLES = {
    "label": "Label",
    "time": "Survival time",
    "event": "Event",
    "batch": "Batch",
    "patient": "Patient",
}


def render_description_text(description: Description) -> str:
    """Render a description for a terminal: facts, columns, warnings, questions, and command lines
    at the end.
    """
    blocks = [
        f"{description.name}: {description.headline}",
        _render_pairs(
            (topic if i == 0 else "", line)
            for topic, lines in description.facts.items()
            for i, line in enumerate(lines)
        ),
        _render_columns(description),
        _render_list("SUSPICIOUS", description.warnings) or _render_nothing(description),
        _render_questions(description),
        render_next(description),
    ]
    return "\n\n".join(block for block in blocks if block)


def list_warnings(description: Description) -> tuple[str, ...]:
    """List the warnings, or the checks without a result; nothing where the values were not read
    whole.
    """
    return description.warnings or ((NOTHING,) if _is_whole(description) else ())


def describe_next(description: Description) -> str:
    """Write the sentence that introduces the command lines."""
    if description.is_open:
        return (
            "Answer, and look again:"
            if description.commands
            else "Settle what is asked above, and look again."
        )
    if not description.questions:
        return (
            "Nothing has to be asked. Go on with the likeliest columns, and change or leave out "
            "what does not fit:"
        )
    return (
        "Go on with the answers and the likeliest columns, and change or leave out what does not "
        "fit:"
    )


def write_sentence(text: str) -> str:
    """Write a message of the reader as a sentence: with a capital, unless it starts with a name,
    and a full stop.
    """
    first = text.split(" ", maxsplit=1)[0]
    text = text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text
    return text if text.endswith((".", "?", "!")) else f"{text}."


def describe_assumed(description: Description, position: int) -> str:
    """Describe the answer that the description assumes; empty without one."""
    assumed = description.questions[position].assumed
    return (
        f"Described here as if {' '.join(f'--{name} {value}' for name, value in assumed.items())}."
        if assumed
        else ""
    )


def name_parameter(candidate: Candidate) -> str:
    """Write the parameter of a column: ``--label pam50``."""
    return f"--{ROLES[candidate.role]} {shlex.quote(candidate.column)}"


def list_others(description: Description) -> list[str]:
    """List the columns of annotations without a likely role."""
    taken = {candidate.column for candidate in description.candidates}
    return [name or "(no heading)" for name, _ in description.columns if name not in taken]


def render_next(description: Description) -> str:
    """Render command lines, broken so that they can be copied."""
    lines = ["NEXT", INDENT + describe_next(description)]
    for command in description.commands:
        lines += ["", *break_command(command, WIDTH - 4)]
    return "\n".join(lines)


def break_command(command: Sequence[str], width: int) -> list[str]:
    """Break a command into lines joined by backslashes."""
    lines = [INDENT + command[0]]
    for part in command[1:]:
        if len(lines[-1]) + len(part) < width:
            lines[-1] += f" {part}"
        else:
            lines[-1] += " \\"
            lines.append(f"{INDENT * 3}{part}")
    return lines


def _render_pairs(pairs: Iterable[tuple[str, str]], width: int = 16) -> str:
    """Render titles on the left, texts wrapped on the right."""
    lines = []
    for title, text in pairs:
        wrapped = _wrap(text, WIDTH - width - len(INDENT)) or [""]
        is_long = len(title) > width - 2
        if is_long:
            lines.append(INDENT + title)
        lines += [
            f"{INDENT}{title if i == 0 and not is_long else '':<{width}}{line}"
            for i, line in enumerate(wrapped)
        ]
    return "\n".join(lines)


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)


def _render_columns(description: Description) -> str:
    """Render the likely roles of columns, and their parameters."""
    if not description.columns:
        return ""
    blocks = ["COLUMNS OF ANNOTATIONS, AND THEIR PARAMETERS"]
    if not description.candidates:
        blocks.append(INDENT + NO_CANDIDATES)
    width = min(
        max((len(name_parameter(candidate)) for candidate in description.candidates), default=0)
        + 2,
        36,
    )
    for role, title in ROLE_TITLES.items():
        listed = [candidate for candidate in description.candidates if candidate.role == role]
        if not listed:
            continue
        rows = [
            (name_parameter(candidate), _join(candidate.values, candidate.note))
            for candidate in listed[:MAX_CANDIDATES]
        ]
        more = [candidate.column for candidate in listed[MAX_CANDIDATES:]]
        lines = [
            f"{INDENT}{title}",
            *textwrap.indent(_render_pairs(rows, width), INDENT).splitlines(),
        ]
        blocks.append("\n".join(lines + ([f"{INDENT * 2}and {name_some(more)}"] if more else [])))
    if description.endpoints:
        blocks.append(
            "\n".join(
                [f"{INDENT}Time with event", *_render_bullets(description.endpoints, INDENT * 2)]
            )
        )
    others = list_others(description)
    if others:
        blocks.append(
            "\n".join(_indent(_wrap(f"Other columns: {name_some(others, 12)}.", WIDTH - 2)))
        )
    return "\n\n".join(blocks)


def _join(values: str, note: str) -> str:
    return f"{values}. {note[0].upper()}{note[1:]}." if note else values


def _render_list(title: str, sentences: Sequence[str]) -> str:
    return "\n".join([title, *_render_bullets(sentences, INDENT)]) if sentences else ""


def _render_nothing(description: Description) -> str:
    return (
        "\n".join(["SUSPICIOUS", *_indent(_wrap(NOTHING, WIDTH - 2))])
        if _is_whole(description)
        else ""
    )


def _is_whole(description: Description) -> bool:
    """Check whether the values were read whole, so that what is suspicious was looked for."""
    return description.values is not None and bool(description.values.samples)


def _render_bullets(sentences: Iterable[str], indent: str) -> list[str]:
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(
            sentence,
            WIDTH,
            initial_indent=f"{indent}- ",
            subsequent_indent=f"{indent}  ",
            break_on_hyphens=False,
            break_long_words=False,
        )
    ]


def _indent(lines: Iterable[str]) -> list[str]:
    return [INDENT + line for line in lines]


def _render_questions(description: Description) -> str:
    if not description.questions:
        return ""
    title = "QUESTION" if len(description.questions) == 1 else "QUESTIONS"
    texts = [
        f"{write_sentence(question.text)} {describe_assumed(description, i)}".strip()
        for i, question in enumerate(description.questions)
    ]
    return _render_list(title, texts)
