"""The DAG that judges every window of an endpoint and acts on what it finds."""

from __future__ import annotations

from typing import Final

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.earlier import held_against_earlier
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.decision import DecideOperator, JudgeOperator
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator
from endpointwatch_airflow.operators.pause import UnlessPausedOperator
from endpointwatch_airflow.operators.stop import StopJobsOperator
from endpointwatch_airflow.pipelines import probation
from endpointwatch_airflow.pipelines.answer import answer, doc, used
from endpointwatch_airflow.pipelines.common import aws_arguments, dag_arguments, job_arguments
from endpointwatch_airflow.sensors.capture import CaptureSettledSensor
from endpointwatch_airflow.sensors.labels import LabelsArrivedSensor
from endpointwatch_airflow.windows import window_params

PIPELINE: Final = "monitor"
WINDOWS_AT_ONCE: Final = 4
#: A sensor that has not ended so long after it should have is stuck.
SLACK_HOURS: Final = 24

DOC: Final = """
### Judge every window of `{name}`

{description}

A run judges one window: its data interval (cron `{cron}`, UTC), or what the trigger form says. Past windows are judged
by a backfill; the same window judged again leaves the same files.

| Task | What it does |
|---|---|
{pause}| `wait_for_capture` | Waits until the window is over and no captured object has arrived for {settle} s. |
| `wait_for_labels` | Only there with `ground_truth.wait`: waits for labels, and all monitors with it. |
| `run_monitors` | One job runs {monitors} against the baseline of the model version that served; the verdicts lie \
under `{results}/{name}/<monitor>/`. |
| `stop_job` | Only when `run_monitors` failed or was marked so: stops its job. |
| `judge` | Branches: to `decide` when a verdict counts by a rule, else to `healthy`. |
| `decide` | Reads the rules below, top to bottom; the first that fires decides. The decision is kept under \
`{results}/{name}/decisions/`, what the guards allowed under `actions/decisions/`, incidents under `incidents/`. \
Windows that ended more than {hours} h ago start nothing. |
{actions}| `notify` | Tells people, once an incident and as a reminder, by the channels under `notifications`; \
without any, its log says it. |

{rules}
"""

PAUSE: Final = """\
| `unless_paused` | Skips a scheduled window that ends while an alarm or a decision has paused the monitoring; a \
backfill judges it. |
"""


def build(endpoint: Endpoint) -> DAG:
    """The endpoint's ``<endpoint>__monitor`` DAG."""
    by_alarm = any("pause" in alarm.actions for alarm in endpoint.alarms.declared.values())
    pausable = by_alarm or "pause" in used(endpoint)
    with DAG(
        dag_id(endpoint.name, PIPELINE),
        description=f"Judge each window of {endpoint.name}'s traffic and decide what to do about violations.",
        # A bare cron string would give windows of no length.
        schedule=CronDataIntervalTimetable(endpoint.schedule.cron, timezone="UTC"),
        catchup=endpoint.schedule.catchup,
        # A window that is held against earlier ones waits for them.
        max_active_runs=1 if held_against_earlier(endpoint) else WINDOWS_AT_ONCE,
        params=window_params(),
        doc_md=DOC.format(
            name=endpoint.name,
            description=endpoint.description,
            pause=PAUSE if pausable else "",
            cron=endpoint.schedule.cron,
            settle=endpoint.capture.settle_seconds,
            results=endpoint.results_uri,
            monitors=", ".join(monitor.kind for monitor in endpoint.monitors),
            actions=doc(endpoint),
            rules="\n".join(f"1. {rule}" for rule in endpoint.rules),
            hours=endpoint.decision.act_within_hours,
        )
        + probation.doc(endpoint),
        **dag_arguments(endpoint, PIPELINE),
    ) as dag:
        aws = aws_arguments(endpoint)
        wait_for_capture = CaptureSettledSensor(task_id="wait_for_capture", endpoint=endpoint, deferrable=True, **aws)
        run_monitors = RunMonitorsOperator(task_id="run_monitors", endpoint=endpoint, **job_arguments(endpoint))
        judge = JudgeOperator(task_id="judge", endpoint=endpoint, violated="decide", healthy="healthy", **aws)
        healthy = EmptyOperator(task_id="healthy")
        decide = DecideOperator(task_id="decide", endpoint=endpoint, **aws)
        stop_job = StopJobsOperator(task_id="stop_job", job_task_ids=["run_monitors"], **aws)

        wait = endpoint.ground_truth.wait if endpoint.ground_truth else None
        if wait is None:
            wait_for_capture >> run_monitors
        else:
            wait_for_labels = LabelsArrivedSensor(
                task_id="wait_for_labels",
                endpoint=endpoint,
                coverage=wait.coverage,
                hours=wait.hours,
                deferrable=True,
                timeout=(wait.hours + SLACK_HOURS) * 3600,
                **aws,
            )
            wait_for_capture >> wait_for_labels >> run_monitors
        run_monitors >> judge >> [decide, healthy]
        run_monitors >> stop_job
        if pausable:
            UnlessPausedOperator(task_id="unless_paused", endpoint=endpoint, **aws) >> wait_for_capture
        answer(endpoint, decide)
        probation.watch(endpoint, run_monitors)
    return dag
