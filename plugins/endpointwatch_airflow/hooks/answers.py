"""What the hooks answer. A response of boto3 goes no further than the hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from endpointwatch.jobs.container import FINAL

JobKind = Literal["ProcessingJob", "TrainingJob", "HyperParameterTuningJob"]

#: Statuses in which an endpoint is between two states; everything else is an end.
CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a processing, training or tuning job stands.

    Attributes:
        status: ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``.
        reason: SageMaker's ``FailureReason``; None unless it gave one.
        exit_message: What a processing container left in ``/opt/ml/output/message``.
        model_artifacts: S3 URI of ``model.tar.gz`` (training jobs that completed).
        metrics: Final metrics of a training job by name.
        billable_seconds: What a training job has taken as it is paid for, or all those of a tuning job; None for other
            jobs, and for one that never began.
    """

    kind: JobKind
    name: str
    status: str
    arn: str = ""
    reason: str | None = None
    exit_message: str | None = None
    model_artifacts: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    billable_seconds: int | None = None

    @property
    def active(self) -> bool:
        return self.status in ("InProgress", "Stopping")

    @property
    def succeeded(self) -> bool:
        return self.status == "Completed"

    @property
    def final(self) -> bool:
        """Whether the job failed for what it was given, as it says itself, so that another one would fail as well."""
        return self.status == "Failed" and FINAL in f"{self.reason} {self.exit_message}"

    @property
    def reusable(self) -> bool:
        """Whether a retry should take this job instead of starting another one."""
        return self.status in ("InProgress", "Completed")


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """`DataCaptureConfig` of an endpoint configuration, in a form in which equal settings compare equal."""

    enabled: bool
    sampling_percentage: int
    destination_uri: str
    modes: frozenset[str]
    csv_content_types: frozenset[str]
    json_content_types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Variant:
    """A production variant: its name and the SageMaker model behind it."""

    name: str
    model_name: str | None


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """An endpoint configuration, as far as decisions rest on it."""

    name: str
    variants: tuple[Variant, ...]
    capture: CaptureSettings | None


@dataclass(frozen=True, slots=True)
class LiveEndpoint:
    """An endpoint as it stands now.

    Attributes:
        capturing: Whether ``DataCaptureConfig.CaptureStatus`` is ``Started``.
        modified_at: ``LastModifiedTime``: since then the present state holds.
    """

    name: str
    status: str
    config_name: str
    created_at: datetime
    modified_at: datetime
    capturing: bool
    reason: str | None = None

    @property
    def changing(self) -> bool:
        return self.status in CHANGING


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """The SageMaker model behind a variant, and what its registry entry says about it."""

    name: str
    package_arn: str | None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One S3 object in a listing."""

    bucket: str
    key: str
    etag: str
    size: int
    modified_at: datetime

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class LiveAlarm:
    """A CloudWatch alarm as it stands now.

    Attributes:
        state: ``OK``, ``ALARM`` or ``INSUFFICIENT_DATA``.
        changed_at: When it came into that state.
        reason: CloudWatch's words for why.
        settings: As the API describes them, in the words of the call that makes such an alarm.
    """

    name: str
    state: str
    changed_at: datetime
    reason: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One change of an alarm's state, as its history has it."""

    alarm: str
    at: datetime
    summary: str


Request = dict[str, Any]
"""Keyword arguments of one boto3 call, as the API names them."""
