"""Page of all metrics, ``docs/metrics.md``, rendered from the tasks by ``make mlproject``; a test
compares both.
"""

from __future__ import annotations

from pathlib import Path

from genexp.settings.section import read_summary
from genexp.verdict.tasks import SUFFIXES, TASKS


def render_metrics() -> str:
    """Markdown page of all metrics by task."""
    lines = [
        "# Metrics",
        "",
        (
            "Rendered from the tasks of `genexp/verdict/tasks.py` by `make mlproject`. All "
            "metrics are of held-out test samples."
        ),
        (
            "A metric without a suffix is that of the encoder; a suffix names another "
            "representation, or several seeds:"
        ),
        "",
        *(f"- `_{suffix}`: {meaning}" for suffix, meaning in SUFFIXES.items()),
    ]
    for task in TASKS:
        lines += [
            "",
            f"## {task.title}",
            "",
            read_summary(task).replace("``", "`"),
            "",
        ]
        lines += [
            "| metric | meaning |",
            "|---|---|",
            *(f"| `{key}` | {meaning} |" for key, meaning in task.metrics.items()),
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parents[2] / "docs" / "metrics.md").write_text(
        render_metrics(), encoding="utf-8"
    )
