"""``DataCaptureConfig`` of an endpoint configuration, to and from our own type."""

from __future__ import annotations

from typing import Any

from endpointwatch_airflow.hooks.answers import CaptureSettings, Request


def capture_settings(config: dict[str, Any] | None) -> CaptureSettings | None:
    """What the API describes; None when the configuration says nothing of capture."""
    if config is None:
        return None
    headers = config.get("CaptureContentTypeHeader", {})
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    if "InputAndOutput" in modes:
        modes = {"Input", "Output"}
    return CaptureSettings(
        # The API's default is true when the switch is left out.
        enabled=config.get("EnableCapture", True),
        sampling_percentage=config["InitialSamplingPercentage"],
        destination_uri=config["DestinationS3Uri"].rstrip("/"),
        modes=frozenset(modes),
        csv_content_types=frozenset(headers.get("CsvContentTypes", ())),
        json_content_types=frozenset(headers.get("JsonContentTypes", ())),
    )


def data_capture_config(capture: CaptureSettings, kms_key: str | None) -> Request:
    """What the create call takes."""
    headers = {
        key: sorted(types)
        for key, types in (
            ("CsvContentTypes", capture.csv_content_types),
            ("JsonContentTypes", capture.json_content_types),
        )
        if types
    }
    return {
        "EnableCapture": capture.enabled,
        "InitialSamplingPercentage": capture.sampling_percentage,
        "DestinationS3Uri": capture.destination_uri,
        "CaptureOptions": [{"CaptureMode": mode} for mode in sorted(capture.modes)],
        **({"KmsKeyId": kms_key} if kms_key else {}),
        **({"CaptureContentTypeHeader": headers} if headers else {}),
    }
