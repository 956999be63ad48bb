"""The merge inside a monitoring job: once for all monitors that need labels."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from endpointwatch.config.ground_truth import GroundTruth
from endpointwatch.jobs import monitor
from endpointwatch.jobs.monitors.duty import Judged
from endpointwatch.jobs.plan import MonitorPlan
from endpointwatch.reports.verdict import Verdict

TRUTH = '{"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "event-%d"}}\n'


@pytest.fixture
def duties(monkeypatch):
    """What a monitor that needs labels is handed."""
    found = []

    def judge(duty):
        found.append(duty)
        about = duty.subject()
        return Judged(Verdict(endpoint=about.endpoint, monitor=about.monitor, window=about.window, status="OK"))

    monkeypatch.setitem(monitor.JOBS, "data_quality", SimpleNamespace(NAME="x", NEEDS_LABELS=True, judge=judge))
    return found


def run(job, endpoint, window, traffic, **more):
    running = job()
    running.put(f"input/capture/{traffic.path}", "".join(traffic.record(number) + "\n" for number in range(10)))
    for number in range(4):
        running.put(f"input/ground_truth/2026/11/01/{15 + number}/l.jsonl", TRUTH % number)
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("data_quality",), model_version="v1", **more)
    assert running.run(plan) == 0
    return running


def test_a_monitor_that_needs_labels_is_handed_the_merged_records_and_their_counts(
    job, endpoint, window, traffic, duties
):
    labelled = endpoint.model_copy(update={"ground_truth": GroundTruth(uri="s3://bucket/truth/")})
    running = run(job, labelled, window, traffic, labels_manifest="abc", labels_closed=True)
    (duty,) = duties
    assert duty.merged == running.output / "merge" / window.path / "records"
    assert [path.name for path in duty.merged.iterdir()] == ["merged-00000.jsonl"]
    assert (duty.labels.coverage, duty.labels.manifest, duty.labels.closed) == (0.4, "abc", True)
    told = running.document(f"merge/{window.path}/merge.json")
    assert (told["captures"]["matched"], told["captures"]["captures"], told["labels_manifest"]) == (4, 10, "abc")


def test_without_ground_truth_in_the_endpoints_file_there_is_nothing_to_merge(job, endpoint, window, traffic, duties):
    running = run(job, endpoint, window, traffic)
    assert (duties[0].labels, duties[0].merged) == (None, None)
    assert not (running.output / "merge").exists()


def test_no_merge_is_made_for_monitors_that_need_no_labels(job, endpoint, window, traffic):
    labelled = endpoint.model_copy(update={"ground_truth": GroundTruth(uri="s3://bucket/truth")})
    assert not (run(job, labelled, window, traffic).output / "merge").exists()


def test_every_judgement_of_a_window_is_kept_under_a_name_that_follows_from_it(job, endpoint, window, traffic):
    document = endpoint.model_dump(mode="json")
    quality = {"kind": "model_quality", "problem_type": "BinaryClassification", "probability_attribute": "0"}
    watched = type(endpoint).model_validate(
        {**document, "monitors": [quality], "ground_truth": {"uri": "s3://bucket/truth", "minimum_coverage": 0.4}}
    )

    def judged(labels, **more):
        running = job()
        running.put(f"input/capture/{traffic.path}", "".join(traffic.record(number) + "\n" for number in range(10)))
        for number in range(labels):
            running.put(f"input/ground_truth/2026/11/01/{15 + number}/l.jsonl", TRUTH % number)
        plan = MonitorPlan(endpoint=watched, window=window, monitors=("model_quality",), model_version="v1", **more)
        assert running.run(plan) == 0, running.message
        folder = running.output / "model_quality" / window.path
        (kept,) = (folder / "judgements").iterdir()
        assert kept.read_bytes() == (folder / "verdict.json").read_bytes()
        told = running.document(f"model_quality/{window.path}/verdict.json")
        return kept.name, told["label_coverage"], told["labels_final"]

    first, again, more, closed = judged(1), judged(1), judged(5), judged(1, labels_closed=True)
    assert first == again
    assert [one[1:] for one in (first, more, closed)] == [(0.1, False), (0.5, True), (0.1, True)]
    assert len({first[0], more[0], closed[0]}) == 3


def test_labels_that_come_after_the_time_was_up_make_a_new_final_verdict_when_the_window_is_judged_again(
    job, endpoint, window, traffic
):
    document = endpoint.model_dump(mode="json")
    quality = {"kind": "model_quality", "problem_type": "BinaryClassification", "probability_attribute": "0"}
    limited = quality | {"thresholds": {"auc": 0.5}}
    watched = type(endpoint).model_validate(
        {**document, "monitors": [limited], "ground_truth": {"uri": "s3://bucket/truth", "maximum_age_hours": 48}}
    )

    def judged(labels):
        running = job()
        running.put(f"input/capture/{traffic.path}", "".join(traffic.record(number) + "\n" for number in range(10)))
        for number in range(labels):
            text = (TRUTH % number).replace('"1"', f'"{number % 2}"')
            running.put(f"input/ground_truth/2026/11/20/{number:02d}/l.jsonl", text)
        plan = MonitorPlan(
            endpoint=watched, window=window, monitors=("model_quality",), model_version="v1", labels_closed=True
        )
        assert running.run(plan) == 0, running.message
        return running.document(f"model_quality/{window.path}/verdict.json")

    in_time, later = judged(0), judged(10)
    assert (in_time["status"], in_time["labels_final"]) == ("LABELS_MISSING", True)
    assert (later["status"] in ("OK", "VIOLATIONS"), later["labels_final"]) == (True, True)
    assert (later["label_coverage"], later["rows"]["analysed"]) == (1.0, 10)
