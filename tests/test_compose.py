"""docker-compose.yaml, checked without a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
FILE = REPOSITORY / "docker-compose.yaml"
TEXT = FILE.read_text()
SERVICES = yaml.safe_load(TEXT)["services"]
AIRFLOW = ("init", "api-server", "scheduler", "dag-processor", "triggerer")
EXAMPLE = dict(
    line.split("=", 1) for line in (REPOSITORY / ".env.example").read_text().splitlines() if line and line[0] != "#"
)


def test_it_is_what_the_compose_specification_allows():
    command = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_it_starts_the_same_parts_as_one_machine_does():
    assert set(SERVICES) == {*AIRFLOW, "postgres", "aws"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_to_one_version(name):
    assert re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", SERVICES[name]["image"])


def test_the_base_image_is_pinned_to_a_patch_version():
    froms = re.findall(r"^FROM (\S+)", (REPOSITORY / "include/onemachine/Dockerfile").read_text(), re.MULTILINE)
    assert [name for name in froms if name != "base" and not re.fullmatch(r"\w+:\d+\.\d+\.\d+-[\w-]+", name)] == []


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "init"])
def test_every_lasting_service_has_a_health_check(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name):
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_every_secret_must_be_given_and_has_no_default():
    secret = re.findall(r"\$\{([A-Z_]*(?:PASSWORD|SECRET|KEY)[A-Z_]*)(.*?)\}", TEXT)
    assert {name for name, _ in secret} == {
        "AIRFLOW_ADMIN_PASSWORD",
        "AIRFLOW_API_SECRET_KEY",
        "AIRFLOW_FERNET_KEY",
        "AIRFLOW_JWT_SECRET",
        "AIRFLOW_VIEWER_PASSWORD",
        "POSTGRES_PASSWORD",
    }
    assert [(name, rest) for name, rest in secret if not rest.startswith(":?")] == []


def test_the_example_of_settings_names_every_variable_and_no_other():
    asked = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    asked |= {name for name, value in SERVICES["scheduler"]["environment"].items() if value is None}
    assert set(EXAMPLE) == (asked | {"COMPOSE_PROFILES"}) - {"AWS_SESSION_TOKEN"}


def test_the_local_aws_starts_in_the_local_profile_alone():
    assert {name for name in SERVICES if SERVICES[name].get("profiles")} == {"aws"}
    assert SERVICES["aws"]["profiles"] == [EXAMPLE["COMPOSE_PROFILES"]] == ["local"]


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflows_parts_share_folders_and_python_path(name):
    assert SERVICES[name]["environment"]["PYTHONPATH"] == "/opt/airflow/include:/opt/airflow/plugins"
    mounted = {volume.split(":")[1] for volume in SERVICES[name]["volumes"]}
    assert {f"/opt/airflow/{part}" for part in ("dags", "plugins", "include", "logs")} <= mounted
