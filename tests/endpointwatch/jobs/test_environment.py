from __future__ import annotations

import dataclasses

import pytest

from endpointwatch.jobs import environment
from endpointwatch.jobs.container import Container

SOURCE = {"dataset_source": "/opt/ml/processing/input", "output_path": "/opt/ml/processing/output"}
ASKED = [
    ({"job_plan": "/opt/ml/processing/input/plan/plan.json", **SOURCE}, "a job under a plan"),
    ({**SOURCE, "ground_truth_source": "/opt/ml/processing/groundtruth"}, "the merge of captures with ground truth"),
    ({**SOURCE, "analysis_type": "MODEL_QUALITY"}, "model quality"),
    ({**SOURCE, "analysis_type": "DATA_QUALITY"}, "data quality"),
    ({**SOURCE, "analysis_type": ""}, "data quality"),
    (SOURCE, "data quality"),
    ({}, "data quality"),
]


@pytest.fixture
def jobs(monkeypatch):
    """The table, with jobs that only note down that they were run."""
    run = []

    def noting(job):
        return dataclasses.replace(job, run=lambda _: run.append(job.name) or 0)

    monkeypatch.setattr(environment, "JOBS", tuple(noting(job) for job in environment.JOBS))
    return run


@pytest.mark.parametrize(("keys", "name"), ASKED)
def test_the_environment_says_which_job_is_run(tmp_path, jobs, keys, name):
    assert environment.run(Container(tmp_path, keys)) == 0
    assert jobs == [name]


def test_clarifys_configuration_among_the_inputs_asks_for_its_analysis(tmp_path, jobs):
    container = Container(tmp_path, {})
    config = container.path(environment.ANALYSIS_CONFIG_PATH)
    config.parent.mkdir(parents=True)
    config.write_text("{}", encoding="utf-8")
    environment.run(container)
    assert jobs == ["Clarify's analysis of bias and explanations"]


def test_an_analysis_that_aws_does_not_know_either_is_refused_with_those_it_knows(job):
    failing = job()
    assert failing.run_with({**SOURCE, "analysis_type": "VIBES"}) == 255
    assert failing.message == "Error: analysis_type is 'VIBES'; it must be MODEL_QUALITY, DATA_QUALITY or absent."
