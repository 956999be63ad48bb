"""What people are told: one message, as text, for Slack, as e-mail and as JSON.

::

    causes.py    the likely cause of a window's verdicts, by rule
    figures.py   the numbers: what a feature was and is, a metric and its limit
    decision.py  the message of a decision        failure.py  of a failed task        alarm.py  of an alarm
    text.py      plain text                       slack.py    blocks                  html.py   an e-mail
    runbook.py   the entry of docs/runbook.md that belongs to it

A message is a pure function of what it is about: the same decision gives the same bytes.
"""

from __future__ import annotations

from endpointwatch.reports.message.alarm import Alarm, alarm_message
from endpointwatch.reports.message.decision import decision_message
from endpointwatch.reports.message.failure import Failure, failure_message
from endpointwatch.reports.message.figures import Columns
from endpointwatch.reports.message.html import as_html
from endpointwatch.reports.message.message import Link, Message
from endpointwatch.reports.message.slack import as_slack
from endpointwatch.reports.message.text import as_text, subject

__all__ = [
    "Alarm",
    "Columns",
    "Failure",
    "Link",
    "Message",
    "alarm_message",
    "as_html",
    "as_slack",
    "as_text",
    "decision_message",
    "failure_message",
    "subject",
]
