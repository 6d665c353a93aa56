"""Run benchmarks by name; without a name all but the peers and the large shapes."""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path

from benchmarks.plan import Plan
from benchmarks.results import describe_machine, keep, render

SECTIONS = ("training", "quality", "tuning", "reading", "growth", "tracking")
ASKED_FOR = ("kinds", "objectives", "peers", "large")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", choices=[*SECTIONS, *ASKED_FOR, []], default=[], metavar="SECTION"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(".genexp/benchmarks"),
        help="where cohorts are kept between runs",
    )
    parser.add_argument(
        "--variants",
        nargs="+",
        default=[],
        metavar="NAME",
        help="lines of the table of kinds to measure; the others stay",
    )
    arguments = parser.parse_args()
    plan = Plan(arguments.folder.absolute(), variants=tuple(arguments.variants))
    plan.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.sections or SECTIONS:
        machine, start = describe_machine(), time.perf_counter()
        section = getattr(importlib.import_module(f"benchmarks.{name}"), f"measure_{name}")(plan)
        took = time.perf_counter() - start
        keep(name, section, machine, took)
        print(
            render(
                {
                    name: {
                        **vars(section),
                        "ratios": [vars(r) for r in section.ratios],
                        "machine": machine,
                    }
                    | _now(took)
                }
            ),
            flush=True,
        )


def _now(took: float) -> dict[str, object]:
    return {"took": round(took), "day": time.strftime("%Y-%m-%d"), "code": "now"}


if __name__ == "__main__":
    main()
