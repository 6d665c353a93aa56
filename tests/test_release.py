"""What surrounds the code: ranges and locks agree, files for contributors are valid, and they name
what exists.
"""

import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import genexp

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
TEMPLATES = ROOT / ".github" / "ISSUE_TEMPLATE"
SCHEMAS = {
    ROOT / ".github" / "workflows" / "test.yml": "vendor.github-workflows",
    TEMPLATES / "bug.yml": "vendor.github-issue-forms",
    TEMPLATES / "feature.yml": "vendor.github-issue-forms",
    TEMPLATES / "config.yml": "vendor.github-issue-config",
    ROOT / "CITATION.cff": "vendor.citation-file-format",
}


def read_lock(*names: str) -> dict[str, str]:
    """Versions by canonical name; every line of a lock is ``name==version``."""
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
    return dict(line.split("==") for line in lines)


@pytest.mark.parametrize(
    "text", [*PROJECT["dependencies"], *EXTRAS["server"], *EXTRAS["s3"], *EXTRAS["dev"]]
)
def test_the_lock_lies_in_the_range_of_every_dependency(text: str) -> None:
    requirement, lock = Requirement(text), read_lock("requirements.txt", "requirements-dev.txt")
    assert lock[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_lock_of_developers_repeats_nothing_of_the_other() -> None:
    assert set(read_lock("requirements.txt")) & set(read_lock("requirements-dev.txt")) == set()


def test_the_extras_are_those_that_the_documentation_names() -> None:
    assert set(EXTRAS) == {"server", "s3", "cluster", "notebook", "dev"}


def test_the_environment_of_conda_reads_the_lock_and_its_python_is_one_that_the_package_takes() -> (
    None
):
    *rest, pip = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"]
    assert pip == {"pip": ["-r requirements.txt"]}
    python = Requirement(
        next(name for name in rest if name.startswith("python")).replace("=", "==")
    )
    assert all(
        PROJECT["requires-python"] == ">=3.11" and version.version == "3.11"
        for version in python.specifier
    )


def test_the_version_is_the_same_in_package_citation_and_changelog() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == genexp.__version__
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest is not None
    assert newest[1] == genexp.__version__


def test_the_package_ships_its_types() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ]["genexp"]
    assert "py.typed" in data
    assert (ROOT / "genexp" / "py.typed").is_file()


@pytest.mark.parametrize(
    ("path", "schema"), SCHEMAS.items(), ids=lambda value: getattr(value, "name", value)
)
def test_the_schema_accepts_the_file(path: Path, schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def read_workflow() -> dict[str, Any]:
    """The job of the workflow."""
    return yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]["test"]


def test_the_workflow_runs_targets_of_the_makefile_alone() -> None:
    commands = [step["run"] for step in read_workflow()["steps"] if "run" in step]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert [command.split()[0] for command in commands] == ["make"] * len(commands)
    assert {command.split()[1] for command in commands} <= targets


def test_the_workflow_marks_as_untested_what_the_package_does_not_claim() -> None:
    claimed = {
        name.rpartition(" ")[2]
        for name in PROJECT["classifiers"]
        if re.search(r"Python :: 3\.\d+$", name)
    }
    lines = read_workflow()["strategy"]["matrix"]["include"]
    assert {line["python"] for line in lines if not line["untested"]} == claimed
    assert {line["python"] for line in lines} == {"3.11", "3.12", "3.13"}


def test_the_hooks_call_the_environment_and_no_other_repository() -> None:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    entries = {hook["id"]: hook["entry"] for hook in repositories[0]["hooks"]}
    assert {
        entry.split()[0]
        for name, entry in entries.items()
        if name in {"ruff-format", "ruff-check", "mypy"}
    } == {
        ".venv/bin/ruff",
        ".venv/bin/mypy",
    }


@pytest.mark.parametrize(
    "name", ["CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md"]
)
def test_every_path_and_make_target_that_is_named_exists(name: str) -> None:
    text = (ROOT / name).read_text()
    paths = [path.partition("#")[0] for path in re.findall(r"\]\(([^)]+)\)", text)]
    paths += re.findall(r"`((?:tests|genexp|docs|experiments)/[\w./-]*)`", text)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert set(re.findall(r"\bmake ([a-z-]+)(?=`|\s+#)", text)) <= targets


@pytest.mark.parametrize(
    ("version", "accepted"), [("3.10.13", False), ("3.11.0", True), ("3.14.2", True)]
)
def test_setup_refuses_a_python_before_3_11_and_names_its_version(
    tmp_path: Path, version: str, accepted: bool
) -> None:
    stand_in = f"""\
        #!{sys.executable}
        import sys
        sys.version_info = {tuple(map(int, version.split(".")))}
        if sys.argv[1] == "--version":
            print("Python {version}")
        elif sys.argv[1] == "-c":
            exec(sys.argv[2])
        """
    for name in ("python", "pip"):
        (tmp_path / name).write_text(textwrap.dedent(stand_in))
        (tmp_path / name).chmod(0o755)
    command = [
        "make",
        "setup",
        f"PYTHON={tmp_path / 'python'}",
        f"VENV={tmp_path}",
        f"BIN={tmp_path}",
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode == 0) == accepted, result.stderr
    assert (f"genexp needs Python 3.11 or newer; found: Python {version}" in result.stderr) == (
        not accepted
    )
