"""Polars alone: the two payloads of every captured record as texts, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import polars as pl

from harness.inside import Work, tell

_SIDE = pl.Struct({"data": pl.String})
_RECORD = {"captureData": pl.Struct({"endpointInput": _SIDE, "endpointOutput": _SIDE})}


def main() -> None:
    folder = Path(sys.argv[1])
    with Work() as work:
        capture = pl.col("captureData").struct
        sides = [
            capture.field(key).struct.field("data").alias(name)
            for name, key in (("input", "endpointInput"), ("output", "endpointOutput"))
        ]
        found = pl.scan_ndjson(sorted(folder.rglob("*.jsonl")), schema=_RECORD).select(sides).collect()
    tell(work, rows=found.height)


if __name__ == "__main__":
    main()
