"""What a replay changes, and over which spans it looks."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.section import Section, Share, Switch

#: How the windows are taken together: each as it is stored, or added up by UTC day or ISO week.
Span = Literal["stored", "day", "week"]

_DRIFT = (
    "comparison_threshold",
    "comparison_method",
    "categorical_comparison_threshold",
    "categorical_drift_method",
)
_CHECKS = ("datatype_check_threshold", "domain_content_threshold")
_JUDGEMENT = ("minimum_rows", "benjamini_hochberg", "false_discovery_rate", "aws_compatible")


class Changes(Section):
    """Other thresholds and methods than the ones that windows were judged by; what is null stays as it was.

    A column's own settings in ``constraints.json`` go before these, as they go before the general ones.
    """

    comparison_threshold: Share | None = Field(None, description="Limit of the distance of numbers.")
    comparison_method: Literal["Robust", "Simple"] | None = None
    categorical_comparison_threshold: Share | None = Field(None, description="Limit of the distance of categories.")
    categorical_drift_method: Literal["LInfinity", "ChiSquared"] | None = None
    datatype_check_threshold: Share | None = None
    domain_content_threshold: Share | None = None
    minimum_rows: int | None = Field(None, ge=1)
    benjamini_hochberg: Switch | None = None
    false_discovery_rate: float | None = Field(None, gt=0.0, lt=1.0)
    aws_compatible: Switch | None = None

    def settings(self, before: DataQuality) -> DataQuality:
        """The monitor's settings under these changes.

        Raises:
            ValueError: They exclude each other.
        """
        return DataQuality.model_validate({**before.model_dump(), **self._given(_JUDGEMENT)})

    def overrides(self) -> dict[str, Any]:
        """The changes to a ``monitoring_config``, in its own form; empty when it stays as it is."""
        drift = self._given(_DRIFT)
        return {**self._given(_CHECKS), **({"distribution_constraints": drift} if drift else {})}

    def _given(self, keys: tuple[str, ...]) -> dict[str, Any]:
        return self.model_dump(include=set(keys), exclude_none=True)

    def __str__(self) -> str:
        given = self.model_dump(exclude_none=True)
        return ", ".join(f"{key} = {value}" for key, value in given.items()) or "nothing changed"
