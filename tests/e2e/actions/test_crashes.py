"""``kill -9`` in the middle of a retraining: of whatever runs, wherever it stands, and the same comes of it.

One run of the retrain DAG is interrupted at five points. At each of them the task's process, the triggerer, the
scheduler and the local AWS are killed, one after another, each while the work of that point is under way; what was
killed is started again by ``up``, which is all that a user does.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from applicants import people
from killing import AWS, SCHEDULER, TASK, TRIGGERER, Killer, until
from small_endpoint import SmallEndpoint, parse_again
from stacks import running, settings_in

from onemachine.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

NAME = "crash-road"
POINTS = ("build_dataset", "train", "evaluate", "register", "deploy")
VICTIMS = (TASK, TRIGGERER, SCHEDULER, AWS)
#: While the canary is watched the triggerer is killed and started again, and then the scheduler is killed.
BAKE_SECONDS = 20


@pytest.fixture(scope="module")
def killed_stack(tmp_path_factory) -> Iterator[Stack]:
    """A stack of these tests' own: kills would disturb the others."""
    quick = (Path(__file__).parent / "quick").glob("*.py")
    with running(settings_in(tmp_path_factory.mktemp("killed"), *quick)) as stack:
        yield stack


@pytest.fixture(scope="module")
def small(killed_stack) -> Iterator[SmallEndpoint]:
    """An endpoint whose first version serves."""
    # A busy machine takes longer to start the triggerer, as it did just now beside three others.
    bake = max(BAKE_SECONDS, round(1.5 * killed_stack.started["triggerer"]))
    canary = {"strategy": "canary", "step": {"percent": 30}, "wait_seconds": bake}
    made = SmallEndpoint.declare(
        killed_stack, killed_stack.settings, NAME, deployment={**canary, "rollback_alarms": {"latency": None}}
    )
    parse_again(made.airflow)
    made.ready()
    made.first_version()
    yield made
    made.airflow.close()


@dataclass
class Ordeal:
    """A retraining, and what is done to it."""

    small: SmallEndpoint
    killer: Killer
    run_id: str
    began: float

    @property
    def dag_id(self) -> str:
        return self.small.dag("retrain")

    def job(self, point: str, kind: str, word: str) -> None:
        """Kill everything while a job runs, the task's process first: between creating the job and waiting for it."""
        with self.killer.jobs_held() as hold:
            process = self.killer.caught(self.dag_id, self.run_id, point)
            self.killer.led(process, lambda: self.jobs(kind, word))
            hold()

            def seen() -> str:
                (newest, *_) = self.jobs(kind, word)
                return f"task {self.state(point)}, job {newest[f'{kind}Status']}"

            self.killer.task(point, process, seen)
            self.state_is(point, "deferred")
            for name in (TRIGGERER, SCHEDULER, AWS):
                self.killer.component(point, name, seen)

    def registration(self) -> None:
        """Kill everything while the version is being registered: the package is there, its task knows nothing of it."""
        process = self.killer.caught(self.dag_id, self.run_id, "register")
        self.killer.led(process, lambda: len(self.small.results.packages()) > 1)

        def seen() -> str:
            return f"task {self.state('register')}, {len(self.small.results.packages())} packages"

        self.killer.component("register", TRIGGERER, seen)
        self.killer.component("register", AWS, seen)
        self.killer.task("register", process, seen)
        self.killer.caught(self.dag_id, self.run_id, "register", after=1)
        self.killer.component("register", SCHEDULER, seen)

    def deployment(self) -> None:
        """Kill everything while the canary is watched."""
        process = self.killer.caught(self.dag_id, self.run_id, "deploy")
        self.killer.led(process, lambda: self.endpoint()["EndpointStatus"] == "Updating")

        def seen() -> str:
            return f"task {self.state('deploy')}, endpoint {self.endpoint()['EndpointStatus']}"

        self.killer.task("deploy", process, seen)
        self.state_is("deploy", "deferred")
        until(lambda: "Baking" in str(self.endpoint()), "the canary is not watched")
        # A restart of the local AWS begins the update anew: first, so that the others fall into its wait.
        for name in (AWS, TRIGGERER, SCHEDULER):
            self.killer.component("deploy", name, seen)

    def endpoint(self) -> dict[str, Any]:
        return dict(self.small.cloud.sagemaker.describe_endpoint(EndpointName=NAME))

    def jobs(self, kind: str, word: str) -> list[dict[str, Any]]:
        """The endpoint's jobs for this retraining, the newest first."""
        listing = {"ProcessingJob": "list_processing_jobs", "TrainingJob": "list_training_jobs"}[kind]
        answer = getattr(self.small.cloud.sagemaker, listing)(
            NameContains=f"{NAME}-{word}", SortBy="CreationTime", SortOrder="Descending"
        )
        return [job for job in answer[f"{kind}Summaries"] if job["CreationTime"].timestamp() > self.began]

    def state(self, task_id: str) -> str:
        return str(self.small.airflow.task_instance(self.dag_id, self.run_id, task_id)["state"])

    def state_is(self, task_id: str, state: str) -> None:
        self.small.airflow.wait_for_task(self.dag_id, self.run_id, task_id, {state}, seconds=240)


