"""The files of a data set, and the manifests among them, which batch transform leaves where it captures.

A manifest is a JSON array: ``{"prefix": "s3://bucket/key/"}``, then names below that prefix. The rows are in what it
names: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
"""

from __future__ import annotations

import json
from pathlib import Path

from endpointwatch.capture.files import files
from endpointwatch.capture.tally import Tally
from endpointwatch.errors import CaptureError

LIMIT = 16 * 1024 * 1024


def data_files(folder: Path, tally: Tally) -> tuple[Path, ...]:
    """The files below ``folder`` that hold rows, by path: all but the manifests.

    Args:
        folder: Where they lie; may be a single file.
        tally: Counts an object that a manifest names and that is not there as a row that is set aside.

    Raises:
        CaptureError: There is neither such a folder nor such a file, or a manifest cannot be read.
    """
    found = files(folder)
    manifests = {path: names for path in found if (names := _names(path)) is not None}
    there = {path.as_posix() for path in found}
    for path, names in manifests.items():
        for name in names:
            if not any(other.endswith(f"/{name}") for other in there):
                tally.set_aside(
                    "file",
                    path.relative_to(folder).as_posix() if path != folder else path.name,
                    1,
                    f"the manifest names {name}, which is not among the job's inputs; give the job the manifest with "
                    "S3DataType=ManifestFile, so that SageMaker brings what it names",
                )
    return tuple(path for path in found if path not in manifests)


def _names(path: Path) -> tuple[str, ...] | None:
    """The objects that a manifest names; None when the file is none."""
    try:
        # Only what begins like a manifest is read whole: data sets are large, manifests are not.
        with path.open("rb") as source:
            start = source.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
            if not start.startswith(b"[") or b'"prefix"' not in start or path.stat().st_size > LIMIT:
                return None
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError):
        return None
    head, *names = document or [None]
    is_manifest = isinstance(head, dict) and set(head) == {"prefix"} and all(isinstance(name, str) for name in names)
    return tuple(name.lstrip("/") for name in names) if is_manifest else None
