"""Stands in for Airflow's commands: starts in milliseconds, and leaves helpers behind as badly as it can.

Every process it starts notes its id in ``$ENDPOINTWATCH_LOCAL_DIR/pids``, so that a test can count them without asking
the code under test.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

local = Path(os.environ["ENDPOINTWATCH_LOCAL_DIR"])
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def note(pid: int) -> None:
    with (local / "pids").open("a") as file:
        file.write(f"{pid}\n")


def written(component: str) -> Path:
    return local / f"{component}.environment.json"


def helper(*, session: bool, environment: dict[str, str] | None) -> None:
    note(subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=session, env=environment).pid)


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        names = {n: n.replace("-", "_") for n in ("scheduler", "triggerer", "dag-processor") if written(n).exists()}
        now = datetime.now(UTC).isoformat()
        parts = {n: {"status": "healthy", f"latest_{n}_heartbeat": now} for n in names.values()}
        body = json.dumps({"metadatabase": {"status": "healthy"}, **parts}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


command = sys.argv[1]
if command == "db":
    sys.exit(0)
note(os.getpid())
trouble = (local / "trouble").read_text() if (local / "trouble").exists() else ""
if trouble == f"{command} fails":
    sys.exit(f"the {command} has a reason to fail")
if trouble == f"{command} hangs":
    time.sleep(600)
if command == "scheduler":
    helper(session=False, environment={})  # a child of the same session that knows nothing of the stack
    helper(session=True, environment=None)  # a child that has left the session
draft = local / f"{command}.environment.draft"
draft.write_text(json.dumps(dict(os.environ)))
draft.replace(written(command))
if command == "api-server":
    port = int(sys.argv[sys.argv.index("--port") + 1])
    ThreadingHTTPServer(("127.0.0.1", port), Health).serve_forever()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
time.sleep(600)
