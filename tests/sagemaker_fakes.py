# ruff: noqa: N803 - the fakes take the API's own argument names
"""A SageMaker and an S3 in memory, at the boto3 client's place: hooks and operators run as they are.

Every request is held against botocore's model of the API, and what is missing is refused in AWS's own words.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

DECLARED: dict[str, Any] = {
    "name": "loan-approval",
    "aws": {"conn_id": None, "region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
    "results_uri": "s3://endpointwatch/results",
    "capture": {"destination_uri": "s3://endpointwatch/capture"},
    "schedule": {"start_date": "2026-11-01"},
    "job": {"image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0"},
    "monitors": [{"kind": "data_quality"}],
    "training": {
        "image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-sklearn:0.1.0",
        "initial_dataset_uri": "s3://endpointwatch/loan-approval/initial/",
        "artifacts_uri": "s3://endpointwatch/artifacts",
        "ground_truth_uri": "s3://endpointwatch/ground-truth/loan-approval",
        "features": ["loanamt", "hrat"],
        "label": "approve",
        "model_package_group": "loan-approval",
        # An image that writes figures alone; tests of how sure a gain is say otherwise.
        "promotion": {"confidence": None},
    },
}
ARN = "arn:aws:sagemaker:us-east-1:123456789012"
START = datetime(2026, 11, 22, tzinfo=UTC)
MODEL = botocore.session.get_session().get_service_model("sagemaker")


def refusal(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class SageMaker:
    """As much of SageMaker as retraining calls. Jobs and updates end as ``job_ends`` and ``update_ends`` say."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.job_ends = "Completed"
        self.update_ends = "InService"
        self.capture_status = "Started"

    def count(self, operation: str) -> int:
        return sum(called == operation for called, _ in self.calls)

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        operation = "".join(part.capitalize() for part in method.split("_"))
        handler = getattr(type(self), f"_{method}", None)
        if handler is None:
            raise AttributeError(f"the fake knows no {operation}")

        def call(**request: Any) -> dict[str, Any]:
            report = ParamValidator().validate(request, MODEL.operation_model(operation).input_shape)
            assert not report.has_errors(), f"{operation}: {report.generate_report()}"
            self.calls.append((operation, request))
            return dict(handler(self, **request))

        return call

    def get_paginator(self, method: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=lambda **request: [getattr(self, method)(**request)])

    # Jobs: created, and looked at once, they have ended.

    def _create_job(self, kind: str, name: str, **answer: Any) -> dict[str, Any]:
        if name in self.jobs:
            raise refusal("ResourceInUse", f"{kind} {name} already exists", "Create")
        self.jobs[name] = {
            f"{kind}Name": name, f"{kind}Arn": f"{ARN}:job/{name}", f"{kind}Status": "InProgress",
            "CreationTime": START, **answer,
        }  # fmt: skip
        return {f"{kind}Arn": f"{ARN}:job/{name}"}

    def _describe_job(self, kind: str, name: str) -> dict[str, Any]:
        if name not in self.jobs:
            raise refusal("ValidationException", "Requested resource not found.", "Describe")
        answer = dict(self.jobs[name])
        if answer[f"{kind}Status"] == "InProgress":
            self.jobs[name][f"{kind}Status"] = self.job_ends
        return answer

    def _create_training_job(self, TrainingJobName: str, OutputDataConfig: dict[str, Any], **_: Any) -> dict[str, Any]:
        artifact = f"{OutputDataConfig['S3OutputPath']}/{TrainingJobName}/output/model.tar.gz"
        return self._create_job("TrainingJob", TrainingJobName, ModelArtifacts={"S3ModelArtifacts": artifact})

    def _describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        return self._describe_job("TrainingJob", TrainingJobName)

    def _create_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str, **request: Any) -> dict[str, Any]:
        best = f"{HyperParameterTuningJobName}-001-0123abcd"
        definition = request["TrainingJobDefinition"]
        self._create_training_job(best, definition["OutputDataConfig"])
        self.jobs[best].update(TrainingJobStatus="Completed", BillableTimeInSeconds=30)
        told = {"BestTrainingJob": {"TrainingJobName": best}, "ConsumedResources": {"RuntimeInSeconds": 90}}
        return self._create_job("HyperParameterTuningJob", HyperParameterTuningJobName, **told)

    def _describe_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> dict[str, Any]:
        return self._describe_job("HyperParameterTuningJob", HyperParameterTuningJobName)

    def _create_processing_job(self, ProcessingJobName: str, **_: Any) -> dict[str, Any]:
        return self._create_job("ProcessingJob", ProcessingJobName)

    def _describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:
        return self._describe_job("ProcessingJob", ProcessingJobName)

    # The registry

    def _create_model_package_group(self, **request: Any) -> dict[str, Any]:
        self.groups[request["ModelPackageGroupName"]] = request
        return {"ModelPackageGroupArn": "arn"}

    def _describe_model_package_group(self, ModelPackageGroupName: str) -> dict[str, Any]:
        if ModelPackageGroupName not in self.groups:
            message = f"ModelPackageGroup {ARN}:model-package-group/{ModelPackageGroupName} does not exist."
            raise refusal("ValidationException", message, "DescribeModelPackageGroup")
        return self.groups[ModelPackageGroupName]

    def _create_model_package(self, **request: Any) -> dict[str, Any]:
        group = request["ModelPackageGroupName"]
        version = 1 + sum(package["ModelPackageGroupName"] == group for package in self.packages.values())
        arn = f"{ARN}:model-package/{group}/{version}"
        self.packages[arn] = {
            **request, "ModelPackageArn": arn, "ModelPackageVersion": version, "ModelPackageStatus": "Completed"
        }  # fmt: skip
        return {"ModelPackageArn": arn}

    def _describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:
        return self.packages[ModelPackageName]

    def _update_model_package(self, ModelPackageArn: str, **changes: Any) -> dict[str, Any]:
        self.packages[ModelPackageArn].update(changes)
        return {"ModelPackageArn": ModelPackageArn}

    def _list_model_packages(self, ModelPackageGroupName: str, **_: Any) -> dict[str, Any]:
        of_group = [p for p in self.packages.values() if p["ModelPackageGroupName"] == ModelPackageGroupName]
        return {"ModelPackageSummaryList": of_group[::-1]}

    # Models and endpoints

    def _create_model(self, **request: Any) -> dict[str, Any]:
        if request["ModelName"] in self.models:
            raise refusal("ValidationException", "Cannot create already existing model", "CreateModel")
        self.models[request["ModelName"]] = request
        return {"ModelArn": "arn"}

    def _describe_model(self, ModelName: str) -> dict[str, Any]:
        if ModelName not in self.models:
            raise refusal("ValidationException", f'Could not find model "{ARN}:model/{ModelName}".', "DescribeModel")
        return self.models[ModelName]

    def _delete_model(self, ModelName: str) -> dict[str, Any]:
        del self.models[ModelName]
        return {}

    def _delete_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        del self.configs[EndpointConfigName]
        return {}

    def _create_endpoint_config(self, **request: Any) -> dict[str, Any]:
        if request["EndpointConfigName"] in self.configs:
            raise refusal("ValidationException", "Cannot create already existing endpoint configuration", "Create")
        self.configs[request["EndpointConfigName"]] = request
        return {"EndpointConfigArn": "arn"}

    def _describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        if EndpointConfigName not in self.configs:
            message = f'Could not find endpoint configuration "{ARN}:endpoint-config/{EndpointConfigName}".'
            raise refusal("ValidationException", message, "DescribeEndpointConfig")
        answer = {key: value for key, value in self.configs[EndpointConfigName].items() if key != "Tags"}
        return {**answer, "EndpointConfigArn": "arn", "CreationTime": START, "ResponseMetadata": {}}

    def _create_endpoint(self, EndpointName: str, EndpointConfigName: str, **_: Any) -> dict[str, Any]:
        self.endpoints[EndpointName] = {
            "EndpointName": EndpointName, "EndpointConfigName": EndpointConfigName, "EndpointStatus": "Creating",
            "CreationTime": START, "LastModifiedTime": START,
        }  # fmt: skip
        return {"EndpointArn": "arn"}

    def _update_endpoint(self, EndpointName: str, EndpointConfigName: str, **_: Any) -> dict[str, Any]:
        self.endpoints[EndpointName].update(
            EndpointStatus="Updating", PendingDeploymentSummary={"EndpointConfigName": EndpointConfigName}
        )
        return {"EndpointArn": "arn"}

    def _describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        if EndpointName not in self.endpoints:
            message = f'Could not find endpoint "{ARN}:endpoint/{EndpointName}".'
            raise refusal("ValidationException", message, "DescribeEndpoint")
        return self.endpoints[EndpointName]

    def settle(self, name: str) -> None:
        """End the update that is under way."""
        endpoint = self.endpoints[name]
        pending = endpoint.pop("PendingDeploymentSummary", {}).get("EndpointConfigName")
        if self.update_ends == "rolled back":
            endpoint.update(EndpointStatus="InService", FailureReason="The ping of the new variant failed.")
        else:
            endpoint.update(EndpointStatus=self.update_ends)
            endpoint["EndpointConfigName"] = pending or endpoint["EndpointConfigName"]
        capture = self.configs[endpoint["EndpointConfigName"]]["DataCaptureConfig"]
        endpoint["DataCaptureConfig"] = {**capture, "CaptureStatus": self.capture_status}

    def serve(self, name: str, model: str) -> str:
        """An endpoint in service with this model, deployed from the registry by somebody; its configuration's name."""
        arn = self._create_model_package(
            ModelPackageGroupName=f"group-of-{model}",
            ModelApprovalStatus="Approved",
            InferenceSpecification={"Containers": [{"Image": "i", "ModelDataUrl": f"s3://b/{model}/model.tar.gz"}]},
        )["ModelPackageArn"]
        self.models[model] = {"ModelName": model, "PrimaryContainer": {"ModelPackageName": arn}}
        config = f"{name}-config-of-{model}"
        self.configs[config] = {
            "EndpointConfigName": config,
            "ProductionVariants": [
                {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.c5.xlarge",
                 "InitialInstanceCount": 2}
            ],
            "DataCaptureConfig": {"EnableCapture": True, "InitialSamplingPercentage": 50,
                                  "DestinationS3Uri": "s3://b/c", "CaptureOptions": [{"CaptureMode": "Input"}]},
        }  # fmt: skip
        self._create_endpoint(name, config)
        self.settle(name)
        return config


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


