"""Where SageMaker lays things in a container, and the readings of it that several commands share.

``SAGEMAKER_BASE_DIR`` moves the root, as in SageMaker's own training and inference toolkits; everywhere else it is
``/opt/ml``.
"""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

#: Ends the reason of a job that fails for what it was given: who started it need not pay for another try.
FINAL = "The same inputs would fail again."
_REASON_LIMIT = 1024


class InputError(ValueError):
    """What was given (data, hyperparameter, request) cannot be used; the text says what, where, what is expected."""


def base() -> Path:
    """The root of the container's contract, ``/opt/ml`` unless ``SAGEMAKER_BASE_DIR`` says otherwise."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def hyperparameters() -> dict[str, str]:
    """``input/config/hyperparameters.json``. Values come as strings; the Python SDK quotes them once more."""
    path = base() / "input" / "config" / "hyperparameters.json"
    if not path.exists():
        return {}
    return {name: _unquoted(value) for name, value in json.loads(path.read_text()).items()}


def _unquoted(value: object) -> str:
    try:
        inner = json.loads(str(value))
    except json.JSONDecodeError:
        return str(value)
    return inner if isinstance(inner, str) else str(value)


def fail(reason: str, *, ending: str = "") -> None:
    """Leave ``reason`` where SageMaker takes a job's FailureReason from; it keeps the first 1024 characters."""
    if ending:
        reason = f"{reason[: _REASON_LIMIT - len(ending) - 2].rstrip('.')}. {ending}"
    path = base() / "output" / "failure"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(reason[:_REASON_LIMIT])


def unpack(archive: Path, folder: Path) -> Path:
    """Extract a ``model.tar.gz``; links and paths that lead outside ``folder`` are refused."""
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        for member in members:
            inside = (root / member.name).resolve().is_relative_to(root)
            if not inside or not (member.isfile() or member.isdir()):
                raise InputError(f"{archive} holds {member.name!r}, which is no plain file inside the archive")
        tar.extractall(root, members=members)  # noqa: S202 - every member was checked above
    return folder
