"""DAG runs as a user of the web interface follows them: until they end, and into the log when they fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loanapp.progress import Reporter
from onemachine.airflow_api import FINISHED, AirflowApi
from onemachine.errors import StackError

Json = dict[str, Any]
RUN_SECONDS = 600.0
APPEAR_SECONDS = 180.0
# A backfill that gets no further for so long is stuck; how long all of it takes depends on the machine.
STALL_SECONDS = 300.0
POLL_SECONDS = 1.0
LOG_LINES = 25
IN_WORK = frozenset({"running", "deferred", "up_for_retry"})


class DemoError(Exception):
    """The demo cannot go on; the text says what failed, shows the log's end, and where to look."""


@dataclass(frozen=True)
class Runs:
    """Runs of one Airflow's DAGs.

    Attributes:
        api: A session with it.
        reporter: Where progress is shown.
    """

    api: AirflowApi
    reporter: Reporter

    def finish(self, dag_id: str, run_id: str, *, seconds: float = RUN_SECONDS) -> Json:
        """The run, ended in success.

        Raises:
            DemoError: It failed, or goes on for too long.
        """
        with self.reporter.waiting(f"{dag_id}  {run_id}") as tell:
            try:
                run = self.api.wait(dag_id, run_id, seconds=seconds, seen=lambda tasks: tell(_in_work(tasks)))
            except StackError as error:
                raise DemoError(f"{error}\n{self._where(dag_id, run_id)}") from error
        if run["state"] != "success":
            raise DemoError(self.autopsy(dag_id, run_id))
        return run

    def ids(self, dag_id: str) -> set[str]:
        return {run["dag_run_id"] for run in self.api.runs(dag_id)}

    def next_of(self, dag_id: str, known: set[str], *, why: str) -> Json:
        """The run of ``dag_id`` that somebody else starts: the first that is not among ``known``.

        Raises:
            DemoError: None has come.
        """
        with self.reporter.waiting(f"{dag_id}  expected: {why}"):
            return _until(
                lambda: next((run for run in self.api.runs(dag_id) if run["dag_run_id"] not in known), None),
                APPEAR_SECONDS,
                f"No run of {dag_id} was started within {APPEAR_SECONDS:.0f} s, although {why}. "
                f"Look at {self.api.url}/dags/{dag_id}",
            )

    def backfill(self, dag_id: str, first: datetime, last: datetime, *, reprocess: str, at_once: int) -> list[Json]:
        """Backfill the logical dates ``first`` to ``last`` and wait until each has a run that ended in success.

        Returns:
            The runs, the oldest first; a window that the schedule had already run keeps that run.

        Raises:
            DemoError: A run failed, or nothing moves any more.
        """
        made = self.api.backfill(dag_id, first, last, reprocess=reprocess, max_active_runs=at_once)
        planned = int((last - first).total_seconds() // 3600) + 1
        moved = time.monotonic()
        shown = 0
        with self.reporter.bar(f"backfill {made['id']} of {dag_id}", planned) as advance:
            while True:
                runs = self.api.runs(
                    dag_id,
                    logical_date_gte=first.isoformat(),
                    logical_date_lte=last.isoformat(),
                    order_by="logical_date",
                )
                ended = [run for run in runs if run["state"] in FINISHED]
                if len(ended) != shown:
                    advance(len(ended) - shown)
                    shown, moved = len(ended), time.monotonic()
                if failed := [run for run in ended if run["state"] == "failed"]:
                    raise DemoError(self.autopsy(dag_id, failed[0]["dag_run_id"]))
                if len(ended) >= planned and self._is_complete(made):
                    return runs
                if time.monotonic() > moved + STALL_SECONDS:
                    states = {run["logical_date"]: run["state"] for run in runs if run["state"] not in FINISHED}
                    raise DemoError(
                        f"Backfill {made['id']} of {dag_id} is stuck at {shown} of {planned} windows since "
                        f"{STALL_SECONDS:.0f} s. The others: {states}. Look at {self.api.url}/dags/{dag_id}"
                    )
                time.sleep(POLL_SECONDS)

    def _is_complete(self, backfill: Json) -> bool:
        return bool(self.api.request("GET", f"/backfills/{backfill['id']}")["completed_at"])

    def autopsy(self, dag_id: str, run_id: str) -> str:
        """What a failed run says: its failed tasks, the end of their logs, and where to see more."""
        parts = [f"Run {run_id} of {dag_id} failed."]
        for task in self.api.task_instances(dag_id, run_id):
            if task["state"] == "failed":
                parts.append(f"Task {task['task_id']} failed at try {task['try_number']}. The end of its log:")
                with suppress(StackError):
                    log = self.api.log(dag_id, run_id, task["task_id"], attempt=task["try_number"])
                    parts += [f"  | {line}" for line in log.splitlines()[-LOG_LINES:]]
        return "\n".join([*parts, self._where(dag_id, run_id)])

    def _where(self, dag_id: str, run_id: str) -> str:
        return f"Look at {self.api.url}/dags/{dag_id}/runs/{run_id}"


def _in_work(tasks: list[Json]) -> str:
    busy = [f"{task['task_id']} ({task['state']})" for task in tasks if task["state"] in IN_WORK]
    return ", ".join(sorted(busy)) or "waiting for Airflow"


def _until(look: Callable[[], Json | None], seconds: float, text: str) -> Json:
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise DemoError(text)
        time.sleep(POLL_SECONDS)
    return found
