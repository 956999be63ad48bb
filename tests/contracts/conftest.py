"""The SageMaker SDK, started once for all tests of it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import sdk_inputs

HERE = Path(__file__).resolve().parent
BUCKET = "sdk-results"


@pytest.fixture(scope="session")
def sdk(pocketaws: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``sdk_program.py`` printed, by module: the SDK's baselining jobs really ran in the local AWS."""
    if importlib.util.find_spec("sagemaker") is None:
        pytest.skip("the SageMaker SDK shares an environment with Airflow on Python 3.11 only (see requirements.in)")
    folder = tmp_path_factory.mktemp("sdk")
    quality, performance = folder / "data_quality.csv", folder / "model_quality.csv"
    quality.write_text(sdk_inputs.data_quality())
    performance.write_text(sdk_inputs.model_quality())
    s3 = pocketaws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="data/rows.csv", Body=sdk_inputs.bias().encode())
    wanted = {
        "sdk_data_quality": [str(quality), f"s3://{BUCKET}/data-quality"],
        "sdk_model_quality": [str(performance), f"s3://{BUCKET}/model-quality"],
        "sdk_model_bias": [f"s3://{BUCKET}/data/rows.csv", f"s3://{BUCKET}/bias"],
        "sdk_model_explainability": [],
    }
    result = subprocess.run(
        [sys.executable, str(HERE / "sdk_program.py"), json.dumps(wanted)],
        env={**pocketaws.env, "HOME": str(folder), "PATH": "/usr/bin:/bin"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    answers: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
    return answers
