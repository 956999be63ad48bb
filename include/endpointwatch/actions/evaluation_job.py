"""The body of ``CreateProcessingJob`` for the training image's ``evaluate`` command.

======================================  ===================================================================
path in the job                         what lies there
======================================  ===================================================================
``…/input/models/champion``             the live version's ``model.tar.gz``; absent for the first version
``…/input/models/challenger``           the new one's
``…/input/data``                        test rows, CSV with a header
``…/input/baseline``                    the challenger's training rows, CSV with a header
``…/output/evaluation.json``            written: every model's metrics on the test rows
``…/output/baseline.csv``               written: the challenger's scores, features and labels of the training rows
``…/output/held_out.csv``               written: the same of the test rows
======================================  ===================================================================

(``…`` is ``/opt/ml/processing``.) The last two files are what the new version's baselines are learnt from: their first
column is the model's output, as Model Monitor puts it. A model looks better than it is on rows that it was trained on,
so the baselines of monitors that need labels rest on the test rows.
"""

from __future__ import annotations

from typing import Any

from endpointwatch.actions.artifacts import Dataset
from endpointwatch.actions.comparison import CHALLENGER, CHAMPION
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.training import Training

ROOT = "/opt/ml/processing"


def request(
    endpoint: Endpoint,
    training: Training,
    *,
    job_name: str,
    dataset: Dataset,
    challenger_data_url: str,
    champion_data_url: str | None,
    output_uri: str,
) -> dict[str, Any]:
    """Judge the models on the same rows; results go to ``output_uri``.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    """
    models = {CHALLENGER: challenger_data_url} | ({CHAMPION: champion_data_url} if champion_data_url else {})
    inputs = [_input(name, uri, f"input/models/{name}") for name, uri in sorted(models.items())]
    inputs += [_input("data", dataset.test, "input/data"), _input("baseline", dataset.train, "input/baseline")]
    return {
        "ProcessingJobName": job_name,
        "RoleArn": endpoint.aws.role_arn,
        "AppSpecification": {"ImageUri": training.image_uri, "ContainerArguments": ["evaluate"]},
        "Environment": {"label": training.label, "prediction": training.prediction},
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "evaluation",
                    "S3Output": {"S3Uri": output_uri, "LocalPath": f"{ROOT}/output", "S3UploadMode": "EndOfJob"},
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": training.instance_type,
                "VolumeSizeInGB": training.volume_size_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": training.max_runtime_seconds},
    }


def _input(name: str, uri: str, folder: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{ROOT}/{folder}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }
