"""The alarms of an endpoint: those that exist without a word, changes to them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from endpointwatch.config.alarm_defaults import DEFAULTS
from endpointwatch.config.alarms import Alarms, in_rule, rule_names
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.loader import load
from endpointwatch.errors import ConfigError

ENDPOINT = {
    "name": "loans",
    "aws": {"role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
    "results_uri": "s3://bucket/results",
    "capture": {"destination_uri": "s3://bucket/capture"},
    "schedule": {"start_date": "2026-03-01"},
    "job": {"image_uri": "image"},
    "monitors": [{"kind": "data_quality"}],
    "decision": {"action": "notify"},
}


@pytest.fixture
def fault(tmp_path):
    def of(**sections: object) -> str:
        file: Path = tmp_path / "loans.yaml"
        file.write_text(yaml.safe_dump({**ENDPOINT, **sections}))
        with pytest.raises(ConfigError) as caught:
            load(file)
        return str(caught.value)

    return of


def test_without_a_word_the_four_default_alarms_exist():
    declared = Endpoint.model_validate(ENDPOINT).alarms.declared
    assert list(declared) == list(DEFAULTS) == ["model_latency", "errors_5xx", "disk_utilization", "no_invocations"]
    latency = declared["model_latency"]
    assert (latency.statistic, latency.threshold, latency.actions) == ("p95", 5_000_000, ("notify",))
    assert declared["disk_utilization"].threshold == 75
    assert declared["errors_5xx"].actions[:2] == ("notify", "scale")
    assert declared["no_invocations"].missing_data == "breaching"


def test_a_default_is_changed_by_the_keys_that_differ_and_keeps_the_rest():
    declared = Alarms.model_validate({"metrics": {"model_latency": {"threshold": 2e6}}}).declared
    assert declared["model_latency"].threshold == 2e6
    assert declared["model_latency"].statistic == "p95"
    assert list(declared) == list(DEFAULTS)


@pytest.mark.parametrize("name", DEFAULTS)
def test_each_default_can_be_switched_off_by_name(name):
    declared = Alarms.model_validate({"metrics": {name: {"enabled": False}}}).declared
    assert set(declared) == set(DEFAULTS) - {name}


def test_all_can_be_switched_off_at_once():
    assert Alarms.model_validate({"enabled": False}).declared == {}


def test_an_own_alarm_on_a_monitors_metric_stands_beside_the_defaults():
    own = {"metric": "feature_baseline_drift_age", "monitor": "data_quality", "threshold": 0.3}
    endpoint = Endpoint.model_validate({**ENDPOINT, "alarms": {"metrics": {"drift_of_age": own}}})
    assert set(endpoint.alarms.declared) == {*DEFAULTS, "drift_of_age"}


@pytest.mark.parametrize(
    ("sections", "place", "said"),
    [
        ({"alarms": {"metrics": {"model_latency": {"treshold": 1}}}}, "alarms.metrics.model_latency.treshold",
         "Did you mean 'threshold'?"),
        ({"alarms": {"metrics": {"mine": {"metric": "m"}}}}, "alarms.metrics.mine.threshold", "required and missing"),
        ({"alarms": {"metrics": {"model_latency": {"statistic": "p950"}}}}, "alarms.metrics.model_latency.statistic",
         "p950"),
        ({"alarms": {"metrics": {"model_latency": {"datapoints": 9}}}}, "alarms.metrics.model_latency",
         "never be reached in 5 periods"),
        ({"alarms": {"metrics": {"model_latency": {"period_seconds": 45}}}}, "alarms.metrics.model_latency",
         "10, 30 or a multiple of 60"),
        ({"alarms": {"metrics": {"model_latency": {"period_seconds": 600, "periods": 200}}}},
         "alarms.metrics.model_latency", "24 h"),
        ({"alarms": {"metrics": {"errors_5xx": {"actions": ["scael"]}}}}, "alarms.metrics.errors_5xx.actions.0",
         "Did you mean 'scale'?"),
        ({"alarms": {"metrics": {"errors_5xx": {"actions": ["run_dag"]}}}}, "alarms.metrics.errors_5xx",
         "no `run_dag` section"),
        ({"alarms": {"metrics": {"errors_5xx": {"actions": ["scale", "scale"]}}}}, "alarms.metrics.errors_5xx.actions",
         "more than once"),
        ({"alarms": {"metrics": {"errors_5xx": {"scaling": {"maximum_instances": 1, "minimum_instances": 2}}}}},
         "alarms.metrics.errors_5xx.scaling", "below minimum_instances"),
        ({"alarms": {"composites": {"down": {"rule": "ALARM(errors_5x)"}}}}, "alarms",
         "Did you mean 'errors_5xx'?"),
        ({"alarms": {"composites": {"down": {"rule": "errors_5xx"}}}}, "alarms.composites.down.rule",
         "not understood"),
        ({"alarms": {"composites": {"errors_5xx": {"rule": "ALARM(model_latency)"}}}}, "alarms", "rename one"),
        ({"alarms": {"metrics": {"Bad Name": {"metric": "m", "threshold": 1}}}}, "alarms", "no name for an alarm"),
        ({"alarms": {"metrics": {"auc": {"metric": "auc", "threshold": 1, "monitor": "model_quality"}}}},
         "alarms.metrics.auc.monitor", "publishes no metrics"),
        ({"remediation": {"cooldown_minutes": 5}}, "remediation", "at least escalate_after_minutes"),
        ({"remediation": {"dryrun": True}}, "remediation.dryrun", "Did you mean 'dry_run'?"),
    ],
)  # fmt: skip
def test_a_fault_names_its_file_its_key_and_a_remedy(fault, sections, place, said):
    text = fault(**sections)
    assert "loans.yaml" in text
    assert place in text
    assert said in text


def test_a_rule_gets_full_names_and_keeps_its_form():
    rule = "ALARM(a) AND NOT (OK(b) OR INSUFFICIENT_DATA( a ))"
    assert rule_names(rule) == ("a", "b")
    full = in_rule(rule, {"a": "x/a", "b": "x/b"})
    assert full == 'ALARM("x/a") AND NOT ( OK("x/b") OR INSUFFICIENT_DATA("x/a"))'
