"""Real inputs with the outputs that AWS's analyzer produced for them, read where they lie and not copied."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from endpointwatch.jobs.__main__ import main

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def fixtures() -> Path:
    folder = Path(os.environ.get("ENDPOINTWATCH_FIXTURES") or REPOSITORY.parent / "shared" / "fixtures")
    if not folder.is_dir():
        pytest.skip(f"no fixtures in {folder}; set ENDPOINTWATCH_FIXTURES to the folder that holds dq-churn70-baseline")
    return folder


class Analysis:
    """What one run of the container's entry point left behind."""

    def __init__(self, base: Path, code: int) -> None:
        self.base = base
        self.code = code

    @property
    def message(self) -> str:
        return (self.base / "output" / "message").read_text(encoding="utf-8")

    def report(self, name: str) -> Any:
        return json.loads((self.base / "processing" / "output" / f"{name}.json").read_bytes())

    @property
    def violations(self) -> list[dict[str, str]]:
        return self.report("constraint_violations")["violations"]


@pytest.fixture
def analyse(tmp_path: Path) -> Callable[..., Analysis]:
    """Run the entry point in a directory laid out as ``/opt/ml``, under Model Monitor's own environment keys."""
    count = 0

    def run(source: Path, form: dict[str, Any], **environment: str) -> Analysis:
        nonlocal count
        count += 1
        base = tmp_path / f"ml{count}"
        dataset = base / "processing" / "input" / "data"
        dataset.mkdir(parents=True)
        (dataset / source.name).symlink_to(source)
        (base / "config").mkdir()
        told = {
            "dataset_source": "/opt/ml/processing/input/data",
            "output_path": "/opt/ml/processing/output",
            "dataset_format": json.dumps(form),
            "publish_cloudwatch_metrics": "Disabled",
            **environment,
        }
        (base / "config" / "processingjobconfig.json").write_text(json.dumps({"Environment": told}), encoding="utf-8")
        return Analysis(base, main([], {"SAGEMAKER_BASE_DIR": str(base)}))

    return run
