"""The `decision` section: both forms, and what is refused with its place and how to mend it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.loader import load
from endpointwatch.config.quiet_hours import DAYS, quiet
from endpointwatch.errors import ConfigError

FILE = Path(__file__).parents[3] / "include" / "endpoints" / "loan-approval.yaml"
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def loaded(tmp_path):
    def with_decision(**decision: Any) -> Endpoint:
        document = yaml.safe_load(FILE.read_text())
        document["training"]["max_runtime_seconds"] = 7200
        path = tmp_path / "loans.yaml"
        path.write_text(yaml.safe_dump({**document, "decision": decision}))
        return load(path)

    return with_decision


def test_the_short_form_is_one_rule_behind_the_standing_ones():
    rules = load(FILE).rules
    assert [rule.name for rule in rules] == ["broken_data", "capture", "missing_labels", "drift"]
    assert (rules[-1].violations, rules[-1].windows, rules[-1].action) == (3, 3, "retrain")
    assert rules[-1].told == ()


def test_rules_are_read_in_the_order_of_the_file_and_who_is_notified_is_the_owner_unless_told(loaded):
    told = loaded(rules=[{"name": "b", "action": "notify"}, {"name": "a", "action": "retrain", "tell": ["data_owner"]}])
    assert [(rule.name, rule.told) for rule in told.rules[3:]] == [("b", ("endpoint_owner",)), ("a", ("data_owner",))]


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        (
            {"rules": [{"name": "a", "action": "scale", "scaling": {"minimum_instances": 9}}]},
            r"decision\.rules\.0\.scaling: maximum_instances \(4\) is below minimum_instances \(9\)",
        ),
        ({"rules": [{"name": "a", "action": "pause", "pause_hours": 0}]}, r"decision\.rules\.0\.pause_hours: "),
        ({"rules": [{"name": "a", "action": "retrian"}]}, "Did you mean 'retrain'"),
        ({"rules": [{"name": "a", "action": "notify", "monitor": ["bias"]}]}, "Did you mean 'monitors'"),
        ({"rules": [{"action": "notify"}]}, r"rules\.0\.name: this key is required and missing"),
        ({"rules": [{"name": "Not this", "action": "notify"}]}, r"rules\.0\.name: "),
        ({"rules": [{"name": "a", "action": "notify"}] * 2}, "a stands there more than once"),
        ({"rules": [{"name": "a", "action": "notify"}], "windows": 3}, "windows and `rules` say the same in two ways"),
        (
            {"rules": [{"name": "a", "action": "notify", "violations": 3, "windows": 2}]},
            r"rules\.0: violations \(3\) can never be reached in 2 windows",
        ),
        (
            {"rules": [{"name": "a", "action": "retrain", "statuses": ["SCHEMA_CHANGED"]}]},
            r"rules\.0: a new model mends no SCHEMA_CHANGED; let the rule 'a' count VIOLATIONS alone",
        ),
        ({"rules": [{"name": "a", "action": "notify", "statuses": ["OK"]}]}, r"rules\.0\.statuses\.0: "),
        ({"rules": [{"name": "a", "action": "notify", "feature_weights": {"x": -1}}]}, r"feature_weights\.x: "),
        ({"quiet_hours": ["25:00-26:00"]}, r"quiet_hours\.0: '25:00-26:00' has a time that no clock shows"),
        ({"quiet_hours": ["Mom"]}, r"'Mom' names no day of Mon, Tue"),
        ({"quiet_hours": ["at night"]}, r"is no span of the week\. Write a time range, days, or both"),
        (
            {"budget": {"training_hours_a_day": 1}},
            r"decision\.budget\.training_hours_a_day is 1, less than the 2 h that one training may take",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_key_and_remedy(loaded, decision, says):
    with pytest.raises(ConfigError, match=says) as refused:
        loaded(**decision)
    assert "loans.yaml" in str(refused.value)


def test_a_rule_may_only_name_monitors_that_the_endpoint_has(tmp_path):
    document = yaml.safe_load(FILE.read_text())
    document |= {
        "monitors": [{"kind": "data_quality"}],
        "decision": {"rules": [{"name": "a", "action": "notify", "monitors": ["bias"]}]},
    }
    path = tmp_path / "loans.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match="'a' names bias, which is not under `monitors`"):
        load(path)


def test_an_endpoint_without_training_may_have_rules_that_do_not_retrain(tmp_path):
    document = yaml.safe_load(FILE.read_text())
    del document["training"]
    path = tmp_path / "loans.yaml"
    for action, refused in (("notify", False), ("retrain", True)):
        path.write_text(yaml.safe_dump({**document, "decision": {"rules": [{"name": "a", "action": action}]}}))
        if refused:
            with pytest.raises(ConfigError, match=r"decision\.rules: the action of 'a' is 'retrain', but there is no"):
                load(path)
        else:
            assert load(path).rules[-1].action == "notify"


# Quiet hours


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        ("22:00-06:00", [(0, 22), (0, 5.99), (6, 23)], [(0, 6), (0, 21.99)]),
        ("Sat,Sun", [(5, 0), (6, 23.99)], [(4, 23.99), (0, 0)]),
        ("Fri-Mon", [(4, 0), (6, 3), (0, 23)], [(1, 0), (3, 23)]),
        ("Fri 22:00-06:00", [(4, 22), (5, 5.9)], [(4, 5), (5, 22), (5, 6)]),
        ("Mon-Fri 08:00-18:00", [(0, 8), (4, 17.99)], [(0, 18), (5, 9), (0, 7.99)]),
        ("Sun 20:00-24:00", [(6, 20), (6, 23.99)], [(0, 0), (6, 19.99)]),
    ],
)
def test_a_span_holds_its_start_and_not_its_end_and_over_midnight_belongs_to_its_first_day(span, inside, outside):
    for moments, expected in ((inside, span), (outside, None)):
        for day, hour in moments:
            assert quiet(["Wed 12:00-12:01", span], MONDAY + timedelta(days=day, hours=hour)) == expected, (day, hour)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(DAYS), st.integers(0, 23), st.integers(1, 23), st.integers(0, 7 * 24 * 2 - 1))
def test_a_span_is_the_hours_that_follow_its_start_in_every_week(day, start, length, half_hours):
    end = (start + length) % 24
    moment = MONDAY + timedelta(minutes=30 * half_hours)
    begins = MONDAY + timedelta(days=DAYS.index(day), hours=start)
    inside = any(begins + week <= moment < begins + week + timedelta(hours=length) for week in _WEEKS)
    assert (quiet([f"{day} {start:02}:00-{end:02}:00"], moment) is not None) == inside


_WEEKS = (timedelta(days=-7), timedelta(), timedelta(days=7))
