"""A model server that does what a test tells it: the container of the image ``test-server``.

It answers ``/invocations`` with what it has seen, as JSON. Environment: ``VERSION`` is repeated in every answer;
``PING_AFTER`` is how many seconds ``/ping`` is refused; ``FAIL`` is the status of every answer; ``EXIT`` ends it with
that code, at the start or after ``PING_AFTER``. A request's body may be a command: ``status 418``, ``sleep 0.5``
(seconds), ``wait /some/file`` (until it exists), ``crash``, ``type text/csv`` (the answer's content type).
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BEGAN = time.monotonic()
MODEL = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "model"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        late = time.monotonic() - BEGAN >= float(os.environ.get("PING_AFTER", "0"))
        self.answer(200 if late else 503, "text/plain", b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        word, _, argument = body.decode(errors="replace").partition(" ")
        if word == "crash":
            os._exit(1)
        if word == "sleep":
            time.sleep(float(argument))
        while word == "wait" and not Path(argument).exists():
            time.sleep(0.02)
        if word == "status" or "FAIL" in os.environ:
            self.answer(int(os.environ.get("FAIL") or argument), "text/plain", b"as told")
            return
        seen = {
            "version": os.environ.get("VERSION", ""),
            "body": body.decode(errors="replace"),
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "files": sorted(path.name for path in MODEL.iterdir()) if MODEL.exists() else [],
            "pid": os.getpid(),
        }
        self.answer(200, argument if word == "type" else "application/json", json.dumps(seen).encode())

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from=model")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    print("arguments", sys.argv[1:], "version", os.environ.get("VERSION", ""), flush=True)  # noqa: T201 - its log
    if "EXIT" in os.environ:
        time.sleep(float(os.environ.get("PING_AFTER", "0")))
        sys.exit(int(os.environ["EXIT"]))
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
