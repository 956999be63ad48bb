"""Windows that wait for labels: what their jobs are given, when they are judged again, and what is decided then."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import TaskDeferred
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_fakes import ROOT, FakeSageMaker, FakeStore, at_the_border, context, deployment, endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.decisions import Decision
from endpointwatch.jobs.monitor import needs_labels
from endpointwatch.jobs.monitors.registry import JOBS
from endpointwatch.jobs.plan import PLAN
from endpointwatch.merge.counts import Merged
from endpointwatch.reports.verdict import Verdict
from endpointwatch_airflow.captured import manifest_hash
from endpointwatch_airflow.errors import MissingResultError
from endpointwatch_airflow.labelled import NEED_LABELS, label_monitors, labels_since
from endpointwatch_airflow.open_windows import due, open_windows
from endpointwatch_airflow.operators.decision import DecideOperator
from endpointwatch_airflow.operators.late_labels import FindLateLabelsOperator
from endpointwatch_airflow.operators.monitoring import RunMonitorsOperator

FIRST = Window.of(datetime(2026, 3, 1, 14, tzinfo=UTC), datetime(2026, 3, 1, 15, tzinfo=UTC))
LABELS = "s3://bucket/labels"
QUALITY = {"kind": "model_quality", "problem_type": "BinaryClassification", "probability_attribute": "0"}
WATCHED = endpoint(
    monitors=[{"kind": "data_quality"}, QUALITY],
    ground_truth={"uri": LABELS, "maximum_age_hours": 48},
    decision={"violations": 2, "windows": 3, "action": "notify"},
)
CAPTURES = {"s3://bucket/capture/loans/AllTraffic/2026/03/01/14/00-01.jsonl": "a"}
SOON = FIRST.end + timedelta(hours=1)


def labels(*hours: str, text: str = "l") -> dict[str, str]:
    return {f"{LABELS}/2026/03/{hour}/a.jsonl": text for hour in hours}


def verdict(step, status="PROVISIONAL", *, seen=None, final=False, monitor="model_quality"):
    """The verdict on a window that was judged by the labels in ``seen``."""
    window = FIRST.shifted(step)
    found = labels_since(FakeStore(seen or {}), LABELS, (window,))  # type: ignore[arg-type]
    told = Verdict(
        endpoint="loans", monitor=monitor, window=window, status=status, model_version="v1", label_coverage=0.31,
        labels_final=final, labels_manifest=manifest_hash(found),
    )  # fmt: skip
    return {f"{ROOT}/{monitor}/{window.path}/verdict.json": told.to_json()}


def find(files, now=SOON):
    """Windows to judge again, by the step from the first; and those that wait."""
    store = FakeStore(files)
    task = FindLateLabelsOperator(task_id="find", endpoint=WATCHED, aws_conn_id=None, clock=lambda: now)
    told = at_the_border(task, store=store).execute(context(task))
    waiting = json.loads(store.files[f"{ROOT}/labels/open.json"])["windows"]
    steps = [(Window.model_validate(one).start - FIRST.start) // FIRST.length for one in told]
    return steps, [one["window"] for one in waiting]


def started(files, now=SOON, **arguments):
    """The inputs and the plan of a window's job."""
    sagemaker, store = FakeSageMaker(), FakeStore({**CAPTURES, **deployment("v1", 3), **files})
    task = RunMonitorsOperator(
        task_id="run", endpoint=WATCHED, aws_conn_id=None, deferrable=True, clock=lambda: now, **arguments
    )
    with pytest.raises(TaskDeferred):
        at_the_border(task, sagemaker, store).execute(context(task))
    (request,) = sagemaker.started
    plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{request['ProcessingJobName']}/plan.json"])
    return {mount["InputName"]: mount["S3Input"] for mount in request["ProcessingInputs"]}, plan, store


# What a job is given


def test_a_job_is_given_the_labels_since_its_windows_start_and_their_hash():
    mounts, plan, store = started(labels("01/13", "01/14", "02/03"))
    assert mounts["ground_truth"]["S3DataType"] == "ManifestFile"
    prefix, *names = json.loads(store.files[mounts["ground_truth"]["S3Uri"]])
    assert prefix == {"prefix": f"{LABELS}/"}
    assert names == ["2026/03/01/14/a.jsonl", "2026/03/02/03/a.jsonl"]
    assert plan.labels_manifest == manifest_hash(labels_since(store, LABELS, (FIRST,)))
    assert not plan.labels_closed


