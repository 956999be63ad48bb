"""The operations that are emulated: a visible table from an operation's name to the function that answers it.

    @operation("CreateModel")
    def create_model(world: World, request: Request) -> Response: ...

A function gets the request after it has passed botocore's model (``api.py``); it answers the members of the output
shape, timestamps as epoch seconds. What is registered nowhere answers HTTP 501.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pocketaws.world import World

Request = dict[str, Any]
Response = dict[str, Any]
Operation = Callable[["World", Request], Response]

OPERATIONS: dict[str, Operation] = {}


def operation(name: str) -> Callable[[Operation], Operation]:
    """Register a function as the answer to the SageMaker operation ``name``."""

    def register(function: Operation) -> Operation:
        if name in OPERATIONS:
            raise RuntimeError(f"{name} is registered twice: {OPERATIONS[name].__module__} and {function.__module__}")
        OPERATIONS[name] = function
        return function

    return register
