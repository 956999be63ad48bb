"""What an endpoint's file may say about its data-quality monitor."""

from __future__ import annotations

from typing import Final, Literal, Self

import jmespath
import jmespath.exceptions
from pydantic import Field, field_validator, model_validator

from endpointwatch.config.columns import ColumnOverrides
from endpointwatch.config.held_against import FixedBaseline, HeldAgainst
from endpointwatch.config.section import S3Uri, Section, Share, Switch

#: Checks that fail when the data has other columns than the baseline, whatever is in them.
COLUMN_CHECKS: Final = ("extra_column_check", "missing_column_check")


class DistributionConstraints(Section):
    """`distribution_constraints` of Model Monitor's `constraints.json`, same names and defaults."""

    perform_comparison: Switch = Field("Enabled", description="Compare distributions at all.")
    comparison_threshold: Share = Field(0.1, description="A larger distance of numbers is drift.")
    comparison_method: Literal["Robust", "Simple"] = Field(
        "Robust", description="Robust takes off what chance alone gives for so many rows; Simple does not."
    )
    categorical_comparison_threshold: Share = Field(
        0.1, description="A larger distance of categories is drift; with ChiSquared, a smaller p-value."
    )
    categorical_drift_method: Literal["LInfinity", "ChiSquared"] = Field(
        "LInfinity", description="LInfinity: the largest difference of a category's share. ChiSquared: a p-value."
    )


class JsonPayloads(Section):
    """Where rows and columns stand in captured JSON; JMESPath expressions (https://jmespath.org).

    Without any, an object is one row with a column per key, and an array of objects or of arrays is a row per item.
    """

    input_rows: str | None = Field(
        None, description="From a request's document to the array of its rows.", examples=["instances"]
    )
    input_columns: str | None = Field(
        None,
        description="From one row of the input to a flat object (columns by key) or array (by position).",
        examples=["features", "{age: person.age, amount: amount}"],
    )
    output_rows: str | None = Field(
        None, description="From an answer's document to the array of its rows.", examples=["predictions"]
    )
    output_columns: str | None = Field(
        None, description="From one row of the output to a flat object, an array or one value.", examples=["score"]
    )

    @field_validator("input_rows", "input_columns", "output_rows", "output_columns")
    @classmethod
    def _is_jmespath(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                jmespath.compile(value)
            except jmespath.exceptions.JMESPathError as error:
                raise ValueError(f"{value!r} is no JMESPath expression: {' '.join(str(error).split())}") from error
        return value


class Segments(Section):
    """The same report once more for each value of a column."""

    column: str = Field(description="The column whose values part the rows, by its name in the baseline.", min_length=1)
    maximum: int = Field(
        20, ge=1, le=1000, description="So many values have a report; the rows of all others are counted as one."
    )
    minimum_rows: int = Field(100, ge=1, description="A segment with fewer rows is described, but not judged.")
    alarm: Switch = Field(
        "Enabled",
        description="A segment's violations give the window the verdict VIOLATIONS; Disabled: they are only named.",
    )


class DataQuality(Section):
    """The data-quality monitor: types, completeness, known values, drift against the baseline."""

    kind: Literal["data_quality"] = "data_quality"
    include_output: bool = Field(True, description="Watch the model's output as the first column(s), as AWS does.")
    evaluate_constraints: Switch = Field("Enabled", description="Check windows, or only describe them.")
    emit_metrics: Switch = Field("Enabled", description="Publish CloudWatch metrics of every column.")
    datatype_check_threshold: Share = Field(1.0, description="Least share of values of the baseline's type.")
    domain_content_threshold: Share = Field(1.0, description="Least share of values that the baseline knows.")
    distribution_constraints: DistributionConstraints = Field(
        DistributionConstraints(), description="How drift is measured, and from where on it counts."
    )
    columns: tuple[str, ...] | None = Field(
        None, description="The columns that are watched, by their names in the baseline; null means all.", min_length=1
    )
    excluded_columns: tuple[str, ...] = Field((), description="Columns that are not watched.")
    column_overrides: dict[str, ColumnOverrides] = Field(
        default_factory=dict, description="What is asked of single columns, by their names in the baseline."
    )
    baseline: HeldAgainst = Field(FixedBaseline(), description="What a window's distributions are held against.")
    segments: Segments | None = Field(None, description="Leave out for one report over all rows.")
    minimum_rows: int = Field(1, ge=1, description="Fewer rows give the verdict TOO_FEW_ROWS instead of a judgement.")
    json_payloads: JsonPayloads = Field(
        JsonPayloads(), description="Where rows and columns stand in captured JSON that is not flat."
    )
    record_preprocessor_script: S3Uri | None = Field(
        None, description="Python with AWS's `preprocess_handler`: makes the rows of captured records and data sets."
    )
    post_analytics_processor_script: S3Uri | None = Field(
        None, description="Python with AWS's `postprocess_handler`: is called when a window's report is written."
    )
    benjamini_hochberg: Switch = Field(
        "Disabled",
        description="Count a feature's drift only if it is also significant, in view of how many features are tested.",
    )
    false_discovery_rate: float = Field(
        0.05, gt=0.0, lt=1.0, description="With `benjamini_hochberg`: the share of false alarms that is put up with."
    )
    aws_compatible: Switch = Field("Disabled", description="Follow AWS's analyzer to the letter, blind spots included.")

    @model_validator(mode="after")
    def _one_way_of_counting(self) -> Self:
        if self.aws_compatible == self.benjamini_hochberg == "Enabled":
            raise ValueError("aws_compatible and benjamini_hochberg are both Enabled; AWS makes no such correction")
        return self

    @model_validator(mode="after")
    def _columns_agree(self) -> Self:
        if both := sorted(set(self.columns or ()) & set(self.excluded_columns)):
            raise ValueError(f"{both} stand under columns and under excluded_columns; keep one of the two")
        if unwatched := [name for name in self.column_overrides if not self.watches(name)]:
            raise ValueError(f"column_overrides has {unwatched}, which columns and excluded_columns leave out")
        asked = [name for name, own in self.column_overrides.items() if own.is_non_negative]
        if self.aws_compatible == "Enabled" and asked:
            raise ValueError(
                f"column_overrides asks for is_non_negative of {asked}, which AWS never checks; leave it out, or set "
                "aws_compatible to Disabled"
            )
        return self

    def watches(self, column: str) -> bool:
        """Whether ``column`` is one of those that are watched."""
        return (self.columns is None or column in self.columns) and column not in self.excluded_columns

    def named_columns(self) -> tuple[tuple[str, str], ...]:
        """Every column that the settings name, with the key it stands under."""
        segments = [("segments.column", self.segments.column)] if self.segments else []
        told = (("columns", self.columns or ()), ("excluded_columns", self.excluded_columns))
        listed = [(key, name) for key, names in told for name in names]
        return (*listed, *(("column_overrides", name) for name in self.column_overrides), *segments)
