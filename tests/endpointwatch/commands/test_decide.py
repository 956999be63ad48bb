from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import yaml

from endpointwatch.commands.decide import main
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window
from endpointwatch.decisions import ActionRecord, Decision
from endpointwatch.reports.deployment import Deployment
from endpointwatch.reports.files import write_text
from endpointwatch.reports.verdict import Verdict, Violation

FIRST = Window.of(datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 11, tzinfo=UTC))
DRIFT = Violation(feature_name="hrat", constraint_check_type="baseline_drift_check", description="d")


@pytest.fixture
def results(tmp_path):
    """Five hours, the last three of them with violations; the second of these by a schema that changed too."""
    for step, status in enumerate(["OK", "OK", "VIOLATIONS", "SCHEMA_CHANGED", "VIOLATIONS", "VIOLATIONS"]):
        window = FIRST.shifted(step)
        found = (DRIFT,) if status == "VIOLATIONS" else ()
        told = Verdict(
            endpoint="loans", monitor="data_quality", window=window, status=status, model_version="v1", violations=found
        )  # fmt: skip
        write_text(tmp_path / "results" / "data_quality" / window.path / "verdict.json", told.to_json())
    return tmp_path / "results"


@pytest.fixture
def decide(tmp_path, results, capsys):
    def run(*arguments, code=0, **decision):
        document = {
            "name": "loans",
            "aws": {"role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
            "results_uri": "s3://bucket/results",
            "capture": {"destination_uri": "s3://bucket/capture"},
            "schedule": {"start_date": "2026-03-01"},
            "job": {"image_uri": "i"},
            "monitors": [{"kind": "data_quality"}],
            "decision": decision or {"violations": 2, "windows": 3},
            "training": {
                "image_uri": "i", "initial_dataset_uri": "s3://bucket/i.csv", "artifacts_uri": "s3://bucket/a",
                "ground_truth_uri": "s3://bucket/t", "features": ["a"], "label": "y", "model_package_group": "loans",
            },
        }  # fmt: skip
        file = tmp_path / "loans.yaml"
        file.write_text(yaml.safe_dump(document))
        assert main([*arguments, "--endpoint", str(file), "--results", str(results)]) == code
        return capsys.readouterr()

    return run


def test_an_explanation_shows_the_verdicts_the_rule_that_fired_those_that_did_not_and_the_guards(decide):
    page = decide("--explain").out
    assert "2026-03-01T13:00:00Z/2026-03-01T14:00:00Z  data_quality  SCHEMA_CHANGED  yes" in page
    assert "drift           retrain, 2 of 3  yes    2 of the last 3 windows of v1 had violations" in page
    assert "broken_data     notify, 1 of 1   no     0 of the last 1 windows of v1 were" in page
    assert "cooldown     no" in page
    assert page.endswith("meets the rule's 2: retrain.\n")


def test_one_window_is_explained_at_a_moment_of_its_own(decide):
    page = decide("--explain", "--window", "2026/03/01/13", "--now", "2026-03-20T00:00:00").out
    assert "Asked for: notify. Allowed at 2026-03-20 00:00 UTC: nothing." in page
    assert "longer than decision.act_within_hours = 48" in page
    assert (
        "Allowed at 2026-03-01 14:00 UTC: notify, data_owner is told."
        in decide("--explain", "--window", "2026/03/01/13").out
    )


def test_the_history_and_the_deployments_that_were_copied_along_are_asked(decide, results):
    record = ActionRecord(endpoint="loans", action="retrain", id="r", started_at=FIRST.start, model_version="v0")
    path = record.uri(Layout(str(results)))
    write_text(results.parent / path.removeprefix(f"{results.parent}/"), record.to_json())
    limits = {"violations": 2, "windows": 3, "cooldown_hours": 9}
    # Nobody wrote down how it ended, so it may have taken as long as a training may.
    assert "decision.cooldown_hours = 9 holds until 2026-03-01 20:00" in decide("--explain", **limits).out
    served = Deployment(endpoint="loans", model_version="v2", in_service_from=FIRST.end, endpoint_config="c")
    write_text(results / "deployments" / "x.json", served.to_json())
    assert "v1 was replaced by v2" in decide("--explain", **limits).out


def test_json_holds_the_decision_as_it_is_kept(decide):
    text = decide("--explain", "--json").out
    decision, end = json.JSONDecoder().raw_decode(text)
    assert Decision.from_json(json.dumps(decision)).action == "retrain"
    assert json.loads(text[end:])["allowed"] == "retrain"


def test_a_replay_under_another_policy_shows_what_would_have_happened(decide):
    assert (
        "6 windows, 4 decided on: 2 incidents, 1 retrainings (0.5 h), 1 alerts. Held back by: answered 1."
        in decide("--replay").out
    )
    page = decide("--replay", "--training-minutes", "45", violations=1, windows=1).out
    assert "1 retrainings (0.8 h)" in page
    assert "A retraining of 13:05 UTC has answered v1 today." in page
    assert json.loads(decide("--replay", "--json").out)["windows"] == 6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--explain", "--window", "2026/03/09/14"), "there is no verdict on it"),
        (("--explain", "--window", "yesterday"), "Write its folder's name"),
    ],
)
def test_what_is_not_there_is_said(decide, arguments, says):
    assert says in decide(*arguments, code=2).err


def test_verdicts_of_another_endpoint_or_none_at_all_are_refused(decide, results):
    window = FIRST.shifted(30)
    other = Verdict(endpoint="cards", monitor="data_quality", window=window, status="OK")
    write_text(results / "data_quality" / window.path / "verdict.json", other.to_json())
    assert "verdicts on cards, but the file is of loans" in decide("--replay", code=2).err
    (results / "data_quality").rename(results / "elsewhere")
    assert "holds none of data_quality" in decide("--replay", code=2).err


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert "examples:" in told
    assert "--replay --endpoint mine.yaml" in told
