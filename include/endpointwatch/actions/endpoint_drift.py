"""What of a live endpoint is not as its YAML file declares it. Pure: both sides come in as arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch.actions.deployment import data_capture_config, serving_variant
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.errors import ConfigError


class Difference(BaseModel):
    """One thing that differs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(description="Of the YAML file.")
    declared: str
    live: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key} is {self.declared} in the file, {self.live} live. {self.remedy}"


ONBOARD = "Run the onboard DAG, which makes it so; or change the file."
UPDATE = "The next deployment keeps what is live. Change the file, or make a configuration by hand and update to it."


def differences(endpoint: Endpoint, config: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Everything that the file declares about the endpoint and that its live configuration has otherwise.

    Instance counts and weights that scaling has set are no difference: the file says what an endpoint starts with.

    Args:
        endpoint: The declaration.
        config: The answer of ``DescribeEndpointConfig`` for the configuration that serves.
    """
    return (*_variant(endpoint, config), *_capture(endpoint, config.get("DataCaptureConfig")))


def _variant(endpoint: Endpoint, config: Mapping[str, Any]) -> Iterator[Difference]:
    names = [variant["VariantName"] for variant in config["ProductionVariants"]]
    if endpoint.hosting.variant_name not in names:
        yield _differs("hosting.variant_name", endpoint.hosting.variant_name, ", ".join(names), UPDATE)
    try:
        variant = serving_variant(endpoint, config)
    except ConfigError:
        return
    live = variant.get("InstanceType")
    if live != endpoint.hosting.instance_type:
        yield _differs("hosting.instance_type", endpoint.hosting.instance_type, live or "serverless", UPDATE)


def _capture(endpoint: Endpoint, live: Mapping[str, Any] | None) -> Iterator[Difference]:
    if live is None or not live.get("EnableCapture", True):
        yield _differs("capture", "on", "off", ONBOARD)
        return
    declared = data_capture_config(endpoint.capture)
    for key, member in (
        ("capture.destination_uri", "DestinationS3Uri"),
        ("capture.sampling_percentage", "InitialSamplingPercentage"),
    ):
        before, now = str(declared[member]).rstrip("/"), str(live.get(member)).rstrip("/")
        if before != now:
            yield _differs(key, before, now, ONBOARD)
    modes = [{option["CaptureMode"] for option in side.get("CaptureOptions", ())} for side in (declared, live)]
    modes = [{"Input", "Output"} if "InputAndOutput" in found else found for found in modes]
    if modes[0] != modes[1]:
        yield _differs("capture.modes", _listed(modes[0]), _listed(modes[1]), ONBOARD)
    for key, member in (
        ("capture.csv_content_types", "CsvContentTypes"),
        ("capture.json_content_types", "JsonContentTypes"),
    ):
        types = [set(side.get("CaptureContentTypeHeader", {}).get(member, ())) for side in (declared, live)]
        if types[0] != types[1]:
            yield _differs(key, _listed(types[0]), _listed(types[1]), ONBOARD)


def _listed(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "nothing"


def _differs(key: str, declared: Any, live: Any, remedy: str) -> Difference:
    return Difference(key=key, declared=str(declared), live=str(live), remedy=remedy)
