"""A past for an endpoint that has none yet.

The endpoint is really invoked, now, and SageMaker's data capture really writes what it was asked and what it answered.
Those records are then laid into past hours: only ``eventId`` and ``inferenceTime`` are written anew, and the folder is
the one of that hour. The originals are taken away, so that the present holds the present's traffic alone.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.window import Window
from loanapp import traffic
from loanapp.cloud import Cloud, split
from loanapp.story import Hour

FILES_AN_HOUR = 4
CAPTURE_TIMEOUT_SECONDS = 120.0
POLL_SECONDS = 0.5
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "endpointwatch:loanapp")


class HistoryError(Exception):
    """Requests were answered, but their captures did not arrive."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One captured object: its key and its records, parsed."""

    key: str
    records: tuple[dict[str, Any], ...]


def make(
    cloud: Cloud, endpoint: Endpoint, hours: Sequence[Hour], *, done: Callable[[int], None] = lambda _: None
) -> list[str]:
    """Invoke the endpoint with the applications of all ``hours``, lay the captures into them, deliver the first labels.

    Returns:
        Keys of the laid capture objects, sorted.

    Raises:
        TrafficError: A request failed.
        HistoryError: Not every request was captured in time.
    """
    applications = [application for hour in hours for application in hour.applications]
    traffic.invoke(cloud, endpoint.name, applications, done=done)
    found = wait_for_captures(cloud, endpoint, {application.inference_id for application in applications})
    keys = lay(cloud, endpoint, hours, found)
    if labels := endpoint.training_labels:
        for hour in hours:
            traffic.deliver_labels(cloud, labels, hour.window.start, hour.labelled_at_once)
    return keys


def wait_for_captures(
    cloud: Cloud, endpoint: Endpoint, inference_ids: set[str], *, timeout: float = CAPTURE_TIMEOUT_SECONDS
) -> list[Captured]:
    """Every captured object of the endpoint, once all ``inference_ids`` are among their records.

    Raises:
        HistoryError: Some are still missing after ``timeout`` seconds.
    """
    home = f"{endpoint.capture.destination_uri}/{endpoint.name}"
    bucket, _ = split(home)
    deadline = time.monotonic() + timeout
    seen: dict[str, Captured] = {}
    while True:
        for key in cloud.keys(home):
            if key not in seen:
                text = cloud.read(bucket, key).decode()
                seen[key] = Captured(key, tuple(json.loads(line) for line in text.splitlines() if line))
        missing = inference_ids - {_inference_id(record) for captured in seen.values() for record in captured.records}
        if not missing:
            return list(seen.values())
        if time.monotonic() > deadline:
            raise HistoryError(
                f"{len(missing)} of {len(inference_ids)} requests to {endpoint.name!r} were not captured below {home} "
                f"in {timeout:.0f} s, among them {min(missing)!r}. Is data capture on, at 100 %? "
                f"Run the DAG {endpoint.name}__onboard, which switches it on as the YAML says."
            )
        time.sleep(POLL_SECONDS)


def lay(cloud: Cloud, endpoint: Endpoint, hours: Sequence[Hour], found: Sequence[Captured]) -> list[str]:
    """Write the records of ``hours`` into their hours' folders and take them out of the objects they were found in."""
    window_of = {
        application.inference_id: (hour.window, at / len(hour.applications))
        for hour in hours
        for at, application in enumerate(hour.applications)
    }
    home = f"{endpoint.capture.destination_uri}/{endpoint.name}"
    bucket, prefix = split(home)
    files: dict[str, list[tuple[datetime, str]]] = {}
    for captured in found:
        variant = captured.key.removeprefix(f"{prefix}/").split("/")[0]
        for record in captured.records:
            if place := window_of.get(_inference_id(record)):
                moment = _moment(*place)
                key = _key(f"{prefix}/{variant}", place[0], moment)
                files.setdefault(key, []).append((moment, json.dumps(_moved(record, moment))))
    for key, lines in sorted(files.items()):
        body = "".join(f"{line}\n" for _, line in sorted(lines))
        cloud.write(f"s3://{bucket}/{key}", body, "application/jsonlines")
    for captured in found:
        # Anyone may have called the endpoint meanwhile; what is not ours stays where it was captured.
        left = [record for record in captured.records if _inference_id(record) not in window_of]
        if not left:
            cloud.s3.delete_object(Bucket=bucket, Key=captured.key)
        elif len(left) < len(captured.records):
            body = "".join(f"{json.dumps(record)}\n" for record in left)
            cloud.write(f"s3://{bucket}/{captured.key}", body, "application/jsonlines")
    return sorted(files)


def _inference_id(record: Mapping[str, Any]) -> str:
    metadata = record.get("eventMetadata", {})
    return str(metadata.get("inferenceId") or metadata.get("eventId"))


def _moment(window: Window, share: float) -> datetime:
    return window.start + timedelta(seconds=int(share * window.length.total_seconds()))


def _key(variant: str, window: Window, moment: datetime) -> str:
    """``{variant}/{yyyy}/{mm}/{dd}/{hh}/{mm-ss-fff-uuid}.jsonl``, a few objects an hour, as capture delivers them."""
    part = window.length / FILES_AN_HOUR
    first = window.start + int((moment - window.start) / part) * part
    name = uuid.uuid5(NAMESPACE, f"{variant}/{first.isoformat()}")
    return f"{variant}/{first:%Y/%m/%d/%H}/{first:%M-%S}-000-{name}.jsonl"


def _moved(record: dict[str, Any], moment: datetime) -> dict[str, Any]:
    metadata = dict(record["eventMetadata"])
    metadata["eventId"] = str(uuid.uuid5(NAMESPACE, f"{_inference_id(record)}/{moment.isoformat()}"))
    metadata["inferenceTime"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return record | {"eventMetadata": metadata}
