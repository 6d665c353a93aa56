"""The structure of the package: imports point one way, only tracking imports MLflow, and starting
is cheap.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genexp

PACKAGE = Path(genexp.__file__).parent
ORDER = [
    *(
        "names",
        "files",
        "formats",
        "query",
        "cohort",
        "describe",
        "contrasts",
        "preprocessing",
        "model",
        "training",
    ),
    *("evaluation", "survival", "explain", "verdict", "report", "tuning", "tracking"),
    *(
        "application",
        "doctor",
        "preflight",
        "estimator",
        "pipeline",
        "notebook",
        "api",
        "cli",
        "__main__",
    ),
]
"""Packages and modules from left to right: each imports only what is to its left."""
OPEN_TO_ALL = {"errors", "settings", "tracker", "palette", "output", "cores", "__init__"}
"""Modules that anything may import, and that import nothing of ``ORDER``; ``__init__`` provides
``load_encoder`` on request."""
MODEL_TYPES = "genexp.model.types"
"""The settings contain the parameters of the model types, and import nothing else of ``ORDER``."""
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
}
MAX_SHARE = 0.16
"""Largest share of the lines of genexp that one package may hold."""


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


def package_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "genexp" and len(parts) > 1 else None


def find_circle(imports: dict[str, set[str]]) -> list[str]:
    """One circle of imports, as the modules on the way; empty where there is none."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for target in sorted(imports[module]):
            if circle := walk(target, [*path, module]):
                return circle
        done.add(module)
        return []

    return next((circle for module in sorted(imports) if (circle := walk(module, []))), [])


def test_every_file_has_a_place() -> None:
    assert {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES} == {
        *ORDER,
        *OPEN_TO_ALL,
    }


@pytest.mark.parametrize(
    "module", sorted(module for module in MODULES if package_of(module) in ORDER)
)
def test_a_package_imports_only_packages_to_its_left(module: str) -> None:
    here = ORDER.index(str(package_of(module)))
    packages = {
        package
        for name in imported_modules(MODULES[module])
        if (package := package_of(name)) in ORDER
    }
    assert {package for package in packages if ORDER.index(package) > here} == set()


@pytest.mark.parametrize(
    "module", sorted(module for module in MODULES if package_of(module) in OPEN_TO_ALL)
)
def test_what_is_open_to_all_imports_nothing_of_the_order(module: str) -> None:
    imported = {
        name for name in imported_modules(MODULES[module]) if not name.startswith(MODEL_TYPES)
    }
    assert {package_of(name) for name in imported} & set(ORDER) == set()


def test_there_is_no_circle_of_imports_deferred_and_type_only_ones_included() -> None:
    imports: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        found = imported_modules(path)
        exact = {name for name in found if name in MODULES}
        imports[module] = {
            name for name in exact if not any(other.startswith(f"{name}.") for other in exact)
        } - {module}
    assert find_circle(imports) == []


def test_no_package_holds_more_than_its_share_of_the_lines() -> None:
    lines: dict[str, int] = {}
    for path in FILES:
        package = path.relative_to(PACKAGE).parts[0]
        lines[package] = lines.get(package, 0) + len(path.read_text(encoding="utf-8").splitlines())
    assert {name: n for name, n in lines.items() if n > MAX_SHARE * sum(lines.values())} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_tracking_imports_mlflow(path: Path) -> None:
    knows = any(module.split(".")[0] == "mlflow" for module in imported_modules(path))
    assert not knows or "tracking" in path.relative_to(PACKAGE).parts


def test_the_package_imports_no_experiment_but_for_its_command_line() -> None:
    knowing = {
        path.name
        for path in FILES
        if any(module.split(".")[0] == "experiments" for module in imported_modules(path))
    }
    assert knowing == {"cli.py"}
    experiments = PACKAGE.parent / "experiments"
    assert not [
        path for path in experiments.rglob("*.py") if "genexp.cli" in imported_modules(path)
    ]


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, genexp.cli\n"
        "try: genexp.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'numpy', 'mlflow', 'sklearn', 'anndata', 'optuna', "
        "'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "preprocess" in done.stdout


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "base"])
def test_every_file_is_named_after_a_concept(word: str) -> None:
    assert not [path for path in FILES if word in (path.stem, path.parent.name)]
