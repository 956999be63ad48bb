"""Clarify's own outputs, reproduced through the container's entry point: all that the cases let one assert."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from endpointwatch.config.bias import Bias
from endpointwatch.jobs.__main__ import main
from endpointwatch.jobs.clarify.config import AnalysisConfig
from endpointwatch.metrics.bias.catalogue import POST_TRAINING, PRE_TRAINING
from endpointwatch.monitors import bias
from endpointwatch.monitors.analysis_document import Measured, measured

STAGES = ("pre_training_bias_metrics", "post_training_bias_metrics")


class Clarify:
    """A directory laid out as ``/opt/ml``, and what the job in it left behind."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.inputs = base / "processing" / "input"
        self.code: int | None = None

    def put(self, path: str, text: str) -> Path:
        target = self.inputs / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def run(self, config: dict[str, Any], **environment: str) -> Clarify:
        self.put("config/analysis_config.json", json.dumps(config))
        self.code = main([], {"SAGEMAKER_BASE_DIR": str(self.base), **environment})
        return self

    @property
    def output(self) -> Path:
        return self.base / "processing" / "output"

    @property
    def message(self) -> str:
        return (self.base / "output" / "message").read_text(encoding="utf-8")

    def document(self, name: str) -> Any:
        return json.loads((self.output / name).read_bytes())


@pytest.fixture
def clarify(tmp_path: Path) -> Callable[[], Clarify]:
    count = 0

    def new() -> Clarify:
        nonlocal count
        count += 1
        return Clarify(tmp_path / f"ml{count}")

    return new


def assert_same(ours: dict[str, Any], theirs: dict[str, Any], *, within: float) -> None:
    """The two documents are laid out alike, and their numbers are equal but for the last digits."""
    assert list(ours) == list(theirs)
    for stage in (key for key in theirs if key in STAGES):
        assert list(ours[stage]) == list(theirs[stage])
        assert {k: v for k, v in ours[stage].items() if k != "facets"} == {
            k: v for k, v in theirs[stage].items() if k != "facets"
        }
        assert list(ours[stage]["facets"]) == list(theirs[stage]["facets"])
        for facet, values in theirs[stage]["facets"].items():
            for mine, their in zip(ours[stage]["facets"][facet], values, strict=True):
                assert list(mine) == list(their)
                assert mine["value_or_threshold"] == their["value_or_threshold"]
                for one, other in zip(mine["metrics"], their["metrics"], strict=True):
                    assert list(one) == list(other)
                    assert (one["name"], one["description"]) == (other["name"], other["description"])
                    assert one["value"] == pytest.approx(other["value"], abs=within, rel=within), one["name"]


