"""The attribution monitor as a job: baseline, window, verdict and files."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from attribution_models import FEATURES, archive, pipeline, rows
from data_set_formats import written

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.errors import ModelError
from endpointwatch.jobs.models import live
from endpointwatch.jobs.plan import BaselinePlan, MonitorPlan

FOLDER = "attribution/2026/11/01/14"
MODEL = "model/model.tar.gz"
CAPTURE = "input/capture/loans/AllTraffic/2026/11/01/14/00-00-000-a.jsonl"
SHIFTED = (0.02, 1.0, 60.0)
FAILING = "def model_fn(folder):\n    raise OSError('no weights')\n"


@pytest.fixture(scope="module")
def model() -> Any:
    return pipeline()


def declare(endpoint: Endpoint, *others: str, form: str = "csv", **settings: Any) -> Endpoint:
    document = endpoint.model_dump(mode="json")
    document["baseline_dataset_format"] = form
    document["training"] = None
    document["decision"] = {"action": "notify"}
    document["monitors"] = [{"kind": "attribution", **settings}, *({"kind": kind} for kind in others)]
    return Endpoint.model_validate(document)


def table(data: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> str:
    lines = [",".join([f"{score:.6f}", *map(str, row)]) for score, row in zip(scores, data, strict=True)]
    return "\n".join([",".join(["prediction", *FEATURES]), *lines]) + "\n"


def records(data: np.ndarray[Any, Any], **metadata: str) -> list[str]:
    return [
        json.dumps(
            {
                "captureData": {
                    "endpointInput": {"mode": "INPUT", "data": ",".join(map(str, row)), "encoding": "CSV"},
                    "endpointOutput": {"mode": "OUTPUT", "data": "0.5", "encoding": "CSV"},
                },
                "eventMetadata": {
                    "eventId": f"e{number}", "inferenceId": f"i{number}",
                    "inferenceTime": "2026-11-01T14:05:00Z", **metadata,
                },
                "eventVersion": "0",
            }
        )
        for number, row in enumerate(data)
    ]  # fmt: skip


class World:
    """Runs baselines and windows of one model."""

    def __init__(self, job: Any, endpoint: Endpoint, window: Any, model: Any) -> None:
        self.job, self.endpoint, self.window, self.model = job, endpoint, window, model
        self.artefact: bytes | None = archive(model)

    def learn(self, *others: str, count: int = 300, form: str = "csv", **settings: Any) -> Any:
        job = self.job()
        data = rows(count)
        job.put("input/dataset/data", written(table(data, self.model.predict_proba(data)[:, 1]), form))
        self._mount(job)
        plan = BaselinePlan(
            endpoint=declare(self.endpoint, *others, form=form, **settings), monitors=("attribution", *others),
            model_version="v1", dataset_uri="s3://bucket/data.csv", learned_at="2026-11-01T00:00:00Z", model_data_uri="s3://bucket/model.tar.gz",
        )  # fmt: skip
        code = job.run(plan)
        return job if code == 0 else SimpleNamespace(message=job.message, code=code)

    def watch(self, lines: list[str], *others: str, learnt: Any = None, file: str = CAPTURE, **settings: Any) -> Any:
        job = self.job()
        job.put(file, "".join(f"{line}\n" for line in lines))
        for path, content in (learnt or self.learn(*others, **settings)).files().items():
            job.put(f"baseline/{path}", content)
        self._mount(job)
        plan = MonitorPlan(
            endpoint=declare(self.endpoint, *others, **settings), window=self.window, monitors=("attribution", *others),
            model_version="v1", input_manifest="sha",
        )  # fmt: skip
        assert job.run(plan) == 0, job.message
        return job

    def _mount(self, job: Any) -> None:
        if self.artefact is not None:
            job.put(MODEL, self.artefact)


@pytest.fixture
def world(job, endpoint, window, model):
    return World(job, endpoint, window, model)


def verdict(job: Any) -> dict[str, Any]:
    return job.document(f"{FOLDER}/verdict.json")


def column(job: Any, path: str, name: str) -> list[float]:
    return [float(row[name]) for row in csv.DictReader(io.StringIO((job.output / path).read_text()))]


def test_a_baseline_leaves_clarifys_files_and_those_that_describe_it(world):
    learnt = world.learn()
    names = sorted(path.removeprefix("attribution/") for path in learnt.files())
    assert names == [
        "analysis.json", "attribution_data.csv", "baseline.json", "constraints.json", "explanations_shap/baseline.csv",
        "explanations_shap/out.csv", "explanations_shap/predictions.csv", "model_metadata.json", "report.html",
        "statistics.json",
    ]  # fmt: skip
    told = learnt.document("attribution/analysis.json")["explanations"]["kernel_shap"]["label0"]
    assert list(told["global_shap_values"]) == list(FEATURES)
    assert learnt.document("attribution/constraints.json")["labels"]["label0"]["ranking"] == list(FEATURES)
    metadata = learnt.document("attribution/model_metadata.json")
    assert (metadata["method"], metadata["exact"], metadata["rows_explained"]) == ("linear", True, 300)
    assert len(metadata["model_sha256"]) == 64
    assert learnt.document("attribution/baseline.json")["columns"] == list(FEATURES)


def test_every_local_value_belongs_to_a_prediction_and_they_add_up_to_the_models_output(world, model):
    data = rows(50, seed=5)
    job = world.watch(records(data))
    ids = [
        row["inference_id"]
        for row in csv.DictReader((job.output / f"{FOLDER}/explanations_shap/predictions.csv").open())
    ]
    assert sorted(ids) == sorted(f"i{n}" for n in range(50))
    sums = sum(np.array(column(job, f"{FOLDER}/explanations_shap/out.csv", f"{name}_label0")) for name in FEATURES)
    expected = np.array(column(job, f"{FOLDER}/explanations_shap/predictions.csv", "expected_label0"))
    scores = model.predict_proba(data)[[int(name[1:]) for name in ids], 1]
    assert np.abs(sums + expected - scores).max() < 1e-6


def test_a_quiet_window_keeps_the_order_of_the_features(world):
    job = world.watch(records(rows(300, seed=7)))
    told = verdict(job)
    assert told["status"] == "OK"
    (metric,) = told["metrics"]
    assert (metric["name"], metric["label"], metric["threshold"], metric["exceeded"]) == ("ndcg", "label0", 0.9, False)
    assert metric["value"] == 1.0
    assert job.document(f"{FOLDER}/constraint_violations.json") == {"version": "1.0", "violations": []}
    assert told["attribution"]["next_steps"] == []
    assert "explained exactly (linear)" in told["evidence"]


@pytest.mark.parametrize("form", ["csv_without_header", "json_lines", "json", "parquet"])
def test_a_baseline_is_the_same_in_whatever_format_its_data_set_is_written(world, form):
    names = FEATURES if form != "csv_without_header" else ("_c1", "_c2", "_c3")
    learnt, other = world.learn(), world.learn(form=form, features=list(names))
    one, two = (
        job.document("attribution/analysis.json")["explanations"]["kernel_shap"]["label0"] for job in (learnt, other)
    )
    assert tuple(two["global_shap_values"]) == names
    # Rows are told apart by file and line, which differ: the same values are added up in another order.
    assert list(two["global_shap_values"].values()) == pytest.approx(list(one["global_shap_values"].values()), rel=1e-9)
    assert two["expected_value"] == pytest.approx(one["expected_value"], rel=1e-9)
    assert other.document("attribution/model_metadata.json")["rows_explained"] == 300


def test_a_window_is_a_page_to_read_shares_ranks_the_score_and_what_to_do(world):
    job = world.watch(records(rows(300, seed=7, scale=SHIFTED)))
    page = (job.output / FOLDER / "report.html").read_text(encoding="utf-8")
    told = verdict(job)
    assert told["evidence"] in html.unescape(page)
    assert f"<li>{html.escape(told['attribution']['next_steps'][0])}" in page
    assert "NDCG 0." in page
    assert "the features no longer matter in the same order" in page
    first, *_ = told["attribution"]["changes"]
    assert f"<td>3 → 1<td>{first['feature_name']}" in page
    assert f"{first['share']:.1%}" in page
    assert f"{first['baseline_share']:.1%}" in page
    assert page.count("<svg") == 1 + 2 * len(FEATURES)
    assert not re.search(r"https?://|<script|<link|src=", page), "the page needs nothing beside it"


def test_a_window_that_was_explained_in_part_is_a_page_that_says_so_and_shows_no_share(world, serve):
    serve()
    learnt = world.learn(**LIVE)
    few = {"model": {**LIVE["model"], "max_requests": 4}}
    job = world.watch(records(rows(40, seed=7)), learnt=learnt, **few)
    page = (job.output / FOLDER / "report.html").read_text(encoding="utf-8")
    assert "TOO_FEW_ROWS" in page
    assert "the budget of 4 requests" in page
    assert "max_requests" in page
    assert "<svg" not in page


def test_the_predictions_farthest_from_the_expected_value_are_shown_with_what_moved_them(world, model):
    data = rows(60, seed=7)
    job = world.watch(records(data))
    page = (job.output / FOLDER / "report.html").read_text(encoding="utf-8")
    scores = model.predict_proba(data)[:, 1]
    expected = column(job, f"{FOLDER}/explanations_shap/predictions.csv", "expected_label0")[0]
    wanted = np.argsort(-np.abs(scores - expected))[:8]
    assert set(re.findall(r"<tr><td>(i\d+)<td", page)) == {f"i{n}" for n in wanted}


def test_a_shift_is_one_violation_in_clarifys_words_with_what_changed_and_what_to_do(world):
    job = world.watch(records(rows(300, seed=7, scale=SHIFTED)))
    told = verdict(job)
    assert told["status"] == "VIOLATIONS"
    (violation,) = told["violations"]
    score = told["metrics"][0]["value"]
    assert violation == {
        "label": "label0", "metric_name": "shap", "constraint_check_type": "feature_attribution_drift_check",
        "description": f"Feature attribution drift {score} exceeds threshold 0.9",
    }  # fmt: skip
    assert score < 0.9
    assert job.document(f"{FOLDER}/constraint_violations.json") == {"version": "1.0", "violations": [violation]}
    first, second, _ = told["attribution"]["changes"]
    assert (first["feature_name"], first["baseline_rank"], first["rank"]) == ("age", 3, 1)
    assert (second["feature_name"], second["baseline_rank"], second["rank"]) == ("amount", 1, 3)
    assert first["change_percent"] == pytest.approx((first["share"] / first["baseline_share"] - 1) * 100)
    assert told["attribution"]["next_steps"][0].startswith("Investigate the shift: data quality gave no verdict")
    assert "rank 3 to 1; amount \N{MINUS SIGN}" in told["evidence"]


def test_data_quality_of_the_same_job_is_what_the_advice_rests_on_wherever_the_yaml_lists_it(world):
    steps = verdict(world.watch(records(rows(300, seed=7, scale=SHIFTED)), "data_quality"))["attribution"]["next_steps"]
    assert steps[0].startswith("Investigate the shift: data quality found drift in amount, age.")
    assert steps[1].startswith("Retrain")


def test_the_same_window_gives_the_same_bytes_however_its_files_are_cut(world):
    learnt, lines = world.learn(sample_rows=40), records(rows(120, seed=7))
    one = world.watch(lines, learnt=learnt, sample_rows=40).files()
    two = world.watch(lines[::-1], learnt=learnt, file=CAPTURE.replace("-a.", "-b."), sample_rows=40).files()
    assert one == two
    assert json.loads(one[f"{FOLDER}/verdict.json"])["attribution"]["rows_sampled"] == 40


def test_another_seed_explains_other_rows(world):
    lines = records(rows(120, seed=7))
    ids = [
        (
            world.watch(lines, sample_rows=20, seed=seed).output / f"{FOLDER}/explanations_shap/predictions.csv"
        ).read_text()
        for seed in (0, 1)
    ]
    assert ids[0] != ids[1]


def test_the_monitors_own_traffic_is_skipped_and_counted(world):
    lines = records(rows(30, seed=7)) + records(rows(5, seed=8), inferenceId="endpointwatch-attribution/202611011300-1")
    counted = verdict(world.watch(lines))["rows"]
    assert (counted["analysed"], counted["skipped"]) == (30, 5)


def test_metrics_carry_clarifys_names_and_dimensions(world):
    job = world.watch(records(rows(30, seed=7)))
    lines = [json.loads(line) for line in (job.base / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl").open()]
    assert {line["MetricName"] for line in lines} == {
        "feature_amount",
        "feature_ratio",
        "feature_age",
        "ExpectedValue",
        "ndcg",
    }
    dimensions = {one["Name"]: one["Value"] for one in lines[0]["Dimensions"]}
    assert dimensions == {
        "Endpoint": "loans", "MonitoringSchedule": "loans-attribution", "ExplainabilityMethod": "KernelShap",
        "Label": "label0", "ValueType": "GlobalShapValues",
    }  # fmt: skip


def test_without_a_baseline_the_verdict_says_so(world):
    empty = SimpleNamespace(files=dict)
    told = verdict(world.watch(records(rows(5)), learnt=empty))
    assert (told["status"], told["rows"]["analysed"]) == ("NO_BASELINE", 5)


def test_a_window_without_traffic_has_no_data(world):
    assert verdict(world.watch([]))["status"] == "NO_DATA"


@pytest.mark.parametrize(
    ("artefact", "reason"),
    [
        pytest.param(None, "No model artefact is mounted", id="none"),
        pytest.param(b"no archive", "no whole tar.gz archive", id="damaged"),
        pytest.param(archive(None), "0 files named *.joblib", id="empty"),
        pytest.param(archive(None, inference=FAILING), "no weights", id="fails"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_load_fails_this_verdict_with_a_remedy_and_no_other(world, artefact, reason):
    learnt = world.learn("data_quality")
    world.artefact = artefact
    job = world.watch(records(rows(20)), "data_quality", learnt=learnt)
    told = verdict(job)
    assert told["status"] == "JOB_FAILED"
    assert reason in told["evidence"]
    assert "source: endpoint" in told["remedy"]
    assert "\n" not in told["evidence"]
    assert job.document("data_quality/2026/11/01/14/verdict.json")["status"] in ("OK", "VIOLATIONS")


def test_a_feature_that_no_request_has_is_a_changed_schema(world):
    lines = [
        line.replace('"CSV"', '"JSON"').replace(
            json.dumps(",".join(map(str, row))), json.dumps(json.dumps({"amount": row[0], "ratio": row[1]}))
        )
        for line, row in zip(records(rows(9)), rows(9), strict=True)
    ]
    told = verdict(world.watch(lines))
    assert told["status"] == "SCHEMA_CHANGED"
    assert told["evidence"] == "No row of the window has the model's feature age."
    assert told["violations"][0]["constraint_check_type"] == "missing_column_check"


def test_rows_of_another_width_are_a_changed_schema(world):
    told = verdict(world.watch(records(rows(9)[:, :2])))
    assert told["status"] == "SCHEMA_CHANGED"
    assert "9 of 9 rows" in told["evidence"]
    assert "the row has 2 cells, the model takes 3 features" in told["evidence"]


def test_a_feature_that_is_not_in_the_baselines_data_is_named_with_the_nearest(world):
    answer = world.learn(features=["amount", "ration", "age"])
    assert answer.code == 255
    assert "'ration' is not in the data set" in answer.message
    assert "Did you mean 'ratio'?" in answer.message


class Served:
    """The live endpoint: answers by the model, throttles as told."""

    def __init__(self, model: Any, throttled: set[int] = frozenset()) -> None:
        self.model, self.throttled, self.calls = model, throttled, []

    def __call__(self, body: bytes, **about: str) -> bytes:
        self.calls.append(about)
        if len(self.calls) in self.throttled:
            raise live.ThrottledError("Rate exceeded")
        data = np.array([[float(cell) for cell in line.split(",")] for line in body.decode().splitlines()])
        return "".join(f"{score:.6f}\n" for score in self.model.predict_proba(data)[:, 1]).encode()


@pytest.fixture
def serve(monkeypatch, model):
    """Put an endpoint behind the module that the job looks for; waiting takes no time."""

    def put(throttled: set[int] = frozenset()) -> Served:
        endpoint = Served(model, throttled)
        monkeypatch.setitem(sys.modules, live.CALLER, SimpleNamespace(connect=lambda name, region: endpoint))
        monkeypatch.setattr(live, "FIRST_WAIT_SECONDS", 0.0)
        return endpoint

    return put


LIVE = {"model": {"source": "endpoint", "max_requests": 60, "rows_per_request": 50}}


def test_the_live_endpoint_is_asked_in_marked_batches_and_says_the_same_as_the_artefact(world, serve):
    exact = world.watch(records(rows(40, seed=7)))
    endpoint = serve()
    asked = world.watch(records(rows(40, seed=7)), **LIVE)
    assert verdict(asked)["status"] == "OK"
    for name in FEATURES:
        path = f"{FOLDER}/explanations_shap/out.csv"
        assert column(asked, path, f"{name}_label0") == pytest.approx(column(exact, path, f"{name}_label0"), abs=2e-6)
    assert {call["custom_attributes"] for call in endpoint.calls} == {"endpointwatch=attribution"}
    ids = [call["inference_id"] for call in endpoint.calls]
    assert all(name.startswith("endpointwatch-attribution/") and len(name) <= 64 for name in ids)
    assert verdict(asked)["attribution"]["method"] == "enumeration"


def test_a_budget_that_ends_leaves_a_verdict_on_how_much_was_explained_and_no_judgement(world, serve):
    serve()
    learnt = world.learn(**LIVE)
    few = {"model": {**LIVE["model"], "max_requests": 4}}
    job = world.watch(records(rows(40, seed=7)), learnt=learnt, **few)
    told = verdict(job)
    assert told["status"] == "TOO_FEW_ROWS"
    assert told["attribution"]["rows_sampled"] == 40
    assert 0 < told["attribution"]["rows_explained"] < 40
    assert "the budget of 4 requests" in told["evidence"]
    assert "max_requests" in told["remedy"]
    assert told["metrics"] == told["violations"] == []
    assert not (job.output / f"{FOLDER}/analysis.json").exists()


def test_throttling_is_waited_out(world, serve):
    endpoint = serve({2, 3, 5})
    assert verdict(world.watch(records(rows(20, seed=7)), **LIVE))["status"] == "OK"
    assert len(endpoint.calls) > 5


def test_an_endpoint_that_only_throttles_leaves_a_typed_verdict(world, serve):
    serve()
    learnt = world.learn(**LIVE)
    serve(set(range(1, 1000)))
    told = verdict(world.watch(records(rows(20, seed=7)), learnt=learnt, **LIVE))
    assert told["status"] == "TOO_FEW_ROWS"
    assert told["evidence"] == "0 of 20 sampled rows (0%) were explained: the endpoint throttled 6 times in a row."
    assert "capacity" in told["remedy"]


def test_an_endpoint_that_refuses_is_a_failed_verdict(world, serve, monkeypatch):
    serve()
    learnt = world.learn(**LIVE)

    def refuse(body: bytes, **about: str) -> bytes:
        raise ModelError("The endpoint loans refuses attribution's request: AccessDenied")

    monkeypatch.setitem(sys.modules, live.CALLER, SimpleNamespace(connect=lambda name, region: refuse))
    told = verdict(world.watch(records(rows(20, seed=7)), learnt=learnt, **LIVE))
    assert (told["status"], "AccessDenied" in told["evidence"]) == ("JOB_FAILED", True)
    assert "source: artifact" in told["remedy"]


def test_the_budget_ending_while_a_baseline_is_learnt_fails_the_job_and_says_how_far_it_came(world, serve):
    serve()
    answer = world.learn(model={**LIVE["model"], "max_requests": 8})
    assert answer.code == 255
    assert "of 300 rows of the baseline's data were explained" in answer.message
