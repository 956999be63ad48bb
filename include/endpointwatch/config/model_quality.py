"""What an endpoint's file may say about its model-quality monitor."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

import jmespath
import jmespath.exceptions
from pydantic import AfterValidator, Field, model_validator

from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.config.section import Section, Share, Switch

ProblemType = Literal["Regression", "BinaryClassification", "MulticlassClassification"]
REGRESSION, BINARY, MULTICLASS = "Regression", "BinaryClassification", "MulticlassClassification"

_RATES = ("recall", "precision", "accuracy")
_BINARY_RATES = ("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate")
_F_SCORES = ("f0_5", "f1", "f2")
_WEIGHTED = ("accuracy", "weighted_recall", "weighted_precision", "weighted_f0_5", "weighted_f1", "weighted_f2")
#: The single numbers of each problem type that a threshold can be set for.
METRICS: dict[ProblemType, tuple[str, ...]] = {
    "Regression": ("mae", "mse", "rmse", "r2"),
    "BinaryClassification": (*_RATES, *_BINARY_RATES, "auc", "au_prc", *_F_SCORES),
    "MulticlassClassification": _WEIGHTED,
}
_QUOTED = re.compile(r"\[\s*'([^']*)'\s*\]")


def jmespath_of(attribute: str) -> str:
    """An attribute as JMESPath: JSONPath's root and quoted keys, which AWS takes too, are put in its words."""
    path = _QUOTED.sub(lambda found: f'."{found[1]}"', attribute.strip())
    return path.removeprefix("$").removeprefix(".")


def _attribute(value: str) -> str:
    if not value.strip():
        raise ValueError("it is empty; give a CSV index as text ('0'), a column's name, or a JMESPath expression")
    if not value.strip().isdigit():
        try:
            jmespath.compile(jmespath_of(value))
        except jmespath.exceptions.JMESPathError as error:
            # Names of columns may be anything; only what looks like a path has to be one.
            if any(sign in value for sign in "$[]{}|@"):
                raise ValueError(f"{value!r} is no JMESPath expression: {' '.join(str(error).split())}") from error
    return value.strip()


Attribute = Annotated[str, AfterValidator(_attribute)]


class ModelQuality(Section):
    """The model-quality monitor: predictions against the labels that come later; with classes, estimates before."""

    kind: Literal["model_quality"] = "model_quality"
    problem_type: ProblemType = Field(description="What the model predicts.")
    inference_attribute: Attribute | None = Field(
        None,
        description="The predicted class or number in the model's output: CSV index, or JMESPath into JSON.",
        examples=["0", "predictions[*].label"],
    )
    probability_attribute: Attribute | None = Field(
        None,
        description="Binary: the probability of the positive class, written as `inference_attribute` is.",
        examples=["0", "predictions[*].score"],
    )
    probability_attributes: tuple[Attribute, ...] = Field(
        (), description="Multiclass: where each class's probability stands, in the order of `classes`."
    )
    probability_threshold_attribute: Share = Field(
        0.5, description="Without `inference_attribute`: above this probability the positive class is predicted."
    )
    ground_truth_attribute: Attribute | None = Field(
        None,
        description="The label's column in the baseline data set (null takes `training.label`), and its key in labels "
        "that are JSON objects.",
    )
    baseline_inference_attribute: str | None = Field(
        None, description="The prediction's column in the baseline data set, where it is not `inference_attribute`."
    )
    baseline_probability_attribute: str | None = Field(
        None, description="The probability's column in the baseline data set, where it is not `probability_attribute`."
    )
    baseline_probability_attributes: tuple[str, ...] = Field(
        (), description="The same for `probability_attributes`, in the order of `classes`."
    )
    positive_class: str | None = Field(None, description="Binary: the positive class; null means `1` (or `true`).")
    classes: tuple[str, ...] = Field(
        (), description="The classes there are; empty takes those of the baseline, for binary `0` and `1`."
    )
    minimum_rows: int = Field(1, ge=1, description="Fewer labelled rows give TOO_FEW_ROWS instead of a judgement.")
    evaluate_constraints: Switch = Field("Enabled", description="Check windows, or only measure them.")
    emit_metrics: Switch = Field("Enabled", description="Publish every metric to CloudWatch.")
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="Limits that take the place of the baseline's, by metric, as `f1` or `mae`."
    )
    judged_metrics: tuple[str, ...] = Field(
        (), description="Only these can be violations, the others are reported; empty: all that have a limit."
    )
    estimate: Switch = Field(
        "Enabled", description="Estimate performance from calibrated probabilities before labels come (classes only)."
    )
    seed: int = Field(20210526, ge=0, description="Of the five draws of 80 % behind each standard deviation.")
    json_payloads: JsonPayloads = Field(
        JsonPayloads(),
        description="Where rows and columns stand in captured JSON; the attributes then name those columns.",
    )
    aws_compatible: Switch = Field("Disabled", description="Follow AWS's analyzer to the letter, blind spots included.")

    @model_validator(mode="after")
    def _says_where_the_prediction_is(self) -> Self:
        probable = self.probability_attribute or self.probability_attributes
        if self.inference_attribute is None and (self.problem_type == REGRESSION or not probable):
            raise ValueError("inference_attribute is missing, and no probability says what the model predicts")
        if self.probability_attribute and self.problem_type != BINARY:
            raise ValueError(f"probability_attribute is for {BINARY}; with more classes set `probability_attributes`")
        if self.probability_attributes and self.problem_type != MULTICLASS:
            raise ValueError(f"probability_attributes is for {MULTICLASS}; with two set `probability_attribute`")
        if self.probability_attributes and len(self.probability_attributes) != len(self.classes):
            raise ValueError(
                f"{len(self.probability_attributes)} probability_attributes do not fit {len(self.classes)} `classes`"
            )
        return self

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        known = METRICS[self.problem_type]
        if unknown := sorted(set(self.thresholds) - set(known)):
            raise ValueError(f"thresholds: {unknown} are no metrics of {self.problem_type}, which has {list(known)}")
        if unknown := sorted(set(self.judged_metrics) - set(known)):
            raise ValueError(
                f"judged_metrics: {unknown} are no metrics of {self.problem_type}, which has {list(known)}"
            )
        if self.problem_type == BINARY and len(self.classes) not in (0, 2):
            raise ValueError(f"classes: a binary model has two of them, not {len(self.classes)}")
        if self.problem_type == BINARY and self.positive_class not in (None, "0", "1") and not self.classes:
            raise ValueError(f"positive_class is {self.positive_class!r}; name the other class too, under `classes`")
        if self.positive_class is not None and self.classes and self.positive_class not in self.classes:
            raise ValueError(f"positive_class {self.positive_class!r} is not among the classes {list(self.classes)}")
        return self

    @property
    def has_probabilities(self) -> bool:
        return bool(self.probability_attribute or self.probability_attributes)
