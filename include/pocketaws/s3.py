"""Whole prefixes from S3 into folders and back."""

from __future__ import annotations

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketaws.world import World


# Many capture files are small; a few at once hide the latency of each.
_AT_ONCE = 4


class MissingObjects(Exception):  # noqa: N818 - the job that asked for them fails, nothing else does
    """An object that was named is not there."""


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI; the key may be empty.

    Raises:
        ValueError: It is no S3 URI.
    """
    match = re.fullmatch(r"(?:s3|https)://([^/]+)/?(.*)", uri, re.DOTALL)
    if not match:
        raise ValueError(f"{uri!r} is not of the form s3://bucket/key")
    return match[1], match[2]


def join(uri: str, *parts: str) -> str:
    """``uri`` with further parts, one slash between any two."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts)])


def keys(world: World, uri: str) -> list[str]:
    """Keys under an S3 prefix, without the empty "folders" that consoles make.

    Raises:
        MissingObjects: The bucket is not there.
    """
    bucket, prefix = split(uri)
    client = world.aws("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    try:
        return [item["Key"] for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]
    except client.exceptions.NoSuchBucket as error:
        raise MissingObjects(f"S3 bucket: {bucket} does not exist") from error


def download_file(world: World, uri: str, path: Path) -> None:
    """One object into one file.

    Raises:
        MissingObjects: It is not there.
    """
    bucket, key = split(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    client = world.aws("s3")
    try:
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
    except (client.exceptions.NoSuchKey, client.exceptions.NoSuchBucket) as error:
        raise MissingObjects(f"S3 key: {uri} matched no files on s3") from error
    with path.open("wb") as file:
        shutil.copyfileobj(body, file, 1 << 20)


def download(world: World, uri: str, folder: Path) -> int:
    """Every object under a prefix into a folder, as SageMaker lays them out.

    A key's path below the prefix is kept; where the prefix ends within a name, from the last slash of the prefix on.

    Returns:
        Number of files.

    Raises:
        MissingObjects: The bucket is not there.
    """
    bucket, prefix = split(uri)
    return _download_all(world, [(f"s3://{bucket}/{key}", _below(prefix, key)) for key in keys(world, uri)], folder)


def download_manifest(world: World, uri: str, folder: Path) -> int:
    """The objects a manifest lists, into a folder, each under its path below the manifest's prefix.

    A manifest is JSON: ``[{"prefix": "s3://bucket/some/"}, "a.csv", "b/c.csv"]``.

    Returns:
        Number of files.

    Raises:
        MissingObjects: The manifest, or an object it lists, is not there, or it is no manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bucket, key = split(uri)
    client = world.aws("s3")
    try:
        head, *names = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        prefix = head["prefix"]
    except (client.exceptions.NoSuchKey, client.exceptions.NoSuchBucket) as error:
        raise MissingObjects(f"S3 key: {uri} matched no files on s3") from error
    except (ValueError, TypeError, KeyError) as error:
        raise MissingObjects(
            f'The manifest {uri} must be JSON of the form [{{"prefix": "s3://..."}}, "name", ...]: {error!r}'
        ) from error
    return _download_all(world, [(prefix + name, name) for name in names], folder)


def _download_all(world: World, objects: list[tuple[str, str]], folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    world.aws("s3")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(download_file, world, uri, folder / path) for uri, path in objects]:
            done.result()
    return len(objects)


def upload_file(world: World, path: Path, uri: str) -> None:
    """One file into one object."""
    bucket, key = split(uri)
    world.aws("s3").upload_file(str(path), bucket, key)


def upload(world: World, folder: Path, uri: str) -> int:
    """Every plain file below a folder to a prefix; symbolic links are left out, as SageMaker does.

    Returns:
        Number of files.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    for path in files:
        upload_file(world, path, join(uri, path.relative_to(folder).as_posix()))
    return len(files)


def upload_changed(world: World, folder: Path, uri: str, sent: dict[Path, tuple[int, int]]) -> None:
    """As ``upload``, of the files that are new or changed since the last call with the same ``sent``."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            mark = (status.st_mtime_ns, status.st_size)
            if sent.get(path) != mark:
                upload_file(world, path, join(uri, path.relative_to(folder).as_posix()))
                sent[path] = mark


def _below(prefix: str, key: str) -> str:
    rest = key[len(prefix) :]
    if prefix.endswith("/") or rest.startswith("/"):
        return rest.lstrip("/")
    # "data/part-" matches "data/part-1.csv": the file keeps its own name.
    return key[prefix.rfind("/") + 1 :]
