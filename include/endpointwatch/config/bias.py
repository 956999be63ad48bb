"""What an endpoint's file may say about its bias monitor."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.config.section import Section, Switch

Value = int | float | str
MetricName = Literal[
    "CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD",
    "AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "GE", "RD", "SD", "TE",
]  # fmt: skip


class Facet(Section):
    """One sensitive column in the full form: whose rows are the group that is compared with all others."""

    name: str = Field(description="The column.")
    values: tuple[Value, ...] = Field(
        (), description="Rows with one of these are the group; empty: each value in turn is compared with the rest."
    )
    threshold: float | None = Field(None, description="For numbers: the rows above it are the group.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.values and self.threshold is not None:
            raise ValueError(f"{self.name}: `values` and `threshold` are both set; choose one")
        return self


class ConfidenceInterval(Section):
    """A bootstrap interval around every metric: rows are drawn again, with replacement."""

    bootstrap: Switch = Field(
        "Disabled", description="Alert only if the whole interval lies outside what the baseline allows."
    )
    level: float = Field(0.95, gt=0.0, lt=1.0, description="The share of samples inside the interval.")
    iterations: int = Field(1000, ge=100, le=100_000, description="Samples drawn.")
    seed: int = Field(0, ge=0, description="Of the drawing: the same window gives the same interval.")


class Bias(Section):
    """The bias monitor: how groups of people are answered, compared with all others and with the baseline."""

    kind: Literal["bias"] = "bias"
    sensitive_features: tuple[str | Facet, ...] = Field(
        min_length=1,
        description="Columns, as `[gender, age]`: each value is compared with the rest, and a column of many numbers "
        "is cut at the baseline's median. Or in full, with `name` and `values` or `threshold`.",
    )
    label: str | None = Field(
        None, description="The baseline data set's column of true outcomes; null takes `training.label`."
    )
    positive_labels: tuple[Value, ...] = Field(
        (1,), min_length=1, description="The outcomes that are good for whoever gets them."
    )
    label_threshold: float | None = Field(None, description="Outcomes above it are good; instead of `positive_labels`.")
    predicted_label: str | None = Field(
        None, description="The column of the model's answers in the baseline; null takes the first column."
    )
    probability_threshold: float | None = Field(
        0.5, description="Answers above it are positive; null reads answers as labels."
    )
    group_variable: str | None = Field(
        None, description="For CDDL and CDDPL: only people with the same value are compared with each other."
    )
    metrics: Literal["all"] | tuple[MetricName, ...] = Field(
        "all", description="Which metrics to compute. FT, the flip test, compares every row with its neighbours."
    )
    flip_test_maximum_rows: int = Field(
        100_000, ge=0, description="In larger windows FT is left out: its time grows faster than the rows."
    )
    minimum_rows: int = Field(1, ge=1, description="Fewer rows give the verdict TOO_FEW_ROWS instead of a judgement.")
    minimum_group_rows: int = Field(
        30, ge=1, description="A group with fewer rows, or with fewer others, is reported but not judged."
    )
    confidence_interval: ConfidenceInterval = Field(
        ConfidenceInterval(), description="Whether chance is taken into account, and how."
    )
    emit_metrics: Switch = Field("Enabled", description="Publish CloudWatch metrics of every facet.")
    json_payloads: JsonPayloads = Field(
        JsonPayloads(), description="Where rows and columns stand in captured JSON that is not flat."
    )
    aws_compatible: Switch = Field("Disabled", description="Follow Clarify to the letter, blind spots included.")

    @field_validator("sensitive_features")
    @classmethod
    def _each_once(cls, value: tuple[str | Facet, ...]) -> tuple[str | Facet, ...]:
        names = [one if isinstance(one, str) else one.name for one in value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"{sorted(twice)} stand in the list more than once")
        return value

    @model_validator(mode="after")
    def _one_way_of_judging(self) -> Self:
        if self.aws_compatible == self.confidence_interval.bootstrap == "Enabled":
            raise ValueError(
                "aws_compatible and confidence_interval.bootstrap are both Enabled; Clarify draws no samples"
            )
        return self

    @property
    def facets(self) -> tuple[Facet, ...]:
        """The sensitive features in the full form."""
        return tuple(Facet(name=one) if isinstance(one, str) else one for one in self.sensitive_features)
