"""What one file in ``include/endpoints/`` may say. Unknown keys are refused; past the loader there are no dicts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from endpointwatch.config.alarms import Alarms
from endpointwatch.config.approval import Approval
from endpointwatch.config.attribution import Attribution
from endpointwatch.config.bias import Bias
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.decision import Decision, Rule
from endpointwatch.config.deployment import DeploymentSettings
from endpointwatch.config.ground_truth import GroundTruth
from endpointwatch.config.model_quality import ModelQuality
from endpointwatch.config.notifications import Notifications
from endpointwatch.config.remediation import Remediation
from endpointwatch.config.section import DatasetFormat, S3Uri, Section
from endpointwatch.config.training import Training


class Aws(Section):
    """Where the endpoint lives, and as whom jobs run."""

    conn_id: str | None = Field(
        "aws_default", description="Airflow connection; null means boto3's own credential chain."
    )
    region: str | None = Field(None, description="AWS region; null takes the connection's.")
    role_arn: str = Field(
        description="Execution role of the jobs and models.", pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$"
    )


class Capture(Section):
    """SageMaker data capture, as `DataCaptureConfig` of the endpoint's configuration."""

    destination_uri: S3Uri
    sampling_percentage: int = Field(100, ge=0, le=100)
    modes: tuple[Literal["Input", "Output"], ...] = ("Input", "Output")
    csv_content_types: tuple[str, ...] = ("text/csv",)
    json_content_types: tuple[str, ...] = ("application/json",)
    settle_seconds: int = Field(
        180,
        ge=0,
        description="Wait so long after a window's end, and after its newest object: delivery lags by minutes.",
    )

    @field_validator("destination_uri")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        # A trailing slash becomes a double slash in the capture's keys, and then nothing is ever found there.
        return value.rstrip("/")


class Schedule(Section):
    """How often a window closes."""

    cron: str = Field("0 * * * *", description="When a window ends and the next begins, in UTC.")
    start_date: date = Field(description="The first day that can be scheduled or backfilled.")
    catchup: bool = Field(False, description="Run every window since start_date on its own, or only from now on.")


class Spark(Section):
    """The cluster that judges windows with `runs_on: spark`: a SageMaker processing job in AWS's PySpark container."""

    image_uri: str = Field(description="PySpark image in ECR with the engine's libraries (include/containers/spark).")
    instance_type: str = "ml.m5.xlarge"
    instance_count: int = Field(2, ge=1, le=100, description="Each instance downloads the whole window.")


class Job(Section):
    """Where the endpoint's jobs run, their size and limits."""

    runs_on: Literal["processing_job", "worker", "spark"] = Field(
        "processing_job",
        description="SageMaker processing jobs; or a subprocess of the Airflow task, for small windows; or Spark for "
        "windows beyond one machine, and processing jobs for the rest ([scaling.md](scaling.md)).",
    )
    image_uri: str = Field(description="The analyzer's image in ECR (include/containers/analyzer).")
    instance_type: str = "ml.m5.large"
    instance_count: Literal[1] = 1
    volume_size_gb: int = Field(20, ge=1, le=16384)
    max_runtime_seconds: int = Field(3600, ge=60, le=86400)
    spark: Spark | None = Field(None, description="Needed with `runs_on: spark`.")

    @model_validator(mode="after")
    def _can_run_there(self) -> Self:
        if self.runs_on == "spark" and self.spark is None:
            raise ValueError("runs_on is 'spark', but there is no `spark` section; add one with its image_uri")
        return self


# What joins this union also joins the registry in `endpointwatch.jobs.monitors`.
Monitor = Annotated[DataQuality | ModelQuality | Bias | Attribution, Field(discriminator="kind")]


class Hosting(Section):
    """The production variant that serves the endpoint."""

    variant_name: str = "AllTraffic"
    instance_type: str = "ml.m5.large"
    initial_instance_count: int = Field(1, ge=1)


