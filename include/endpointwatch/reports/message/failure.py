"""The message of a task that failed for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.reports.message.decision import OWNER, named
from endpointwatch.reports.message.message import Link, Message
from endpointwatch.reports.message.runbook import TASK, runbook


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed task.

    Attributes:
        dag: Its DAG.
        run: The DAG run's id.
        task: Its own id, with the map index where it is mapped.
        attempt: Which try it was, from 1.
        error: What it raised, in a sentence; empty where nobody knows, as when its worker was lost.
        hopeless: Whether the same would happen again.
        since: When this try began.
        about: The window it was about, in words; empty where it has none.
    """

    dag: str
    run: str
    task: str
    attempt: int
    error: str = ""
    hopeless: bool = False
    since: datetime | None = None
    about: str = ""


def failure_message(endpoint: Endpoint, failure: Failure, *, links: Sequence[Link] = ()) -> Message:
    """What a failed task is told as: a warning to the endpoint's owner."""
    window = f", about {failure.about}" if failure.about else ""
    error = failure.error or "Nothing was raised: the task was killed, or its worker or triggerer was lost."
    again = "Mend what the error names first." if failure.hopeless else "Look at what the error names."
    return Message(
        key="-".join(("failure", failure.dag, failure.run, failure.task, str(failure.attempt))),
        severity="warning",
        audiences=OWNER,
        owner=named(endpoint, OWNER),
        endpoint=endpoint.name,
        cause="input" if failure.hopeless else "infrastructure",
        title=f"{endpoint.name}: task {failure.task} of {failure.dag} failed",
        happened=(f"{failure.dag}.{failure.task} failed in run {failure.run}{window}, try {failure.attempt}.", error),
        since=failure.since,
        likely_cause="What the task was given: the same would happen again, so it was not retried."
        if failure.hopeless
        else "Infrastructure: AWS, the worker or the network. It was retried as often as its DAG allows.",
        done="What depends on the task was not run; nothing else was started.",
        next_steps=(again, "Read the task's log.", "Clear the task; it joins a job that still runs."),
        runbook=runbook(endpoint.notifications.runbook_uri, "failure", TASK),
        links=tuple(links),
    )
