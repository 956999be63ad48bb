"""A processing job is a container that really runs: inputs in, outputs out, and it ends as it ended."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.pocketaws

# The keys a container meets, by the files logged in real jobs; absent values are null.
CONFIG_KEYS = {
    "ProcessingJobArn", "ProcessingJobName", "Environment", "AppSpecification", "ProcessingInputs",
    "ProcessingOutputConfig", "ProcessingResources", "NetworkConfig", "RoleArn", "StoppingCondition",
}  # fmt: skip


def source(uri: str, path: str, **more: str) -> dict[str, str]:
    return {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File", **more}


def output(uri: str, path: str = "/opt/ml/processing/out", mode: str = "EndOfJob") -> dict[str, object]:
    place = {"S3Uri": uri, "LocalPath": path, "S3UploadMode": mode}
    return {"Outputs": [{"OutputName": "out", "S3Output": place}]}


def test_what_lies_under_the_input_prefix_comes_out_under_the_output_prefix(pocketaws, jobs, bucket, objects, unique):
    contents = {"a.csv": b"1,2\n", "deep/er/b.bin": bytes(range(256)), "empty": b""}
    for key, body in contents.items():
        pocketaws.client("s3").put_object(Bucket=bucket, Key=f"in/{key}", Body=body)
    copy = "import shutil; shutil.copytree('/opt/ml/processing/in', '/opt/ml/processing/out/copy')"
    jobs.process(
        unique, copy,
        ProcessingInputs=[{"InputName": "in", "S3Input": source(f"s3://{bucket}/in/", "/opt/ml/processing/in")}],
        ProcessingOutputConfig=output(f"s3://{bucket}/out/"),
    )  # fmt: skip
    assert jobs.processed(unique)["ProcessingJobStatus"] == "Completed"
    found = objects(bucket)
    assert {key.removeprefix("out/copy/"): found[key] for key in found if key.startswith("out/")} == contents


def test_a_prefix_that_names_one_object_gives_one_file_of_that_name(pocketaws, jobs, bucket, unique):
    pocketaws.client("s3").put_object(Bucket=bucket, Key="dir/constraints.json", Body=b"{}")
    listing = "import os; print(sorted(os.listdir('/opt/ml/processing/in')))"
    inputs = [{"InputName": "in", "S3Input": source(f"s3://{bucket}/dir/constraints.json", "/opt/ml/processing/in")}]
    jobs.process(unique, listing, ProcessingInputs=inputs)
    assert jobs.processed(unique)["ProcessingJobStatus"] == "Completed"
    assert jobs.log_of("Processing", unique) == ["['constraints.json']"]


def test_a_manifest_brings_exactly_the_objects_it_lists(pocketaws, jobs, bucket, unique):
    s3 = pocketaws.client("s3")
    for key in ("d/a.csv", "d/x/b.csv", "d/not-listed.csv"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    s3.put_object(Bucket=bucket, Key="m", Body=json.dumps([{"prefix": f"s3://{bucket}/d/"}, "a.csv", "x/b.csv"]))
    listing = (
        "import pathlib as p; r = p.Path('/opt/ml/processing/in'); "
        "print(sorted(f'{f.relative_to(r)}={f.read_text()}' for f in r.rglob('*') if f.is_file()))"
    )
    place = source(f"s3://{bucket}/m", "/opt/ml/processing/in", S3DataType="ManifestFile")
    jobs.process(unique, listing, ProcessingInputs=[{"InputName": "in", "S3Input": place}])
    assert jobs.processed(unique)["ProcessingJobStatus"] == "Completed"
    assert jobs.log_of("Processing", unique) == ["['a.csv=d/a.csv', 'x/b.csv=d/x/b.csv']"]


def test_an_input_prefix_with_nothing_under_it_fails_the_job_and_names_the_prefix(jobs, bucket, unique):
    inputs = [{"InputName": "in", "S3Input": source(f"s3://{bucket}/nothing/", "/opt/ml/processing/in")}]
    jobs.process(unique, "print('never run')", ProcessingInputs=inputs)
    job = jobs.processed(unique)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Failed to download data.")
    assert f"s3://{bucket}/nothing/" in job["FailureReason"]


def test_the_container_finds_its_configuration_complete_with_nulls_for_what_is_absent(jobs, bucket, objects, unique):
    environment = {"dataset_format": '{"csv": {"header": true}}', "publish_cloudwatch_metrics": "Disabled"}
    program = (
        "import os, shutil; "
        "[shutil.copy(f'/opt/ml/config/{n}.json', '/opt/ml/processing/out/') for n in ('processingjobconfig', "
        "'resourceconfig')]; print(os.environ['dataset_format'])"
    )
    jobs.process(unique, program, Environment=environment, ProcessingOutputConfig=output(f"s3://{bucket}/o"))
    job = jobs.processed(unique)
    assert job["ProcessingJobStatus"] == "Completed", job
    files = objects(bucket)
    config = json.loads(files["o/processingjobconfig.json"])
    assert set(config) == CONFIG_KEYS
    assert config["Environment"] == environment
    assert config["AppSpecification"]["ContainerEntrypoint"] is None
    assert config["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] is None
    assert config["NetworkConfig"]["VpcConfig"] is None
    assert config["ProcessingOutputConfig"]["Outputs"][0]["FeatureStoreOutput"] is None
    assert config["ProcessingJobArn"] == job["ProcessingJobArn"]
    resources = json.loads(files["o/resourceconfig.json"])
    assert (resources["current_host"], resources["hosts"]) == ("algo-1", ["algo-1"])
    assert resources["topology"] is None
    assert jobs.log_of("Processing", unique) == [environment["dataset_format"]]


def test_a_container_that_ends_with_an_error_fails_the_job_and_its_outputs_are_kept(jobs, bucket, objects, unique):
    program = (
        "import pathlib, sys; pathlib.Path('/opt/ml/processing/out/partial').write_text('so far'); "
        "pathlib.Path('/opt/ml/output/message').write_text('no such column'); sys.exit(3)"
    )
    jobs.process(unique, program, ProcessingOutputConfig=output(f"s3://{bucket}/o"))
    job = jobs.processed(unique)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: See job logs for more information, exit code: 3")
    assert "no such column" in job["FailureReason"]
    assert objects(bucket)["o/partial"] == b"so far"


def test_the_exit_message_is_the_first_1024_characters_the_container_wrote(jobs, unique):
    jobs.process(unique, "open('/opt/ml/output/message', 'w').write('é' * 3000)")
    assert jobs.processed(unique)["ExitMessage"] == "é" * 1024


def test_every_line_of_output_is_in_the_log_in_order(jobs, unique):
    jobs.process(unique, "import sys\nfor n in range(2500): print(n, file=(sys.stdout, sys.stderr)[n % 2], flush=True)")
    jobs.processed(unique)
    seen = []
    logs, group = jobs.aws.client("logs"), "/aws/sagemaker/ProcessingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{unique}/")["logStreams"]
    assert stream["logStreamName"].startswith(f"{unique}/algo-1-")
    token = {}
    while True:
        page = logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True, **token
        )
        seen += [event["message"] for event in page["events"]]
        if token.get("nextToken") == page["nextForwardToken"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert seen == [str(n) for n in range(2500)]


def test_a_stopped_job_gets_sigterm_first_and_keeps_what_it_then_writes(jobs, bucket, objects, unique):
    program = (
        "import pathlib, signal, sys, time\n"
        "def leave(*_):\n"
        "    pathlib.Path('/opt/ml/processing/out/last-words').write_text('goodbye'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave); print('ready', flush=True); time.sleep(300)"
    )
    jobs.process(unique, program, ProcessingOutputConfig=output(f"s3://{bucket}/o"))
    jobs.until(lambda: {"log": _lines_so_far(jobs, unique)}, lambda seen: "ready" in seen["log"])
    jobs.sagemaker.stop_processing_job(ProcessingJobName=unique)
    assert jobs.processing(unique)["ProcessingJobStatus"] in {"Stopping", "Stopped"}
    assert jobs.processed(unique)["ProcessingJobStatus"] == "Stopped"
    assert objects(bucket)["o/last-words"] == b"goodbye"
    with pytest.raises(ClientError, match="ValidationException"):
        jobs.sagemaker.stop_processing_job(ProcessingJobName=unique)


def test_a_job_that_outlives_its_time_is_stopped_and_says_so(jobs, unique):
    began = time.monotonic()
    jobs.process(unique, "import time; time.sleep(300)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = jobs.processed(unique)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds" in job["FailureReason"]
    assert time.monotonic() - began < 30


def test_a_continuous_output_is_in_s3_while_the_job_still_runs(pocketaws, jobs, bucket, objects, unique):
    program = "import pathlib, time; pathlib.Path('/opt/ml/processing/out/early').write_text('x'); time.sleep(300)"
    jobs.process(unique, program, ProcessingOutputConfig=output(f"s3://{bucket}/o", mode="Continuous"))
    jobs.until(lambda: objects(bucket), lambda found: "o/early" in found)
    assert jobs.processing(unique)["ProcessingJobStatus"] == "InProgress"
    pocketaws.client("sagemaker").stop_processing_job(ProcessingJobName=unique)


def test_symbolic_links_in_an_output_are_not_uploaded(jobs, bucket, objects, unique):
    program = (
        "import os; open('/opt/ml/processing/out/real', 'w').write('x'); "
        "os.symlink('/opt/ml/processing/out/real', '/opt/ml/processing/out/link')"
    )
    jobs.process(unique, program, ProcessingOutputConfig=output(f"s3://{bucket}/o"))
    assert jobs.processed(unique)["ProcessingJobStatus"] == "Completed"
    assert set(objects(bucket)) == {"o/real"}


def test_two_jobs_at_once_each_see_their_own_opt_ml(jobs, unique):
    names = [f"{unique}-{number}" for number in range(2)]
    for name in names:
        path = "/opt/ml/processing/mine"
        jobs.process(
            name,
            "import os, time\n"
            "os.makedirs('/opt/ml/processing', exist_ok=True)\n"
            f"open('{path}', 'w').write('{name}')\n"
            f"time.sleep(1); print(open('{path}').read())",
        )
    for name in names:
        assert jobs.processed(name)["ProcessingJobStatus"] == "Completed"
        assert jobs.log_of("Processing", name) == [name]


def test_an_unregistered_image_fails_the_job_and_names_image_file_and_remedy(pocketaws, jobs, unique):
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/nobody-knows:1"
    jobs.process(unique, "pass", AppSpecification={"ImageUri": image})
    job = jobs.processed(unique)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ImageNotFound: ")
    for part in (image, str(pocketaws.images), "--images"):
        assert part in job["FailureReason"]


@pytest.mark.parametrize("change", [
    {"ProcessingInputs": [{"InputName": "i", "S3Input": source("s3://b/i", "/tmp/in")}]},  # noqa: S108
    {"ProcessingInputs": [{"InputName": "i", "S3Input": source("s3://b/i", "/opt/ml/processing/../../x")}]},
    {"ProcessingInputs": [{"InputName": "i", "S3Input": source("s3://b/i", "/opt/ml/processing/i")}] * 2},
    {"ProcessingInputs": [{"InputName": "i"}]},
])  # fmt: skip
def test_inputs_that_cannot_be_laid_out_are_refused_before_a_job_exists(jobs, unique, change):
    with pytest.raises(ClientError, match="ValidationException"):
        jobs.process(unique, "pass", **change)
    with pytest.raises(ClientError, match="Could not find requested job with name"):
        jobs.processing(unique)


def _lines_so_far(jobs, name: str) -> list[str]:
    try:
        return jobs.log_of("Processing", name)
    except (ClientError, ValueError):  # no stream yet
        return []
