"""Tell people what was decided, by the channels that the endpoint's file names."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow.sdk import Context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.decisions import Decision, Incident
from endpointwatch.reports.files import STATISTICS
from endpointwatch.reports.message import Columns, Link, Message, as_text, decision_message
from endpointwatch.reports.message.decision import telling
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.chosen import CHOSEN
from endpointwatch_airflow.errors import MissingResultError, NotificationError
from endpointwatch_airflow.history import ended
from endpointwatch_airflow.incidents import verdicts_on
from endpointwatch_airflow.links.reading import folder_link, job_links, job_tasks, run_links
from endpointwatch_airflow.notifiers.delivery import deliver
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.operators.decision import utc_now

#: The monitor whose statistics say what a feature was and is.
_MONITOR = "data_quality"


class MessageOperator(EndpointWatchOperator):
    """Base of the operators that tell people something: in the task's log, and by the endpoint's channels.

    A channel that fails does not keep the message from the others; the task fails at the end. Which channels have had
    the message is kept under ``notifications/`` in the endpoint's results, by the message's key: a retry, or the same
    matter in another run, sends only to those that have not. Between a channel's answer and that record a killed task
    can lose what it knew: then that one channel gets the message twice.

    Args:
        endpoint: The endpoint.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        The messages as text.
    """

    def __init__(self, *, endpoint: Endpoint, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint

    @abstractmethod
    def messages(self, context: Context) -> tuple[Message, ...]:
        """What to say."""

    def execute(self, context: Context) -> str:
        messages = self.messages(context)
        text = "\n".join(map(as_text, messages))
        self.log.warning("%s", text)
        if not self.endpoint.notifications.channels:
            self.log.info("%s has no `notifications.channels`: said here only.", self.endpoint.name)
            return text
        failed = []
        for message in messages:
            try:
                self._send(message, context)
            except NotificationError as error:
                failed.append(str(error))
        if failed:
            raise NotificationError("\n".join(failed))
        return text

    def _send(self, message: Message, context: Context) -> None:
        uri = Layout.of(self.endpoint).notification(message.key)
        had = self._had(uri)

        def delivered(channel: str) -> None:
            had.append(channel)
            self.store.write(uri, _record(message, had))

        deliver(message, self.endpoint, context, had=tuple(had), delivered=delivered)

    def _had(self, uri: str) -> list[str]:
        text = self.store.read(uri)
        return list(json.loads(text)["delivered"]) if text else []


class NotifyOperator(MessageOperator):
    """Tell what was decided: what happened, since when, the numbers, the likely cause, what was done, what to do next.

    Args:
        decide_task_id: The task that left what it chose.
        clock: When it was told, for the record.
        kwargs: As :class:`MessageOperator` takes them.
    """

    def __init__(
        self, *, decide_task_id: str = "decide", clock: Callable[[], datetime] = utc_now, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.decide_task_id = decide_task_id
        self.clock = clock

    def execute(self, context: Context) -> str:
        text = super().execute(context)
        chosen = context["ti"].xcom_pull(task_ids=self.decide_task_id, key=CHOSEN)
        if chosen.get("record"):
            ended(self.store, chosen["record"], "told", at=self.clock())
        return text

    def messages(self, context: Context) -> tuple[Message, ...]:
        chosen = context["ti"].xcom_pull(task_ids=self.decide_task_id, key=CHOSEN)
        uri: str = chosen["conf"]["decision"] if chosen else ""
        text = self.store.read(uri) if uri else None
        if text is None:
            raise MissingResultError(
                f"{self.decide_task_id} has left no decision to tell ({uri or 'nothing chosen'}). Clear that task."
            )
        decision = Decision.from_json(text)
        windows = sorted({seen.window for seen in decision.evidence}, key=lambda window: (window.end, window.start))
        verdicts = [verdict for window in windows for verdict in verdicts_on(self.store, self.endpoint, window)]
        told = telling(decision, verdicts)
        message = decision_message(
            self.endpoint,
            decision,
            verdicts,
            columns=self._columns(told),
            links=self._links(context, told, uri),
            since=self._began(chosen.get("incident")),
            # What is done, and whom it is told, may be other than what was decided: the clock comes in there.
            action=chosen.get("action"),
            reason=chosen.get("reason"),
            audiences=chosen.get("tell") or (),
        )
        return (message,)

    def _began(self, incident: str | None) -> datetime | None:
        """When the incident began; None: there is none, or it is not written yet."""
        text = self.store.read(incident) if incident else None
        return Incident.model_validate_json(text).first.start if text else None

    def _columns(self, told: Sequence[Verdict]) -> Columns:
        """The statistics behind the drift, where there is drift and files are there."""
        drifted = next(
            (one for one in told if one.monitor == _MONITOR and any(d.exceeded for d in one.distances)), None
        )
        if drifted is None:
            return Columns()
        layout = Layout.of(self.endpoint)
        now = self._document(f"{layout.window(_MONITOR, drifted.window)}/{STATISTICS}")
        learnt = drifted.reference is None or drifted.reference.held_against == "learnt_baseline"
        if drifted.model_version is None or not learnt:
            return Columns(now)
        return Columns(now, self._document(f"{layout.baseline(drifted.model_version, _MONITOR)}/{STATISTICS}"))

    def _document(self, uri: str) -> Mapping[str, Any]:
        text = self.store.read(uri)
        document: Mapping[str, Any] = json.loads(text) if text else {}
        return document

    def _links(self, context: Context, told: Sequence[Verdict], decision: str) -> tuple[Link, ...]:
        layout = Layout.of(self.endpoint)
        reports = [
            folder_link(f"Report of {one.monitor}", layout.window(one.monitor, one.window), self.hook)
            for one in told
            if one.status != "OK"
        ]
        judged = job_links(context, job_tasks(context))
        return (*run_links(context), *reports, *judged, Link(title="Decision", uri=decision))


def _record(message: Message, delivered: Sequence[str]) -> str:
    """The file that says which channels have had a message."""
    told = {"key": message.key, "severity": message.severity, "title": message.title, "delivered": sorted(delivered)}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
