"""JSON payloads to rows: one document or many, flat as they are or by JMESPath, each row with names or without."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import jmespath
import jmespath.exceptions
from jmespath.parser import ParsedResult

from endpointwatch.config.data_quality import JsonPayloads

DATA_SET = "data set"
_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n"


class UnreadableError(Exception):
    """A payload that is no rows; the text is the reason, ``kind`` what it is counted under."""

    def __init__(self, reason: str, kind: str = "payload") -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a payload.

    Attributes:
        cells: Its values as texts; None where the document has ``null`` or ``NaN``.
        names: Their keys when the row is an object; None when it is an array or a single value.
    """

    cells: tuple[str | None, ...]
    names: tuple[str, ...] | None = None

    def by_key(self) -> Row:
        """The same row with its columns in the lexicographic order of their keys."""
        if self.names is None:
            return self
        order = sorted(range(len(self.names)), key=lambda place: (self.names or ())[place])
        return Row(tuple(self.cells[i] for i in order), tuple(self.names[i] for i in order))


def document_rows(payload: str, side: str, selection: JsonPayloads) -> list[Row]:
    """The rows of one side's JSON payload, in order.

    Args:
        payload: One JSON document, or several one after the other (JSON Lines).
        side: ``input`` or ``output``; or :data:`DATA_SET`, which has no selection.
        selection: Where rows and columns stand in each document.

    Raises:
        UnreadableError: The payload is not valid JSON, a path finds nothing in it, or a value is itself an object or an
            array.
    """
    rows_path, columns_path = {
        "input": (selection.input_rows, selection.input_columns),
        "output": (selection.output_rows, selection.output_columns),
    }.get(side, (None, None))
    found: list[Row] = []
    for document in _documents(payload):
        items = _items(document, side, rows_path)
        for item in items:
            value = item
            if columns_path is not None:
                value = _search(columns_path, item, f"json_payloads.{side}_columns")
                if value is None:
                    reason = f"json_payloads.{side}_columns {columns_path!r} finds nothing in row {len(found) + 1}"
                    raise UnreadableError(reason, "nested")
            found.append(row_of(value, side))
    return found


def _documents(payload: str) -> list[Any]:
    found: list[Any] = []
    position, end = 0, len(payload.rstrip(_BLANK))
    try:
        while position < end:
            while payload[position] in _BLANK:
                position += 1
            document, position = _DECODER.raw_decode(payload, position)
            found.append(document)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"the JSON payload is not valid: {error.msg} at character {error.pos + 1}") from error
    except ValueError as error:
        raise UnreadableError(f"the JSON payload cannot be read: {error}") from error
    except RecursionError as error:
        raise UnreadableError("the JSON payload is nested too deeply") from error
    return found


def _items(document: Any, side: str, path: str | None) -> list[Any]:
    """The document's rows, not yet flattened."""
    if path is not None:
        rows = _search(path, document, f"json_payloads.{side}_rows")
        if rows is None:
            raise UnreadableError(f"json_payloads.{side}_rows {path!r} finds nothing in the {side}", "nested")
        return rows if isinstance(rows, list) else [rows]
    if isinstance(document, list) and any(isinstance(item, (dict, list)) for item in document):
        return document
    return [document]


def row_of(value: Any, side: str) -> Row:
    """One row: an object's values by key, an array's by position, a single value alone.

    Raises:
        UnreadableError: A value is itself an object or an array.
    """
    if isinstance(value, dict):
        return Row(tuple(_text(cell, side, key) for key, cell in value.items()), tuple(value))
    if isinstance(value, list):
        return Row(tuple(_text(cell, side, place) for place, cell in enumerate(value)))
    return Row((_text(value, side, 0),))


def _text(value: Any, side: str, place: str | int) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UnreadableError(f"the value of {place!r} in the {side} is half of a surrogate pair") from error
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        kind = "an object" if isinstance(value, dict) else "an array"
        where = f"the value of {place!r}" if isinstance(place, str) else f"value {place + 1}"
        rows = isinstance(value, list) and isinstance(place, str)
        path = f"rows: {place}" if rows else "columns: <JMESPath of flat values>"
        remedy = f"under the monitor's `json_payloads` set `{side}_{path}`"
        if side == DATA_SET:
            remedy = "write the data set flat, a value per key"
        raise UnreadableError(f"{where} in the {side} is {kind}; {remedy}", "nested")
    if isinstance(value, float):
        # Python writes a missing number of pandas or NumPy as NaN.
        return None if math.isnan(value) else float.__repr__(value)
    return str(value)


def _search(path: str, value: Any, setting: str) -> Any:
    try:
        return _compiled(path).search(value)
    except jmespath.exceptions.JMESPathError as error:
        raise UnreadableError(f"{setting} {path!r} fails: {' '.join(str(error).split())}", "nested") from error


@cache
def _compiled(path: str) -> ParsedResult:
    return jmespath.compile(path)
