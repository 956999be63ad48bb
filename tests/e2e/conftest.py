"""A whole stack for the end-to-end tests: real Airflow, real PostgreSQL, the local AWS; beside any other that runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

# Helpers of these tests lie beside them.
sys.path.insert(0, str(Path(__file__).parent))

from stacks import running, settings_in

from endpointwatch.config.loader import load
from loanapp.applications import Applications
from loanapp.cloud import Cloud
from loanapp.loop import Loop
from loanapp.progress import Reporter
from loanapp.story import tell
from onemachine.airflow_api import AirflowApi
from onemachine.settings import VIEWER_LOGIN, Settings
from onemachine.stack import Stack

PROBES = Path(__file__).parent / "dags"


@pytest.fixture(scope="package")
def stack_settings(tmp_path_factory) -> Settings:
    """A state folder of its own, free ports, and DAG and endpoint folders that tests may add files to."""
    return settings_in(tmp_path_factory.mktemp("stack"), *PROBES.glob("*.py"))


@pytest.fixture(scope="package")
def stack(stack_settings) -> Iterator[Stack]:
    """The running stack; its state is removed at the end, its logs stay in pytest's temporary folder."""
    with running(stack_settings) as stack:
        yield stack


@pytest.fixture(scope="package")
def airflow(stack) -> Iterator[AirflowApi]:
    """Airflow's REST API, as the administrator."""
    with AirflowApi(stack.airflow_url, stack.login) as api:
        yield api


@pytest.fixture(scope="package")
def viewer(stack) -> Iterator[AirflowApi]:
    """Airflow's REST API, as the user who may only look."""
    with AirflowApi(stack.airflow_url, VIEWER_LOGIN) as api:
        yield api


@pytest.fixture(scope="package")
def loop(stack, airflow) -> Loop:
    """The demo's endpoint, led once round the whole loop by the demo's own driver; every claim it makes has held."""
    anchor = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    story = tell(Applications.load(), anchor)
    endpoint = load(stack.settings.endpoints / "loan-approval.yaml")
    loop = Loop(airflow, Cloud(stack.environment), endpoint, story, Reporter.plain())
    loop.play()
    return loop
