"""SageMaker, as the operators and triggers see it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from airflow.providers.amazon.aws.utils.waiter_with_logging import wait
from botocore.exceptions import ClientError

from endpointwatch_airflow.errors import EndpointError
from endpointwatch_airflow.hooks.answers import (
    CaptureSettings,
    EndpointConfig,
    JobKind,
    LiveEndpoint,
    ModelVersion,
    Outcome,
    Request,
    Variant,
)
from endpointwatch_airflow.hooks.aws import AwsHook

#: API words of a job kind: describe, create and stop operation, the parameter with its name, the waiter for its end.
OPERATIONS: Final[dict[JobKind, tuple[str, str, str, str, str]]] = {
    "ProcessingJob": (
        "describe_processing_job",
        "create_processing_job",
        "stop_processing_job",
        "ProcessingJobName",
        "ProcessingJobEnded",
    ),
    "TrainingJob": (
        "describe_training_job",
        "create_training_job",
        "stop_training_job",
        "TrainingJobName",
        "TrainingJobEnded",
    ),
    "HyperParameterTuningJob": (
        "describe_hyper_parameter_tuning_job",
        "create_hyper_parameter_tuning_job",
        "stop_hyper_parameter_tuning_job",
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobEnded",
    ),
}


class SageMakerHook(AwsHook):
    """SageMaker's API for jobs, endpoints and models, answering in own types.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "sagemaker"
        super().__init__(*args, **kwargs)

    @property
    def waiter_path(self) -> Path:
        # The base class looks only in the provider's own folder.
        return Path(__file__).parent.parent / "waiters" / "sagemaker.json"

    @property
    def client(self) -> Any:
        """The boto3 client. Typed as Any: boto3 has no types, and nothing of it leaves this class."""
        return self.conn

    # Jobs

    def outcome(self, kind: JobKind, name: str) -> Outcome | None:
        """Where a job stands; None when there is none of that name."""
        describe, _, _, parameter, _ = OPERATIONS[kind]
        try:
            answer = getattr(self.client, describe)(**{parameter: name})
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        consumed = answer.get("ConsumedResources", {}).get("RuntimeInSeconds")
        return Outcome(
            kind=kind,
            name=name,
            status=answer[f"{kind}Status"],
            arn=answer[f"{kind}Arn"],
            reason=answer.get("FailureReason"),
            exit_message=answer.get("ExitMessage"),
            model_artifacts=answer.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
            metrics={metric["MetricName"]: metric["Value"] for metric in answer.get("FinalMetricDataList", ())},
            billable_seconds=answer.get("BillableTimeInSeconds", answer.get("TrainingTimeInSeconds", consumed)),
        )

    def best_training_job(self, tuning_job: str) -> Outcome | None:
        """The training job of a tuning job that came out best; None when none of them gave the objective's figure."""
        answer = self.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job)
        name = answer.get("BestTrainingJob", {}).get("TrainingJobName")
        return self.outcome("TrainingJob", name) if name else None

    def start_job(self, kind: JobKind, request: Request) -> bool:
        """Create the job.

        Args:
            kind: Processing or training.
            request: Keyword arguments of the create call, its name among them.

        Returns:
            False when a job of that name is there already: another process of the same task was faster.
        """
        _, create, _, _, _ = OPERATIONS[kind]
        try:
            getattr(self.client, create)(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ResourceInUse", "ResourceInUseException"):
                return False
            raise
        return True

    def stop_job(self, kind: JobKind, name: str) -> None:
        """Ask a job to stop; no error when it has ended already or never was."""
        _, _, stop, parameter, _ = OPERATIONS[kind]
        try:
            getattr(self.client, stop)(**{parameter: name})
        except ClientError as error:
            if not is_over(error):
                raise

    async def stop_job_async(self, kind: JobKind, name: str) -> None:
        """As :meth:`stop_job`, for the triggerer."""
        _, _, stop, parameter, _ = OPERATIONS[kind]
        async with await self.get_async_conn() as client:  # type: ignore[no-untyped-call]
            try:
                await getattr(client, stop)(**{parameter: name})
            except ClientError as error:
                if not is_over(error):
                    raise

    def wait_for_job(self, kind: JobKind, name: str, *, delay: int, attempts: int) -> None:
        """Block until the job has ended, however it ended.

        Raises:
            WaiterMaxAttemptsError: It had not after ``attempts`` looks, ``delay`` seconds apart.
        """
        parameter, waiter = OPERATIONS[kind][3:]
        wait(
            waiter=self.get_waiter(waiter),
            waiter_delay=delay,
            waiter_max_attempts=attempts,
            args={parameter: name},
            failure_message=f"{kind} {name} cannot be waited for",
            status_message=f"{kind} {name} is",
            status_args=[f"{kind}Status"],
        )

    # Endpoints

    def endpoint(self, name: str) -> LiveEndpoint | None:
        """The endpoint as it stands; None when there is none of that name."""
        try:
            answer = self.client.describe_endpoint(EndpointName=name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        capture = answer.get("DataCaptureConfig", {})
        return LiveEndpoint(
            name=name,
            status=answer["EndpointStatus"],
            config_name=answer["EndpointConfigName"],
            created_at=answer["CreationTime"],
            modified_at=answer["LastModifiedTime"],
            capturing=bool(capture.get("EnableCapture")) and capture.get("CaptureStatus") == "Started",
            reason=answer.get("FailureReason"),
        )

    def endpoint_config(self, name: str) -> EndpointConfig:
        """The endpoint configuration of that name.

        Raises:
            ClientError: There is none.
        """
        answer = self.client.describe_endpoint_config(EndpointConfigName=name)
        return EndpointConfig(
            name=name,
            variants=tuple(
                Variant(variant["VariantName"], variant.get("ModelName")) for variant in answer["ProductionVariants"]
            ),
            capture=_capture_settings(answer.get("DataCaptureConfig")),
        )

    def copy_endpoint_config(self, source: str, *, stem: str, capture: CaptureSettings) -> str:
        """Create a configuration that equals ``source`` in everything but data capture, and return its name.

        The name ends in a hash of the source's name and the new content: whoever asks for the same again gets the same
        configuration, not a second one. What the create call knows is carried over whatever it is: variants, shadow
        variants, asynchronous inference, explainer, metrics, keys, network, tags. The KMS key of the source's capture
        stays too.

        Args:
            source: Name of the configuration to follow.
            stem: Beginning of the new name; cut to fit into 63 characters.
            capture: The data capture that the copy declares.
        """
        answer = self.client.describe_endpoint_config(EndpointConfigName=source)
        accepted = self.client.meta.service_model.operation_model("CreateEndpointConfig").input_shape.members
        request: Request = {key: value for key, value in answer.items() if key in accepted}
        request["DataCaptureConfig"] = _data_capture_config(
            capture, kms_key=answer.get("DataCaptureConfig", {}).get("KmsKeyId")
        )
        tags = [tag for tag in self._tags(answer["EndpointConfigArn"]) if not tag["Key"].startswith("aws:")]
        if tags:
            request["Tags"] = tags
        del request["EndpointConfigName"]
        content = json.dumps({"source": source, "request": request}, sort_keys=True, default=str)
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        name = f"{stem[:50].rstrip('-')}-{digest}"
        try:
            self.client.create_endpoint_config(EndpointConfigName=name, **request)
        except ClientError as error:
            # An earlier try got as far as this. The name carries a hash of the content, so it is the same one.
            if not is_taken(error):
                raise
        return name

    def update_capture(self, endpoint: str, config_name: str) -> None:
        """Move the endpoint to a configuration that differs in its data capture; instances and weights stay."""
        self.client.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName=config_name,
            RetainAllVariantProperties=True,
            # "All" includes the capture that is to be changed, unless it is named here.
            ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}],
        )

    def wait_for_endpoint(self, name: str, *, delay: int, attempts: int) -> None:
        """Block until the endpoint is between no two states.

        Raises:
            WaiterMaxAttemptsError: It still was after ``attempts`` looks, ``delay`` seconds apart.
        """
        wait(
            waiter=self.get_waiter("EndpointSettled"),
            waiter_delay=delay,
            waiter_max_attempts=attempts,
            args={"EndpointName": name},
            failure_message=f"Endpoint {name} cannot be waited for",
            status_message=f"Endpoint {name} is",
            status_args=["EndpointStatus"],
        )

    # Models

    def model_behind(self, endpoint: LiveEndpoint, variant_name: str) -> ModelVersion:
        """The model that serves the endpoint's variant (its only one, if none has that name).

        Raises:
            EndpointError: Several variants, none of that name; or the variant has no model of its own.
        """
        config = self.endpoint_config(endpoint.config_name)
        named = [variant for variant in config.variants if variant.name == variant_name]
        candidates = named or list(config.variants)
        if len(candidates) != 1:
            raise EndpointError(
                f"Endpoint {endpoint.name} has the variants {[variant.name for variant in config.variants]}, "
                f"none named {variant_name!r}. Set `hosting.variant_name` to the one that is watched."
            )
        model = candidates[0].model_name
        if model is None:
            raise EndpointError(
                f"Variant {candidates[0].name} of endpoint {endpoint.name} names no model (inference components?). "
                "Only variants with a model of their own can be watched."
            )
        return self.model_version(model)

    def model_version(self, model: str) -> ModelVersion:
        """A SageMaker model with the properties of the model package it was created from, if it was."""
        answer = self.client.describe_model(ModelName=model)
        containers = [answer["PrimaryContainer"]] if "PrimaryContainer" in answer else answer.get("Containers", [])
        package = next((box["ModelPackageName"] for box in containers if box.get("ModelPackageName")), None)
        if package is None:
            return ModelVersion(name=model, package_arn=None)
        described = self.client.describe_model_package(ModelPackageName=package)
        return ModelVersion(
            name=model,
            package_arn=described["ModelPackageArn"],
            properties=described.get("CustomerMetadataProperties", {}),
        )

    def model_data_uri(self, model: str, package_arn: str | None) -> str | None:
        """Where the artefact of a model version lies in S3; None when it is gone or has no artefact of its own.

        Args:
            model: Name of the SageMaker model.
            package_arn: Of the model package it was created from, if it was: packages outlive deleted models.
        """
        if package_arn is None:
            try:
                answer = self.client.describe_model(ModelName=model)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            boxes = [answer["PrimaryContainer"]] if "PrimaryContainer" in answer else answer.get("Containers", [])
            package_arn = next((box["ModelPackageName"] for box in boxes if box.get("ModelPackageName")), None)
        if package_arn is not None:
            try:
                described = self.client.describe_model_package(ModelPackageName=package_arn)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            boxes = described.get("InferenceSpecification", {}).get("Containers", [])
        # Of a pipeline of containers the artefact is not one model: then there is none to load.
        return _model_data(boxes[0]) if len(boxes) == 1 else None

    def _tags(self, arn: str) -> Iterator[dict[str, str]]:
        for page in self.client.get_paginator("list_tags").paginate(ResourceArn=arn):
            yield from page["Tags"]