class Endpoint(Section):
    """One watched endpoint: the whole of one YAML file."""

    name: str = Field(description="Name of the SageMaker endpoint.", pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")
    description: str = ""
    owner: str = "endpointwatch"
    tags: tuple[str, ...] = ()
    aws: Aws
    results_uri: S3Uri = Field(description="Baselines, verdicts and decisions go below here, in a folder per endpoint.")
    capture: Capture
    schedule: Schedule
    job: Job
    baseline_dataset_uri: S3Uri | None = Field(
        None,
        description="What baselines are learnt from, the model's output column first; a column of labels is for the "
        "monitors that need them. Null takes what the model package names.",
    )
    baseline_dataset_format: DatasetFormat = Field(
        "csv", description="How baseline data sets are written, that of a model package as well."
    )
    held_out_dataset_uri: S3Uri | None = Field(
        None,
        description="The same columns of rows that the model was not trained on: what the baselines of monitors that "
        "need labels are learnt from. Null takes what the model package names, else the data set of all others.",
    )
    monitors: tuple[Monitor, ...] = Field(min_length=1)
    ground_truth: GroundTruth | None = Field(
        None, description="Labels, for the monitors that need them; leave out where there are none."
    )
    decision: Decision = Decision()
    hosting: Hosting = Hosting()
    alarms: Alarms = Alarms()
    remediation: Remediation = Remediation()
    deployment: DeploymentSettings = DeploymentSettings()
    training: Training | None = Field(None, description="Leave out to watch only; then no decision can retrain.")
    approval: Approval = Field(Approval(), description="Who approves a version before it is deployed.")

    notifications: Notifications = Notifications()

    @field_validator("results_uri")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @model_validator(mode="after")
    def _actions_are_possible(self) -> Self:
        kinds = [monitor.kind for monitor in self.monitors]
        if twice := {kind for kind in kinds if kinds.count(kind) > 1}:
            raise ValueError(f"monitors: {sorted(twice)} stand in the list more than once")
        self._decisions_are_possible(kinds)
        return self

    def _decisions_are_possible(self, kinds: Collection[str]) -> None:
        for rule in self.decision.own:
            place = f"decision.rules: the action of {rule.name!r}" if self.decision.rules else "decision.action"
            if rule.action == "retrain" and self.training is None:
                raise ValueError(f"{place} is 'retrain', but there is no `training` section; add one or set 'notify'")
            if absent := sorted({*rule.monitors, *rule.monitor_weights} - set(kinds)):
                raise ValueError(
                    f"decision.rules: {rule.name!r} names {', '.join(absent)}, which is not under `monitors`; add it "
                    "there or take it out of the rule"
                )
        if self.training is None:
            return
        longest = self.training.max_runtime_seconds / 3600
        for key in ("training_hours_a_day", "training_hours_a_month"):
            hours = getattr(self.decision.budget, key)
            if hours is not None and hours < longest:
                raise ValueError(
                    f"decision.budget.{key} is {hours:g}, less than the {longest:g} h that one training may take, so "
                    "none would ever start; raise it or lower training.max_runtime_seconds"
                )

    @model_validator(mode="after")
    def _promotion_can_be_judged(self) -> Self:
        groups = any(isinstance(monitor, Bias) for monitor in self.monitors)
        if self.training is not None and self.training.promotion.bias and not groups:
            raise ValueError("training.promotion.bias has limits, but no `bias` monitor says whose treatment is meant")
        return self

    @model_validator(mode="after")
    def _labels_are_found(self) -> Self:
        if self.training is not None and self.training_labels is None:
            raise ValueError("training.ground_truth_uri is missing, and there is no `ground_truth` to take it from")
        return self

    @model_validator(mode="after")
    def _alarms_have_metrics(self) -> Self:
        published = {monitor.kind for monitor in self.monitors if monitor.emit_metrics == "Enabled"}
        for name, alarm in self.alarms.metrics.items():
            if alarm.enabled and alarm.monitor is not None and alarm.monitor not in published:
                raise ValueError(
                    f"alarms.metrics.{name}.monitor is {alarm.monitor!r}, which publishes no metrics of this endpoint: "
                    f"add it to `monitors`, with emit_metrics Enabled (it has {', '.join(sorted(published)) or 'none'})"
                )
        return self

    @model_validator(mode="after")
    def _rollback_alarms_exist(self) -> Self:
        off = {*self.alarms.metrics, *self.alarms.composites} - {*self.alarms.declared}
        if named := sorted(off & {*self.deployment.rollback_alarms.names}):
            raise ValueError(
                f"deployment.rollback_alarms.names has {', '.join(named)}, which is not made: it or `alarms` is not "
                "enabled. Enable it, or take the name out"
            )
        return self

    @property
    def label_columns(self) -> frozenset[str]:
        """Columns of a baseline data set that hold labels: no part of what the endpoint is asked, or answers."""
        named = {self.training.label} if self.training is not None else set()
        for monitor in self.monitors:
            told = monitor.ground_truth_attribute if isinstance(monitor, ModelQuality) else None
            told = monitor.label if isinstance(monitor, Bias) else told
            named |= {told} if told is not None else set()
        return frozenset(named)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that decide, in the order in which they are read; the standing ones are among them."""
        return self.decision.in_force(self.ground_truth.maximum_age_hours if self.ground_truth else 0)

    @property
    def training_labels(self) -> str | None:
        """Where the labels to train on lie, without a trailing slash; None when the endpoint is only watched."""
        if self.training is None:
            return None
        uri = self.training.ground_truth_uri or (self.ground_truth.uri if self.ground_truth else None)
        return uri.rstrip("/") if uri else None
