"""``constraints.json`` in Model Monitor's schema.

Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.section import Switch
from endpointwatch.states.types import InferredType


class _Part(BaseModel):
    # Files written by AWS, or by hand, may hold keys of other container generations: they are kept, not refused.
    model_config = ConfigDict(extra="allow", frozen=True)


class DistributionComparison(_Part):
    """How drift is measured, and from where on it counts."""

    perform_comparison: Switch = "Enabled"
    comparison_threshold: float = 0.1
    comparison_method: Literal["Robust", "Simple"] = "Robust"
    categorical_comparison_threshold: float = 0.1
    categorical_drift_method: Literal["LInfinity", "ChiSquared"] = "LInfinity"

    @field_validator("comparison_method", mode="before")
    @classmethod
    def _either_spelling(cls, value: object) -> object:
        return {"linf_robust": "Robust", "linf_simple": "Simple"}.get(str(value), value)


class MonitoringConfig(_Part):
    """What is checked, and how strictly; the container's own defaults where a file is silent."""

    evaluate_constraints: Switch = "Enabled"
    emit_metrics: Switch = "Enabled"
    datatype_check_threshold: float = 1.0
    domain_content_threshold: float = 1.0
    distribution_constraints: DistributionComparison = DistributionComparison()

    @classmethod
    def of(cls, settings: DataQuality) -> Self:
        """The monitor's settings in the endpoint's YAML, in the file's form."""
        keys = {"evaluate_constraints", "emit_metrics", "datatype_check_threshold", "domain_content_threshold"}
        return cls(
            **settings.model_dump(include=keys),
            distribution_constraints=DistributionComparison(**settings.distribution_constraints.model_dump()),
        )

    def overridden(self, overrides: dict[str, Any]) -> MonitoringConfig:
        """These settings with ``overrides`` laid over them, the nested block key by key."""
        mine = self.model_dump()
        nested = {**mine["distribution_constraints"], **overrides.get("distribution_constraints", {})}
        return MonitoringConfig.model_validate({**mine, **overrides, "distribution_constraints": nested})


class NumberConstraints(_Part):
    is_non_negative: bool | None = None


class StringConstraints(_Part):
    domains: tuple[str, ...] | None = None
    monitoring_config_overrides: dict[str, Any] | None = None


class FeatureConstraints(_Part):
    """What is asked of one column."""

    name: str
    inferred_type: InferredType = "Unknown"
    completeness: float | None = None
    num_constraints: NumberConstraints | None = None
    string_constraints: StringConstraints | None = None
    # Two spellings are in use: the documentation's, and the one that the SageMaker SDK writes for strings.
    monitoringConfigOverrides: dict[str, Any] | None = None  # noqa: N815 (AWS's spelling)

    def settings(self, general: MonitoringConfig) -> MonitoringConfig:
        """What holds for this column: the general settings, and over them the column's own."""
        nested = self.string_constraints.monitoring_config_overrides if self.string_constraints else None
        overrides = {**(nested or {}), **(self.monitoringConfigOverrides or {})}
        return general.overridden(overrides) if overrides else general


class Constraints(_Part):
    """The whole file."""

    version: float = 0.0
    features: tuple[FeatureConstraints, ...]
    monitoring_config: MonitoringConfig = Field(default_factory=MonitoringConfig)

    def document(self) -> dict[str, Any]:
        """The file's content, with AWS's keys in AWS's order."""
        return self.model_dump(mode="json", exclude_none=True)
