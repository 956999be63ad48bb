"""Every start of a task imports the DAG's operators; what they do not need, they must not load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("polars", "pyarrow", "numpy", "pandas", "scipy", "sklearn", "sagemaker")


def test_dag_files_load_no_numerical_library_and_no_sdk(tmp_path: Path) -> None:
    program = f"""
import sys
from endpointwatch_airflow.pipelines import monitor, onboard, retrain
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("include", "plugins")),
            "AIRFLOW_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert result.stdout.splitlines()[-1] == "[]"
