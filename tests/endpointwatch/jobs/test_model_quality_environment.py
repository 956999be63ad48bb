"""Model quality under Model Monitor's own environment keys: inputs of every form, and errors that say what to mend."""

from __future__ import annotations

import json
import random

import pytest

DATA = "input/data/rows"
BINARY = {
    "analysis_type": "MODEL_QUALITY",
    "problem_type": "BinaryClassification",
    "dataset_source": "/opt/ml/processing/input/data",
    "output_path": "/opt/ml/processing/output",
}
CSV = json.dumps({"csv": {"header": True}})
MERGED = json.dumps({"sagemakerMergeJson": {"captureIndexNames": ["endpointOutput"]}})


def rows(count: int = 250) -> list[tuple[float, int]]:
    chance = random.Random(9)
    scores = [chance.random() for _ in range(count)]
    return [(score, int(chance.random() < score)) for score in scores]


def merged(output: str, encoding: str, truth: str, truth_encoding: str = "CSV", minute: int = 5) -> str:
    record = {
        "groundTruthData": {"data": truth, "encoding": truth_encoding},
        "captureData": {"endpointOutput": {"data": output, "encoding": encoding, "mode": "OUTPUT"}},
        "eventMetadata": {"eventId": "e", "inferenceTime": f"2026-11-01T14:{minute:02d}:00Z"},
        "eventVersion": "0",
    }
    return json.dumps(record)


def of_a_batch_transform(output: str, encoding: str, truth: str) -> str:
    """As AWS's merger leaves it: no time, and one side."""
    record = {
        "eventMetadata": {"eventId": "e"},
        "eventVersion": "0",
        "groundTruthData": {"data": truth, "encoding": "CSV"},
        "captureData": {"batchTransformOutput": {"data": output, "encoding": encoding}},
    }
    return json.dumps(record)


@pytest.fixture
def analysed(job):
    def run(text: str, suffix: str, form: str, expect: int = 0, files: dict[str, str] | None = None, **environment):
        one = job()
        one.put(f"{DATA}.{suffix}", text)
        for path, content in (files or {}).items():
            one.put(path, content)
        told = {key: value for key, value in {**BINARY, "dataset_format": form, **environment}.items() if value}
        assert one.run_with(told) == expect, one.message
        return one

    return run


def values(one) -> dict[str, float]:
    metrics = one.document("statistics.json")["binary_classification_metrics"]
    return {name: part["value"] for name, part in metrics.items() if "value" in part}


def test_csv_json_lines_and_merged_records_of_the_same_rows_have_the_same_metrics(analysed):
    data = rows()
    csv = "score,truth\n" + "".join(f"{score!r},{label}\n" for score, label in data)
    plain = analysed(csv, "csv", CSV, probability_attribute="score", ground_truth_attribute="truth")
    lines = "".join(json.dumps({"score": score, "truth": label}) + "\n" for score, label in data)
    by_key = analysed(
        lines,
        "jsonl",
        json.dumps({"json": {"lines": True}}),
        probability_attribute="$.score",
        ground_truth_attribute="$.truth",
    )
    captured = "".join(merged(f"{score!r}", "CSV", str(label)) + "\n" for score, label in data)
    by_index = analysed(captured, "jsonl", MERGED, probability_attribute="0")
    answers = "".join(
        merged(json.dumps({"answer": {"score": score}}), "JSON", json.dumps({"truth": label}), "JSON") + "\n"
        for score, label in data
    )
    by_path = analysed(
        answers, "jsonl", MERGED, probability_attribute="$['answer']['score']", ground_truth_attribute="truth"
    )
    assert values(plain) == values(by_key) == values(by_index) == values(by_path)
    assert plain.message == "Completed: Job completed successfully with no violations."
    assert sorted(path for path in plain.files()) == ["constraints.json", "statistics.json"]


