"""Links to SageMaker's and CloudWatch's console pages."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink

PAGES: Final = {
    "ProcessingJob": "processing-jobs",
    "TrainingJob": "jobs",
    "HyperParameterTuningJob": "hyper-tuning-jobs",
}


class JobLink(BaseAwsLink):
    """The job's page in the SageMaker console."""

    name = "SageMaker job"
    key = "endpointwatch_job"
    format_str = BASE_AWS_CONSOLE_LINK + "/sagemaker/home?region={region_name}#/{page}/{job_name}"

    def format_link(self, **kwargs: Any) -> str:
        return super().format_link(**kwargs, page=PAGES[kwargs["kind"]])


class JobLogLink(BaseAwsLink):
    """The job's log in the CloudWatch console."""

    name = "Job log"
    key = "endpointwatch_job_log"
    format_str = (
        BASE_AWS_CONSOLE_LINK + "/cloudwatch/home?region={region_name}"
        "#logsV2:log-groups/log-group/{group}$3FlogStreamNameFilter$3D{job_name}"
    )

    def format_link(self, **kwargs: Any) -> str:
        # The console escapes twice, with "$" for "%".
        # The training jobs of a tuning job log where all training jobs do; their names begin with its own.
        kind = "TrainingJob" if kwargs["kind"] == "HyperParameterTuningJob" else kwargs["kind"]
        group = quote(quote(f"/aws/sagemaker/{kind}s", safe=""), safe="").replace("%", "$")
        return super().format_link(**kwargs, group=group)


class EndpointLink(BaseAwsLink):
    """The endpoint's page in the SageMaker console."""

    name = "SageMaker endpoint"
    key = "endpointwatch_endpoint"
    format_str = BASE_AWS_CONSOLE_LINK + "/sagemaker/home?region={region_name}#/endpoints/{endpoint_name}"
