from __future__ import annotations

import json

import pytest

from endpointwatch.jobs.plan import MonitorPlan
from endpointwatch.reports.verdict import Verdict
from endpointwatch.states.file import read

NO_VIOLATIONS = "Completed: Job completed successfully with no violations."


def test_traffic_like_the_baseline_is_ok(watched, traffic, learnt):
    job = watched(traffic.lines(600))
    verdict = job.verdict
    assert verdict["status"] == "OK"
    assert verdict["rows"] == {"read": 600, "analysed": 600, "set_aside": 0, "outside_window": 0, "skipped": 0}
    assert verdict["evidence"] == "All constraints hold over 600 rows."
    assert verdict["model_version"] == "loans-v1"
    assert verdict["baseline_id"] == learnt().document("data_quality/baseline.json")["id"]
    assert [d["feature_name"] for d in verdict["distances"]] == ["prediction", "amount", "ratio", "colour"]
    assert job.message == NO_VIOLATIONS
    assert Verdict.model_validate(verdict).to_json().encode() == job.files()["data_quality/2026/11/01/14/verdict.json"]


def test_a_shifted_feature_is_one_violation_in_every_file_and_in_the_message(watched, traffic):
    job = watched(traffic.lines(600, shift=9.0))
    assert job.verdict["status"] == "VIOLATIONS"
    (violation,) = job.verdict["violations"]
    assert (violation["feature_name"], violation["constraint_check_type"]) == ("ratio", "baseline_drift_check")
    assert job.document("data_quality/2026/11/01/14/constraint_violations.json") == {"violations": [violation]}
    assert job.message == "CompletedWithViolations: Job completed successfully with 1 violations."


def test_three_malformed_lines_of_a_hundred_leave_a_verdict_over_97_rows_that_names_the_three(watched, traffic):
    lines = traffic.lines(100)
    lines[9] = "{broken"
    lines[49] = lines[49].replace(",red", "").replace(",blue", "")
    lines[79] = lines[79].replace('"data"', '"dato"')
    job = watched(lines)
    verdict = job.verdict
    assert verdict["status"] == "OK"
    assert verdict["rows"] == {"read": 100, "analysed": 97, "set_aside": 3, "outside_window": 0, "skipped": 0}
    file = traffic.path.removeprefix("input/capture/")
    assert [(fault["file"], fault["line"]) for fault in verdict["set_aside"]] == [(file, 10), (file, 50), (file, 80)]
    assert verdict["set_aside"][1]["reason"] == "the row has 3 cells, the others have 4"
    assert job.document("data_quality/2026/11/01/14/statistics.json")["dataset"]["item_count"] == 97


def test_the_same_window_twice_leaves_the_same_bytes(watched, traffic):
    lines = [*traffic.lines(300, shift=9.0), "{broken"]
    one, two = watched(lines).files(), watched(lines).files()
    assert sorted(one) == [
        f"data_quality/2026/11/01/14/{name}"
        for name in ("constraint_violations.json", "constraints.json", "state.arrow", "statistics.json", "verdict.json")
    ]
    assert one == two


def test_the_state_beside_the_result_is_that_of_the_windows_rows(watched, traffic):
    job = watched(traffic.lines(60))
    state = read(job.output / "data_quality/2026/11/01/14/state.arrow")
    assert state.names == ("prediction", "amount", "ratio", "colour")
    assert state.rows == 60


def test_without_a_baseline_the_verdict_says_so_and_the_statistics_are_there(watched, traffic):
    job = watched(traffic.lines(50), baseline=False)
    assert job.verdict["status"] == "NO_BASELINE"
    assert "onboard" in job.verdict["remedy"]
    names = [f["name"] for f in job.document("data_quality/2026/11/01/14/statistics.json")["features"]]
    assert names == ["_c0", "_c1", "_c2", "_c3"]


def test_rows_outside_the_window_are_counted_and_not_analysed(watched, traffic):
    late = traffic.record(1).replace("T14:", "T15:")
    job = watched([late, late])
    assert job.verdict["status"] == "NO_DATA"
    assert job.verdict["rows"]["outside_window"] == 2
    assert job.message == NO_VIOLATIONS