@pytest.mark.parametrize("aws", ["Enabled", "Disabled"])
def test_all_21_metrics_of_the_census_rows_equal_clarifys(fixtures, clarify, aws):
    case = fixtures / "bias-adult666-baseline"
    told = json.loads((case / "parameters.json").read_bytes())
    job = clarify()
    with (case / "predicted_labels.csv").open(encoding="utf-8") as source:
        answers = [row["predicted_label"] for row in csv.DictReader(source)]
    lines = (case / "validation-dataset.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) | {"predicted": int(answer)} for line, answer in zip(lines, answers, strict=True)]
    job.put("data/rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    told.pop("predicted_label_values")
    job.run({**told, "predicted_label": "predicted"}, aws_compatible=aws)
    assert (job.code, job.message) == (0, "Completed: SageMaker XAI Analyzer ran successfully")
    ours, theirs = job.document("analysis.json"), json.loads((case / "analysis.json").read_bytes())
    assert_same(ours, theirs, within=1e-12)
    assert ours["version"] == "1.0"
    stages = [key for key in ours if key in STAGES]
    assert stages == ["post_training_bias_metrics", "pre_training_bias_metrics"]
    for key, metrics in zip(stages, (POST_TRAINING, PRE_TRAINING), strict=True):
        (sex,) = ours[key]["facets"]["Sex"]
        assert [metric["name"] for metric in sex["metrics"]] == sorted(metric.name for metric in metrics)
        assert sex["value_or_threshold"] == "0"
        assert ours[key]["label_value_or_threshold"] == "1"


def test_the_census_rows_as_csv_with_answers_of_their_own_give_the_same(fixtures, clarify):
    """Another way in: a header-less CSV, and the answers (scores) as a data set beside it, cut at a threshold."""
    case = fixtures / "bias-adult666-baseline"
    told = json.loads((case / "parameters.json").read_bytes())
    rows = [json.loads(line) for line in (case / "validation-dataset.jsonl").read_text(encoding="utf-8").splitlines()]
    job = clarify()
    job.put("data/rows.csv", "".join(",".join(map(str, [*row["features"], row["label"]])) + "\n" for row in rows))
    job.put("predicted/predicted_labels.csv", (case / "predicted_labels.csv").read_text(encoding="utf-8"))
    config = {key: told[key] for key in ("headers", "label_values_or_threshold", "facet", "group_variable", "methods")}
    job.run(
        {
            **config,
            "dataset_type": "text/csv",
            "label": "Target",
            "predicted_label_dataset_uri": "s3://bucket/answers/predicted_labels.csv",
            "predicted_label_headers": ["score", "predicted_label"],
            "predicted_label": "score",
            "probability_threshold": 0.46301859617233276,
        }
    )
    assert job.code == 0, job.message
    assert_same(job.document("analysis.json"), json.loads((case / "analysis.json").read_bytes()), within=1e-12)


def batch_job(fixtures: Path, job: Clarify, **environment: str) -> Clarify:
    """The batch transform's one document, merged with its ground truth, against the baseline."""
    case = fixtures / "bias-adult-monitor-batch-json"
    document = json.loads((case / "batch_output.json").read_bytes())
    truth = json.loads((case / "ground_truth.jsonl").read_text(encoding="utf-8").splitlines()[0])
    labels = json.loads(truth["groundTruthData"]["data"])["instances"]
    merged = [row | label for row, label in zip(document["instances"], labels, strict=True)]
    job.put("data/merged.json", json.dumps({**document, "instances": merged}))
    job.put("baseline/analysis.json", (case / "analysis_baseline.json").read_text(encoding="utf-8"))
    headers = (case / "rows.csv").read_text(encoding="utf-8").splitlines()[0].split(",")[:14]
    return job.run(
        {
            "dataset_type": "application/json",
            "features": "instances[*].features",
            "label": "instances[*].label",
            "predicted_label": "predictions[*].predicted_label",
            "headers": [*headers, "Target"],
            "label_values_or_threshold": [1],
            "facet": [{"name_or_index": "Sex", "value_or_threshold": [0]}],
            "group_variable": "Age",
            "methods": {"post_training_bias": {"methods": "all"}, "pre_training_bias": {"methods": "all"}},
        },
        baseline_constraints="/opt/ml/processing/input/baseline/analysis.json",
        **environment,
    )


def test_one_json_document_explodes_into_334_records_whose_metrics_are_clarifys(fixtures, clarify):
    job = batch_job(fixtures, clarify())
    (sex,) = job.document("analysis.json")["post_training_bias_metrics"]["facets"]["Sex"]
    values = {metric["name"]: metric["value"] for metric in sex["metrics"]}
    recorded = {
        "CDDPL": 0.374894782529513,
        "DAR": -0.34693877551020413,
        "DCA": -36.69387755102041,
        "DCR": -0.07650793650793647,
        "GE": 0.9454985573866695,
        "RD": 0.17253086419753086,
        "SD": 0.27419354838709675,
        "FT": 0.0,
    }
    assert {name: values[name] for name in recorded} == pytest.approx(recorded, abs=1e-9)
    assert values["TE"] == "Infinity"


def test_the_eight_violations_of_the_batch_are_clarifys_word_for_word(fixtures, clarify):
    job = batch_job(fixtures, clarify(), aws_compatible="Enabled")
    theirs = json.loads((fixtures / "bias-adult-monitor-batch-json" / "constraint_violations.json").read_bytes())
    ours = job.document("constraint_violations.json")
    assert job.code == 0
    assert job.message == "CompletedWithViolations: Job completed successfully with 8 violations."
    assert ours["version"] == theirs["version"] == "1.0"
    opening = "Metric value "
    for mine, their in zip(ours["violations"], theirs["violations"], strict=True):
        assert list(mine) == list(their)
        assert {**mine, "description": ""} == {**their, "description": ""}
        # The last digits of CDDPL and GE may differ, so numbers are compared as numbers and words as words.
        texts = [one["description"].removeprefix(opening).split(" doesn't meet the ") for one in (mine, their)]
        (value, rest), (other, their_rest) = texts
        assert float(value) == pytest.approx(float(other), rel=1e-12)
        assert rest == their_rest


def test_by_default_disparate_impact_counts_around_one(fixtures, clarify):
    """Clarify compares DI around 0 and so misses that women's share fell from 18 % of men's to 8 %."""
    job = batch_job(fixtures, clarify())
    names = [one["metric_name"] for one in job.document("constraint_violations.json")["violations"]]
    theirs = json.loads((fixtures / "bias-adult-monitor-batch-json" / "constraint_violations.json").read_bytes())
    assert set(names) - {one["metric_name"] for one in theirs["violations"]} == {"DI"}


SDK = {
    "headers": ["Label", "F1", "F2", "F3", "F4"],
    "label": "Label",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "F1", "value_or_threshold": [0.5]}],
    "group_variable": "F2",
    "methods": {"pre_training_bias": {"methods": "all"}},
}


