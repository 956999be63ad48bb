"""Links to where results lie in S3."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink
from airflow.sdk import BaseOperator, Context

from endpointwatch_airflow.hooks.store import bucket_and_key


class ResultsLink(BaseAwsLink):
    """The folder with the files that the task wrote, in the S3 console."""

    name = "Results in S3"
    key = "endpointwatch_results"
    format_str = BASE_AWS_CONSOLE_LINK + "/s3/buckets/{bucket}?region={region_name}&prefix={prefix}"

    def format_link(self, **kwargs: Any) -> str:
        return super().format_link(**{**kwargs, "prefix": quote(kwargs["prefix"])})


def persist_results(operator: BaseOperator, context: Context, hook: AwsBaseHook, folder: str) -> None:
    """Let the task's link lead to an S3 folder (URI without a trailing slash)."""
    bucket, key = bucket_and_key(folder)
    ResultsLink.persist(
        context=context,
        operator=operator,
        region_name=hook.conn_region_name,
        aws_partition=hook.conn_partition,
        bucket=bucket,
        prefix=f"{key}/",
    )
