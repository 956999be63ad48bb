"""``constraints.json`` of model quality in Model Monitor's schema: a threshold and a bad direction for each metric."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from endpointwatch.config.model_quality import ProblemType
from endpointwatch.monitors.performance import FAMILY

Operator = Literal["LessThanThreshold", "GreaterThanThreshold"]
_ROUNDING = 1e-12
#: Metrics of which less is better; of all others, more.
_ERRORS = ("mae", "mse", "rmse", "false_positive_rate", "false_negative_rate")
_SUGGESTED: dict[ProblemType, tuple[str, ...]] = {
    "Regression": ("mae", "mse", "rmse", "r2"),
    "BinaryClassification": (
        "recall",
        "precision",
        "accuracy",
        "true_positive_rate",
        "true_negative_rate",
        "false_positive_rate",
        "false_negative_rate",
        "auc",
        "f0_5",
        "f1",
        "f2",
    ),
    "MulticlassClassification": (
        "accuracy",
        "weighted_recall",
        "weighted_precision",
        "weighted_f0_5",
        "weighted_f1",
        "weighted_f2",
    ),
}


class Limit(BaseModel):
    """A metric's limit; beyond it in the direction of the operator is a violation."""

    # Files written by AWS, or by hand, may hold keys of other container generations: they are kept, not refused.
    model_config = ConfigDict(extra="allow", frozen=True)

    threshold: float
    comparison_operator: Operator

    @classmethod
    def of(cls, metric: str, threshold: float) -> Self:
        operator: Operator = "GreaterThanThreshold" if metric in _ERRORS else "LessThanThreshold"
        return cls(threshold=threshold, comparison_operator=operator)

    def broken_by(self, value: float) -> bool:
        """Whether ``value`` lies beyond the limit, and not by rounding alone: sums of other orders differ so much."""
        if math.isclose(value, self.threshold, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
            return False
        if self.comparison_operator == "LessThanThreshold":
            return value < self.threshold
        return value > self.threshold


class QualityConstraints(BaseModel):
    """The limits of one problem type's metrics."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    problem_type: ProblemType
    limits: dict[str, Limit]

    @classmethod
    def suggested(cls, problem_type: ProblemType, values: Mapping[str, float | None]) -> Self:
        """The metrics that AWS suggests limits for, each at the value it has."""
        known = [(name, values.get(name)) for name in _SUGGESTED[problem_type]]
        return cls(
            problem_type=problem_type,
            limits={name: Limit.of(name, value) for name, value in known if value is not None},
        )

    @classmethod
    def read(cls, document: Mapping[str, Any], problem_type: ProblemType) -> Self:
        """The file's content.

        Raises:
            ValueError: It has no constraints of this problem type, or they are of another form.
        """
        key = f"{FAMILY[problem_type]}_constraints"
        if key not in document:
            raise ValueError(f"it has no {key}, but {sorted(document)}")
        return cls(problem_type=problem_type, limits=document[key])

    def document(self) -> dict[str, Any]:
        """The file's content, with AWS's keys in AWS's order."""
        limits = {name: limit.model_dump(mode="json") for name, limit in self.limits.items()}
        return {"version": 0.0, f"{FAMILY[self.problem_type]}_constraints": limits}

    def overridden(self, thresholds: Mapping[str, float]) -> Self:
        """The same with other thresholds; a metric that had none gets the direction that is bad for it."""
        own = {
            name: self.limits[name].model_copy(update={"threshold": value})
            if name in self.limits
            else Limit.of(name, value)
            for name, value in thresholds.items()
        }
        return self.model_copy(update={"limits": {**self.limits, **own}})
