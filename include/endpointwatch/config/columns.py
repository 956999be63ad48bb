"""What an endpoint's file may say about single columns of its data-quality monitor."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from endpointwatch.config.section import Section, Share, Switch

ColumnType = Literal["Integral", "Fractional", "String", "Unknown"]


class ColumnDistribution(Section):
    """How one column's drift is measured; what is null stays as the baseline's constraints have it."""

    perform_comparison: Switch | None = Field(None, description="Compare this column's distribution at all.")
    comparison_threshold: Share | None = None
    comparison_method: Literal["Robust", "Simple"] | None = None
    categorical_comparison_threshold: Share | None = None
    categorical_drift_method: Literal["LInfinity", "ChiSquared"] | None = None


class ColumnOverrides(Section):
    """What is asked of one column; what is null stays as the baseline's constraints have it.

    Applied when a window is checked: the files of the baseline stay as they were learnt, and no new one is needed.
    """

    evaluate_constraints: Switch | None = Field(None, description="Disabled: described, but not checked.")
    datatype_check_threshold: Share | None = Field(None, description="Least share of values of the column's type.")
    domain_content_threshold: Share | None = Field(None, description="Least share of values that are known.")
    distribution_constraints: ColumnDistribution = Field(
        ColumnDistribution(), description="How this column's drift is measured."
    )
    inferred_type: ColumnType | None = Field(None, description="The type that is asked for; Unknown asks for none.")
    completeness: Share | None = Field(None, description="Least share of rows with a value.")
    is_non_negative: bool | None = Field(
        None, description="True: a negative number is a violation. AWS writes this constraint, but never checks it."
    )
    domains: tuple[str, ...] | None = Field(
        None,
        description="The known values as texts: quote numbers, yes and no. An empty list asks for none.",
        examples=["[north, south, '1']"],
    )

    def monitoring_config(self) -> dict[str, Any]:
        """What is given, in the form of `monitoring_config_overrides` in `constraints.json`; empty when nothing is."""
        keys = {"evaluate_constraints", "datatype_check_threshold", "domain_content_threshold"}
        given = self.model_dump(include=keys, exclude_none=True)
        drift = self.distribution_constraints.model_dump(exclude_none=True)
        return {**given, **({"distribution_constraints": drift} if drift else {})}
