"""State-change events of SageMaker, and of CloudWatch's alarms, on EventBridge.

``PutEvents`` rightly refuses sources that begin with ``aws.``, so events are handed to the base emulator's own
function. It is private there; ``tests/pocketaws/test_events.py`` fails when a new version moves it.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pocketaws.world import World


def emit(world: World, detail_type: str, detail: dict[str, Any], arn: str, *, source: str = "aws.sagemaker") -> None:
    """Send an event to the default bus.

    Args:
        world: The local AWS.
        detail_type: For example ``SageMaker Processing Job State Change``.
        detail: The event's ``detail``.
        arn: The resource it is about.
        source: The service that it comes from.
    """
    # Imported here: the base reads its settings from the environment when it is imported.
    from ministack.core.responses import request_scope  # noqa: PLC0415
    from ministack.services import eventbridge  # noqa: PLC0415

    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": [arn],
    }
    try:
        with request_scope(world.settings.account, world.settings.region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)  # noqa: SLF001 - see the docstring
    except Exception as error:  # noqa: BLE001 - who is told of a change must not undo the change
        print(f"pocketaws: the event {detail_type!r} of {arn} was lost: {error!r}", file=sys.stderr)


def state_changed(world: World, kind: str, record: dict[str, Any]) -> None:
    """Send the state-change event of a resource, with its record as the detail.

    Times are milliseconds since the epoch, as text; an endpoint's status is in upper snake case (``IN_SERVICE``).
    Members whose names begin with an underscore are the local AWS's own.
    """
    told = {key: value for key, value in record.items() if key != "LastModifiedBy" and not key.startswith("_")}
    detail = {key: _in_ms(key, value) for key, value in told.items()}
    if kind == "Endpoint":
        detail["EndpointStatus"] = upper_snake(record["EndpointStatus"])
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind)
    emit(world, f"SageMaker {words} State Change", detail, record[f"{kind}Arn"])


def upper_snake(status: str) -> str:
    """``InService`` → ``IN_SERVICE``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", status).upper()


def _in_ms(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _in_ms(inner, item) for inner, item in value.items()}
    if isinstance(value, list):
        return [_in_ms(key, item) for item in value]
    if key.endswith("Time") and isinstance(value, int | float):
        return str(round(value * 1000))
    return value
