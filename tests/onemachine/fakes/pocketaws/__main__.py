"""Stands in for the local AWS: answers its health page and notes its process id."""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ready"}')

    def log_message(self, *_: object) -> None: ...


with (Path(os.environ["ENDPOINTWATCH_LOCAL_DIR"]) / "pids").open("a") as file:
    file.write(f"{os.getpid()}\n")
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Health).serve_forever()
