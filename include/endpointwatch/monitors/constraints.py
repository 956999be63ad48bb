"""``constraints.json`` in Model Monitor's schema.

Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html
"""

from __future__ import annotations

from functools import reduce
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from endpointwatch.config.columns import ColumnOverrides
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
    # Containers before 2024 did not know it: where a file does not have it, the limit is that of numbers.
    categorical_comparison_threshold: float | None = None
    categorical_drift_method: Literal["LInfinity", "ChiSquared"] = "LInfinity"

    @property
    def categorical_threshold(self) -> float:
        told = self.categorical_comparison_threshold
        return self.comparison_threshold if told is None else told

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
        return MonitoringConfig.model_validate(_laid_over(self.model_dump(), overrides))


class NumberConstraints(_Part):
    is_non_negative: bool | None = None
    monitoring_config_overrides: dict[str, Any] | None = None


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
    # Two spellings are in use: the documentation's, and that of all other keys, which the SageMaker SDK writes into the
    # block of strings. Whoever writes one by hand may have either in mind, here or in a block: none is passed over.
    monitoring_config_overrides: dict[str, Any] | None = None
    monitoringConfigOverrides: dict[str, Any] | None = None  # noqa: N815 (AWS's spelling)

    def settings(self, general: MonitoringConfig) -> MonitoringConfig:
        """What holds for this column: the general settings, and over them the column's own."""
        overrides = self._overrides()
        return general.overridden(overrides) if overrides else general

    def under(self, own: ColumnOverrides) -> FeatureConstraints:
        """What is asked of this column where the endpoint's file says ``own`` about it."""
        changes: dict[str, Any] = {}
        if own.inferred_type is not None:
            changes["inferred_type"] = own.inferred_type
        if own.completeness is not None:
            changes["completeness"] = own.completeness
        if own.is_non_negative is not None:
            changes["num_constraints"] = NumberConstraints(is_non_negative=own.is_non_negative)
        if own.domains is not None:
            texts = self.string_constraints or StringConstraints()
            changes["string_constraints"] = texts.model_copy(update={"domains": own.domains or None})
        if told := own.monitoring_config():
            changes["monitoringConfigOverrides"] = _laid_over(self._overrides(), told)
        return self.model_copy(update=changes)

    def _overrides(self) -> dict[str, Any]:
        """All that is told, wherever it stands; the documentation's place goes before the others."""
        blocks = (block for block in (self.string_constraints, self.num_constraints) if block)
        nested = (block.monitoring_config_overrides for block in blocks)
        told = (*nested, self.monitoring_config_overrides, self.monitoringConfigOverrides)
        return reduce(_laid_over, (overrides for overrides in told if overrides), {})


def _laid_over(before: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """``told`` over ``before``, the nested block key by key."""
    drift = {**(before.get("distribution_constraints") or {}), **(told.get("distribution_constraints") or {})}
    return {**before, **told, **({"distribution_constraints": drift} if drift else {})}


class Constraints(_Part):
    """The whole file."""

    version: float = 0.0
    features: tuple[FeatureConstraints, ...]
    monitoring_config: MonitoringConfig = Field(default_factory=MonitoringConfig)

    def under(self, settings: DataQuality) -> Constraints:
        """What is asked of the watched columns, where the endpoint's file says ``settings`` about the monitor."""
        told = settings.column_overrides
        watched = (feature for feature in self.features if settings.watches(feature.name))
        asked = (feature.under(told[feature.name]) if feature.name in told else feature for feature in watched)
        return self.model_copy(update={"features": tuple(asked)})

    def document(self) -> dict[str, Any]:
        """The file's content, with AWS's keys in AWS's order."""
        return self.model_dump(mode="json", exclude_none=True)
