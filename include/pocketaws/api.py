"""SageMaker's control plane as JSON in, JSON out: parse, validate, dispatch, word the error."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

from pocketaws import tags
from pocketaws.faults import Fault, not_emulated
from pocketaws.listing import answer, described, page, select
from pocketaws.operations import OPERATIONS
from pocketaws.service_model import MODEL, OPERATION_NAMES
from pocketaws.validation import validate
from pocketaws.world import World

__all__ = ["CONTENT_TYPE", "Answer", "answer", "call", "described", "error", "page", "select"]

CONTENT_TYPE = "application/x-amz-json-1.1"
Answer = tuple[int, dict[str, str], bytes]


def call(world: World, target: str, body: bytes) -> Answer:
    """Answer one control-plane request.

    Args:
        world: The local AWS.
        target: The ``X-Amz-Target`` header: ``SageMaker.<operation>``.
        body: The JSON request.

    Returns:
        HTTP status, headers, body.
    """
    try:
        return 200, {"content-type": CONTENT_TYPE}, json.dumps(_dispatch(world, target, body)).encode()
    except Fault as fault:
        return error(fault)
    except Exception as unexpected:  # noqa: BLE001 - the service answers, whatever went wrong in it
        traceback.print_exc(file=sys.stderr)
        return error(Fault("InternalFailure", f"{target} failed in the local AWS: {unexpected!r}", 500))


def error(fault: Fault) -> Answer:
    """An error in the form in which SageMaker answers it."""
    body = {"__type": fault.code, "message": fault.message, "Message": fault.message, **fault.extra}
    headers = {"content-type": CONTENT_TYPE, "x-amzn-errortype": fault.code}
    return fault.status, headers, json.dumps(body).encode()


def _dispatch(world: World, target: str, body: bytes) -> dict[str, Any]:
    service, _, name = target.partition(".")
    if service != "SageMaker" or name not in OPERATION_NAMES:
        raise Fault("UnknownOperationException", f"There is no SageMaker operation {target!r}", 404)
    if name not in OPERATIONS:
        raise not_emulated(f"{name} (SageMaker)")
    try:
        request = json.loads(body or b"{}")
    except ValueError as unreadable:
        raise Fault("SerializationException", f"The request of {name} is not JSON: {unreadable}") from unreadable
    shape = MODEL.operation_model(name).input_shape
    if shape is not None:
        validate(shape, request)
    # Before anything is made: a resource must not be left behind with half of its request.
    tags.check(request.get("Tags") or [])
    # A member given as null is a member not given.
    return OPERATIONS[name](world, {key: value for key, value in request.items() if value is not None})