@pytest.mark.parametrize(
    ("output", "encoding", "attribute"),
    [
        ("5,red,{}", "CSV", "2"),
        ('{{"SageMakerOutput": {{"score": {}}}, "features": [5]}}', "JSON", "SageMakerOutput.score"),
    ],
)
def test_what_a_batch_transform_answered_is_read_like_an_endpoints_answer_whatever_window_is_asked_for(
    analysed, output, encoding, attribute
):
    data = rows()
    times = {"start_time": "2026-11-01T14:00:00Z", "end_time": "2026-11-01T15:00:00Z"}
    plain = "".join(merged(f"{score!r}", "CSV", str(label)) + "\n" for score, label in data)
    batch = "".join(
        of_a_batch_transform(output.format(repr(score)), encoding, str(label)) + "\n" for score, label in data
    )
    of_endpoint = analysed(plain, "jsonl", MERGED, probability_attribute="0", **times)
    form = MERGED.replace("endpointOutput", "batchTransformOutput")
    of_batch = analysed(batch, "jsonl", form, probability_attribute=attribute, **times)
    assert values(of_batch) == values(of_endpoint)
    # One record of another shape, and the lines are no longer alike: they are then read by a parser.
    mixed = analysed(batch + plain[: plain.index("\n") + 1], "jsonl", form, probability_attribute=attribute, **times)
    assert mixed.document("statistics.json")["dataset"]["item_count"] == len(data)


def test_only_records_of_the_window_count_and_the_window_stands_in_the_statistics(analysed):
    lines = [merged("0.9", "CSV", "1"), merged("0.1", "CSV", "0"), merged("0.2", "CSV", "1", minute=59)]
    one = analysed(
        "\n".join(lines) + "\n",
        "jsonl",
        MERGED,
        probability_attribute="0",
        start_time="2026-11-01T14:00:00Z",
        end_time="2026-11-01T14:30:00Z",
        publish_cloudwatch_metrics="Enabled",
        sagemaker_endpoint_name="loans",
        sagemaker_monitoring_schedule_name="loans-mq",
    )
    assert one.document("statistics.json")["dataset"] == {
        "item_count": 2,
        "start_time": "2026-11-01T14:00:00Z",
        "end_time": "2026-11-01T14:30:00Z",
    }
    path = one.base / "output" / "metrics" / "cloudwatch" / "cloudwatch_metrics.jsonl"
    published = {line["MetricName"]: line for line in map(json.loads, path.read_text().splitlines())}
    assert published["auc"]["Value"] == 1.0
    assert published["auc"]["Dimensions"] == [
        {"Name": "Endpoint", "Value": "loans"},
        {"Name": "MonitoringSchedule", "Value": "loans-mq"},
    ]
    assert len(published) == len(values(one))


def test_labels_of_one_class_leave_what_they_cannot_tell_null_and_unchecked(analysed):
    limits = {"auc": {"threshold": 0.9, "comparison_operator": "LessThanThreshold"}}
    one = analysed(
        "score,truth\n0.9,1\n0.2,1\n",
        "csv",
        CSV,
        files={"baseline/constraints.json": json.dumps({"binary_classification_constraints": limits})},
        probability_attribute="score",
        ground_truth_attribute="truth",
        baseline_constraints="/opt/ml/processing/baseline/constraints.json",
    )
    assert (values(one)["auc"], values(one)["recall"]) == (None, 0.5)
    assert one.document("constraint_violations.json") == {"violations": []}


@pytest.mark.parametrize(("truth", "area"), [("1", 1.0), ("0", 0.0)])
def test_labels_of_one_class_have_all_of_the_area_or_none_where_awss_way_is_asked_for(analysed, truth, area):
    """Source: what Spark's ``BinaryClassificationMetrics`` answers for rows of one class."""
    one = analysed(
        f"score,truth\n0.9,{truth}\n0.2,{truth}\n",
        "csv",
        CSV,
        probability_attribute="score",
        ground_truth_attribute="truth",
        aws_compatible="Enabled",
    )
    assert (values(one)["auc"], values(one)["au_prc"]) == (area, area)


def test_labels_that_are_all_different_are_no_classes_and_end_with_an_error_that_says_so(analysed):
    text = "said,truth\n" + "".join(f"{number},{number}\n" for number in range(1001))
    one = analysed(
        text,
        "csv",
        CSV,
        expect=255,
        problem_type="MulticlassClassification",
        inference_attribute="said",
        ground_truth_attribute="truth",
    )
    assert "1001 different classes, more than 1000" in one.message


