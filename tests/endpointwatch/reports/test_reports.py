from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from endpointwatch.capture.tally import Tally
from endpointwatch.config.window import Window
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.findings import Distance, Findings, Violation
from endpointwatch.monitors.statistics import statistics
from endpointwatch.reports.cloudwatch import metrics
from endpointwatch.reports.deployment import Deployment, serving
from endpointwatch.reports.files import json_text, write_text
from endpointwatch.reports.judgement import Subject, judge
from endpointwatch.reports.verdict import REMEDIES, Verdict, no_answer

WINDOW = Window(start=datetime(2026, 11, 1, 14, tzinfo=UTC), end=datetime(2026, 11, 1, 15, tzinfo=UTC))
SUBJECT = Subject("loans", "data_quality", WINDOW, "loans-v1")
OTHER_COLUMNS = Violation(
    feature_name="Extra columns", constraint_check_type="extra_column_check", description="one column more"
)
BROKEN = Violation(feature_name="a", constraint_check_type="data_type_check", description="d")


def state(*texts: str):
    (batch,) = pl.DataFrame({"a": pl.Series(texts, dtype=pl.String)}).to_arrow().combine_chunks().to_batches()
    return data_quality.compute(batch)


def tally(*, analysed: int = 0, outside: int = 0, **kinds: int) -> Tally:
    counted = Tally(analysed=analysed, outside_window=outside)
    for kind, rows in kinds.items():
        counted.set_aside(kind, "f", 1, f"{kind} captured as BASE64", rows=rows)
    return counted


@pytest.mark.parametrize(
    ("counted", "findings", "status"),
    [
        (tally(), Findings(), "NO_DATA"),
        (tally(outside=9), Findings(), "NO_DATA"),
        (tally(analysed=3, encoding=4), Findings(), "ENCODING_MIXED"),
        (tally(analysed=9, encoding=1), Findings(violations=(BROKEN,)), "TOO_FEW_ROWS"),
        (tally(analysed=10, json=50), Findings(), "OK"),
        (tally(analysed=10), None, "NO_BASELINE"),
        (tally(analysed=10), Findings(violations=(BROKEN,)), "VIOLATIONS"),
        (tally(analysed=10), Findings(violations=(OTHER_COLUMNS, BROKEN), schema_changed=True), "SCHEMA_CHANGED"),
        (tally(json=10), Findings(), "TOO_FEW_ROWS"),
    ],
)
def test_a_verdict_has_one_status_with_its_evidence_and_remedy(counted, findings, status):
    verdict = judge(SUBJECT, counted, findings, minimum_rows=10)
    assert verdict.status == status
    assert verdict.evidence
    assert verdict.remedy == REMEDIES[status]
    assert bool(verdict.violations) == (status in ("VIOLATIONS", "SCHEMA_CHANGED"))
    rows = verdict.rows
    assert rows.read == rows.analysed + rows.set_aside + rows.outside_window + rows.skipped
    assert Verdict.model_validate_json(verdict.to_json()) == verdict


def test_the_evidence_of_a_changed_schema_is_about_its_columns_alone():
    findings = Findings(violations=(OTHER_COLUMNS, BROKEN), schema_changed=True)
    assert judge(SUBJECT, tally(analysed=10), findings, minimum_rows=1).evidence == "one column more"


def test_the_evidence_of_a_verdict_names_the_three_features_that_drifted_most():
    shown = [("a", 0.2, True), ("b", 0.9, False), ("c", 0.5, True), ("d", 0.2, True), ("e", 0.3, True)]
    measured = tuple(
        Distance(
            feature_name=name, method="linf_robust", distance=far - 0.1, threshold=0.05, exceeded=counts, simple=far
        )
        for name, far, counts in shown
    )
    verdict = judge(SUBJECT, tally(analysed=10), Findings((BROKEN,) * 4, measured), minimum_rows=1)
    assert verdict.evidence == (
        "4 violations over 10 rows. Drifted most: c (distance 0.4, limit 0.05), e (distance 0.2, limit 0.05), "
        "a (distance 0.1, limit 0.05)."
    )


def test_a_verdict_without_an_answer_names_what_to_do():
    verdict = no_answer("CAPTURE_OFF", endpoint="loans", monitor="data_quality", window=WINDOW, evidence="off")
    assert "onboard" in verdict.remedy
    assert verdict.rows.read == 0


def test_numbers_too_large_to_add_up_still_make_valid_json():
    document = statistics(state("1" + "0" * 308, "1" + "0" * 308, "1" + "0" * 999))
    again = json.loads(json_text(document), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    numbers = again["features"][0]["numerical_statistics"]
    assert numbers["common"]["num_present"] == 3
    assert numbers["sum"] == "Infinity"


def test_a_file_is_replaced_whole(tmp_path):
    write_text(tmp_path / "a" / "b.json", "old")
    write_text(tmp_path / "a" / "b.json", "new")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]
    assert (tmp_path / "a" / "b.json").read_text(encoding="utf-8") == "new"


def test_words_have_no_range_in_the_metrics():
    lines = list(metrics(state("x", "y"), (), at=WINDOW.start, dimensions={"Endpoint": "loans"}))
    assert [line["MetricName"] for line in lines] == ["feature_non_null_a"]


def deployment(version: str, hour: int) -> Deployment:
    return Deployment(
        endpoint="loans",
        model_version=version,
        in_service_from=datetime(2026, 11, 1, hour, 30, tzinfo=UTC),
        endpoint_config="c",
    )


@pytest.mark.parametrize(
    ("deployments", "version"),
    [
        ([], None),
        ([deployment("v1", 13)], "v1"),
        ([deployment("v1", 13), deployment("v2", 14)], "v2"),
        ([deployment("v2", 15), deployment("v1", 13)], "v1"),
        ([deployment("v2", 17), deployment("v1", 16)], "v1"),
    ],
)
def test_a_window_is_judged_by_the_version_in_service_at_its_end_else_by_the_first(deployments, version):
    found = serving(deployments, WINDOW)
    assert (found.model_version if found else None) == version
