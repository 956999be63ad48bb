"""The runbook has an entry for whatever a message can be about, and names nothing that is not there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import get_args

import pytest

from endpointwatch.config.layout import Layout
from endpointwatch.monitors.findings import Check
from endpointwatch.reports.message.runbook import TASK, anchor
from endpointwatch.reports.verdict import Status

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGE = (DOCS / "runbook.md").read_text(encoding="utf-8")
#: The alarms that every endpoint has by default, as entries; those that the settings declare must be among them.
ALARMS = ["model_latency", "errors_5xx", "disk_utilization", "no_invocations"]
PARTS = ("Symptom", "Likely causes", "How to confirm", "What EndpointWatch does", "What to do", "How to close")


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


ENTRIES = {slug(text.partition("\n")[0]): text for text in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]}
ANCHORS = {slug(heading) for heading in re.findall(r"^#+ (.*)$", PAGE, flags=re.MULTILINE)}
WANTED = [
    *(anchor("status", status) for status in get_args(Status)),
    *(anchor("violation", check) for check in get_args(Check)),
    *(anchor("alarm", alarm) for alarm in ALARMS),
    anchor("failure", TASK),
]


@pytest.mark.parametrize("entry", WANTED)
def test_everything_that_can_be_told_has_an_entry_with_all_its_parts(entry):
    text = ENTRIES[entry]
    found = re.findall(r"^- \*\*(.+?):\*\* \S", text, flags=re.MULTILINE)
    assert tuple(found) == PARTS


def test_there_is_no_entry_for_what_cannot_be_told():
    assert sorted(ENTRIES) == sorted(WANTED)


def test_every_default_alarm_has_an_entry():
    if importlib.util.find_spec("endpointwatch.config.alarms") is None:
        pytest.skip("There are no default alarms in this version.")
    alarms = importlib.import_module("endpointwatch.config.alarms")
    assert set(alarms.DEFAULTS) <= set(ALARMS)


def test_every_dag_that_is_named_is_one_that_endpoints_have():
    pipelines = {path.stem for path in (ROOT / "dags").glob("*.py")}
    named = set(re.findall(r"<endpoint>__(\w+)", PAGE))
    assert named
    assert named <= pipelines


def test_every_link_leads_somewhere():
    for text, target in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", PAGE):
        page, _, place = target.partition("#")
        assert not page or (DOCS / page).is_file(), text
        assert not place or place in ANCHORS, text


def test_every_folder_of_results_is_one_that_the_layout_has():
    """``$R/notifications/`` in a command is where the layout puts notifications."""
    layout = Layout("$R")
    known = {"merge", "decisions", "data_quality", "bias", "attribution"}
    places = (layout.deployments(), layout.baselines("v"), layout.notification("k"), layout.actions())
    known |= {place.split("/")[1] for place in places}
    assert set(re.findall(r"\$R/(\w+)", PAGE)) <= known
