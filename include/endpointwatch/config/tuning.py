"""What an endpoint's file may say about searching hyperparameters."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from endpointwatch.config.section import Section

Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]


class IntegerRange(Section):
    """Whole numbers, both ends among them."""

    kind: Literal["integer"] = "integer"
    minimum: int
    maximum: int
    scaling: Scaling = Field("Auto", description="How values are spread over the range.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        _ordered(self.minimum, self.maximum, self.scaling)
        return self


class ContinuousRange(Section):
    """Numbers."""

    kind: Literal["continuous"] = "continuous"
    minimum: float
    maximum: float
    scaling: Scaling = Field("Auto", description="How values are spread over the range.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        _ordered(self.minimum, self.maximum, self.scaling)
        return self


class CategoricalRange(Section):
    """Some values."""

    kind: Literal["categorical"] = "categorical"
    values: tuple[str, ...] = Field(min_length=1, max_length=30)


Range = Annotated[IntegerRange | ContinuousRange | CategoricalRange, Field(discriminator="kind")]


class Tuning(Section):
    """A hyperparameter tuning job: several training jobs, of which the best one's model is the challenger."""

    strategy: Literal["Random", "Grid", "Bayesian"] = Field(
        "Random", description="How values are chosen. Grid needs ranges that are all categorical."
    )
    ranges: dict[str, Range] = Field(min_length=1, max_length=30, description="By hyperparameter.")
    objective: str | None = Field(
        None, description="The figure to go by, as a metric definition calls it; null takes `validation:<metric>`."
    )
    goal: Literal["Maximize", "Minimize"] | None = Field(
        None, description="Null takes Minimize for log_loss, else Maximize."
    )
    maximum_jobs: int = Field(10, ge=1, le=750, description="Training jobs in all; a grid's are as many as it has.")
    maximum_parallel_jobs: int = Field(1, ge=1, le=100, description="Training jobs at once.")
    seed: int = Field(0, ge=0, le=2147483647, description="Of the search.")

    @model_validator(mode="after")
    def _is_a_grid(self) -> Self:
        others = sorted(name for name, one in self.ranges.items() if one.kind != "categorical")
        if self.strategy == "Grid" and others:
            raise ValueError(f"strategy is Grid, but {others} are no categorical ranges; a grid has only these")
        return self


def _ordered(minimum: float, maximum: float, scaling: Scaling) -> None:
    if minimum > maximum:
        raise ValueError(f"minimum ({minimum}) is above maximum ({maximum})")
    if scaling == "Logarithmic" and minimum <= 0:
        raise ValueError(f"scaling is Logarithmic, but minimum ({minimum}) is not above 0")
    if scaling == "ReverseLogarithmic" and not 0 <= minimum <= maximum < 1:
        raise ValueError("scaling is ReverseLogarithmic, which is for ranges within [0, 1)")