def _model_data(box: dict[str, Any]) -> str | None:
    source = box.get("ModelDataSource", {}).get("S3DataSource", {})
    uri = box.get("ModelDataUrl") or source.get("S3Uri")
    return str(uri) if uri else None


def is_missing(error: ClientError) -> bool:
    """Whether SageMaker says that what was asked for does not exist. It words this differently per resource."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "").lower()
    return code in ("ResourceNotFound", "ResourceNotFoundException") or (
        code == "ValidationException" and ("not find" in message or "not found" in message or "not exist" in message)
    )


def is_taken(error: ClientError) -> bool:
    """Whether SageMaker says that the name to create exists already."""
    message = error.response["Error"].get("Message", "").lower()
    return error.response["Error"]["Code"] in ("ResourceInUse", "ResourceInUseException") or "already exist" in message


def is_over(error: ClientError) -> bool:
    """Whether a stop came too late (or the job never was): there is nothing left to stop."""
    # Stopping an ended job is a ValidationException whose text differs between job kinds ("... status Completed ...").
    return is_missing(error) or error.response["Error"]["Code"] == "ValidationException"


def _capture_settings(config: dict[str, Any] | None) -> CaptureSettings | None:
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


def _data_capture_config(capture: CaptureSettings, kms_key: str | None) -> Request:
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
