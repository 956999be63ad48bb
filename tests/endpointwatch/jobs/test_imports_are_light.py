"""What every job imports before it knows what to do: a second of it is a second in each window of each endpoint."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("sklearn", "scipy", "shap", "pandas", "pyspark")


@pytest.mark.parametrize("module", ["endpointwatch.jobs.environment", "endpointwatch.jobs.monitors.registry"])
def test_a_job_that_loads_no_model_imports_no_library_for_models(module):
    told = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
