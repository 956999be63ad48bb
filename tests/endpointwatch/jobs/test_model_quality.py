"""The model-quality monitor's part of a job: windows judged on their labels, baselines learnt, wrong data set aside."""

from __future__ import annotations

import json
import random

import pytest

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.jobs.plan import BaselinePlan, MonitorPlan

CAPTURE = "input/capture/capture/loans/AllTraffic/2026/11/01/14/00-00-000-a.jsonl"
LABELS = "input/ground_truth/2026/11/01/16/labels.jsonl"
BINARY = {
    "kind": "model_quality",
    "problem_type": "BinaryClassification",
    "probability_attribute": "0",
    "baseline_probability_attribute": "score",
    "ground_truth_attribute": "label",
}
CLASSES = ("cat", "cow", "dog")
MULTICLASS = {
    "kind": "model_quality",
    "problem_type": "MulticlassClassification",
    "inference_attribute": "label",
    "probability_attributes": ["p[0]", "p[1]", "p[2]"],
    "baseline_inference_attribute": "predicted",
    "baseline_probability_attributes": ["cat", "cow", "dog"],
    "ground_truth_attribute": "actual",
    "classes": list(CLASSES),
}


def truth(number: int, label: str, encoding: str = "CSV") -> str:
    record = {
        "groundTruthData": {"data": label, "encoding": encoding},
        "eventMetadata": {"eventId": f"event-{number}"},
        "eventVersion": "0",
    }
    return json.dumps(record)


def answer(number: int, output: str, encoding: str = "CSV") -> str:
    record = {
        "captureData": {"endpointOutput": {"data": output, "encoding": encoding, "mode": "OUTPUT"}},
        "eventMetadata": {"eventId": f"event-{number}", "inferenceTime": f"2026-11-01T14:{number % 60:02d}:00Z"},
        "eventVersion": "0",
    }
    return json.dumps(record)


def scored(count: int, seed: int = 7, shift: float = 0.0) -> list[tuple[float, int]]:
    """Scores, and labels that are 1 as often as the scores say (or less, by ``shift``)."""
    chance = random.Random(seed)
    scores = [round(chance.random(), 3) for _ in range(count)]
    return [(score, int(chance.random() < score - shift)) for score in scores]


@pytest.fixture
def of_kind(endpoint):
    """The endpoint with one model-quality monitor, and with labels."""

    def change(settings: dict, **limits) -> Endpoint:
        document = endpoint.model_dump(mode="json")
        document["monitors"] = [settings]
        document["ground_truth"] = {"uri": "s3://bucket/truth", **limits}
        return Endpoint.model_validate(document)

    return change


@pytest.fixture
def baseline(job):
    def learn(of: Endpoint, text: str):
        learning = job()
        learning.put("input/dataset/baseline.csv", text)
        plan = BaselinePlan(
            endpoint=of,
            monitors=("model_quality",),
            model_version="loans-v1",
            dataset_uri="s3://bucket/baseline.csv",
            learned_at="2026-11-01T00:00:00Z",
        )
        assert learning.run(plan) == 0, learning.message
        return learning

    return learn


@pytest.fixture
def judged(job, window):
    def judge(of: Endpoint, answers: list[str], labels: list[str], learnt=None, *, closed: bool = True):
        monitoring = job()
        monitoring.put(CAPTURE, "".join(f"{line}\n" for line in answers))
        if labels:
            monitoring.put(LABELS, "".join(f"{line}\n" for line in labels))
        for path, content in (learnt.files() if learnt else {}).items():
            monitoring.put(f"baseline/{path}", content)
        plan = MonitorPlan(
            endpoint=of,
            window=window,
            monitors=("model_quality",),
            model_version="loans-v1",
            labels_closed=closed,
        )
        assert monitoring.run(plan) == 0, monitoring.message
        return monitoring

    return judge


def verdict_of(monitoring, window):
    return monitoring.document(f"model_quality/{window.path}/verdict.json")


def binary_data(count: int = 400) -> str:
    return "score,label\n" + "".join(f"{score},{label}\n" for score, label in scored(count, seed=3))


def traffic(rows: list[tuple[float, int]]) -> tuple[list[str], list[str]]:
    answers = [answer(number, str(score)) for number, (score, _) in enumerate(rows)]
    return answers, [truth(number, str(label)) for number, (_, label) in enumerate(rows)]


