"""Which columns are watched, and what is asked of single ones, by a monitoring job."""

from __future__ import annotations

from endpointwatch.jobs.plan import BaselinePlan, MonitorPlan
from endpointwatch.states.file import read

PLACE = "data_quality/2026/11/01/14"


def test_excluded_columns_stand_in_no_file_of_the_window(watched, traffic, with_settings):
    done = watched(traffic.lines(300), of=with_settings(excluded_columns=["amount", "prediction"]))
    assert [f["name"] for f in done.document(f"{PLACE}/statistics.json")["features"]] == ["ratio", "colour"]
    assert [f["name"] for f in done.document(f"{PLACE}/constraints.json")["features"]] == ["ratio", "colour"]
    assert read(done.output / PLACE / "state.arrow").names == ("ratio", "colour")
    assert done.verdict["status"] == "OK"
    assert {one["feature_name"] for one in done.verdict["distances"]} == {"ratio", "colour"}


def test_a_column_that_is_not_watched_may_drift(watched, traffic, with_settings):
    lines = traffic.lines(300, shift=50.0)
    assert watched(lines).verdict["status"] == "VIOLATIONS"
    assert watched(lines, of=with_settings(columns=["amount", "colour"])).verdict["status"] == "OK"


def test_settings_change_what_holds_without_another_baseline(watched, traffic, with_settings):
    lines = traffic.lines(300, shift=6.0)
    plain = watched(lines)
    assert [v["feature_name"] for v in plain.verdict["violations"]] == ["ratio"]
    lenient = with_settings(column_overrides={"ratio": {"distribution_constraints": {"comparison_threshold": 0.9}}})
    done = watched(lines, of=lenient)
    assert done.verdict["status"] == "OK"
    # The files learnt are the same: what the endpoint's file says of a column is applied when a window is checked.
    assert done.verdict["baseline_id"] == plain.verdict["baseline_id"]


def test_a_misspelt_column_fails_the_job_with_its_key_and_the_nearest_one(job, learnt, traffic, with_settings, window):
    told = with_settings(column_overrides={"raito": {"completeness": 0.5}})
    monitoring = job()
    monitoring.put(traffic.path, "\n".join(traffic.lines(20)))
    for path, content in learnt().files().items():
        monitoring.put(f"baseline/{path}", content)
    plan = MonitorPlan(endpoint=told, window=window, monitors=("data_quality",), model_version="loans-v1")
    assert monitoring.run(plan) == 255
    assert "endpoint 'loans': monitors.data_quality.column_overrides: there is no column 'raito'" in monitoring.message
    assert "Did you mean 'ratio'? The columns of the baseline of loans-v1 are" in monitoring.message


def test_a_misspelt_column_is_found_when_the_baseline_is_learnt(job, traffic, with_settings):
    baseline = job()
    baseline.put("input/dataset/baseline.csv", traffic.dataset())
    plan = BaselinePlan(
        endpoint=with_settings(excluded_columns=["color"]),
        monitors=("data_quality",),
        model_version="loans-v1",
        dataset_uri="s3://bucket/baseline.csv",
        learned_at="2026-11-01T00:00:00Z",
    )
    assert baseline.run(plan) == 255
    assert "excluded_columns: there is no column 'color'. Did you mean 'colour'?" in baseline.message
    assert "The columns of s3://bucket/baseline.csv are" in baseline.message