def test_other_names_of_classes_are_told_by_a_key_of_ours(analysed):
    one = analysed(
        "said,truth\nyes,yes\nno,yes\nno,no\n",
        "csv",
        CSV,
        inference_attribute="said",
        ground_truth_attribute="truth",
        positive_label="yes",
        classes="yes, no",
    )
    metrics = one.document("statistics.json")["binary_classification_metrics"]
    assert metrics["confusion_matrix"] == {"no": {"no": 1, "yes": 0}, "yes": {"no": 1, "yes": 1}}
    assert metrics["recall"]["value"] == 0.5
    assert "auc" not in metrics


@pytest.mark.parametrize(
    ("kind", "family"), [("Regression", "regression"), ("MulticlassClassification", "multiclass_classification")]
)
def test_a_probability_is_put_up_with_where_the_prediction_tells(analysed, kind, family):
    """Source: the SageMaker SDK's `ModelQualityMonitor` passes `probability_attribute` on for every problem type."""
    told = {"inference_attribute": "said", "ground_truth_attribute": "truth", "problem_type": kind}
    text = "said,truth,score\n1,1,0.9\n2,3,0.4\n"
    with_it, without = (analysed(text, "csv", CSV, **told, **more) for more in ({"probability_attribute": "score"}, {}))
    assert with_it.document("statistics.json") == without.document("statistics.json")
    assert f"{family}_metrics" in without.document("statistics.json")


def test_a_violations_keys_stand_in_awss_order(analysed):
    """Source: recorded violations have constraint_check_type, description, metric_name."""
    baseline = {
        "version": 0.0,
        "regression_constraints": {"mae": {"threshold": 0.1, "comparison_operator": "GreaterThanThreshold"}},
    }
    one = analysed(
        "said,truth\n1,2\n",
        "csv",
        CSV,
        files={"baseline/constraints.json": json.dumps(baseline)},
        problem_type="Regression",
        inference_attribute="said",
        ground_truth_attribute="truth",
        baseline_constraints="/opt/ml/processing/baseline/constraints.json",
    )
    (violation,) = one.document("constraint_violations.json")["violations"]
    assert list(violation.items()) == [
        ("constraint_check_type", "GreaterThanThreshold"),
        ("description", "Metric mae with 1.0 was GreaterThanThreshold '0.1'"),
        ("metric_name", "mae"),
    ]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"problem_type": None}, "problem_type"),
        ({"problem_type": "Ranking"}, "problem_type: Input should be 'Regression'"),
        ({}, "inference_attribute is missing, and no probability says what the model predicts"),
        ({"probability_attribute": "score"}, "ground_truth_attribute is not set"),
        (
            {"probability_attribute": "chance", "ground_truth_attribute": "truth"},
            "there is no column 'chance'; the data set has score, truth",
        ),
        ({"probability_attribute": "score[", "ground_truth_attribute": "truth"}, "is no JMESPath expression"),
        (
            {"inference_attribute": "score", "ground_truth_attribute": "truth", "positive_label": "yes"},
            "name the other class too, under `classes`",
        ),
        (
            {"probability_attribute": "score", "dataset_format": json.dumps({"sagemakerCaptureJson": {}})},
            "has no labels",
        ),
        (
            {"inference_attribute": "score", "ground_truth_attribute": "truth"},
            "No row could be judged: 2 read, 2 set aside",
        ),
        (
            {"probability_attribute": "score", "record_preprocessor_script": "/opt/ml/processing/x.py"},
            "record_preprocessor_script is set",
        ),
        (
            {
                "probability_attribute": "score",
                "ground_truth_attribute": "truth",
                "baseline_constraints": "/opt/ml/processing/baseline/constraints.json",
            },
            "it has no binary_classification_constraints, but ['regression_constraints', 'version']",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_the_message_with_exit_code_255(analysed, environment, words):
    one = analysed(
        "score,truth\n0.5,1\n0.7,0\n",
        "csv",
        environment.get("dataset_format", CSV),
        expect=255,
        files={"baseline/constraints.json": json.dumps({"version": 0.0, "regression_constraints": {}})},
        **{key: value for key, value in environment.items() if key != "dataset_format"},
    )
    assert one.message.startswith("Error: ")
    assert words in one.message
