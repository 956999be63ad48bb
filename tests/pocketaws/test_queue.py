"""At most N jobs run at once; the others wait their turn."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.pocketaws

OVERLAP = """
import os, pathlib, time
shared = pathlib.Path(os.environ['SHARED'])
mine = shared / f'running-{os.getpid()}'
mine.touch()
seen = len(list(shared.glob('running-*')))
with open(shared / 'seen', 'a') as file:
    file.write(f'{seen}\\n')
time.sleep(0.4)
mine.unlink()
"""


@pytest.fixture(scope="module")
def two_at_once(start_pocketaws):
    return start_pocketaws("--max-jobs", "2")


@pytest.fixture
def jobs(two_at_once, jobs_of):
    return jobs_of(two_at_once)


def test_no_more_than_n_run_at_once_and_all_of_them_run(jobs, tmp_path, unique):
    names = [f"{unique}-{number}" for number in range(6)]
    for name in names:
        jobs.process(name, OVERLAP, Environment={"SHARED": str(tmp_path)})
    assert all(jobs.processed(name)["ProcessingJobStatus"] == "Completed" for name in names)
    overlaps = [int(line) for line in (tmp_path / "seen").read_text().split()]
    assert len(overlaps) == 6
    assert max(overlaps) == 2


def test_jobs_begin_in_the_order_in_which_they_were_created(jobs, unique):
    names = [f"{unique}-{number}" for number in range(5)]
    for name in names:
        jobs.process(name, "import time; time.sleep(0.1)")
    starts = [jobs.processed(name)["ProcessingStartTime"] for name in names]
    # Two run at once: of these either may get its time first.
    assert all(one <= next_but_one for one, next_but_one in zip(starts, starts[2:], strict=False))


def test_a_job_that_waits_is_in_progress_and_pending_and_can_be_stopped_at_once(jobs, unique):
    jobs.aws.client("s3").create_bucket(Bucket=unique)
    running = [jobs.process(f"{unique}-{number}", "import time; time.sleep(300)") for number in range(2)]
    waiting = jobs.train(f"{unique}-waiting", "pass", f"s3://{unique}/m")
    job = jobs.training(waiting)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Pending")
    assert "TrainingStartTime" not in job
    jobs.sagemaker.stop_training_job(TrainingJobName=waiting)
    assert jobs.training(waiting)["TrainingJobStatus"] == "Stopped"
    for name in running:
        assert jobs.processing(name)["ProcessingJobStatus"] == "InProgress"
        jobs.sagemaker.stop_processing_job(ProcessingJobName=name)
    for name in running:
        assert jobs.processed(name)["ProcessingJobStatus"] == "Stopped"


def test_the_first_jobs_of_a_new_service_may_all_begin_at_the_same_moment(start_pocketaws, jobs_of):
    jobs = jobs_of(start_pocketaws("--max-jobs", "8"))
    for number in range(8):
        jobs.process(f"first-{number}", "pass")
    ended = [jobs.processed(f"first-{number}") for number in range(8)]
    assert [(job["ProcessingJobStatus"], job.get("FailureReason")) for job in ended] == [("Completed", None)] * 8
