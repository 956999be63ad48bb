"""A training job is a container that really runs: channels in, an archive of /opt/ml/model out."""

from __future__ import annotations

import io
import itertools
import json
import tarfile

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.pocketaws

TRAIN = """
import json, os, pathlib
ml = pathlib.Path('/opt/ml')
seen = {
    'files': sorted(str(p.relative_to(ml / 'input/data')) for p in (ml / 'input/data').rglob('*') if p.is_file()),
    'config': {p.stem: json.loads(p.read_text()) for p in (ml / 'input/config').glob('*.json')},
    'job': os.environ['TRAINING_JOB_NAME'],
    'color': os.environ['COLOR'],
}
(ml / 'model/seen.json').write_text(json.dumps(seen))
(ml / 'model/deep').mkdir()
(ml / 'model/deep/weights.bin').write_bytes(bytes(range(256)))
(ml / 'output/data/report.txt').write_text('fine')
for loss in (0.9, 0.5, 0.25):
    print(f'epoch done loss={loss}; accuracy=n/a', flush=True)
"""


def channel(name: str, uri: str) -> dict[str, object]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


def archive(body: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}


def test_a_training_job_sees_its_channels_and_leaves_its_model_as_an_archive(pocketaws, jobs, bucket, objects, unique):
    for key in ("train/a.csv", "train/b/c.csv", "validation/v.csv"):
        pocketaws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"1\n")
    parameters = {"max_depth": "3", "features": '["a","b"]'}
    jobs.train(
        unique, TRAIN, f"s3://{bucket}/models",
        InputDataConfig=[channel("train", f"s3://{bucket}/train/"), channel("validation", f"s3://{bucket}/validation")],
        HyperParameters=parameters,
        Environment={"COLOR": "green"},
        AlgorithmSpecification={"MetricDefinitions": [
            {"Name": "loss", "Regex": r"loss=([0-9.]+);"}, {"Name": "accuracy", "Regex": r"accuracy=([0-9.]+)"},
        ]},
    )  # fmt: skip
    job = jobs.trained(unique)
    assert job["TrainingJobStatus"] == "Completed", job
    uri = f"s3://{bucket}/models/{unique}/output/model.tar.gz"
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": uri}
    files = objects(bucket)
    model = archive(files[f"models/{unique}/output/model.tar.gz"])
    assert model["deep/weights.bin"] == bytes(range(256))
    seen = json.loads(model["seen.json"])
    assert seen["files"] == ["train/a.csv", "train/b/c.csv", "validation/v.csv"]
    assert seen["config"]["hyperparameters"] == parameters
    assert set(seen["config"]["inputdataconfig"]) == {"train", "validation"}
    assert seen["config"]["inputdataconfig"]["train"]["TrainingInputMode"] == "File"
    assert seen["config"]["resourceconfig"]["hosts"] == ["algo-1"]
    assert (seen["job"], seen["color"]) == (unique, "green")
    assert archive(files[f"models/{unique}/output/output.tar.gz"]) == {"report.txt": b"fine"}
    # The last match counts, and a metric that never matched is left out.
    assert [(item["MetricName"], item["Value"]) for item in job["FinalMetricDataList"]] == [("loss", 0.25)]


def test_the_secondary_statuses_follow_each_other_without_a_gap(jobs, bucket, unique):
    jobs.train(unique, "pass", f"s3://{bucket}/models")
    job = jobs.trained(unique)
    transitions = job["SecondaryStatusTransitions"]
    assert [item["Status"] for item in transitions] == [
        "Pending", "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    assert job["SecondaryStatus"] == "Completed"
    for one, following in itertools.pairwise(transitions):
        assert one["EndTime"] == following["StartTime"]
    assert all(item["StatusMessage"] for item in transitions)
    assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"]
    assert job["TrainingTimeInSeconds"] >= 1


def test_what_the_container_writes_to_the_failure_file_is_the_failure_reason(jobs, bucket, objects, unique):
    program = "import sys; open('/opt/ml/output/failure', 'w').write('label column is missing'); sys.exit(2)"
    jobs.train(unique, program, f"s3://{bucket}/models")
    job = jobs.trained(unique)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    assert job["FailureReason"] == "AlgorithmError: label column is missing, exit code: 2"
    assert not any(key.endswith("model.tar.gz") for key in objects(bucket))


def test_an_empty_channel_fails_the_job_and_names_the_prefix(jobs, bucket, unique):
    empty = [channel("train", f"s3://{bucket}/none/")]
    jobs.train(unique, "pass", f"s3://{bucket}/models", InputDataConfig=empty)
    job = jobs.trained(unique)
    assert job["FailureReason"].startswith("ClientError: Data download failed:")
    assert f"s3://{bucket}/none/" in job["FailureReason"]


def test_a_job_that_outlives_its_time_is_stopped_and_its_model_so_far_is_kept(jobs, bucket, objects, unique):
    program = "import time; open('/opt/ml/model/m', 'w').write('x'); time.sleep(300)"
    jobs.train(unique, program, f"s3://{bucket}/models", StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = jobs.trained(unique)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert archive(objects(bucket)[f"models/{unique}/output/model.tar.gz"]) == {"m": b"x"}


def test_a_stopped_job_passes_through_stopping(jobs, bucket, unique):
    jobs.train(unique, "import time; time.sleep(300)", f"s3://{bucket}/models")
    jobs.until(lambda: jobs.training(unique), lambda job: job["SecondaryStatus"] == "Training")
    jobs.sagemaker.stop_training_job(TrainingJobName=unique)
    job = jobs.trained(unique)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [item["Status"] for item in job["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]


def test_the_image_is_run_with_train_unless_the_request_names_a_command(start_pocketaws, jobs_of, unique):
    aws = start_pocketaws(images=[{"pattern": "*/echo:*", "command": ["/bin/echo", "ran with:"]}])
    aws.client("s3").create_bucket(Bucket=unique)
    jobs = jobs_of(aws)
    image = {"TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/echo:1", "TrainingInputMode": "File"}
    cases = {
        "plain": (image, "ran with: train"),
        "arguments": ({**image, "ContainerArguments": ["--fast"]}, "ran with: --fast"),
        "entrypoint": ({**image, "ContainerEntrypoint": ["/bin/echo", "mine"]}, "mine"),
    }
    for name, (algorithm, _) in cases.items():
        aws.client("sagemaker").create_training_job(
            TrainingJobName=f"{unique}-{name}",
            RoleArn=aws.role,
            AlgorithmSpecification=algorithm,
            OutputDataConfig={"S3OutputPath": f"s3://{unique}/m"},
            ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
    for name, (_, line) in cases.items():
        assert jobs.trained(f"{unique}-{name}")["TrainingJobStatus"] == "Completed"
        assert jobs.log_of("Training", f"{unique}-{name}") == [line]


@pytest.mark.parametrize("regex", ["loss=[0-9.]+", "loss=([0-9.]+"])
def test_a_metric_whose_regex_cannot_give_a_number_is_refused(jobs, bucket, unique, regex):
    definitions = {"MetricDefinitions": [{"Name": "loss", "Regex": regex}]}
    with pytest.raises(ClientError, match=r"ValidationException.*loss"):
        jobs.train(unique, "pass", f"s3://{bucket}/m", AlgorithmSpecification=definitions)
