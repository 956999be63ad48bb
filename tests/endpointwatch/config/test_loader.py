from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from endpointwatch.config.loader import load, load_all
from endpointwatch.config.schema import main, schema
from endpointwatch.errors import ConfigError

GOOD = """\
name: {name}
aws:
  role_arn: arn:aws:iam::123456789012:role/EndpointWatch
results_uri: s3://endpointwatch/results/
capture:
  destination_uri: s3://endpointwatch/capture/
schedule:
  start_date: 2026-11-01
job:
  image_uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/endpointwatch-analyzer:0.1.0
monitors:
  - kind: data_quality
    distribution_constraints:
      comparison_threshold: 0.2
decision:
  action: notify
"""
SCHEMA_FILE = Path(__file__).parents[3] / "include" / "endpoints" / "endpoint.schema.json"


def written(folder: Path, file: str, text: str) -> Path:
    path = folder / file
    path.write_text(text, encoding="utf-8")
    return path


def test_a_correct_file_becomes_a_frozen_model_without_trailing_slashes(tmp_path):
    endpoint = load(written(tmp_path, "a.yaml", GOOD.format(name="loans")))
    assert endpoint.name == "loans"
    assert endpoint.results_uri == "s3://endpointwatch/results"
    assert endpoint.capture.destination_uri == "s3://endpointwatch/capture"
    assert endpoint.monitors[0].distribution_constraints.comparison_threshold == 0.2
    with pytest.raises(ValueError, match="frozen"):
        endpoint.name = "other"


@pytest.mark.parametrize(
    ("right", "wrong", "line", "key", "hint"),
    [
        ("results_uri:", "result_uri:", 4, "result_uri", "Did you mean 'results_uri'?"),
        (
            "comparison_threshold",
            "comparision_threshold",
            14,
            "monitors.0.distribution_constraints.comparision_threshold",
            "Did you mean 'comparison_threshold'?",
        ),
        ("kind: data_quality", "kind: data_qualty", 12, "monitors.0.kind", "Did you mean 'data_quality'?"),
        ("destination_uri", "destnation_uri", 6, "capture.destnation_uri", "Did you mean 'destination_uri'?"),
    ],
)
def test_a_misspelt_word_is_answered_with_file_line_key_and_the_nearest_valid_one(
    tmp_path, right, wrong, line, key, hint
):
    path = written(tmp_path, "bad.yaml", GOOD.format(name="loans").replace(right, wrong))
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert f"{path}:{line}: {key}: " in str(caught.value)
    assert hint in str(caught.value)


def test_a_key_that_has_moved_is_answered_with_where_to_write_it_now(tmp_path):
    text = GOOD.format(name="loans") + "deployment:\n  rollback_alarms:\n    metrics: []\n"
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, "bad.yaml", text))
    assert "bad.yaml:19: deployment.rollback_alarms.metrics: there is no such key any more. " in str(caught.value)
    assert "under `alarms.metrics`" in str(caught.value)


def test_every_fault_of_a_file_is_told_at_once(tmp_path):
    text = GOOD.format(name="loans").replace("results_uri", "result_uri").replace("0.2", "2")
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, "bad.yaml", text))
    message = str(caught.value)
    assert "result_uri: there is no such key" in message
    assert "results_uri: this key is required and missing" in message
    assert "comparison_threshold: Input should be less than or equal to 1 (it says 2)" in message


def test_a_rule_that_can_never_be_met_is_refused_in_its_own_words(tmp_path):
    text = GOOD.format(name="loans") + "  violations: 4\n  windows: 3\n"
    with pytest.raises(ConfigError, match=r"decision: violations \(4\) can never be reached in 3 windows\."):
        load(written(tmp_path, "bad.yaml", text))


def test_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path):
    text = GOOD.format(name="loans") + "results_uri: s3://elsewhere/x\n"
    with pytest.raises(ConfigError, match=r"bad\.yaml:17: results_uri: stands here a second time, first in line 4"):
        load(written(tmp_path, "bad.yaml", text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: [unclosed", "is not valid YAML"),
        ("- a\n- b\n", "must be a mapping"),
        ("", "must be a mapping"),
        ("name: !!python/object/apply:os.system ['true']\n", "is not valid YAML"),
    ],
)
def test_what_is_no_endpoint_at_all_is_refused_with_the_files_name(tmp_path, text, says):
    path = written(tmp_path, "bad.yaml", text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_one_bad_file_leaves_all_others_usable(tmp_path):
    written(tmp_path, "b.yaml", GOOD.format(name="second"))
    written(tmp_path, "a.yml", GOOD.format(name="first"))
    bad = written(tmp_path, "c.yaml", GOOD.format(name="third").replace("capture:", "captur:"))
    written(tmp_path, "notes.txt", "not an endpoint")
    endpoints = load_all(tmp_path)
    assert [endpoint.name for endpoint in endpoints] == ["first", "second"]
    assert len(endpoints.faults) == 1
    assert str(bad) in str(endpoints.faults[0])
    with pytest.raises(ConfigError, match="captur"):
        endpoints.require_all()


def test_a_name_declared_twice_is_a_fault_of_the_later_file(tmp_path):
    written(tmp_path, "a.yaml", GOOD.format(name="loans"))
    later = written(tmp_path, "b.yaml", GOOD.format(name="loans"))
    endpoints = load_all(tmp_path)
    assert [endpoint.name for endpoint in endpoints] == ["loans"]
    assert str(endpoints.faults[0]).startswith(f"{later}: name: the endpoint 'loans' is already declared in a.yaml")


def test_a_missing_folder_is_an_error_that_says_so(tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        load_all(tmp_path / "nowhere")


def test_a_fault_survives_pickling(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, "bad.yaml", "name: x\n"))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 (our own bytes)


def test_the_exported_schema_is_current():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema(), (
        "run: PYTHONPATH=include python -m endpointwatch.config.schema --output include/endpoints/endpoint.schema.json"
    )


def test_the_schema_command_writes_the_file_it_is_told_to(tmp_path):
    assert main(["--output", str(tmp_path / "schema.json")]) == 0
    assert "monitors" in json.loads((tmp_path / "schema.json").read_text(encoding="utf-8"))["properties"]
