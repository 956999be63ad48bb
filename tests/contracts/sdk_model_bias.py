"""What a user of the SDK's ``ModelBiasMonitor`` writes; run by ``sdk_program.py``."""

from __future__ import annotations

from typing import Any

import boto3
from sagemaker.core.clarify import BiasConfig, DataConfig, ModelPredictedLabelConfig, _AnalysisConfigGenerator
from sagemaker.core.model_monitor.clarify_model_monitoring import BiasAnalysisConfig, ModelBiasMonitor
from sagemaker.core.model_monitor.monitoring_files import Constraints
from sdk_session import monitor_arguments

HEADERS = ["approved", "predicted", "gender", "age", "occupation"]


def configurations() -> dict[str, Any]:
    """The documents for a baselining job and for a schedule."""
    bias = BiasConfig(
        label_values_or_threshold=[1],
        facet_name=["gender", "age"],
        facet_values_or_threshold=[["f"], [40]],
        group_name="occupation",
    )
    every_value = BiasConfig(label_values_or_threshold=["yes", "soon"], facet_name=2)
    beside = DataConfig(
        s3_data_input_path="s3://b/data.csv",
        s3_output_path="s3://b/out",
        label="approved",
        headers=HEADERS[:1] + HEADERS[3:],
        dataset_type="text/csv",
        joinsource=1,
        facet_dataset_uri="s3://b/facets.csv",
        facet_headers=["age", "gender"],
        predicted_label_dataset_uri="s3://b/answers.csv",
        predicted_label_headers=["score"],
        predicted_label="score",
        excluded_columns=["occupation"],
    )
    lines = DataConfig(
        s3_data_input_path="s3://b/data.jsonl",
        s3_output_path="s3://b/out",
        label="label",
        features="features",
        headers=HEADERS,
        dataset_type="application/jsonlines",
    )
    return {
        "schedule": BiasAnalysisConfig(bias, headers=HEADERS, label="approved")._to_dict(),
        "every value": _AnalysisConfigGenerator.bias_pre_training(lines, every_value, ["CI", "DPL"]),
        "beside": _AnalysisConfigGenerator.bias(
            beside, bias, None, ModelPredictedLabelConfig(probability_threshold=0.8), "all", ["DI", "FT"]
        ),
    }


def baseline(dataset: str, output: str) -> dict[str, Any]:
    monitor = ModelBiasMonitor(**monitor_arguments())
    # What `suggest_baseline` does; in SDK 3 its last line asks the finished job for an attribute that it does not have.
    processor = monitor._create_baselining_processor()
    bias = BiasConfig([1], "gender", ["f"], "occupation")
    data = DataConfig(
        s3_data_input_path=dataset,
        s3_output_path=output,
        label="approved",
        headers=HEADERS,
        dataset_type="text/csv",
        predicted_label="predicted",
    )
    processor.run_bias(data_config=data, bias_config=bias, wait=True, logs=True)
    sagemaker = boto3.client("sagemaker", region_name="us-east-1")
    newest = {"NameContains": "Clarify-Bias", "SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 1}
    (job,) = sagemaker.list_processing_jobs(**newest)["ProcessingJobSummaries"]
    told = sagemaker.describe_processing_job(ProcessingJobName=job["ProcessingJobName"])
    return {
        "image": monitor.image_uri,
        "status": told["ProcessingJobStatus"],
        "exit_message": told.get("ExitMessage"),
        "constraints": Constraints.from_s3_uri(
            f"{output}/analysis.json", sagemaker_session=monitor.sagemaker_session
        ).body_dict,
        "config": BiasAnalysisConfig(bias, headers=HEADERS, label="approved")._to_dict(),
    }


def answer(dataset: str, output: str) -> dict[str, Any]:
    """The configurations that the SDK's own classes write, and the baseline that its job learnt, as they read it."""
    return {"configurations": configurations(), "baseline": baseline(dataset, output)}
