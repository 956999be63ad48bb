"""Keep how a retraining ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from endpointwatch.actions import naming
from endpointwatch.actions.admission import Retraining
from endpointwatch.actions.artifacts import COMPARISON_FILE
from endpointwatch.actions.comparison import Comparison
from endpointwatch.actions.retraining_record import Happened, RetrainingRecord, ended
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch_airflow.hooks.answers import JobKind
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.links.sagemaker import JobLink
from endpointwatch_airflow.operators.admission import REASON
from endpointwatch_airflow.operators.approval import ANSWER
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.operators.evaluation import COMPARISON, REPORTS
from endpointwatch_airflow.operators.leased import FAILURE


class RecordRetrainingOperator(EndpointWatchOperator):
    """Write ``<results>/<endpoint>/retrainings/<run>.json``, however the run went.

    To run last and always, and to change nothing about how the run ends, it is made a teardown task.

    Args:
        endpoint: The endpoint.
        watched: The DAG's other tasks, in their order.
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        The file's URI.
    """

    template_fields: Sequence[str] = aws_template_fields("watched")
    operator_extra_links = (ResultsLink(),)
    ui_color = "#e8f0d8"

    def __init__(self, *, endpoint: Endpoint, watched: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.watched = list(watched)

    def execute(self, context: Context) -> str:
        instance, layout = context["ti"], Layout.of(self.endpoint)
        told = self._told(context, "admit")
        retraining = Retraining.model_validate(told) if told else None
        comparison = self._told(context, "compare", COMPARISON)
        states = instance.get_task_states(dag_id=instance.dag_id, run_ids=[instance.run_id]).get(instance.run_id, {})
        happened = Happened(
            states={task: _word(states.get(task)) for task in self.watched},
            stood_down=self._told(context, "admit", REASON),
            comparison=Comparison.model_validate(comparison) if comparison else None,
            answer=self._told(context, "approve", ANSWER),
            failures=self._failures(context, states),
        )
        outcome, reason, failed = ended(happened)
        trained, registered = self._told(context, "train") or {}, self._told(context, "register") or {}
        started = context["dag_run"].start_date
        record = RetrainingRecord(
            endpoint=self.endpoint.name,
            run=retraining.run if retraining else naming.run_key(instance.run_id),
            dag_run=f"{instance.dag_id}/{instance.run_id}",
            started_at=started.isoformat() if started else None,
            outcome=outcome,
            reason=reason,
            failed_tasks=failed,
            decision=retraining.request.decision if retraining else "",
            asked_reason=retraining.request.reason if retraining else "",
            windows=retraining.request.windows if retraining else (),
            champion=retraining.champion.model_version if retraining and retraining.champion else None,
            challenger=registered.get("model_version"),
            model_package_arn=registered.get("model_package_arn"),
            training_job=trained.get("training_job"),
            training_seconds=trained.get("billable_seconds"),
            dataset_manifest_uri=(self._told(context, "build_dataset") or {}).get("manifest_uri"),
            comparison_uri=(self._told(context, "compare", REPORTS) or {}).get(COMPARISON_FILE),
            approval=happened.answer,
            gain=happened.comparison.gain if happened.comparison else None,
        )
        uri = layout.retraining(record.run)
        self.store.write(uri, record.to_json())
        persist_results(self, context, self.hook, layout.retrainings())
        self.log.info("%s: %s (%s)", outcome, reason, uri)
        return uri

    def _told(self, context: Context, task_id: str, key: str = "return_value") -> Any:
        return context["ti"].xcom_pull(task_ids=task_id, key=key) if task_id in self.watched else None

    def _failures(self, context: Context, states: dict[str, Any]) -> dict[str, str]:
        """Of the tasks that failed, why: as SageMaker says of their jobs, else in their own words, if they left any."""
        found: dict[str, str] = {}
        for task in self.watched:
            if _word(states.get(task)) == "failed":
                why = self._job_failure(context, task) or self._told(context, task, FAILURE)
                found |= {task: str(why)} if why else {}
        return found

    def _job_failure(self, context: Context, task: str) -> str | None:
        link = self._told(context, task, JobLink.key)
        if not isinstance(link, dict):
            return None
        kind: JobKind = link["kind"]
        outcome = self.hook.outcome(kind, link["job_name"])
        if outcome is None or outcome.succeeded:
            return None
        why = outcome.reason or outcome.exit_message or "no reason given"
        return f"{kind} {outcome.name} ended {outcome.status}: {why}"


def _word(state: Any) -> str | None:
    """A state's word: Airflow hands them over as texts or as members of an enumeration."""
    return None if state is None else str(getattr(state, "value", state))
