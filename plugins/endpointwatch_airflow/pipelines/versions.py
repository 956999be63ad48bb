"""What the DAGs that bring an earlier version back have in common: choose, serve, record."""

from __future__ import annotations

from typing import Any, Final

from airflow.sdk import DAG, Param

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.reports.deployment import How
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.deployment_record import RecordDeploymentOperator
from endpointwatch_airflow.operators.version import ChooseVersionOperator, ServeVersionOperator
from endpointwatch_airflow.pipelines.assets import deployed
from endpointwatch_airflow.pipelines.common import WAITER_DELAY, aws_arguments, dag_arguments, deployment_attempts

TASKS: Final = """
| Task | What it does |
|---|---|
| `choose_version` | Says in its log which version is to serve instead of which. Skipped, and all after it, when it \
serves already, when `instead_of` serves no more, or by a dry run, which leaves its plan in the XCom `plan`. |
| `serve_version` | {how} Waits while another task changes the endpoint. |
| `record_deployment` | Writes down that the version serves again, so that windows are judged by its baselines. Its \
asset event starts `{name}__onboard`. |

Versions on record lie below \
`{results}/{name}/deployments/`.
"""


def build(endpoint: Endpoint, how: How, *, description: str, doc: str, params: dict[str, Param]) -> DAG:
    """The endpoint's DAG ``<endpoint>__<how>``."""
    with DAG(
        dag_id(endpoint.name, how),
        description=description,
        schedule=None,
        catchup=False,
        max_active_runs=1,
        params=params,
        doc_md=doc,
        **dag_arguments(endpoint, how),
    ) as dag:
        aws = aws_arguments(endpoint)
        choose = ChooseVersionOperator(task_id="choose_version", endpoint=endpoint, how=how, **aws)
        change: Any = choose.output
        serve = ServeVersionOperator(
            task_id="serve_version",
            endpoint=endpoint,
            wanted_change=change,
            deferrable=True,
            waiter_delay=WAITER_DELAY,
            waiter_max_attempts=deployment_attempts(endpoint),
            **aws,
        )
        record = RecordDeploymentOperator(
            task_id="record_deployment",
            endpoint=endpoint,
            how=how,
            reason="{{ params.reason or '' }}",
            outlets=[deployed(endpoint.name)],
            **aws,
        )
        serve >> record
    return dag


def form(version: Param) -> dict[str, Param]:
    """The trigger form."""
    return {
        "version": version,
        "reason": Param(None, type=["null", "string"], title="Reason", description="Kept with the deployment."),
        "instead_of": Param(
            None,
            type=["null", "string"],
            title="Instead of",
            description="The version to be replaced; the run is skipped when another one serves by now. Empty: any.",
        ),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Only say what would be done."),
    }
