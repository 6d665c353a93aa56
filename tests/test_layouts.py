"""Every file that people have is read right, or asked about: layouts of our own and those of
``../shared/cases``.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import anndata
import pytest

from genexp.cohort import read_cohort
from genexp.cohort.reading import render_reading
from genexp.errors import GenexpError
from genexp.settings.cohort import CohortConfig
from tests.layouts import LAYOUTS
from tests.layouts.compare import compare
from tests.layouts.layout import Parameters, Right

CASES = Path(__file__).parents[2] / "shared" / "cases"
CONVERTED = (
    "metadata-annotations_amid_the_genes",
    "survival-status_1_or_2",
    "annotations-dots_against_hyphens",
)
"""Layouts that are read by the command line, too: one of the matrix alone, one refused, one with an
annotation table."""


def _load_cases() -> ModuleType | None:
    """Module of the shared layouts; None where they are not here."""
    if not (CASES / "layouts.py").exists():
        return None
    sys.path.insert(0, str(CASES))  # it imports its own truth
    try:
        spec = importlib.util.spec_from_file_location("shared_layouts", CASES / "layouts.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(CASES))


SHARED = _load_cases()


def _resolve(parameters: Parameters, folder: Path) -> Parameters:
    return {
        name: str(folder / value) if name in ("cohort", "obs") else value
        for name, value in parameters.items()
    }


def _judge(
    right: Right | list[Right], refusal: str, said: str, adata: anndata.AnnData | None
) -> list[str]:
    """What falls short of the right reading, or of the nearest of several."""
    readings = right if isinstance(right, list) else [right]
    return min((compare(reading, refusal, said, adata) for reading in readings), key=len)


def _check(folder: Path, parameters: Parameters, right: Right | list[Right]) -> None:
    refusal, said, adata = "", "", None
    try:
        adata = read_cohort(CohortConfig(**_resolve(parameters, folder)))
        said = render_reading(adata.uns["report"])
    except GenexpError as error:
        refusal = str(error)
    assert not _judge(right, refusal, said, adata)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=layout.falls_short))
        if layout.falls_short
        else name
        for name, layout in LAYOUTS.items()
    ],
)
def test_a_layout_is_read_right_or_asked_about(name: str, tmp_path: Path) -> None:
    _check(tmp_path, *LAYOUTS[name].write(tmp_path))


@pytest.mark.skipif(SHARED is None, reason="the shared layouts are not here (../shared/cases)")
@pytest.mark.parametrize("name", [] if SHARED is None else list(SHARED.CASES))
def test_a_shared_layout_is_read_right_or_asked_about(name: str, tmp_path: Path) -> None:
    assert SHARED is not None
    write: Callable[[Path], tuple[Parameters, Right | list[Right]]] = SHARED.CASES[name]
    _check(tmp_path, *write(tmp_path))


@pytest.mark.parametrize("name", CONVERTED)
def test_the_command_line_reads_a_layout_as_the_library_does(name: str, tmp_path: Path) -> None:
    parameters, right = LAYOUTS[name].write(tmp_path)
    out = tmp_path / "out" / "read.h5ad"
    out.parent.mkdir()
    given = [f"--{key}={value}" for key, value in _resolve(parameters, tmp_path).items()]
    command = [sys.executable, "-m", "genexp", "convert", f"--out={out}", *given]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = run.stdout + run.stderr
    assert "Traceback" not in said
    assert run.returncode in (0, 2)
    refusal = said if run.returncode else ""
    assert out.exists() is not bool(refusal)
    assert not _judge(right, refusal, said, None if refusal else anndata.read_h5ad(out))
