"""Model artefacts: loaded as SageMaker's containers load them, and refused where they are not what they should be."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from attribution_models import FEATURES, add, archive, pipeline, rows

from endpointwatch.config.attribution import ModelSource
from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.errors import BudgetError, ModelError
from endpointwatch.jobs.models import live
from endpointwatch.jobs.models.artefact import load
from endpointwatch.jobs.models.rows import csv_body, outputs
from endpointwatch.metrics.attribution.explain import Asked, explain

WHOLE = """
import io, json, joblib, numpy as np, os
from helper import RATE

def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))

def input_fn(body, content_type):
    assert content_type == "text/csv"
    return np.genfromtxt(io.StringIO(body), delimiter=",", ndmin=2)

def predict_fn(data, model):
    return model.predict_proba(data)[:, 1] * RATE

def output_fn(scores, accept):
    return json.dumps({"predictions": [{"score": float(score)} for score in scores]}), "application/json"
"""
BY_PATH = '{"predictions": [{"score": 0.1}, {"score": 0.2}]}'
SELECTION = JsonPayloads(output_rows="predictions", output_columns="score")


@pytest.fixture(scope="module")
def model() -> Any:
    return pipeline()


@pytest.fixture
def mounted(tmp_path):
    def mount(content: bytes, name: str = "model.tar.gz", **options: Any) -> Any:
        folder = tmp_path / "model"
        folder.mkdir()
        (folder / name).write_bytes(content)
        (tmp_path / "scratch").mkdir()
        return load(folder, FEATURES, tmp_path / "scratch", **options)

    return mount


@pytest.fixture(autouse=True)
def clean_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("helper", None)


def test_an_estimator_answers_with_the_second_classs_probability(mounted, model):
    loaded = mounted(archive(model))
    assert loaded.predict(rows(5)) == pytest.approx(model.predict_proba(rows(5))[:, 1:])


@pytest.mark.parametrize("place", ["inference", "code__inference"])
def test_the_artefacts_own_handlers_are_asked_and_what_they_do_is_explained(mounted, model, place):
    helper = place.replace("inference", "helper")
    loaded = mounted(archive(model, **{place: WHOLE, helper: "RATE = 0.5\n"}), selection=SELECTION)
    told = model.predict_proba(rows(5))[:, 1:] * 0.5
    assert loaded.predict(rows(5)) == pytest.approx(told)
    found = explain(loaded, rows(5), rows(100).mean(axis=0)[None], Asked())
    # The estimator alone would say twice as much: it is not taken for the model.
    assert found.method == "enumeration"
    assert found.outputs == pytest.approx(told)


def test_handlers_that_do_what_the_estimator_does_leave_the_exact_way_open(mounted, model):
    same = WHOLE.replace(" * RATE", "")
    loaded = mounted(archive(model, inference=same, helper="RATE = 1\n"), selection=SELECTION)
    assert explain(loaded, rows(5), rows(100).mean(axis=0)[None], Asked()).method == "linear"


def test_a_transform_fn_stands_for_all_three(mounted, model):
    code = """
import joblib, os
def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))
def transform_fn(model, body, content_type, accept):
    return "\\n".join(str(len(line)) for line in body.splitlines())
