"""``analysis_config.json`` as Clarify's jobs and its monitors' baselining jobs are given it.

Keys: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-analysis.html

Every document that the SageMaker SDK writes is accepted; what it asks for and this version cannot do is told by
:attr:`AnalysisConfig.unsupported`, so that the caller refuses it by name instead of answering half of it in silence.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from endpointwatch.errors import PlanError

CONFIG_PATH = "/opt/ml/processing/input/config"
CONFIG_FILE = "analysis_config.json"
DATA_PATH = "/opt/ml/processing/input/data"

Place = int | str
Value = int | float | str
_FORMATS = {
    "text/csv": "csv",
    "application/jsonlines": "jsonlines",
    "application/json": "json",
    "application/x-parquet": "parquet",
}
_KNOWN_METHODS = frozenset({"pre_training_bias", "post_training_bias", "shap", "report"})


class _Part(BaseModel):
    # Later SDKs add keys; a key that is not read here must not make a job fail that worked on AWS.
    model_config = ConfigDict(extra="allow", frozen=True)


class FacetConfig(_Part):
    """One sensitive column: the group is the rows with one of the values, or above the threshold."""

    name_or_index: Place
    value_or_threshold: tuple[Value, ...] | None = None


class BiasMethod(_Part):
    """Which metrics of a stage: ``all`` or their short names."""

    methods: Literal["all"] | tuple[str, ...] = "all"


class ShapMethod(_Part):
    """Kernel SHAP as Clarify is asked for it.

    Attributes:
        baseline: Rows of features (CSV: lists; JSON: objects like the data set's records), or a URI; None: computed.
        num_samples: Evaluations of the model a row.
        agg_method: How local values become global ones.
        use_logit: Explain log-odds.
        save_local_shap_values: Also write the explanation of every row.
        seed: Of the sampling.
        features_to_explain: Names or positions; None: all.
    """

    baseline: str | tuple[Any, ...] | dict[str, Any] | None = None
    num_clusters: int | None = None
    num_samples: int | None = None
    agg_method: Literal["mean_abs", "median", "mean_sq"] | None = None
    use_logit: bool = False
    save_local_shap_values: bool = True
    seed: int | None = None
    features_to_explain: tuple[Place, ...] | None = None
    text_config: dict[str, Any] | None = None
    image_config: dict[str, Any] | None = None


class ReportMethod(_Part):
    """Name and title of the readable report."""

    name: str = "report"
    title: str = "Analysis Report"


class Methods(_Part):
    """What is to be done; a method that is not read here stays in ``model_extra``."""

    pre_training_bias: BiasMethod | None = None
    post_training_bias: BiasMethod | None = None
    shap: ShapMethod | None = None
    report: ReportMethod | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of all methods in the document, known here or not, but for the report."""
        own = [name for name in ("pre_training_bias", "post_training_bias", "shap") if getattr(self, name) is not None]
        return (*own, *(self.model_extra or {}))


class Predictor(_Part):
    """The model that is asked for predictions, and how its requests and answers look."""

    endpoint_name: str | None = None
    model_name: str | None = None
    target_model: str | None = None
    instance_type: str | None = None
    initial_instance_count: int | None = None
    accelerator_type: str | None = None
    content_type: str | None = None
    accept_type: str | None = None
    content_template: str | dict[str, str] | None = None
    record_template: str | None = None
    custom_attributes: str | None = None
    label: Place | None = None
    probability: Place | None = None
    label_headers: tuple[Value, ...] | None = None


class AnalysisConfig(_Part):
    """The whole document.

    Attributes:
        headers: Names of all columns, the label's included; with JSON first the features', last the label's.
        label: Name or index (CSV, Parquet), or JMESPath of the label (JSON).
        features: JMESPath of the features (JSON).
        predicted_label: Name, index or JMESPath of the model's answers in the data set, or in the data set of them.
        probability_threshold: Answers above it are positive; without it answers are labels as they stand.
        joinsource_name_or_index: The column by which the data sets of facets and of answers are joined.
    """

    version: str | None = None
    dataset_type: str | None = None
    dataset_uri: str | None = None
    headers: tuple[str, ...] | None = None
    label: Place | None = None
    features: str | None = None
    label_values_or_threshold: tuple[Value, ...] | None = None
    facet: tuple[FacetConfig, ...] = ()
    group_variable: Place | None = None
    predicted_label: Place | None = None
    probability_threshold: float | None = None
    predicted_label_dataset_uri: str | None = None
    predicted_label_headers: tuple[str, ...] | None = None
    facet_dataset_uri: str | None = None
    facet_headers: tuple[str, ...] | None = None
    excluded_columns: tuple[Place, ...] = ()
    joinsource_name_or_index: Place | None = None
    time_series_data_config: dict[str, Any] | None = None
    segment_config: tuple[dict[str, Any], ...] | None = None
    # Absent in the documents of Clarify's monitors: there the job that reads them says what is done.
    methods: Methods = Field(default_factory=Methods)
    predictor: Predictor | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_facet_needs_no_list(cls, document: Any) -> Any:
        if isinstance(document, dict) and isinstance(document.get("facet"), dict):
            return {**document, "facet": [document["facet"]]}
        return document

    @property
    def format(self) -> Literal["csv", "jsonlines", "json", "parquet"] | None:
        """How the data set is written; None for a type that is not read. CSV where nothing is said."""
        kind = (self.dataset_type or "text/csv").split(";")[0].strip().lower()
        return _FORMATS.get(kind)  # type: ignore[return-value]

    @property
    def unsupported(self) -> tuple[str, ...]:
        """What the document asks for and this version does not do, each in words for the job's exit message."""
        found = [f"methods.{name}" for name in self.methods.asked if name not in _KNOWN_METHODS]
        if self.format is None:
            found.append(f"dataset_type {self.dataset_type}")
        if self.time_series_data_config is not None:
            found.append("time_series_data_config")
        if self.segment_config is not None:
            found.append("segment_config")
        shap = self.methods.shap
        if shap is not None:
            found += [
                f"methods.shap.{key}" for key in ("text_config", "image_config") if getattr(shap, key) is not None
            ]
        return tuple(found)


def read(path: Path) -> AnalysisConfig:
    """The document at ``path``.

    Raises:
        PlanError: It is not there, is no JSON, or a key that is read holds something else than the contract says.
    """
    try:
        return AnalysisConfig.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise PlanError(
            f"{path} cannot be read ({error.strerror}). Give the job an input named analysis_config for {CONFIG_PATH}."
        ) from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5])
        raise PlanError(f"{path} is no analysis configuration: {faults}") from error
    except ValueError as error:
        raise PlanError(f"{path} is not JSON: {error}") from error
