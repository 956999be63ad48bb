"""How the tasks of a run have ended."""

from __future__ import annotations

from airflow.sdk import Context


def has_failed(context: Context, task_id: str) -> bool:
    """Whether that task of the run has failed, itself or by a task before it.

    One that was skipped has not: a DAG run that Airflow has already is no second one, so who asks for it is skipped.
    """
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    return str(states.get(task_id)) in ("failed", "upstream_failed")