@pytest.fixture(scope="module")
def ordeal(small, killed_stack) -> Ordeal:
    """The run, at its end, and the twenty kills on the way there."""
    window = small.past(1)
    small.lay(window, people(12, 240, drifted=True, turned=True))
    known, began = small.runs.ids(small.dag("onboard")), time.time()
    run_id = small.retrain(window, "twenty kills")
    ordeal = Ordeal(small, Killer(killed_stack.settings, small.airflow), run_id, began)
    try:
        ordeal.job("build_dataset", "ProcessingJob", "dataset")
        ordeal.job("train", "TrainingJob", "train")
        ordeal.job("evaluate", "ProcessingJob", "evaluate")
        ordeal.registration()
        ordeal.deployment()
        small.finish("retrain", run_id)
        small.onboarded(known)
    finally:
        for kill in ordeal.killer.kills:
            print(f"{kill.point:<14} {kill.victim:<13} {kill.seconds:5.1f} s  {kill.seen}")  # noqa: T201 - what it is for
    return ordeal


def test_each_of_four_was_killed_at_each_of_five_points(ordeal):
    done = [(kill.point, kill.victim) for kill in ordeal.killer.kills]
    assert Counter(done) == Counter((point, victim) for point in POINTS for victim in VICTIMS)


def test_each_kill_fell_into_the_middle_of_its_points_work(ordeal):
    expected = {
        "build_dataset": "job InProgress", "train": "job InProgress", "evaluate": "job InProgress",
        "register": "task running, 2 packages", "deploy": "endpoint Updating",
    }  # fmt: skip
    for kill in ordeal.killer.kills:
        assert expected[kill.point] in kill.seen, kill
        # The task's own process dies while it runs; while the others die, it waits in the triggerer.
        waits = kill.victim != TASK and kill.point != "register"
        assert ("task deferred" if waits else "task running") in kill.seen, kill


def test_the_run_ends_as_an_undisturbed_one(ordeal, small):
    states = small.states("retrain", ordeal.run_id)
    assert {task: state for task, state in states.items() if state != "success"} == {
        "keep_champion": "skipped", "stop_jobs": "skipped",
    }  # fmt: skip
    assert small.retraining(ordeal.run_id)["outcome"] == "deployed"


def test_there_is_one_training_job_and_it_was_run_again_only_when_the_local_aws_had_taken_it_along(ordeal, small):
    (job,) = ordeal.jobs("TrainingJob", "train")
    found = small.cloud.sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])
    assert found["TrainingJobStatus"] == "Completed"
    assert [entry["Status"] for entry in found["SecondaryStatusTransitions"]].count("Starting") == 2


@pytest.mark.parametrize("word", ["dataset", "evaluate"])
def test_a_processing_job_that_the_local_aws_has_taken_along_is_followed_by_one_other(ordeal, small, word):
    last, first = ordeal.jobs("ProcessingJob", word)
    assert (first["ProcessingJobStatus"], last["ProcessingJobStatus"]) == ("Failed", "Completed")
    assert last["ProcessingJobName"] == f"{first['ProcessingJobName']}-2"


def test_there_is_one_new_version_and_the_endpoint_serves_it_alone(ordeal, small):
    assert [package["ModelApprovalStatus"] for package in small.results.packages()] == ["Approved", "Approved"]
    version, found = small.live()
    assert (version, found["EndpointStatus"]) == (f"{NAME}-v2", "InService")
    assert not {"PendingDeploymentSummary", "FailureReason"} & found.keys()
    assert found["DataCaptureConfig"]["CaptureStatus"] == "Started"
    asked = small.present(people(13, 20))
    assert asked.length.total_seconds() > 0


def test_what_was_done_is_on_record_once(ordeal, small):
    assert [done.model_version for done in small.results.deployments()] == [f"{NAME}-v1", f"{NAME}-v2"]
    (action,) = small.actions()
    (job,) = ordeal.jobs("TrainingJob", "train")
    assert (action.id, action.action, action.outcome) == (ordeal.run_id, "retrain", "training Completed")
    assert set(action.training_jobs) == {job["TrainingJobName"]}
