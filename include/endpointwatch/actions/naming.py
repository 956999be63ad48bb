"""Names of what is made, derived from what it is: a retry arrives at the same name and finds its own work."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from endpointwatch.config.endpoint import Endpoint

NAME_LENGTH = 63
DIGEST_LENGTH = 10
SLUG_LENGTH = 32
#: The tag that names the endpoint for which something was made.
ENDPOINT_TAG = "endpointwatch:endpoint"


def digest(content: object) -> str:
    """Ten hex digits that stand for ``content`` (anything JSON can write), whatever order its keys are in."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def slug(text: str) -> str:
    """``text`` with only letters, digits and single hyphens, neither first nor last: what SageMaker's names allow."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")


def fitted(stem: str, ending: str, *, length: int = NAME_LENGTH) -> str:
    """``<stem>-<ending>`` in at most ``length`` characters.

    A stem that is too long is cut and gets a digest of the whole, so that two long stems never share a name.
    """
    whole = f"{stem}-{ending}"
    if len(whole) <= length:
        return whole
    room = length - len(ending) - DIGEST_LENGTH - 2
    return f"{slug(stem[:room])}-{digest(stem)}-{ending}"


def content_name(stem: str, content: Mapping[str, Any]) -> str:
    """A name that says what a thing contains: the same content is the same thing and is never made twice."""
    return fitted(stem, digest(content))


def model_name(endpoint: str, package_version: int) -> str:
    """The SageMaker model, and with it the *model version*, of a version of the endpoint's model package group."""
    return fitted(endpoint, f"v{package_version}")


def run_key(run_id: str, life: tuple[str, ...] = ()) -> str:
    """A folder name for what one DAG run makes.

    Args:
        run_id: Airflow's run id; it may hold characters that do not belong into S3 keys.
        life: What changes when the run is cleared but not when a task is retried: work that was cleared is done anew,
            beside the old.
    """
    return f"{slug(run_id)[:SLUG_LENGTH].strip('-').lower()}-{digest([run_id, *life])}".lstrip("-")


def tags(endpoint: Endpoint) -> list[dict[str, str]]:
    """What every resource made for an endpoint is tagged with, for cost reports and clean-up."""
    return [{"Key": ENDPOINT_TAG, "Value": endpoint.name}]
