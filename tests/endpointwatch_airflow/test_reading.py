"""Where a message's links lead, and that a link that cannot be made never costs the message."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_fakes import endpoint
from endpointwatch_airflow.links.reading import folder_link, job_links, job_tasks, run_links
from endpointwatch_airflow.pipelines import labels, monitor

TRUTH = {"uri": "s3://bucket/labels"}
QUALITY = {"kind": "model_quality", "problem_type": "Regression", "inference_attribute": "0",
           "ground_truth_attribute": "y", "baseline_inference_attribute": "p"}  # fmt: skip


def hook(partition: str) -> Any:
    return SimpleNamespace(conn_partition=partition, conn_region_name="eu-west-1")


def instance(**xcoms: Any) -> dict[str, Any]:
    told = SimpleNamespace(
        dag_id="loans__labels", run_id="scheduled__2026-03-01T14:00:00+00:00", task_id="judge_again", map_index=2,
        try_number=1, xcom_pull=lambda task_ids, key: xcoms.get(key),
    )  # fmt: skip
    return {"ti": told}


def job(name: str, domain: str | None = "aws.amazon.com") -> dict[str, Any]:
    return {"kind": "ProcessingJob", "job_name": name, "region_name": "eu-west-1", "aws_domain": domain}


def test_a_mapped_task_is_linked_by_its_index():
    run, task = (link.uri for link in run_links(instance()))
    assert run == "http://localhost:8080/dags/loans__labels/runs/scheduled__2026-03-01T14%3A00%3A00%2B00%3A00"
    assert task == f"{run}/tasks/judge_again/mapped/2?try_number=1"


@pytest.mark.parametrize(
    ("partition", "begins"),
    [
        ("aws", "https://console.aws.amazon.com/s3/buckets/bucket?region=eu-west-1&prefix=results/loans/bias/2026/"),
        ("aws-cn", "https://console.amazonaws.cn/s3/buckets/bucket"),
        ("aws-iso", "s3://bucket/results/loans/bias/2026/"),
    ],
)
def test_a_folder_is_linked_in_the_console_of_its_partition_where_that_is_known(partition, begins):
    assert folder_link("Report", "s3://bucket/results/loans/bias/2026", hook(partition)).uri.startswith(begins)


def test_the_first_jobs_of_a_mapped_task_are_linked():
    links = job_links(instance(endpointwatch_job=[job(f"loans-{n}") for n in range(9)]), ["judge_again"])
    assert [link.title for link in links] == [f"SageMaker job loans-{n}" for n in range(3)]
    assert links[0].uri == "https://console.aws.amazon.com/sagemaker/home?region=eu-west-1#/processing-jobs/loans-0"


def test_where_nothing_can_be_read_there_is_no_link_and_no_error():
    def refuse(**_: Any) -> None:
        raise ConnectionError("The execution API is gone.")

    lost = instance()
    lost["ti"].xcom_pull = refuse
    assert job_links(lost, ["judge_again"]) == ()
    assert job_links(instance(endpointwatch_job=job("loans-1", domain=None)), ["judge_again"]) == ()
    assert job_tasks({}) == []


def test_the_tasks_that_start_jobs_are_found_in_both_dags_that_decide():
    watched = endpoint(monitors=[{"kind": "data_quality"}, QUALITY], ground_truth=TRUTH)
    assert job_tasks({"dag": monitor.build(watched)}) == ["run_monitors"]
    assert job_tasks({"dag": labels.build(watched)}) == ["judge_again"]