class S3:
    """Objects by bucket and key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self._writing = threading.Lock()

    def put(self, uri: str, text: str = "") -> None:
        self.objects[uri] = text.encode()

    def text(self, uri: str) -> str:
        return self.objects[uri].decode()

    def put_object(
        self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", IfMatch: str = "", **_: Any
    ) -> None:
        uri = f"s3://{Bucket}/{Key}"
        with self._writing:
            before = self.objects.get(uri)
            if (IfNoneMatch and before is not None) or (IfMatch and (before is None or IfMatch != etag(before))):
                raise refusal("PreconditionFailed", "At least one of the conditions did not hold.", "PutObject")
            self.objects[uri] = Body

    def delete_object(self, Bucket: str, Key: str) -> None:
        self.objects.pop(f"s3://{Bucket}/{Key}", None)

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        body = self.objects.get(f"s3://{Bucket}/{Key}")
        if body is None:
            raise refusal("NoSuchKey", "The specified key does not exist.", "GetObject")
        return {"Body": io.BytesIO(body), "ETag": etag(body)}

    def head_object(self, Bucket: str, Key: str) -> None:
        if f"s3://{Bucket}/{Key}" not in self.objects:
            raise refusal("404", "Not Found", "HeadObject")

    def get_paginator(self, operation: str) -> SimpleNamespace:
        assert operation == "list_objects_v2"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, Bucket: str, Prefix: str, Delimiter: str = "", StartAfter: str = "") -> list[dict[str, Any]]:
        root = f"s3://{Bucket}/"
        keys = sorted(uri.removeprefix(root) for uri in list(self.objects) if uri.startswith(root + Prefix))
        keys = [key for key in keys if key > StartAfter]
        if Delimiter:
            folders = {Prefix + key.removeprefix(Prefix).split(Delimiter)[0] + Delimiter for key in keys}
            return [{"CommonPrefixes": [{"Prefix": folder} for folder in sorted(folders)]}]
        entry = {"ETag": '"e"', "Size": 1, "LastModified": START}
        return [{"Contents": [{"Key": key, **entry}]} for key in keys]


class CloudWatch:
    """Alarms by name, held against botocore's model."""

    def __init__(self) -> None:
        self.alarms: dict[str, dict[str, Any]] = {}

    def put_metric_alarm(self, **request: Any) -> None:
        shape = botocore.session.get_session().get_service_model("cloudwatch").operation_model("PutMetricAlarm")
        report = ParamValidator().validate(request, shape.input_shape)
        assert not report.has_errors(), report.generate_report()
        self.put(**request, state=self.alarms.get(request["AlarmName"], {}).get("StateValue", "INSUFFICIENT_DATA"))

    def put(self, AlarmName: str, *, state: str, **settings: Any) -> None:
        """An alarm that somebody has made, and that stands so."""
        self.alarms[AlarmName] = {
            "AlarmName": AlarmName, **settings, "StateValue": state, "StateUpdatedTimestamp": START,
        }  # fmt: skip

    def describe_alarms(
        self, AlarmNames: list[str] | None = None, AlarmNamePrefix: str = "", **_: Any
    ) -> dict[str, Any]:
        wanted = list(self.alarms) if AlarmNames is None else AlarmNames
        found = [name for name in wanted if name in self.alarms and name.startswith(AlarmNamePrefix)]
        return {"MetricAlarms": [self.alarms[name] for name in found]}

    def get_paginator(self, method: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=lambda **request: [getattr(self, method)(**request)])
