"""Airflow's Amazon provider is a real client of the local AWS: its own operators pass, waiting and deferrable.

They are a second reader of SageMaker's contract: they look at codes, messages, statuses and logs that no test of ours
would think of. Their DAG is in ``provider_operators.py`` and reaches the local AWS by ``AWS_ENDPOINT_URL`` alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.pocketaws

HERE = Path(__file__).resolve().parent
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/provider-test:1"
TASKS = ("process", "train", "trained", "model", "config", "endpoint", "served", "again", "delete")


@pytest.fixture(scope="module")
def aws(start_pocketaws: Callable[..., Any]) -> Any:
    """A local AWS that knows the container of ``provider_container.py``."""
    command = ["{python}", str(HERE / "provider_container.py")]
    aws = start_pocketaws(images=[{"pattern": IMAGE, "command": command}])
    aws.client("s3").create_bucket(Bucket="provider")
    aws.client("s3").put_object(Bucket="provider", Key="raw/a.csv", Body=b"1;2\n3;4\n")
    return aws


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, aws: Any) -> dict[str, tuple[dict[str, Any], str]]:
    """How the DAG ended and what it printed, by its way of waiting.

    One program in an Airflow of its own, with a fresh SQLite database and no connection but an empty one; starting it
    takes longer than the DAG does.
    """
    home = tmp_path_factory.mktemp("airflow")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "AIRFLOW_"))}
    environment |= {
        **aws.env,
        "PROVIDER_BUCKET": "provider",
        "PROVIDER_IMAGE": IMAGE,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    (home / "dags").mkdir()
    program = home / "dags" / "provider_operators.py"
    program.write_text((HERE / "provider_operators.py").read_text())
    done = subprocess.run(
        [sys.executable, str(program)], env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:] + aws.output()[-2000:]
    ended, printed = {}, ""
    for line in done.stdout.splitlines():
        if line.startswith('{"mode": '):
            result = json.loads(line)
            ended[result.pop("mode")] = result, printed
            printed = ""
        printed += f"{line}\n"
    return ended


@pytest.mark.parametrize("mode", ["waiting", "deferrable"])
def test_the_providers_operators_go_from_data_to_a_served_model(
    mode: str, aws: Any, runs: dict[str, tuple[dict[str, Any], str]]
) -> None:
    result, printed = runs[mode]
    assert result == {"run": "success", "tasks": dict.fromkeys(TASKS, "success")}, printed[-6000:]
    # Printed by the container, read from CloudWatch Logs by the provider's sensor.
    assert "the sum is 10" in printed

    sagemaker, name = aws.client("sagemaker"), f"provider-{mode}"
    assert sagemaker.describe_processing_job(ProcessingJobName=f"{name}-process")["ProcessingJobStatus"] == "Completed"
    endpoint = sagemaker.describe_endpoint(EndpointName=f"{name}-endpoint")
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", f"{name}-config-2")
    answer = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=f"{name}-endpoint", ContentType="text/csv", Body=b"anything"
    )
    # 1 + 2 + 3 + 4: the data went through the processing job, the training job and the model server.
    assert answer["Body"].read() == b"10"
    sagemaker.delete_endpoint(EndpointName=f"{name}-endpoint")
