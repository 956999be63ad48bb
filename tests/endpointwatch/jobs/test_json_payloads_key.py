"""Where rows stand in captured JSON, under Model Monitor's own environment keys."""

from __future__ import annotations

import json

import pytest

SELECTION = {"input_rows": "instances", "output_rows": "predictions"}
RECORD = {
    "captureData": {
        "endpointInput": {"data": json.dumps({"instances": [{"a": 1}, {"a": 2}]}), "encoding": "JSON"},
        "endpointOutput": {"data": json.dumps({"predictions": [{"p": 0.5}, {"p": 0.7}]}), "encoding": "JSON"},
    },
    "eventMetadata": {"eventId": "1", "inferenceTime": "2026-11-01T14:00:00Z"},
    "eventVersion": "0",
}


def analysed(job, **environment):
    running = job()
    running.put("input/data/a.jsonl", json.dumps(RECORD))
    running.put("input/payloads.json", json.dumps(SELECTION))
    running.code = running.run_with(
        {
            "dataset_source": "/opt/ml/processing/input/data",
            "output_path": "/opt/ml/processing/output",
            "dataset_format": '{"sagemakerCaptureJson": {}}',
            **environment,
        }
    )
    return running


@pytest.mark.parametrize("value", [json.dumps(SELECTION), "/opt/ml/processing/input/payloads.json"])
def test_the_selection_is_json_or_the_path_of_a_file_with_it(job, value):
    done = analysed(job, json_payloads=value)
    assert done.code == 0, done.message
    features = done.document("statistics.json")["features"]
    assert [(f["name"], f["numerical_statistics"]["sum"]) for f in features] == [("p", 1.2), ("a", 3.0)]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ('{"input_rows": ', "it must be JSON"),
        ("/nowhere.json", "or the path of a file"),
        ('{"input_rowz": "x"}', "json_payloads in the environment is wrong"),
        ('{"input_rows": "a["}', "no JMESPath expression"),
    ],
)
def test_a_selection_that_cannot_be_read_is_refused(job, value, says):
    done = analysed(job, json_payloads=value)
    assert done.code == 255
    assert says in done.message
