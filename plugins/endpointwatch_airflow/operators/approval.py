"""Ask a person whether a model version may be deployed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context, Param

from endpointwatch.actions import approval, model_package
from endpointwatch.actions.artifacts import COMPARISON_FILE
from endpointwatch.actions.comparison import Comparison
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.hooks.model_registry import ModelRegistryHook
from endpointwatch_airflow.links.registry import ModelPackageLink

ANSWER = "answer"


class ApproveModelOperator(ApprovalOperator):
    """Wait for a person's answer, keep it in the registry, and go on only with what was approved.

    The task waits in the state ``awaiting_input``, which holds neither worker nor trigger. When nobody answers within
    ``approval.expires_hours``, ``approval.on_expiry`` is the answer. A rejected version is ``Rejected`` in the registry
    with who said so and why, what follows is skipped, and the endpoint is left as it was. A retry asks again.

    Args:
        endpoint: The endpoint whose ``approval`` section says who is asked, and for how long.
        registered: Result of :class:`RegisterModelOperator` (templated).
        comparison: XCom ``comparison`` of :class:`CompareModelsOperator` (templated).
        reports: XCom ``reports`` of the same (templated).
        aws_conn_id: As everywhere.
        region_name: As everywhere.
        kwargs: What every operator takes.

    The XCom ``answer`` holds ``approved``, ``by``, ``comment`` and ``expired``.
    """

    template_fields: Sequence[str] = ("subject", "body", "registered", "comparison", "reports")
    operator_extra_links = (ModelPackageLink(),)
    ui_color = "#f0e4d8"

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        registered: Mapping[str, Any],
        comparison: Mapping[str, Any],
        reports: Mapping[str, str] | None = None,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        asked = endpoint.approval
        # Airflow hands the DAG's own form over with the other arguments; this task has another one.
        kwargs.pop("params", None)
        comment = Param(
            approval.NO_COMMENT, type="string", title="Comment", description="Why; kept in the registry.", source="task"
        )
        super().__init__(
            subject=f"May a new model version of {endpoint.name} be deployed?",
            defaults=[self.APPROVE if asked.on_expiry == "approve" else self.REJECT],
            response_timeout=timedelta(hours=asked.expires_hours),
            assigned_users=[{"id": name, "name": name} for name in asked.approvers] or None,
            params={approval.COMMENT: comment},
            **kwargs,
        )
        self.endpoint = endpoint
        self.registered = registered
        self.comparison = comparison
        self.reports = reports
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name

    @cached_property
    def registry(self) -> ModelRegistryHook:
        return ModelRegistryHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)

    def execute(self, context: Context) -> Any:
        arn = self.registered["model_package_arn"]
        about = {
            "region_name": self.registry.conn_region_name,
            "aws_partition": self.registry.conn_partition,
            "package_arn": arn,
        }
        ModelPackageLink.persist(context=context, operator=self, **about)
        self.subject = f"May {self.registered['model_version']} be deployed on {self.endpoint.name}?"
        links = {
            "The version in the model registry": ModelPackageLink().format_link(
                **about, aws_domain=ModelPackageLink.get_aws_domain(about["aws_partition"])
            ),
            "The whole comparison": (self.reports or {}).get(COMPARISON_FILE, ""),
        }
        self.body = approval.body(Comparison.model_validate(self.comparison), links)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if "error" not in event:
            self._keep(context, approval.answer_of(event, expires_hours=self.endpoint.approval.expires_hours))
        return super().execute_complete(context, event)

    def _keep(self, context: Context, answer: approval.Answer) -> None:
        # First of all: should this fail, nothing has gone on, and a retry asks again.
        self.registry.update_package(
            model_package.answered(
                self.registered["model_package_arn"],
                approved=answer.approved,
                by=answer.by,
                comment=answer.comment,
                comparison=Comparison.model_validate(self.comparison),
            )
        )
        self.log.info("%s by %s. %s", "Approved" if answer.approved else "Rejected", answer.by, answer.comment)
        kept = {"approved": answer.approved, "by": answer.by, "comment": answer.comment, "expired": answer.expired}
        context["ti"].xcom_push(key=ANSWER, value=kept)
