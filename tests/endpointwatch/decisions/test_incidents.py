from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from decision_examples import FIRST, VERDICTS, endpoint, policies, verdict, violation

from endpointwatch.config.decision import Incidents
from endpointwatch.config.window import Window
from endpointwatch.decisions import around, incidents_of

FEW = settings(max_examples=60, deadline=None)
SETTINGS = Incidents()
RULES = {rule.name: rule for rule in endpoint(violations=2, windows=3).rules}
DRIFT = RULES["drift"]


def of(statuses, rule=DRIFT, limits=SETTINGS):
    """Incidents of hourly windows with these verdicts, a letter each, as (first, last, quiet, closed by) in hours."""
    words = {"x": "VIOLATIONS", ".": "OK", "?": "NO_DATA", "p": "PROVISIONAL", "s": "SCHEMA_CHANGED"}
    verdicts = [verdict(step, words[letter]) for step, letter in enumerate(statuses) if letter != " "]
    return [
        (hour(one.first), hour(one.last), one.quiet_windows, one.closed_by and hour(one.closed_by))
        for one in incidents_of(verdicts, rule, limits)
    ]


def hour(window):
    return round((window.start - FIRST.start) / FIRST.length)


# Laws


@FEW
@given(VERDICTS, policies(), st.randoms())
def test_incidents_depend_on_the_set_of_verdicts_not_on_their_order_or_repetition(verdicts, policy, chance):
    shuffled = verdicts + verdicts[:3]
    chance.shuffle(shuffled)
    for rule in policy.rules:
        one, other = (incidents_of(v, rule, policy.decision.incidents) for v in (verdicts, shuffled))
        assert [incident.to_json() for incident in one] == [incident.to_json() for incident in other]


@FEW
@given(VERDICTS, policies(), st.integers(0, 12), st.integers(1, 3), st.integers(1, 5))
def test_what_is_read_around_a_window_is_enough_for_its_incidents(verdicts, policy, step, quiet, lapse):
    """So that one more window costs a look at its neighbours, and not at all that was ever judged."""
    window, limits = FIRST.shifted(step), Incidents(quiet_windows=quiet, lapse_windows=lapse)
    for rule in policy.rules:
        near = around(window, lambda asked: [v for v in verdicts if v.window == asked], rule, limits)
        every = incidents_of(verdicts, rule, limits)
        some = incidents_of(near, rule, limits)
        assert set(map(str, some)) <= set(map(str, every))
        assert {str(one) for one in every if one.reaches(window) or one.spans(window)} <= set(map(str, some))


@FEW
@given(VERDICTS, policies())
def test_every_window_that_counts_belongs_to_exactly_one_incident(verdicts, policy):
    for rule in policy.rules:
        every = [one.window for incident in incidents_of(verdicts, rule, SETTINGS) for one in incident.windows]
        assert len(every) == len(set(every))
        alone = {
            window
            for window in {v.window for v in verdicts}
            if incidents_of([v for v in verdicts if v.window == window], rule, SETTINGS)
        }
        assert set(every) == alone


@FEW
@given(VERDICTS, policies(), st.integers(0, 12))
def test_what_was_known_of_an_incident_earlier_is_its_beginning(verdicts, policy, step):
    by_then = [v for v in verdicts if v.window.end <= FIRST.shifted(step).end]
    for rule in policy.rules:
        early, late = (incidents_of(v, rule, policy.decision.incidents) for v in (by_then, verdicts))
        for then, now in zip(early, late, strict=False):
            assert then.windows == now.windows[: len(then.windows)]


# Opened, updated, closed


def test_an_incident_opens_with_a_window_goes_on_over_few_quiet_ones_and_is_closed_by_enough():
    assert of("..x") == [(2, 2, 0, None)]
    assert of("..x..x.") == [(2, 5, 1, None)]
    assert of("..x..x...") == [(2, 5, 3, 8)]
    assert of("..x..x.....x") == [(2, 5, 3, 8), (11, 11, 0, None)]


def test_windows_that_say_nothing_are_not_quiet():
    assert of("x.?.?s") == [(0, 0, 2, None)]
    assert of("x.?.?s.") == [(0, 0, 3, 6)]
    assert of("x.p.p.") == [(0, 0, 3, 5)]
    assert of("x.  .  x") == [(0, 7, 0, None)]


def test_a_provisional_window_is_quiet_where_labels_do_not_matter():
    assert of("sppp", RULES["capture"]) == []
    off = [verdict(0, "CAPTURE_OFF", version=None), *(verdict(step, "PROVISIONAL") for step in (1, 2, 3))]
    (incident,) = incidents_of(off, RULES["capture"], SETTINGS)
    assert incident.closed_by == FIRST.shifted(3)
    assert of("xppp", DRIFT) == [(0, 0, 0, None)]


def test_an_incident_of_which_nothing_is_heard_lapses():
    limits = Incidents(lapse_windows=4)
    (incident,) = incidents_of([verdict(0)], DRIFT, limits)
    assert incident.open_at(FIRST.end + timedelta(hours=3.9))
    assert not incident.open_at(FIRST.end + timedelta(hours=4))
    assert of("x   x", limits=limits) == [(0, 4, 0, None)]
    assert of("x    x", limits=limits) == [(0, 0, 0, None), (5, 5, 0, None)]


def test_an_old_window_that_is_backfilled_joins_its_incident_or_makes_a_closed_one_of_its_own():
    assert of("x.x") == [(0, 2, 0, None)]
    (old, _) = incidents_of([verdict(-500), verdict(0)], DRIFT, SETTINGS)
    assert not old.open_at(FIRST.end)


def test_a_window_in_between_that_is_judged_again_parts_an_incident_or_joins_two():
    assert of("x..x..x") == [(0, 6, 0, None)]
    assert of("x.....x") == [(0, 0, 3, 3), (6, 6, 0, None)]


def test_each_rule_has_incidents_of_its_own():
    verdicts = [verdict(0), verdict(0, "SCHEMA_CHANGED", monitor="bias"), verdict(1, "SCHEMA_CHANGED")]
    broken = incidents_of(verdicts, RULES["broken_data"], SETTINGS)
    assert [[hour(one.window) for one in incident.windows] for incident in broken] == [[0, 1]]
    assert broken[0].tell == ("data_owner",)
    assert broken[0].windows[0].verdicts == {"bias": "SCHEMA_CHANGED"}
    assert incidents_of(verdicts, DRIFT, SETTINGS) == ()


def test_a_day_and_its_hours_are_apart():
    day = Window(start=FIRST.start, end=FIRST.start + timedelta(days=1))
    verdicts = [verdict(0), verdict(0).model_copy(update={"window": day})]
    assert [one.first for one in incidents_of(verdicts, DRIFT, SETTINGS)] == [FIRST, day]


def test_an_incident_names_what_objected_and_the_versions():
    verdicts = [verdict(0), verdict(1, version="loans-v2", violations=(violation(), violation(feature="price")))]
    (incident,) = incidents_of([*verdicts, verdict(1, "OK", monitor="bias")], DRIFT, SETTINGS)
    told = [(one.points, one.verdicts, one.model_versions) for one in incident.windows]
    objected = {"data_quality": "VIOLATIONS"}
    assert told == [(1.0, objected, ("loans-v1",)), (2.0, objected, ("loans-v2",))]