"""
    loaded = mounted(archive(model, inference=code))
    assert loaded.predict(rows(2)).tolist() == [[len(line)] for line in csv_body(rows(2).astype(str)).splitlines()]


def test_handlers_may_take_texts_and_an_estimator_may_not(mounted, model):
    texts = np.array([["200", "red", "40"]], object)
    code = """
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    return "\\n".join("1" if "red" in line else "0" for line in body.splitlines())
"""
    loaded = mounted(archive(None, inference=code))
    assert loaded.predict(loaded.matrix(texts)).tolist() == [[1.0]]


def test_a_text_for_an_estimator_is_named_with_its_feature(mounted, model):
    loaded = mounted(archive(model))
    with pytest.raises(ModelError, match=r"Feature 'ratio' has the value 'red'.*inference\.py"):
        loaded.matrix(np.array([["200", "red", "40"]], object))


def test_missing_cells_are_missing_numbers(mounted, model):
    found = mounted(archive(model)).matrix(np.array([["1", None, "NaN"]], object))
    assert np.isnan(found).tolist() == [[False, True, True]]


def links(tar: tarfile.TarFile) -> None:
    link = tarfile.TarInfo("model.joblib")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    tar.addfile(link)


@pytest.mark.parametrize(
    "fill",
    [
        pytest.param(lambda tar: add(tar, "../outside.joblib", b"x"), id="a path that leaves"),
        pytest.param(links, id="a link that leaves"),
    ],
)
def test_an_archive_that_leaves_its_folder_is_refused(mounted, tmp_path, fill):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        fill(tar)
    with pytest.raises(ModelError, match="is refused"):
        mounted(out.getvalue())
    assert not (tmp_path / "outside.joblib").exists()


def test_files_that_are_mounted_unpacked_are_loaded_as_they_lie(mounted, model):
    out = io.BytesIO()
    import joblib  # noqa: PLC0415 - beside its only use

    joblib.dump(model, out)
    loaded = mounted(out.getvalue(), "model.joblib")
    assert loaded.predict(rows(2)).shape == (2, 1)


def test_another_number_of_features_is_told_before_anything_is_asked(tmp_path, model):
    (tmp_path / "model.tar.gz").write_bytes(archive(model))
    with pytest.raises(ModelError, match="takes 3 features, but 2 are declared: amount, ratio"):
        load(tmp_path, FEATURES[:2], tmp_path / "scratch")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param("0.1\n0.2\n", [[0.1], [0.2]], id="a line a row"),
        pytest.param("0.1,0.9\n0.2,0.8\n", [[0.1, 0.9], [0.2, 0.8]], id="several outputs"),
        pytest.param("0.1,0.2", [[0.1], [0.2]], id="one line"),
        pytest.param(b"[[0.1], [0.2]]", [[0.1], [0.2]], id="JSON"),
        pytest.param((BY_PATH, "application/json"), [[0.1], [0.2]], id="by path"),
        pytest.param(np.array([0.1, 0.2]), [[0.1], [0.2]], id="an array"),
    ],
)  # fmt: skip
def test_answers_are_read_however_a_container_gives_them(answer, told):
    selection = SELECTION if isinstance(answer, tuple) else JsonPayloads()
    assert outputs(answer, 2, selection).tolist() == told


@pytest.mark.parametrize("answer", ["0.1\n", "yes\nno\n", "nan\n0.1\n", '{"a": {"b": 1}}', None])
def test_an_answer_that_is_no_row_of_numbers_for_each_row_is_an_error(answer):
    with pytest.raises(ModelError):
        outputs(answer, 2, JsonPayloads())


def test_waits_double_while_the_endpoint_throttles_and_every_try_counts():
    waits: list[float] = []

    def refuse(body: bytes, **about: str) -> bytes:
        raise live.ThrottledError("slow down")

    endpoint = live.Live(refuse, ModelSource(source="endpoint", max_requests=100), "test", wait=waits.append)
    with pytest.raises(BudgetError, match="throttled 6 times"):
        endpoint.predict(np.array([["1"]], object))
    assert (waits, endpoint.sent) == ([0.25, 0.5, 1.0, 2.0, 4.0, 8.0], 6)


def test_a_request_has_no_more_rows_and_bytes_than_allowed():
    bodies: list[bytes] = []

    def answer(body: bytes, **about: str) -> bytes:
        bodies.append(body)
        return b"1\n" * body.count(b"\n")

    endpoint = live.Live(answer, ModelSource(source="endpoint", rows_per_request=1000), "test")
    wide = np.array([["x" * 30_000]] * 300, object)
    assert endpoint.predict(wide).shape == (300, 1)
    assert max(map(len, bodies)) <= live.BODY_BYTES
    endpoint.predict(np.array([["1"]] * 2500, object))
    assert [body.count(b"\n") for body in bodies[-3:]] == [1000, 1000, 500]


def test_an_image_without_a_caller_says_so():
    with pytest.raises(ModelError, match=r"no such\.module\.connect"):
        live.connect("loans", None, "no such.module")
