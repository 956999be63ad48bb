"""What an endpoint's file may say about its feature-attribution monitor."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.config.section import Section, Share, Switch

AWS_THRESHOLD = 0.9


class ModelSource(Section):
    """What is explained: the model artefact, loaded in the job, or the live endpoint, asked over the network."""

    source: Literal["artifact", "endpoint"] = Field(
        "artifact", description="`endpoint` where no artefact may be read: batched calls under a budget."
    )
    max_requests: int = Field(500, ge=1, description="With `endpoint`: a job sends at most so many requests.")
    rows_per_request: int = Field(500, ge=1, description="With `endpoint`: rows in one request, at most.")


class Attribution(Section):
    """The feature-attribution monitor: does the model still rest on the same features as when it was trained?"""

    kind: Literal["attribution"] = "attribution"
    features: tuple[str, ...] = Field(
        (),
        description="The model's inputs in their order. Empty takes `training.features`, else the data set's header "
        "without its first column, the model's output.",
    )
    label_headers: tuple[str, ...] = Field((), description="Names of the model's outputs; else label0, label1, …")
    sample_rows: int = Field(500, ge=1, description="So many rows of a window (of the baseline's data) are explained.")
    seed: int = Field(0, ge=0, description="Of the choice of rows and of sampled coalitions; it stands in the results.")
    baseline: Literal["mean", "median"] | tuple[tuple[float | str | None, ...], ...] = Field(
        "mean",
        description="What rows are held against: the training data's mean or median (the most frequent value of texts),"
        " or rows of values, one for each feature.",
    )
    agg_method: Literal["mean_abs", "median", "mean_sq"] = Field(
        "mean_abs", description="How a feature's local values become its global one, as in Clarify."
    )
    use_logit: Switch = Field("Disabled", description="Explain log-odds instead of probabilities.")
    num_samples: int | None = Field(
        None, ge=2, description="Coalitions where no exact way is known; null: 2 x features + 2048, as `shap`."
    )
    threshold: Share = Field(AWS_THRESHOLD, description="A smaller NDCG of the features' order is drift.")
    minimum_rows: int = Field(1, ge=1, description="Fewer rows give the verdict TOO_FEW_ROWS instead of a judgement.")
    model: ModelSource = Field(ModelSource(), description="Where the model to explain comes from.")
    emit_metrics: Switch = Field("Enabled", description="Publish CloudWatch metrics of every feature.")
    json_payloads: JsonPayloads = Field(
        JsonPayloads(), description="Where rows and columns stand in captured JSON that is not flat."
    )
    aws_compatible: Switch = Field("Disabled", description="Keep to what AWS offers: the threshold is 0.9.")

    @field_validator("features", "label_headers")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({name for name in value if value.count(name) > 1}):
            raise ValueError(f"{twice} stand in the list more than once")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not isinstance(self.baseline, str):
            widths = {len(row) for row in self.baseline}
            if not widths or widths != {len(self.features) or next(iter(widths))}:
                raise ValueError("baseline must be rows with one value for each of `features`")
        if self.aws_compatible == "Enabled" and self.threshold != AWS_THRESHOLD:
            raise ValueError(f"aws_compatible is Enabled, but AWS's threshold is {AWS_THRESHOLD}, not {self.threshold}")
        return self
