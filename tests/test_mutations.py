"""Files that were mutated are read right or refused: never a traceback, never a silently wrong
value.

What a mutated file holds is told by :class:`Contents`, a plain reader that knows how the file was
written. Where bytes were damaged, only lines that are still whole are compared.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from anndata import AnnData
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from genexp.cohort.read import read_cohort
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig
from tests.mutated.contents import Contents, compare
from tests.mutated.dialect import Dialect, damage
from tests.mutated.sheets import MUTATIONS, Sheet
from tests.mutated.truth import make_truth

EXAMPLES = 200
SOAK_EXAMPLES = int(os.environ.get("GENEXP_SOAK_EXAMPLES", "20000"))
SOAK_PARTS = 4
VALUES, ANNOTATIONS = make_truth()
PLAIN = Dialect()
Steps = list[tuple[str, int, int]]


@dataclass(frozen=True)
class Written:
    """How a file is mutated and written."""

    steps: Steps = field(default_factory=list)
    dialect: Dialect = PLAIN
    damaged: tuple[str, int, int] = ("", 0, 0)
    after_packing: bool = False

    def write(self, sheet: Sheet, path: Path) -> Contents:
        """Write the mutated table, and tell what the file holds."""
        # what is put in later would be a heading
        for name, i, j in sorted(self.steps, key=lambda step: step[0] == "drop_heading"):
            MUTATIONS[name](sheet, i, j)
        whole = self.dialect.encode(self.dialect.write_lines(sheet))
        if self.after_packing and self.dialect.packing:
            path.write_bytes(damage(self.dialect.pack(whole), *self.damaged))
            return Contents.find(sheet, self.dialect, None)
        content = damage(whole, *self.damaged)
        path.write_bytes(self.dialect.pack(content))
        return Contents.find(sheet, self.dialect, None if content == whole else content)


@dataclass(frozen=True)
class Case:
    """A cohort, its layout, and what was done to its files."""

    layout: str = "genes"
    with_obs: bool = True
    matrix: Written = Written()
    obs: Written = Written()
    options: tuple[tuple[str, str], ...] = ()

    def read(self, folder: Path) -> tuple[AnnData, Contents, Contents | None]:
        """Read the cohort; also what its files hold."""
        values, annotations = VALUES.map(str), ANNOTATIONS
        named = {"label": "type", "time": "OS.time", "event": "OS"}
        if self.layout == "genes":
            matrix = [["gene", *values.index], *([gene, *values[gene]] for gene in values)]
        elif self.layout == "samples":
            matrix = [
                ["sample", *values],
                *([sample, *values.loc[sample]] for sample in values.index),
            ]
        else:
            wide = annotations.join(values, on="sample")
            matrix = [list(wide), *wide.to_numpy().tolist()]
        contents = self.matrix.write(matrix, folder / "cohort.txt")
        config: dict[str, Any] = {"cohort": str(folder / "cohort.txt"), **dict(self.options)}
        obs_contents = contents if self.layout == "wide" else None
        if self.with_obs and self.layout != "wide":
            obs_contents = self.obs.write(
                [list(annotations), *annotations.to_numpy().tolist()], folder / "obs.txt"
            )
            config["obs"] = str(folder / "obs.txt")
        config |= named if obs_contents is not None else {}
        return read_cohort(CohortConfig(**config)), contents, obs_contents


def check(case: Case) -> str:
    """Read a case and compare; how it was read."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            cohort, contents, obs_contents = case.read(Path(folder))
        except CohortError as refusal:
            message = str(refusal)
            assert len(message) < 1500, message
            assert message.isprintable(), message
            return "refused"
    wrong = compare(cohort, contents, obs_contents, dict(case.options))
    assert not wrong, wrong
    return "read"


numbers = st.integers(0, 400)
dialects = st.builds(
    Dialect,
    st.sampled_from(["\t", "\t", "\t", ",", ",", ";", " ", "|"]),
    st.sampled_from(
        ["utf-8"] * 4
        + ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "utf-32"]
    ),
    st.sampled_from(["\n"] * 4 + ["\r\n", "\r\n", "\r", "mixed"]),
    st.sampled_from(["needed", "needed", "text", "all", "never"]),
    st.sampled_from([".", ".", ".", ","]),
    st.sampled_from(["", "", "gzip", "bzip2", "xz"]),
    st.sampled_from([True, True, False]),
)
damages = st.one_of(
    st.just(("", 0, 0)),
    st.just(("", 0, 0)),
    st.tuples(
        st.sampled_from(["cut", "change", "insert", "leave_out", "double", "zero"]),
        st.integers(0, 30_000),
        st.sampled_from([*b'0123456789.,;\t\n\r "-eE#']) | st.integers(0, 255),
    ),
)
steps = st.lists(st.tuples(st.sampled_from(sorted(MUTATIONS)), numbers, numbers), max_size=3)
written = st.builds(Written, steps, st.just(PLAIN) | dialects, damages, st.booleans())
options = st.tuples(
    st.tuples(st.just("missing"), st.sampled_from(["refuse", "impute_mean"])),
    st.tuples(st.just("unmatched"), st.sampled_from(["refuse", "drop"])),
)
cases = st.builds(
    Case, st.sampled_from(["genes", "samples", "wide"]), st.booleans(), written, written, options
)


def run(n_examples: int, derandomize: bool, phases: Sequence[Phase] = tuple(Phase)) -> Counter[str]:
    """Read so many random cases; how many were read and refused."""
    outcomes: Counter[str] = Counter()

    @settings(
        max_examples=n_examples,
        derandomize=derandomize,
        phases=phases,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=True,
    )
    @given(cases)
    def check_one(case: Case) -> None:
        outcomes[check(case)] += 1

    check_one()
    return outcomes


@pytest.mark.parametrize("layout", ["genes", "samples", "wide"])
@pytest.mark.parametrize("packing", ["", "gzip"])
@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_a_file_without_mutations_is_read_right(layout: str, packing: str, delimiter: str) -> None:
    written = Written(dialect=Dialect(delimiter=delimiter, packing=packing))
    assert check(Case(layout, matrix=written, obs=written)) == "read"


def test_mutated_files_are_read_right_or_refused() -> None:
    outcomes = run(EXAMPLES, derandomize=True)
    assert outcomes["read"] > 0.2 * EXAMPLES, outcomes


@pytest.mark.soak
@pytest.mark.parametrize("part", range(SOAK_PARTS))
def test_many_mutated_files_are_read_right_or_refused(
    part: int, record_property: Callable[[str, object], None]
) -> None:
    """In parts that run side by side; a failing case is shown as it was drawn, not made smaller."""
    n_examples = SOAK_EXAMPLES // SOAK_PARTS
    outcomes = run(n_examples, derandomize=False, phases=[Phase.generate])
    record_property("examples", sum(outcomes.values()))
    record_property("outcomes", dict(outcomes))
    assert outcomes["read"] > 0.2 * n_examples, outcomes
