"""Following DAG runs, against an Airflow that answers what the test says."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from loanapp import runs as module
from loanapp.progress import Reporter
from loanapp.runs import DemoError, Runs

FIRST = datetime(2026, 3, 1, 0, tzinfo=UTC)


class Airflow:
    """Answers of Airflow's REST API, as the client gives them."""

    url = "http://airflow"

    def __init__(self, *, state="success", looks=()):
        self.state = state
        self.looks = list(looks)  # what `runs` answers, one look after the other; the last one for ever
        self.asked = []

    def wait(self, dag_id, run_id, *, seconds, seen):
        seen(self.task_instances(dag_id, run_id))
        return {"dag_run_id": run_id, "state": self.state}

    def task_instances(self, dag_id, run_id):
        return [
            {"task_id": "train", "state": "failed" if self.state == "failed" else "success", "try_number": 3},
            {"task_id": "deploy", "state": "upstream_failed", "try_number": 0},
        ]

    def log(self, dag_id, run_id, task_id, *, attempt):
        return "\n".join([f"line {number}" for number in range(100)] + [f"{task_id} broke at try {attempt}"])

    def runs(self, dag_id, **query):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def backfill(self, dag_id, first, last, *, reprocess, max_active_runs):
        self.asked.append((dag_id, first, last, reprocess, max_active_runs))
        return {"id": 7}

    def request(self, method, path):
        return {"completed_at": "2026-03-01T03:00:00Z"}


@pytest.fixture
def told():
    return io.StringIO()


@pytest.fixture
def reporter(told):
    return Reporter(Console(file=told, width=200, no_color=True))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.0)


def windows(*states):
    return [
        {"dag_run_id": f"run {at}", "logical_date": (FIRST + timedelta(hours=at)).isoformat(), "state": state}
        for at, state in enumerate(states)
    ]


def test_a_run_that_failed_says_which_task_the_end_of_its_log_and_where_to_look(reporter):
    with pytest.raises(DemoError) as caught:
        Runs(Airflow(state="failed"), reporter).finish("loan__retrain", "run 1")
    text = str(caught.value)
    assert "Run run 1 of loan__retrain failed." in text
    assert "Task train failed at try 3" in text
    assert "train broke at try 3" in text
    assert "line 99" in text
    assert "line 10\n" not in text
    assert "deploy" not in text
    assert text.endswith("http://airflow/dags/loan__retrain/runs/run 1")


def test_a_run_that_somebody_else_starts_is_the_first_one_not_known(reporter):
    airflow = Airflow(looks=[windows("running")[:1], windows("success", "queued")])
    assert Runs(airflow, reporter).next_of("loan__onboard", {"run 0"}, why="v1 was deployed")["dag_run_id"] == "run 1"


def test_a_run_that_never_comes_is_an_error_that_says_why_it_should_have(reporter, monkeypatch):
    monkeypatch.setattr(module, "APPEAR_SECONDS", 0.0)
    with pytest.raises(DemoError, match=r"No run of loan__onboard .* although v1 was deployed"):
        Runs(Airflow(looks=[[]]), reporter).next_of("loan__onboard", set(), why="v1 was deployed")


def test_a_backfill_is_done_when_every_window_has_a_run_that_succeeded(reporter, told):
    airflow = Airflow(
        looks=[windows("queued"), windows("success", "running"), windows("success", "success", "success", "success")]
    )
    last = FIRST + timedelta(hours=3)
    ended = Runs(airflow, reporter).backfill("loan__monitor", FIRST, last, reprocess="completed", at_once=4)
    assert [run["dag_run_id"] for run in ended] == ["run 0", "run 1", "run 2", "run 3"]
    assert airflow.asked == [("loan__monitor", FIRST, last, "completed", 4)]
    assert "4 of 4" in told.getvalue()


def test_a_backfill_with_a_failed_window_stops_at_once(reporter):
    airflow = Airflow(state="failed", looks=[windows("success", "failed", "running")])
    with pytest.raises(DemoError, match="Run run 1 of loan__monitor failed"):
        Runs(airflow, reporter).backfill(
            "loan__monitor", FIRST, FIRST + timedelta(hours=2), reprocess="none", at_once=4
        )


def test_a_backfill_that_gets_stuck_names_the_windows_that_did_not_end(reporter, monkeypatch):
    monkeypatch.setattr(module, "STALL_SECONDS", -1.0)
    airflow = Airflow(looks=[windows("queued", "queued")])
    with pytest.raises(DemoError, match=r"stuck at 0 of 2 .*2026-03-01T01:00:00\+00:00': 'queued'"):
        Runs(airflow, reporter).backfill(
            "loan__monitor", FIRST, FIRST + timedelta(hours=1), reprocess="none", at_once=4
        )
