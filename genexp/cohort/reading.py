"""Report of the reading for the user: one paragraph on stderr, and the same as JSON."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

WIDTH = 110


def render_reading(report: Mapping[str, Any]) -> str:
    """Render the report of a cohort's reading (``uns["report"]``) as a paragraph."""
    text = "read " + " ".join(str(sentence) for sentence in report.get("reading", []))
    return textwrap.fill(text, width=WIDTH, break_on_hyphens=False, break_long_words=False)


def print_reading(report: Mapping[str, Any]) -> None:
    """Print the paragraph on stderr."""
    if report.get("reading"):
        print(render_reading(report), file=sys.stderr)


def dump_reading(report: Mapping[str, Any]) -> str:
    """Write the report as JSON, for ``cohort/reading.json``."""
    return json.dumps(report, indent=1, default=str)
