"""The live endpoint as a model: asked for rows in batches, within a budget of requests, patiently when it throttles.

Who calls AWS is not the engine: :func:`connect` takes it from a module of the analyzer's image, which it is told by
name. Its requests carry an inference id with :data:`~endpointwatch.capture.marks.OWN_TRAFFIC`, by which their captures
are recognised and skipped, and custom attributes that say the same to the container.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from endpointwatch.capture.marks import OWN_TRAFFIC
from endpointwatch.config.attribution import ModelSource
from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.errors import BudgetError, ModelError
from endpointwatch.jobs.models.rows import Matrix, csv_body, outputs

CALLER_KEY = "endpoint_caller"
CALLER = "containers.analyzer.live_endpoint"
CUSTOM_ATTRIBUTES = "endpointwatch=attribution"
#: InvokeEndpoint takes bodies of up to 6 MB.
BODY_BYTES = 5_000_000
ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.25
_log = logging.getLogger(__name__)


class ThrottledError(Exception):
    """The endpoint refuses this request for now; it may be sent again later."""


class Caller(Protocol):
    """One request to the endpoint."""

    def __call__(self, body: bytes, *, content_type: str, inference_id: str, custom_attributes: str) -> bytes:
        """The answer's body.

        Raises:
            ThrottledError: Too many requests for now.
            ModelError: It cannot be called.
        """


@dataclass(slots=True)
class Live:
    """A live endpoint.

    Attributes:
        caller: Sends a request.
        source: The limits.
        mark: Follows :data:`OWN_TRAFFIC` in the inference ids: what the requests are for.
        selection: Where answers stand in JSON.
        wait: Sleeps; the clock's, replaced in tests.
        sent: Requests so far, refused ones included.
    """

    caller: Caller
    source: ModelSource
    mark: str
    selection: JsonPayloads = field(default_factory=JsonPayloads)
    wait: Callable[[float], None] = time.sleep
    sent: int = 0

    @property
    def estimator(self) -> None:
        """There is none at hand."""

    def matrix(self, texts: NDArray[Any]) -> NDArray[Any]:
        """Rows go to the endpoint as the texts that were captured."""
        return texts

    def predict(self, rows: NDArray[Any]) -> Matrix:
        """Outputs, shape ``(rows, outputs)``.

        Raises:
            BudgetError: The budget does not suffice for all rows, or the endpoint throttles on and on.
            ModelError: It cannot be called, or does not answer with numbers.
        """
        told = [self._ask(part) for part in self._parts(rows)]
        return np.concatenate(told)

    def _parts(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        widest = max((len(csv_body(row[None])) for row in rows[:: max(1, len(rows) // 50)]), default=1)
        step = max(1, min(self.source.rows_per_request, BODY_BYTES // (2 * widest)))
        return [rows[start : start + step] for start in range(0, len(rows), step)]

    def _ask(self, rows: NDArray[Any]) -> Matrix:
        body = csv_body(rows).encode()
        for attempt in range(ATTEMPTS):
            if self.sent >= self.source.max_requests:
                raise BudgetError(
                    f"the budget of {self.source.max_requests} requests (`model.max_requests`) is used up"
                )
            self.sent += 1
            try:
                answer = self.caller(
                    body,
                    content_type="text/csv",
                    inference_id=f"{OWN_TRAFFIC}{self.mark}-{self.sent}",
                    custom_attributes=CUSTOM_ATTRIBUTES,
                )
            except ThrottledError as error:
                _log.warning("the endpoint throttles (request %d): %s", self.sent, error)
                self.wait(FIRST_WAIT_SECONDS * 2**attempt)
                continue
            return outputs(answer, len(rows), self.selection)
        raise BudgetError(f"the endpoint throttled {ATTEMPTS} times in a row")


def connect(endpoint: str, region: str | None, module: str) -> Caller:
    """What calls the endpoint, from ``module``'s function ``connect(endpoint, region)``.

    Raises:
        ModelError: There is no such module in this image, or it cannot connect.
    """
    try:
        return cast("Caller", importlib.import_module(module).connect(endpoint, region))
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"`model.source` is endpoint, but this image has no {module}.connect to call it with ({error}). Use the "
            f"analyzer's image of this project, or name a module of your own in the environment key {CALLER_KEY}."
        ) from error
