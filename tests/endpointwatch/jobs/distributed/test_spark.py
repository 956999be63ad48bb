"""The job on a local Spark: the very script that runs on a cluster, and its files beside those of one process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.jobs.plan import MonitorPlan
from endpointwatch.states.file import read

pyspark = pytest.importorskip("pyspark", reason="PySpark is not installed")
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    pytest.skip("there is no Java on the path, and JAVA_HOME is not set", allow_module_level=True)
pytestmark = pytest.mark.spark

INCLUDE = Path(__file__).parents[4] / "include"
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
# `smspark-submit` of AWS's container calls it with `--master yarn --deploy-mode client`. What makes a short run short:
# nothing is listened to, and nothing is compiled that runs once.
LOCAL = (
    *("--master", "local[2]", "--deploy-mode", "client", "--driver-memory", "1g"),
    *("--driver-java-options", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"),
    *("--conf", "spark.ui.enabled=false", "--conf", "spark.sql.codegen.wholeStage=false"),
)


@pytest.fixture
def by_script(job, learnt, window, endpoint, everything, tmp_path):
    """A monitoring job's folder after ``spark-submit`` ran ``entry.py`` in it; the engine comes in a zip only."""

    def usual(monitoring, of: Endpoint):
        everything(monitoring.base / "processing/input/capture")
        for path, content in learnt(of).files().items():
            monitoring.put(f"baseline/{path}", content)

    def run(*arguments: str, of: Endpoint = endpoint, plan: MonitorPlan | None = None, fill=None):
        monitoring = job()
        usual(monitoring, of) if fill is None else fill(monitoring)
        plan = plan or MonitorPlan(endpoint=of, window=window, monitors=("data_quality",), model_version="loans-v1")
        monitoring.put("input/plan/plan.json", plan.to_json())
        environment = {"job_plan": "/opt/ml/processing/input/plan/plan.json"}
        (monitoring.base / "config/processingjobconfig.json").write_text(json.dumps({"Environment": environment}))
        archive = tmp_path / "endpointwatch.zip"
        with zipfile.ZipFile(archive, "w") as code:
            for path in sorted((INCLUDE / "endpointwatch").rglob("*.py")):
                code.write(path, path.relative_to(INCLUDE))
        entry = INCLUDE / "containers" / "spark" / "entry.py"
        ended = subprocess.run(
            [SUBMIT, *LOCAL, "--py-files", archive, entry, *arguments],
            env={
                **{name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ},
                "HOME": str(tmp_path),
                "PYSPARK_PYTHON": sys.executable,
                "SAGEMAKER_BASE_DIR": str(monitoring.base),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        return monitoring, ended

    return run


def test_the_script_leaves_the_files_of_a_job_on_one_machine(
    by_script, job, learnt, window, endpoint, everything, exactly
):
    spark, ended = by_script("--partition-bytes", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "7 partitions" in ended.stdout

    alone = job()
    everything(alone.base / "processing/input/capture")
    for path, content in learnt().files().items():
        alone.put(f"baseline/{path}", content)
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("data_quality",), model_version="loans-v1")
    assert alone.run(plan) == 0
    assert sorted(spark.files()) == sorted(alone.files())
    assert spark.message == alone.message
    folder = f"data_quality/{window.path}"
    for name in ("constraints.json", "constraint_violations.json"):
        assert spark.files()[f"{folder}/{name}"] == alone.files()[f"{folder}/{name}"]
    mine, its = spark.verdict, alone.verdict
    for key in ("status", "rows", "set_aside", "evidence", "baseline_id", "window"):
        assert mine[key] == its[key]
    one, other = (read(each.output / folder / "state.arrow") for each in (spark, alone))
    assert exactly(one) == exactly(other)


def test_a_monitor_that_needs_labels_gets_them_merged_on_the_cluster(by_script, job, window, endpoint, traffic):
    quality = {
        "kind": "model_quality",
        "problem_type": "BinaryClassification",
        "probability_attribute": "0",
        "thresholds": {"auc": 0.99},
    }
    document = {**endpoint.model_dump(mode="json"), "monitors": [quality], "ground_truth": {"uri": "s3://bucket/truth"}}
    watched = Endpoint.model_validate(document)
    plan = MonitorPlan(endpoint=watched, window=window, monitors=("model_quality",), model_version="loans-v1")
    truth = "".join(
        json.dumps(
            {
                "groundTruthData": {"data": str(number % 2), "encoding": "CSV"},
                "eventMetadata": {"eventId": f"event-{number}"},
            }
        )
        + "\n"
        for number in range(0, 330, 3)
    )

    def filled(one):
        one.put(f"input/capture/{traffic.path}", "".join(f"{line}\n" for line in traffic.lines(300)))
        one.put("input/ground_truth/2026/11/01/15/labels.jsonl", truth)

    spark, ended = by_script(of=watched, plan=plan, fill=filled)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "merging on Spark" in ended.stdout
    alone = job()
    filled(alone)
    assert alone.run(plan) == 0
    assert spark.files() == alone.files()
    assert f"merge/{window.path}/records/merged-00000.jsonl" in spark.files()
