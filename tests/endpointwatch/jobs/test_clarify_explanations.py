"""Clarify's job with ``methods.shap``: what it explains, and what it refuses with a way out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from attribution_models import FEATURES, archive, pipeline, rows

from endpointwatch.jobs.models import live

CONFIG = "input/config/analysis_config.json"


@pytest.fixture(scope="module")
def model() -> Any:
    return pipeline()


@pytest.fixture
def clarify(job, model):
    """Run a job over 60 rows with a label; ``mounted`` says whether it is given the model."""

    def run(
        shap: dict[str, Any], *, mounted: bool = True, environment: dict[str, str] | None = None, **more: Any
    ) -> Any:
        started = job()
        data = rows(60)
        lines = [",".join(map(str, [1, *row])) for row in data]
        started.put("input/data/data.csv", "\n".join(lines) + "\n")
        config = {
            "dataset_type": "text/csv", "headers": ["approved", *FEATURES], "label": "approved",
            "predictor": {"model_name": "loans", "content_type": "text/csv"}, "methods": {"shap": shap}, **more,
        }  # fmt: skip
        started.put(CONFIG, json.dumps(config))
        if mounted:
            started.put("model/model.tar.gz", archive(model))
        started.code = started.run_with(environment or {})
        return started

    return run


def values(job: Any, label: str = "label0") -> dict[str, float]:
    return job.document("analysis.json")["explanations"]["kernel_shap"][label]["global_shap_values"]


def test_without_a_baseline_rows_are_held_against_the_data_sets_mean(clarify, model):
    job = clarify({"agg_method": "mean_abs"})
    assert job.code == 0, job.message
    assert list(values(job)) == list(FEATURES)
    expected = job.document("analysis.json")["explanations"]["kernel_shap"]["label0"]["expected_value"]
    assert expected == pytest.approx(model.predict_proba(rows(60).mean(axis=0)[None])[0, 1])
    assert (job.output / "explanations_shap" / "out.csv").exists()


def test_the_method_of_aggregation_log_odds_and_label_headers_are_followed(clarify, model):
    predictor = {"model_name": "loans", "label_headers": ["yes"]}
    shap = {"baseline": [[200, 10, 40]], "agg_method": "mean_sq", "use_logit": True, "save_local_shap_values": False}
    job = clarify(shap, predictor=predictor)
    assert job.code == 0, job.message
    scaler, regression = model[1], model[2]
    terms = (rows(60) - [200, 10, 40]) / scaler.scale_ * regression.coef_[0]
    assert list(values(job, "yes").values()) == pytest.approx(np.square(terms).mean(axis=0))
    assert not (job.output / "explanations_shap" / "out.csv").exists()


def test_a_monitoring_run_is_held_against_an_earlier_analysis(clarify):
    learnt = clarify({"baseline": [[200, 10, 40]]})
    document = learnt.document("analysis.json")
    told = document["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    turned = dict(zip(told, reversed(told.values()), strict=True))
    for content, count in ((told, 0), (turned, 1)):
        document["explanations"]["kernel_shap"]["label0"]["global_shap_values"] = content
        path = learnt.put("baseline/analysis.json", json.dumps(document))
        job = clarify({"baseline": [[200, 10, 40]]}, environment={"baseline_constraints": str(path)})
        assert job.code == 0, job.message
        assert len(job.document("constraint_violations.json")["violations"]) == count


@pytest.mark.parametrize(
    ("shap", "reason"),
    [
        pytest.param({"baseline": "s3://bucket/baseline.csv"}, "write the rows into analysis_config.json", id="a URI"),
        pytest.param({"baseline": [[1, 2]]}, "must have rows of 3 values, one for each of amount", id="narrow"),
        pytest.param({"features_to_explain": ["age"]}, "all features are explained", id="some features"),
    ],
)  # fmt: skip
def test_what_is_not_done_is_refused_with_what_to_give_instead(clarify, shap, reason):
    job = clarify(shap)
    assert job.code == 255
    assert reason in job.message


def test_without_a_model_the_message_says_where_to_put_one(clarify):
    job = clarify({"baseline": [[200, 10, 40]]}, mounted=False)
    assert job.code == 255
    assert "model.tar.gz at /opt/ml/processing/model" in job.message
    assert "predictor.endpoint_name" in job.message


def test_a_running_endpoint_may_be_named_instead(clarify, model, monkeypatch):
    asked: list[str] = []

    def connect(name: str, region: str | None) -> Any:
        asked.append(name)

        def call(body: bytes, **about: str) -> bytes:
            data = np.array([[float(cell) for cell in line.split(",")] for line in body.decode().splitlines()])
            return "".join(f"{score:.9f}\n" for score in model.predict_proba(data)[:, 1]).encode()

        return call

    monkeypatch.setitem(sys.modules, live.CALLER, SimpleNamespace(connect=connect))
    shap = {"baseline": [[200, 10, 40]]}
    there = clarify(shap, mounted=False, predictor={"endpoint_name": "loans"})
    assert there.code == 0, there.message
    assert asked == ["loans"]
    assert values(there) == pytest.approx(values(clarify(shap)), abs=1e-7)
    json_only = {"endpoint_name": "loans", "content_type": "application/json"}
    assert "text/csv only" in clarify(shap, mounted=False, predictor=json_only).message
