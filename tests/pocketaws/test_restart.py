"""What is left after kill -9, after SIGTERM, and after a second start on the same state."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.pocketaws

# Prints its process id, and starts a child that would outlive it.
WITH_CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen(['sleep', '600'])
open(os.environ['PIDS'], 'w').write(f'{os.getpid()} {child.pid}')
time.sleep(600)
"""


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def pids_of(path: Path) -> list[int]:
    end = time.monotonic() + 30
    while not (path.exists() and len(path.read_text().split()) == 2):
        assert time.monotonic() < end, "the job never began"
        time.sleep(0.05)
    return [int(pid) for pid in path.read_text().split()]


def gone(pids: list[int], within: float = 5) -> bool:
    end = time.monotonic() + within
    while any(alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads process states from /proc")
def test_nothing_a_job_has_started_outlives_a_killed_local_aws(start_pocketaws, jobs_of, tmp_path, unique):
    aws = start_pocketaws()
    jobs_of(aws).process(unique, WITH_CHILD, Environment={"PIDS": str(tmp_path / "pids")})
    pids = pids_of(tmp_path / "pids")
    assert all(alive(pid) for pid in pids)
    aws.kill()
    assert gone(pids)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads process states from /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_clean_stop_takes_less_than_ten_seconds_with_a_stubborn_job_and_leaves_no_process(
    start_pocketaws, jobs_of, tmp_path, unique, number
):
    aws = start_pocketaws()
    jobs = jobs_of(aws)
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WITH_CHILD
    jobs.process(unique, stubborn, Environment={"PIDS": str(tmp_path / "pids")})
    pids = pids_of(tmp_path / "pids")
    began = time.monotonic()
    assert aws.stop(number) == 0
    assert time.monotonic() - began < 10
    assert gone(pids)
    aws.start()
    job = jobs.processing(unique)
    assert job["ProcessingJobStatus"] == "Failed"
    assert "the local AWS was stopped" in job["FailureReason"]


def test_after_kill_9_records_are_there_and_running_and_queued_jobs_have_failed_for_that_reason(
    start_pocketaws, jobs_of, unique
):
    aws = start_pocketaws("--max-jobs", "1")
    sagemaker, jobs = aws.client("sagemaker"), jobs_of(aws)
    aws.client("s3").create_bucket(Bucket=unique)
    done = jobs.process(f"{unique}-done", "open('/opt/ml/output/message', 'w').write('kept')")
    before = jobs.processed(done)
    running = jobs.process(f"{unique}-running", "import time; time.sleep(600)")
    queued = jobs.train(f"{unique}-queued", "pass", f"s3://{unique}/m", Tags=[{"Key": "a", "Value": "b"}])
    jobs.until(lambda: jobs.processing(running), lambda job: "ProcessingStartTime" in job)
    sagemaker.create_model_package_group(ModelPackageGroupName=unique)
    arn = sagemaker.create_model_package(ModelPackageGroupName=unique, ModelApprovalStatus="Approved")
    arn = arn["ModelPackageArn"]

    aws.restart()

    after = jobs.processing(done)
    assert {**after, "ResponseMetadata": 0} == {**before, "ResponseMetadata": 0}
    for job in (jobs.processing(running), jobs.training(queued)):
        status = job.get("ProcessingJobStatus") or job["TrainingJobStatus"]
        assert status == "Failed"
        assert "the local AWS was restarted" in job["FailureReason"]
    assert jobs.training(queued)["SecondaryStatus"] == "Failed"
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Approved"
    tags = sagemaker.list_tags(ResourceArn=jobs.training(queued)["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]
    # It works on, with the version after the last.
    again = jobs.processed(jobs.process(f"{unique}-again", "pass"))
    assert again["ProcessingJobStatus"] == "Completed"
    second = sagemaker.create_model_package(ModelPackageGroupName=unique)["ModelPackageArn"]
    assert second.endswith("/2")


def test_what_the_base_keeps_survives_kill_9_a_few_seconds_after_it_was_made(start_pocketaws, jobs_of, unique):
    aws = start_pocketaws("--save-seconds", "0.5")
    sqs, s3, cloudwatch = aws.client("sqs"), aws.client("s3"), aws.client("cloudwatch")
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key="deep/key", Body=b"body")
    url = sqs.create_queue(QueueName=unique)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="waiting")
    aws.client("events").put_rule(Name=unique, EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    cloudwatch.put_metric_alarm(
        AlarmName=unique, Namespace="N", MetricName="M", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    jobs = jobs_of(aws)
    jobs.processed(jobs.process(unique, "print('a line')"))
    time.sleep(3)

    aws.restart()

    assert s3.get_object(Bucket=unique, Key="deep/key")["Body"].read() == b"body"
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "waiting"
    assert [rule["Name"] for rule in aws.client("events").list_rules(NamePrefix=unique)["Rules"]] == [unique]
    assert [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]] == [unique]
    assert jobs.log_of("Processing", unique) == ["a line"]


def test_a_training_job_with_a_retry_strategy_is_run_again_under_its_name_so_often_and_no_oftener(
    start_pocketaws, jobs_of, unique
):
    aws = start_pocketaws()
    jobs = jobs_of(aws)
    # The base emulator forgets a bucket that is new and empty when it is killed.
    aws.client("s3").create_bucket(Bucket=unique)
    aws.client("s3").put_object(Bucket=unique, Key="first", Body=b"")
    for name, seconds in ((f"{unique}-short", 3), (f"{unique}-long", 600)):
        program = f"import time; time.sleep({seconds}); open('/opt/ml/model/m', 'w').write('fitted')"
        jobs.train(name, program, f"s3://{unique}/models", RetryStrategy={"MaximumRetryAttempts": 1})
    short, long = (lambda: jobs.training(f"{unique}-short")), (lambda: jobs.training(f"{unique}-long"))
    for job in (short, long):
        jobs.until(job, training_for_the(1))
    aws.restart()

    ended = jobs.trained(f"{unique}-short")
    assert ended["TrainingJobStatus"] == "Completed"
    assert [entry["Status"] for entry in ended["SecondaryStatusTransitions"]].count("Starting") == 2
    assert ended["ModelArtifacts"]["S3ModelArtifacts"].startswith(f"s3://{unique}/models/{unique}-short/")
    assert len(aws.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]) == 2

    jobs.until(long, training_for_the(2))
    aws.restart()
    assert long()["TrainingJobStatus"] == "Failed"
    assert "the local AWS was restarted" in long()["FailureReason"]
    # What had ended is not run again.
    assert {**short(), "ResponseMetadata": 0} == {**ended, "ResponseMetadata": 0}


def training_for_the(time_of: int):
    return lambda job: [entry["Status"] for entry in job["SecondaryStatusTransitions"]].count("Training") == time_of
