"""Errors as AWS words them.

SageMaker answers most lookups of an unknown name with ``ValidationException`` and not with the ``ResourceNotFound``
that its API model documents; the Amazon provider for Airflow and the SageMaker SDK rely on that code and on the
beginning of some messages. The wording of every kind of resource therefore stands here, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class Fault(Exception):  # noqa: N818 - AWS's own word for an answer that is an error
    """An answer that is an error: AWS's code, message and HTTP status.

    Attributes:
        code: AWS's error code, for example ``ValidationException``.
        message: What is wrong, and where possible how to mend it.
        status: The HTTP status.
        extra: Further members of the error's body, for example ``OriginalStatusCode`` of a ``ModelError``.
    """

    def __init__(self, code: str, message: str, status: int = 400, **extra: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.extra = extra


def invalid(message: str) -> Fault:
    return Fault("ValidationException", message)


def not_emulated(what: str) -> Fault:
    """The fault for everything that AWS does and the local AWS does not; never an empty success."""
    return Fault("NotImplemented", f"{what} is not emulated by the local AWS", 501)


def refuse_members(request: Mapping[str, Any], members: Iterable[str], of: str) -> None:
    """Refuse a request with one of these members, as what they ask for would not happen.

    Raises:
        Fault: With the member's name.
    """
    for member in members:
        if request.get(member):
            raise not_emulated(f"{member} of {of}")


# "{}" is the ARN, or the name where AWS names the name.
_BY_ARN = "ARN"
_BY_NAME = "name"
_NOT_FOUND: dict[str, tuple[str, str, str]] = {
    "ProcessingJob": ("ValidationException", _BY_NAME, "Could not find requested job with name: {}"),
    "TrainingJob": ("ValidationException", _BY_NAME, "Requested resource not found. No training job is named {}"),
    "HyperParameterTuningJob": (
        "ResourceNotFound",
        _BY_NAME,
        "Requested resource not found: {}",
    ),
    "TransformJob": ("ValidationException", _BY_NAME, "Could not find requested job with name: {}"),
    "Model": ("ValidationException", _BY_ARN, 'Could not find model "{}".'),
    "EndpointConfig": ("ValidationException", _BY_ARN, 'Could not find endpoint configuration "{}".'),
    "Endpoint": ("ValidationException", _BY_ARN, 'Could not find endpoint "{}".'),
    "ModelPackageGroup": ("ValidationException", _BY_ARN, "ModelPackageGroup {} does not exist."),
    "ModelPackage": ("ValidationException", _BY_ARN, "ModelPackage {} does not exist."),
}
_JOB_EXISTS = "Job name must be unique within an AWS account and region, and a job with this name already exists ({})"
_EXISTS: dict[str, tuple[str, str]] = {
    "ProcessingJob": ("ResourceInUse", _JOB_EXISTS),
    "TrainingJob": ("ResourceInUse", _JOB_EXISTS),
    "TransformJob": ("ResourceInUse", _JOB_EXISTS),
    "Model": ("ValidationException", 'Cannot create already existing model "{}".'),
    "EndpointConfig": ("ValidationException", 'Cannot create already existing endpoint configuration "{}".'),
    "Endpoint": ("ValidationException", 'Cannot create already existing endpoint "{}".'),
    "ModelPackageGroup": ("ValidationException", "Model Package Group already exists: {}"),
}


def not_found(kind: str, name: str, arn: str) -> Fault:
    """The fault AWS answers when ``name`` of ``kind`` is asked for and is not there."""
    code, by, text = _NOT_FOUND.get(kind, ("ResourceNotFound", _BY_ARN, f"{kind} {{}} does not exist."))
    return Fault(code, text.format(name if by == _BY_NAME else arn))


def already_exists(kind: str, arn: str) -> Fault:
    """The fault AWS answers when a name of ``kind`` is taken."""
    code, text = _EXISTS.get(kind, ("ResourceInUse", f"{kind} {{}} already exists."))
    return Fault(code, text.format(arn))