def test_the_same_labels_have_the_same_hash_and_others_another():
    hashes = [
        started(files)[1].labels_manifest
        for files in (labels("01/14"), labels("01/13", "01/14"), labels("01/14", text="again"), {})
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_without_a_label_nothing_is_mounted_and_the_hash_says_so():
    mounts, plan, _ = started({})
    assert "ground_truth" not in mounts
    assert plan.labels_manifest == manifest_hash(())


@pytest.mark.parametrize(("hours", "closed"), [(47.9, False), (48, True), (9000, True)])
def test_labels_are_waited_for_no_longer_once_the_window_is_old_enough(hours, closed):
    assert started({}, FIRST.end + timedelta(hours=hours))[1].labels_closed == closed


def test_a_monitor_that_needs_no_labels_is_given_none():
    mounts, plan, _ = started(labels("01/14"), monitors=["data_quality"])
    assert "ground_truth" not in mounts
    assert (plan.labels_manifest, plan.labels_closed) == (None, False)


def test_a_window_that_is_judged_again_is_the_one_that_is_named_and_not_the_runs():
    window = FIRST.shifted(-24)
    files = {uri.replace("/03/01/", "/02/28/"): text for uri, text in CAPTURES.items()}
    _, plan, _ = started(files, monitors=["model_quality"], window=window.model_dump(mode="json"))
    assert (plan.window, plan.monitors) == (window, ("model_quality",))


def test_a_verdict_that_stayed_behind_from_earlier_labels_is_an_error():
    files = {**CAPTURES, **deployment("v1", 3), **labels("01/14"), **verdict(0)}
    sagemaker, store = FakeSageMaker(), FakeStore(files)
    arguments = {"endpoint": WATCHED, "monitors": ["model_quality"], "aws_conn_id": None}
    task = at_the_border(RunMonitorsOperator(task_id="run", **arguments), sagemaker, store)

    def leave(seen):
        plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{sagemaker.started[-1]['ProcessingJobName']}/plan.json"])
        ((uri, text),) = verdict(0, seen=seen).items()
        told = Verdict.model_validate_json(text).model_copy(update={"input_manifest": plan.input_manifest})
        store.write(uri, told.to_json())

    sagemaker.on_wait = lambda name: leave({})
    with pytest.raises(MissingResultError, match="other inputs"):
        task.execute(context(task))
    sagemaker.jobs.clear()
    sagemaker.on_wait = lambda name: leave(labels("01/14"))
    assert task.execute(context(task))["statuses"] == {"model_quality": "PROVISIONAL"}


def test_the_monitors_that_need_labels_are_those_whose_jobs_ask_for_them():
    kinds = {settings.model_fields["kind"].default for settings in NEED_LABELS}
    assert kinds == {name for name in JOBS if needs_labels(name)}
    assert label_monitors(WATCHED) == ("model_quality",)


def test_merged_files_of_an_earlier_merge_with_more_records_are_removed():
    root = f"{ROOT}/merge/{FIRST.path}"
    names = [f"{root}/records/merged-0000{number}.jsonl" for number in range(3)]
    other = f"{ROOT}/merge/{FIRST.shifted(1).path}/records/merged-00002.jsonl"
    files = {**CAPTURES, **deployment("v1", 3), **labels("01/14"), **dict.fromkeys([*names, other], "{}")}
    sagemaker, store = FakeSageMaker(), FakeStore(files)
    arguments = {"endpoint": WATCHED, "monitors": ["model_quality"], "aws_conn_id": None}
    task = at_the_border(RunMonitorsOperator(task_id="run", **arguments), sagemaker, store)

    def leave():
        plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{sagemaker.started[-1]['ProcessingJobName']}/plan.json"])
        ((uri, text),) = verdict(0, seen=labels("01/14")).items()
        told = Verdict.model_validate_json(text).model_copy(update={"input_manifest": plan.input_manifest})
        store.write(uri, told.to_json())
        store.write(f"{root}/merge.json", Merged(files=("merged-00000.jsonl",)).to_json())

    sagemaker.on_wait = lambda name: leave()
    task.execute(context(task))
    assert [uri for uri in store.files if "/records/" in uri] == [names[0], other]


# Which windows are judged again


def test_a_window_that_waits_is_judged_again_when_other_labels_are_there_than_it_was_judged_by():
    old = labels("01/14")
    assert find({**old, **verdict(0, seen=old)}) == ([], ["2026/03/01/14"])
    assert find({**old, **labels("01/16"), **verdict(0, seen=old)}) == ([0], ["2026/03/01/14"])


@pytest.mark.parametrize(
    "now_there",
    [
        pytest.param(labels("01/14", "01/15"), id="delivered into an hour long past"),
        pytest.param(labels("01/14", text="corrected"), id="replaced"),
        pytest.param({}, id="withdrawn"),
    ],
)
def test_labels_that_are_delivered_again_are_seen(now_there):
    assert find({**now_there, **verdict(0, seen=labels("01/14"))})[0] == [0]


def test_labels_from_before_a_window_are_none_of_its_own():
    assert find({**labels("01/13"), **verdict(0)})[0] == []


@pytest.mark.parametrize("status", ["OK", "VIOLATIONS", "LABELS_MISSING"])
def test_a_final_window_stays_as_it_is_whatever_comes(status):
    assert find({**labels("01/16"), **verdict(0, status, final=True)}) == ([], [])


def test_a_window_with_violations_that_no_label_can_undo_still_waits_for_the_rest():
    assert find({**labels("01/16"), **verdict(0, "VIOLATIONS", final=False)})[0] == [0]


def test_a_window_that_reached_its_age_is_closed_without_any_new_label():
    assert find(verdict(0), FIRST.end + timedelta(hours=47))[0] == []
    assert find(verdict(0), FIRST.end + timedelta(hours=48))[0] == [0]


def test_a_window_that_waited_is_closed_however_long_nobody_looked():
    waited = {f"{ROOT}/labels/open.json": json.dumps({"version": "1", "windows": [{"window": "2026/03/01/14"}]})}
    assert find({**verdict(0), **waited}, FIRST.end + timedelta(days=300))[0] == [0]


def test_a_verdict_that_cannot_be_read_is_left_alone():
    assert find({f"{ROOT}/model_quality/2026/03/01/14/verdict.json": "{}", **labels("01/16"), **verdict(1)})[0] == [1]


def test_nothing_is_listed_among_the_labels_while_nothing_waits():
    class Store(FakeStore):
        def objects(self, prefix, *, after=None):
            assert not prefix.startswith(LABELS)
            return super().objects(prefix, after=after)

    limits = WATCHED.ground_truth
    store = Store({**labels("01/16"), **verdict(0, "OK", final=True)})
    assert due(store, limits, open_windows(store, WATCHED, limits, SOON), SOON) == ()


@settings(max_examples=30, deadline=None)
@given(
    known=st.sets(st.integers(0, 40)),
    more=st.sets(st.integers(0, 40)),
    steps=st.sets(st.integers(0, 20), min_size=1),
)
def test_a_window_is_due_exactly_when_labels_since_its_start_have_changed(known, more, steps):
    def delivered(hours):
        return labels(*(f"{FIRST.start + timedelta(hours=hour):%d/%H}" for hour in hours))

    files = delivered(known | more)
    for step in steps:
        files |= verdict(step, seen=delivered(known))
    expected = [step for step in sorted(steps) if any(hour >= step for hour in more - known)]
    assert find(files, FIRST.end + timedelta(hours=20))[0] == expected


# What is decided then


def decide(files, steps):
    store = FakeStore({**deployment("v1", 3), **files})
    windows = json.dumps([FIRST.shifted(step).model_dump(mode="json") for step in steps])
    task = DecideOperator(
        task_id="decide", endpoint=WATCHED, aws_conn_id=None, windows=windows,
        clock=lambda: FIRST.end + timedelta(hours=5),
    )  # fmt: skip
    taken = []
    task.do_branch = lambda context, branch: taken.append(branch) or branch
    at_the_border(task, store=store).execute(context(task))
    decisions = [Decision.from_json(text) for uri, text in store.files.items() if uri.startswith(f"{ROOT}/decisions/")]
    return taken[0], decisions


def test_a_provisional_window_decides_nothing_and_its_final_violation_does():
    drift = verdict(1, "VIOLATIONS", final=True)
    assert decide({**drift, **verdict(0)}, [0])[0] == "nothing"
    branch, decisions = decide({**drift, **verdict(0, "VIOLATIONS", final=True)}, [0])
    assert branch == "notify"
    assert {decision.violated_windows for decision in decisions} == {1, 2}


def test_a_late_violation_is_other_evidence_and_so_another_decision_beside_the_first():
    before = verdict(1, "VIOLATIONS", monitor="data_quality")
    window = FIRST.shifted(1)
    (early,) = (one for one in decide({**before, **verdict(1)}, [1])[1] if one.window == window)
    (late,) = (
        one for one in decide({**before, **verdict(1, "VIOLATIONS", final=True)}, [1])[1] if one.window == window
    )
    assert early.violated_windows == late.violated_windows == 1
    layout = Layout(ROOT)
    assert layout.decision(window, early.evidence_hash) != layout.decision(window, late.evidence_hash)


def test_windows_without_violations_are_not_decided_on():
    assert decide(verdict(0, "OK", final=True), [0]) == ("nothing", [])
