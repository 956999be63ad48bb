"""A CSV data set, written in another of the formats that baselines are learnt from."""

from __future__ import annotations

import io
import json

import polars as pl


def written(table: str, form: str) -> bytes:
    """``table`` (CSV with a header) as ``form``, a value of ``baseline_dataset_format``."""
    if form == "csv":
        return table.encode()
    if form == "csv_without_header":
        return table.partition("\n")[2].encode()
    frame = pl.read_csv(io.StringIO(table))
    if form == "json_lines":
        return frame.write_ndjson().encode()
    if form == "json":
        return json.dumps(frame.to_dicts()).encode()
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
