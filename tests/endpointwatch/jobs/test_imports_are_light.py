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


def test_reading_numbers_imports_no_pandas_and_a_helper_no_model_of_an_endpoints_file():
    told = (
        "import sys, polars, endpointwatch.jobs.surveys; from endpointwatch.states import Column; "
        "print(Column().extend(polars.Series(['1', '2.5'])).moments.total, "
        "*({'pandas', 'endpointwatch.config.endpoint'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3.5"]
