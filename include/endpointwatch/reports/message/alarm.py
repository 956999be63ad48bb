"""The message of an alarm of CloudWatch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.notifications import Severity
from endpointwatch.reports.message.decision import OWNER, named
from endpointwatch.reports.message.message import Figure, Link, Message
from endpointwatch.reports.message.runbook import runbook


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that changed its state.

    Attributes:
        entry: By which the runbook knows it: ``model_latency``; None: an alarm of the endpoint's own has no entry.
        name: The alarm's name in CloudWatch.
        state: ``ALARM``, ``OK`` or ``INSUFFICIENT_DATA``.
        since: When it got into that state.
        reason: CloudWatch's sentence.
        metric: What it watches.
        value: The latest value of it, where known.
        limit: Beyond which it is one.
    """

    entry: str | None
    name: str
    state: str
    since: datetime
    reason: str
    metric: str
    value: float | None = None
    limit: float | None = None


def alarm_message(
    endpoint: Endpoint,
    alarm: Alarm,
    *,
    done: str = "You were told; nothing else was started.",
    severity: Severity = "critical",
    next_steps: Sequence[str] = (),
    links: Sequence[Link] = (),
) -> Message:
    """What an alarm is told as; one that is over is an ``info``.

    Args:
        endpoint: The endpoint.
        alarm: What CloudWatch says.
        done: What was done about it, in a sentence.
        severity: While it is an alarm.
        next_steps: Before the runbook's.
        links: Where to read on.
    """
    over = alarm.state == "OK"
    # What is done about an alarm that goes on is news of its own.
    told = f"{alarm.name}\n{alarm.state}\n{alarm.since.isoformat()}\n{done}"
    return Message(
        key=f"alarm-{hashlib.sha256(told.encode()).hexdigest()[:16]}",
        severity="info" if over else severity,
        audiences=OWNER,
        owner=named(endpoint, OWNER),
        endpoint=endpoint.name,
        cause="over" if over else "infrastructure",
        title=f"{endpoint.name}: alarm {alarm.entry or alarm.name} is {'over' if over else alarm.state}",
        happened=(f"{alarm.name} is {alarm.state}: {alarm.reason}",),
        since=alarm.since,
        figures=(Figure(about=alarm.metric, current=alarm.value, limit=alarm.limit),)
        if alarm.value is not None or alarm.limit is not None
        else (),
        likely_cause="The metric is within its limit again."
        if over
        else "Infrastructure: the endpoint, its instances or those who call it; the runbook says how to tell.",
        done=done,
        next_steps=(*next_steps, "Nothing is to be done." if over else "Follow the runbook's entry."),
        runbook=runbook(endpoint.notifications.runbook_uri, "alarm", alarm.entry),
        links=tuple(links),
    )