def test_fewer_rows_than_asked_for_are_not_judged(watched, traffic, with_settings):
    job = watched(traffic.lines(40, shift=50.0), of=with_settings(minimum_rows=41))
    assert job.verdict["status"] == "TOO_FEW_ROWS"
    assert job.verdict["violations"] == []
    assert job.verdict["evidence"] == "40 rows could be analysed, fewer than minimum_rows = 41."
    assert job.document("data_quality/2026/11/01/14/constraint_violations.json") == {"violations": []}
    assert job.message == NO_VIOLATIONS
    judged = watched(traffic.lines(41, shift=50.0), of=with_settings(minimum_rows=41))
    assert judged.verdict["status"] == "VIOLATIONS"


def test_drift_that_chance_explains_is_no_violation_under_benjamini_hochberg(watched, traffic, with_settings):
    loose = {"comparison_method": "Simple", "comparison_threshold": 0.02, "categorical_comparison_threshold": 0.02}
    lines = traffic.lines(60, shift=9.0)
    drifted = {
        switch: [violation["feature_name"] for violation in watched(lines, of=settings).verdict["violations"]]
        for switch in ("Disabled", "Enabled")
        if (settings := with_settings(distribution_constraints=loose, benjamini_hochberg=switch))
    }
    assert "amount" in drifted["Disabled"]
    assert "ratio" in drifted["Enabled"]
    assert "amount" not in drifted["Enabled"]


def test_traffic_in_another_encoding_is_not_judged_and_says_which(watched, traffic):
    job = watched([line.replace('"CSV"', '"BASE64"') for line in traffic.lines(20)])
    assert job.verdict["status"] == "ENCODING_MIXED"
    assert "captured as BASE64 (content type text/csv" in job.verdict["evidence"]


def test_another_number_of_columns_is_one_violation_and_a_changed_schema(watched, traffic):
    job = watched([line.replace(",red", ",red,9").replace(",blue", ",blue,9") for line in traffic.lines(50)])
    assert job.verdict["status"] == "SCHEMA_CHANGED"
    (violation,) = job.verdict["violations"]
    assert violation["feature_name"] == "Extra columns"
    assert violation["description"] == (
        "There are extra columns in current dataset. Number of columns in current dataset: 5, "
        "Number of columns in baseline constraints: 4"
    )


def test_a_monitor_of_the_input_alone_leaves_the_output_out_on_both_sides(watched, traffic, with_settings):
    job = watched(traffic.lines(100), of=with_settings(include_output=False))
    assert job.verdict["status"] == "OK"
    assert [d["feature_name"] for d in job.verdict["distances"]] == ["amount", "ratio", "colour"]


def test_metrics_are_left_where_sagemaker_picks_them_up_with_the_windows_time(watched, traffic):
    job = watched(traffic.lines(30))
    lines = (job.base / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl").read_text(encoding="utf-8").splitlines()
    metrics = {metric["MetricName"]: metric for metric in map(json.loads, lines)}
    assert metrics["feature_non_null_colour"]["Value"] == 1.0
    assert metrics["feature_data_amount"]["StatisticValues"]["SampleCount"] == 30.0
    assert "feature_baseline_drift_ratio" in metrics
    assert {metric["Timestamp"] for metric in metrics.values()} == {"2026-11-01T14:00:00Z"}


@pytest.mark.parametrize("broken", ["constraints.json", "baseline.json", "statistics.json"])
def test_an_unreadable_baseline_fails_the_job_with_the_reason(job, learnt, traffic, endpoint, window, broken):
    monitoring = job()
    monitoring.put(traffic.path, traffic.record(1) + "\n")
    for path, content in learnt().files().items():
        monitoring.put(f"baseline/{path}", b"{" if path.endswith(broken) else content)
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("data_quality",), model_version="loans-v1")
    assert monitoring.run(plan) == 255
    assert monitoring.message.startswith("Error: ")
    assert "Baseline again" in monitoring.message


def test_a_monitor_that_is_not_declared_fails_the_job(job, traffic, endpoint, window):
    monitoring = job()
    monitoring.put(traffic.path, traffic.record(1) + "\n")
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("bias",), model_version="loans-v1")
    assert monitoring.run(plan) == 255
    assert "'bias'" in monitoring.message
