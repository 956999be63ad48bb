"""The monitoring job of a window: its captures and labels merged, and binary model quality judged on them."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datetime import timedelta

from captures import FIRST, SPAN
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window
from endpointwatch.jobs import environment
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.plan import MonitorPlan
from harness.inside import Work, tell

ENDPOINT = {
    "name": "loans",
    "aws": {"role_arn": "arn:aws:iam::123456789012:role/EndpointWatch"},
    "results_uri": "s3://bucket/results",
    "capture": {"destination_uri": "s3://bucket/capture"},
    "schedule": {"start_date": "2026-11-01"},
    "job": {"image_uri": "analyzer"},
    "ground_truth": {"uri": "s3://bucket/truth"},
    "decision": {"action": "notify"},
}
MONITOR = {
    "kind": "model_quality",
    "problem_type": "BinaryClassification",
    "probability_attribute": "0",
    "emit_metrics": "Disabled",
    # The peers do not estimate performance before labels come.
    "estimate": "Disabled",
}


def main() -> None:
    data = Path(sys.argv[1])
    endpoint = Endpoint.model_validate({**ENDPOINT, "monitors": [MONITOR]})
    window = Window(start=FIRST, end=FIRST + SPAN + timedelta(hours=1))
    plan = MonitorPlan(endpoint=endpoint, window=window, monitors=("model_quality",), model_version="v1")
    with tempfile.TemporaryDirectory(dir=data.parent) as place:
        inputs = Path(place) / "processing" / "input"
        (inputs / "plan").mkdir(parents=True)
        (inputs / "capture").symlink_to(data / "captures")
        (inputs / "ground_truth").symlink_to(data / "ground_truth")
        (inputs / "plan" / "plan.json").write_text(plan.to_json())
        container = Container(Path(place), {"job_plan": "/opt/ml/processing/input/plan/plan.json"})
        with Work() as work:
            environment.run(container)
        output = Path(place) / "processing" / "output"
        statistics = json.loads((output / "model_quality" / window.path / "statistics.json").read_bytes())
        merged = json.loads((output / "merge" / window.path / "merge.json").read_bytes())
    metrics = statistics["binary_classification_metrics"]
    scalars = {name: metrics[name]["value"] for name in ("accuracy", "recall", "precision", "f1", "auc")}
    tell(work, matched=merged["captures"]["matched"], **scalars)


if __name__ == "__main__":
    main()
