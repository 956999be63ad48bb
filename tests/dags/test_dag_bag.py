"""The DAGs that Airflow sees, from the endpoints' YAML files."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.client
import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import CronDataIntervalTimetable
from airflow.serialization.serialized_objects import DagSerialization

from airflow_environment import REPOSITORY
from endpointwatch.config.replay import Changes
from endpointwatch_airflow import endpoints as module
from endpointwatch_airflow.operators.replay import changes_of

EXAMPLE: dict[str, Any] = yaml.safe_load(
    textwrap.dedent("""
    name: loans
    description: Loan applications.
    owner: credit
    tags: [finance]
    aws: {region: us-east-1, role_arn: "arn:aws:iam::123456789012:role/EndpointWatch"}
    results_uri: s3://bucket/results
    capture: {destination_uri: s3://bucket/capture}
    schedule: {cron: "0 * * * *", start_date: 2026-03-01}
    job: {image_uri: "123456789012.dkr.ecr.us-east-1.amazonaws.com/analyzer:1"}
    monitors: [{kind: data_quality}]
    decision: {violations: 2, windows: 3, action: retrain}
    training:
      image_uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/sklearn:1
      initial_dataset_uri: s3://bucket/initial.csv
      artifacts_uri: s3://bucket/artifacts
      ground_truth_uri: s3://bucket/truth
      features: [a, b]
      label: y
      model_package_group: loans
    """)
)


def write(folder: Path, name: str, **changes: Any) -> None:
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({**EXAMPLE, "name": name, **changes}))


@pytest.fixture
def endpoints(tmp_path, monkeypatch):
    monkeypatch.setenv("ENDPOINTWATCH_ENDPOINTS_DIR", str(tmp_path))
    write(tmp_path, "loans")
    write(tmp_path, "cards", training=None, decision={"violations": 1, "windows": 1, "action": "notify"})
    return tmp_path


def bag() -> DagBag:
    return DagBag(dag_folder=str(REPOSITORY / "dags"))


def test_every_endpoint_has_its_dags_and_nothing_fails_to_import(endpoints):
    found = bag()
    assert found.import_errors == {}
    assert set(found.dags) == {
        "loans__onboard", "loans__monitor", "loans__retrain", "loans__replay", "loans__rollback", "loans__redeploy",
        "loans__health", "cards__onboard", "cards__monitor", "cards__replay", "cards__rollback", "cards__redeploy",
        "cards__health",
    }  # fmt: skip


def test_the_project_s_own_endpoints_load(monkeypatch):
    monkeypatch.delenv("ENDPOINTWATCH_ENDPOINTS_DIR", raising=False)
    assert bag().import_errors == {}


def test_a_misspelt_key_is_one_import_error_with_file_key_and_remedy_and_all_others_load(endpoints):
    broken = {**EXAMPLE, "name": "broken", "descripton": "?"}
    (endpoints / "broken.yaml").write_text(yaml.safe_dump(broken))
    found = bag()
    ((file, error),) = found.import_errors.items()
    assert Path(file).name == "configuration.py"
    assert "broken.yaml" in error
    assert "descripton" in error
    assert "Did you mean 'description'?" in error
    assert set(found.dags) == {
        "loans__onboard", "loans__monitor", "loans__retrain", "loans__replay", "loans__rollback", "loans__redeploy",
        "loans__health", "cards__onboard", "cards__monitor", "cards__replay", "cards__rollback", "cards__redeploy",
        "cards__health",
    }  # fmt: skip


def test_a_missing_folder_is_one_import_error(monkeypatch, tmp_path):
    monkeypatch.setenv("ENDPOINTWATCH_ENDPOINTS_DIR", str(tmp_path / "nowhere"))
    found = bag()
    assert [Path(file).name for file in found.import_errors] == ["configuration.py"]
    assert not found.dags


def test_a_monitor_dag_gives_every_run_a_window(endpoints):
    dag = bag().dags["loans__monitor"]
    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert dag.catchup is False
    assert dag.start_date.isoformat() == "2026-03-01T00:00:00+00:00"
    assert set(dag.params) == {"window_start", "window_end"}
    assert set(dag.task_dict) == {
        "wait_for_capture", "run_monitors", "stop_job", "judge", "healthy", "decide", "retrain", "notify", "nothing",
    }  # fmt: skip
    assert dag.task_dict["run_monitors"].retries > 0


def test_the_replay_form_asks_for_every_setting_that_can_be_changed_and_starts_with_none(endpoints):
    dag = bag().dags["loans__replay"]
    assert set(dag.params) == {"last_windows", "window", "baseline_uri", *Changes.model_fields}
    assert changes_of(dag.params.dump()) == Changes()
    assert set(dag.task_dict) == {"replay"}
    assert not dag.timetable.can_be_scheduled


QUALITY = {"kind": "model_quality", "problem_type": "BinaryClassification", "probability_attribute": "0"}
LATE_LABELS = {"monitors": [{"kind": "data_quality"}, QUALITY], "ground_truth": {"uri": "s3://bucket/truth"}}


def test_an_endpoint_with_labels_and_a_monitor_that_needs_them_judges_windows_again(endpoints):
    truth = {"uri": "s3://bucket/truth", "schedule": "5 */6 * * *"}
    write(endpoints, "loans", monitors=[{"kind": "data_quality"}, QUALITY], ground_truth=truth)
    write(endpoints, "cards", ground_truth=truth)
    found = bag()
    assert found.import_errors == {}
    assert [name for name in found.dags if name.endswith("__labels")] == ["loans__labels"]
    dag = found.dags["loans__labels"]
    assert set(dag.task_dict) == {
        "find_windows", "judge_again", "stop_jobs", "judged", "decide", "retrain", "notify", "nothing",
    }  # fmt: skip
    assert dag.timetable.expression == "5 */6 * * *"
    assert dag.max_active_runs == 1
    assert not re.findall(r"\{\w+\}", dag.doc_md or "")
    assert DagSerialization.to_dict(dag)


def test_an_endpoint_without_training_has_nothing_to_retrain(endpoints):
    assert "retrain" not in bag().dags["cards__monitor"].task_dict


def test_the_onboard_dag_follows_the_event_that_the_retrain_dag_emits(endpoints):
    dags = bag().dags
    awaited = {asset.uri for asset in dags["loans__onboard"].timetable.asset_condition.objects}
    emitted = {asset.uri for task in dags["loans__retrain"].tasks for asset in task.outlets}
    assert awaited == emitted == {"x-endpointwatch://loans/deployment"}


@pytest.mark.parametrize("how", ["rollback", "redeploy"])
def test_the_dags_that_bring_a_version_back_ask_which_and_why_and_emit_the_event(endpoints, how):
    dag = bag().dags[f"loans__{how}"]
    assert set(dag.params) == {"version", "reason", "instead_of", "dry_run"}
    assert set(dag.task_dict) == {"choose_version", "serve_version", "record_deployment"}
    assert {asset.uri for task in dag.tasks for asset in task.outlets} == {"x-endpointwatch://loans/deployment"}
    assert dag.max_active_runs == 1


def test_the_monitor_dag_starts_the_retrain_dag_that_is_there(endpoints):
    dags = bag().dags
    retrain: Any = dags["loans__monitor"].task_dict["retrain"]
    assert retrain.trigger_dag_id in dags
    assert retrain.skip_when_already_exists is True


def test_every_dag_explains_itself_and_its_tasks(endpoints):
    for dag in bag().dags.values():
        assert {"endpointwatch", dag.dag_id.split("__")[1], dag.dag_id.split("__")[0], "finance"} <= set(dag.tags)
        assert dag.description
        assert dag.doc_md
        assert not re.findall(r"\{\w+\}", dag.doc_md), "a placeholder of the text was left open"
        assert all(task.owner == "credit" for task in dag.tasks)
        for task in dag.tasks:
            if task.task_id != "healthy":
                assert f"`{task.task_id}`" in dag.doc_md or task.task_id in ("nothing", "keep_champion")


def test_parsing_twice_gives_the_same_serialised_dags(endpoints):
    first, second = ({key: DagSerialization.to_dict(dag) for key, dag in bag().dags.items()} for _ in range(2))
    assert first == second


def test_a_task_start_reads_only_its_own_endpoint(endpoints, monkeypatch):
    monkeypatch.setattr(module, "get_parsing_context", lambda: SimpleNamespace(dag_id="loans__monitor"))
    monkeypatch.setattr(module, "load_all", lambda folder: pytest.fail("read the whole folder"))
    assert set(DagBag(dag_folder=str(REPOSITORY / "dags" / "monitor.py")).dags) == {"loans__monitor"}


def test_an_endpoint_whose_file_has_another_name_is_found_at_task_start(endpoints, monkeypatch):
    (endpoints / "loans.yaml").rename(endpoints / "a.yaml")
    monkeypatch.setattr(module, "get_parsing_context", lambda: SimpleNamespace(dag_id="loans__monitor"))
    assert [endpoint.name for endpoint in module.declared("monitor")] == ["loans"]
    assert list(module.declared("onboard")) == []


def test_parsing_calls_neither_aws_nor_imports_the_sagemaker_sdk(endpoints, monkeypatch):
    monkeypatch.setattr(
        botocore.client.BaseClient, "_make_api_call", lambda *_: pytest.fail("an AWS call while parsing")
    )
    bag()
    assert "sagemaker" not in sys.modules


def test_the_health_dag_listens_to_the_alarms_queue_and_sweeps_besides(endpoints):
    dag = bag().dags["loans__health"]
    (asset,) = dag.timetable.asset_condition.objects
    (watcher,) = asset.watchers
    assert watcher.trigger.serialize()[1]["queue_name"] == "endpointwatch-loans"
    assert dag.timetable.timetable.expression == "*/10 * * * *"
    assert dag.max_active_runs == 1
    assert set(dag.task_dict) == {"answer", "notify", "scale", "rollback", "record"}
    assert dag.params["dry_run"] is False


def test_every_action_that_an_endpoint_declares_has_its_task_and_only_those(endpoints):
    metrics = {
        "errors_5xx": {"actions": ["pause", "run_dag"], "run_dag": {"dag_id": "own"}},
        "model_latency": {"actions": []},
    }
    write(endpoints, "loans", alarms={"metrics": metrics}, remediation={"dry_run": True})
    write(endpoints, "cards", training=None, decision={"action": "notify"}, alarms={"enabled": False})
    found = bag()
    assert found.import_errors == {}
    assert set(found.dags["loans__health"].task_dict) == {"answer", "notify", "pause", "run_dag", "record"}
    assert "as the file says" in found.dags["loans__health"].doc_md
    assert "unless_paused" in found.dags["loans__monitor"].task_dict
    assert "unless_paused" not in found.dags["cards__monitor"].task_dict
    assert "cards__health" not in found.dags


def test_an_alarm_that_calls_for_another_version_starts_the_dag_of_that_name(endpoints):
    write(endpoints, "loans", alarms={"metrics": {"errors_5xx": {"actions": ["scale", "rollback", "redeploy"]}}})
    dag = bag().dags["loans__health"]
    for action in ("rollback", "redeploy"):
        assert dag.task_dict[action].trigger_dag_id == f"loans__{action}"
        assert dag.task_dict[action].skip_when_already_exists is True


def test_a_monitor_dag_with_probation_returns_to_the_version_before(endpoints):
    write(endpoints, "loans", deployment={"probation": {"windows": 2}})
    found = bag()
    assert found.import_errors == {}
    dag: Any = found.dags["loans__monitor"]
    assert {"probation", "return_to_previous", "version_stays"} <= set(dag.task_dict)
    assert dag.task_dict["return_to_previous"].trigger_dag_id in found.dags
    assert all(f"`{task}`" in dag.doc_md for task in ("probation", "return_to_previous", "version_stays"))
    assert DagSerialization.to_dict(dag)


def test_the_actions_that_rules_ask_for_have_their_tasks_in_every_dag_that_decides_and_only_those(endpoints):
    rules = [{"name": name, "action": name} for name in ("rollback", "scale", "pause")]
    write(endpoints, "loans", decision={"rules": rules}, **LATE_LABELS)
    write(endpoints, "cards", training=None, decision={"action": "notify"})
    found = bag()
    assert found.import_errors == {}
    for pipeline in ("monitor", "labels"):
        dag: Any = found.dags[f"loans__{pipeline}"]
        assert {"rollback", "scale", "pause", "notify", "nothing", "record"} <= set(dag.task_dict)
        assert "retrain" not in dag.task_dict
        assert dag.task_dict["rollback"].trigger_dag_id in found.dags
        assert dag.task_dict["record"].upstream_task_ids == {"decide", "rollback", "scale", "pause"}
        assert all(f"| `{task}` |" in dag.doc_md for task in ("rollback", "scale", "pause", "record"))
    assert "unless_paused" in found.dags["loans__monitor"].task_dict
    assert not {"rollback", "scale", "pause", "record"} & set(found.dags["cards__monitor"].task_dict)


def test_late_verdicts_can_fail_a_probation(endpoints):
    write(endpoints, "loans", deployment={"probation": {"windows": 2}}, **LATE_LABELS)
    dag: Any = bag().dags["loans__labels"]
    assert dag.task_dict["probation"].upstream_task_ids == {"judge_again"}
    assert dag.task_dict["probation"].downstream_task_ids == {"return_to_previous", "version_stays"}


def test_a_retrain_dag_with_a_shadow_tries_the_version_out_before_it_is_deployed(endpoints):
    write(endpoints, "loans", deployment={"shadow": {"seconds": 60}})
    dag: Any = bag().dags["loans__retrain"]
    assert dag.task_dict["shadow"].upstream_task_ids == {"register"}
    assert "shadow" in dag.task_dict["deploy"].upstream_task_ids
    assert "`shadow`" in dag.doc_md
