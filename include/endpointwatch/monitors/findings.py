"""What a check finds: broken constraints and measured distances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

#: What can be broken, in the words of ``constraint_violations.json``; of model quality it is the operator.
Check = Literal[
    "data_type_check",
    "completeness_check",
    "non_negative_check",
    "categorical_values_check",
    "missing_column_check",
    "extra_column_check",
    "baseline_drift_check",
    "LessThanThreshold",
    "GreaterThanThreshold",
    "bias_drift_check",
    "feature_attribution_drift_check",
]


class Violation(BaseModel):
    """One broken constraint, in the words and keys of Model Monitor's and Clarify's ``constraint_violations.json``.

    What it is about depends on the monitor: a column (data quality), a metric (model quality), a metric of a facet
    (bias), a metric of a label (attribution). Keys that do not apply are left out of the file, as AWS leaves them out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature_name: str | None = None
    facet: str | None = None
    facet_value: str | None = None
    label: str | None = None
    metric_name: str | None = None
    constraint_check_type: Check
    description: str

    @property
    def about(self) -> str:
        """What broke the constraint, in a word or two, for people."""
        facet = f"{self.facet}={self.facet_value}" if self.facet else None
        return " ".join(part for part in (self.feature_name, self.label, facet, self.metric_name) if part)

    @model_serializer(mode="wrap")
    def _without_nulls(self, dumped: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in dumped(self).items() if value is not None}


class Metric(BaseModel):
    """One number about a window's model, and what it was held against."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: float | None = Field(description="None where it cannot be computed; `note` says why.")
    standard_deviation: float | None = None
    threshold: float | None = Field(None, description="The baseline's; None where the baseline asks for nothing.")
    exceeded: bool = False
    facet: str | None = None
    facet_value: str | None = None
    label: str | None = None
    note: str = ""


class Estimate(BaseModel):
    """What a classifier's probabilities promise of one metric. An estimate, not a measurement: nothing is judged on it.

    References:
        https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: float = Field(description="Of all rows that were captured, labelled or not.")
    lower: float = Field(description="Chance alone keeps 95 of 100 such windows between this …")
    upper: float = Field(description="… and this.")
    standard_error: float
    threshold: float | None = Field(None, description="The baseline's limit for the metric that is measured.")
    realised: float | None = Field(None, description="The metric measured on the rows that have a label by now.")
    error: float | None = Field(None, description="The estimate of those same rows, less what was measured on them.")


class Distance(BaseModel):
    """How far a feature's window lies from its baseline, and the limit it was held against.

    ``distance`` is the number that decides; ``method`` says which one that is. What follows is shown beside it, so that
    a reader sees what other ways of counting would have said. All of it is None in verdicts of earlier versions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature_name: str
    method: str = Field(description="`linf_robust`, `linf_simple` or `chi_squared_p_value`: what `distance` is.")
    distance: float
    threshold: float
    exceeded: bool = Field(description="Whether this is drift: beyond the threshold, and significant where asked for.")
    simple: float | None = Field(None, description="Largest difference of the two distributions, 0 to 1.")
    robust: float | None = Field(None, description="The same, less what chance alone gives for so many rows.")
    aws: float | None = Field(
        None, description="What AWS's analyzer measures by `method`; null where it makes no comparison."
    )
    p_value: float | None = Field(
        None, description="Chance of such a difference: two-sample Kolmogorov-Smirnov or chi-squared test."
    )
    adjusted_p_value: float | None = Field(None, description="`p_value` after Benjamini-Hochberg, where switched on.")
    effect_size: float | None = Field(None, description="How large the difference is, whatever the number of rows.")
    effect_measure: Literal["glass_delta", "cramers_v"] | None = Field(
        None, description="Moved means in the baseline's standard deviations, or Cramér's V of the categories."
    )

    def __str__(self) -> str:
        kind = "p-value" if self.method == "chi_squared_p_value" else "distance"
        return f"{self.feature_name} ({kind} {self.distance:.3g}, limit {self.threshold:g})"


class AttributionChange(BaseModel):
    """What became of one feature's part in one output of the model. Ranks begin at 1, the one that matters most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    feature_name: str
    baseline_value: float = Field(description="Global value in the baseline, in the unit that is explained.")
    value: float
    baseline_share: float = Field(description="Its size as a share of all features', 0 to 1.")
    share: float
    change_percent: float | None = Field(
        description="Of the share, in percent of the baseline's; null where that is 0."
    )
    baseline_rank: int
    rank: int

    def __str__(self) -> str:
        # A minus sign, as people write it; and what was nothing before cannot grow by a percentage.
        percent = (
            "new" if self.change_percent is None else f"{self.change_percent:+.2f} %".replace("-", "\N{MINUS SIGN}")
        )
        moved = f", rank {self.baseline_rank} to {self.rank}" if self.rank != self.baseline_rank else ""
        return f"{self.feature_name} {percent}{moved}"


class AttributionFindings(BaseModel):
    """What the attribution monitor saw beside its metrics: how much was explained, what changed, what to do next."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows_sampled: int
    rows_explained: int = Field(description="Fewer than sampled: the window is not judged.")
    seed: int
    method: str
    exact: bool = Field(description="False: values rest on sampled coalitions.")
    changes: tuple[AttributionChange, ...] = Field((), description="Every feature, the largest change of share first.")
    next_steps: tuple[str, ...] = ()

    @property
    def coverage(self) -> float:
        return self.rows_explained / self.rows_sampled if self.rows_sampled else 0.0


@dataclass(frozen=True, slots=True)
class Findings:
    """The outcome of a check.

    Attributes:
        violations: Broken constraints; () when all hold.
        distances: Every comparison of a column's distribution that was made, broken or not.
        metrics: Every metric that was compared, broken or not.
        schema_changed: The data has other columns than the baseline; only those that both have were checked.
    """

    violations: tuple[Violation, ...] = ()
    distances: tuple[Distance, ...] = ()
    metrics: tuple[Metric, ...] = ()
    schema_changed: bool = False


def most_drifted(distances: Iterable[Distance], count: int = 3) -> tuple[Distance, ...]:
    """The drifted features, the one that lies farthest first; equally far ones by name."""
    drifted = [distance for distance in distances if distance.exceeded]
    # By the simple distance: it is there for every method, and a p-value of one feature is no match for another's.
    far = sorted(drifted, key=lambda d: (-(d.distance if d.simple is None else d.simple), d.feature_name))
    return tuple(far[:count])
