"""Every kind of message in every form, to the byte, and what no form may ever do."""

from __future__ import annotations

import html.parser
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import ALARM, KINDS, covariate_drift, endpoint, schema_break

from endpointwatch.reports.message import Message, alarm_message, as_html, as_slack, as_text, subject

GOLDEN = Path(__file__).parent / "golden"
FORMS = {
    "txt": as_text,
    "html": as_html,
    "slack.json": lambda message: json.dumps(as_slack(message), indent=2, ensure_ascii=False) + "\n",
    "json": lambda message: message.model_dump_json(indent=2) + "\n",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_message_reads_as_it_always_has(kind, form):
    """``WRITE_GOLDEN=1`` writes the files anew; then read what changed."""
    path = GOLDEN / f"{kind}.{form}"
    text = FORMS[form](KINDS[kind]())
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_says_what_since_when_why_what_was_done_and_what_to_do_next(kind):
    text = as_text(KINDS[kind]())
    for section in ("What happened:", "Since: 2026-03-01", "Likely cause:", "What was done:", "What to do next:",
                    "Runbook:", "Links:"):  # fmt: skip
        assert section in text


def test_the_numbers_are_those_of_the_most_drifted_features_and_of_the_metrics_beyond_their_limit():
    numbers = [str(figure) for figure in covariate_drift().figures]
    assert numbers == [
        "purpose: share of 'car' 0.4, baseline 0.01, distance 0.6, limit 0.1",
        "income: mean 41,000, baseline 3500, distance 0.4, limit 0.1",
        "auc: 0.4817, limit 0.6",
    ]


class Tags(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.add(tag)


ALLOWED = {"html", "head", "meta", "body", "h2", "h3", "p", "br", "ul", "li", "table", "tr", "th", "td", "a", "code"}
TEXT = st.text(max_size=60) | st.sampled_from(["<b>x</b>", "<!here>", "&lt;", "a|b", "`x`", '"><script>', "\n\n# x"])


@settings(max_examples=60)
@given(text=TEXT)
def test_no_text_from_outside_becomes_markup_and_slack_takes_every_length(text):
    hostile = schema_break().model_copy(update={"happened": (text, text * 200), "owner": text, "title": text})
    assert Tags(as_html(hostile)).names <= ALLOWED
    blocks = as_slack(hostile)["blocks"]
    assert len(blocks) <= 50
    for block in blocks:
        said = block["text"]["text"]
        assert 0 < len(said) <= (150 if block["type"] == "header" else 3000)
        if block["type"] == "section":
            # Slack acts on what stands in angle brackets: links of ours, nothing else.
            assert all(part.startswith("https://") for part in said.split("<")[1:])
    assert "\n" not in subject(hostile)


def test_a_message_is_json_and_comes_back_whole():
    message = covariate_drift()
    assert Message.model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("longest", [20, 99])
def test_a_subject_is_cut_to_what_a_channel_takes(longest):
    assert len(subject(covariate_drift(), longest=longest)) <= longest


def test_what_is_done_about_an_alarm_that_goes_on_is_a_message_of_its_own_and_its_end_is_no_alarm():
    first, again, scaled = (alarm_message(endpoint(), ALARM, done=done) for done in ("Told.", "Told.", "Scaled."))
    assert first.key == again.key != scaled.key
    assert alarm_message(endpoint(), replace(ALARM, state="OK")).severity == "info"


def test_an_alarm_of_the_endpoints_own_leads_to_the_runbooks_alarms():
    own = alarm_message(endpoint(), replace(ALARM, entry=None))
    assert own.runbook.uri == "docs/runbook.md#alarms"
    assert own.title == "loans: alarm endpointwatch-loans-model_latency is ALARM"
