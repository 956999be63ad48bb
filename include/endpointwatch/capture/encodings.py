"""What a payload really is, by its encoding and content type: BASE64 is undone where the type says what it holds."""

from __future__ import annotations

import base64
import binascii

import polars as pl

CSV, JSON, BASE64 = "CSV", "JSON", "BASE64"
READ = (CSV, JSON)
_CSV_TYPES = frozenset({"text/csv", "application/csv"})
_JSON_TYPES = frozenset(
    {"application/json", "application/jsonlines", "application/x-jsonlines", "application/x-ndjson", "text/json"}
)


def named_by(content_type: str | None) -> str | None:
    """``CSV`` or ``JSON`` where the content type says so, its parameters (``; charset=utf-8``) aside; else None."""
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind in _CSV_TYPES:
        return CSV
    return JSON if kind in _JSON_TYPES or kind.endswith("+json") else None


def decoded(frame: pl.DataFrame, sides: tuple[str, ...]) -> pl.DataFrame:
    """The records with their BASE64 payloads as texts, under the encoding that their content type names.

    A payload stays as it is where the type names none, or where it is no BASE64 of UTF-8 text.
    """
    for side in sides:
        data, encoding, kind = f"{side}_data", f"{side}_encoding", f"{side}_type"
        if not frame.get_column(encoding).eq(BASE64).any():
            continue
        undone = [
            _undone(*record) if record[1] == BASE64 else record[:2]
            for record in frame.select(data, encoding, kind).iter_rows()
        ]
        frame = frame.with_columns(
            pl.Series(data, [text for text, _ in undone], pl.String),
            pl.Series(encoding, [name for _, name in undone], pl.String),
        )
    return frame


def _undone(data: str | None, encoding: str, kind: str | None) -> tuple[str | None, str]:
    name = named_by(kind)
    if data is None or name is None:
        return data, encoding
    try:
        return base64.b64decode("".join(data.split()), validate=True).decode(), name
    except (binascii.Error, ValueError):
        return data, encoding
