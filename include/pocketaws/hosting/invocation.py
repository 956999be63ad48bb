"""One InvokeEndpoint request: to a model server and back, captured and counted.

References:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pocketaws.capture import Exchange
from pocketaws.faults import Fault, not_emulated
from pocketaws.hosting.fleet import Routes, Taken, UnknownVariant
from pocketaws.hosting.server import Answer, TimedOut, Unreachable
from pocketaws.hosting.shadow import SOURCE, Shadows
from pocketaws.metrics import Invocation

if TYPE_CHECKING:
    from pocketaws.world import World

MAX_BODY = 6 * 1024 * 1024
MAX_INFERENCE_ID = 64
MAX_CUSTOM_ATTRIBUTES = 1024
_PREFIX = "x-amzn-sagemaker-"
TARGET_VARIANT = _PREFIX + "target-variant"
INFERENCE_ID = _PREFIX + "inference-id"
CUSTOM_ATTRIBUTES = _PREFIX + "custom-attributes"
FORWARDED = ("content-type", "accept", CUSTOM_ATTRIBUTES, INFERENCE_ID)
# Routing that has no meaning here; a request that asks for it must not get another model's answer.
NOT_EMULATED = {
    _PREFIX + "target-model": "TargetModel",
    _PREFIX + "target-container-hostname": "TargetContainerHostname",
    _PREFIX + "inference-component": "InferenceComponentName",
    _PREFIX + "enable-explanations": "EnableExplanations",
    _PREFIX + "session-id": "SessionId",
}
SUCCESS = range(200, 300)
CLIENT_ERRORS = range(400, 500)
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


def invoke(
    world: World, routes: Routes, shadows: Shadows, endpoint: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """HTTP status, headers and body of the answer.

    Raises:
        Fault: As AWS words it.
    """
    arrived, began = time.time(), time.perf_counter()
    given = {name.lower(): value for name, value in headers.items()}
    _check(body, given)
    try:
        with routes.take(endpoint, given.get(TARGET_VARIANT)) as taken:
            if taken is None:
                raise Fault("ValidationError", f"Endpoint {endpoint} of account {world.settings.account} not found.")
            request = _Request(world, endpoint, body, given, arrived, began)
            shadow = taken.fleet.copied()
            if shadow is not None:
                server = taken.fleet.servers[shadow.name]
                shadows.send(taken.fleet, lambda: _shadowed(request, Taken(taken.fleet, shadow, server)))
            answer = _asked(request, taken)
    except UnknownVariant as error:
        raise Fault("ValidationError", f"Variant {error} not found for Request") from None
    if answer.status not in SUCCESS:
        raise _model_error(world, taken, answer)
    answered = {"x-amzn-invoked-production-variant": taken.variant.name}
    for name in ("content-type", CUSTOM_ATTRIBUTES):
        if name in answer.headers:
            answered[name] = answer.headers[name]
    return 200, answered, answer.body


@dataclass(frozen=True, slots=True)
class _Request:
    """A request on its way, as the variants see it."""

    world: World
    endpoint: str
    body: bytes
    headers: Mapping[str, str]
    arrived: float
    began: float


def _shadowed(request: _Request, taken: Taken) -> None:
    # Its overhead is its own, not what the production variant's request had before it.
    _asked(replace(request, began=time.perf_counter()), taken, source=SOURCE)


def _asked(request: _Request, taken: Taken, *, source: str | None = None) -> Answer:
    """Ask the model server; capture and count while the request still counts as under way.

    So an update that has drained its old fleet has all of it.
    """
    given, world = request.headers, request.world
    asked = time.perf_counter()
    answer = _ask(taken, request.body, {name: given[name] for name in FORWARDED if name in given})
    model_seconds = time.perf_counter() - asked
    if answer.status in SUCCESS:
        world.capture.record(
            taken.fleet.spec.capture,
            Exchange(
                endpoint=request.endpoint,
                variant=taken.variant.name,
                at=request.arrived,
                request_type=given.get("content-type"),
                request=request.body,
                response_type=answer.headers.get("content-type"),
                response=answer.body,
                inference_id=given.get(INFERENCE_ID),
                custom_attributes=given.get(CUSTOM_ATTRIBUTES),
                source=source,
            ),
        )
    world.metrics.record(
        Invocation(
            endpoint=request.endpoint,
            variant=taken.variant.name,
            instances=taken.variant.instances,
            at=request.arrived,
            status=answer.status,
            model_seconds=model_seconds,
            overhead_seconds=time.perf_counter() - request.began - model_seconds,
            config_name=taken.fleet.spec.config_name if taken.fleet.updating else None,
        )
    )
    return answer


def _ask(taken: Taken, body: bytes, headers: dict[str, str]) -> Answer:
    try:
        return taken.server.invoke(body, headers)
    except TimedOut:
        return Answer(0, {}, TIMED_OUT.encode())
    except Unreachable as error:
        return Answer(503, {}, f"The container primary did not answer: {error}".encode())


def _check(body: bytes, headers: Mapping[str, str]) -> None:
    for name, member in NOT_EMULATED.items():
        if name in headers:
            raise not_emulated(f"{member} of InvokeEndpoint")
    if len(body) > MAX_BODY:
        raise Fault("ValidationError", f"Request body of {len(body)} bytes exceeds the limit of {MAX_BODY} bytes", 413)
    for name, member, longest in (
        (INFERENCE_ID, "inferenceId", MAX_INFERENCE_ID),
        (CUSTOM_ATTRIBUTES, "customAttributes", MAX_CUSTOM_ATTRIBUTES),
    ):
        if len(headers.get(name, "")) > longest:
            raise Fault(
                "ValidationError",
                f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
                f"Member must have length less than or equal to {longest}",
            )


def _model_error(world: World, taken: Taken, answer: Answer) -> Fault:
    settings, group = world.settings, taken.server.log_group
    text = answer.body.decode(errors="replace")
    side = "client" if answer.status in CLIENT_ERRORS else "server"
    return Fault(
        "ModelError",
        f'Received {side} error ({answer.status}) from primary with message "{text}". See '
        f"https://{settings.region}.console.aws.amazon.com/cloudwatch/home?region={settings.region}"
        f"#logEventViewer:group={group} in account {settings.account} for more information.",
        424,
        OriginalStatusCode=answer.status,
        OriginalMessage=text,
        LogStreamArn=f"arn:aws:logs:{settings.region}:{settings.account}:log-group:{group}"
        f":log-stream:{taken.server.log_stream}",
    )
