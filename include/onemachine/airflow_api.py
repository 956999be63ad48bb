"""A small client of Airflow's REST API (v2), for whoever drives the stack from outside as a user would.

Answers are the API's own JSON objects. Every wait has a limit and says, when it is reached, what it saw last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Self, TypeVar

import httpx

from onemachine.errors import AirflowApiError, StackError

Json = dict[str, Any]
T = TypeVar("T")
FINISHED = frozenset({"success", "failed"})
PAGE = 100


class AirflowApi:
    """A session with one Airflow.

    Args:
        url: Airflow's address, for example ``http://127.0.0.1:8080``.
        login: User and password.
        timeout: Seconds for one request.
    """

    def __init__(self, url: str, login: tuple[str, str], *, timeout: float = 60.0) -> None:
        self.url = url
        self._login = login
        # trust_env: a proxy in the caller's environment must not be asked for loopback addresses.
        self._http = httpx.Client(base_url=url, timeout=timeout, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def token(self) -> str:
        """A fresh bearer token; it is good for a day."""
        user, password = self._login
        answer = self._http.post("/auth/token", json={"username": user, "password": password})
        if answer.is_error:
            raise _refusal(answer)
        return str(answer.json()["access_token"])

    def request(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, query: Mapping[str, Any] | None = None
    ) -> Json:
        """One call of ``/api/v2<path>``; the token is fetched, and renewed when it has expired.

        Raises:
            AirflowApiError: The answer is an error, or the server cannot be reached.
        """
        for attempt in (1, 2):
            try:
                if "Authorization" not in self._http.headers:
                    self._http.headers["Authorization"] = f"Bearer {self.token()}"
                answer = self._http.request(method, f"/api/v2{path}", json=body, params=query)
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
                raise AirflowApiError(f"{method} {self.url}/api/v2{path}: {reason}", 0) from error
            if answer.status_code == httpx.codes.UNAUTHORIZED and attempt == 1:
                del self._http.headers["Authorization"]
                continue
            break
        if answer.is_error:
            raise _refusal(answer)
        return dict(answer.json() or {}) if answer.content else {}

    def pages(self, path: str, key: str, **query: Any) -> Iterator[Json]:
        """All items of a collection, page after page."""
        seen = 0
        while True:
            answer = self.request("GET", path, query={**query, "limit": PAGE, "offset": seen})
            yield from answer[key]
            seen += len(answer[key])
            if not answer[key] or seen >= answer["total_entries"]:
                return

    # DAGs

    def health(self) -> Json:
        return self.request("GET", "/monitor/health")

    def dags(self) -> list[Json]:
        return list(self.pages("/dags", "dags"))

    def dag(self, dag_id: str) -> Json:
        return self.request("GET", f"/dags/{dag_id}")

    def wait_for_dag(self, dag_id: str, *, seconds: float = 120.0) -> Json:
        """The DAG once the dag-processor has stored it.

        Raises:
            StackError: It has not; with the import errors, which usually say why.
        """

        def stored() -> Json | None:
            try:
                return self.dag(dag_id)
            except AirflowApiError as error:
                if error.status != httpx.codes.NOT_FOUND:
                    raise
                return None

        return _until(stored, seconds, lambda: f"DAG {dag_id} is not there. Import errors: {self._errors_in_short()}")

    def parse_again(self, dag_id: str) -> None:
        """Have the dag-processor read the DAG's file at once, for DAGs that are new in it."""
        self.request("PUT", f"/parseDagFile/{self.dag(dag_id)['file_token']}")

    def import_errors(self) -> list[Json]:
        """What the dag-processor could not load: ``filename`` and ``stack_trace`` of each."""
        return list(self.pages("/importErrors", "import_errors"))

    def pause(self, dag_id: str) -> Json:
        return self.request("PATCH", f"/dags/{dag_id}", body={"is_paused": True})

    def unpause(self, dag_id: str) -> Json:
        return self.request("PATCH", f"/dags/{dag_id}", body={"is_paused": False})

    # DAG runs

    def trigger(
        self,
        dag_id: str,
        *,
        conf: Mapping[str, Any] | None = None,
        logical_date: datetime | None = None,
        data_interval: tuple[datetime, datetime] | None = None,
        run_id: str | None = None,
    ) -> Json:
        """Start a run by hand; the DAG must not be paused, or the run stays queued.

        Returns:
            The run; its id is ``dag_run_id``.
        """
        body: Json = {"conf": dict(conf or {}), "logical_date": logical_date.isoformat() if logical_date else None}
        if data_interval:
            body["data_interval_start"], body["data_interval_end"] = (moment.isoformat() for moment in data_interval)
        if run_id:
            body["dag_run_id"] = run_id
        return self.request("POST", f"/dags/{dag_id}/dagRuns", body=body)

    def run(self, dag_id: str, run_id: str) -> Json:
        return self.request("GET", f"/dags/{dag_id}/dagRuns/{run_id}")

    def runs(self, dag_id: str, **query: Any) -> list[Json]:
        """Runs of a DAG (``~`` = of all DAGs); ``query`` as in the API, for example ``run_type="backfill"``."""
        return list(self.pages(f"/dags/{dag_id}/dagRuns", "dag_runs", **query))

    def wait(
        self,
        dag_id: str,
        run_id: str,
        *,
        seconds: float = 300.0,
        every: float = 0.5,
        seen: Callable[[list[Json]], None] | None = None,
    ) -> Json:
        """The run once it has ended, in success or failure.

        Args:
            dag_id: The DAG.
            run_id: The run.
            seconds: Limit.
            every: Seconds between two looks.
            seen: Called at each look with the task instances, to show progress.

        Raises:
            StackError: It is still going after ``seconds``.
        """

        def ended() -> Json | None:
            if seen:
                seen(self.task_instances(dag_id, run_id))
            found = self.run(dag_id, run_id)
            return found if found["state"] in FINISHED else None

        return _until(ended, seconds, lambda: f"Run {run_id} of {dag_id}: {self._states(dag_id, run_id)}", every=every)

    def set_run_state(self, dag_id: str, run_id: str, state: str) -> Json:
        return self.request("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", body={"state": state})

    def delete_run(self, dag_id: str, run_id: str) -> None:
        self.request("DELETE", f"/dags/{dag_id}/dagRuns/{run_id}")

    # Tasks

    def task_instances(self, dag_id: str, run_id: str) -> list[Json]:
        return list(self.pages(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances"))

    def task_instance(self, dag_id: str, run_id: str, task_id: str) -> Json:
        return self.request("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> Json:
        """Mark a task instance, as the buttons in the web interface do."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        return self.request("PATCH", path, body={"new_state": state})

    def wait_for_task(
        self, dag_id: str, run_id: str, task_id: str, states: set[str], *, seconds: float = 120.0, every: float = 0.3
    ) -> Json:
        """The task instance once it is in one of ``states``.

        Raises:
            StackError: It is not after ``seconds``.
        """

        def there() -> Json | None:
            found = self.task_instance(dag_id, run_id, task_id)
            return found if found["state"] in states else None

        wanted = " or ".join(sorted(states))
        return _until(
            there,
            seconds,
            lambda: f"{task_id} of {run_id} is not {wanted}: {self._states(dag_id, run_id)}",
            every=every,
        )

    def clear(self, dag_id: str, run_id: str, *, task_ids: list[str] | None = None, only_failed: bool = False) -> Json:
        """Run task instances of a run again (all of them without ``task_ids``)."""
        body: Json = {"dry_run": False, "dag_run_id": run_id, "only_failed": only_failed, "reset_dag_runs": True}
        if task_ids:
            body["task_ids"] = task_ids
        return self.request("POST", f"/dags/{dag_id}/clearTaskInstances", body=body)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """A value that a task handed on, decoded."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.request("GET", path, query={"deserialize": False})["value"]

    def log(self, dag_id: str, run_id: str, task_id: str, *, attempt: int = 1) -> str:
        """The log of one attempt of a task, one message a line; an exception stands below the line that reports it."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        content = self.request("GET", path, query={"full_content": True})["content"]
        return "\n".join(text for line in content for text in _told(line))

    # People's answers

    def questions(self, dag_id: str, run_id: str) -> list[Json]:
        """What the run has asked people, answered or not: ``subject``, ``body``, ``options``, ``response_received``."""
        return list(self.pages(f"/dags/{dag_id}/dagRuns/{run_id}/hitlDetails", "hitl_details"))

    def answer(
        self, dag_id: str, run_id: str, task_id: str, option: str, *, fields: Mapping[str, Any] | None = None
    ) -> Json:
        """Answer for the person who is logged in, as the buttons under Required Actions do; the task goes on by it.

        Args:
            dag_id: The DAG.
            run_id: The run.
            task_id: The task that asks.
            option: One of the question's ``options``, as ``Approve``.
            fields: The question's form, filled in.

        Raises:
            AirflowApiError: It was answered before (409), or not by somebody who is asked (403).
        """
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        return self.request("PATCH", path, body={"chosen_options": [option], "params_input": dict(fields or {})})

    # Backfills

    def backfill(
        self,
        dag_id: str,
        start: datetime,
        end: datetime,
        *,
        reprocess: str = "none",
        max_active_runs: int = 4,
        conf: Mapping[str, Any] | None = None,
        backwards: bool = False,
    ) -> Json:
        """Create a backfill of the runs whose logical dates lie in ``[start, end]``, **both ends included**.

        Args:
            dag_id: The DAG; it may be paused no longer, or nothing runs.
            start: Logical date of the first run.
            end: Logical date of the last run.
            reprocess: What to do with runs that exist: ``none``, ``failed``, or ``completed`` (run all again).
            max_active_runs: Runs at the same time.
            conf: Parameters of every run.
            backwards: The newest first.

        Returns:
            The backfill; its id is ``id``.
        """
        body = self._range(dag_id, start, end, reprocess, backwards)
        body |= {"max_active_runs": max_active_runs, "dag_run_conf": dict(conf or {})}
        return self.request("POST", "/backfills", body=body)

    def backfill_dry_run(
        self, dag_id: str, start: datetime, end: datetime, *, reprocess: str = "none", backwards: bool = False
    ) -> list[Json]:
        """The runs that such a backfill would make."""
        body = self._range(dag_id, start, end, reprocess, backwards)
        return list(self.request("POST", "/backfills/dry_run", body=body)["backfills"])

    def wait_for_backfill(
        self,
        backfill: Mapping[str, Any],
        *,
        seconds: float = 900.0,
        every: float = 1.0,
        seen: Callable[[list[Json]], None] | None = None,
    ) -> list[Json]:
        """The runs of a backfill once all of them have ended, oldest window first.

        Args:
            backfill: What :meth:`backfill` returned.
            seconds: Limit.
            every: Seconds between two looks.
            seen: Called at each look with the runs, to show progress.

        Raises:
            StackError: Some are still going after ``seconds``.
        """

        def ended() -> list[Json] | None:
            found = self.backfill_runs(backfill)
            if seen:
                seen(found)
            running = [run for run in found if run["state"] not in FINISHED]
            if found and running:
                return None
            done = self.request("GET", f"/backfills/{backfill['id']}")["completed_at"]
            return found if done and not running else None

        def last() -> str:
            states = [f"{run['logical_date']}: {run['state']}" for run in self.backfill_runs(backfill)]
            return f"Backfill {backfill['id']} of {backfill['dag_id']}: {states}"

        return _until(ended, seconds, last, every=every)

    def backfill_runs(self, backfill: Mapping[str, Any]) -> list[Json]:
        """The DAG's runs in a backfill's range of logical dates, the oldest first."""
        return self.runs(
            backfill["dag_id"],
            run_type="backfill",
            logical_date_gte=backfill["from_date"],
            logical_date_lte=backfill["to_date"],
            order_by="logical_date",
        )

    def cancel_backfill(self, backfill: Mapping[str, Any]) -> Json:
        return self.request("PUT", f"/backfills/{backfill['id']}/cancel")

    @staticmethod
    def _range(dag_id: str, start: datetime, end: datetime, reprocess: str, backwards: bool) -> Json:
        return {
            "dag_id": dag_id,
            "from_date": start.isoformat(),
            "to_date": end.isoformat(),
            "reprocess_behavior": reprocess,
            "run_backwards": backwards,
        }

    def _states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        return {task["task_id"]: task["state"] for task in self.task_instances(dag_id, run_id)}

    def _errors_in_short(self) -> list[str]:
        return [f"{e['filename']}: {e['stack_trace'].strip().splitlines()[-1]}" for e in self.import_errors()]


def _told(line: Any) -> list[str]:
    if not isinstance(line, dict):
        return [str(line)]
    raised = [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or ()]
    return [line["event"], *raised]


def _refusal(answer: httpx.Response) -> AirflowApiError:
    try:
        detail = answer.json().get("detail", answer.text)
    except ValueError:
        detail = answer.text
    request = answer.request
    return AirflowApiError(f"{request.method} {request.url}: {answer.status_code}: {detail}", answer.status_code)


def _until(look: Callable[[], T | None], seconds: float, last: Callable[[], str], *, every: float = 0.5) -> T:
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise StackError(f"Waited {seconds:.0f} s. {last()}")
        time.sleep(every)
