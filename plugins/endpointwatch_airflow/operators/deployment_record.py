"""Write down which model version serves since when, so that past windows are judged by the version they had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Asset, Context

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.reports.deployment import Deployment, How
from endpointwatch_airflow.deployments import place, recorded
from endpointwatch_airflow.errors import EndpointError
from endpointwatch_airflow.links.results import ResultsLink, persist_results
from endpointwatch_airflow.operators.base import EndpointWatchOperator

#: The properties of a model package under which training leaves the data sets that baselines are learnt from.
BASELINE_PROPERTY: Final = "baseline_dataset_uri"
HELD_OUT_PROPERTY: Final = "held_out_dataset_uri"


class RecordDeploymentOperator(EndpointWatchOperator):
    """Record the live deployment once; asked again for the same one, nothing is written.

    Args:
        endpoint: The endpoint.
        in_service_from: ISO time since when the model has served; empty takes the endpoint's ``LastModifiedTime``.
            A template usually hands on what :class:`EndpointDataCaptureOperator` found before it changed anything.
        how: What brought it (templated): ``deploy``, ``rollback`` or ``redeploy``.
        reason: In words (templated).
        kwargs: As :class:`EndpointWatchOperator` takes them.

    Returns:
        The record's S3 URI.
    """

    template_fields: Sequence[str] = aws_template_fields("in_service_from", "how", "reason")
    operator_extra_links = (ResultsLink(),)

    def __init__(
        self, *, endpoint: Endpoint, in_service_from: str = "", how: str = "deploy", reason: str = "", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.in_service_from = in_service_from
        self.how = how
        self.reason = reason

    def execute(self, context: Context) -> str:
        layout = Layout.of(self.endpoint)
        persist_results(self, context, self.hook, layout.deployments())
        live = self.hook.endpoint(self.endpoint.name)
        if live is None or live.status != "InService":
            raise EndpointError(
                f"Endpoint {self.endpoint.name} is {live.status if live else 'not there'}; only a deployment in "
                "service is recorded."
            )
        model = self.hook.model_behind(live, self.endpoint.hosting.variant_name)
        told: dict[str, Any] = {
            "model_version": model.name, "endpoint_config": live.config_name, "model_package_arn": model.package_arn
        }  # fmt: skip
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra = told
        earlier = recorded(self.store, layout)
        if earlier and earlier[-1].model_version == model.name:
            self.log.info("%s serves since %s, on record already", model.name, earlier[-1].in_service_from)
            return place(layout, earlier[-1])
        since = datetime.fromisoformat(self.in_service_from) if self.in_service_from else live.modified_at
        record = Deployment(
            endpoint=self.endpoint.name,
            model_version=model.name,
            in_service_from=since.astimezone(UTC).replace(microsecond=0),
            endpoint_config=live.config_name,
            model_package_arn=model.package_arn,
            baseline_dataset_uri=model.properties.get(BASELINE_PROPERTY),
            held_out_dataset_uri=model.properties.get(HELD_OUT_PROPERTY),
            how=cast("How", self.how),
            reason=self.reason,
        )
        uri = place(layout, record)
        self.store.write(uri, record.to_json())
        self.log.info("%s serves since %s: %s", record.model_version, record.in_service_from, uri)
        return uri
