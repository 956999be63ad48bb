"""What an endpoint's file may say about training a challenger, judging it, and letting it win."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from endpointwatch.config.section import S3Uri, Section
from endpointwatch.config.tuning import Tuning
from endpointwatch.config.window import Window

MetricChoice = Literal["auc", "accuracy", "f1", "log_loss"]
#: Bias metrics of a model's answers that can be told from its scores; the flip test needs all features.
Fairness = Literal["AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE"]
#: What a verdict may say about a window that keeps its rows out of a data set.
BadStatus = Literal[
    "VIOLATIONS",
    "PROVISIONAL",
    "TOO_FEW_ROWS",
    "CAPTURE_LAGGING",
    "LABELS_MISSING",
    "ENCODING_MIXED",
    "SCHEMA_CHANGED",
    "JOB_FAILED",
]


class Recipe(Section):
    """Which rows a challenger's data set is made of."""

    recent_share: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="The windows' share of the training and of the validation rows; the others are drawn from "
        "`initial_dataset_uri`, as far as it has them. 1 takes the windows alone.",
    )
    maximum_rows: int | None = Field(None, ge=1, description="At most so many training rows, of both sources.")
    maximum_rows_per_window: int | None = Field(
        None, ge=1, description="At most so many labelled rows of one window, so that no busy hour outweighs the rest."
    )
    seed: int = Field(0, ge=0, description="Of the drawing, where rows are left out.")
    exclude_statuses: tuple[BadStatus, ...] = Field(
        ("SCHEMA_CHANGED", "ENCODING_MIXED"),
        description="Windows on which any monitor's verdict has one of these statuses are left out.",
    )
    exclude_windows: tuple[Window, ...] = Field(
        (), description="Spans of time whose windows are left out, whatever their verdicts: an outage, a load test."
    )


class MetricDefinition(Section):
    """A figure that SageMaker reads from the training job's log."""

    name: str = Field(min_length=1, max_length=255, description="What it is called in `FinalMetricDataList`.")
    regex: str = Field(
        min_length=1,
        max_length=500,
        description="Its first group is the number.",
        examples=["validation:auc=([-+0-9.eE]+);"],
    )

    @field_validator("regex")
    @classmethod
    def _has_a_group(cls, value: str) -> str:
        try:
            groups = re.compile(value).groups
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from error
        if not groups:
            raise ValueError(f"{value!r} has no group (...) around the number")
        return value


class Promotion(Section):
    """What a challenger must show, beside a gain above `minimum_gain`, to take the champion's place."""

    confidence: float | None = Field(
        0.95,
        gt=0.5,
        lt=1.0,
        description="The whole interval of the gain, at this confidence, must lie above `minimum_gain`: a paired "
        "bootstrap over the rows that both models were judged on. Null compares the two figures alone.",
    )
    resamples: int = Field(1000, ge=100, le=100_000, description="Bootstrap samples.")
    seed: int = Field(0, ge=0, description="Of the bootstrap: the same rows give the same interval.")
    maximum_held_out_loss: float | None = Field(
        None,
        ge=0.0,
        description="By so much the challenger may be worse than the champion, in `training.metric`, on the test part "
        "of `initial_dataset_uri`. Null reports the difference and does not judge it: the world may have changed.",
    )
    bias: dict[Fairness, float] = Field(
        default_factory=dict,
        description="How far a challenger's bias metrics may lie from equal treatment, for every group of the bias "
        "monitor: the value without its sign, of DI the natural logarithm of the ratio.",
    )
    maximum_latency_ms: float | None = Field(
        None, gt=0.0, description="The challenger's median time to score one row, in the evaluating job."
    )
    maximum_latency_ratio: float | None = Field(
        None, gt=0.0, description="The same, as a multiple of the champion's in the same job."
    )

    @field_validator("bias")
    @classmethod
    def _limits_are_sizes(cls, value: dict[Fairness, float]) -> dict[Fairness, float]:
        if wrong := sorted(name for name, limit in value.items() if limit < 0):
            raise ValueError(f"bias: the limits of {wrong} are distances from equal treatment, so not below 0")
        return value


class Training(Section):
    """How a challenger is trained, judged and deployed."""

    image_uri: str = Field(description="Training and serving image in ECR (include/containers/sklearn_example).")
    instance_type: str = "ml.m5.large"
    volume_size_gb: int = Field(20, ge=1, le=16384)
    max_runtime_seconds: int = Field(3600, ge=60, le=432000)
    hyperparameters: dict[str, str] = Field(default_factory=dict)
    tuning: Tuning | None = Field(None, description="Search hyperparameters with a tuning job instead of fixing all.")
    metric_definitions: Annotated[tuple[MetricDefinition, ...], Field(max_length=40)] | None = Field(
        None,
        description="Figures to read from the job's log. Null reads `train:` and `validation:` with auc, accuracy, f1 "
        "and log_loss, as the example image prints them: `validation:auc=0.9123;`.",
    )
    initial_dataset_uri: S3Uri = Field(description="CSV with header and label, for the first model version.")
    artifacts_uri: S3Uri = Field(description="Data sets and model artifacts go below here.")
    ground_truth_uri: S3Uri | None = Field(
        None,
        description="Labels, as Model Monitor's ground-truth records by hour. Null takes `ground_truth.uri`.",
    )
    features: tuple[str, ...] = Field(
        description="The endpoint's input columns, in the order of its CSV rows.", min_length=1
    )
    label: str
    prediction: str = Field("prediction", description="Name of the model's output column in baselines and statistics.")
    recipe: Recipe = Recipe()
    metric: MetricChoice = "auc"
    minimum_gain: float = Field(
        0.0, description="The margin: the challenger must beat the champion by more than this, on the same rows."
    )
    promotion: Promotion = Promotion()
    minimum_rows: int = Field(200, ge=1, description="Fewer labelled rows fail the retraining; the champion stays.")
    model_package_group: str = Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")

    @model_validator(mode="after")
    def _tuning_fits(self) -> Self:
        if self.tuning is None:
            return self
        if twice := sorted(set(self.tuning.ranges) & set(self.hyperparameters)):
            raise ValueError(f"tuning.ranges: {twice} stand under `hyperparameters` as well; SageMaker takes one place")
        objective = self.objective
        names = {one.name for one in self.metric_definitions or ()}
        if self.metric_definitions is not None and objective not in names:
            raise ValueError(f"tuning.objective is {objective!r}, which none of `metric_definitions` reads: {names}")
        return self

    @property
    def objective(self) -> str:
        """The figure a tuning job goes by."""
        told = self.tuning.objective if self.tuning else None
        return told or f"validation:{self.metric}"
