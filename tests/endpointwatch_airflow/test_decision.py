"""From verdicts to the branch that is taken."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_fakes import ROOT, FakeSageMaker, FakeStore, at_the_border, context, deployment, endpoint
from endpointwatch.actions.admission import RetrainRequest
from endpointwatch.config.decision import Action
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.decisions import ActionRecord, Decision, Incident, Permission
from endpointwatch.reports.verdict import Status, Verdict
from endpointwatch_airflow.chosen import CHOSEN
from endpointwatch_airflow.errors import MissingResultError, NotRetriedError
from endpointwatch_airflow.history import history
from endpointwatch_airflow.incidents import keep
from endpointwatch_airflow.operators.decision import DecideOperator, JudgeOperator
from endpointwatch_airflow.operators.notify import NotifyOperator
from endpointwatch_airflow.operators.outcome import RecordActionOperator

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
    changes = {"run_id": f"scheduled__{step}", **changes}
    ctx = context(operator, data_interval_start=window.start, data_interval_end=window.end, **changes)
    operator.execute(ctx)
    return taken[0], ctx["ti"].pushed


def decide(
    store: FakeStore,
    step: int,
    *,
    now: datetime | None = None,
    sagemaker: FakeSageMaker | None = None,
    **changes: Any,
) -> tuple[Any, dict[str, Any]]:
    operator = DecideOperator(
        task_id="decide", endpoint=endpoint(**{**RETRAIN, **changes}), aws_conn_id=None,
        clock=lambda: now or FIRST.shifted(step).end + timedelta(minutes=5),
    )  # fmt: skip
    operator.__dict__["deployments"] = SimpleNamespace(instances=lambda _: {"AllTraffic": 2})
    return run(at_the_border(operator, sagemaker, store), step)


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


# What was done before, and what goes on


POLICY = {"violations": 2, "windows": 3}


def files_of(store: FakeStore, folder: str) -> list[str]:
    return sorted(uri.removeprefix(f"{ROOT}/{folder}/") for uri in store.files if uri.startswith(f"{ROOT}/{folder}/"))


def retrained(at: datetime, version: str = "v0", **jobs: float) -> dict[str, str]:
    record = ActionRecord(endpoint="loans", action="retrain", id=f"r {at}", started_at=at, model_version=version)
    return {record.uri(Layout(ROOT)): record.ended(at, "", training_jobs=jobs).to_json()}


def incidents(store: FakeStore) -> list[Incident]:
    return [Incident.model_validate_json(text) for uri, text in store.files.items() if "/incidents/" in uri]


def test_every_action_that_a_file_may_ask_for_has_a_task():
    for action in get_args(Action):
        assert getattr(DecideOperator(task_id="d", endpoint=endpoint(), aws_conn_id=None), action) == action


@pytest.mark.parametrize("status", ["SCHEMA_CHANGED", "CAPTURE_OFF", "ENCODING_MIXED", "LABELS_MISSING"])
def test_what_no_retraining_mends_is_decided_upon_and_told(status):
    store = FakeStore({**deployment("v1", 3), **verdict(0), **verdict(1), **verdict(2, status)})
    judge = JudgeOperator(task_id="judge", endpoint=endpoint(**RETRAIN), aws_conn_id=None)
    assert run(at_the_border(judge, store=store), 2)[0] == "decide"
    branch, pushed = decide(store, 2)
    assert branch == "notify"
    assert pushed[CHOSEN]["tell"] == ["label_owner" if status == "LABELS_MISSING" else "data_owner"]


def test_nothing_is_trained_on_windows_whose_data_is_broken():
    store = FakeStore({**deployment("v1", 3), **verdict(0, "SCHEMA_CHANGED"), **verdict(1), **verdict(2)})
    branch, pushed = decide(store, 2)
    assert branch == "retrain"
    assert RetrainRequest.model_validate(pushed[CHOSEN]["conf"]).windows == (FIRST.shifted(1), FIRST.shifted(2))


@pytest.mark.parametrize(
    "limits",
    [{"cooldown_hours": 6}, {"budget": {"retrainings_a_day": 1}}, {"quiet_hours": ["12:00-15:00"]}],
    ids=lambda limits: next(iter(limits)),
)
def test_a_retraining_that_is_held_back_is_told_once_and_the_reason_is_on_record(limits):
    before = retrained(FIRST.start - timedelta(hours=1), job=60.0)
    store = FakeStore({**deployment("v1", 3), **before, **verdict(0), **verdict(1)})
    branch, pushed = decide(store, 1, decision={**POLICY, **limits})
    assert (branch, pushed[CHOSEN]["asked"], pushed[CHOSEN]["action"]) == ("notify", "retrain", "notify")
    permission = Permission.model_validate_json(store.files[pushed[CHOSEN]["permission"]])
    assert [guard.name for guard in permission.held_back] == [
        next(iter(limits)).removesuffix("_hours").replace("quiet", "quiet_hours")
    ]
    store.files |= verdict(2)
    assert decide(store, 2, decision={**POLICY, **limits})[0] == "nothing"


def test_an_incident_is_told_once_however_many_windows_it_has_and_the_record_says_when_it_was():
    store = FakeStore(deployment("v1", 3))
    branches = []
    for step in range(27):
        store.files |= verdict(step)
        branch, pushed = decide(store, step, decision={**POLICY, "action": "notify"})
        branches.append(branch)
        if branch == "notify":
            told = NotifyOperator(task_id="n", endpoint=endpoint(), aws_conn_id=None, clock=lambda: FIRST.end)
            operator = at_the_border(told, store=store)
            operator.execute(context(operator, pushed=pushed))
            record = ActionRecord.model_validate_json(store.files[pushed[CHOSEN]["record"]])
            assert (record.outcome, record.tell, record.rule) == ("told", ("endpoint_owner",), "drift")
    assert [step for step, branch in enumerate(branches) if branch == "notify"] == [1, 25]
    (incident,) = incidents(store)
    assert len(incident.windows) == 27


def test_a_try_that_died_after_it_had_recorded_that_it_tells_is_finished_by_the_next():
    store = FakeStore({**deployment("v1", 3), **verdict(0), **verdict(1)})
    first = decide(store, 1, decision={**POLICY, "action": "notify"})
    again = decide(store, 1, decision={**POLICY, "action": "notify"})
    assert first[0] == again[0] == "notify"
    assert first[1][CHOSEN]["record"] == again[1][CHOSEN]["record"]


def test_who_is_told_of_a_retraining_is_told_beside_it():
    store = FakeStore({**deployment("v1", 3), **verdict(0)})
    rules = [{"name": "drift", "action": "retrain", "tell": ["data_owner"]}]
    assert decide(store, 0, decision={"rules": rules})[0] == ["retrain", "notify"]


# Other actions than retraining


def acting(action: str, **more: Any) -> dict[str, Any]:
    return {"decision": {"rules": [{"name": "drift", "violations": 2, "windows": 3, "action": action, **more}]}}


TWO_VERSIONS = {**deployment("v0", 1), **deployment("v1", 3)}
NEEDS = {
    "rollback": {"rollback": {"run_id": "decision__v1__2026-03-01", "conf": {"instead_of": "v1"}}},
    "scale": {"instances": 4},
    "pause": {"pause": {"since": "2026-03-01T12:05:00+00:00", "until": "2026-03-01T18:05:00+00:00"}},
}


def of_action(store: FakeStore, action: str) -> list[ActionRecord]:
    found = [text for uri, text in store.files.items() if uri.startswith(f"{ROOT}/actions/2026/") and action in uri]
    return [ActionRecord.model_validate_json(text) for text in found]


@pytest.mark.parametrize("action", NEEDS)
def test_an_action_gets_what_its_task_needs_is_recorded_and_is_taken_once_a_day(action):
    store = FakeStore({**TWO_VERSIONS, **verdict(0), **verdict(1)})
    policy = acting(action, scaling={"step": 2, "maximum_instances": 5}, pause_hours=6)
    branch, pushed = decide(store, 1, **policy)
    chosen = pushed[CHOSEN]
    assert (branch, chosen["task"], chosen["record"]) == (action, action, None)
    if action == "rollback":
        assert chosen["rollback"]["conf"].pop("reason") == chosen["reason"]
    assert {key: chosen[key] for key in NEEDS[action]} == NEEDS[action]
    (record,) = of_action(store, action)
    assert chosen["acted"] == record.uri(Layout(ROOT))
    assert (record.model_version, record.rule, record.ended_at) == ("v1", "drift", None)
    store.files |= verdict(2)
    assert decide(store, 2, **policy)[0] == "nothing"
    assert of_action(store, action) == [record]


def test_a_try_that_died_after_it_had_recorded_a_rollback_is_finished_by_the_next():
    store = FakeStore({**TWO_VERSIONS, **verdict(0), **verdict(1)})
    first, again = (decide(store, 1, **acting("rollback", tell=["data_owner"])) for _ in range(2))
    assert first[0] == again[0] == ["rollback", "notify"]
    assert first[1][CHOSEN] == again[1][CHOSEN]
    assert len(of_action(store, "rollback")) == 1


@pytest.mark.parametrize(
    ("hosting", "sagemaker"), [({"variant_name": "other"}, FakeSageMaker()), ({}, FakeSageMaker(live=None))]
)
def test_an_endpoint_without_the_variant_or_not_there_at_all_is_not_scaled_and_people_are_told(hosting, sagemaker):
    store = FakeStore({**TWO_VERSIONS, **verdict(0), **verdict(1)})
    branch, pushed = decide(store, 1, sagemaker=sagemaker, hosting=hosting, **acting("scale"))
    assert (branch, pushed[CHOSEN]["acted"]) == ("notify", None)


def test_the_first_version_has_nothing_to_go_back_to_and_one_brought_back_stays_until_a_person_decides():
    first = FakeStore({**deployment("v1", 3), **verdict(0), **verdict(1)})
    back = deployment("v1", 9)
    (place,) = back
    back[place] = back[place].replace('"how": "deploy"', '"how": "rollback"')
    brought_back = FakeStore({**TWO_VERSIONS, **deployment("v2", 6), **back, **verdict(0), **verdict(1)})
    for store in (first, brought_back):
        branch, pushed = decide(store, 1, **acting("rollback"))
        assert (branch, pushed[CHOSEN]["acted"]) == ("notify", None)
        permission = Permission.model_validate_json(store.files[pushed[CHOSEN]["permission"]])
        assert [guard.name for guard in permission.held_back] == ["way_back"]


@pytest.mark.parametrize(("state", "outcome"), [("success", "done"), ("skipped", "done"), ("failed", "failed")])
def test_how_an_action_ended_is_written_into_its_record_and_one_that_failed_fails_the_run(state, outcome):
    store = FakeStore({**TWO_VERSIONS, **verdict(0), **verdict(1)})
    pushed = decide(store, 1, **acting("scale"))[1]
    operator = RecordActionOperator(task_id="record", aws_conn_id=None, clock=lambda: FIRST.shifted(2).end)
    ctx = context(at_the_border(operator, store=store), pushed=pushed)
    ctx["ti"].get_task_states = lambda *, dag_id, run_ids: {run_ids[0]: {"scale": state}}
    if outcome == "failed":
        with pytest.raises(NotRetriedError, match="'scale' has failed"):
            operator.execute(ctx)
    else:
        assert operator.execute(ctx) == "done"
    (record,) = of_action(store, "scale")
    assert (record.outcome, record.ended_at) == (outcome, FIRST.shifted(2).end)


def test_old_windows_that_are_backfilled_tell_nobody():
    store = FakeStore({**deployment("v1", 3), **verdict(0), **verdict(1)})
    late = FIRST.end + timedelta(days=90)
    assert decide(store, 1, now=late, decision={**POLICY, "action": "notify"})[0] == "nothing"
    assert [incident.open_at(late) for incident in incidents(store)] == [False]


def test_a_quiet_window_closes_the_incident_without_a_decision():
    store = FakeStore({**deployment("v1", 3), **verdict(0)})
    decide(store, 0)
    decisions = files_of(store, "decisions")
    for step in (1, 2, 3):
        store.files |= verdict(step, "OK")
        judge = JudgeOperator(task_id="judge", endpoint=endpoint(**RETRAIN), aws_conn_id=None)
        assert run(at_the_border(judge, store=store), step)[0] == "healthy"
    (incident,) = incidents(store)
    assert incident.closed_by == FIRST.shifted(3)
    assert files_of(store, "decisions") == decisions


STORY = ["VIOLATIONS", "OK", "SCHEMA_CHANGED", "VIOLATIONS", "OK", "OK", "OK", "VIOLATIONS", "NO_DATA"]


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(len(STORY))))
def test_the_incidents_on_record_do_not_depend_on_the_order_in_which_windows_finish(order):
    def left(order: Iterable[int]) -> dict[str, str]:
        store = FakeStore(deployment("v1", 3))
        for step in order:
            store.files |= verdict(step, STORY[step])  # type: ignore[arg-type]
            keep(store, endpoint(**RETRAIN), FIRST.shifted(step), now=FIRST.shifted(20).end)  # type: ignore[arg-type]
        return {uri: text for uri, text in store.files.items() if "/incidents/" in uri}

    assert left(order) == left(range(len(STORY)))


def test_incidents_are_looked_at_again_when_a_verdict_came_while_they_were_written():
    class Busy(FakeStore):
        def write(self, uri: str, text: str, **_: Any) -> None:
            super().write(uri, text)
            self.files |= verdict(1)

    store = Busy({**deployment("v1", 3), **verdict(0)})
    keep(store, endpoint(**RETRAIN), FIRST, now=FIRST.shifted(9).end)  # type: ignore[arg-type]
    (incident,) = incidents(store)
    assert incident.last == FIRST.shifted(1)


def test_a_window_judged_again_without_trouble_takes_its_incident_back():
    store = FakeStore({**deployment("v1", 3), **verdict(0)})
    watched = endpoint(**RETRAIN)
    keep(store, watched, FIRST, now=FIRST.end)  # type: ignore[arg-type]
    assert incidents(store)
    store.files |= verdict(0, "OK")
    keep(store, watched, FIRST, now=FIRST.end)  # type: ignore[arg-type]
    assert incidents(store) == []


def test_a_record_that_cannot_be_read_stops_the_decision_and_says_what_to_do():
    broken = {f"{ROOT}/actions/2026/03/01/090000-retrain-x.json": "{}"}
    with pytest.raises(NotRetriedError, match="Budget and cooldown cannot be held"):
        decide(FakeStore({**deployment("v1", 3), **verdict(0), **verdict(1), **broken}), 1)


def test_a_record_of_an_incident_that_cannot_be_read_can_be_deleted():
    store = FakeStore({**deployment("v1", 3), **verdict(0), Layout(ROOT).incident("drift", FIRST): "{}"})
    with pytest.raises(NotRetriedError, match="it is made again from the verdicts"):
        decide(store, 0)


def test_of_the_history_only_the_last_month_is_read():
    old, recent = FIRST.end - timedelta(days=40), FIRST.end - timedelta(days=30)
    store = FakeStore({**retrained(old), **retrained(recent), f"{ROOT}/actions/decisions/2026/03/01/10/a/b.json": "{"})
    assert [one.started_at for one in history(store, Layout(ROOT), FIRST.end)] == [recent]  # type: ignore[arg-type]
