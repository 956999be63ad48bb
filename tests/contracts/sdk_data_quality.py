"""What a user of the SageMaker Python SDK (v3) writes to learn a baseline; run by ``sdk_program.py``."""

from __future__ import annotations

from typing import Any

from sagemaker.core.model_monitor import DatasetFormat, DefaultModelMonitor
from sdk_session import monitor_arguments


def answer(dataset: str, output_s3_uri: str) -> dict[str, Any]:
    """The job, and statistics and constraints as the SDK's own classes read them."""
    monitor = DefaultModelMonitor(**monitor_arguments())
    monitor.suggest_baseline(
        baseline_dataset=dataset,
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri=output_s3_uri,
        wait=True,
        logs=True,
    )
    job = monitor.latest_baselining_job
    return {
        "job": monitor.latest_baselining_job_name,
        "image": monitor.image_uri,
        "statistics": monitor.baseline_statistics().body_dict,
        "constraints": monitor.suggested_constraints().body_dict,
        "status": job.describe()["ProcessingJobStatus"],
        "exit_message": job.describe().get("ExitMessage"),
    }
