"""``python -m endpointwatch drift``: what of a live endpoint is not as its YAML file declares it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from endpointwatch.actions.endpoint_drift import differences
from endpointwatch.config.loader import load
from endpointwatch.errors import EndpointWatchError

EXAMPLE = "aws sagemaker describe-endpoint-config --endpoint-config-name <name> > live.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 without differences, 1 with some, 2 when a file cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m endpointwatch drift",
        description="Compare an endpoint's file with the endpoint configuration that serves.",
        epilog=f"The live configuration: {EXAMPLE}",
    )
    parser.add_argument("endpoint", type=Path, help="the endpoint's YAML file")
    parser.add_argument("live", type=Path, help="what DescribeEndpointConfig answers, as JSON")
    options = parser.parse_args(arguments)
    try:
        endpoint = load(options.endpoint)
        found = differences(endpoint, json.loads(options.live.read_text(encoding="utf-8")))
    except (EndpointWatchError, OSError, ValueError, KeyError, TypeError) as error:
        print(
            f"{type(error).__name__}: {error}\nThe live configuration is what this writes: {EXAMPLE}", file=sys.stderr
        )
        return 2
    for difference in found:
        print(difference)
    if not found:
        print(f"{endpoint.name} is as its file declares it")
    return 1 if found else 0
