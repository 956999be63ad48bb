"""The JSON schema of the endpoints' YAML files, for editors: ``python -m endpointwatch.config.schema``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from endpointwatch.config.endpoint import Endpoint


def schema() -> str:
    """The exact text of ``include/endpoints/endpoint.schema.json``."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Endpoint.model_json_schema()}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m endpointwatch.config.schema",
        description="Print the JSON schema of the files in include/endpoints/, or write it to a file.",
        epilog="In a YAML file: # yaml-language-server: $schema=endpoint.schema.json",
    )
    parser.add_argument("--output", type=Path, help="file to write; without it the schema goes to standard output")
    options = parser.parse_args(arguments)
    if options.output is None:
        sys.stdout.write(schema())
    else:
        options.output.write_text(schema(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
