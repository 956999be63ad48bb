"""``serve``: the model behind ``GET /ping`` and ``POST /invocations``.

``text/csv``: rows without a header, features in the model's order, an empty cell is missing; one score a line back.
``application/json``: ``{"instances": [{"features": [..]}]}`` in, ``{"predictions": [{"score": ..}]}`` back; null is
missing.
``Accept`` may ask for the other of the two kinds. What cannot be read is answered with 400 and the reason.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any

import numpy as np

from containers.sklearn_example import contract, table
from containers.sklearn_example.contract import InputError
from containers.sklearn_example.model import SCORE_DECIMALS, Model, load
from containers.sklearn_example.table import Matrix

CSV, JSON = "text/csv", "application/json"
# What SageMaker's own containers answer with, charset included; data capture records the header as it is sent.
ANSWER_TYPE = {CSV: "text/csv; charset=utf-8", JSON: JSON}


class UnsupportedMediaTypeError(InputError):
    """The request's content type is neither of the two kinds."""


def answer(model: Model, body: bytes, content_type: str, accept: str) -> tuple[str, bytes]:
    """Content type and body of the answer to one request.

    Raises:
        InputError: The body cannot be read as rows of the model's features.
    """
    kind = _media_type(content_type) or CSV
    if kind not in ANSWER_TYPE:
        raise UnsupportedMediaTypeError(f"Content type {content_type!r} is not supported; send {CSV} or {JSON}")
    wanted = _media_type(accept)
    wanted = wanted if wanted in ANSWER_TYPE else kind
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"The body is not UTF-8: {error}") from None
    names = model.metadata.features
    rows = table.request_rows(text, names) if kind == CSV else _instances(text, names)
    if not len(rows):
        raise InputError("The body holds no rows")
    scores = model.scores(rows)
    if wanted == CSV:
        # Full precision of what a client can compare: a file scored here equals the same rows sent by HTTP.
        return ANSWER_TYPE[CSV], "".join(f"{score:.{SCORE_DECIMALS}f}\n" for score in scores).encode()
    return ANSWER_TYPE[JSON], json.dumps({"predictions": [{"score": float(score)} for score in scores]}).encode()


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _instances(text: str, names: tuple[str, ...]) -> Matrix:
    shape = '{"instances": [{"features": [numbers or null]}]}'
    try:
        instances = json.loads(text)["instances"]
        features = [instance["features"] for instance in instances]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"The body must be JSON of the form {shape}") from None
    for at, row in enumerate(features, start=1):
        if not isinstance(row, list) or len(row) != len(names):
            raise InputError(f"Instance {at} must have {len(names)} features: {list(names)}")
        for name, value in zip(names, row, strict=True):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise InputError(f"Instance {at}, feature {name!r}: {value!r} is not a number")
    return np.array(features, dtype=np.float64).reshape(len(features), len(names))


class Handler(BaseHTTPRequestHandler):
    """One connection. The model hangs on the class, made by :func:`serve`."""

    protocol_version = "HTTP/1.1"  # keep-alive
    disable_nagle_algorithm = True  # a small answer must not wait for the client's delayed acknowledgement
    model: Model

    def do_GET(self) -> None:
        self._reply(200 if self.path == "/ping" else 404, "text/plain", b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations":
            self._reply(404, "text/plain", f"There is no {self.path}; POST to /invocations".encode())
            return
        try:
            content_type, out = answer(
                self.model, body, self.headers.get("Content-Type", CSV), self.headers.get("Accept", "")
            )
        except UnsupportedMediaTypeError as error:
            self._reply(415, "text/plain", str(error).encode())
        except InputError as error:
            self._reply(400, "text/plain", str(error).encode())
        except Exception as error:  # noqa: BLE001 - the server must answer, and go on serving others
            print(f"ERROR {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            self._reply(500, "text/plain", f"{type(error).__name__}: {error}".encode())
        else:
            self._reply(200, content_type, out)

    def _reply(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        # A line for every request would drown what matters in the endpoint's log.
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    address_family = socket.AF_INET


def serve() -> None:
    """Serve ``/opt/ml/model`` until SIGTERM, on ``SAGEMAKER_BIND_TO_PORT`` (8080)."""
    model = load(contract.base() / "model")
    # All interfaces, as a container must; a runner on a shared host narrows it with SAGEMAKER_BIND_TO_HOST.
    host = os.environ.get("SAGEMAKER_BIND_TO_HOST", "0.0.0.0")  # noqa: S104
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    server = Server((host, port), type("ModelHandler", (Handler,), {"model": model}))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    print(f"serving {model.metadata.estimator} with {len(model.metadata.features)} features on port {port}", flush=True)
    server.serve_forever()
