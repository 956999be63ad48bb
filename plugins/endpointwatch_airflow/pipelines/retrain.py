"""The DAG that trains, judges and deploys a model version of one endpoint."""

from __future__ import annotations

import math
from typing import Any, Final

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseOperator, Param, TriggerRule, XComArg

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.training import Training
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.admission import AdmitRetrainingOperator
from endpointwatch_airflow.operators.approval import ApproveModelOperator
from endpointwatch_airflow.operators.dataset import BuildDatasetOperator
from endpointwatch_airflow.operators.deployment import DeployModelOperator
from endpointwatch_airflow.operators.evaluation import (
    COMPARISON,
    REPORTS,
    CompareModelsOperator,
    EvaluateModelsOperator,
)
from endpointwatch_airflow.operators.registry import RegisterModelOperator
from endpointwatch_airflow.operators.retraining_record import RecordRetrainingOperator
from endpointwatch_airflow.operators.stop import StopJobsOperator
from endpointwatch_airflow.operators.training import TrainModelOperator, TuneModelOperator
from endpointwatch_airflow.pipelines.assets import deployed
from endpointwatch_airflow.pipelines.common import (
    STARTING_SECONDS,
    WAITER_DELAY,
    aws_arguments,
    dag_arguments,
    deployment_attempts,
    job_arguments,
)
from endpointwatch_airflow.pipelines.shadow import shadow_before, shadow_doc

PIPELINE: Final = "retrain"
MOMENT: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}

DOC: Final = """
### Train, judge and deploy a model version of `{name}`

`admit` → `build_dataset` → `train` → `evaluate` → `compare` → `register` → {asked}`deploy`, or `keep_champion`.

| When | What happens |
|---|---|
| the endpoint does not exist | the first version is trained from `{initial}` and deployed; leave the form empty |
| a decision, or you, ask for a challenger | it is trained on the windows' captures and labels, and must beat the live \
version's {metric} by more than {gain:g} on rows that neither has seen{sure} |
| the decision's model version serves no more | the run is skipped: the drift was answered already |
{approval}| anything fails, or SageMaker rolls back | what served before goes on serving |

`stop_jobs` runs only when a task with a job failed or was marked so, and stops that job. `record` always runs, and
writes how the run ended and why below `{records}`.

Models are registered in the group `{group}`, with the figures they were approved on. Deploying emits the asset event
that starts `{name}__onboard`. Clearing a task does its work anew; a retry takes up what is there.
"""


