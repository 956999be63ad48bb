"""The sentences of ``constraint_violations.json``, word for word as AWS's analyzer writes them. Tools parse them."""

from __future__ import annotations

import math
from decimal import Decimal


def java_double(value: float) -> str:
    """A number as Java prints a double: ``95.65972222222221``, ``100.0``, ``5.09E-4``, ``4.9990334E7``."""
    text = repr(float(value))
    size = abs(value)
    if size == 0 or 1e-3 <= size < 1e7 or text in ("inf", "-inf", "nan"):  # noqa: PLR2004 (Java's limits)
        return text
    sign, digits, exponent = Decimal(text).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    power = int(exponent) + len(digits) - 1
    return f"{'-' if sign else ''}{shown[0]}.{shown[1:] or '0'}E{power}"


def percent(share: float) -> str:
    return f"{java_double(share * 100)}%"


def data_type(expected: str, threshold: float, share: float) -> str:
    return (
        f"Data type match requirement is not met. Expected data type: {expected}, "
        f"Expected match: {percent(threshold)}. Observed: Only {percent(share)} of data is {expected}."
    )


def completeness(expected: float, share: float) -> str:
    return f"Data completeness requirement is not met. Expected: {percent(expected)}. Observed: Only {percent(share)}."


def categorical_values(threshold: float, share: float) -> str:
    return (
        f"Categorical value match requirement is not met. Expected match: {percent(threshold)}. "
        f"Observed: {percent(share)} of the values match the known values."
    )


def non_negative(least: float) -> str:
    """Of a check that AWS's analyzer does not make; in the manner of its own."""
    return f"Non-negative requirement is not met. Expected: no value below 0. Observed: {java_double(least)}."


def baseline_drift(distance: float, threshold: float) -> str:
    return f"Baseline drift distance: {java_double(distance)} exceeds threshold: {java_double(threshold)}"


def columns(kind: str, current: int, baseline: int) -> str:
    return (
        f"There are {kind} columns in current dataset. Number of columns in current dataset: {current}, "
        f"Number of columns in baseline constraints: {baseline}"
    )


def bias_drift(value: float, baseline: float) -> str:
    """Clarify's own sentence; its numbers are Python's, but for the infinite ones."""
    now, then = ("Infinity" if n == math.inf else "-Infinity" if n == -math.inf else repr(n) for n in (value, baseline))
    return f"Metric value {now} doesn't meet the baseline constraint requirement {then}"
