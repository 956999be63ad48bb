"""The body of ``CreateProcessingJob`` for the training image's ``evaluate`` command.

======================================  ===================================================================
path in the job                         what lies there
======================================  ===================================================================
``…/input/models/champion``             the live version's ``model.tar.gz``; absent for the first version
``…/input/models/challenger``           the new one's
``…/input/data``                        test rows, CSV with a header
``…/input/initial``                     test rows of the original data set, where there are any besides
``…/input/baseline``                    the challenger's training rows, CSV with a header
``…/output/evaluation.json``            written: every model's metrics on the test rows
``…/output/scores.csv``                 written: ``set`` (``data``, ``initial``), ``label``, a column of scores a model,
                                        ``facet:<column>`` of every sensitive column
``…/output/latency.json``               written: every model's ``p50`` and ``p95``, ms to score one row
``…/output/baseline.csv``               written: the challenger's scores, features and labels of the training rows
``…/output/held_out.csv``               written: the same of the test rows
======================================  ===================================================================

(``…`` is ``/opt/ml/processing``.) Without ``scores.csv`` there is no telling how sure a gain is, and without
``latency.json`` no limit on latency can be held. The last two files are what the new version's baselines are learnt
from: their first column is the model's output, as Model Monitor puts it. A model looks better than it is on rows that
it was trained on, so the baselines of monitors that need labels rest on the test rows.
"""

from __future__ import annotations

from typing import Any

from endpointwatch.actions.artifacts import Dataset
from endpointwatch.actions.comparison import CHALLENGER, CHAMPION
from endpointwatch.config.bias import Bias
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.training import Training
from endpointwatch.errors import ConfigError

ROOT = "/opt/ml/processing"
#: A value of a processing job's environment, as SageMaker's API limits it.
ENVIRONMENT_LENGTH = 256


def request(
    endpoint: Endpoint,
    training: Training,
    *,
    job_name: str,
    dataset: Dataset,
    challenger_data_url: str,
    champion_data_url: str | None,
    output_uri: str,
    initial_test_uri: str | None = None,
) -> dict[str, Any]:
    """Judge the models on the same rows; results go to ``output_uri``.

    Raises:
        ConfigError: The names of the sensitive columns are too long for a job's environment.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    """
    models = {CHALLENGER: challenger_data_url} | ({CHAMPION: champion_data_url} if champion_data_url else {})
    inputs = [_input(name, uri, f"input/models/{name}") for name, uri in sorted(models.items())]
    inputs += [_input("data", dataset.test, "input/data"), _input("baseline", dataset.train, "input/baseline")]
    if initial_test_uri is not None:
        inputs.append(_input("initial", initial_test_uri, "input/initial"))
    environment = {"label": training.label, "prediction": training.prediction}
    if facets := facets_of(endpoint):
        environment["facets"] = ",".join(facets)
    return {
        "ProcessingJobName": job_name,
        "RoleArn": endpoint.aws.role_arn,
        "AppSpecification": {"ImageUri": training.image_uri, "ContainerArguments": ["evaluate"]},
        "Environment": environment,
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


def facets_of(endpoint: Endpoint) -> tuple[str, ...]:
    """The sensitive columns of the endpoint's bias monitor, and its group variable.

    Raises:
        ConfigError: A name has a comma, or all together are longer than a value of a job's environment may be.
    """
    settings = next((monitor for monitor in endpoint.monitors if isinstance(monitor, Bias)), None)
    if settings is None:
        return ()
    names = [facet.name for facet in settings.facets] + ([settings.group_variable] if settings.group_variable else [])
    if any("," in name for name in names) or len(",".join(names)) > ENVIRONMENT_LENGTH:
        raise ConfigError(
            f"The sensitive columns {names} cannot be named to the evaluating job: its environment takes "
            f"{ENVIRONMENT_LENGTH} characters, and commas stand between names. Shorten or rename them."
        )
    return tuple(dict.fromkeys(names))


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
