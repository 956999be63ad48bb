"""The `notifications` section: what it refuses and how it says so, and which channels a message leads to."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.loader import load
from endpointwatch.config.notifications import AUDIENCES, SEVERITIES, Notifications
from endpointwatch.errors import ConfigError

GOOD = """\
name: loans
aws: {role_arn: "arn:aws:iam::123456789012:role/EndpointWatch"}
results_uri: s3://endpointwatch/results
capture: {destination_uri: s3://endpointwatch/capture}
schedule: {start_date: 2026-11-01}
job: {image_uri: "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0"}
monitors: [{kind: data_quality}]
decision: {action: notify}
notifications:
  data_owner: data-platform
  channels:
    - {name: on-call, kind: sns, topic_arn: "arn:aws:sns:us-east-1:123456789012:on-call"}
    - {name: chat, kind: slack, conn_id: slack_ml}
    - {name: mail, kind: smtp, to: [ml@example.com]}
    - {name: desk, kind: webhook, conn_id: desk, path: incidents, signature_header: X-Signature}
  routes:
    - {severities: [critical], channels: [on-call]}
    - {severities: [warning, critical], channels: [chat]}
    - {owners: [data_owner, label_owner], channels: [mail, desk]}
"""


def loaded(folder: Path, text: str = GOOD) -> Endpoint:
    path = folder / "loans.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_file_without_the_section_has_no_channels(tmp_path):
    assert loaded(tmp_path, GOOD.split("notifications:", maxsplit=1)[0]).notifications == Notifications()


@pytest.mark.parametrize(
    ("severity", "owner", "channels"),
    [
        ("critical", "endpoint_owner", ["on-call", "chat"]),
        ("warning", "data_owner", ["chat", "mail", "desk"]),
        ("info", "label_owner", ["mail", "desk"]),
        ("info", "endpoint_owner", []),
    ],
)
def test_a_message_goes_by_every_route_that_fits_it(tmp_path, severity, owner, channels):
    told = loaded(tmp_path).notifications
    assert [channel.name for channel in told.channels_for(severity, [owner])] == channels


NAMES = ["a", "b", "c"]
ROUTES = st.lists(
    st.fixed_dictionaries(
        {
            "severities": st.lists(st.sampled_from(SEVERITIES), min_size=1, unique=True),
            "owners": st.lists(st.sampled_from(AUDIENCES), min_size=1, unique=True),
            "channels": st.lists(st.sampled_from(NAMES), min_size=1),
        }
    ),
    max_size=4,
)


@settings(max_examples=60)
@given(ROUTES)
def test_a_channel_gets_a_message_once_exactly_when_a_route_leads_there(routes):
    used = {name for route in routes for name in route["channels"]} or set(NAMES)
    channels = [{"name": name, "kind": "slack", "conn_id": "x"} for name in NAMES if name in used]
    told = Notifications.model_validate({"channels": channels, "routes": routes})
    for severity, owner in product(SEVERITIES, AUDIENCES):
        names = [channel.name for channel in told.channels_for(severity, [owner])]
        fits = [r["channels"] for r in routes if severity in r["severities"] and owner in r["owners"]]
        assert sorted(names) == sorted({name for fit in fits for name in fit} if routes else used)


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("channels: [chat]", "channels: [chatt]", r"there is no channel 'chatt'. Did you mean 'chat'\?"),
        ("channels: [on-call]", "channels: [chat]", r"\['on-call'\] are in no route"),
        ("name: chat", "name: mail", r"\['mail'\] stand in the list more than once"),
        (
            "conn_id: slack_ml",
            'conn_id: "https://hooks.slack.com/services/T0/B0/x"',
            "Put it into an Airflow connection",
        ),
        ("topic_arn:", "topic:", "notifications.channels.0.topic: there is no such key"),
        ("kind: slack", "kind: teams", "'teams' is none of sns, slack, smtp, webhook"),
        ("severities: [critical]", "severities: [fatal]", "notifications.routes.0.severities.0"),
        ("to: [ml@example.com]", "to: []", "notifications.channels.2.to"),
        ("path: incidents", 'path: "incidents?token=1"', "notifications.channels.3.path"),
    ],
)
def test_a_wrong_key_is_named_with_its_file_and_the_remedy(tmp_path, right, wrong, says):
    with pytest.raises(ConfigError, match=says) as raised:
        loaded(tmp_path, GOOD.replace(right, wrong))
    assert "loans.yaml" in str(raised.value)


def test_an_address_that_may_hold_a_secret_is_not_repeated_in_the_error(tmp_path):
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, GOOD.replace("conn_id: slack_ml", 'conn_id: "https://hooks.slack.com/services/T0/B0/hidden"'))
    assert "hidden" not in str(raised.value)
