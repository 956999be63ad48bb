"""Texts of captured rows to what a model takes, and a model's answer to numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endpointwatch.capture.documents import UnreadableError, document_rows
from endpointwatch.capture.payloads import parse
from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.errors import ModelError

Matrix = NDArray[np.float64]
_MISSING = frozenset({"", "nan", "null", "na", "none"})


def number(text: str | None) -> float | None:
    """The text's number, NaN where it says that there is none; None for any other text."""
    if text is None or text.strip().lower() in _MISSING:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        return None


def numbers(rows: NDArray[Any], features: Sequence[str]) -> Matrix:
    """Rows of texts as numbers, missing ones NaN; both shapes ``(rows, features)``.

    Raises:
        ModelError: A feature has a value that is no number.
    """
    found = np.empty(rows.shape, np.float64)
    for place, name in enumerate(features):
        for row, text in enumerate(rows[:, place]):
            value = number(text)
            if value is None:
                raise ModelError(
                    f"Feature {name!r} has the value {text!r}, but an estimator without an inference.py takes numbers "
                    "only. Add inference.py to the artefact, or set `model: {source: endpoint}`."
                )
            found[row, place] = value
    return found


def csv_body(rows: NDArray[Any]) -> str:
    """Rows of texts as the body of a CSV request, without a header; a missing value is an empty cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["" if cell is None else cell for cell in row] for row in rows])
    return out.getvalue()


def outputs(answer: Any, rows: int, selection: JsonPayloads) -> Matrix:
    """The numbers of a model's answer to so many rows, shape ``(rows, outputs)``.

    Args:
        answer: CSV or JSON as text or bytes, alone or first of a pair with its content type; or an array.
        rows: How many were asked for.
        selection: Where the answers stand in JSON.

    Raises:
        ModelError: It is something else, or not one row of numbers for each row asked for.
    """
    body = answer[0] if isinstance(answer, tuple) and answer and isinstance(answer[0], (str, bytes)) else answer
    body = body.decode("utf-8-sig", "replace") if isinstance(body, bytes) else body
    try:
        told = np.asarray(_parsed(body, selection) if isinstance(body, str) else body, np.float64)
    except (UnreadableError, csv.Error, ValueError, TypeError) as error:
        raise ModelError(
            f"The model answered {str(body)[:80]!r}, in which no numbers are found ({error}). For JSON say under "
            "`json_payloads` where they stand."
        ) from error
    if told.ndim == 1 and len(told) == rows:
        told = told[:, None]
    elif told.shape == (1, rows) and rows > 1:
        # Some containers answer many rows with one line of as many numbers.
        told = told.T
    if told.ndim != 2 or len(told) != rows or not told.shape[1]:  # noqa: PLR2004 (rows and outputs)
        raise ModelError(f"The model was asked for {rows} rows and answered with an array of shape {told.shape}.")
    if not np.isfinite(told).all():
        raise ModelError("The model answered with a value that is not finite; such an output cannot be explained.")
    return told


def _parsed(body: str, selection: JsonPayloads) -> list[list[float]]:
    if body.lstrip().startswith(("{", "[")):
        return [[float(cell or "nan") for cell in row.cells] for row in document_rows(body, "output", selection)]
    return [[float(cell) for cell in row] for row in parse(body)]
