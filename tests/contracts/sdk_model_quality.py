"""What a user of the SageMaker Python SDK (v3) writes to baseline a model's quality; run by ``sdk_program.py``."""

from __future__ import annotations

from typing import Any

from sagemaker.core.model_monitor import Constraints, DatasetFormat, ModelQualityMonitor, Statistics
from sdk_session import monitor_arguments


def answer(dataset: str, output_s3_uri: str) -> dict[str, Any]:
    """The job, and statistics and constraints as the SDK's own classes read them."""
    monitor = ModelQualityMonitor(**monitor_arguments())
    monitor.suggest_baseline(
        baseline_dataset=dataset,
        dataset_format=DatasetFormat.csv(header=True),
        problem_type="BinaryClassification",
        probability_attribute="probability",
        ground_truth_attribute="label",
        probability_threshold_attribute="0.6",
        output_s3_uri=output_s3_uri,
        wait=True,
        logs=True,
    )
    job = monitor.latest_baselining_job
    statistics, constraints = job.baseline_statistics(), job.suggested_constraints()
    if not isinstance(statistics, Statistics) or not isinstance(constraints, Constraints):
        raise TypeError(f"the SDK read {type(statistics)} and {type(constraints)}")
    return {
        "job": monitor.latest_baselining_job_name,
        "image": monitor.image_uri,
        "statistics": statistics.body_dict,
        "constraints": constraints.body_dict,
        "status": job.describe()["ProcessingJobStatus"],
        "exit_message": job.describe().get("ExitMessage"),
        "environment": job.describe()["Environment"],
    }
