"""``python -m onemachine.healthcheck COMPONENT URL``: exit code 0 when the component is healthy.

For the health checks of docker-compose.yaml, which run every few seconds: standard library only, 50 ms, where
``airflow jobs check`` imports all of Airflow for seconds of CPU. The api-server knows each component's heartbeat.
"""

from __future__ import annotations

import http.client
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

REPORTED = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}
REPORTED["api-server"] = "metadatabase"  # the api-server is who answers
TIMEOUT_SECONDS = 8.0


def is_healthy(component: str, answer: dict[str, Any]) -> bool:
    """Whether the answer of the health page says that ``component`` is at work."""
    if component == "pocketaws":
        return answer.get("status") == "ready"
    part = answer.get(REPORTED[component]) or {}
    return part.get("status") == "healthy"


def ask(url: str, *, timeout: float = TIMEOUT_SECONDS) -> dict[str, Any] | None:
    """The JSON object at ``url``, or None when there is none to be had."""
    # No proxy: one that stands in the environment does not reach loopback, or the inside of a compose network.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=timeout) as answer:
            body = json.load(answer)
    except (urllib.error.URLError, ValueError, OSError, http.client.HTTPException):
        return None
    return body if isinstance(body, dict) else None


def main(arguments: Sequence[str]) -> int:
    component, url = arguments
    path = "/_pocketaws/health" if component == "pocketaws" else "/api/v2/monitor/health"
    answer = ask(url + path)
    return 0 if answer and is_healthy(component, answer) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
