"""What is done about alarms: laws first, over alarms that come, stay and go as they like."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.actions.remediation import (
    Answer,
    Change,
    Remedy,
    Standing,
    concerns,
    remediate,
    same_change,
)
from endpointwatch.config.alarms import MetricAlarm
from endpointwatch.config.remediation import Remediation

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LADDERS = (
    (), ("notify",), ("scale",), ("notify", "scale"), ("notify", "scale", "pause"), ("pause", "scale"), ("run_dag",),
)  # fmt: skip


def alarm(*actions: str, severity: str = "critical", maximum: int = 4) -> MetricAlarm:
    return MetricAlarm.model_validate(
        {
            "metric": "m", "threshold": 1, "severity": severity, "actions": actions,
            "scaling": {"maximum_instances": maximum}, "run_dag": {"dag_id": "own"},
        }
    )  # fmt: skip


@dataclass
class World:
    """An endpoint whose alarms are looked at every minute; what is asked for happens at once."""

    alarms: dict[str, MetricAlarm]
    policy: Remediation = field(default_factory=Remediation)
    standing: Standing = field(default_factory=lambda: Standing("InService", instances=1))
    now: datetime = START
    since: dict[str, datetime] = field(default_factory=dict)
    history: list[Remedy] = field(default_factory=list)
    answers: tuple[Answer, ...] = ()

    def changes(self) -> list[Change]:
        return [Change(alarm=name, state="ALARM", at=at, reason="too high") for name, at in self.since.items()]

    def look(self, *more: Change) -> list[Remedy]:
        self.answers = remediate(
            [*self.changes(), *more], endpoint="loans", alarms=self.alarms, policy=self.policy,
            standing=self.standing, history=self.history, now=self.now,
        )  # fmt: skip
        found = [remedy for answer in self.answers for remedy in answer.remedies]
        self.history += found
        for remedy in found:
            if remedy.instances is not None and not remedy.dry_run:
                self.standing = Standing(self.standing.status, self.standing.changing, remedy.instances)
        return found

    def after(self, minutes: float) -> list[Remedy]:
        self.now += timedelta(minutes=minutes)
        return self.look()


def rungs(history: list[Remedy]) -> list[Remedy]:
    return [remedy for remedy in history if remedy.action != "notify"]


WORLDS = st.builds(
    World,
    alarms=st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.builds(
            lambda actions, severity, maximum: alarm(*actions, severity=severity, maximum=maximum),
            st.sampled_from(LADDERS), st.sampled_from(["info", "warning", "critical"]), st.integers(1, 3),
        ),
        min_size=1,
    ),
    policy=st.builds(
        Remediation, dry_run=st.booleans(), escalate_after_minutes=st.integers(1, 15),
        cooldown_minutes=st.integers(15, 90), maximum_per_day=st.integers(0, 4),
    ),
)  # fmt: skip
# Minutes until the next look, which alarms are in ALARM then, whether the endpoint is being deployed.
TIMES = st.lists(
    st.tuples(st.integers(0, 40), st.sets(st.sampled_from(["a", "b", "c"])), st.booleans()), min_size=1, max_size=25
)


def live(world: World, times: list[tuple[int, set[str], bool]]) -> list[list[Remedy]]:
    found = []
    for minutes, names, changing in times:
        world.now += timedelta(minutes=minutes)
        world.since = {name: world.since.get(name, world.now) for name in sorted(names)}
        status = "Updating" if changing else "InService"
        world.standing = Standing(status, changing, world.standing.instances)
        found.append(world.look())
    return found


@settings(max_examples=60, deadline=None)
@given(WORLDS, TIMES)
def test_what_was_answered_is_not_answered_again_at_the_same_time(world, times):
    for moment in times:
        live(world, [moment])
        assert world.look() == []


@settings(max_examples=60, deadline=None)
@given(WORLDS, TIMES)
def test_no_more_rungs_than_a_day_allows_and_never_two_closer_than_they_need_to_show(world, times):
    live(world, times)
    taken = [remedy.decided_at for remedy in rungs(world.history)]
    patience = timedelta(minutes=world.policy.escalate_after_minutes)
    assert all(later - earlier >= patience for earlier, later in pairwise(taken))
    for moment in taken:
        assert sum(moment - timedelta(days=1) < at <= moment for at in taken) <= world.policy.maximum_per_day


@settings(max_examples=60, deadline=None)
@given(WORLDS, TIMES)
def test_nothing_touches_an_endpoint_that_is_being_deployed(world, times):
    for (_, _, changing), found in zip(times, live(world, times), strict=True):
        if changing:
            assert {remedy.action for remedy in found} <= {"notify", "pause"}


@settings(max_examples=60, deadline=None)
@given(WORLDS, TIMES)
def test_each_change_climbs_the_ladder_as_declared_and_takes_no_rung_twice(world, times):
    live(world, times)
    for name, declared in world.alarms.items():
        mine = [remedy for remedy in world.history if remedy.alarm == name]
        assert {remedy.action for remedy in mine} <= set(declared.actions)
        for at in {remedy.changed_at for remedy in mine}:
            steps = [remedy.step for remedy in mine if remedy.changed_at == at]
            assert steps == sorted(set(steps))
        for remedy in rungs(mine):
            assert declared.ladder[remedy.step - 1] == remedy.action
    assert len({remedy.id for remedy in world.history}) == len(world.history)


@settings(max_examples=60, deadline=None)
@given(WORLDS, TIMES)
def test_scaling_stays_within_its_bounds(world, times):
    live(world, times)
    for remedy in world.history:
        if remedy.action == "scale":
            bounds = world.alarms[remedy.alarm].scaling
            assert bounds.minimum_instances <= remedy.instances <= bounds.maximum_instances


@settings(max_examples=60, deadline=None)
@given(WORLDS, TIMES, st.randoms())
def test_neither_the_order_nor_the_number_of_messages_matters(world, times, random):
    live(world, times[:-1])
    twin = World(world.alarms, world.policy, world.standing, world.now, dict(world.since), list(world.history))
    minutes, names, changing = times[-1]
    (found,) = live(world, [(minutes, names, changing)])
    twin.now, twin.since = world.now, dict(world.since)
    told = world.changes() + [
        # The message of the same change, told by another service's clock.
        change.model_copy(update={"at": change.at + timedelta(seconds=0.7), "current": False})
        for change in world.changes()
    ]
    random.shuffle(told)
    twin.standing = Standing("Updating" if changing else "InService", changing, twin.standing.instances)
    assert twin.look(*told) == found


@settings(max_examples=40, deadline=None)
@given(WORLDS, TIMES)
def test_a_file_that_is_not_read_would_have_changed_nothing(world, times):
    for moment in times:
        before = list(world.history)
        live(world, [moment])
        changes = world.changes()
        read = [
            remedy for remedy in before
            if concerns(remedy.id, remedy.decided_at, changes, world.policy, now=world.now)
        ]  # fmt: skip
        again = remediate(
            changes, endpoint="loans", alarms=world.alarms, policy=world.policy, history=read, now=world.now,
            standing=Standing(world.standing.status, world.standing.changing, 1),
        )  # fmt: skip
        whole = remediate(
            changes, endpoint="loans", alarms=world.alarms, policy=world.policy, history=before, now=world.now,
            standing=Standing(world.standing.status, world.standing.changing, 1),
        )  # fmt: skip
        assert again == whole


def test_errors_that_persist_scale_first_then_take_the_next_rung_then_call_a_person():
    world = World({"errors": alarm("notify", "scale", "pause")}, since={"errors": START})
    assert [remedy.action for remedy in world.look()] == ["notify", "scale"]
    assert world.history[-1].instances == 2
    assert world.after(9) == []
    assert "scale at 12:00:00 has until 12:10:00 to show" in world.answers[0].reason
    (second,) = world.after(1)
    assert (second.action, second.reason) == ("pause", "it persists after scale")
    (last,) = world.after(10)
    assert (last.action, last.step) == ("notify", 3)
    assert "A person has to look" in last.reason
    assert all(world.after(10) == [] for _ in range(200)), "an alarm of days is not answered from the beginning"


def test_scaling_at_its_limit_gives_way_to_the_next_rung_at_once():
    world = World({"errors": alarm("scale", "pause", maximum=3)}, since={"errors": START})
    world.standing = Standing("InService", instances=3)
    (remedy,) = world.look()
    assert (remedy.action, remedy.step) == ("pause", 2)
    assert "limit of 3 instances" in remedy.reason


def test_an_alarm_that_comes_back_soon_goes_on_in_its_list_and_begins_anew_after_the_cooldown():
    world = World({"errors": alarm("notify", "scale", "pause")}, since={"errors": START})
    world.look()
    world.since = {"errors": START + 30 * MINUTE}
    assert [remedy.action for remedy in world.after(30)] == ["pause"]
    world.since = {"errors": START + 300 * MINUTE}
    assert [remedy.action for remedy in world.after(270)] == ["notify", "scale"]


def test_of_two_alarms_the_more_serious_one_acts_and_both_are_told():
    alarms = {"a": alarm("notify", "scale", severity="warning"), "b": alarm("notify", "pause")}
    world = World(alarms, since={"a": START, "b": START + MINUTE})
    world.now = START + MINUTE
    assert [(remedy.alarm, remedy.action) for remedy in world.look()] == [
        ("b", "notify"), ("b", "pause"), ("a", "notify"),
    ]  # fmt: skip
    assert "has until" in world.answers[1].reason
    assert [(remedy.alarm, remedy.action) for remedy in world.after(10)] == [("b", "notify"), ("a", "scale")]


def test_what_was_over_before_it_was_seen_is_told_and_nothing_else():
    world = World({"errors": alarm("notify", "scale")})
    passed = Change(alarm="errors", state="ALARM", at=START, current=False)
    assert [remedy.action for remedy in world.look(passed)] == ["notify"]


def test_a_deployment_under_way_is_waited_for_and_people_are_told_meanwhile():
    world = World({"errors": alarm("notify", "scale")}, since={"errors": START})
    world.standing = Standing("Updating", changing=True, instances=1)
    assert [remedy.action for remedy in world.look()] == ["notify"]
    assert world.answers[0].reason == "scale waits: the endpoint is Updating"
    world.standing = Standing("InService", instances=1)
    assert [remedy.action for remedy in world.after(1)] == ["scale"]


def test_a_dry_run_goes_the_same_way_and_does_not_count_once_it_is_real():
    times = [(0, {"a"}, False), (12, {"a"}, False), (12, {"a"}, False)]
    real, dry = (World({"a": alarm("notify", "pause", "run_dag")}, Remediation(dry_run=on)) for on in (False, True))
    kinds = [[[remedy.action for remedy in found] for found in live(world, times)] for world in (real, dry)]
    assert kinds[0] == kinds[1]
    assert all(remedy.dry_run for remedy in dry.history)
    dry.policy = Remediation()
    assert [remedy.action for remedy in dry.look()] == ["notify", "pause"]


def test_states_other_than_alarm_and_alarms_that_nobody_declares_are_answered_by_nothing():
    world = World({"errors": alarm("notify", "scale")})
    for change in (
        Change(alarm="errors", state="OK", at=START),
        Change(alarm="errors", state="INSUFFICIENT_DATA", at=START),
        Change(alarm="gone", state="ALARM", at=START),
    ):
        assert world.look(change) == []
        assert world.answers[0].reason


def test_a_remedy_is_named_for_what_it_answers_and_reads_back_as_written():
    world = World({"errors": alarm("notify", "scale")}, since={"errors": START + timedelta(seconds=0.4)})
    remedy = world.look()[-1]
    assert remedy.id == "20260301T120000Z-errors-1-scale"
    assert remedy.run_name.startswith("alarm__20260301T120000Z__errors__")
    assert Remedy.model_validate_json(remedy.to_json()) == remedy
    assert same_change(remedy.changed_at, START)
