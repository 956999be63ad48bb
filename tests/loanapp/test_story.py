"""Which application comes when."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.config.window import HOUR
from loanapp.applications import Applications, System
from loanapp.story import HOURS, INITIAL_ROWS, NEW_SYSTEM_HOURS, ROWS, SEED, tell

APPLICATIONS = Applications.load()
ANCHOR = datetime(2026, 3, 1, 12, tzinfo=UTC)
anchors = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 -- made aware below
    lambda moment: moment.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
)
# Few and told once each: a story takes a tenth of a second.
seeds = st.sampled_from((SEED, 0, 7, 4711, 10_000))
laws = settings(max_examples=5, deadline=None)


@cache
def told(anchor=ANCHOR, seed=SEED):
    return tell(APPLICATIONS, anchor, seed=seed)


def applicants(sent):
    return [application.inference_id.rsplit("-", 1)[1] for application in sent]


@laws
@given(anchor=anchors, seed=seeds)
def test_the_story_is_a_function_of_anchor_and_seed(anchor, seed):
    assert tell(APPLICATIONS, anchor, seed=seed) == tell(APPLICATIONS, anchor, seed=seed)


@laws
@given(anchor=anchors, seed=seeds)
def test_the_anchor_moves_the_windows_and_nothing_else(anchor, seed):
    here, there = told(seed=seed), told(anchor, seed)
    assert here.initial == there.initial
    assert here.present == there.present
    for one, other in zip(here.hours, there.hours, strict=True):
        assert (one.applications, one.system) == (other.applications, other.system)
        assert one.window.start - ANCHOR == other.window.start - anchor


@laws
@given(anchor=anchors)
def test_the_hours_follow_each_other_and_end_at_the_anchor(anchor):
    hours = told(anchor).hours
    assert len(hours) == HOURS
    assert hours[-1].window.end == anchor
    assert all(hour.window.length == HOUR for hour in hours)
    assert all(a.window.end == b.window.start for a, b in itertools.pairwise(hours))
    assert [hour.system for hour in hours] == [System.OLD] * (HOURS - NEW_SYSTEM_HOURS) + [
        System.NEW
    ] * NEW_SYSTEM_HOURS


@laws
@given(seed=seeds)
def test_no_applicant_is_both_in_the_champions_data_and_in_the_traffic(seed):
    story = told(seed=seed)
    seen = {line.split(",", 1)[1] for text in story.initial.values() for line in text.splitlines()[1:]}
    assert sum(len(text.splitlines()) - 1 for text in story.initial.values()) == sum(INITIAL_ROWS.values())
    old = [application.line for hour in story.hours if not hour.drifted for application in hour.applications]
    # Two applicants may have equal figures, one applicant has one number: so this counts lines, and allows for twins.
    twins = {line for line in old if line in seen}
    lines = APPLICATIONS.lines(range(len(APPLICATIONS)), System.OLD)
    assert all(lines.count(line) > 1 for line in twins)


@laws
@given(seed=seeds)
def test_an_applicant_of_the_new_system_comes_once(seed):
    story = told(seed=seed)
    sent = [one for hour in story.drifted for one in applicants(hour.applications)] + applicants(story.present)
    assert len(sent) == len(set(sent)) == (NEW_SYSTEM_HOURS + 1) * ROWS


def test_inference_ids_are_unique_and_carry_no_clock():
    story = told()
    ids = [application.inference_id for hour in story.hours for application in hour.applications]
    ids += [application.inference_id for application in story.present]
    assert len(ids) == len(set(ids)) == (HOURS + 1) * ROWS
    later = tell(APPLICATIONS, ANCHOR + timedelta(days=3, hours=5))
    assert ids[:ROWS] == [application.inference_id for application in later.hours[0].applications]
    assert max(map(len, ids)) <= 64


def test_labels_go_with_their_applications():
    story = told()
    for hour in story.hours:
        rows = [int(number) for number in applicants(hour.applications)]
        assert tuple(application.label for application in hour.applications) == APPLICATIONS.labels(rows)
        assert tuple(application.line for application in hour.applications) == APPLICATIONS.lines(rows, hour.system)


def test_a_story_that_cannot_be_told_is_refused():
    with pytest.raises(ValueError, match="full hour"):
        tell(APPLICATIONS, ANCHOR + timedelta(minutes=5))
    with pytest.raises(ValueError, match="needs 2700 applications, there are 1959"):
        tell(APPLICATIONS, ANCHOR, rows=500)


def test_two_hours_get_most_of_their_labels_late_and_every_other_hour_at_once():
    story = told()
    assert [hour.drifted for hour in story.late] == [False, True]
    for hour in story.hours:
        at_once, late = hour.labelled_at_once, hour.labelled_late
        assert (*at_once, *late) == hour.applications[: len(at_once) + len(late)]
        shares = len(at_once) / ROWS, (len(at_once) + len(late)) / ROWS
        # Rounded up: a share in whole percent, rounded down, is the one that is meant.
        assert shares == ((0.312, 0.972) if hour.late else (1.0, 1.0))
