"""All four monitors on one endpoint in a real Airflow: who says what about which hour, and what is done about it."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math

import pytest

from loanapp.cloud import split
from loanapp.results import ATTRIBUTION, BASELINE_FILES, BIAS, MONITOR, QUALITY, RESULT_FILES
from loanapp.verdicts import wanted

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

MONITORS = (MONITOR, QUALITY, BIAS, ATTRIBUTION)


def table(loop, uri):
    """The rows of a CSV file in S3."""
    bucket, key = split(uri)
    return list(csv.DictReader(io.StringIO(loop.cloud.read(bucket, key).decode())))


@pytest.fixture(scope="module")
def verdicts(loop):
    """Hour → monitor → verdict, once all labels have come."""
    return [
        (hour, {monitor: loop.results.verdict(hour.window, monitor) for monitor in loop.results.monitors})
        for hour in loop.story.hours
    ]


def test_the_demos_endpoint_is_watched_by_all_four(loop):
    assert loop.results.monitors == MONITORS


@pytest.mark.parametrize("monitor", MONITORS)
def test_each_monitor_has_violations_in_the_new_systems_hours_and_nowhere_else(verdicts, monitor):
    said = [of[monitor].status for _, of in verdicts]
    assert said == [wanted(hour, monitor, came=True) for hour, _ in verdicts]
    assert said.count("OK") == 21
    assert said.count("VIOLATIONS") == 3


def test_what_waits_for_labels_is_provisional_until_they_come_and_the_rest_waits_for_none(loop):
    late = {f"window {hour.window.start:%d %H:%M}" for hour in loop.story.late}
    for row in loop.rows:
        if row.stage in late:
            said = dict(zip(loop.results.monitors, (text.split()[0] for text in row.said), strict=True))
            assert said[BIAS] == said[QUALITY] == "PROVISIONAL"
            assert said[MONITOR] == said[ATTRIBUTION] != "PROVISIONAL"
    for hour in loop.story.hours:
        for monitor in (BIAS, QUALITY):
            folder = f"{loop.results.layout.window(monitor, hour.window)}/judgements"
            bucket, _ = split(folder)
            statuses = {json.loads(loop.cloud.read(bucket, key))["status"] for key in loop.cloud.keys(folder)}
            assert ("PROVISIONAL" in statuses) == hour.late
            assert len(statuses) == (2 if hour.late else 1)


@pytest.mark.parametrize("monitor", MONITORS)
def test_every_window_and_both_baselines_have_the_monitors_files(loop, monitor):
    layout = loop.results.layout
    for hour in loop.story.hours:
        assert loop.results.missing(layout.window(monitor, hour.window), RESULT_FILES[monitor]) == []
    ids = set()
    for version in ("loan-approval-v1", "loan-approval-v2"):
        folder = layout.baseline(version, monitor)
        assert loop.results.missing(folder, BASELINE_FILES[monitor]) == []
        ids.add(loop.cloud.json(f"{folder}/baseline.json")["id"])
    assert len(ids) == 2


def test_the_model_leans_on_the_amounts_of_money_where_it_leant_on_the_credit_history(verdicts):
    for hour, of in verdicts:
        told = of[ATTRIBUTION].attribution
        assert (told.method, told.exact) == ("linear", True)
        assert told.rows_explained == told.rows_sampled == len(hour.applications)
        if hour.drifted:
            assert [v.constraint_check_type for v in of[ATTRIBUTION].violations] == ["feature_attribution_drift_check"]
            changes = {change.feature_name: change for change in told.changes}
            assert changes["price"].rank == 1
            assert changes["gdlin"].rank > changes["gdlin"].baseline_rank
            # The advice has read what data quality found in the same job.
            assert "data quality found drift in" in told.next_steps[0]
            assert any(step.startswith("Retrain") for step in told.next_steps)


def test_the_explanation_of_each_prediction_adds_up_to_the_captured_answer(loop):
    hour = loop.story.hours[0]
    folder = f"{loop.results.layout.window(ATTRIBUTION, hour.window)}/explanations_shap"
    values, predictions = table(loop, f"{folder}/out.csv"), table(loop, f"{folder}/predictions.csv")
    assert {row["inference_id"] for row in predictions} == {one.inference_id for one in hour.applications}
    assert len(values) == len(predictions) == len(hour.applications)
    for row, told in zip(values, predictions, strict=True):
        total = math.fsum([float(told["expected_label0"]), *map(float, row.values())])
        assert total == pytest.approx(float(told["output_label0"]), abs=1e-6)


def test_the_bias_monitor_says_whom_a_model_that_approves_everybody_wrongs(verdicts):
    for hour, of in verdicts:
        found = [(v.facet, v.facet_value, v.metric_name) for v in of[BIAS].violations]
        assert found == ([("gdlin", "0", "AD")] if hour.drifted else [])
        assert of[BIAS].labels_final


def test_several_monitors_violations_in_one_window_are_one_violated_window(loop):
    windows = [hour.window for hour in loop.story.drifted]
    decisions = list(itertools.chain.from_iterable(loop.results.decisions(window) for window in windows))
    assert {decision["violated_windows"] for decision in decisions} <= {1, 2, 3}
    answered = [decision for decision in decisions if decision["action"] == "retrain"]
    assert {decision["violated_windows"] for decision in answered} == {3}
    # A window's verdicts become visible one by one; in the end a decision has seen all of them.
    assert max(len(decision["evidence"]) for decision in answered) == 3 * len(MONITORS)


def test_jobs_load_the_artefact_of_the_version_that_served_and_nothing_else_serves_it(loop):
    packages = loop.results.packages()
    artefacts = [package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] for package in packages]
    windows = [row for row in loop.rows if row.stage.startswith("window")]
    for row, artefact in ((windows[0], artefacts[0]), (windows[-1], artefacts[1])):
        job = loop.cloud.sagemaker.describe_processing_job(ProcessingJobName=row.job)
        mounted = {one["InputName"]: one["S3Input"]["S3Uri"] for one in job["ProcessingInputs"]}
        assert mounted["model"] == artefact
    # No shadow endpoint: the one that is watched is the only one there is.
    assert len(loop.cloud.sagemaker.list_endpoints()["Endpoints"]) == 1
