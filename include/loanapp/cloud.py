"""What the demo needs in the account before Airflow starts: clients, a bucket, a role, the first data set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from endpointwatch.config.endpoint import Endpoint

CONNECTIONS = 16
ALREADY_THERE = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists", "EntityAlreadyExists"})


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI, the key without slashes at its ends."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.strip("/")


@dataclass(frozen=True)
class Cloud:
    """boto3 clients for one account, told by variables and not by this process's own environment.

    Attributes:
        variables: ``AWS_*`` as the AWS CLI knows them. With ``AWS_ENDPOINT_URL`` it is the local AWS, without it AWS.
    """

    variables: Mapping[str, str]

    def client(self, service: str) -> Any:
        session: Any = boto3.Session(
            aws_access_key_id=self.variables.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=self.variables.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=self.variables.get("AWS_SESSION_TOKEN"),
            region_name=self.variables.get("AWS_REGION") or self.variables.get("AWS_DEFAULT_REGION"),
        )
        config = Config(max_pool_connections=CONNECTIONS, retries={"mode": "standard", "max_attempts": 5})
        return session.client(service, endpoint_url=self.variables.get("AWS_ENDPOINT_URL"), config=config)

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    @cached_property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    @cached_property
    def runtime(self) -> Any:
        return self.client("sagemaker-runtime")

    def keys(self, uri: str) -> list[str]:
        """Keys of all objects below ``uri``, sorted."""
        bucket, prefix = split(uri)
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/" if prefix else "")
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", ()))

    def read(self, bucket: str, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def json(self, uri: str) -> Any:
        """A JSON object's content, or None when there is no such object."""
        bucket, key = split(uri)
        try:
            return json.loads(self.read(bucket, key))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                return None
            raise

    def write(self, uri: str, body: str, content_type: str) -> None:
        bucket, key = split(uri)
        self.s3.put_object(Bucket=bucket, Key=key, Body=body.encode(), ContentType=content_type)


def prepare(cloud: Cloud, endpoint: Endpoint, initial: Mapping[str, str]) -> None:
    """Buckets and role as the endpoint's YAML names them, and the data set for the first model version, part by part.

    May be called again: what is there stays, the data set is written anew.

    Raises:
        ValueError: The endpoint has no ``training`` section, so there is nothing to train from.
    """
    training = endpoint.training
    if training is None:
        raise ValueError(f"endpoint {endpoint.name!r} has no `training` section; the demo trains, so it needs one")
    uris = (
        endpoint.results_uri,
        endpoint.capture.destination_uri,
        training.initial_dataset_uri,
        training.artifacts_uri,
        *filter(None, [endpoint.training_labels]),
    )
    for bucket in sorted({split(uri)[0] for uri in uris}):
        _unless_there(lambda bucket=bucket: cloud.s3.create_bucket(Bucket=bucket))
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = endpoint.aws.role_arn.rsplit("/", 1)[-1]
    iam = cloud.client("iam")
    _unless_there(lambda: iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust)))
    for part, text in initial.items():
        cloud.write(f"{training.initial_dataset_uri.rstrip('/')}/{part}/applications.csv", text, "text/csv")


def _unless_there(create: Any) -> None:
    try:
        create()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ALREADY_THERE:
            raise
