"""Write down how an action that a decision started has ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context

from endpointwatch_airflow.chosen import CHOSEN
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.history import ended
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.task_states import has_failed


class RecordActionOperator(EndpointWatchOperator):
    """Write the end of the action that `decide` chose into its record; fails when its task has, so that the run does.

    Of a rollback the end is that its DAG run was asked for; how that ended stands in the deployment records.

    Args:
        decide_task_id: The task that left what it chose.
        clock: When it ended.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        ``done`` or ``failed``.
    """

    def __init__(
        self,
        *,
        decide_task_id: str = "decide",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.decide_task_id = decide_task_id
        self.clock = clock

    def execute(self, context: Context) -> str:
        chosen = context["ti"].xcom_pull(task_ids=self.decide_task_id, key=CHOSEN)
        failed = has_failed(context, chosen["task"])
        outcome = "failed" if failed else "done"
        ended(self.store, chosen["acted"], outcome, at=self.clock())
        if failed:
            raise NotRetriedError(f"The task {chosen['task']!r} has failed; its log says why.")
        return outcome