def test_a_window_as_good_as_its_baseline_is_judged_on_its_labels(of_kind, baseline, judged, window):
    endpoint = of_kind({**BINARY, "thresholds": {"auc": 0.75, "f1": 0.6}, "evaluate_constraints": "Enabled"})
    learnt = baseline(endpoint, binary_data())
    answers, labels = traffic(scored(400, seed=3))
    monitoring = judged(endpoint, answers, labels, learnt)
    verdict = verdict_of(monitoring, window)
    assert (verdict["status"], verdict["label_coverage"]) == ("OK", 1.0), verdict["evidence"]
    folder = f"model_quality/{window.path}"
    statistics = monitoring.document(f"{folder}/statistics.json")
    assert statistics["dataset"] == {
        "item_count": 400,
        "start_time": "2026-11-01T14:00:00Z",
        "end_time": "2026-11-01T15:00:00Z",
    }
    learnt_metrics = learnt.document("model_quality/statistics.json")["binary_classification_metrics"]
    assert statistics["binary_classification_metrics"] == learnt_metrics
    auc = next(metric for metric in verdict["metrics"] if metric["name"] == "auc")
    assert (auc["threshold"], auc["exceeded"]) == (0.75, False)
    published = [
        json.loads(line) for line in (monitoring.base / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl").open()
    ]
    assert {"f1", "auc", "recall"} <= {line["MetricName"] for line in published}


def test_a_window_whose_labels_changed_breaks_the_baselines_limits(of_kind, baseline, judged, window):
    endpoint = of_kind(BINARY)
    learnt = baseline(endpoint, binary_data())
    monitoring = judged(endpoint, *traffic(scored(400, seed=4, shift=0.4)), learnt)
    verdict = verdict_of(monitoring, window)
    assert verdict["status"] == "VIOLATIONS"
    assert {"precision", "accuracy"} <= {one["metric_name"] for one in verdict["violations"]}
    kept = monitoring.document(f"model_quality/{window.path}/constraint_violations.json")["violations"]
    assert kept == verdict["violations"]
    assert monitoring.message.startswith("CompletedWithViolations")


def test_before_labels_come_the_window_is_provisional_and_its_performance_estimated(of_kind, baseline, judged, window):
    endpoint = of_kind(BINARY)
    learnt = baseline(endpoint, binary_data())
    answers, labels = traffic(scored(600, seed=5))
    early = verdict_of(judged(endpoint, answers, [], learnt, closed=False), window)
    assert early["status"] == "PROVISIONAL"
    assert early["metrics"] == early["violations"] == []
    estimates = {one["name"]: one for one in early["estimates"]}
    assert estimates["accuracy"]["realised"] is estimates["accuracy"]["error"] is None
    late = verdict_of(judged(endpoint, answers, labels, learnt), window)
    told = {one["name"]: one for one in late["estimates"]}
    realised = {one["name"]: one["value"] for one in late["metrics"]}
    for name in ("accuracy", "auc", "f1"):
        assert told[name]["value"] == estimates[name]["value"]
        assert told[name]["realised"] == realised[name]
        # Every row has its label, so both estimates are of the same rows.
        assert told[name]["error"] == pytest.approx(told[name]["value"] - realised[name], abs=1e-9)
        assert abs(told[name]["error"]) < 0.1


def test_without_labels_in_time_the_verdict_says_so_and_keeps_the_estimate(of_kind, judged, window):
    answers, _ = traffic(scored(50))
    monitoring = judged(of_kind(BINARY), answers, [])
    verdict = verdict_of(monitoring, window)
    assert verdict["status"] == "LABELS_MISSING"
    assert "Estimated, not measured: accuracy" in verdict["evidence"]
    document = monitoring.document(f"model_quality/{window.path}/estimated_performance.json")
    assert document["calibration"] == "not calibrated: there is no baseline"
    assert document["metrics"] == verdict["estimates"]


def test_wrong_labels_probabilities_and_classes_are_counted_and_named_and_the_rest_is_judged(
    of_kind, baseline, judged, window
):
    endpoint = of_kind({**BINARY, "thresholds": {"auc": 0.0}, "evaluate_constraints": "Enabled"})
    answers, labels = traffic(scored(300))
    answers[1], labels[2], labels[3], answers[4] = answer(1, "1.7"), truth(2, "maybe"), truth(3, "2"), answer(4, "high")
    verdict = verdict_of(judged(endpoint, answers, labels), window)
    assert verdict["rows"] | {"skipped": 0} == {
        "read": 300,
        "analysed": 296,
        "set_aside": 4,
        "outside_window": 0,
        "skipped": 0,
    }
    reasons = " ".join(fault["reason"] for fault in verdict["set_aside"])
    for words in ("1.7, not a number from 0 to 1", "label is maybe", "label is 2, a class", "probability is high"):
        assert words in reasons
    assert (
        "Not judged: 2 with a class that is not known, 2 with a probability that is none; the first: "
        in (verdict["evidence"])
    )
    assert sum(one["name"] == "accuracy" for one in verdict["metrics"]) == 1


def test_a_class_that_the_baseline_does_not_know_is_set_aside(of_kind, baseline, judged, window):
    settings = {
        "kind": "model_quality",
        "problem_type": "MulticlassClassification",
        "inference_attribute": "0",
        "baseline_inference_attribute": "predicted",
        "ground_truth_attribute": "actual",
        "minimum_rows": 2,
    }
    endpoint = of_kind(settings)
    learnt = baseline(endpoint, "actual,predicted\n" + "cat,cat\ndog,dog\ncow,dog\n" * 80)
    answers = [answer(number, CLASSES[number % 3]) for number in range(30)]
    labels = [truth(number, "lynx" if number == 5 else CLASSES[number % 3]) for number in range(30)]
    verdict = verdict_of(judged(endpoint, answers, labels, learnt), window)
    assert (verdict["rows"]["analysed"], verdict["rows"]["set_aside"]) == (29, 1)
    assert "lynx, a class that the baseline does not know; known: cat, cow, dog" in verdict["set_aside"][0]["reason"]


def test_json_answers_of_many_rows_are_read_by_jmespath_and_estimated_class_by_class(of_kind, baseline, judged, window):
    settings = {
        **MULTICLASS,
        "inference_attribute": "predictions[*].label",
        "probability_attributes": [f"predictions[*].p[{place}]" for place in range(3)],
    }
    endpoint = of_kind(settings)
    chance = random.Random(1)

    def row() -> tuple[list[float], str, str]:
        weights = [chance.random() ** 2 for _ in CLASSES]
        told = [weight / sum(weights) for weight in weights]
        return told, CLASSES[told.index(max(told))], chance.choices(CLASSES, told)[0]

    lines = [",".join([actual, predicted, *map(str, told)]) for told, predicted, actual in (row() for _ in range(900))]
    learnt = baseline(endpoint, "actual,predicted,cat,cow,dog\n" + "\n".join(lines) + "\n")
    answers, labels, right = [], [], 0
    for number in range(300):
        rows = [row(), row()]
        document = {"predictions": [{"label": predicted, "p": told} for told, predicted, _ in rows]}
        answers.append(answer(number, json.dumps(document), "JSON"))
        labels.append(truth(number, json.dumps({"actual": [actual for _, _, actual in rows]}), "JSON"))
        right += sum(predicted == actual for _, predicted, actual in rows)
    verdict = verdict_of(judged(endpoint, answers, labels, learnt), window)
    assert verdict["rows"]["analysed"] == 600, verdict["set_aside"][:3]
    metrics = {one["name"]: one["value"] for one in verdict["metrics"]}
    assert metrics["accuracy"] == pytest.approx(right / 600)
    estimate = next(one for one in verdict["estimates"] if one["name"] == "accuracy")
    assert estimate["value"] == pytest.approx(metrics["accuracy"], abs=5 * estimate["standard_error"] + 0.03)
    assert estimate["error"] == pytest.approx(estimate["value"] - metrics["accuracy"], abs=1e-9)


def test_a_regressions_labels_are_numbers(of_kind, baseline, judged, window):
    settings = {
        "kind": "model_quality",
        "problem_type": "Regression",
        "inference_attribute": "0",
        "baseline_inference_attribute": "predicted",
        "ground_truth_attribute": "actual",
    }
    endpoint = of_kind(settings)
    learnt = baseline(endpoint, "actual,predicted\n" + "".join(f"{n},{n + 1}\n" for n in range(250)))
    answers = [answer(number, str(number + 2.0)) for number in range(40)]
    labels = [truth(number, "soon" if number == 7 else str(number)) for number in range(40)]
    verdict = verdict_of(judged(endpoint, answers, labels, learnt), window)
    assert verdict["status"] == "VIOLATIONS"
    assert [one["metric_name"] for one in verdict["violations"]] == ["mae", "mse", "rmse", "r2"]
    assert verdict["violations"][0]["description"] == "Metric mae with 2.0 was GreaterThanThreshold '1.0'"
    assert verdict["set_aside"][0]["reason"] == "the label is soon, not a finite number"
    assert verdict["estimates"] == []


def test_an_endpoint_without_ground_truth_has_no_labels_and_says_so(of_kind, job, window):
    document = of_kind(BINARY).model_dump(mode="json")
    document["ground_truth"] = None
    endpoint = Endpoint.model_validate(document)
    monitoring = job()
    monitoring.put(CAPTURE, "".join(f"{line}\n" for line in traffic(scored(20))[0]))
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("model_quality",), model_version="loans-v1")
    assert monitoring.run(plan) == 0, monitoring.message
    verdict = verdict_of(monitoring, window)
    assert verdict["status"] == "LABELS_MISSING"
    assert "no `ground_truth` section" in verdict["evidence"]


def test_the_same_window_twice_leaves_the_same_bytes_whatever_the_order_of_its_labels(of_kind, baseline, judged):
    endpoint = of_kind(BINARY)
    learnt = baseline(endpoint, binary_data())
    answers, labels = traffic(scored(250, seed=11))
    one = judged(endpoint, answers, labels, learnt).files()
    two = judged(endpoint, answers, labels[::-1], learnt).files()
    kept = [path for path in one if path.startswith("model_quality/")]
    assert any(path.endswith("state.arrow") for path in kept)
    assert [one[path] for path in kept] == [two[path] for path in kept]


def test_a_data_set_without_the_label_is_refused_by_name(of_kind, job):
    endpoint = of_kind(BINARY)
    learning = job()
    learning.put("input/dataset/baseline.csv", "score,truth\n0.5,1\n")
    plan = BaselinePlan(
        endpoint=endpoint,
        monitors=("model_quality",),
        model_version="loans-v1",
        dataset_uri="s3://bucket/baseline.csv",
        learned_at="2026-11-01T00:00:00Z",
    )
    assert learning.run(plan) == 255
    assert "there is no column 'label'; the data set has score, truth" in learning.message
