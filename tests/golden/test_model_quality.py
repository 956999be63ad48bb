"""AWS's own numbers, order, texts and messages of model quality, as each fixture's ``CASE.md`` says."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from endpointwatch.jobs.__main__ import main

CSV_HEADER = {"csv": {"header": True}}
MERGED = {"sagemakerMergeJson": {"captureIndexNames": ["endpointOutput"]}}
NO_VIOLATIONS = "Completed: Job completed successfully with no violations."
MODES = ("Disabled", "Enabled")
CHURN = {
    "analysis_type": "MODEL_QUALITY",
    "problem_type": "BinaryClassification",
    "inference_attribute": "prediction",
    "probability_attribute": "probability",
    "ground_truth_attribute": "label",
}
# The SDK's own test passes the columns in this order.
REGRESSION = {
    "analysis_type": "MODEL_QUALITY",
    "problem_type": "Regression",
    "inference_attribute": "Label",
    "ground_truth_attribute": "Prediction",
}


def read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def without_deviation(text: str) -> str:
    return re.sub(r" \+/- [-+0-9.eE]+", "", text)


@pytest.fixture
def churn201(fixtures, analyse):
    return analyse(fixtures / "mq-churn201-baseline" / "validation_with_predictions.csv", CSV_HEADER, **CHURN)


@pytest.fixture(scope="module")
def aws_runs(fixtures) -> dict[str, Any]:
    return read(fixtures / "mq-churn201-baseline" / "aws_runs.json")


def test_churn201_gives_awss_confusion_matrix_and_numbers(churn201, aws_runs):
    assert (churn201.code, churn201.message) == (0, NO_VIOLATIONS)
    statistics = churn201.report("statistics")
    assert statistics["dataset"]["item_count"] == 201
    metrics = statistics["binary_classification_metrics"]
    assert metrics["confusion_matrix"] == {"0": {"0": 173, "1": 0}, "1": {"0": 12, "1": 16}}
    for name, value in aws_runs["exact_thresholds"].items():
        assert metrics[name]["value"] == pytest.approx(value, abs=1e-12), name
    newest = next(run for date, run in aws_runs["runs"].items() if date.startswith("2023"))["metrics_displayed"]
    for key, value in newest.items():
        if key.endswith(".value"):
            assert metrics[key.removesuffix(".value")]["value"] == pytest.approx(value, abs=1e-6), key
    assert metrics["au_prc"]["value"] == pytest.approx(0.863272, abs=1e-6)
    assert metrics["accuracy_best_constant_classifier"]["value"] == pytest.approx(173 / 201, abs=1e-12)


def test_churn201_has_awss_metrics_in_awss_order_and_its_curves_begin_as_awss(churn201):
    metrics = churn201.report("statistics")["binary_classification_metrics"]
    assert list(metrics) == [
        "confusion_matrix",
        "recall",
        "precision",
        "accuracy",
        "recall_best_constant_classifier",
        "precision_best_constant_classifier",
        "accuracy_best_constant_classifier",
        "true_positive_rate",
        "true_negative_rate",
        "false_positive_rate",
        "false_negative_rate",
        "receiver_operating_characteristic_curve",
        "precision_recall_curve",
        "auc",
        "au_prc",
        "f0_5",
        "f1",
        "f2",
        "f0_5_best_constant_classifier",
        "f1_best_constant_classifier",
        "f2_best_constant_classifier",
    ]
    roc, pr = metrics["receiver_operating_characteristic_curve"], metrics["precision_recall_curve"]
    assert (list(roc), list(pr)) == (["false_positive_rates", "true_positive_rates"], ["precisions", "recalls"])
    assert (roc["false_positive_rates"][0], roc["true_positive_rates"][0]) == (0.0, 0.0)
    assert (pr["recalls"][0], pr["precisions"][0]) == (0.0, 1.0)
    assert pr["recalls"][1:3] == pytest.approx([1 / 28, 2 / 28], abs=1e-15)


def test_churn201_deviations_are_there_finite_and_of_awss_size(churn201, aws_runs):
    metrics = churn201.report("statistics")["binary_classification_metrics"]
    for key, value in aws_runs["runs"]["2021-05-26"]["metrics_displayed"].items():
        name, _, kind = key.partition(".")
        if kind == "standard_deviation":
            ours = metrics[name]["standard_deviation"]
            assert math.isfinite(ours), name
            assert (ours == 0.0) if value == 0.0 else (value / 4 < ours < value * 4), name


def test_churn201_suggests_awss_eleven_limits_in_awss_order(churn201, aws_runs):
    limits = churn201.report("constraints")["binary_classification_constraints"]
    shown = aws_runs["runs"]["2021-05-26"]["constraints_displayed"]
    assert [(name, limit["comparison_operator"]) for name, limit in limits.items()] == [
        (row["metric"], row["comparison_operator"]) for row in shown
    ]
    for row in shown:
        assert limits[row["metric"]]["threshold"] == pytest.approx(row["threshold"], abs=1e-6)


def merged(fixtures: Path, folder: Path) -> Path:
    """The captures with their labels, as the merge that AWS runs before the analysis writes them."""
    case = fixtures / "mq-churn-monitor-a"
    for source, place in (("capture", "input_data"), ("ground_truth", "groundtruth")):
        path = folder / "merge" / "processing" / place / f"{source}.jsonl"
        path.parent.mkdir(parents=True)
        path.symlink_to(case / f"{source}.jsonl")
    environment = {
        "SAGEMAKER_BASE_DIR": str(folder / "merge"),
        "dataset_format": json.dumps({"sagemakerCaptureJson": {"captureIndexNames": None}}),
        "dataset_source": "/opt/ml/processing/input_data",
        "ground_truth_source": "/opt/ml/processing/groundtruth",
        "output_path": "/opt/ml/processing/output",
    }
    assert main([], environment) == 0
    (path,) = (folder / "merge" / "processing" / "output").rglob("merged-*.jsonl")
    return path


@pytest.mark.parametrize("mode", MODES)
def test_churn_monitoring_finds_awss_ten_violations_and_the_one_that_aws_forgets(fixtures, analyse, tmp_path, mode):
    case = fixtures / "mq-churn-monitor-a"
    result = analyse(
        merged(fixtures, tmp_path),
        MERGED,
        analysis_type="MODEL_QUALITY",
        problem_type="BinaryClassification",
        probability_attribute="0",
        probability_threshold_attribute="0.5",
        baseline_constraints=str(case / "baseline_constraints.json"),
        start_time="2021-05-18T00:00:00Z",
        end_time="2021-05-19T00:00:00Z",
        aws_compatible=mode,
    )
    assert result.report("statistics")["dataset"]["item_count"] == 1892
    ours, theirs = result.violations, read(case / "expected_violations.json")["violations"]
    count = 10
    if mode == "Disabled":
        assert ours[-1]["metric_name"] == "f0_5"
        ours, count = ours[:-1], 11
    assert [v["metric_name"] for v in ours] == [v["metric_name"] for v in theirs]
    pattern = r"Metric (\w+) with ([-0-9.E]+) \+/- ([-0-9.E]+) was (\w+) '([-0-9.E]+)'"
    for mine, its in zip(ours, theirs, strict=True):
        assert set(mine) == set(its)
        assert mine["constraint_check_type"] == its["constraint_check_type"]
        said, expected = (re.fullmatch(pattern, one["description"]) for one in (mine, its))
        assert said.group(1, 4, 5) == expected.group(1, 4, 5)
        assert float(said[2]) == pytest.approx(float(expected[2]), abs=1e-12)
        assert 0 < float(said[3]) < 0.05
    assert result.message == f"CompletedWithViolations: Job completed successfully with {count} violations."


def test_regression100_gives_awss_statistics_and_constraints(fixtures, analyse):
    case = fixtures / "mq-regression100"
    result = analyse(case / "baseline_dataset.csv", CSV_HEADER, **REGRESSION)
    assert (result.code, result.message) == (0, NO_VIOLATIONS)
    ours, theirs = result.report("statistics"), read(case / "statistics.json")
    assert list(ours) == list(theirs)
    assert ours["dataset"] == theirs["dataset"]
    assert list(ours["regression_metrics"]) == list(theirs["regression_metrics"])
    for name, scalar in theirs["regression_metrics"].items():
        assert ours["regression_metrics"][name]["value"] == pytest.approx(scalar["value"], abs=1e-12), name
        assert ours["regression_metrics"][name]["standard_deviation"] == scalar["standard_deviation"] == "NaN"
    limits, expected = (
        document["regression_constraints"]
        for document in (result.report("constraints"), read(case / "constraints.json"))
    )
    assert list(limits) == list(expected)
    for name, limit in expected.items():
        assert limits[name]["comparison_operator"] == limit["comparison_operator"]
        assert limits[name]["threshold"] == pytest.approx(limit["threshold"], abs=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_regression100_keeps_awss_limits_and_breaks_the_edited_one(fixtures, analyse, mode):
    case = fixtures / "mq-regression100"
    limits = str(case / "constraints.json")
    good = analyse(
        case / "baseline_dataset.csv", CSV_HEADER, **REGRESSION, baseline_constraints=limits, aws_compatible=mode
    )
    assert (good.violations, good.message) == ([], NO_VIOLATIONS)
    bad = analyse(
        case / "baseline_dataset.csv",
        CSV_HEADER,
        **REGRESSION,
        baseline_constraints=str(case / "constraints_bad.json"),
        aws_compatible=mode,
    )
    broken = [(v["metric_name"], v["constraint_check_type"]) for v in bad.violations]
    assert broken == [("mse", "GreaterThanThreshold")]
    # The last digits follow from the order of the sum.
    text = r"Metric mse with 0\.333649336098\d+ was GreaterThanThreshold '0\.03364933609800973'"
    assert re.fullmatch(text, bad.violations[0]["description"])


def test_multiclass_docs_example_is_reproduced_from_its_counts(fixtures, analyse, tmp_path):
    expected = read(fixtures / "mq-multiclass-docs" / "multiclass_metrics.json")["multiclass_classification_metrics"]
    rows = [
        f"{actual},{predicted}\n"
        for actual, row in expected["confusion_matrix"].items()
        for predicted, count in row.items()
        for _ in range(count)
    ]
    source = tmp_path / "rows.csv"
    source.write_text("label,prediction\n" + "".join(rows))
    environment = {
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "MulticlassClassification",
        "inference_attribute": "prediction",
        "ground_truth_attribute": "label",
    }
    result = analyse(source, CSV_HEADER, **environment)
    metrics = result.report("statistics")["multiclass_classification_metrics"]
    assert list(metrics) == list(expected)
    assert metrics["confusion_matrix"] == expected["confusion_matrix"]
    for name, scalar in expected.items():
        if name == "confusion_matrix":
            continue
        assert math.isfinite(metrics[name]["standard_deviation"])
        if not name.endswith("_best_constant_classifier"):
            assert metrics[name]["value"] == pytest.approx(scalar["value"], abs=1e-12), name
    # The documentation's container answered class 1; later ones answer the majority, 1690 of 2096 rows.
    assert metrics["accuracy_best_constant_classifier"]["value"] == pytest.approx(1690 / 2096, abs=1e-12)
    limits = result.report("constraints")["multiclass_classification_constraints"]
    assert list(limits) == [
        "accuracy",
        "weighted_recall",
        "weighted_precision",
        "weighted_f0_5",
        "weighted_f1",
        "weighted_f2",
    ]
    assert {limit["comparison_operator"] for limit in limits.values()} == {"LessThanThreshold"}


def test_the_same_analysis_twice_leaves_the_same_bytes(fixtures, analyse):
    source = fixtures / "mq-churn201-baseline" / "validation_with_predictions.csv"
    one, two = (analyse(source, CSV_HEADER, **CHURN).base / "processing" / "output" for _ in range(2))
    files = sorted(path.name for path in one.iterdir())
    assert files == ["constraints.json", "statistics.json"]
    assert [(one / name).read_bytes() for name in files] == [(two / name).read_bytes() for name in files]
