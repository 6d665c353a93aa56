"""The compose file is checked without an engine: by Debian's docker-compose, by the compose schema
and by what it must say.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SECRETS = ["POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"]
Config = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """``docker-compose config`` with the given text as .env."""
    command = shutil.which("docker-compose")
    if command is None:
        pytest.skip("docker-compose is not here")

    def run(text: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / ".env").write_text(text)
        environment = {key: value for key, value in os.environ.items() if key not in SECRETS}
        arguments = [
            command,
            "--env-file",
            str(tmp_path / ".env"),
            "--file",
            str(ROOT / "docker-compose.yml"),
            "config",
        ]
        return subprocess.run(
            arguments, capture_output=True, text=True, env=environment, check=False
        )

    return run


@pytest.fixture
def services(config: Config) -> dict[str, Any]:
    """Services as compose understands them, with every secret set."""
    result = config("\n".join(f"{name}=secret-{name.lower()}" for name in SECRETS))
    assert result.returncode == 0, result.stderr
    return yaml.safe_load(result.stdout)["services"]


def test_compose_accepts_the_file_and_starts_in_the_right_order(services: dict[str, Any]) -> None:
    assert set(services) == {"database", "store", "bucket", "mlflow"}
    waits = {
        name: {on: rule["condition"] for on, rule in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    assert waits["bucket"] == {"store": "service_healthy"}
    assert waits["mlflow"] == {
        "database": "service_healthy",
        "store": "service_healthy",
        "bucket": "service_completed_successfully",
    }
    assert [name for name, service in services.items() if "healthcheck" not in service] == [
        "bucket"
    ]
    assert services["bucket"]["restart"] == "no"


def test_only_the_mlflow_server_is_published_and_only_on_this_machine(
    services: dict[str, Any],
) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["mlflow"]
    assert str(services["mlflow"]["ports"]) == "['127.0.0.1:5000:5000/tcp']"
    assert [name for name, service in services.items() if "outside" in service["networks"]] == [
        "mlflow"
    ]


def test_the_server_is_small_and_knows_its_hosts(services: dict[str, Any]) -> None:
    server = services["mlflow"]
    assert server["environment"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert {"--workers=1", "--allowed-hosts=mlflow:*,localhost:*,127.0.0.1:*"} <= set(
        server["command"]
    )
    assert not any("secret" in word for word in server["command"]), (
        "secrets are not on the command line"
    )


@pytest.mark.parametrize("missing", SECRETS)
def test_a_secret_that_is_not_set_is_refused_by_name(config: Config, missing: str) -> None:
    for value in ("", f"{missing}=\n"):
        result = config(value + "\n".join(f"{name}=x" for name in SECRETS if name != missing))
        assert result.returncode != 0
        assert f"write {missing} into .env" in result.stderr


def test_the_example_lists_every_variable_and_holds_no_secret() -> None:
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#?([A-Z0-9_]+)=", example, flags=re.MULTILINE)) == used
    assert re.findall(r"^([A-Z0-9_]+)=(.*)$", example, flags=re.MULTILINE) == [
        (name, "") for name in SECRETS
    ]


def test_the_compose_schema_accepts_the_file() -> None:
    if (
        shutil.which(
            "check-jsonschema",
            path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        )
        is None
    ):
        pytest.skip("check-jsonschema is not here")
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(ROOT / "docker-compose.yml"),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_server_is_of_the_version_that_genexp_uses() -> None:
    pinned = re.search(
        r"^mlflow==(\S+)", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE
    )
    assert pinned is not None
    assert f"mlflow=={pinned[1]} " in (ROOT / "docker" / "mlflow.Dockerfile").read_text()
    assert set(
        re.findall(r"image: genexp-mlflow:(\S+)", (ROOT / "docker-compose.yml").read_text())
    ) == {pinned[1]}
