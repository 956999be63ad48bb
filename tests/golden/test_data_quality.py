"""AWS's own numbers, texts and messages, case by case as each fixture's ``CASE.md`` says what can be asserted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CSV = {"csv": {"header": False}}
CSV_HEADER = {"csv": {"header": True, "output_columns_position": "START"}}
CAPTURE = {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
NO_VIOLATIONS = "Completed: Job completed successfully with no violations."
ROUNDING = 1e-9
TYPE_TEXT = (
    "Data type match requirement is not met. Expected data type: String, Expected match: 100.0%. "
    "Observed: Only 0.0% of data is String."
)
MODES = ("Disabled", "Enabled")


def read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {feature["name"]: feature for feature in document["features"]}


def texts(violations: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return sorted((v["feature_name"], v["constraint_check_type"], v["description"]) for v in violations)


def same_numbers(ours: dict[str, Any], theirs: dict[str, Any], rel: float = ROUNDING) -> None:
    """Every number of a numeric feature that AWS wrote, the sketch element by element."""
    mine, its = ours["numerical_statistics"], theirs["numerical_statistics"]
    assert ours["inferred_type"] == theirs["inferred_type"]
    assert mine["common"] == its["common"]
    for key in ("mean", "sum", "std_dev", "min", "max"):
        assert mine[key] == pytest.approx(its[key], rel=rel, abs=1e-12), (ours["name"], key)
    kll, expected = mine["distribution"]["kll"], its["distribution"]["kll"]
    assert kll["buckets"] == expected["buckets"], ours["name"]
    assert kll["sketch"]["parameters"] == expected["sketch"]["parameters"]
    if expected["sketch"]["data"] is not None:
        assert kll["sketch"]["data"] == expected["sketch"]["data"], ours["name"]


def without(constraints: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The constraints as a container wrote them that did not know ``keys`` of the distribution block yet."""
    document = json.loads(json.dumps(constraints))
    for key in keys:
        document["monitoring_config"]["distribution_constraints"].pop(key)
    return document


CATEGORICAL_KEYS = ("categorical_comparison_threshold", "categorical_drift_method")


def test_headerless100_gives_awss_statistics_and_constraints(fixtures, analyse):
    case = fixtures / "dq-headerless100"
    result = analyse(case / "baseline_dataset.csv", CSV)
    assert (result.code, result.message) == (0, NO_VIOLATIONS)
    ours, theirs = result.report("statistics"), read(case / "statistics.json")
    assert [f["name"] for f in ours["features"]] == [f["name"] for f in theirs["features"]]
    assert ours["dataset"] == theirs["dataset"]
    for mine, its in zip(ours["features"], theirs["features"], strict=True):
        same_numbers(mine, its, rel=1e-12)
    assert without(result.report("constraints"), *CATEGORICAL_KEYS) == without(
        read(case / "constraints.json"), *(k for k in CATEGORICAL_KEYS if k in (case / "constraints.json").read_text())
    )


@pytest.mark.parametrize("mode", MODES)
def test_headerless100_checked_against_itself_has_no_violation_and_against_the_edit_one(fixtures, analyse, mode):
    case = fixtures / "dq-headerless100"
    known = {"baseline_statistics": str(case / "statistics.json"), "aws_compatible": mode}
    good = analyse(case / "baseline_dataset.csv", CSV, baseline_constraints=str(case / "constraints.json"), **known)
    assert (good.violations, good.message) == ([], NO_VIOLATIONS)
    bad = analyse(case / "baseline_dataset.csv", CSV, baseline_constraints=str(case / "constraints_bad.json"), **known)
    assert texts(bad.violations) == [
        (
            "_c5",
            "data_type_check",
            TYPE_TEXT,
        )
    ]
    assert bad.message == "CompletedWithViolations: Job completed successfully with 1 violations."


def test_churn70_baseline_gives_awss_statistics_and_constraints(fixtures, analyse):
    case = fixtures / "dq-churn70-baseline"
    result = analyse(case / "training-dataset-with-header.csv", CSV_HEADER)
    ours, theirs = result.report("statistics"), read(case / "statistics.partial.json")
    assert ours["dataset"]["item_count"] == 2333
    mine = by_name(ours)
    for feature in theirs["features"]:
        same_numbers(mine[feature["name"]], feature)
    assert without(result.report("constraints"), *CATEGORICAL_KEYS) == read(case / "constraints.json")


