"""The guard in front of a retraining: who is the champion, and is a challenger still wanted?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException
from pydantic import ValidationError

from endpointwatch.actions import model_package, naming
from endpointwatch.actions.admission import Champion, Retraining, RetrainRequest, admit
from endpointwatch.actions.artifacts import COMPARISON_FILE, Artifacts
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.decisions import ActionRecord, starting_guards
from endpointwatch.errors import ConfigError, DatasetError
from endpointwatch_airflow.errors import EndpointError, NotRetriedError
from endpointwatch_airflow.history import history, started
from endpointwatch_airflow.hooks.model_registry import ModelRegistryHook
from endpointwatch_airflow.job_names import task_life
from endpointwatch_airflow.links.sagemaker import EndpointLink
from endpointwatch_airflow.operators.base import EndpointWatchOperator

#: XCom key under which the reason for standing down is left.
REASON = "reason"


class AdmitRetrainingOperator(EndpointWatchOperator):
    """Resolve the live champion and let the run go on, or skip it with the reason in the log.

    What a decision asked for may have waited behind another retraining, so quiet hours, cooldown and budget are asked
    once more. Runs of this DAG follow one another, so no two can pass the same gap in the budget. What a person asks
    for is not held back; it is recorded like the rest, and counts. A first version is no retraining, and not recorded.

    The result is a :class:`~endpointwatch.actions.admission.Retraining`: the request, the champion (null for the first
    version) and the name of the folder that the run works in.

    Args:
        endpoint: The endpoint to retrain for.
        request: The filled-in form, as a mapping or as JSON (templated).
        clock: The time that guards go by, and at which the retraining is recorded as started.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    template_fields: Sequence[str] = aws_template_fields("request")
    operator_extra_links = (EndpointLink(),)
    ui_color = "#e8f0d8"

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        request: Mapping[str, Any] | str = "{{ params | tojson }}",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.request = request
        self.clock = clock

    @cached_property
    def registry(self) -> ModelRegistryHook:
        return ModelRegistryHook(**self._hook_parameters)

    def execute(self, context: Context) -> dict[str, Any]:
        self.persist_link(context, EndpointLink, endpoint_name=self.endpoint.name)
        request = self._request()
        champion = self._champion()
        try:
            admission = admit(request, champion, endpoint=self.endpoint.name)
        except DatasetError as error:
            raise NotRetriedError(str(error)) from error
        if not admission.admitted:
            context["ti"].xcom_push(key=REASON, value=admission.reason)
            raise AirflowSkipException(admission.reason)
        self.log.info("%s %s", admission.reason, request.reason)
        run = naming.run_key(context["ti"].run_id, task_life(context))
        self._require_short_uris(run, request)
        if champion is not None:
            self._record(request, champion, context["ti"].run_id)
        return Retraining(run=run, request=request, champion=champion).model_dump(mode="json")

    def _record(self, request: RetrainRequest, champion: Champion, run_id: str) -> None:
        """Write down that the retraining starts, or skip the run when a guard holds it back."""
        layout, now = Layout.of(self.endpoint), self.clock()
        done = history(self.store, layout, now)
        if request.decision:
            others = [one for one in done if one.id != run_id]
            held = [one.reason for one in starting_guards("retrain", self.endpoint, others, now=now) if one.held]
            if held:
                raise AirflowSkipException(f"Asked for by {request.decision}, but meanwhile: {' '.join(held)}")
        record = ActionRecord(
            endpoint=self.endpoint.name,
            action="retrain",
            id=run_id,
            started_at=now,
            decision=request.decision,
            window=max(request.windows, key=lambda window: window.end, default=None),
            model_version=champion.model_version,
        )
        self.log.info("Recorded as %s", started(self.store, layout, record, done))

    def _request(self) -> RetrainRequest:
        try:
            if isinstance(self.request, str):
                return RetrainRequest.model_validate_json(self.request)
            return RetrainRequest.model_validate(self.request)
        except ValidationError as error:
            raise NotRetriedError(
                f"The form of this run cannot be followed: {error}. It takes windows (a list of {{start, end}}, "
                "UTC), decision, model_version and reason; trigger it again."
            ) from error

    def _require_short_uris(self, run: str, request: RetrainRequest) -> None:
        """The registry keeps these URIs in 256 characters each: said before a training is paid for, not after it."""
        folder = Artifacts.of(self.endpoint, run).evaluation("j" * naming.NAME_LENGTH)
        try:
            # The longest of the names.
            model_package.fitting(model_package.COMPARED, f"{folder}/{COMPARISON_FILE}")
            if request.decision:
                model_package.fitting(model_package.DECISION, request.decision)
        except ConfigError as error:
            raise NotRetriedError(str(error)) from error

    def _champion(self) -> Champion | None:
        live = self.hook.endpoint(self.endpoint.name)
        if live is None:
            return None
        if live.status != "InService":
            raise EndpointError(
                f"Endpoint {live.name!r} is {live.status} ({live.reason or 'no reason given'}), so there is no "
                "champion to compare with. Wait for its update to end, or mend or delete it, then clear this task."
            )
        version = self.hook.model_behind(live, self.endpoint.hosting.variant_name)
        return Champion(
            model_version=version.name,
            model_data_url=self.registry.model_data_url(version.name),
            endpoint_config=live.config_name,
            model_package_arn=version.package_arn,
        )
