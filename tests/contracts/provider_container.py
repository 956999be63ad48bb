"""A container in one file, for the operators of the Amazon provider: ``process``, ``train`` and ``serve``.

Ordinary container code: it knows SageMaker's paths and variables, and nothing of who runs it.
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ML = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


class Server(BaseHTTPRequestHandler):
    """Answers the model's one number."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer((ML / "model" / "sum.txt").read_bytes())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/csv")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(command: str) -> None:
    if command == "process":
        for path in (ML / "processing" / "in").iterdir():
            (ML / "processing" / "out" / path.name).write_text(path.read_text().replace(";", ","))
    elif command == "train":
        lines = [line for path in (ML / "input" / "data" / "train").iterdir() for line in path.read_text().split()]
        total = sum(int(field) for line in lines for field in line.split(","))
        (ML / "model" / "sum.txt").write_text(str(total))
        sys.stdout.write(f"the sum is {total}\n")
    else:
        port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
        HTTPServer(("127.0.0.1", port), Server).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
