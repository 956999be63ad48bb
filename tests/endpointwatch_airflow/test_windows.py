"""Every kind of run has one window, and it does not depend on the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from endpointwatch.config.window import Window
from endpointwatch_airflow.errors import NotRetriedError
from endpointwatch_airflow.windows import last_complete, resolve_window, window_params

HOURLY = "0 * * * *"


def at(hour: int, minute: int = 0, day: int = 1) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


LATER = at(15, 10)


def run(run_type: str = "manual", run_after: datetime = LATER, **context: Any) -> dict[str, Any]:
    return {"dag_run": SimpleNamespace(run_type=run_type, run_after=run_after), "params": {}, **context}


INTERVAL = {"data_interval_start": at(14), "data_interval_end": at(15)}
FORM = {"window_start": "2026-02-27T10:00:00Z", "window_end": "2026-02-27T12:30:00+00:00"}
NO_FORM = {"window_start": None, "window_end": None}


@pytest.mark.parametrize(
    ("context", "cron", "start", "end"),
    [
        pytest.param(run("scheduled", at(15), **INTERVAL), HOURLY, at(14), at(15), id="scheduled"),
        pytest.param(run("backfill", at(15), **INTERVAL), HOURLY, at(14), at(15), id="backfill"),
        pytest.param(run("manual", at(22), **INTERVAL), HOURLY, at(14), at(15), id="manual with a logical date"),
        pytest.param(run("manual"), HOURLY, at(14), at(15), id="manual without a date: keys are absent"),
        pytest.param(run("manual", at(15)), HOURLY, at(14), at(15), id="manual on the tick"),
        pytest.param(run("manual", at(14, 59)), HOURLY, at(13), at(14), id="manual just before the tick"),
        pytest.param(run("asset_triggered"), HOURLY, at(14), at(15), id="started by an asset"),
        pytest.param(
            run("asset_triggered", data_interval_start=at(15, 10), data_interval_end=at(15, 10)),
            HOURLY, at(14), at(15), id="an interval of no length is none",
        ),
        pytest.param(
            run("manual", data_interval_start=None, data_interval_end=None), HOURLY, at(14), at(15), id="null interval"
        ),
        pytest.param(
            run("manual", at(15, 10, day=3)), "0 0 * * *", at(0, day=2), at(0, day=3), id="daily, without a date"
        ),
        pytest.param(
            run("manual", params=FORM, **INTERVAL), HOURLY,
            datetime(2026, 2, 27, 10, tzinfo=UTC), datetime(2026, 2, 27, 12, 30, tzinfo=UTC), id="the form wins",
        ),
        pytest.param(run("manual", params=NO_FORM, **INTERVAL), HOURLY, at(14), at(15), id="an empty form is none"),
    ],
)  # fmt: skip
def test_a_run_has_the_window(context, cron, start, end):
    assert resolve_window(context, cron) == Window.of(start, end)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"window_start": "2026-03-01T14:00:00Z"}, "window_end is empty"),
        ({"window_end": "2026-03-01T14:00:00Z"}, "window_start is empty"),
        ({"window_start": "2026-03-01T14:00:00", "window_end": "2026-03-01T15:00:00Z"}, "without a time zone"),
        ({"window_start": "yesterday", "window_end": "2026-03-01T15:00:00Z"}, "'yesterday', which is no time"),
        ({"window_start": "2026-03-01T15:00:00Z", "window_end": "2026-03-01T15:00:00Z"}, "not after its start"),
    ],
)
def test_a_form_that_cannot_be_a_window_fails_at_once_and_says_why(params, said):
    with pytest.raises(NotRetriedError, match=said):
        resolve_window(run(params=params), HOURLY)


def test_a_backfill_with_a_form_is_refused_as_all_its_runs_would_judge_one_window():
    with pytest.raises(NotRetriedError, match="every one of its runs"):
        resolve_window(run("backfill", params=FORM, **INTERVAL), HOURLY)


@given(
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    cron=st.sampled_from([HOURLY, "*/15 * * * *", "30 6 * * *", "0 0 * * 1", "5 */6 * * *"]),
)
def test_the_last_complete_window_ends_at_the_last_tick_and_holds_no_other(moment, cron):
    window = last_complete(cron, moment)
    following = croniter(cron, window.end).get_next(datetime)
    assert window.end <= moment < following
    assert croniter.match(cron, window.end)
    assert croniter(cron, window.start).get_next(datetime) == window.end


def test_two_runs_of_the_same_window_a_week_apart_resolve_alike():
    late = run("manual", at(15) + timedelta(days=7), **INTERVAL)
    assert resolve_window(late, HOURLY) == resolve_window(run("scheduled", at(15), **INTERVAL), HOURLY)


def test_the_form_is_empty_by_default_and_takes_times():
    for param in window_params().values():
        assert param.resolve() is None
        assert param.resolve("2026-03-01T14:00:00Z") == "2026-03-01T14:00:00Z"
        with pytest.raises(ParamValidationError):
            param.resolve(14)
