"""The body of ``CreateHyperParameterTuningJob``."""

from __future__ import annotations

from typing import Any

from endpointwatch.actions import training_job
from endpointwatch.actions.artifacts import Artifacts, Dataset
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.training import Training
from endpointwatch.config.tuning import CategoricalRange, Range, Tuning

#: SageMaker allows a tuning job's name half the length of others: its training jobs' names begin with it.
NAME_LENGTH = 32
COSTS = ("log_loss",)


def request(
    endpoint: Endpoint, training: Training, tuning: Tuning, *, job_name: str, dataset: Dataset, artifacts: Artifacts
) -> dict[str, Any]:
    """Search ``tuning.ranges``; every training job is as it would be alone, and its model goes to the same folder.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
    """
    alone = training_job.request(endpoint, training, job_name=job_name, dataset=dataset, artifacts=artifacts)
    kept = ("RoleArn", "AlgorithmSpecification", "InputDataConfig", "OutputDataConfig", "ResourceConfig")
    maximum = {} if tuning.strategy == "Grid" else {"MaxNumberOfTrainingJobs": tuning.maximum_jobs}
    return {
        "HyperParameterTuningJobName": job_name,
        "HyperParameterTuningJobConfig": {
            "Strategy": tuning.strategy,
            "HyperParameterTuningJobObjective": {
                "Type": tuning.goal or ("Minimize" if training.metric in COSTS else "Maximize"),
                "MetricName": training.objective,
            },
            # A grid has as many jobs as it has points; SageMaker refuses to be told a number.
            "ResourceLimits": {**maximum, "MaxParallelTrainingJobs": tuning.maximum_parallel_jobs},
            "ParameterRanges": _ranges(tuning),
            "RandomSeed": tuning.seed,
        },
        "TrainingJobDefinition": {
            **{member: alone[member] for member in kept},
            "StaticHyperParameters": alone["HyperParameters"],
            "StoppingCondition": alone["StoppingCondition"],
            "RetryStrategy": alone["RetryStrategy"],
        },
    }


def _ranges(tuning: Tuning) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name, one in sorted(tuning.ranges.items()):
        found.setdefault(_KINDS[one.kind], []).append({"Name": name, **_range(one)})
    return found


_KINDS = {
    "integer": "IntegerParameterRanges",
    "continuous": "ContinuousParameterRanges",
    "categorical": "CategoricalParameterRanges",
}


def _range(one: Range) -> dict[str, Any]:
    if isinstance(one, CategoricalRange):
        return {"Values": list(one.values)}
    # The shortest text that is read as the same number.
    return {"MinValue": repr(one.minimum), "MaxValue": repr(one.maximum), "ScalingType": one.scaling}
