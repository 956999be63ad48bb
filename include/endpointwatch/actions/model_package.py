"""The bodies of ``CreateModelPackage`` and of its approval."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from endpointwatch.actions.artifacts import (
    BIAS_FILE,
    COMPARISON_FILE,
    QUALITY_CONSTRAINTS_FILE,
    QUALITY_STATISTICS_FILE,
)
from endpointwatch.actions.comparison import Comparison
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.training import Training
from endpointwatch.config.window import Window
from endpointwatch.errors import ConfigError

TRAINING_JOB, BASELINE_DATASET, DECISION = "training_job", "baseline_dataset_uri", "decision"
HELD_OUT_DATASET = "held_out_dataset_uri"
DATASET_MANIFEST, WINDOWS, COMPARED, DAG_RUN = "dataset_manifest_uri", "windows", "comparison_uri", "dag_run"
JSON = "application/json"
# A value of CustomerMetadataProperties, as SageMaker's API model limits it.
METADATA_LENGTH = 256
METADATA_VALUE = re.compile(rf"[\w .:/=+\-@]{{1,{METADATA_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model version comes from, besides its training job; what is empty is left out.

    Attributes:
        training_job_arn: Of the training job.
        manifest_uri: What its data set was made of.
        windows: The windows it was asked to be trained on.
        dag_run: ``<dag id>/<run id>``.
        reports: URIs of the files that its comparison left (:mod:`endpointwatch.actions.artifacts` names them).
    """

    training_job_arn: str = ""
    manifest_uri: str = ""
    windows: tuple[Window, ...] = ()
    dag_run: str = ""
    reports: Mapping[str, str] = field(default_factory=dict)

    @property
    def metadata(self) -> dict[str, str]:
        spans = sorted(self.windows, key=lambda window: window.start)
        told = (
            f"{len(spans)} windows from {spans[0].start:%Y-%m-%dT%H:%MZ} to {max(w.end for w in spans):%Y-%m-%dT%H:%MZ}"
            if spans
            else ""
        )
        return {
            DATASET_MANIFEST: self.manifest_uri,
            WINDOWS: told,
            COMPARED: self.reports.get(COMPARISON_FILE, ""),
            # A person may have given the run any name.
            DAG_RUN: re.sub(r"[^\w .:/=+\-@]", "_", self.dag_run)[:METADATA_LENGTH],
        }


def request(
    endpoint: Endpoint,
    training: Training,
    *,
    model_data_url: str,
    comparison: Comparison,
    evaluation_uri: str,
    baseline_dataset_uri: str,
    training_job: str,
    decision: str,
    held_out_dataset_uri: str = "",
    origin: Origin | None = None,
) -> dict[str, Any]:
    """Register a model version, not yet approved.

    ``CustomerMetadataProperties`` say where it came from, and which data sets its baselines are to be learnt from.

    Raises:
        ConfigError: A URI is longer than the 256 characters that SageMaker keeps, or has characters it refuses.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
    """
    origin = origin or Origin()
    metadata = {
        TRAINING_JOB: training_job,
        BASELINE_DATASET: baseline_dataset_uri,
        HELD_OUT_DATASET: held_out_dataset_uri,
        DECISION: decision,
        **origin.metadata,
    }
    content_types = [*endpoint.capture.csv_content_types, *endpoint.capture.json_content_types]
    inference = endpoint.hosting.instance_type
    return {
        "ModelPackageGroupName": training.model_package_group,
        "ModelPackageDescription": f"{endpoint.name}: {comparison.reason}"[:1024],
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": training.image_uri, "ModelDataUrl": model_data_url}],
            "SupportedContentTypes": content_types,
            "SupportedResponseMIMETypes": content_types,
            "SupportedRealtimeInferenceInstanceTypes": [inference],
            "SupportedTransformInstanceTypes": [inference],
        },
        "ModelMetrics": model_metrics(evaluation_uri, origin.reports),
        **({"DriftCheckBaselines": drift} if (drift := drift_check_baselines(origin.reports)) else {}),
        **({"MetadataProperties": {"GeneratedBy": origin.training_job_arn}} if origin.training_job_arn else {}),
        "CustomerMetadataProperties": {key: fitting(key, value) for key, value in metadata.items() if value},
        # Two requests for the same training job are one package, even when the first one's answer was lost.
        "ClientToken": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{training.model_package_group}/{training_job}")),
    }


def model_metrics(evaluation_uri: str, reports: Mapping[str, str]) -> dict[str, Any]:
    """What the version was judged on: both models' figures, and its treatment of groups where that was measured."""
    metrics: dict[str, Any] = {"ModelQuality": {"Statistics": _source(evaluation_uri)}}
    if constraints := reports.get(QUALITY_CONSTRAINTS_FILE):
        metrics["ModelQuality"]["Constraints"] = _source(constraints)
    if report := reports.get(BIAS_FILE):
        metrics["Bias"] = {"Report": _source(report), "PostTrainingReport": _source(report)}
    return metrics


def drift_check_baselines(reports: Mapping[str, str]) -> dict[str, Any]:
    """What the version's own drift is to be told by: newly calculated, on rows that it was not trained on.

    The champion's baselines do not go on: a version that answers drift is not to be held against the world before it.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-quality-clarify-baseline-lifecycle.html
    """
    found: dict[str, Any] = {}
    quality = {"Statistics": QUALITY_STATISTICS_FILE, "Constraints": QUALITY_CONSTRAINTS_FILE}
    if told := {leaf: _source(reports[name]) for leaf, name in quality.items() if name in reports}:
        found["ModelQuality"] = told
    if BIAS_FILE in reports:
        found["Bias"] = {"PostTrainingConstraints": _source(reports[BIAS_FILE])}
    return found


def _source(uri: str) -> dict[str, str]:
    return {"ContentType": JSON, "S3Uri": uri}


def approval(package_arn: str, comparison: Comparison) -> dict[str, Any]:
    """Approve by policy: the figures that the approval rests on stand in it."""
    return {
        "ModelPackageArn": package_arn,
        "ModelApprovalStatus": "Approved",
        "ApprovalDescription": f"By policy. {comparison.reason}"[:1024],
    }


def answered(package_arn: str, *, approved: bool, by: str, comment: str, comparison: Comparison) -> dict[str, Any]:
    """Approve or reject by a person's answer, or for want of one."""
    status = "Approved" if approved else "Rejected"
    said = f": {comment}" if comment else ""
    return {
        "ModelPackageArn": package_arn,
        "ModelApprovalStatus": status,
        "ApprovalDescription": f"{status} by {by}{said}. {comparison.reason}"[:1024],
    }


def group_request(endpoint: Endpoint, training: Training) -> dict[str, Any]:
    """The group that holds every version of the endpoint's model."""
    return {
        "ModelPackageGroupName": training.model_package_group,
        "ModelPackageGroupDescription": f"Versions of the model behind endpoint {endpoint.name}.",
    }


def fitting(key: str, value: str) -> str:
    """``value``, if a model package's metadata can hold it.

    Raises:
        ConfigError: It is longer than 256 characters, or has some that SageMaker refuses.
    """
    if not METADATA_VALUE.fullmatch(value):
        raise ConfigError(
            f"{key}={value!r} does not fit into a model package's metadata: SageMaker keeps at most 256 letters, "
            "digits, spaces and _.:/=+-@. Shorten `training.artifacts_uri` or `results_uri`, or rename what has other "
            "characters."
        )
    return value
