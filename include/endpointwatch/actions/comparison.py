"""What a comparison of challenger and champion reads, and what it comes to (``comparison.json``)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from endpointwatch.config.training import MetricChoice
from endpointwatch.errors import DatasetError

CHAMPION, CHALLENGER = "champion", "challenger"


class Evaluation(BaseModel):
    """``evaluation.json``: every model's metrics on the same labelled rows."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rows: int = Field(ge=1)
    label: str
    metrics: dict[str, dict[str, float]]

    @classmethod
    def parse(cls, text: str | bytes, *, source: str) -> Evaluation:
        """Raises:
        DatasetError: The text is not such a document.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise DatasetError(
                f"{source} is no evaluation: {error}. The image's `evaluate` must write rows, label and metrics."
            ) from error


class Figures(BaseModel):
    """Numbers that are kept with a decision."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bootstrap(Figures):
    """The interval of the gain, and how it was drawn."""

    low: float
    high: float
    confidence: float
    resamples: int
    seed: int
    method: str = "paired percentile bootstrap over rows"


class OnRows(Figures):
    """Both models on one set of rows, by every metric that is defined there."""

    rows: int
    challenger: dict[str, float]
    champion: dict[str, float] = Field(default_factory=dict)


class Latency(Figures):
    """Median time to score one row, in ms."""

    challenger: float | None = None
    champion: float | None = None


class Treatment(Figures):
    """One bias metric of one group, of both models, on the same rows."""

    metric: str
    facet: str
    group: str
    rows: int = Field(description="Of the group.")
    challenger: float | None = Field(None, description="None: not computable, or infinite; the note says which.")
    champion: float | None = None
    limit: float | None = Field(None, description="Of the challenger's distance from equal treatment.")
    broken: bool = False
    note: str = ""


class Comparison(Figures):
    """Who won, by how much, and why, in numbers that go into the registry."""

    metric: MetricChoice
    rows: int
    challenger: float
    champion: float | None = Field(None, description="None when there was no champion.")
    gain: float | None = Field(None, description="How much better the challenger is; above 0 is better for any metric.")
    interval: Bootstrap | None = Field(None, description="Of the gain; None when the figures alone are compared.")
    minimum_gain: float
    recent: OnRows | None = Field(None, description="The rows that decide: the windows' own test rows.")
    held_out: OnRows | None = Field(None, description="The original data set's test rows.")
    latency_ms: Latency = Latency()
    bias: tuple[Treatment, ...] = ()
    promoted: bool
    broken: tuple[str, ...] = Field((), description="The conditions of `training.promotion` that are not met.")
    reason: str

    def to_json(self) -> str:
        """The file's exact text."""
        return self.model_dump_json(indent=2) + "\n"

    @property
    def brief(self) -> Comparison:
        """Without the bias metrics that nothing is asked of: they are many, and stand in the file."""
        return self.model_copy(update={"bias": tuple(one for one in self.bias if one.limit is not None)})
