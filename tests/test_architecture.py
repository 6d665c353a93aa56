"""The house plan: imports point one way, only tracking knows MLflow, and starting is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genexp

HOUSE = Path(genexp.__file__).parent
ROOMS = [
    *("cohort", "contrasts", "preprocess", "model", "training", "evaluation", "tuning", "tracking"),
    *("application", "doctor", "preflight", "pipeline", "cli", "__main__"),
]
OPEN_TO_ALL = {"errors", "config", "section", "tracker", "palette", "naming", "output", "mlproject", "__init__"}
"""Files that anything may import, and those that know settings alone; ``__init__`` gives ``load_encoder`` when it is asked for."""
KINDS = "genexp.model.kind"
"""The config is made of the kinds' parameters, and knows nothing else of a room."""
FILES = sorted(HOUSE.rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "genexp" and len(parts) > 1 else None


def test_every_file_has_a_place() -> None:
    assert {path.relative_to(HOUSE).parts[0].removesuffix(".py") for path in FILES} == {*ROOMS, *OPEN_TO_ALL}


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.stem not in OPEN_TO_ALL or p.parent != HOUSE], ids=lambda p: str(p.relative_to(HOUSE))
)
def test_a_room_imports_only_rooms_to_its_left(path: Path) -> None:
    here = ROOMS.index(path.relative_to(HOUSE).parts[0].removesuffix(".py"))
    rooms = {room for module in imported_modules(path) if (room := room_of(module)) in ROOMS}
    assert {room for room in rooms if ROOMS.index(room) > here} == set()


@pytest.mark.parametrize("name", sorted(OPEN_TO_ALL - {"__init__"}))
def test_what_is_open_to_all_knows_no_room(name: str) -> None:
    modules = {module for module in imported_modules(HOUSE / f"{name}.py") if not (name == "config" and module.startswith(KINDS))}
    assert {room_of(module) for module in modules} & set(ROOMS) == set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_only_tracking_imports_mlflow(path: Path) -> None:
    knows = any(module.split(".")[0] == "mlflow" for module in imported_modules(path))
    assert not knows or "tracking" in path.relative_to(HOUSE).parts


def test_the_package_imports_no_experiment_but_for_its_command_line() -> None:
    knowing = {path.name for path in FILES if any(module.split(".")[0] == "experiments" for module in imported_modules(path))}
    assert knowing == {"cli.py"}
    experiments = HOUSE.parent / "experiments"
    assert not [path for path in experiments.rglob("*.py") if "genexp.cli" in imported_modules(path)]


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, genexp.cli\n"
        "try: genexp.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'numpy', 'mlflow', 'sklearn', 'anndata', 'optuna', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "preprocess" in done.stdout


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "base"])
def test_every_file_is_named_after_a_concept(word: str) -> None:
    assert not [path for path in FILES if path.stem == word or path.parent.name == word]
