"""What a retraining leaves on record, and how the record keeps the next one from starting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from endpointwatch.config.layout import Layout
from endpointwatch.decisions import ActionRecord
from endpointwatch_airflow.errors import JobError
from endpointwatch_airflow.operators.admission import AdmitRetrainingOperator
from endpointwatch_airflow.operators.training import TrainModelOperator

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FORM = {
    "windows": [{"start": "2026-11-22T03:00:00Z", "end": "2026-11-22T04:00:00Z"}],
    "decision": "s3://b/decision.json",
    "model_version": "loan-approval-v3",
}


@pytest.fixture
def limited(endpoint):
    """The endpoint with a cooldown and a budget."""
    limits = {
        "cooldown_hours": 2,
        "budget": {"retrainings_a_day": 1, "training_hours_a_day": 3},
        "quiet_hours": ["Sat"],
    }
    return type(endpoint).model_validate({**endpoint.model_dump(exclude_unset=True), "decision": limits})


@pytest.fixture
def admit(sagemaker, s3, limited, context):
    sagemaker.serve("loan-approval", "loan-approval-v3")

    def run(*, run_id="drift__1", at=NOW, **form):
        operator = AdmitRetrainingOperator(
            task_id="admit", endpoint=limited, request={**FORM, **form}, aws_conn_id=None, region_name="us-east-1",
            clock=lambda: at,
        )  # fmt: skip
        return operator.execute(context(operator, run_id=run_id))

    return run


@pytest.fixture
def train(sagemaker, s3, limited, context):
    def run(retraining, *, run_id="drift__1", at=NOW):
        operator = TrainModelOperator(
            task_id="train", endpoint=limited, retraining=retraining, aws_conn_id=None, region_name="us-east-1",
            deferrable=False, clock=lambda: at,
        )  # fmt: skip
        return operator.execute(context(operator, run_id=run_id))

    return run


def records(s3, endpoint):
    root = Layout.of(endpoint).actions()
    return [ActionRecord.model_validate_json(text) for uri, text in sorted(s3.objects.items()) if uri.startswith(root)]


def test_an_admitted_retraining_is_on_record_from_its_start(admit, s3, limited):
    admit()
    (record,) = records(s3, limited)
    assert (record.action, record.id, record.started_at, record.ended_at) == ("retrain", "drift__1", NOW, None)
    assert (record.decision, record.model_version) == ("s3://b/decision.json", "loan-approval-v3")


def test_two_decisions_in_the_same_minute_are_one_retraining(admit, s3, limited):
    admit()
    with pytest.raises(AirflowSkipException, match=r"retrainings_a_day = 1 are used"):
        admit(run_id="drift__2", at=NOW + timedelta(seconds=30))
    assert len(records(s3, limited)) == 1


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (NOW + timedelta(hours=1), "cooldown_hours = 2"),
        (NOW + timedelta(hours=20), "retrainings_a_day = 1"),
        (NOW + timedelta(days=6), "quiet_hours 'Sat'"),
    ],
)
def test_what_a_decision_asked_for_is_held_back_when_it_comes_to_it(admit, at, says):
    admit()
    with pytest.raises(AirflowSkipException, match=says):
        admit(run_id="drift__2", at=at)


def test_after_cooldown_and_within_the_budget_the_next_is_admitted(admit, s3, limited):
    admit()
    admit(run_id="drift__2", at=NOW + timedelta(hours=25))
    assert len(records(s3, limited)) == 2


def test_what_a_person_asks_for_is_not_held_back_but_counts(admit, s3, limited):
    admit(run_id="manual__1", decision=None)
    admit(run_id="manual__2", decision=None)
    with pytest.raises(AirflowSkipException, match="2 of decision"):
        admit()
    assert [record.decision for record in records(s3, limited)] == ["", ""]


def test_a_retry_finds_its_own_record_and_leaves_it_as_it_is(admit, s3, limited):
    admit()
    admit(at=NOW + timedelta(minutes=5))
    assert [record.started_at for record in records(s3, limited)] == [NOW]


def test_a_first_version_is_no_retraining(s3, sagemaker, limited, context):
    operator = AdmitRetrainingOperator(
        task_id="admit", endpoint=limited, request={}, aws_conn_id=None, region_name="us-east-1"
    )
    operator.execute(context(operator))
    assert records(s3, limited) == []


def test_what_training_took_is_on_record_when_it_ends(admit, train, sagemaker, s3, limited, monkeypatch):
    paid_for(sagemaker, 90, monkeypatch)
    train(admit(), at=NOW + timedelta(minutes=3))
    (record,) = records(s3, limited)
    assert (record.ended_at, record.outcome) == (NOW + timedelta(minutes=3), "training Completed")
    assert record.seconds(3600) == 90


def test_a_training_that_fails_is_paid_for_too_and_the_next_try_adds_to_it(
    admit, train, sagemaker, s3, limited, monkeypatch
):
    paid_for(sagemaker, 40, monkeypatch)
    retraining = admit()
    sagemaker.job_ends = "Failed"
    with pytest.raises(JobError):
        train(retraining)
    sagemaker.job_ends = "Completed"
    train(retraining)
    (record,) = records(s3, limited)
    assert record.seconds(3600) == 80
    assert record.outcome == "training Completed"


def paid_for(sagemaker, seconds, monkeypatch):
    described = sagemaker.describe_training_job

    def answer(**request):
        return {**described(**request), "BillableTimeInSeconds": seconds, "TrainingTimeInSeconds": 2 * seconds}

    monkeypatch.setitem(sagemaker.__dict__, "describe_training_job", answer)
