"""What is done about an alarm: pure, with the clock as an argument.

An alarm's ``actions`` are a ladder. Its first rung is taken at once, the next when the alarm persists or soon comes
back; no rung is taken twice for the same change of state. One endpoint has one rung taken at a time, none while it is
being deployed, and no more than a file allows in a day. Telling people waits for nothing of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from pydantic import Field

from endpointwatch.actions.naming import digest, slug
from endpointwatch.config.alarm_actions import Action
from endpointwatch.config.alarms import CompositeAlarm, MetricAlarm
from endpointwatch.config.notifications import SEVERITIES, Severity
from endpointwatch.config.remediation import Remediation
from endpointwatch.decisions.seen import Part

Alarm = MetricAlarm | CompositeAlarm
State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Outcome = Literal["decided", "done", "failed", "dry_run"]

#: A message and a description of the same change may differ by its fractions of a second. Alarms are evaluated at most
#: every ten seconds, so two changes of one alarm are never so close.
SAME_CHANGE: Final = timedelta(seconds=5)
DAY: Final = timedelta(days=1)
#: What may be done while the endpoint is being deployed.
HARMLESS: Final[frozenset[Action]] = frozenset({"notify", "pause"})


class Change(Part):
    """An alarm that came into a state, as it was told or looked up.

    Attributes:
        alarm: Its name in the endpoint's file.
        at: When it came into the state.
        current: Whether it is still in that state; False for a message about a change that has passed since.
    """

    alarm: str
    state: State
    at: datetime
    reason: str = ""
    current: bool = True


class Remedy(Part):
    """One thing done about one change of an alarm (``remediations/<id>.json``)."""

    version: Literal["1"] = "1"
    endpoint: str
    alarm: str
    severity: Severity
    changed_at: datetime
    state_reason: str = ""
    step: int = Field(description="0: told at once; 1 and so on: the rungs; one more: told that all were taken.")
    action: Action
    instances: int | None = Field(None, description="With `scale`: so many are asked for.")
    reason: str
    dry_run: bool = False
    decided_at: datetime
    run_id: str = ""
    outcome: Outcome = "decided"

    @property
    def id(self) -> str:
        """Named for what it answers: seen by a message and by a sweep, it is one file."""
        return f"{_stamp(self.changed_at)}-{slug(self.alarm)}-{self.step}-{self.action}"

    @property
    def run_name(self) -> str:
        """Of the DAG run that does it: asked for twice, Airflow has it once."""
        return f"alarm__{_stamp(self.changed_at)}__{slug(self.alarm)}__{digest([self.endpoint, self.alarm, self.step])}"

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class Standing:
    """The endpoint as it stands now.

    Attributes:
        status: SageMaker's, ``InService`` and so on; None when there is no such endpoint.
        changing: Whether a deployment or a scaling is under way.
        instances: Desired instance count of the watched variant; None when it is not known.
    """

    status: str | None
    changing: bool = False
    instances: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be done about one change, possibly nothing, and why."""

    change: Change
    remedies: tuple[Remedy, ...]
    reason: str


def remediate(
    changes: Iterable[Change],
    *,
    endpoint: str,
    alarms: Mapping[str, Alarm],
    policy: Remediation,
    standing: Standing,
    history: Iterable[Remedy],
    now: datetime,
) -> tuple[Answer, ...]:
    """What is to be done about the alarms now. The most serious are answered first; the order of ``changes`` is none.

    Args:
        changes: From messages and from a look at the alarms; the same one may stand there more than once.
        endpoint: Its name.
        alarms: What its file declares.
        policy: The bounds.
        standing: The endpoint now.
        history: What was done before. Dry runs count only for dry runs.
        now: The clock.

    Returns:
        An answer for each change, those with nothing to do as well. At most one remedy of all changes the endpoint.
    """
    done = [remedy for remedy in history if policy.dry_run or not remedy.dry_run]
    answers = []
    for change in _ordered(changes, alarms):
        answer = _Case(change, endpoint, alarms.get(change.alarm), policy, standing, tuple(done), now).answer()
        done += answer.remedies
        answers.append(answer)
    return tuple(answers)


def concerns(
    name: str, modified_at: datetime, changes: Iterable[Change], policy: Remediation, *, now: datetime
) -> bool:
    """Whether a remedy on record can matter to ``changes``, from the name and the time of its file alone.

    Args:
        name: The file's, without its ending: :attr:`Remedy.id`.
        modified_at: When it was written last.
        changes: Those to be answered.
        policy: How far back its bounds look.
        now: The clock.
    """
    if now - modified_at < max(DAY, timedelta(minutes=policy.cooldown_minutes)):
        return True
    stamp = datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    # The name has whole seconds.
    return any(abs(stamp - change.at) <= SAME_CHANGE + timedelta(seconds=1) for change in changes)


def same_change(one: datetime, other: datetime) -> bool:
    return abs(one - other) <= SAME_CHANGE


