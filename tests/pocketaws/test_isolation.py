"""Every way of giving a container its /opt/ml keeps the same contract."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.pocketaws

# Container code as it should be: its root from SAGEMAKER_BASE_DIR, as SageMaker's toolkits read it.
PROGRAM = """
import json, os, pathlib
ml = pathlib.Path(os.environ.get('SAGEMAKER_BASE_DIR', '/opt/ml'))
config = json.loads((ml / 'config/processingjobconfig.json').read_text())
source = pathlib.Path(os.environ['dataset_source'])
target = pathlib.Path(config['ProcessingOutputConfig']['Outputs'][0]['S3Output']['LocalPath'])
(target / 'sum.json').write_text(json.dumps(sum(map(int, (source / 'n.txt').read_text().split()))))
(ml / 'output/message').write_text('done')
"""


@pytest.fixture(scope="module", params=["mount", "user", "rewrite"])
def isolated(request, start_pocketaws):
    try:
        return start_pocketaws("--isolation", request.param)
    except pytest.fail.Exception as failure:
        if "does not work on this machine" in str(failure):
            pytest.skip(f"{request.param}: this machine allows no such namespace")
        raise


def test_the_same_job_gives_the_same_result(isolated, jobs_of, unique):
    s3, jobs = isolated.client("s3"), jobs_of(isolated)
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key="in/n.txt", Body=b"1 2 39")
    place = {"S3Uri": f"s3://{unique}/in", "LocalPath": "/opt/ml/processing/input", "S3DataType": "S3Prefix"}
    target = {"S3Uri": f"s3://{unique}/out", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    jobs.process(
        unique, PROGRAM,
        Environment={"dataset_source": "/opt/ml/processing/input", "kept": "s3://bucket/opt/ml/x"},
        ProcessingInputs=[{"InputName": "in", "S3Input": {**place, "S3InputMode": "File"}}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": target}]},
    )  # fmt: skip
    job = jobs.processed(unique)
    assert job["ProcessingJobStatus"] == "Completed", (job, isolated.output())
    assert job["ExitMessage"] == "done"
    assert json.loads(s3.get_object(Bucket=unique, Key="out/sum.json")["Body"].read()) == 42


def test_what_only_looks_like_the_path_is_left_alone(isolated, jobs_of, unique):
    jobs = jobs_of(isolated)
    values = {"URI": "s3://bucket/opt/ml/x", "LONGER": "/opt/mlflow", "RELATIVE": "./opt/ml"}
    program = "import os; print(*(os.environ[name] for name in ('URI', 'LONGER', 'RELATIVE')))"
    jobs.process(unique, program, Environment=values)
    assert jobs.processed(unique)["ProcessingJobStatus"] == "Completed"
    assert jobs.log_of("Processing", unique) == [" ".join(values.values())]
