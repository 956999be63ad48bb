"""Answer an endpoint's alarms, and record what was done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.standard.operators.branch import BranchMixIn
from airflow.sdk import Context
from pydantic import ValidationError

from endpointwatch.actions.alarm_requests import alarm_prefix, declared_name
from endpointwatch.actions.remediation import Answer, Change, Remedy, Standing, concerns, remediate
from endpointwatch.config.alarm_defaults import DEFAULTS
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.reports.message import Alarm, Link, Message, alarm_message
from endpointwatch_airflow.deployments import recorded
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook
from endpointwatch_airflow.hooks.deployment import DeploymentHook
from endpointwatch_airflow.links.reading import run_links
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.operators.notify import MessageOperator
from endpointwatch_airflow.task_states import has_failed

#: Of the run's parameters.
DRY_RUN: Final = "dry_run"
#: XCom key under which `answer` leaves what its actions need.
CHOSEN: Final = "chosen"


class AnswerAlarmsOperator(EndpointWatchOperator, BranchMixIn):
    """Look at the endpoint's alarms, decide what is done about each, record it, and branch into the actions.

    The alarms that are in ALARM now are looked up, whoever started the run; messages add those that were and are no
    longer. So an alarm that a message and the sweep both see is answered once, and one whose message was lost as well.
    A retry goes on with what the first try had recorded.

    Args:
        endpoint: The endpoint.
        clock: The time that the answers rest on.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    The tasks that are branched into are called as the actions are; with nothing to do, all are skipped. The XCom
    ``chosen`` holds ``remedies`` (their ids), ``reason`` (all that was done, in words), ``conf`` and, for an action
    beside ``notify``, what its task needs: ``run_id``, ``instances``, ``dag_id`` and ``own_conf``, ``pause``.
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = aws_template_fields()
    operator_extra_links = (ResultsLink(),)

    def __init__(
        self, *, endpoint: Endpoint, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.clock = clock

    @cached_property
    def alarms(self) -> CloudWatchHook:
        return CloudWatchHook(**self._hook_parameters)

    @cached_property
    def deployments(self) -> DeploymentHook:
        return DeploymentHook(**self._hook_parameters)

    def execute(self, context: Context) -> None:
        layout, run_id, now = Layout.of(self.endpoint), context["ti"].run_id, self.clock()
        persist_results(self, context, self.hook, layout.remediations())
        changes = (*self._live(), *self._told(context))
        history = tuple(self._history(layout, changes, now))
        remedies = tuple(remedy for remedy in history if remedy.run_id == run_id)
        if not remedies and changes:
            remedies = tuple(self._decided(context, changes, history, now))
        if not remedies:
            self.log.info("%d alarms, nothing to do", len(changes))
            # Not only the next tasks, but the one after them as well.
            self.skip(ti=context["ti"], tasks=list(context["task"].get_flat_relatives(upstream=False)))
            return
        context["ti"].xcom_push(key=CHOSEN, value=self._chosen(remedies))
        self.do_branch(context, self._branches(remedies))

    def _live(self) -> Iterator[Change]:
        for alarm in self.alarms.alarms(alarm_prefix(self.endpoint.name), state="ALARM"):
            name = declared_name(self.endpoint.name, alarm.name)
            if name is not None:
                yield Change(alarm=name, state="ALARM", at=alarm.changed_at, reason=alarm.reason)

    def _told(self, context: Context) -> Iterator[Change]:
        events: Mapping[Any, Iterable[Any]] = context.get("triggering_asset_events") or {}
        for event in (event for of_asset in events.values() for event in of_asset):
            told = (event.extra or {}).get("payload") or {}
            name = declared_name(self.endpoint.name, str(told.get("alarm", "")))
            if name is None:
                self.log.warning("No alarm of %s: %s", self.endpoint.name, told)
                continue
            # Still in that state, it is among the live ones, which go before.
            yield Change(
                alarm=name,
                state=told["state"],
                at=datetime.strptime(told["at"], "%Y-%m-%dT%H:%M:%S.%f%z"),
                reason=told.get("reason", ""),
                current=False,
            )

    def _history(self, layout: Layout, changes: Sequence[Change], now: datetime) -> Iterator[Remedy]:
        policy = self.endpoint.remediation
        for item in self.store.objects(f"{layout.remediations()}/"):
            name = item.key.rpartition("/")[2].removesuffix(".json")
            # A name of ours begins with a time; the mark of a pause does not.
            if name[:1].isdigit() and concerns(name, item.modified_at, changes, policy, now=now):
                yield read_remedy(self.store.read(item.uri) or "", item.uri)

    def _decided(
        self, context: Context, changes: Sequence[Change], history: Sequence[Remedy], now: datetime
    ) -> Iterator[Remedy]:
        policy = self.endpoint.remediation
        if context["params"].get(DRY_RUN):
            policy = policy.model_copy(update={"dry_run": True})
        answers = remediate(
            changes,
            endpoint=self.endpoint.name,
            alarms=self.endpoint.alarms.declared,
            policy=policy,
            standing=self._standing(),
            history=history,
            now=now,
        )
        layout = Layout.of(self.endpoint)
        for answer in answers:
            self._say(answer)
            for remedy in answer.remedies:
                outcome = "dry_run" if remedy.dry_run else "decided"
                recorded = remedy.model_copy(update={"run_id": context["ti"].run_id, "outcome": outcome})
                self.store.write(remedy_uri(layout, recorded), recorded.to_json())
                yield recorded

    def _standing(self) -> Standing:
        live = self.hook.endpoint(self.endpoint.name)
        if live is None:
            return Standing(None)
        count = self.deployments.instances(self.endpoint.name).get(self.endpoint.hosting.variant_name)
        return Standing(live.status, live.changing, count)

    def _say(self, answer: Answer) -> None:
        actions = ", ".join(remedy.action for remedy in answer.remedies) or "nothing"
        change = answer.change
        self.log.info("%s, %s since %s: %s. %s", change.alarm, change.state, change.at, actions, answer.reason)

    def _branches(self, remedies: Sequence[Remedy]) -> list[str]:
        declared = self.endpoint.alarms.declared
        tells = any(remedy.alarm in declared and declared[remedy.alarm].tells for remedy in remedies)
        done = {remedy.action for remedy in remedies if remedy.action != "notify" and not remedy.dry_run}
        return [*(["notify"] if tells else []), *sorted(done)]

    def _chosen(self, remedies: Sequence[Remedy]) -> dict[str, Any]:
        layout = Layout.of(self.endpoint)
        text = " ".join(f"{_sentence(remedy)}." for remedy in remedies)
        acts = next((remedy for remedy in remedies if remedy.action != "notify"), None)
        shown = acts or remedies[0]
        about = shown.model_dump(mode="json", include={"alarm", "severity", "changed_at", "state_reason", "reason"})
        serving = recorded(self.store, layout)[-1:]
        conf: dict[str, Any] = {
            "remedy": remedy_uri(layout, shown),
            "alarm": about,
            "reason": text,
            # Two alarms about one version must not lead back by two versions.
            "instead_of": serving[0].model_version if serving else None,
        }
        chosen: dict[str, Any] = {"remedies": [remedy.id for remedy in remedies], "reason": text, "conf": conf}
        if acts is None:
            return chosen
        chosen |= {"run_id": acts.run_name, "instances": acts.instances}
        alarm = self.endpoint.alarms.declared.get(acts.alarm)
        if alarm is not None and alarm.run_dag is not None:
            chosen |= {"dag_id": alarm.run_dag.dag_id, "own_conf": {**alarm.run_dag.conf, "alarm": about}}
        if alarm is not None:
            until = acts.decided_at + timedelta(hours=alarm.pause_hours)
            chosen["pause"] = {"since": acts.decided_at.isoformat(), "until": until.isoformat()}
        return chosen


class NotifyRemediesOperator(MessageOperator):
    """Tell what was done about which alarms, a message for each.

    Args:
        answer_task_id: The task that left what it chose.
        kwargs: As :class:`MessageOperator` takes them.
    """

    def __init__(self, *, answer_task_id: str = "answer", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answer_task_id = answer_task_id

    def messages(self, context: Context) -> tuple[Message, ...]:
        chosen = context["ti"].xcom_pull(task_ids=self.answer_task_id, key=CHOSEN)
        uris = [f"{Layout.of(self.endpoint).remediations()}/{name}.json" for name in chosen["remedies"]]
        by_alarm: dict[str, list[Remedy]] = {}
        for uri in uris:
            remedy = read_remedy(self.store.read(uri) or "", uri)
            by_alarm.setdefault(remedy.alarm, []).append(remedy)
        return tuple(self._message(context, remedies) for remedies in by_alarm.values())

    def _message(self, context: Context, remedies: Sequence[Remedy]) -> Message:
        first = remedies[0]
        declared = self.endpoint.alarms.declared.get(first.alarm)
        told = Alarm(
            entry=first.alarm if first.alarm in DEFAULTS else None,
            name=first.alarm,
            state="ALARM",
            since=first.changed_at,
            reason=first.state_reason or first.reason,
            metric=getattr(declared, "metric", ""),
        )
        done = " ".join(f"{_sentence(remedy)}." for remedy in remedies)
        layout = Layout.of(self.endpoint)
        records = (Link(title=f"Record of {remedy.action}", uri=remedy_uri(layout, remedy)) for remedy in remedies)
        links = (*run_links(context), *records)
        return alarm_message(self.endpoint, told, done=done, severity=first.severity, links=links)


class RecordOutcomesOperator(EndpointWatchOperator):
    """Write down how the run's remedies ended; fails when one of them has, so that the run does.

    Args:
        endpoint: The endpoint.
        answer_task_id: The task that left what it chose.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        Outcome by remedy.
    """

    def __init__(self, *, endpoint: Endpoint, answer_task_id: str = "answer", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.answer_task_id = answer_task_id

    def execute(self, context: Context) -> dict[str, str]:
        layout = Layout.of(self.endpoint)
        outcomes: dict[str, str] = {}
        # Not what the task returned: one that skips others has no return value.
        chosen = context["ti"].xcom_pull(task_ids=self.answer_task_id, key=CHOSEN) or {}
        for name in chosen.get("remedies", ()):
            uri = f"{layout.remediations()}/{name}.json"
            remedy = read_remedy(self.store.read(uri) or "", uri)
            if not remedy.dry_run:
                outcome = "failed" if has_failed(context, remedy.action) else "done"
                remedy = remedy.model_copy(update={"outcome": outcome})
                self.store.write(uri, remedy.to_json())
            outcomes[name] = remedy.outcome
        self.log.info("%s", outcomes)
        if failed := sorted(name for name, outcome in outcomes.items() if outcome == "failed"):
            raise NotRetriedError(
                f"Failed: {', '.join(failed)}; see the tasks of that name. An alarm that persists gets its next action."
            )
        return outcomes


def remedy_uri(layout: Layout, remedy: Remedy) -> str:
    return f"{layout.remediations()}/{remedy.id}.json"


def read_remedy(text: str, uri: str) -> Remedy:
    """A remedy on record.

    Raises:
        NotRetriedError: The file is gone, or no remedy.
    """
    try:
        return Remedy.model_validate_json(text)
    except ValidationError as error:
        raise NotRetriedError(f"{uri} is no remedy: {error.errors(include_url=False)}. Move it away.") from error


def _sentence(remedy: Remedy) -> str:
    asked = f"{remedy.action} to {remedy.instances} instances" if remedy.instances is not None else remedy.action
    what = f"would {asked}" if remedy.dry_run and remedy.action != "notify" else asked
    return f"{remedy.alarm} ({remedy.severity}) since {remedy.changed_at:%Y-%m-%d %H:%M:%S}: {what}: {remedy.reason}"
