"""What is allowed of what a decision asks for. Clock and history come in; guards only ever make an answer weaker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from endpointwatch.config.decision import Action
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.notifications import Audience
from endpointwatch.config.quiet_hours import quiet
from endpointwatch.config.window import Window
from endpointwatch.decisions.decision import Decision
from endpointwatch.decisions.history import DAY, MONTH, ActionRecord, of_action, same_day
from endpointwatch.decisions.incidents import Incident
from endpointwatch.decisions.seen import Part
from endpointwatch.decisions.standing import Standing
from endpointwatch.errors import WindowError

#: From the weakest to the strongest.
STRENGTH: Final[tuple[Action, ...]] = ("nothing", "notify", "pause", "scale", "rollback", "retrain")

GuardName = Literal["age", "replaced", "answered", "quiet_hours", "cooldown", "budget", "way_back", "scaling", "told"]
#: What is started, in a noun.
NOUNS: Final[dict[Action, str]] = {
    "retrain": "retraining",
    "rollback": "rollback",
    "scale": "scaling",
    "pause": "pause",
}


class Guard(Part):
    """One look before something is started, and what it said."""

    name: GuardName
    held: bool = Field(description="Whether it held the action back.")
    reason: str


class Permission(Part):
    """What the guards made of a decision, at a moment and with a history. Kept beside the decision, never in it."""

    version: Literal["1"] = "1"
    endpoint: str
    window: Window
    decision: str = Field(description="The decision's evidence hash.")
    rule: str | None
    at: AwareDatetime
    asked: Action
    allowed: Action
    tell: tuple[Audience, ...] = Field((), description="Who is told now; with `notify`, and beside other actions.")
    incident: Window | None = Field(None, description="First window of the incident that it is about.")
    guards: tuple[Guard, ...] = ()
    reason: str

    @property
    def held_back(self) -> tuple[Guard, ...]:
        """The guards that made the answer weaker."""
        return tuple(guard for guard in self.guards if guard.held)

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


def permit(
    decision: Decision,
    endpoint: Endpoint,
    history: Iterable[ActionRecord],
    *,
    now: datetime,
    standing: Standing,
    incident: Incident | None = None,
) -> Permission:
    """What may be done now about a decision.

    An old window, a model version that was replaced, and the same action for the same version on the same day leave
    nothing to do. Quiet hours, cooldown, budget, and an action that is not possible leave it to people: they are told
    in place of the action. Who was told of an incident is told again only as a reminder.

    Args:
        decision: What was decided.
        endpoint: Whose file says how long, how often and when.
        history: What was done before, in any order; the caller leaves out what itself has recorded.
        now: The time to measure against, with a time zone.
        standing: The endpoint now.
        incident: The one that the decision's windows belong to; None: it stands for itself.

    Raises:
        WindowError: ``now`` has no time zone.
    """
    if now.tzinfo is None:
        raise WindowError(f"now ({now.isoformat()}) has no time zone; pass an aware time, as datetime.now(UTC).")
    done = tuple(history)
    asked = decision.action
    guards: list[Guard] = []
    allowed, tell = asked, decision.tell
    if asked != "nothing":
        guards += [_age(decision, endpoint, now), _replaced(decision, standing.serving)]
        if asked != "notify":
            guards.append(_answered(asked, decision.model_version, done, now))
        if any(guard.held for guard in guards):
            allowed, tell = "nothing", ()
        elif asked != "notify":
            guards += (*starting_guards(asked, endpoint, done, now=now), *_possible(decision, standing))
            if any(guard.held for guard in guards):
                allowed, tell = "notify", tell or ("endpoint_owner",)
        if tell:
            guards.append(_told(decision, endpoint, done, incident, now))
            if guards[-1].held:
                allowed, tell = ("nothing" if allowed == "notify" else allowed), ()
    held = [guard.reason for guard in guards if guard.held]
    return Permission(
        endpoint=decision.endpoint,
        window=decision.window,
        decision=decision.evidence_hash,
        rule=decision.rule,
        at=now,
        asked=asked,
        allowed=allowed,
        tell=tell,
        incident=incident.first if incident else None,
        guards=tuple(guards),
        reason=" ".join([decision.reason, *held]),
    )


def starting_guards(
    action: Action, endpoint: Endpoint, history: Sequence[ActionRecord], *, now: datetime
) -> tuple[Guard, ...]:
    """The guards in front of everything that is started; asked again right before it is, by what was done since.

    Args:
        action: What is to be started.
        endpoint: Whose file says how often and when.
        history: What was done before, the action itself left out.
        now: The time to measure against.
    """
    span = quiet(endpoint.decision.quiet_hours, now)
    moment = f"{now.astimezone(UTC):%a %H:%M} UTC"
    text = (
        f"{moment} lies in decision.quiet_hours {span!r}: nothing is started."
        if span
        else f"{moment} is no quiet hour."
    )
    guards = [Guard(name="quiet_hours", held=span is not None, reason=text)]
    same = of_action(history, action)
    guards.append(_cooldown(action, endpoint, same, now))
    if action == "retrain":
        guards += _budgets(endpoint, same, now)
    return tuple(guards)


def _age(decision: Decision, endpoint: Endpoint, now: datetime) -> Guard:
    limit = next(
        (rule.act_within_hours for rule in endpoint.rules if rule.name == decision.rule and rule.act_within_hours),
        endpoint.decision.act_within_hours,
    )
    age = now - decision.window.end
    held = age > timedelta(hours=limit)
    ago = f"The window ended {age / timedelta(hours=1):.1f} h ago"
    if held:
        return Guard(
            name="age",
            held=True,
            reason=f"{ago}, longer than decision.act_within_hours = {limit}: recorded, nothing started.",
        )
    return Guard(name="age", held=False, reason=f"{ago}, within {limit} h.")


def _replaced(decision: Decision, serving: str | None) -> Guard:
    version = decision.model_version
    # Without an answer there may be no version either: capture that is off is nobody's in particular.
    held = version is not None and version != serving
    text = (
        f"{version} was replaced by {serving}: answered already." if held else f"It is about {version or 'no version'}."
    )
    return Guard(name="replaced", held=held, reason=text)


def _answered(action: Action, version: str | None, history: Sequence[ActionRecord], now: datetime) -> Guard:
    same, noun = of_action(history, action), NOUNS[action]
    today = [one for one in same if one.model_version == version and same_day(one.started_at, now)]
    if not today:
        return Guard(name="answered", held=False, reason=f"No {noun} has answered {version} today.")
    at = f"{today[-1].started_at.astimezone(UTC):%H:%M}"
    return Guard(name="answered", held=True, reason=f"A {noun} of {at} UTC has answered {version} today.")


def _possible(decision: Decision, standing: Standing) -> Iterator[Guard]:
    """Whether the endpoint has what the action needs."""
    if decision.action == "rollback":
        unknown = "" if decision.model_version else "No verdict says which version it is about."
        why = unknown or standing.no_way_back
        yield Guard(name="way_back", held=bool(why), reason=why or "There is a version to go back to.")
    if decision.action == "scale" and decision.fired is not None:
        bounds, now = decision.fired.rule.scaling, standing.instances
        full = now is not None and bounds.after(now) is None
        there = "Instances were not counted" if now is None else f"{now} instances serve"
        text = f"{there}; the rule's scaling.maximum_instances is {bounds.maximum_instances}."
        yield Guard(name="scaling", held=full or bool(standing.no_scaling), reason=standing.no_scaling or text)


def _cooldown(action: Action, endpoint: Endpoint, same: Sequence[ActionRecord], now: datetime) -> Guard:
    hours, noun = endpoint.decision.cooldown_hours, NOUNS[action]
    # Of the others nobody knows how long they take at most; they are short.
    longest = _longest(endpoint) if action == "retrain" else 0.0
    last = max((one.went_on_until(now, longest) for one in same), default=None)
    if last is None or not hours:
        return Guard(name="cooldown", held=False, reason=f"No {noun} before this one, or no cooldown.")
    until = last + timedelta(hours=hours)
    since = f"The last {noun} was going on at {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if now < until:
        text = f"{since}; decision.cooldown_hours = {hours:g} holds until {until.astimezone(UTC):%Y-%m-%d %H:%M}."
        return Guard(name="cooldown", held=True, reason=text)
    return Guard(name="cooldown", held=False, reason=f"{since}, more than {hours:g} h ago.")


def _budgets(endpoint: Endpoint, retrainings: Sequence[ActionRecord], now: datetime) -> Iterator[Guard]:
    budget = endpoint.decision.budget
    longest = _longest(endpoint)
    for span, name, count, hours in (
        (DAY, "day", budget.retrainings_a_day, budget.training_hours_a_day),
        (MONTH, "month", budget.retrainings_a_month, budget.training_hours_a_month),
    ):
        # What seems to lie ahead, by another machine's clock, has happened too.
        recent = [one for one in retrainings if one.started_at > now - span]
        if count is not None:
            text = f"{len(recent)} of decision.budget.retrainings_a_{name} = {count} are used."
            yield Guard(name="budget", held=len(recent) >= count, reason=text)
        if hours is not None:
            used = sum(one.seconds(longest) for one in recent) / 3600
            text = (
                f"{used:.2f} h of decision.budget.training_hours_a_{name} = {hours:g} are used or set aside; the next "
                f"may take {longest / 3600:.2f} h."
            )
            yield Guard(name="budget", held=used + longest / 3600 > hours, reason=text)


def _longest(endpoint: Endpoint) -> float:
    """What one training may take, in seconds."""
    return endpoint.training.max_runtime_seconds if endpoint.training else 0


def _told(
    decision: Decision, endpoint: Endpoint, history: Sequence[ActionRecord], incident: Incident | None, now: datetime
) -> Guard:
    hours = endpoint.decision.incidents.reminder_hours
    told = [
        one
        for one in history
        if one.tell and one.rule == decision.rule and one.window is not None and _same(incident, decision, one.window)
    ]
    last = max((one.started_at for one in told), default=None)
    if last is None:
        return Guard(name="told", held=False, reason="Nobody was told of this incident yet.")
    since = f"This incident was told at {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if now < last + timedelta(hours=hours):
        text = f"{since}; again after decision.incidents.reminder_hours = {hours:g}."
        return Guard(name="told", held=True, reason=text)
    return Guard(name="told", held=False, reason=f"{since}: a reminder is due.")


def _same(incident: Incident | None, decision: Decision, window: Window) -> bool:
    return window == decision.window if incident is None else incident.reaches(window) or incident.spans(window)
