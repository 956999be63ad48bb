"""The DAG that answers an endpoint's alarms: when a message comes, and every so often in case none did."""

from __future__ import annotations

from typing import Final

from airflow.sdk import DAG, AssetOrTimeSchedule, BaseOperator, CronTriggerTimetable, Param, TriggerRule

from endpointwatch.config.alarm_actions import Action
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.remediation import (
    CHOSEN,
    DRY_RUN,
    AnswerAlarmsOperator,
    NotifyRemediesOperator,
    RecordOutcomesOperator,
)
from endpointwatch_airflow.pipelines import acting
from endpointwatch_airflow.pipelines.assets import alarmed
from endpointwatch_airflow.pipelines.common import aws_arguments, dag_arguments

PIPELINE: Final = "health"
_CHOSEN: Final = f"ti.xcom_pull(task_ids='answer', key='{CHOSEN}')"
#: What each action's task does, for the DAG's text.
MEANING: Final[dict[Action, str]] = {
    "scale": "Adds instances, within the alarm's bounds, and waits until they serve.",
    "rollback": "Starts `{name}__rollback`: back to the model version before.",
    "redeploy": "Starts `{name}__redeploy`.",
    "pause": "Lets windows go unjudged for a while; a backfill judges them later.",
    "run_dag": "Starts the DAG that the alarm names.",
}

DOC: Final = """
### Answer the alarms of `{name}`

Starts within seconds of an alarm, by its message, and every so often (cron `{sweep}`, UTC) to look whether one was
missed. Alarms: {alarms}. What is done about which: `alarms` and `remediation` in the endpoint's file, and
`docs/health.md`.

| Task | What it does |
|---|---|
| `answer` | Looks up which alarms are in ALARM, decides about each and records it under \
`{results}/{name}/remediations/`; an alarm that was answered is not answered again. |
| `notify` | Tells people by the channels under `notifications`; without any, its log says it. |
{actions}| `record` | Writes down how it ended. |

With `dry_run` everything is decided, recorded and told, and nothing is done{always}.
"""


def build(endpoint: Endpoint) -> DAG | None:
    """The endpoint's ``<endpoint>__health`` DAG; None when it has no alarms."""
    declared = endpoint.alarms.declared
    if not declared:
        return None
    used: list[Action] = sorted({action for alarm in declared.values() for action in alarm.ladder})
    with DAG(
        dag_id(endpoint.name, PIPELINE),
        description=f"Answer the alarms of {endpoint.name}: tell, scale, or what else its file declares.",
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable(endpoint.remediation.sweep, timezone="UTC"), assets=[alarmed(endpoint)]
        ),
        catchup=False,
        # Two remediations of one endpoint never race.
        max_active_runs=1,
        params={
            DRY_RUN: Param(
                False, type="boolean", title="Dry run", description="Decide, record and tell, but do nothing."
            )
        },
        doc_md=DOC.format(
            name=endpoint.name,
            sweep=endpoint.remediation.sweep,
            alarms=", ".join(declared),
            results=endpoint.results_uri,
            actions="".join(f"| `{action}` | {MEANING[action].format(name=endpoint.name)} |\n" for action in used),
            always=", as the file says" if endpoint.remediation.dry_run else "",
        ),
        **dag_arguments(endpoint, PIPELINE),
    ) as dag:
        aws = aws_arguments(endpoint)
        answer = AnswerAlarmsOperator(task_id="answer", endpoint=endpoint, **aws)
        notify = NotifyRemediesOperator(task_id="notify", endpoint=endpoint, **aws)
        record = RecordOutcomesOperator(task_id="record", endpoint=endpoint, trigger_rule=TriggerRule.ALL_DONE, **aws)
        for task in (notify, *(_task(endpoint, action) for action in used)):
            answer >> task >> record
    return dag


def _task(endpoint: Endpoint, action: Action) -> BaseOperator:
    if action == "scale":
        return acting.scale(endpoint, _CHOSEN)
    if action == "pause":
        return acting.pause(endpoint, _CHOSEN)
    if action == "run_dag":
        return acting.start(action, f"{{{{ {_CHOSEN}['dag_id'] }}}}", _CHOSEN, conf="own_conf")
    return acting.start(action, dag_id(endpoint.name, action), _CHOSEN)
