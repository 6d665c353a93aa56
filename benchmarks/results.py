"""Sections of results: kept as JSON, shown as Markdown."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = ("torch", "numpy", "scipy", "pandas", "pyarrow", "anndata", "optuna", "mlflow")


@dataclass(frozen=True)
class Ratio:
    """A line of the first table: what genexp and the other took, how many times better genexp is,
    and what was to be reached.
    """

    what: str
    genexp: str
    other: str
    ratio: str
    target: str = ""


@dataclass
class Section:
    """Results of one benchmark: lines for the first table, and tables and notes of its own."""

    title: str
    ratios: list[Ratio] = field(default_factory=list)
    tables: list[list[dict[str, str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def times(other: float, own: float) -> str:
    """Ratio of ``other`` to ``own``."""
    return f"{other / own:.3g} x"


def gib(n_bytes: float) -> str:
    """Bytes as GiB."""
    return f"{n_bytes / 2**30:.2f} GiB"


def seconds(value: float) -> str:
    """Seconds with three digits."""
    return f"{value:.3g} s"


def describe_machine() -> str:
    """Processor, cores, memory, versions, and what else was running."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = os.getloadavg()[0]
    return (
        f"{found[1] if found else platform.processor()}, {cores} cores, {gib(memory)} of "
        f"memory, {platform.system()}, "
        f"Python {platform.python_version()}, {packages}; load average at the start {load:.1f}"
    )


def describe_code() -> str:
    """Short hash of the commit that was measured."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def keep(name: str, section: Section, machine: str, took: float, folder: Path = HERE) -> None:
    """Put a section into ``results.json``, replacing its earlier form, and render ``RESULTS.md``
    anew.
    """
    path = folder / "results.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    made = {
        "machine": machine,
        "code": describe_code(),
        "day": datetime.now(UTC).strftime("%Y-%m-%d"),
        "took": round(took),
    }
    known[name] = asdict(section) | made
    path.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")
    (folder / "RESULTS.md").write_text(render(known))


def read_tables(name: str, folder: Path = HERE) -> list[list[dict[str, str]]]:
    """Tables of a section as they were kept; none where it was not."""
    path = folder / "results.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    return list(known.get(name, {}).get("tables", []))


def render(known: dict[str, dict]) -> str:
    """All sections as Markdown: the ratios first."""
    ratios = [
        ratio | {"command": f"`python -m benchmarks {name}`"}
        for name, section in sorted(known.items())
        for ratio in section["ratios"]
    ]
    texts = ["# Benchmarks", _INTRODUCTION, *([_table(ratios)] if ratios else [])]
    for name, section in sorted(known.items()):
        texts += [
            f"## {section['title']}",
            *(_table(table) for table in section["tables"] if table),
            *section["notes"],
        ]
        texts.append(
            f"`python -m benchmarks {name}`, {section['took']} s on {section['day']} at "
            f"commit {section['code']}. {section['machine']}."
        )
    return "\n\n".join(texts) + "\n"


_INTRODUCTION = (
    "Rendered by `make bench` from `results.json`. Whatever is compared ran in one session, "
    "in processes of its own that took turns; "
    "figures are medians over turns, memory is the peak of the whole process (mapped files "
    "included). "
    "A ratio says how many times less genexp took."
)


def _table(rows: Sequence[dict[str, str]]) -> str:
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([row.get(name, "") for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