def _ordered(changes: Iterable[Change], alarms: Mapping[str, Alarm]) -> Iterator[Change]:
    def order(change: Change) -> tuple[int, datetime, str, bool, str]:
        alarm = alarms.get(change.alarm)
        serious = SEVERITIES.index(alarm.severity) if alarm else -1
        return -serious, change.at, change.alarm, not change.current, change.model_dump_json()

    seen: list[Change] = []
    for change in sorted(changes, key=order):
        if not any(
            change.alarm == other.alarm and change.state == other.state and same_change(change.at, other.at)
            for other in seen
        ):
            seen.append(change)
            yield change


@dataclass(frozen=True, slots=True)
class _Case:
    """One change with all that its answer rests on."""

    change: Change
    endpoint: str
    alarm: Alarm | None
    policy: Remediation
    standing: Standing
    history: tuple[Remedy, ...]
    now: datetime

    def answer(self) -> Answer:
        change, alarm = self.change, self.alarm
        if alarm is None:
            return self._nothing("the endpoint's file declares no such alarm; its onboard DAG removes it")
        if change.state != "ALARM":
            return self._nothing(f"it is {change.state}")
        if not alarm.actions:
            return self._nothing("it has no actions")
        told = self._told(alarm)
        if not change.current:
            return Answer(change, told, "it was over before it could be answered" + (": told" if told else ""))
        rungs, reason = self._rung(alarm)
        return Answer(change, (*told, *rungs), reason)

    def _told(self, alarm: Alarm) -> tuple[Remedy, ...]:
        # One notification an incident: an alarm that comes and goes is the same trouble, and so is one that is answered
        # already, when the cooldown ends while it persists.
        answered = (remedy.step == 0 or same_change(remedy.changed_at, self.change.at) for remedy in self._incident())
        if not alarm.tells or any(answered):
            return ()
        return (self._remedy(alarm, 0, "notify", self.change.reason or "it is in ALARM"),)

    def _rung(self, alarm: Alarm) -> tuple[tuple[Remedy, ...], str]:
        """The next rung of the ladder, if it can be taken now; and why, or why not."""
        ladder = alarm.ladder
        taken = [remedy for remedy in self._incident() if remedy.step > 0]
        if not ladder:
            return (), "people are told, nothing else is declared"
        step = max((remedy.step for remedy in taken), default=0) + 1
        if waiting := self._still_to_show(taken):
            return (), waiting
        before = f"it persists after {taken[-1].action}" if taken else "it is in ALARM"
        while step <= len(ladder):
            action = ladder[step - 1]
            instances = self._wanted(alarm) if action == "scale" else None
            if action == "scale" and instances is None:
                before += f", and scale is at its limit of {alarm.scaling.maximum_instances} instances"
                step += 1
                continue
            if obstacle := self._obstacle(action):
                return (), f"{action} waits: {obstacle}"
            return (self._remedy(alarm, step, action, before, instances),), f"{action}: {before}"
        reason = f"{before}: everything that is declared was tried. A person has to look"
        if step > len(ladder) + 1 or not alarm.tells:
            return (), reason
        return (self._remedy(alarm, step, "notify", reason),), reason

    def _still_to_show(self, taken: Sequence[Remedy]) -> str | None:
        patience = timedelta(minutes=self.policy.escalate_after_minutes)
        for remedy in taken:
            if self.now - remedy.decided_at < patience:
                until = _clock(remedy.decided_at + patience)
                return f"{remedy.action} at {_clock(remedy.decided_at)} has until {until} to show"
        return None

    def _wanted(self, alarm: Alarm) -> int | None:
        """The instance count to ask for; None when scaling cannot help any more."""
        now = self.standing.instances
        return None if now is None else alarm.scaling.after(now)

    def _obstacle(self, action: Action) -> str | None:
        if action not in HARMLESS:
            if self.standing.status is None and action != "run_dag":
                return "there is no such endpoint"
            if self.standing.changing:
                return f"the endpoint is {self.standing.status}"
        rungs = [remedy for remedy in self.history if remedy.step > 0 and remedy.action != "notify"]
        if sum(self.now - remedy.decided_at < DAY for remedy in rungs) >= self.policy.maximum_per_day:
            return f"remediation.maximum_per_day = {self.policy.maximum_per_day} actions were taken in 24 h"
        return self._still_to_show(rungs)

    def _incident(self) -> Sequence[Remedy]:
        """What was done about this change, and about earlier ones of the alarm that are not long past; oldest first."""
        cooldown = timedelta(minutes=self.policy.cooldown_minutes)
        mine = [
            remedy
            for remedy in self.history
            if remedy.alarm == self.change.alarm
            and (same_change(remedy.changed_at, self.change.at) or self.now - remedy.decided_at < cooldown)
        ]
        return sorted(mine, key=lambda remedy: (remedy.decided_at, remedy.step))

    def _remedy(self, alarm: Alarm, step: int, action: Action, reason: str, instances: int | None = None) -> Remedy:
        return Remedy(
            endpoint=self.endpoint,
            alarm=self.change.alarm,
            severity=alarm.severity,
            changed_at=self.change.at,
            state_reason=self.change.reason,
            step=step,
            action=action,
            instances=instances,
            reason=reason,
            dry_run=self.policy.dry_run,
            decided_at=self.now,
        )

    def _nothing(self, reason: str) -> Answer:
        return Answer(self.change, (), reason)


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S}"
