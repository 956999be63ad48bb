"""From verdicts to the branch that is taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from airflow_fakes import ROOT, FakeStore, at_the_border, context, deployment, endpoint
from endpointwatch.actions.admission import RetrainRequest
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.decisions import Decision
from endpointwatch.reports.verdict import Status, Verdict
from endpointwatch_airflow.errors import MissingResultError
from endpointwatch_airflow.operators.decision import CHOSEN, DecideOperator, JudgeOperator, NotifyOperator

FIRST = Window.of(datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 11, tzinfo=UTC))
TRAINING = {
    "image_uri": "i", "initial_dataset_uri": "s3://bucket/initial.csv", "artifacts_uri": "s3://bucket/artifacts",
    "ground_truth_uri": "s3://bucket/truth", "features": ["a"], "label": "y", "model_package_group": "loans",
}  # fmt: skip
DECISIONS = f"{ROOT}/decisions/"
RETRAIN = {"training": TRAINING, "decision": {"violations": 2, "windows": 3, "action": "retrain"}}


def verdict(step: int, status: Status = "VIOLATIONS", version: str = "v1") -> dict[str, str]:
    window = FIRST.shifted(step)
    text = Verdict(
        endpoint="loans", monitor="data_quality", window=window, status=status, model_version=version
    ).to_json()
    return {f"{ROOT}/data_quality/{window.path}/verdict.json": text}


def run(operator: Any, step: int, **changes: Any) -> tuple[Any, dict[str, Any]]:
    taken: list[Any] = []
    operator.do_branch = lambda context, branch: taken.append(branch) or branch
    window = FIRST.shifted(step)
    ctx = context(operator, data_interval_start=window.start, data_interval_end=window.end, **changes)
    operator.execute(ctx)
    return taken[0], ctx["ti"].pushed


def decide(store: FakeStore, step: int, *, now: datetime | None = None, **changes: Any) -> tuple[Any, dict[str, Any]]:
    operator = DecideOperator(
        task_id="decide", endpoint=endpoint(**{**RETRAIN, **changes}), aws_conn_id=None,
        clock=lambda: now or FIRST.shifted(step).end + timedelta(minutes=5),
    )  # fmt: skip
    return run(at_the_border(operator, store=store), step)


@pytest.mark.parametrize(
    ("status", "branch"),
    [("VIOLATIONS", "decide"), ("OK", "healthy"), ("NO_DATA", "healthy"), ("JOB_FAILED", "healthy")],
)
def test_only_violations_lead_to_a_decision(status, branch):
    operator = JudgeOperator(task_id="judge", endpoint=endpoint(), aws_conn_id=None)
    assert run(at_the_border(operator, store=FakeStore(verdict(0, status))), 0)[0] == branch


def test_a_window_without_any_verdict_cannot_be_judged():
    operator = JudgeOperator(task_id="judge", endpoint=endpoint(), aws_conn_id=None)
    with pytest.raises(MissingResultError, match="no verdict"):
        run(at_the_border(operator, store=FakeStore()), 0)


def test_one_violation_is_recorded_and_nothing_is_done():
    store = FakeStore({**deployment("v1", 3), **verdict(0)})
    assert decide(store, 0)[0] == "nothing"
    (text,) = [text for uri, text in store.files.items() if uri.startswith(DECISIONS)]
    assert Decision.from_json(text).violated_windows == 1


def test_violations_in_enough_windows_ask_for_a_retraining_with_a_form_that_it_takes():
    store = FakeStore({**deployment("v1", 3), **verdict(0), **verdict(1, "OK"), **verdict(2)})
    branch, pushed = decide(store, 2)
    assert branch == "retrain"
    chosen = pushed[CHOSEN]
    assert chosen["run_id"] == "drift__v1__2026-03-01"
    request = RetrainRequest.model_validate(chosen["conf"])
    assert request.windows == (FIRST, FIRST.shifted(1), FIRST.shifted(2))
    assert request.model_version == "v1"
    assert Decision.from_json(store.files[request.decision]).action == "retrain"


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_the_decisions_on_record_do_not_depend_on_the_order_in_which_windows_finish(order):
    """Each run sees the verdicts that are there by then; the last decision on each window sees all."""
    statuses: list[Status] = ["VIOLATIONS", "OK", "VIOLATIONS", "VIOLATIONS"]

    def final(order: tuple[int, ...]) -> tuple[set[str], dict[str, bool]]:
        store, acted = FakeStore(deployment("v1", 3)), []
        for step in order:
            store.files.update(verdict(step, statuses[step]))
            if statuses[step] == "VIOLATIONS":
                acted.append(decide(store, step, now=FIRST.shifted(4).end)[0])
        last: set[str] = set()
        for step in range(4):
            everything = DecideOperator(task_id="d", endpoint=endpoint(**RETRAIN), aws_conn_id=None)
            at_the_border(everything, store=store)
            last |= {uri for decision, uri in everything._decided((FIRST.shifted(step),), Layout(ROOT))}
        return last, {"retrained": "retrain" in acted}

    assert final(order) == final((0, 1, 2, 3))


def test_a_window_that_ended_long_ago_is_decided_and_recorded_but_starts_nothing():
    store = FakeStore({**deployment("v1", 3), **verdict(0), **verdict(1)})
    assert decide(store, 1, now=FIRST.end + timedelta(days=30))[0] == "nothing"
    actions = {Decision.from_json(text).action for uri, text in store.files.items() if uri.startswith(DECISIONS)}
    assert actions == {"retrain"}


def test_drift_of_a_version_that_was_replaced_is_answered_already():
    store = FakeStore({**deployment("v1", 3), **deployment("v2", 14), **verdict(0), **verdict(1)})
    assert decide(store, 1)[0] == "nothing"


def test_a_policy_that_notifies_takes_the_other_branch_and_says_what_was_decided(caplog):
    store = FakeStore({**deployment("v1", 3), **verdict(0), **verdict(1)})
    branch, pushed = decide(store, 1, decision={"violations": 2, "windows": 3, "action": "notify"})
    assert branch == "notify"
    operator = at_the_border(NotifyOperator(task_id="notify", endpoint=endpoint(), aws_conn_id=None), store=store)
    ctx = context(operator, pushed=pushed)
    assert "2 of the last 3 windows of v1 had violations" in operator.execute(ctx)


def test_the_same_decision_twice_leaves_the_same_files_but_for_what_was_allowed_then():
    store = FakeStore({**deployment("v1", 3), **verdict(0), **verdict(1)})
    decide(store, 1)
    before = dict(store.files)
    decide(store, 1, now=FIRST.end + timedelta(days=30))
    assert {uri: store.files[uri] for uri in before} == before
    assert all(uri.startswith(f"{ROOT}/actions/decisions/") for uri in store.files.keys() - before.keys())
