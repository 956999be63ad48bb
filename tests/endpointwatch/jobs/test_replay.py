from __future__ import annotations

import json

import pytest

from endpointwatch.config.replay import Changes
from endpointwatch.jobs.plan import ReplayPlan
from endpointwatch.reports.replay import Replay

NO_VIOLATIONS = "Completed: Job completed successfully with no violations."


@pytest.fixture
def replaying(job, watched, traffic, learnt, endpoint):
    """A replay of one window with drift, as a job of the plan."""

    def run(changes: Changes, *, of=endpoint, one_baseline: bool = False, baseline: bool = True):
        replay = job()
        for path, content in watched(traffic.lines(600, shift=9.0)).files().items():
            replay.put(f"input/states/{path.removeprefix('data_quality/')}", content)
        place = "baseline" if one_baseline else "baseline/loans-v1/data_quality"
        for path, content in learnt().files().items() if baseline else ():
            replay.put(f"{place}/{path.removeprefix('data_quality/')}", content)
        plan = ReplayPlan(endpoint=of, name="trial", changes=changes, one_baseline=one_baseline)
        return replay, replay.run(plan)

    return run


@pytest.mark.parametrize("one_baseline", [False, True])
def test_a_replay_job_leaves_json_and_a_table_and_its_violations_are_none_of_the_jobs(replaying, one_baseline):
    job, code = replaying(Changes(), one_baseline=one_baseline)
    assert (code, job.message) == (0, NO_VIOLATIONS)
    assert set(job.files()) == {"replays/trial/replay.json", "replays/trial/replay.txt"}
    (window,) = Replay.model_validate_json(job.files()["replays/trial/replay.json"]).windows
    assert (window.now, window.statuses_then, window.violations_then) == ("VIOLATIONS", ("VIOLATIONS",), 1)
    assert [distance.feature_name for distance in window.drifted] == ["ratio"]
    assert b"2026-11-01T14:00:00Z/2026-11-01T15:00:00Z" in job.files()["replays/trial/replay.txt"]


def test_the_same_replay_twice_leaves_the_same_bytes(replaying):
    changes = Changes(comparison_threshold=0.99)
    one, two = (replaying(changes)[0].files() for _ in range(2))
    assert one == two
    assert json.loads(one["replays/trial/replay.json"])["windows"][0]["now"] == "OK"


def test_the_monitors_own_settings_hold_where_the_replay_changes_nothing(replaying, with_settings):
    job, _ = replaying(Changes(), of=with_settings(minimum_rows=601))
    assert job.document("replays/trial/replay.json")["windows"][0]["now"] == "TOO_FEW_ROWS"


def test_a_version_without_a_baseline_is_no_baseline(replaying):
    job, code = replaying(Changes(), baseline=False)
    assert code == 0
    assert job.document("replays/trial/replay.json")["windows"][0]["now"] == "NO_BASELINE"


def test_settings_that_exclude_each_other_fail_the_job_with_the_reason(replaying):
    job, code = replaying(Changes(aws_compatible="Enabled", benjamini_hochberg="Enabled"))
    assert code == 255
    assert "exclude each other" in job.message
