"""The Amazon provider's own SageMaker operators as a DAG, written as for AWS.

``test_amazon_provider.py`` lays it into the DAGs folder of an Airflow of its own and runs it there as a program, with
``PROVIDER_BUCKET`` and ``PROVIDER_IMAGE`` in the environment. It knows nothing of the local AWS; only
``AWS_ENDPOINT_URL`` leads there. For each way of waiting it prints what Airflow logs and then a line of JSON: the way,
the run's state and every task's.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import (
    SageMakerDeleteModelOperator,
    SageMakerEndpointConfigOperator,
    SageMakerEndpointOperator,
    SageMakerModelOperator,
    SageMakerProcessingOperator,
    SageMakerTrainingOperator,
)
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerEndpointSensor, SageMakerTrainingSensor
from airflow.sdk import DAG
from botocore.loaders import JSONFileLoader

ROLE = "arn:aws:iam::123456789012:role/sagemaker"


def instance(count: str = "1") -> dict[str, Any]:
    """Numbers as texts: the operators turn them into integers, as after templating."""
    return {"InstanceCount": count, "InstanceType": "ml.m5.large", "VolumeSizeInGB": "10"}


def build(mode: str, bucket: str, image: str) -> DAG:
    """The DAG: prepare data, train on it, deploy the model, then deploy it once more by a second configuration."""
    name = f"provider-{mode}"
    ways: dict[str, Any] = {"check_interval": 1, "deferrable": mode == "deferrable"}
    place = {"S3DataType": "S3Prefix", "S3InputMode": "File"}
    with DAG(f"provider_{mode}", schedule=None, start_date=datetime(2024, 1, 1, tzinfo=UTC)) as dag:
        process = SageMakerProcessingOperator(
            task_id="process",
            config={
                "ProcessingJobName": f"{name}-process",
                "RoleArn": ROLE,
                "AppSpecification": {"ImageUri": image, "ContainerArguments": ["process"]},
                "ProcessingResources": {"ClusterConfig": instance()},
                "ProcessingInputs": [{"InputName": "in", "S3Input": {
                    **place, "S3Uri": f"s3://{bucket}/raw/", "LocalPath": "/opt/ml/processing/in"}}],
                "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {
                    "S3Uri": f"s3://{bucket}/{name}/train/", "LocalPath": "/opt/ml/processing/out",
                    "S3UploadMode": "EndOfJob"}}]},
                "StoppingCondition": {"MaxRuntimeInSeconds": "300"},
            },
            wait_for_completion=True,
            **ways,
        )  # fmt: skip
        train = SageMakerTrainingOperator(
            task_id="train",
            config={
                "TrainingJobName": f"{name}-train",
                "RoleArn": ROLE,
                "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
                "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {
                    "S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{name}/train/"}}}],
                "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/{name}/models"},
                "ResourceConfig": instance(),
                "StoppingCondition": {"MaxRuntimeInSeconds": "300"},
            },
            # With logs the operator looks at the job every 30 s only; the sensor below reads them.
            print_log=False,
            wait_for_completion=True,
            **ways,
        )  # fmt: skip
        trained = SageMakerTrainingSensor(task_id="trained", job_name=f"{name}-train", poke_interval=1)
        model = SageMakerModelOperator(
            task_id="model",
            config={
                "ModelName": f"{name}-model",
                "ExecutionRoleArn": ROLE,
                "PrimaryContainer": {
                    "Image": image,
                    "ModelDataUrl": f"s3://{bucket}/{name}/models/{name}-train/output/model.tar.gz",
                },
            },
        )
        variants = [{"VariantName": "AllTraffic", "ModelName": f"{name}-model", "InstanceType": "ml.m5.large",
                     "InitialInstanceCount": "1"}]  # fmt: skip
        config = SageMakerEndpointConfigOperator(
            task_id="config", config={"EndpointConfigName": f"{name}-config-1", "ProductionVariants": variants}
        )
        endpoint = SageMakerEndpointOperator(
            task_id="endpoint",
            config={"EndpointName": f"{name}-endpoint", "EndpointConfigName": f"{name}-config-1"},
            wait_for_completion=True,
            **ways,
        )
        served = SageMakerEndpointSensor(task_id="served", endpoint_name=f"{name}-endpoint", poke_interval=1)
        # "create" of an endpoint that exists: the operator reads AWS's message and updates it instead.
        again = SageMakerEndpointOperator(
            task_id="again",
            config={
                "EndpointConfig": {"EndpointConfigName": f"{name}-config-2", "ProductionVariants": variants},
                "Endpoint": {"EndpointName": f"{name}-endpoint", "EndpointConfigName": f"{name}-config-2"},
            },
            operation="create",
            wait_for_completion=True,
            **ways,
        )
        delete = SageMakerDeleteModelOperator(task_id="delete", config={"ModelName": f"{name}-model"})
        process >> train >> trained >> model >> config >> endpoint >> served >> again >> delete
    return dag


DAGS = {
    mode: build(mode, os.environ["PROVIDER_BUCKET"], os.environ["PROVIDER_IMAGE"]) for mode in ("waiting", "deferrable")
}
# Airflow finds DAGs among a module's own names.
globals().update({dag.dag_id: dag for dag in DAGS.values()})


def main() -> None:
    """Run the DAGs in this process, one after the other, on a new database."""
    from airflow.utils.db import initdb  # noqa: PLC0415 - Airflow imports this file as a DAG too

    # Every operator makes a session, and every session reads SageMaker's model anew: read it once.
    JSONFileLoader.load_file = staticmethod(functools.cache(JSONFileLoader().load_file))
    initdb()
    for mode, dag in DAGS.items():
        run = dag.test()
        states = {task.task_id: str(task.state) for task in run.get_task_instances()}
        sys.stdout.write("\n" + json.dumps({"mode": mode, "run": str(run.state), "tasks": states}) + "\n")


if __name__ == "__main__":
    main()
