"""Tests that are too long for CI: run them by hand, and keep what came out in ``soak.json``.

A test joins by ``@pytest.mark.soak``, and tells how much it did by pytest's
``record_property("examples", ...)``; ``outcomes`` may be recorded likewise. Arguments are handed on
to pytest: ``python -m benchmarks.soak -k mutated`` runs some of them, and keeps the results of the
others.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.results import HERE, describe_code

KEPT = HERE / "soak.json"


def run_tests(arguments: Sequence[str]) -> tuple[int, list[dict[str, Any]]]:
    """Exit code of pytest, and a record of each test; parametrised ones are counted together."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-m",
            "soak",
            "-q",
            f"--junitxml={report}",
            "-o",
            "junit_family=xunit1",
            *arguments,
        ]
        code = subprocess.run(command, cwd=HERE.parent, check=False).returncode
        return code, list(read_report(report)) if report.exists() else []


def read_report(report: Path) -> Iterator[dict[str, Any]]:
    """Records of the tests of a report in JUnit's format, without those that were skipped."""
    tests: dict[str, list[ElementTree.Element]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is None:
            tests.setdefault(str(case.get("name")).partition("[")[0], []).append(case)
    for name, cases in tests.items():
        outcomes: Counter[str] = Counter()
        for text in _list_properties(cases, "outcomes"):
            outcomes.update(ast.literal_eval(text))
        yield {
            "what": name,
            "examples": sum(map(int, _list_properties(cases, "examples"))),
            "outcomes": dict(sorted(outcomes.items())),
            "failures": sum(
                case.find("failure") is not None or case.find("error") is not None for case in cases
            ),
            "seconds": round(sum(float(case.get("time", 0)) for case in cases)),
        }


def _list_properties(cases: Sequence[ElementTree.Element], name: str) -> list[str]:
    return [
        str(element.get("value"))
        for case in cases
        for element in case.iter("property")
        if element.get("name") == name
    ]


def keep(records: Sequence[dict[str, Any]], path: Path = KEPT) -> None:
    """Put records into the file, each in the place of the last of the same test."""
    kept = (
        {record["what"]: record for record in json.loads(path.read_text())} if path.exists() else {}
    )
    now = {"commit": describe_code(), "date": datetime.now(UTC).strftime("%Y-%m-%d")}
    kept |= {record["what"]: record | now for record in records}
    path.write_text(json.dumps([kept[what] for what in sorted(kept)], indent=1) + "\n")


def main() -> None:
    code, records = run_tests(sys.argv[1:])
    keep(records)
    sys.exit(code)


if __name__ == "__main__":
    main()
