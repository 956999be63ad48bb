"""Requests about alarms, checked before the base emulator answers them.

The base takes what it does not know and drops it: an alarm on metric math would be there, and never go off. Here it is
refused: by botocore's model of CloudWatch where AWS would refuse it, with 501 where only the local AWS does.
"""

from __future__ import annotations

from typing import Any

import botocore.session

from pocketaws.faults import Fault, not_emulated
from pocketaws.validation import validate

CHECKED = {
    "PutMetricAlarm": "_put_metric_alarm",
    "PutCompositeAlarm": "_put_composite_alarm",
    "SetAlarmState": "_set_alarm_state",
    "DescribeAlarmHistory": "_describe_alarm_history",
}
"""Operations by name, and the base emulator's functions that answer them."""

_MATH, _ANOMALY = "an alarm on metric math or a query", "an alarm on anomaly detection"
NOT_EMULATED = {
    "Metrics": _MATH,
    "EvaluationCriteria": _MATH,
    "EvaluationInterval": _MATH,
    "ThresholdMetricId": _ANOMALY,
    "EvaluateLowSampleCountPercentile": "EvaluateLowSampleCountPercentile",
    "WarmUpConfiguration": "the warm-up of an alarm",
    "EvaluationWindow": "the evaluation window of an alarm",
    "ActionConfiguration": "ActionConfiguration of an alarm",
    "ActionsSuppressor": "the suppressor of a composite alarm",
    "AlarmContributorId": "contributors of an alarm",
}
_BANDS = {"LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"}
_MODEL = botocore.session.get_session().get_service_model("cloudwatch")


def check(operation: str, request: dict[str, Any]) -> None:
    """Refuse what AWS would, and what is not emulated.

    Args:
        operation: The API's word.
        request: Its members.

    Raises:
        Fault: ``ValidationError`` as CloudWatch answers it, or ``NotImplemented`` (501).
    """
    shape = _MODEL.operation_model(operation).input_shape
    try:
        if shape is not None:
            validate(shape, request)
    except Fault as fault:
        code = "ValidationError" if fault.code == "ValidationException" else fault.code
        raise Fault(code, fault.message, fault.status) from fault
    if asked := [what for member, what in NOT_EMULATED.items() if request.get(member)]:
        raise not_emulated(asked[0])
    if request.get("ComparisonOperator") in _BANDS:
        raise not_emulated(_ANOMALY)


def guard(emulator: Any) -> None:
    """Put :func:`check` before the base emulator's own functions.

    Args:
        emulator: Its module of CloudWatch.

    Raises:
        RuntimeError: A new version has moved one of them.
    """
    for operation, function in CHECKED.items():
        answer = getattr(emulator, function, None)
        if not callable(answer):
            raise RuntimeError(f"The base emulator has no {function!r} to check requests before")  # noqa: TRY004
        setattr(emulator, function, _checked(operation, answer, emulator))


def _checked(operation: str, answer: Any, emulator: Any) -> Any:
    def checked(params: Any, body: dict[str, Any], is_cbor: bool, is_json: bool = False) -> Any:
        try:
            # Clients of the query protocol, older than boto3 1.42, send everything as text: the base's own checks do.
            if is_cbor or is_json:
                check(operation, body)
        except Fault as fault:
            return emulator._error(fault.code, fault.message, fault.status, use_json=is_json, use_cbor=is_cbor)  # noqa: SLF001
        return answer(params, body, is_cbor, is_json)

    return checked
