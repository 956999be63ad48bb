"""Result files and captured data in S3, addressed by URI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from endpointwatch_airflow.hooks.answers import StoredObject
from endpointwatch_airflow.hooks.aws import AwsHook


class StoreHook(AwsHook):
    """S3 as a store of small texts, files and listings.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "s3"
        super().__init__(*args, **kwargs)

    @property
    def client(self) -> Any:
        """The boto3 client. Typed as Any: boto3 has no types, and nothing of it leaves this class."""
        return self.conn

    def read(self, uri: str) -> str | None:
        """The object's text (UTF-8); None when there is no such object."""
        bucket, key = bucket_and_key(uri)
        try:
            return str(self.client.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise

    def write(self, uri: str, text: str, *, content_type: str = "application/json") -> None:
        """Replace the object whole."""
        bucket, key = bucket_and_key(uri)
        self.client.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType=content_type)

    def put(self, uri: str, content: bytes) -> None:
        """Replace the object whole by bytes."""
        bucket, key = bucket_and_key(uri)
        self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def download(self, uri: str, path: Path) -> None:
        """The object as a file; its folder is made.

        Raises:
            FileNotFoundError: There is no such object.
        """
        bucket, key = bucket_and_key(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.client.download_file(bucket, key, str(path))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                raise FileNotFoundError(f"{uri} is not there") from error
            raise

    def upload(self, path: Path, uri: str) -> None:
        """The file as an object, which is replaced whole."""
        bucket, key = bucket_and_key(uri)
        self.client.upload_file(str(path), bucket, key)

    def delete(self, uri: str) -> None:
        """Remove the object; one that is not there is none to remove."""
        bucket, key = bucket_and_key(uri)
        self.client.delete_object(Bucket=bucket, Key=key)

    def exists(self, uri: str) -> bool:
        bucket, key = bucket_and_key(uri)
        try:
            self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        return True

    def objects(self, prefix: str, *, after: str | None = None) -> Iterator[StoredObject]:
        """Every object whose URI begins with ``prefix``, in the order of its keys; only those behind ``after``."""
        bucket, key = bucket_and_key(prefix)
        start = {"StartAfter": bucket_and_key(after)[1]} if after is not None else {}
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, **start):
            yield from objects_of(page, bucket)

    def folders(self, prefix: str) -> tuple[str, ...]:
        """URIs (with a trailing slash) of the folders directly below a folder."""
        bucket, key = bucket_and_key(prefix.rstrip("/") + "/")
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, Delimiter="/")
        return tuple(uri for page in pages for uri in folders_of(page, bucket))


def bucket_and_key(uri: str) -> tuple[str, str]:
    """``s3://bucket/a/b`` → ``("bucket", "a/b")``.

    Raises:
        ValueError: Not an S3 URI.
    """
    parts = urlsplit(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"{uri!r} is not an S3 URI such as s3://bucket/key")
    # A "?" is an ordinary character in a key; urlsplit takes it for a query.
    return parts.netloc, uri.removeprefix(f"s3://{parts.netloc}").removeprefix("/")


def objects_of(page: dict[str, Any], bucket: str) -> Iterator[StoredObject]:
    """The objects of one page of ``ListObjectsV2``; shared by worker and triggerer."""
    for entry in page.get("Contents", ()):
        yield StoredObject(bucket, entry["Key"], entry["ETag"].strip('"'), entry["Size"], entry["LastModified"])


def folders_of(page: dict[str, Any], bucket: str) -> Iterator[str]:
    """The common prefixes of one page of ``ListObjectsV2``, as URIs; shared by worker and triggerer."""
    for entry in page.get("CommonPrefixes", ()):
        yield f"s3://{bucket}/{entry['Prefix']}"