def sdk_job(fixtures: Path, job: Clarify, baseline: str | None = None) -> Clarify:
    case = fixtures / "bias-sdk-pretraining100"
    job.put("data/dataset.csv", (case / "dataset.csv").read_text(encoding="utf-8"))
    if baseline is None:
        return job.run({"dataset_type": "text/csv", **SDK})
    job.put("baseline/analysis.json", (case / baseline).read_text(encoding="utf-8"))
    constraints = "/opt/ml/processing/input/baseline/analysis.json"
    return job.run({"dataset_type": "text/csv", **SDK}, baseline_constraints=constraints)


def test_the_pre_training_metrics_of_a_continuous_facet_equal_clarifys(fixtures, clarify):
    job = sdk_job(fixtures, clarify())
    theirs = json.loads((fixtures / "bias-sdk-pretraining100" / "analysis.json").read_bytes())
    assert_same(job.document("analysis.json"), theirs, within=1e-12)
    (f1,) = job.document("analysis.json")["pre_training_bias_metrics"]["facets"]["F1"]
    assert f1["value_or_threshold"] == "(0.5, 0.9936148802477393]"


def test_the_data_keep_their_own_analysis_and_break_the_doctored_one(fixtures, clarify):
    good, bad = (sdk_job(fixtures, clarify(), name) for name in ("analysis.json", "analysis_bad.json"))
    assert good.document("constraint_violations.json") == {"version": "1.0", "violations": []}
    assert good.message.startswith("Completed:")
    violations = bad.document("constraint_violations.json")["violations"]
    assert [one["metric_name"] for one in violations] == ["KS"]
    assert violations[0]["description"] == (
        "Metric value 0.015297906602254496 doesn't meet the baseline constraint requirement 7.906602254496e-06"
    )


def test_infinite_and_absent_values_of_a_baseline_are_read_as_such(fixtures):
    document = json.loads((fixtures / "bias-special-values" / "analysis.json").read_bytes())
    found = {one.metric.name: one for one in measured(document)}
    assert (found["DCA"].value, found["TE"].value) == (math.inf, -math.inf)
    assert found["CDDPL"].value is None
    assert found["CDDPL"].error == "Group variable is empty or not provided"
    assert found["DI"].matched == "> 100"
    assert document["post_training_bias_metrics"]["label_value_or_threshold"] == "(1.0, 130.24536736711912]"


@pytest.mark.parametrize("value", [-math.inf, -1e300, 5.0, math.inf])
def test_an_infinite_baseline_value_is_never_exceeded_and_an_absent_one_never_compared(fixtures, value):
    document = json.loads((fixtures / "bias-special-values" / "analysis.json").read_bytes())
    baseline = [one for one in measured(document) if one.metric.name in ("DCA", "TE", "CDDPL")]
    now = [Measured(one.facet, "(100.0, 9999.0]", "100", (500, 500), one.metric, value) for one in baseline]
    settings = Bias(sensitive_features=("city",), aws_compatible="Enabled")
    assert bias.check(now, baseline, settings).violations == ()


def test_all_21_real_configurations_are_read_and_what_is_unknown_is_named(fixtures):
    configs = json.loads((fixtures / "clarify-analysis-configs" / "analysis_configs.json").read_bytes())
    read = [AnalysisConfig.model_validate(one["config"]) for one in configs]
    assert len(read) == 21
    # Every key is one we know: nothing slips through as an extra.
    assert [config.model_extra for config in read] == [{}] * 21
    assert {name for config in read for name in config.unsupported} == {
        "methods.pdp",
        "methods.asymmetric_shapley_value",
        "time_series_data_config",
        "methods.shap.text_config",
    }
    with_bias = [config for config in read if config.methods.post_training_bias]
    assert {config.facet[0].name_or_index for config in with_bias} == {"Sex", "RAC1P"}
    assert {config.probability_threshold for config in with_bias} == {None, 0.4, 0.6, 0.8}
    assert any(config.facet_dataset_uri and config.facet_headers for config in with_bias)


@pytest.mark.parametrize("number", range(21))
def test_a_real_configuration_never_crashes_the_job_it_ends_with_a_reason(fixtures, clarify, number):
    """The data of these documents is not public, so each job ends; how is what a person reads."""
    configs = json.loads((fixtures / "clarify-analysis-configs" / "analysis_configs.json").read_bytes())
    job = clarify()
    (job.inputs / "data").mkdir(parents=True)
    job.run(configs[number]["config"])
    assert job.code == 255
    assert job.message.startswith("Error: ")
    unsupported = AnalysisConfig.model_validate(configs[number]["config"]).unsupported
    if unsupported:
        assert unsupported[0] in job.message
    assert "Traceback" not in job.message