def test_cardio68k_gives_awss_statistics_and_constraints(fixtures, analyse):
    case = fixtures / "dq-cardio68k"
    result = analyse(case / "input.csv", CSV_HEADER)
    theirs = by_name(read(case / "statistics.json"))
    for feature in result.report("statistics")["features"]:
        its = theirs[feature["name"]]
        if "numerical_statistics" in its:
            same_numbers(feature, its)
            for key in ("approximate_num_distinct_values", "completeness"):
                assert feature["numerical_statistics"][key] == its["numerical_statistics"][key]
            levels = [len(level) for level in feature["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"]]
            assert levels == [177, 1134, 1127, 1, 1, 1919]
        else:
            mine, expected = feature["string_statistics"], its["string_statistics"]
            assert (mine["common"], mine["distinct_count"]) == (expected["common"], expected["distinct_count"])
            assert mine["completeness"] == 1.0
            buckets = [
                {bucket["value"]: bucket["count"] for bucket in side["distribution"]["categorical"]["buckets"]}
                for side in (mine, expected)
            ]
            assert buckets[0] == buckets[1]
    suggested, expected = result.report("constraints"), read(case / "constraints.json")
    assert suggested["monitoring_config"] == expected["monitoring_config"]
    asked = by_name(expected)
    for feature in suggested["features"]:
        its = asked[feature["name"]]
        if "string_constraints" in its:
            assert set(feature["string_constraints"]["domains"]) == set(its["string_constraints"]["domains"])
        assert {**feature, "string_constraints": None} == {**its, "string_constraints": None}


def test_every_file_has_awss_keys_in_awss_order(fixtures, analyse):
    case = fixtures / "dq-cardio68k"
    result = analyse(case / "input.csv", CSV_HEADER)
    for file in ("statistics", "constraints"):
        ours, theirs = by_name(result.report(file)), by_name(read(case / f"{file}.json"))
        assert list(result.report(file)) == list(read(case / f"{file}.json"))
        for name in ("age", "age_group"):
            assert keys(ours[name]) == keys(theirs[name])


def keys(document: Any) -> Any:
    if isinstance(document, dict):
        return [(key, keys(value)) for key, value in document.items()]
    return keys(document[0]) if isinstance(document, list) and document and isinstance(document[0], dict) else None


def test_scores600_gives_awss_statistics_and_constraints(fixtures, analyse):
    case = fixtures / "dq-scores600"
    result = analyse(case / "input.csv", CSV_HEADER)
    theirs = read(case / "statistics.json")
    for mine, its in zip(result.report("statistics")["features"], theirs["features"], strict=True):
        assert mine["name"] == its["name"]
        same_numbers(mine, its)
    expected = read(case / "constraints.json")
    known = [k for k in CATEGORICAL_KEYS if k not in expected["monitoring_config"]["distribution_constraints"]]
    assert without(result.report("constraints"), *known) == expected


@pytest.mark.parametrize("mode", MODES)
def test_scores600_monitoring_finds_exactly_awss_violation(fixtures, analyse, mode):
    case = fixtures / "dq-scores600"
    result = analyse(
        case / "capture.jsonl",
        CAPTURE,
        baseline_constraints=str(case / "constraints_edited.json"),
        baseline_statistics=str(case / "statistics.json"),
        aws_compatible=mode,
    )
    assert texts(result.violations) == texts(read(case / "constraint_violations.json")["violations"])
    assert result.message == "CompletedWithViolations: Job completed successfully with 1 violations."


@pytest.mark.parametrize("mode", MODES)
def test_batch_missing1152_finds_exactly_awss_four_incomplete_columns(fixtures, analyse, mode):
    case = fixtures / "dq-batch-missing1152"
    baseline = analyse(case / "clean.csv", CSV)
    result = analyse(
        case / "current_missing.csv",
        CSV,
        baseline_constraints=str(baseline.base / "processing" / "output" / "constraints.json"),
        aws_compatible=mode,
    )
    expected = read(case / "expected_violations.json")
    expected = expected["violations"] if isinstance(expected, dict) else expected
    assert texts(result.violations) == texts(expected)


@pytest.mark.parametrize("mode", MODES)
def test_churn70_monitoring_finds_exactly_awss_sixty_violations(fixtures, analyse, mode):
    case = fixtures / "dq-churn70-monitor-a"
    baseline = analyse(case / "baseline.csv", CSV_HEADER)
    result = analyse(
        case / "capture.jsonl",
        CAPTURE,
        baseline_constraints=str(case / "baseline_constraints.json"),
        baseline_statistics=str(baseline.base / "processing" / "output" / "statistics.json"),
        aws_compatible=mode,
    )
    expected = read(case / "expected_violations.json")
    expected = expected["violations"] if isinstance(expected, dict) else expected
    assert texts(result.violations) == texts(expected)
    assert result.message == "CompletedWithViolations: Job completed successfully with 60 violations."


def test_the_same_analysis_twice_leaves_the_same_bytes(fixtures, analyse):
    source = fixtures / "dq-churn70-baseline" / "training-dataset-with-header.csv"
    one, two = (analyse(source, CSV_HEADER).base / "processing" / "output" for _ in range(2))
    files = sorted(path.name for path in one.iterdir())
    assert files == ["constraints.json", "state.arrow", "statistics.json"]
    assert [(one / name).read_bytes() for name in files] == [(two / name).read_bytes() for name in files]
