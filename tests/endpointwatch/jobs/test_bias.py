"""The bias monitor in a window's job: baseline, captures with labels and without, and the verdicts."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from data_set_formats import written

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.jobs.plan import BaselinePlan, MonitorPlan

CAPTURE = "input/capture/capture/loans/AllTraffic/2026/11/01/14/00-00-000-a.jsonl"
TRUTH = "input/ground_truth/2026/11/01/15/labels.jsonl"
LABEL_FREE = {"CDDPL", "DI", "DPPL", "FT"}


@dataclass(frozen=True)
class Person:
    """One made-up applicant; who is 'f' is accepted less often the larger ``gap``."""

    number: int
    gap: float = 0.2

    @property
    def gender(self) -> str:
        return "fm"[self.number % 2]

    @property
    def age(self) -> int:
        return 20 + self.number * 7 % 50

    @property
    def score(self) -> float:
        luck = self.number * 37 % 100 / 100
        return 0.9 if luck < 0.6 - (self.gap if self.gender == "f" else 0) else 0.1

    @property
    def label(self) -> int:
        return int((self.number * 61 % 100) < 55)

    @property
    def income(self) -> float:
        return 10 + self.number * 13 % 91 / 3


def record(person: Person) -> str:
    payloads = {
        "endpointInput": f"{person.gender},{person.age},{person.income:.2f}\n",
        "endpointOutput": f"{person.score}\n",
    }
    sides = {
        side: {"observedContentType": "text/csv", "mode": side[8:].upper(), "data": data, "encoding": "CSV"}
        for side, data in payloads.items()
    }
    at = f"2026-11-01T14:{person.number % 60:02d}:00Z"
    return json.dumps(
        {
            "captureData": sides,
            "eventMetadata": {"eventId": f"event-{person.number}", "inferenceTime": at},
            "eventVersion": "0",
        }
    )


def truth(person: Person) -> str:
    data = {"data": str(person.label), "encoding": "CSV"}
    about = {"eventId": f"event-{person.number}"}
    return json.dumps({"groundTruthData": data, "eventMetadata": about, "eventVersion": "0"})


@pytest.fixture
def declared(endpoint):
    """The endpoint with the bias monitor alone."""

    def declare(*, ground_truth: bool = False, form: str = "csv", **settings) -> Endpoint:
        document = endpoint.model_dump(mode="json")
        document["baseline_dataset_format"] = form
        document["monitors"] = [{"kind": "bias", "sensitive_features": ["gender", "age"], **settings}]
        document["training"]["features"] = ["gender", "age", "income"]
        document["ground_truth"] = {"uri": "s3://bucket/truth"} if ground_truth else None
        return Endpoint.model_validate(document)

    return declare


def baselined(job, endpoint, people=range(400), *, labels: bool = True):
    """A job whose folder for baselines holds the one learnt from ``people``."""
    learner = job()
    rows = [
        f"{one.score},{one.gender},{one.age},{one.income:.2f}{f',{one.label}' if labels else ''}"
        for one in map(Person, people)
    ]
    header = "prediction,gender,age,income" + (",approved" if labels else "")
    learner.put("input/dataset/data", written("\n".join([header, *rows]) + "\n", endpoint.baseline_dataset_format))
    plan = BaselinePlan(
        endpoint=endpoint, monitors=("bias",), model_version="3", dataset_uri="s3://b/d.csv", learned_at="2026-11-01"
    )
    assert learner.run(plan) == 0, learner.message
    fresh = job()
    for name, text in learner.files().items():
        fresh.put(f"baseline/{name}", text)
    return fresh, learner


def judged(job, window, endpoint, people, labelled=None, *, closed: bool = True):
    """The verdict on a window of ``people``, of whom ``labelled`` have a label."""
    job.put(CAPTURE, "".join(record(one) + "\n" for one in people))
    if labelled is not None:
        job.put(TRUTH, "".join(truth(one) + "\n" for one in labelled))
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("bias",), model_version="3", labels_closed=closed)
    assert job.run(plan) == 0, job.message
    return job.document(f"bias/{window.path}/verdict.json")


def values(job, window, stage="post_training_bias_metrics"):
    facets = job.document(f"bias/{window.path}/analysis.json")[stage]["facets"]
    return {
        (facet, value["value_or_threshold"], metric["name"]): metric["value"]
        for facet, found in facets.items()
        for value in found
        for metric in value["metrics"]
    }


def test_two_words_are_enough_each_gender_is_compared_and_age_is_cut_at_its_median(job, declared):
    _, learner = baselined(job, declared())
    document = learner.document("bias/analysis.json")
    facets = document["pre_training_bias_metrics"]["facets"]
    assert [value["value_or_threshold"] for value in facets["gender"]] == ["f", "m"]
    (age,) = facets["age"]
    assert age["value_or_threshold"] == "(44.5, 69.0]"
    assert document["post_training_bias_metrics"]["label"] == "approved"
    names = {metric["name"] for metric in age["metrics"]}
    assert names == {"CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"}
    assert learner.document("bias/baseline.json")["columns"] == ["prediction", "gender", "age", "income"]


@pytest.mark.parametrize("form", ["json_lines", "json", "parquet"])
def test_a_baseline_is_the_same_in_whatever_format_its_data_set_is_written(job, declared, form):
    files = [baselined(job, declared(form=each))[1].files() for each in ("csv", form)]
    assert files[0]["bias/analysis.json"] == files[1]["bias/analysis.json"]
    assert files[0]["bias/report.html"] == files[1]["bias/report.html"]


def test_csv_without_a_header_has_columns_by_position_in_the_baseline_and_in_windows(job, declared, window):
    endpoint = declared(form="csv_without_header", sensitive_features=["_c1", "_c2"], label="_c4")
    fresh, learner = baselined(job, endpoint)
    named = baselined(job, declared())[1]
    told = learner.document("bias/analysis.json")["pre_training_bias_metrics"]["facets"]
    assert told["_c1"] == named.document("bias/analysis.json")["pre_training_bias_metrics"]["facets"]["gender"]
    verdict = judged(fresh, window, endpoint, [Person(n, gap=0.5) for n in range(300)])
    assert verdict["status"] == "VIOLATIONS"
    assert ("_c1", "f", "DPPL") in {
        (one["facet"], one["facet_value"], one["metric_name"]) for one in verdict["violations"]
    }


def test_a_column_that_the_data_set_does_not_have_is_named_with_those_it_has(job, declared):
    learner = job()
    rows = written("prediction,gender,age,income\n0.9,f,30,10.0\n", "csv_without_header")
    learner.put("input/dataset/data", rows)
    plan = BaselinePlan(
        endpoint=declared(form="csv_without_header"), monitors=("bias",), model_version="3", dataset_uri="s3://b/d",
        learned_at="2026-11-01",
    )  # fmt: skip
    assert learner.run(plan) == 255
    assert "no column gender, age, which the bias monitor names; it has _c0, _c1, _c2, _c3" in learner.message
    assert "csv_without_header" in learner.message


def test_a_baseline_without_labels_learns_what_needs_none(job, declared):
    _, learner = baselined(job, declared(), labels=False)
    document = learner.document("bias/analysis.json")
    (f, _) = document["post_training_bias_metrics"]["facets"]["gender"]
    assert {metric["name"] for metric in f["metrics"]} == LABEL_FREE
    (f, _) = document["pre_training_bias_metrics"]["facets"]["gender"]
    assert [metric["name"] for metric in f["metrics"]] == ["CI"]


def test_the_same_people_keep_their_own_baseline(job, declared, window):
    endpoint = declared()
    fresh, _ = baselined(job, endpoint)
    verdict = judged(fresh, window, endpoint, map(Person, range(400)))
    assert (verdict["status"], verdict["violations"]) == ("OK", [])
    assert "were left out: the endpoint's file has no `ground_truth`" in verdict["evidence"]
    assert {metric["name"] for metric in verdict["metrics"]} == LABEL_FREE


def test_a_group_accepted_less_often_than_before_is_a_violation_without_a_single_label(job, declared, window):
    endpoint = declared()
    fresh, _ = baselined(job, endpoint)
    verdict = judged(fresh, window, endpoint, [Person(n, gap=0.5) for n in range(300)])
    assert verdict["status"] == "VIOLATIONS"
    found = {(one["facet"], one["facet_value"], one["metric_name"]) for one in verdict["violations"]}
    assert {("gender", "f", "DI"), ("gender", "f", "DPPL"), ("gender", "m", "DI")} <= found
    (f,) = [one for one in verdict["metrics"] if (one["facet_value"], one["name"]) == ("f", "DPPL")]
    assert f["note"].startswith("gender = f is accepted less often than the others")
    page = (fresh.output / "bias" / window.path / "report.html").read_text(encoding="utf-8")
    assert "gender = f is accepted less often than the others" in page
    assert "<svg" in page
    violations = fresh.document(f"bias/{window.path}/constraint_violations.json")
    assert violations["violations"] == [dict(sorted(one.items())) for one in verdict["violations"]]


def test_what_needs_labels_waits_for_them_and_what_does_not_is_there_at_once(job, declared, window):
    endpoint = declared(ground_truth=True)
    fresh, _ = baselined(job, endpoint)
    people = [Person(n) for n in range(400)]
    early = judged(fresh, window, endpoint, people, people[:100], closed=False)
    assert early["status"] == "PROVISIONAL"
    measured = values(fresh, window)
    assert measured["gender", "f", "DPPL"] is not None
    late = judged(fresh, window, endpoint, people, people)
    assert late["status"] == "OK", late["evidence"]
    whole = values(fresh, window)
    assert whole["gender", "f", "DPPL"] == measured["gender", "f", "DPPL"]
    # All 13 post-training metrics, in Clarify's order, with the baseline's values: the rows are the same.
    names = [name for facet, value, name in whole if (facet, value) == ("gender", "f")]
    assert len(names) == 13
    assert names == sorted(names)


def test_a_label_free_violation_is_told_while_labels_are_still_arriving(job, declared, window):
    endpoint = declared(ground_truth=True)
    fresh, _ = baselined(job, endpoint)
    people = [Person(n, gap=0.5) for n in range(300)]
    verdict = judged(fresh, window, endpoint, people, people[:10], closed=False)
    assert verdict["status"] == "VIOLATIONS"
    assert "10 of 300 inferences have a label" in verdict["evidence"]


def test_metrics_that_need_no_labels_wait_for_none(job, declared, window):
    endpoint = declared(ground_truth=True, metrics=["DPPL", "DI"])
    fresh, _ = baselined(job, endpoint)
    verdict = judged(fresh, window, endpoint, [Person(n) for n in range(400)], (), closed=False)
    assert verdict["status"] == "OK"


def test_metrics_that_need_labels_where_none_are_declared_say_so(job, declared, window):
    endpoint = declared(metrics=["AD"])
    fresh, _ = baselined(job, endpoint)
    verdict = judged(fresh, window, endpoint, [Person(n) for n in range(100)])
    assert verdict["status"] == "LABELS_MISSING"
    assert "no `ground_truth`" in verdict["evidence"]


def test_a_window_whose_groups_are_too_small_is_not_judged(job, declared, window):
    endpoint = declared()
    fresh, _ = baselined(job, endpoint)
    verdict = judged(fresh, window, endpoint, [Person(n, gap=0.6) for n in range(40)])
    assert verdict["status"] == "TOO_FEW_ROWS"
    assert "minimum_group_rows = 30" in verdict["evidence"]
    assert "gender = f" in verdict["evidence"]
    assert verdict["violations"] == []
    assert "minimum_group_rows" in verdict["remedy"]


def test_a_facet_column_that_is_not_captured_is_a_changed_schema(job, declared, window):
    endpoint = declared()
    fresh, _ = baselined(job, endpoint)
    about = fresh.base / "processing" / "baseline" / "bias" / "baseline.json"
    document = json.loads(about.read_bytes()) | {"columns": ["prediction", "sex", "age", "income"]}
    about.write_text(json.dumps(document), encoding="utf-8")
    verdict = judged(fresh, window, endpoint, [Person(n) for n in range(100)])
    assert verdict["status"] == "SCHEMA_CHANGED"
    assert "no column gender" in verdict["evidence"]
    assert verdict["remedy"]


def test_rows_without_the_facets_cell_are_a_changed_schema_and_no_empty_window(job, declared, window):
    endpoint = declared()
    fresh, _ = baselined(job, endpoint)
    lines = [re.sub(r'"data": "[fm],', '"data": "', record(Person(n))) for n in range(100)]
    fresh.put(CAPTURE, "\n".join(lines) + "\n")
    assert fresh.run(MonitorPlan(endpoint=endpoint, window=window, monitors=("bias",), model_version="3")) == 0
    verdict = fresh.document(f"bias/{window.path}/verdict.json")
    assert verdict["status"] == "SCHEMA_CHANGED"
    assert "100 of 100 rows have other columns than the baseline: the row has 3 cells" in verdict["evidence"]
    assert "Baseline again" in verdict["remedy"]


def test_small_groups_are_named_with_their_own_remedy_when_labels_have_come_too(job, declared, window):
    endpoint = declared(ground_truth=True, metrics=["AD"])
    fresh, _ = baselined(job, endpoint)
    people = [Person(n) for n in range(40)]
    verdict = judged(fresh, window, endpoint, people, people)
    assert verdict["status"] == "TOO_FEW_ROWS"
    assert "40 of 40 inferences have a label" in verdict["evidence"]
    assert "minimum_group_rows" in verdict["remedy"]


def test_without_a_baseline_metrics_are_told_and_nothing_is_judged(job, declared, window):
    fresh = job()
    verdict = judged(fresh, window, declared(), [Person(n) for n in range(100)])
    assert (verdict["status"], verdict["violations"]) == ("NO_BASELINE", [])
    assert values(fresh, window)["gender", "f", "DPPL"] is not None


def test_a_window_without_traffic_has_no_data(job, declared, window):
    endpoint = declared()
    fresh, _ = baselined(job, endpoint)
    assert judged(fresh, window, endpoint, [])["status"] == "NO_DATA"


def test_the_bootstrap_interval_keeps_a_small_difference_from_being_an_alarm(job, declared, window):
    plain, careful = (
        declared(metrics=["DPPL"]),
        declared(metrics=["DPPL"], confidence_interval={"bootstrap": "Enabled"}),
    )
    people = [Person(n, gap=0.25) for n in range(120)]
    statuses = []
    for endpoint in (plain, careful):
        fresh, _ = baselined(job, endpoint)
        statuses.append(judged(fresh, window, endpoint, people)["status"])
    assert statuses == ["VIOLATIONS", "OK"]
    fresh, _ = baselined(job, careful)
    assert judged(fresh, window, careful, [Person(n, gap=0.6) for n in range(300)])["status"] == "VIOLATIONS"


def test_the_same_window_gives_the_same_bytes(job, declared, window):
    endpoint = declared(ground_truth=True, confidence_interval={"bootstrap": "Enabled", "iterations": 100})
    people = [Person(n) for n in range(200)]
    runs = []
    for _ in range(2):
        fresh, _ = baselined(job, endpoint)
        judged(fresh, window, endpoint, people, people)
        runs.append(fresh.files())
    assert runs[0] == runs[1]
    judgements = [name for name in runs[0] if name.startswith("bias/") and "/judgements/" in name]
    assert len(judgements) == 1
    assert {name.rsplit("/")[-1] for name in runs[0] if name.startswith("bias/")} - {Path(judgements[0]).name} == {
        "analysis.json",
        "constraint_violations.json",
        "report.html",
        "state.arrow",
        "state_labelled.arrow",
        "verdict.json",
    }


def test_cloudwatch_gets_a_metric_a_facet_value(job, declared, window):
    endpoint = declared(metrics=["DPPL"])
    fresh, _ = baselined(job, endpoint)
    judged(fresh, window, endpoint, [Person(n) for n in range(200)])
    lines = (fresh.base / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines]
    assert {one["MetricName"] for one in told} == {"bias_metric_DPPL"}
    about = {one["Name"]: one["Value"] for one in told[0]["Dimensions"]}
    assert about["Facet"] == "gender"
    assert {"BiasStage", "Label", "LabelValue", "Facet", "FacetValue", "Endpoint", "MonitoringSchedule"} == set(about)


def test_a_missing_gender_is_in_no_group_and_its_row_is_counted(job, declared, window):
    endpoint = declared(metrics=["DPPL"])
    fresh, _ = baselined(job, endpoint)
    people = [Person(n) for n in range(200)]
    lines = [record(one) for one in people]
    blank = [line.replace('"data": "f,', '"data": ",', 1) for line in lines[:50]] + lines[50:]
    fresh.put(CAPTURE, "\n".join(blank) + "\n")
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("bias",), model_version="3")
    assert fresh.run(plan) == 0
    verdict = fresh.document(f"bias/{window.path}/verdict.json")
    assert verdict["rows"]["analysed"] == 200
    rest = [one for one in people[:50] if one.gender == "m"] + people[50:]
    share = {
        gender: sum(one.score > 0.5 for one in rest if one.gender == gender) / sum(one.gender == gender for one in rest)
        for gender in "fm"
    }
    assert values(fresh, window)["gender", "f", "DPPL"] == pytest.approx(share["m"] - share["f"])


def test_as_on_aws_only_labelled_rows_count_and_a_fall_of_disparate_impact_is_no_violation(job, declared, window):
    endpoint = declared(ground_truth=True, aws_compatible="Enabled", metrics=["DI", "DPPL"])
    fresh, _ = baselined(job, endpoint)
    people = [Person(n, gap=0.5) for n in range(400)]
    verdict = judged(fresh, window, endpoint, people, people[:200])
    share = {gender: sum(one.score > 0.5 for one in people[:200] if one.gender == gender) / 100 for gender in "fm"}
    assert values(fresh, window)["gender", "f", "DPPL"] == pytest.approx(share["m"] - share["f"])
    found = {(one["facet_value"], one["metric_name"]) for one in verdict["violations"] if one["facet"] == "gender"}
    assert ("f", "DPPL") in found
    assert ("f", "DI") not in found
    assert ("m", "DI") in found


def test_as_on_aws_a_window_without_a_positive_answer_fails_and_by_default_it_is_judged(job, declared, window):
    nobody = [Person(n, gap=9.0) for n in range(400) if n % 2 == 0]
    refused = [Person(n) for n in range(400) if Person(n).score < 0.5]
    strict = declared(ground_truth=True, aws_compatible="Enabled")
    fresh, _ = baselined(job, strict)
    fresh.put(CAPTURE, "".join(record(one) + "\n" for one in refused))
    fresh.put(TRUTH, "".join(truth(one) + "\n" for one in refused))
    plan = MonitorPlan(endpoint=strict, window=window, monitors=("bias",), model_version="3", labels_closed=True)
    assert fresh.run(plan) == 255
    assert "aws_compatible: Disabled" in fresh.message
    usual = declared(metrics=["DPPL"])
    fresh, _ = baselined(job, usual)
    assert judged(fresh, window, usual, [*refused, *nobody])["status"] in ("OK", "VIOLATIONS")
    assert values(fresh, window)["gender", "f", "DPPL"] == 0.0
