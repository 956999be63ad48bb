"""The DAG that makes an endpoint ready to be watched: by hand, and after every deployment."""

from __future__ import annotations

from typing import Final

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.alarms import EnsureAlarmsOperator
from endpointwatch_airflow.operators.baseline import LearnBaselineOperator
from endpointwatch_airflow.operators.capture import EndpointDataCaptureOperator
from endpointwatch_airflow.operators.capture_proof import VerifyCaptureOperator
from endpointwatch_airflow.operators.clean_versions import CleanVersionsOperator
from endpointwatch_airflow.operators.deployment_record import RecordDeploymentOperator
from endpointwatch_airflow.operators.endpoint_drift import CompareWithFileOperator
from endpointwatch_airflow.operators.stop import StopJobsOperator
from endpointwatch_airflow.pipelines.assets import deployed
from endpointwatch_airflow.pipelines.common import aws_arguments, dag_arguments, job_arguments

PIPELINE: Final = "onboard"
#: SageMaker delivers captures minutes late: so many looks, so many seconds apart.
CAPTURE_DELAY: Final = 10
CAPTURE_LOOKS: Final = 60

DOC: Final = """
### Make `{name}` ready to be watched

{description}

Runs by hand, and whenever a model version has been deployed on the endpoint.

| Task | What it does |
|---|---|
| `ensure_capture` | Switches data capture on as the YAML file declares it and waits until the endpoint is in service; \
leaves an endpoint alone that captures so already. |
| `record_deployment` | Writes down under `{results}/{name}/deployments/` which model version serves since when: past \
windows are judged by the version they had. |
| `learn_baselines` | One job learns the baselines of {monitors} for that version; keeps those that were learnt from \
the same data set, unless `force` is set. |
| `ensure_alarms` | Makes the CloudWatch alarms what the file declares ({alarms}), with the topic and the queue of \
their messages; leaves alone what is so already, and removes alarms of this endpoint that are declared no longer. |
| `verify_capture` | Looks for a captured record newer than the deployment; without traffic it sends the newest \
captured request again, marked as our own. |
| `compare_with_file` | Warns in its log of what is live otherwise than the YAML file declares. |
| `clean_versions` | Deletes models and configurations older than the {keep} versions before the one that serves. |
| `ready` | The endpoint is watched from now on. |
| `stop_job` | Only when `learn_baselines` failed or was marked so: stops its job. |

Dashboards are not made here.
"""


def build(endpoint: Endpoint) -> DAG:
    """The endpoint's ``<endpoint>__onboard`` DAG."""
    with DAG(
        dag_id(endpoint.name, PIPELINE),
        description=f"Capture, deployment record, baselines and alarms of {endpoint.name}.",
        schedule=[deployed(endpoint.name)],
        catchup=False,
        # Two at once would move the endpoint under each other's feet.
        max_active_runs=1,
        params={
            "force": Param(
                False, type="boolean", title="Learn again", description="Learn baselines anew where there are some."
            )
        },
        doc_md=DOC.format(
            name=endpoint.name,
            description=endpoint.description,
            results=endpoint.results_uri,
            monitors=", ".join(monitor.kind for monitor in endpoint.monitors),
            alarms=", ".join(endpoint.alarms.declared) or "none",
            keep=endpoint.deployment.keep_versions,
        ),
        **dag_arguments(endpoint, PIPELINE),
    ) as dag:
        ensure_capture = EndpointDataCaptureOperator(
            task_id="ensure_capture",
            endpoint_name=endpoint.name,
            capture=endpoint.capture,
            deferrable=True,
            **aws_arguments(endpoint),
        )
        record_deployment = RecordDeploymentOperator(
            task_id="record_deployment",
            endpoint=endpoint,
            in_service_from="{{ ti.xcom_pull(task_ids='ensure_capture')['in_service_since'] }}",
            **aws_arguments(endpoint),
        )
        learn_baselines = LearnBaselineOperator(
            task_id="learn_baselines",
            endpoint=endpoint,
            deployment_uri="{{ ti.xcom_pull(task_ids='record_deployment') }}",
            **job_arguments(endpoint),
        )
        stop_job = StopJobsOperator(task_id="stop_job", job_task_ids=["learn_baselines"], **aws_arguments(endpoint))
        # Beside the baselines: an endpoint whose baselines fail is to be watched over all the more.
        ensure_alarms = EnsureAlarmsOperator(task_id="ensure_alarms", endpoint=endpoint, **aws_arguments(endpoint))
        # The run's outcome is that of its last tasks; without one of these the stopping, which succeeds, would decide.
        ready = EmptyOperator(task_id="ready")
        verify_capture = VerifyCaptureOperator(
            task_id="verify_capture",
            endpoint=endpoint,
            deployment_uri="{{ ti.xcom_pull(task_ids='record_deployment') }}",
            deferrable=True,
            waiter_delay=CAPTURE_DELAY,
            waiter_max_attempts=CAPTURE_LOOKS,
            **aws_arguments(endpoint),
        )
        compare_with_file = CompareWithFileOperator(
            task_id="compare_with_file", endpoint=endpoint, **aws_arguments(endpoint)
        )
        clean_versions = CleanVersionsOperator(
            task_id="clean_versions", endpoint=endpoint, deferrable=True, **aws_arguments(endpoint)
        )
        ensure_capture >> record_deployment >> learn_baselines >> [ready, stop_job]
        ensure_capture >> ensure_alarms >> ready
        record_deployment >> verify_capture >> ready
        record_deployment >> [compare_with_file, clean_versions]
    return dag
