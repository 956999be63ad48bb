"""What follows a decision, the same in every DAG that decides."""

from __future__ import annotations

from typing import Final

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, TriggerRule

from endpointwatch.config.decision import Action
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.chosen import CHOSEN
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.decision import DecideOperator
from endpointwatch_airflow.operators.notify import NotifyOperator
from endpointwatch_airflow.operators.outcome import RecordActionOperator
from endpointwatch_airflow.pipelines import acting
from endpointwatch_airflow.pipelines.common import aws_arguments

#: What each action's task does, for the DAG's text.
MEANING: Final[dict[Action, str]] = {
    "retrain": "Starts `{name}__retrain`, at most once a model version and day.",
    "rollback": "Starts `{name}__rollback`: back to the model version before, at most once a version and day.",
    "scale": "Adds instances, within the rule's bounds, and waits until they serve.",
    "pause": "Lets scheduled windows go unjudged for a while; a backfill judges them later.",
}
RECORD: Final = "| `record` | Writes down how the action has ended. |\n"


def used(endpoint: Endpoint) -> tuple[Action, ...]:
    """The actions beside ``notify`` that some rule of the endpoint asks for."""
    asked = {rule.action for rule in endpoint.rules}
    return tuple(action for action in MEANING if action in asked)


def doc(endpoint: Endpoint) -> str:
    """Rows for the DAG's table of tasks."""
    actions = used(endpoint)
    rows = [f"| `{action}` | {MEANING[action].format(name=endpoint.name)} |\n" for action in actions]
    return "".join(rows) + (RECORD if set(actions) - {"retrain"} else "")


def answer(endpoint: Endpoint, decide: DecideOperator) -> None:
    """Add the tasks that ``decide`` branches into: ``notify``, ``nothing``, and the actions that rules ask for.

    Retrainings record themselves, when their turn has come; the other actions are recorded here.
    """
    aws = aws_arguments(endpoint)
    notify = NotifyOperator(task_id="notify", endpoint=endpoint, decide_task_id=decide.task_id, **aws)
    decide >> [notify, EmptyOperator(task_id="nothing")]
    chosen = f"ti.xcom_pull(task_ids='{decide.task_id}', key='{CHOSEN}')"
    tasks = {action: _task(endpoint, action, chosen) for action in used(endpoint)}
    for task in tasks.values():
        decide >> task
    if acts := [task for action, task in tasks.items() if action != "retrain"]:
        record = RecordActionOperator(
            task_id="record",
            decide_task_id=decide.task_id,
            # Behind `decide` as well, whose success counts: the record of an action that failed is written, and where
            # nothing was decided or another branch is taken, none is.
            trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
            **aws,
        )
        [decide, *acts] >> record


def _task(endpoint: Endpoint, action: Action, chosen: str) -> BaseOperator:
    if action == "scale":
        return acting.scale(endpoint, chosen)
    if action == "pause":
        return acting.pause(endpoint, chosen)
    asked = chosen if action == "retrain" else f"{chosen}['{action}']"
    return acting.start(action, dag_id(endpoint.name, action), asked)
