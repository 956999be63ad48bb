"""Which job a container's environment asks for: a plan of ours, or one of the analyses of AWS's own containers.

AWS has no single key that tells its containers apart; each job is known by what only it is given. The table is read
from top to bottom, and the first job that is asked for is run. Contract of AWS's keys:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from endpointwatch.errors import PlanError
from endpointwatch.jobs import analysis, ground_truth_merge, model_quality, planned
from endpointwatch.jobs.clarify import run as clarify
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.plan import PLAN_ENVIRONMENT_KEY

#: Where Clarify's processing jobs find what they have to do.
ANALYSIS_CONFIG_PATH = "/opt/ml/processing/input/config/analysis_config.json"
ANALYSIS_TYPE_KEY = "analysis_type"
_DATA_QUALITY = "DATA_QUALITY"


@dataclass(frozen=True, slots=True)
class EnvironmentJob:
    """A job as the environment asks for it.

    Attributes:
        name: What it is, for people.
        asked: Whether a container asks for it.
        run: Does it, and gives the number of violations.
        completed: What AWS's container says when all is well; None: what the analyzer says.
    """

    name: str
    asked: Callable[[Container], bool]
    run: Callable[[Container], int]
    completed: str | None = None


def _has(key: str) -> Callable[[Container], bool]:
    return lambda container: bool(container.environment.get(key))


def _is_of_type(kind: str) -> Callable[[Container], bool]:
    return lambda container: (container.environment.get(ANALYSIS_TYPE_KEY) or _DATA_QUALITY) == kind


def _has_analysis_config(container: Container) -> bool:
    return container.path(ANALYSIS_CONFIG_PATH).is_file()


JOBS: tuple[EnvironmentJob, ...] = (
    EnvironmentJob("a job under a plan", _has(PLAN_ENVIRONMENT_KEY), planned.run),
    EnvironmentJob("the merge of captures with ground truth", _has("ground_truth_source"), ground_truth_merge.run),
    EnvironmentJob("Clarify's analysis of bias and explanations", _has_analysis_config, clarify.run, clarify.COMPLETED),
    EnvironmentJob("model quality", _is_of_type("MODEL_QUALITY"), model_quality.run),
    EnvironmentJob("data quality", _is_of_type(_DATA_QUALITY), analysis.run),
)


def run(container: Container) -> int:
    """Run the job that the environment asks for; the number of violations.

    Raises:
        PlanError: No job is asked for.
        EndpointWatchError: What the job itself raises.
    """
    job = next((job for job in JOBS if job.asked(container)), None)
    if job is None:
        kind = container.environment.get(ANALYSIS_TYPE_KEY)
        raise PlanError(f"{ANALYSIS_TYPE_KEY} is {kind!r}; it must be MODEL_QUALITY, {_DATA_QUALITY} or absent.")
    return job.run(container)


def completed(container: Container) -> str | None:
    """The exit message of the job that was asked for when it finds nothing wrong, where it has one of its own."""
    return next((job.completed for job in JOBS if job.asked(container)), None)
