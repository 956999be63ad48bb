"""The DAG that judges windows again when their labels have come."""

from __future__ import annotations

from typing import Final

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.labelled import label_monitors
from endpointwatch_airflow.operators.decision import DecideOperator
from endpointwatch_airflow.operators.late_labels import FindLateLabelsOperator
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator
from endpointwatch_airflow.operators.stop import StopJobsOperator
from endpointwatch_airflow.pipelines import probation
from endpointwatch_airflow.pipelines.answer import answer, doc
from endpointwatch_airflow.pipelines.common import aws_arguments, dag_arguments, job_arguments

PIPELINE: Final = "labels"
WINDOWS_AT_ONCE: Final = 4

DOC: Final = """
### Judge windows of `{name}` again when their labels have come

Labels come late. A window judged before they are in is `PROVISIONAL`; this DAG looks every so often (cron `{cron}`,
UTC) whether other labels are there than it was judged by, below `{labels}`, and judges it again by {monitors}. From a
label coverage of {coverage:g} on, or {age} h after its end, its verdict is final. Start it by hand when you have
delivered labels and do not want to wait.

| Task | What it does |
|---|---|
| `find_windows` | Finds the windows that wait and for which there is something new; all that wait stand in \
`{results}/{name}/labels/open.json`. |
| `judge_again` | One job a window runs only the monitors that need labels. Earlier answers stay under `judgements/` \
in the window's folder. |
| `stop_jobs` | Stops what a `judge_again` that failed has left running. |
| `decide` | Decides anew for windows that have violations now, as the monitor DAG does. |
{actions}| `notify` | Tells people by the channels under `notifications`; without any, its log says it. |
| `judged` | Succeeds when every window was judged; one that was not is tried again by the next run. |
"""


def build(endpoint: Endpoint) -> DAG | None:
    """The endpoint's ``<endpoint>__labels`` DAG; None when it has no labels, or no monitor that needs them."""
    limits, monitors = endpoint.ground_truth, label_monitors(endpoint)
    if limits is None or not monitors:
        return None
    with DAG(
        dag_id(endpoint.name, PIPELINE),
        description=f"Judge windows of {endpoint.name}'s traffic again when their labels have come.",
        schedule=CronTriggerTimetable(limits.schedule, timezone="UTC"),
        catchup=False,
        # Two at once would judge the same windows.
        max_active_runs=1,
        doc_md=DOC.format(
            name=endpoint.name,
            cron=limits.schedule,
            labels=limits.uri,
            monitors=", ".join(monitors),
            coverage=limits.minimum_coverage,
            age=limits.maximum_age_hours,
            results=endpoint.results_uri,
            actions=doc(endpoint),
        )
        + probation.doc(endpoint),
        **dag_arguments(endpoint, PIPELINE),
    ) as dag:
        aws = aws_arguments(endpoint)
        find_windows = FindLateLabelsOperator(task_id="find_windows", endpoint=endpoint, **aws)
        judge_again = RunMonitorsOperator.partial(
            task_id="judge_again",
            endpoint=endpoint,
            monitors=monitors,
            max_active_tis_per_dagrun=WINDOWS_AT_ONCE,
            **job_arguments(endpoint),
        ).expand(window=find_windows.output)
        decide = DecideOperator(
            task_id="decide",
            endpoint=endpoint,
            windows="{{ ti.xcom_pull(task_ids='find_windows') | tojson }}",
            # A window that failed must not keep the decision from those that were judged.
            trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
            **aws,
        )
        answer(endpoint, decide)
        probation.watch(endpoint, judge_again, trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS)
        # Not before all windows are through: it would stop the jobs of the others.
        stop_jobs = StopJobsOperator(
            task_id="stop_jobs", job_task_ids=["judge_again"], trigger_rule=TriggerRule.ALL_DONE, **aws
        )
        # The run's outcome is that of its last tasks; without this one a window that failed would go unseen.
        judged = EmptyOperator(task_id="judged")
        judge_again >> [decide, stop_jobs, judged]
    return dag