def build(endpoint: Endpoint) -> DAG | None:
    """The endpoint's ``<endpoint>__retrain`` DAG; None when it has no ``training`` section."""
    training = endpoint.training
    if training is None:
        return None
    aws = aws_arguments(endpoint)
    jobs = {
        **job_arguments(endpoint),
        "waiter_max_attempts": (training.max_runtime_seconds + STARTING_SECONDS) // WAITER_DELAY,
    }
    # One training job after another, at worst; a search that is stopped by its own limits ends sooner.
    longest = _searched(training) * training.max_runtime_seconds
    tuning_jobs = {**jobs, "waiter_max_attempts": (longest + STARTING_SECONDS) // WAITER_DELAY}
    with DAG(
        dag_id(endpoint.name, PIPELINE),
        description=f"Train a version of {endpoint.name}'s model, compare it with the live one, deploy the better.",
        schedule=None,
        catchup=False,
        max_active_runs=1,
        params=form(),
        doc_md=DOC.format(
            name=endpoint.name,
            initial=training.initial_dataset_uri,
            metric=training.metric,
            gain=training.minimum_gain,
            group=training.model_package_group,
            records=Layout.of(endpoint).retrainings(),
            **_told(endpoint, training),
        )
        + shadow_doc(endpoint),
        **dag_arguments(endpoint, PIPELINE),
    ) as dag:
        admit = AdmitRetrainingOperator(task_id="admit", endpoint=endpoint, **aws)
        retraining: Any = admit.output
        dataset = BuildDatasetOperator(
            task_id="build_dataset", endpoint=endpoint, retraining=retraining, **job_arguments(endpoint)
        )
        train = (TuneModelOperator if training.tuning else TrainModelOperator)(
            task_id="train",
            endpoint=endpoint,
            retraining=retraining,
            # A first version skips the data set's task, a run that stands down skips both.
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
            **(tuning_jobs if training.tuning else jobs),
        )
        trained: Any = train.output
        evaluate = EvaluateModelsOperator(
            task_id="evaluate", endpoint=endpoint, retraining=retraining, trained=trained, **jobs
        )
        evaluated: Any = evaluate.output
        compare = CompareModelsOperator(
            task_id="compare",
            endpoint=endpoint,
            retraining=retraining,
            evaluated=evaluated,
            promoted="register",
            kept="keep_champion",
            **aws,
        )
        comparison: Any = XComArg(compare, key=COMPARISON)
        reports: Any = XComArg(compare, key=REPORTS)
        register = RegisterModelOperator(
            task_id="register",
            endpoint=endpoint,
            retraining=retraining,
            trained=trained,
            evaluated=evaluated,
            comparison=comparison,
            reports=reports,
            **aws,
        )
        registered: Any = register.output
        deploy = DeployModelOperator(
            task_id="deploy",
            endpoint=endpoint,
            retraining=retraining,
            registered=registered,
            outlets=[deployed(endpoint.name)],
            deferrable=True,
            waiter_delay=WAITER_DELAY,
            waiter_max_attempts=deployment_attempts(endpoint),
            **aws,
        )
        keep_champion = EmptyOperator(task_id="keep_champion", doc_md="The challenger was not better; nothing changes.")
        approve = [_approval(endpoint, registered, comparison, reports)] if endpoint.approval.by == "person" else []
        stop_jobs = StopJobsOperator(task_id="stop_jobs", job_task_ids=["build_dataset", "train", "evaluate"], **aws)
        # What passes results on depends on each other already; these only wait.
        dataset >> train
        compare >> keep_champion
        shadow_before(endpoint, registered, deploy)
        for asked in approve:
            register >> asked >> deploy
        register >> deploy
        [dataset, train, evaluate] >> stop_jobs
        chain = [admit, dataset, train, evaluate, compare, register, *approve, deploy, keep_champion]
        record = RecordRetrainingOperator(
            task_id="record", endpoint=endpoint, watched=[task.task_id for task in chain], **aws
        )
        # A teardown runs whatever happened before it, and the run's own state is that of the others.
        [deploy, keep_champion, stop_jobs] >> record.as_teardown()
    return dag


def _approval(endpoint: Endpoint, registered: Any, comparison: Any, reports: Any) -> BaseOperator:
    return ApproveModelOperator(
        task_id="approve",
        endpoint=endpoint,
        registered=registered,
        comparison=comparison,
        reports=reports,
        **aws_arguments(endpoint),
    )


def _told(endpoint: Endpoint, training: Training) -> dict[str, str]:
    """What the DAG's page says about how sure a gain must be, and who is asked."""
    confidence, asked = training.promotion.confidence, endpoint.approval
    person = asked.by == "person"
    answered = f"| the challenger has won | somebody approves or rejects it, under Required Actions; after \
{asked.expires_hours:g} h without an answer: {asked.on_expiry} |\n"
    return {
        "sure": f", {confidence:.0%} sure" if confidence is not None else "",
        "asked": "`approve` → " if person else "",
        "approval": answered if person else "",
    }


def _searched(training: Training) -> int:
    """How many training jobs a tuning job may start; 1 without one."""
    if training.tuning is None:
        return 1
    if training.tuning.strategy != "Grid":
        return training.tuning.maximum_jobs
    return math.prod(len(one.values) for one in training.tuning.ranges.values() if one.kind == "categorical")


def form() -> dict[str, Param]:
    """The trigger form, and what a decision fills in."""
    window = {"type": "object", "properties": {"start": MOMENT, "end": MOMENT}, "required": ["start", "end"]}
    return {
        "windows": Param(
            [],
            type=["array", "null"],
            items={**window, "additionalProperties": False},
            title="Windows",
            description="Windows whose captures and labels the challenger is trained and judged on, as "
            '[{"start": "2026-03-01T14:00:00Z", "end": "2026-03-01T15:00:00Z"}]. Empty only for the first version.',
        ),
        "decision": Param(
            None, type=["null", "string"], title="Decision", description="S3 URI of the decision that asks for this."
        ),
        "model_version": Param(
            None,
            type=["null", "string"],
            title="Model version",
            description="The version that the decision was about: the run is skipped when another one serves by now.",
        ),
        "reason": Param(None, type=["null", "string"], title="Reason", description="In your words; kept with the run."),
    }
