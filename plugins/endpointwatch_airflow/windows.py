"""Which window does this run process? The one place that answers, for every kind of run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context, Param
from croniter import croniter  # type: ignore[import-untyped]

from endpointwatch.config.window import Window
from endpointwatch.errors import WindowError
from endpointwatch_airflow.errors import NotRetriedError

START, END = "window_start", "window_end"


def window_params() -> dict[str, Param]:
    """The two fields of the trigger form. Both empty: the run's own window."""
    return {
        START: _moment("Start of the window (UTC, inclusive). Leave both empty to take the run's own window."),
        END: _moment("End of the window (UTC, exclusive)."),
    }


def resolve_window(context: Context | Mapping[str, Any], cron: str) -> Window:
    """The window of a run.

    1. What the form says (``window_start``, ``window_end``).
    2. The run's data interval: scheduled runs, backfills, manual runs with a logical date.
    3. Otherwise (manual runs without a date, runs started by an asset) the last window that was complete at the run's
       ``run_after``, by the schedule's cron in UTC.

    Never the clock: a run cleared next week has the window that it has today.

    Raises:
        NotRetriedError: The form gives half a window, an empty one, or times without a zone; or a backfill carries a
            form, which would make all its runs judge one window.
    """
    try:
        return _resolved(context, cron)
    except WindowError as error:
        raise NotRetriedError(str(error)) from error


def _resolved(context: Context | Mapping[str, Any], cron: str) -> Window:
    # Keys are absent, not None, when a run has no logical date.
    values: Mapping[str, Any] = context
    params, run = values.get("params") or {}, values["dag_run"]
    start, end = params.get(START), params.get(END)
    if start or end:
        if not (start and end):
            missing = END if start else START
            raise WindowError(f"The form gives half a window: {missing} is empty. Fill in both, or neither.")
        if str(getattr(run.run_type, "value", run.run_type)) == "backfill":
            raise WindowError(
                f"This backfill sets {START} and {END}, so every one of its runs would judge the same window. "
                "Leave them empty: each run has a window of its own."
            )
        return Window.of(_parsed(START, start), _parsed(END, end))
    start, end = values.get("data_interval_start"), values.get("data_interval_end")
    if start and end and start < end:
        return Window.of(start, end)
    return last_complete(cron, run.run_after)


def told_windows(windows: Sequence[Mapping[str, str]] | str) -> tuple[Window, ...]:
    """Windows that another task has handed on, as they are or as JSON."""
    told = json.loads(windows) if isinstance(windows, str) else windows
    return tuple(Window.model_validate(window) for window in told)


def last_complete(cron: str, moment: datetime) -> Window:
    """The last window that had ended at ``moment``, by the cron in UTC (a window ends where the next begins)."""
    moment = moment.astimezone(UTC)
    ticks = croniter(cron, moment)
    # croniter's "previous" is strictly before its start; a moment on a tick has just completed a window.
    end = moment if croniter.match(cron, moment) and not (moment.second or moment.microsecond) else None
    if end is None:
        end = ticks.get_prev(datetime)
    start = ticks.get_prev(datetime)
    return Window.of(start, end)


def _moment(description: str) -> Param:
    return Param(None, type=["null", "string"], format="date-time", description=description)


def _parsed(name: str, value: Any) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise WindowError(f"{name} is {value!r}, which is no time. Write it as 2026-03-01T14:00:00Z.") from error
    if moment.tzinfo is None:
        raise WindowError(f"{name} is {value!r}, without a time zone. Write it in UTC, as 2026-03-01T14:00:00Z.")
    return moment
