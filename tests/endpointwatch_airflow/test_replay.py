"""A replay's job: what it is told, and what is shown of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_fakes import ROOT, FakeSageMaker, FakeStore, at_the_border, context, endpoint
from endpointwatch.config.replay import Changes
from endpointwatch.jobs.plan import PLAN, ReplayPlan
from endpointwatch_airflow.errors import MissingResultError, NotRetriedError
from endpointwatch_airflow.operators.replay import ReplayOperator

TABLE = "Replayed with nothing changed\n\nwindow …\n\n2 windows: 1 had violations, 0 would have.\n"
HOURS = {
    f"{ROOT}/data_quality/2026/03/01/{hour}/{name}": f"{hour} {name}"
    for hour in ("11", "12", "13", "14", "15")
    for name in ("state.arrow", "verdict.json", "statistics.json")
}
BASELINES = {f"{ROOT}/baselines/v1/data_quality/constraints.json": "{}"}


def replayer(store: FakeStore, sagemaker: FakeSageMaker | None = None) -> Any:
    """The operator, and a job that leaves what the real one does, as far as the operator looks at it."""
    sagemaker = sagemaker or FakeSageMaker()

    def leave(name: str) -> None:
        plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{name}/plan.json"])
        assert isinstance(plan, ReplayPlan)
        store.write(f"{ROOT}/replays/{plan.name}/replay.json", "{}")
        store.write(f"{ROOT}/replays/{plan.name}/replay.txt", TABLE)

    sagemaker.on_wait = leave
    task = ReplayOperator(task_id="replay", endpoint=endpoint(), retries=2, aws_conn_id=None)
    return at_the_border(task, sagemaker, store)


def test_the_job_gets_states_and_verdicts_of_the_last_windows_and_every_versions_baseline():
    store = FakeStore({**HOURS, **BASELINES})
    task = replayer(store)
    result = task.execute(
        context(task, params={"last_windows": 2, "window": "day", "comparison_threshold": 0.2, "minimum_rows": None})
    )
    (request,) = task.hook.started
    name = request["ProcessingJobName"]
    plan = PLAN.validate_json(store.files[f"{ROOT}/jobs/{name}/plan.json"])
    assert isinstance(plan, ReplayPlan)
    assert (plan.changes, plan.span, plan.one_baseline) == (Changes(comparison_threshold=0.2), "day", False)
    mounts = {mount["InputName"]: mount["S3Input"] for mount in request["ProcessingInputs"]}
    assert mounts["baseline"]["S3Uri"] == f"{ROOT}/baselines/"
    prefix, *names = json.loads(store.files[mounts["states"]["S3Uri"]])
    assert prefix == {"prefix": f"{ROOT}/data_quality/"}
    # The run is of 15:00: the window from 15:00 on had not ended.
    assert names == [f"2026/03/01/{hour}/{file}" for hour in (13, 14) for file in ("state.arrow", "verdict.json")]
    assert result == {
        "replay": f"{ROOT}/replays/{plan.name}/replay.json",
        "summary": "2 windows: 1 had violations, 0 would have.",
        "job": name,
    }
    assert plan.name.startswith("202603011400-")


def test_the_table_stands_in_the_tasks_log(capsys):
    task = replayer(FakeStore({**HOURS, **BASELINES}))
    task.execute(context(task, params={"last_windows": 2}))
    log = capsys.readouterr().out
    assert "Replayed with nothing changed" in log
    assert "2 windows: 1 had violations, 0 would have." in log


def test_other_constraints_take_the_place_of_all_baselines():
    store = FakeStore(HOURS)
    task = replayer(store)
    task.execute(context(task, params={"last_windows": 2, "baseline_uri": "s3://bucket/mine"}))
    (request,) = task.hook.started
    mounts = {mount["InputName"]: mount["S3Input"]["S3Uri"] for mount in request["ProcessingInputs"]}
    assert mounts["baseline"] == "s3://bucket/mine/"
    assert json.loads(store.files[f"{ROOT}/jobs/{request['ProcessingJobName']}/plan.json"])["one_baseline"] is True


def test_the_same_replay_has_one_place_and_another_one_another():
    places = []
    for params in ({"last_windows": 2}, {"last_windows": 2}, {"last_windows": 3}, {"last_windows": 2, "window": "day"}):
        task = replayer(FakeStore({**HOURS, **BASELINES}))
        places.append(task.execute(context(task, params=params))["replay"])
    assert places[0] == places[1]
    assert len(set(places)) == 3


def test_a_retry_finds_its_job_though_a_window_was_judged_meanwhile():
    sagemaker, store = FakeSageMaker(), FakeStore({**HOURS, **BASELINES})
    first = replayer(store, sagemaker)
    one = first.execute(context(first, params={"last_windows": 2}))
    store.write(f"{ROOT}/data_quality/2026/03/01/14/verdict.json", "judged again")
    again = replayer(store, sagemaker)
    assert again.execute(context(again, params={"last_windows": 2}, try_number=2)) == one
    assert len(sagemaker.started) == 1


@pytest.mark.parametrize(
    ("files", "params", "words"),
    [
        pytest.param({}, {"last_windows": 2}, "Run the endpoint's monitor DAG", id="no windows"),
        pytest.param(HOURS, {"comparison_threshold": 3}, "comparison_threshold", id="out of range"),
    ],
)
def test_what_cannot_be_replayed_fails_at_once_and_starts_nothing(files, params, words):
    task = replayer(FakeStore(files))
    with pytest.raises(NotRetriedError, match=words):
        task.execute(context(task, params=params))
    assert task.hook.started == []


def test_windows_that_had_not_ended_at_the_run_are_none_of_it():
    task = replayer(FakeStore(HOURS))
    with pytest.raises(NotRetriedError, match="had ended at 2026-03-01T11:30"):
        task.execute(context(task, run_after=datetime(2026, 3, 1, 11, 30, tzinfo=UTC)))


def test_a_job_without_a_table_is_an_error():
    task = replayer(FakeStore({**HOURS, **BASELINES}))
    task.hook.on_wait = None
    with pytest.raises(MissingResultError, match=r"replay\.txt"):
        task.execute(context(task, params={"last_windows": 2}))
